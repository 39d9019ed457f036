"""Losses that trust a noisy label less: each against a second formulation, its limits, and numbers that break code."""

import math

import numpy as np
import pytest
import torch
from small_logits import B, K, gradient, labels, some_logits
from torch import Tensor
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from lnlkit import losses


def one_hot() -> Tensor:
    return torch.eye(K, dtype=torch.float64)[labels()]


def softmax(row: np.ndarray) -> np.ndarray:
    e = np.exp(row - row.max())
    return e / e.sum()


OTHERS = some_logits(seed=2).detach()
TAKES_LOGITS = {
    "hard": lambda z: losses.bootstrap_classification(z, labels(), 0.8),
    "soft": lambda z: losses.bootstrap_classification(z, labels(), 0.95, hard=False),
    "sl": lambda z: losses.symmetric_cross_entropy(z, labels()),
    "imae": lambda z: losses.imae(z, labels()),
    "entropy": losses.entropy,
    "prior_kl": losses.prior_kl,
    "label_kl": lambda z: losses.label_kl(z, OTHERS),
    "label_kl of labels": lambda z: losses.label_kl(OTHERS, z),
}
every_loss = pytest.mark.parametrize("name", TAKES_LOGITS)


# ---- a second formulation: one example at a time, from the formula ----


def slow_hard(z, y):
    p = softmax(z)
    return -0.8 * math.log(p[y]) - 0.2 * math.log(max(p))


def slow_soft(z, y):
    p = softmax(z)
    return -sum((0.95 * (k == y) + 0.05 * p[k]) * math.log(p[k]) for k in range(K))


def slow_sl(z, y):
    """Both cross-entropies as sums, the label clipped at 1e-4 as in the authors' code."""
    p = softmax(z)
    reverse = -sum(p[k] * math.log(1.0 if k == y else 1e-4) for k in range(K))
    return -0.1 * math.log(p[y]) + reverse


@pytest.mark.parametrize("name, slow", [("hard", slow_hard), ("soft", slow_soft), ("sl", slow_sl)])
def test_equals_the_formula_one_example_at_a_time(name, slow):
    z = some_logits()
    expected = [slow(row, y) for row, y in zip(z.detach().numpy(), labels().tolist(), strict=True)]
    assert_close(TAKES_LOGITS[name](z), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("name", [name for name in TAKES_LOGITS if name != "imae"])  # its weight has no gradient
def test_gradient_equals_finite_differences(name):
    assert torch.autograd.gradcheck(TAKES_LOGITS[name], (some_logits(),))


@every_loss
def test_extreme_logits_stay_finite(name):
    """+-10,000, the label's logit lowest, highest, or all on one class: value and gradient are finite in float32."""
    patterns = torch.zeros(3, B, K)
    patterns[0, torch.arange(B), labels()] = -2.0
    patterns[1, torch.arange(B), labels()] = 2.0
    patterns[2, :, 0] = 2.0
    for pattern in patterns:
        z = (1e4 * (pattern - 1)).requires_grad_()
        value = TAKES_LOGITS[name](z)
        assert value.isfinite().all() and gradient(value, z).isfinite().all()


@every_loss
def test_half_precision_logits_under_autocast_give_float32_values(name):
    z = some_logits(torch.bfloat16)
    exact = TAKES_LOGITS[name](z.detach().float())
    with torch.autocast("cpu", torch.bfloat16):
        value = TAKES_LOGITS[name](z)
    assert value.dtype in (torch.float32, torch.float64)  # OTHERS are float64
    assert_close(value.float(), exact.float())


# ---- bootstrapping ----


@pytest.mark.parametrize("hard", [True, False])
def test_bootstrapping_that_trusts_the_label_is_cross_entropy(hard):
    z = some_logits()
    value, ce = losses.bootstrap_classification(z, labels(), 1.0, hard), losses.cross_entropy(z, labels())
    assert_close(value, ce)
    assert_close(gradient(value, z), gradient(ce, z))


def test_a_label_that_is_the_prediction_leaves_hard_bootstrapping_at_cross_entropy():
    z = some_logits()
    own = z.argmax(1)
    assert_close(losses.bootstrap_classification(z, own, 0.3), losses.cross_entropy(z, own))


def test_the_gradient_flows_through_the_soft_target_and_not_through_the_hard_one():
    """Soft: beta (p - e_y) plus (1 - beta) times the gradient of the entropy. Hard: p minus the fixed targets."""
    z = some_logits()
    p, e = z.softmax(1), one_hot()
    soft, hard = (gradient(losses.bootstrap_classification(z, labels(), 0.7, hard), z) for hard in (False, True))
    assert_close(soft, 0.7 * (p - e) + 0.3 * gradient(Categorical(logits=z).entropy(), z))
    assert_close(hard, p - 0.7 * e - 0.3 * torch.eye(K, dtype=torch.float64)[p.argmax(1)])


@pytest.mark.parametrize("hard, beta, label_wins", [(True, 0.95, True), (True, 0.8, True), (True, 0.55, True),
                                                    (True, 0.45, False), (True, 0.2, False), (False, 0.95, True)])
def test_hard_bootstrapping_ends_at_the_label_above_a_half_and_between_below_it(hard, beta, label_wins):
    """One example whose logits are free, sure of another class at first, under gradient descent."""
    z, y = torch.tensor([[0.0, 4.0, 0.0]], dtype=torch.float64), torch.tensor([0])
    for _ in range(500):
        z = z.detach().requires_grad_()
        z = z - gradient(losses.bootstrap_classification(z, y, beta, hard), z)
    assert (z.argmax(1).item() == 0) == label_wins
    if not label_wins:
        assert_close(z.softmax(1)[0, :2], torch.tensor([beta, 1 - beta], dtype=torch.float64), atol=1e-2, rtol=0)


# ---- SL ----


def test_sl_lies_between_cross_entropy_and_the_l1_distance():
    z = some_logits()
    assert torch.equal(losses.symmetric_cross_entropy(z, labels(), alpha=1, beta=0),
                       losses.cross_entropy(z, labels()))  # fmt: skip
    reverse = losses.symmetric_cross_entropy(z, labels(), alpha=0, beta=2, log_zero=-1)
    assert_close(reverse, (z.softmax(1) - one_hot()).abs().sum(1))


def test_reverse_cross_entropy_summed_over_the_labels_does_not_depend_on_the_prediction():
    """Ghosh et al.'s condition for robustness to symmetric noise: it is -A (K - 1), as 1 - p_y sums to K - 1."""
    z = some_logits()
    every = [losses.symmetric_cross_entropy(z, torch.full((B,), k), alpha=0, log_zero=-4.0) for k in range(K)]
    assert_close(sum(every), torch.full((B,), 4.0 * (K - 1), dtype=torch.float64))


def test_sl_keeps_small_differences_in_float32():
    """1 - p_y is 4.1e-9 (two others at -20 - log 2): lost if it is taken from 1."""
    z = torch.tensor([[0.0, -20.0, -20.0]])
    value = losses.symmetric_cross_entropy(z, torch.tensor([0]), alpha=0, log_zero=-1e4)
    assert value.item() == pytest.approx(0.0, abs=1e-2)
    z = torch.tensor([[0.0, -10.0, -10.0]])
    value = losses.symmetric_cross_entropy(z, torch.tensor([0]), alpha=0, log_zero=-1.0)
    assert value.item() == pytest.approx(2 * math.exp(-10) / (1 + 2 * math.exp(-10)), rel=2e-3)


# ---- IMAE ----


def test_imae_is_the_gradient_of_cross_entropy_of_norm_one_times_its_weight():
    z = some_logits()
    p_y = z.softmax(1).gather(1, labels()[:, None])
    ce = gradient(losses.cross_entropy(z, labels()), z)
    expected = torch.exp(8 * p_y * (1 - p_y)) * ce / (ce.abs().sum(1, keepdim=True) + 1e-6)
    assert_close(gradient(losses.imae(z, labels()), z), expected.detach())
    assert_close(ce.abs().sum(1), 2 * (1 - p_y[:, 0]))  # what the authors divide by


def test_imae_stops_pulling_where_the_label_is_known_for_certain():
    """In float32, where 1 - p_y is below what 1 - p can hold: norm 2e-9 / 1e-6 at a margin of 20, 1 for one refused."""
    z = torch.tensor([[20.0, -1e4, 0.0], [0.0, -1e4, 20.0], [120.0, -1e4, 0.0]], requires_grad=True)
    norm = gradient(losses.imae(z, torch.tensor([0, 0, 0])), z).abs().sum(1)
    assert_close(norm, torch.tensor([2 * math.exp(-20) / 1e-6, 1.0, 0.0]), rtol=1e-2, atol=1e-9)


def test_imae_weighs_most_what_is_half_believed():
    p_y = torch.tensor([1e-6, 0.1, 0.5, 0.9, 1 - 1e-6], dtype=torch.float64)
    z = torch.stack([p_y.log(), (1 - p_y).log()], 1)
    weight = losses.imae_weight(z, torch.zeros(5, dtype=torch.int64), T=8.0)
    assert_close(weight, torch.exp(8 * p_y * (1 - p_y)))
    assert weight.argmax() == 2 and weight[2].item() == pytest.approx(math.exp(2))
    assert_close(losses.imae_weight(z, torch.zeros(5, dtype=torch.int64), T=0), torch.ones(5, dtype=torch.float64))


def test_imae_has_the_order_of_mae_and_another_spread():
    """The norm of MAE's gradient in the logits is 4 p_y (1 - p_y): the same examples come first."""
    z = some_logits()
    norm = gradient((z.softmax(1) - one_hot()).abs().sum(1), z).abs().sum(1)
    p_y = z.softmax(1).gather(1, labels()[:, None])[:, 0]
    assert_close(norm, 4 * p_y * (1 - p_y))
    weight = losses.imae_weight(z, labels())
    assert torch.equal(weight.argsort(), norm.argsort()) and weight.min() >= 1 and not weight.requires_grad


# ---- what label correction adds ----


def test_entropy_equals_torch_distributions():
    z = some_logits()
    assert_close(losses.entropy(z), Categorical(logits=z).entropy())
    assert_close(losses.entropy(torch.zeros(2, K)), torch.full((2,), math.log(K)))


def test_prior_kl_equals_torch_distributions_on_the_mean_prediction():
    z, prior = some_logits(), torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    mean = Categorical(probs=z.softmax(1).mean(0))
    assert_close(losses.prior_kl(z, prior), kl_divergence(Categorical(probs=prior), mean))
    assert_close(losses.prior_kl(z), kl_divergence(Categorical(probs=torch.full((K,), 1 / K).double()), mean))


def test_prior_kl_sees_the_batch_and_not_the_examples():
    """Every class equally often is 0, however sure each prediction; all on one class is not."""
    sure = 50.0 * one_hot()
    assert losses.prior_kl(sure).item() == pytest.approx(0, abs=1e-12)
    assert losses.prior_kl(sure[:1].expand(B, K)).item() > 10
    never = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64)  # 0 log 0 is 0
    assert losses.prior_kl(sure[:1].expand(B, K), never).item() == pytest.approx(0, abs=1e-12)


def test_label_kl_equals_torch_distributions_the_prediction_first():
    z = some_logits()
    expected = kl_divergence(Categorical(logits=z), Categorical(logits=OTHERS))
    assert_close(losses.label_kl(z, OTHERS), expected)
    assert (losses.label_kl(OTHERS, z) - expected).abs().max() > 0.1
    assert_close(losses.label_kl(z, z), torch.zeros(B, dtype=torch.float64))


def test_label_kl_is_cross_entropy_minus_entropy():
    z = some_logits()
    assert_close(losses.label_kl(z, OTHERS), losses.soft_cross_entropy(OTHERS, z.softmax(1)) - losses.entropy(z))


def test_wrong_arguments_are_named():
    z = some_logits()
    with pytest.raises(ValueError, match=r"`prior` must be \(K,\)"):
        losses.prior_kl(z, torch.full((5,), 0.2))
    with pytest.raises(ValueError, match="`prior` must have rows that sum to 1"):
        losses.prior_kl(z, torch.ones(K))
    with pytest.raises(ValueError, match="`log_zero` must be a number in"):
        losses.symmetric_cross_entropy(z, labels(), log_zero=4.0)
    with pytest.raises(ValueError, match=r"`logits` must be \(B, K\) and `y` \(B,\)"):
        losses.imae(z, one_hot())
