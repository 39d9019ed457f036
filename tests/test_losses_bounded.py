"""Bounded losses: each against a second formulation, its limits and bounds, and numbers that break code."""

import math

import numpy as np
import pytest
import torch
from small_logits import B, K, gradient, labels, some_logits
from torch import Tensor
from torch.testing import assert_close

from lnlkit import losses


def over_all_labels(loss, z: Tensor) -> Tensor:
    """The loss of each example, summed over every label that it could have."""
    return sum(loss(z, torch.full((len(z),), k)) for k in range(z.shape[1]))


def softmax(row: np.ndarray) -> np.ndarray:
    e = np.exp(row - row.max())
    return e / e.sum()


TAKES_LOGITS = {
    "nce": losses.normalised_cross_entropy,
    "apl": losses.active_passive,
    "pce": losses.partially_huberised,
    "aul": losses.asymmetric_unhinged,
    "celc": losses.clipped_cross_entropy,
}
every_loss = pytest.mark.parametrize("name", TAKES_LOGITS)


# ---- a second formulation: one example at a time, from the formula ----


def slow_nce(z, y):
    p = softmax(z)
    return math.log(p[y]) / sum(math.log(p[k]) for k in range(K))


def slow_apl(z, y):
    """RCE as the cross-entropy of a label clipped at 1e-4 under the prediction, as in the authors' code."""
    p = softmax(z)
    return slow_nce(z, y) - sum(p[k] * math.log(1.0 if k == y else 1e-4) for k in range(K))


def slow_pce(z, y):
    p = softmax(z)[y]
    return -math.log(p) if p > 1 / 2 else -2 * p + math.log(2) + 1


def slow_aul(z, y):
    return ((5.5 - softmax(z)[y]) ** 3 - 4.5**3) / 3


def slow_celc(z, y):
    norm, tau = math.sqrt(sum(value**2 for value in z)), 1 / 1.5
    return -math.log(softmax(tau * z / norm if norm > tau else z)[y])


SLOW = {"nce": slow_nce, "apl": slow_apl, "pce": slow_pce, "aul": slow_aul, "celc": slow_celc}


@pytest.mark.parametrize("scale", [0.2, 2.0])  # logits inside and outside of what is clipped
@every_loss
def test_equals_the_formula_one_example_at_a_time(name, scale):
    z = some_logits(scale=scale)
    expected = [SLOW[name](row, y) for row, y in zip(z.detach().numpy(), labels().tolist(), strict=True)]
    assert_close(TAKES_LOGITS[name](z, labels()), torch.tensor(expected, dtype=torch.float64))


@every_loss
def test_gradient_equals_finite_differences(name):
    for scale in (0.2, 2.0):
        assert torch.autograd.gradcheck(lambda z: TAKES_LOGITS[name](z, labels()), (some_logits(scale=scale),))


@every_loss
def test_extreme_logits_stay_finite(name):
    """+-10,000, the label's logit lowest, highest, or all on one class, and all 0: value and gradient in float32."""
    patterns = torch.zeros(4, B, K)
    patterns[0, torch.arange(B), labels()] = -2.0
    patterns[1, torch.arange(B), labels()] = 2.0
    patterns[2, :, 0] = 2.0
    patterns[3] = 1.0
    for pattern in patterns:
        z = (1e4 * (pattern - 1)).requires_grad_()
        value = TAKES_LOGITS[name](z, labels())
        assert value.isfinite().all() and gradient(value, z).isfinite().all()


@every_loss
def test_half_precision_logits_under_autocast_give_float32_values(name):
    z = some_logits(torch.bfloat16)
    exact = TAKES_LOGITS[name](z.detach().float(), labels())
    with torch.autocast("cpu", torch.bfloat16):
        value = TAKES_LOGITS[name](z, labels())
    assert value.dtype == torch.float32
    assert_close(value, exact)


# ---- active passive loss ----


def test_nce_and_the_pair_summed_over_the_labels_do_not_depend_on_the_prediction():
    """Ghosh et al.'s condition for robustness to symmetric noise: 1 for NCE, -A (K - 1) for RCE."""
    z, ones = some_logits(), torch.ones(B, dtype=torch.float64)
    assert_close(over_all_labels(losses.normalised_cross_entropy, z), ones)
    pair = over_all_labels(lambda z, y: losses.active_passive(z, y, 3.0, 0.5, log_zero=-4.0), z)
    assert_close(pair, (3 + 0.5 * 4 * (K - 1)) * ones)
    assert over_all_labels(losses.cross_entropy, z).std() > 1


def test_apl_with_one_part_is_that_part():
    z, y = some_logits(), labels()
    assert torch.equal(losses.active_passive(z, y, 1, 0), losses.normalised_cross_entropy(z, y))
    assert torch.equal(losses.active_passive(z, y, 0, 2), losses.symmetric_cross_entropy(z, y, 0, 2))


def test_nce_of_two_classes_is_the_share_of_the_other_ones_logit():
    """softplus(-m) / (softplus(m) + softplus(-m)) of the margin m; it falls as the margin grows."""
    m = torch.linspace(-30, 30, 7, dtype=torch.float64)
    z = torch.stack([m, torch.zeros_like(m)], 1)
    s = torch.nn.functional.softplus
    value = losses.normalised_cross_entropy(z, torch.zeros(7, dtype=torch.int64))
    assert_close(value, s(-m) / (s(m) + s(-m)))
    assert (value.diff() < 0).all() and value.min() > 0 and value.max() < 1


# ---- partially Huberised cross-entropy ----


def test_pce_lies_between_the_unhinged_loss_and_cross_entropy():
    z, y = some_logits(), labels()
    assert_close(losses.partially_huberised(z, y, tau=1), losses.gce(z, y, q=1))
    assert torch.equal(losses.partially_huberised(z, y, tau=1e6), losses.cross_entropy(z, y))


@pytest.mark.parametrize("tau", [1.5, 2.0, 10.0])
def test_pce_is_the_lower_envelope_smooth_at_its_joint_and_bounded(tau):
    """Its slope in p_y is min(1 / p_y, tau) and its value at most log tau + 1, at p_y = 0."""
    p = torch.linspace(1e-9, 1 - 1e-9, 400, dtype=torch.float64).requires_grad_()
    z = torch.stack([p.log(), (1 - p).log()], 1)
    value = losses.partially_huberised(z, torch.zeros(400, dtype=torch.int64), tau)
    assert_close(gradient(value, p), -(1 / p).clamp(max=tau).detach(), rtol=1e-6, atol=1e-6)
    assert value.max().item() == pytest.approx(math.log(tau) + 1, abs=1e-6)
    assert (value <= -p.log() + 1e-12).all()  # a tangent of a convex function lies below it


# ---- asymmetric unhinged loss ----


def test_aul_at_q_one_is_the_unhinged_loss_and_is_0_at_the_label():
    z, y = some_logits(), labels()
    assert_close(losses.asymmetric_unhinged(z, y, a=3, q=1), losses.gce(z, y, q=1))
    sure = 1e3 * torch.eye(K)[y]
    assert torch.equal(losses.asymmetric_unhinged(sure, y), torch.zeros(B))


@pytest.mark.parametrize("a, q", [(5.5, 3.0), (3.0, 0.1)])
def test_the_slope_of_aul_in_p_y_is_a_power(a, q):
    p = torch.linspace(0.01, 0.99, 99, dtype=torch.float64).requires_grad_()
    z = torch.stack([p.log(), (1 - p).log()], 1)
    slope = gradient(losses.asymmetric_unhinged(z, torch.zeros(99, dtype=torch.int64), a, q), p)
    assert_close(slope, -((a - p.detach()) ** (q - 1)))


def test_aul_of_a_large_a_is_a_multiple_of_the_unhinged_loss_in_float32():
    """(a - 1)^(q - 1) (1 - p_y) up to 1 / a: powers of 10,000 taken from each other would lose it in float32."""
    z, y = some_logits(torch.float32), labels()
    assert_close(losses.asymmetric_unhinged(z, y, a=1e4, q=3) / 9999**2, losses.gce(z, y, q=1), rtol=2e-4, atol=1e-6)


# ---- clipped logits ----


def test_logits_shorter_than_tau_are_left_alone():
    z, y = some_logits(), labels()
    assert torch.equal(losses.clip_logits(z, 100.0), z)
    assert torch.equal(losses.clipped_cross_entropy(z, y, 100.0), losses.cross_entropy(z, y))


def test_clipped_logits_have_the_length_the_direction_and_the_order_of_classes():
    z = some_logits()
    norm = z.norm(dim=1)
    tau = norm.median().item()
    clipped = losses.clip_logits(z, tau)
    assert_close(clipped.norm(dim=1), norm.clamp(max=tau))
    assert_close(torch.nn.functional.cosine_similarity(clipped, z), torch.ones(B, dtype=torch.float64))
    assert torch.equal(clipped.argsort(1), z.argsort(1))


def test_celc_is_bounded_from_both_sides_and_its_gradient_does_not_lengthen_the_logits():
    z, tau = some_logits(scale=50.0), 1.2
    value = losses.clipped_cross_entropy(z, labels(), tau)
    d = math.sqrt(2) * tau
    assert value.min() > math.log(1 + (K - 1) * math.exp(-d)) and value.max() < math.log(1 + (K - 1) * math.exp(d))
    assert_close((gradient(value, z) * z).sum(1), torch.zeros(B, dtype=torch.float64), atol=1e-12, rtol=0)
    longer = (10 * z).detach().requires_grad_()
    tenth = gradient(losses.clipped_cross_entropy(longer, labels(), tau), longer)
    assert_close(tenth, gradient(losses.clipped_cross_entropy(z, labels(), tau), z) / 10)


def test_celc_costs_a_sure_network_what_its_method_says():
    """Ten classes, tau = 1 / 1.5: 1.70 for its own class, 2.40 for another."""
    z = 30 * torch.eye(10, dtype=torch.float64)[:1] - 3
    value = [losses.clipped_cross_entropy(z, torch.tensor([y])).item() for y in (0, 1)]
    assert value == pytest.approx([1.70, 2.40], abs=5e-3)


def test_wrong_arguments_are_named():
    z, y = some_logits(), labels()
    for call, says in [
        (lambda: losses.partially_huberised(z, y, tau=0.5), "`tau` must be a number in"),
        (lambda: losses.asymmetric_unhinged(z, y, a=1), "`a` must be above 1"),
        (lambda: losses.asymmetric_unhinged(z, y, q=0), "`q` must be a finite number above 0"),
        (lambda: losses.clipped_cross_entropy(z, y, tau=0), "`tau` must be a finite number above 0"),
        (lambda: losses.active_passive(z, y, beta=-1), "`beta` must be"),
        (lambda: losses.normalised_cross_entropy(z, torch.eye(K)[y]), r"`logits` must be \(B, K\) and `y` \(B,\)"),
    ]:
        with pytest.raises(ValueError, match=says):
            call()
