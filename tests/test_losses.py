"""Each loss against a slow NumPy loop in float64, its limits, its gradients, and numbers that break naive code."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lnlkit import losses

B, K = 12, 4


def logits_and_labels(n_outputs: int = K, dtype=torch.float64, scale: float = 2.0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    logits = scale * torch.randn(B, n_outputs, generator=g, dtype=torch.float64)
    return logits.to(dtype).requires_grad_(), torch.arange(B) % K


def transition_matrix() -> np.ndarray:
    """Asymmetric on purpose: a transposed T must give another number."""
    T = np.array([[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0.2, 0.5, 0.1], [0, 0, 0.4, 0.6]])
    assert not np.allclose(T, T.T)
    return T


def softmax(row: np.ndarray) -> np.ndarray:
    e = np.exp(row - row.max())
    return e / e.sum()


def soft_targets() -> Tensor:
    return torch.rand(B, K, generator=torch.Generator().manual_seed(2), dtype=torch.float64).softmax(1)


# ---- a second formulation: one example at a time, from the formula ----


def slow_cross_entropy(z, y):
    return -math.log(softmax(z)[y])


def slow_gce(z, y):
    return (1 - softmax(z)[y] ** 0.7) / 0.7


def slow_forward(z, y):
    p, T = softmax(z), transition_matrix()
    return -math.log(sum(p[i] * T[i, y] for i in range(K)))


def slow_dac(z, y):
    p = softmax(z)  # (K + 1,)
    among_classes = p[:K] / p[:K].sum()
    return (1 - p[K]) * -math.log(among_classes[y]) - 0.3 * math.log(1 - p[K])


PER_EXAMPLE = {  # name: (loss, slow formulation, outputs)
    "cross_entropy": (losses.cross_entropy, slow_cross_entropy, K),
    "gce": (losses.gce, slow_gce, K),
    "forward": (lambda z, y: losses.forward(z, y, torch.from_numpy(transition_matrix())), slow_forward, K),
    "dac": (lambda z, y: losses.dac(z, y, 0.3), slow_dac, K + 1),
}
BATCHED = {  # everything that takes logits, for the numerical tests
    **{name: (loss, n) for name, (loss, _, n) in PER_EXAMPLE.items()},
    "soft_cross_entropy": (lambda z, y: losses.soft_cross_entropy(z, soft_targets()), K),
    "dmi": (losses.dmi, K),
    "reconstruction": (lambda z, y: losses.reconstruction(z, soft_targets()), K),
}


@pytest.mark.parametrize("name", PER_EXAMPLE)
def test_equals_the_formula_one_example_at_a_time(name):
    loss, slow, n_outputs = PER_EXAMPLE[name]
    logits, y = logits_and_labels(n_outputs)
    expected = [slow(z, label) for z, label in zip(logits.detach().numpy(), y.tolist(), strict=True)]
    assert_close(loss(logits, y), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("name", BATCHED)
def test_gradient_equals_finite_differences(name):
    loss, n_outputs = BATCHED[name]
    logits, y = logits_and_labels(n_outputs)
    assert torch.autograd.gradcheck(lambda z: loss(z, y), (logits,))


@pytest.mark.parametrize("name", BATCHED)
def test_extreme_logits_stay_finite(name):
    """+-10,000 in every pattern, the label's logit lowest included: value and gradient are finite in float32."""
    loss, n_outputs = BATCHED[name]
    y = torch.arange(B) % K
    patterns = torch.zeros(4, B, n_outputs)
    patterns[0, torch.arange(B), y] = -2.0  # right class far below the others
    patterns[1, torch.arange(B), y] = 2.0  # and far above
    patterns[2, :, 0] = 2.0  # all on the first class: a joint matrix of rank 1
    patterns[3, :, -1] = 2.0  # all on the last one, which for DAC is the abstention
    for pattern in patterns:
        logits = (1e4 * (pattern - 1)).requires_grad_()
        value = loss(logits, y)
        value.sum().backward()
        assert value.isfinite().all() and logits.grad.isfinite().all()


@pytest.mark.parametrize("name", BATCHED)
def test_half_precision_logits_under_autocast_give_float32_values(name):
    loss, n_outputs = BATCHED[name]
    logits, y = logits_and_labels(n_outputs, torch.bfloat16)
    exact = loss(logits.detach().float(), y)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(logits, y)
    assert value.dtype == torch.float32
    assert_close(value, exact.float())  # computed in float32 too: bfloat16 has two digits


def test_autocast_does_not_round_float32_logits():
    """Under autocast a matrix product rounds its operands: forward and dmi must not use one."""
    logits, y = logits_and_labels(dtype=torch.float32)
    for name in ("forward", "dmi"):
        loss, _ = BATCHED[name]
        exact = loss(logits, y)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(loss(logits, y), exact)


# ---- limits ----


def test_soft_cross_entropy_of_one_hot_targets_is_cross_entropy():
    logits, y = logits_and_labels()
    one_hot = torch.eye(K, dtype=torch.float64)[y]
    assert_close(losses.soft_cross_entropy(logits, one_hot), losses.cross_entropy(logits, y))


def test_soft_cross_entropy_is_entropy_plus_kl():
    logits, _ = logits_and_labels()
    given, model = (torch.distributions.Categorical(probs=p) for p in (soft_targets(), logits.softmax(1)))
    expected = given.entropy() + torch.distributions.kl_divergence(given, model)
    assert_close(losses.soft_cross_entropy(logits, soft_targets()), expected)


def test_gce_approaches_cross_entropy_as_q_vanishes():
    """The gap is q (log p)^2 / 2 to first order; q = 0 is the limit itself."""
    logits, y = logits_and_labels()
    ce = losses.cross_entropy(logits, y)
    assert_close(ce - losses.gce(logits, y, q=1e-6), 1e-6 * ce.square() / 2, rtol=1e-4, atol=0)
    assert_close(losses.gce(logits.float(), y, q=1e-7), ce.float(), rtol=1e-5, atol=0)  # no cancellation in float32
    assert torch.equal(losses.gce(logits, y, q=0), ce)


def test_gce_at_one_is_half_the_l1_distance():
    logits, y = logits_and_labels()
    one_hot = torch.eye(K, dtype=torch.float64)[y]
    assert_close(losses.gce(logits, y, q=1), (logits.softmax(1) - one_hot).abs().sum(1) / 2)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_forward_without_noise_is_cross_entropy_bit_for_bit(scale):
    """Values and gradients, also where the probability of the label underflows."""
    logits, y = logits_and_labels(dtype=torch.float32, scale=scale)
    ce, corrected = losses.cross_entropy(logits, y), losses.forward(logits, y, torch.eye(K))
    assert torch.equal(corrected, ce)
    g_ce, g_corrected = (torch.autograd.grad(v.mean(), logits)[0] for v in (ce, corrected))
    assert torch.equal(g_corrected, g_ce)


def test_forward_is_the_cross_entropy_of_the_noisy_posterior():
    """Averaged over noisy labels drawn from p T, its least value is the entropy of p T, reached at the true p."""
    logits, _ = logits_and_labels()
    T = torch.from_numpy(transition_matrix())
    noisy = logits.softmax(1) @ T  # (B, K)
    every_label = torch.stack([losses.forward(logits, torch.full((B,), j), T) for j in range(K)], 1)
    assert_close((noisy * every_label).sum(1), torch.distributions.Categorical(probs=noisy).entropy())


def test_dac_that_never_abstains_is_cross_entropy():
    logits, y = logits_and_labels()
    never = torch.cat([logits, torch.full((B, 1), -1e4, dtype=torch.float64)], 1)
    assert_close(losses.dac(never, y, alpha=0.5), losses.cross_entropy(logits, y))


def test_dac_that_always_abstains_pays_only_alpha():
    """Each unit of the abstention logit then costs alpha: no clamp flattens the way back."""
    logits = torch.zeros(B, K + 1)
    logits[:, K] = 500.0  # p_a is exactly 1 in float32
    logits.requires_grad_()
    value = losses.dac(logits, torch.arange(B) % K, alpha=0.5)
    assert_close(value, torch.full((B,), 0.5 * (500 - math.log(K))))
    assert_close(torch.autograd.grad(value.sum(), logits)[0][:, K], torch.full((B,), 0.5))


# ---- DMI, a loss of the batch ----


def slow_dmi(logits, y):
    joint = np.zeros((K, K))
    for z, label in zip(logits, y, strict=True):
        joint[label] += softmax(z)
    return -math.log(abs(np.linalg.det(joint)) + 0.001)


def test_dmi_equals_the_formula():
    logits, y = logits_and_labels()
    assert losses.dmi(logits, y).item() == pytest.approx(slow_dmi(logits.detach().numpy(), y.numpy()), rel=1e-10)


def test_dmi_does_not_see_a_renumbering_of_the_classes():
    logits, y = logits_and_labels()
    for permutation in (torch.tensor([1, 0, 2, 3]), torch.tensor([2, 3, 1, 0])):
        assert_close(losses.dmi(logits[:, permutation], y), losses.dmi(logits, y))
        assert_close(losses.dmi(logits, permutation[y]), losses.dmi(logits, y))


def test_dmi_of_perfect_predictions_is_the_product_of_the_class_counts():
    y = torch.arange(B) % K
    perfect = 1e3 * torch.eye(K)[y]
    assert losses.dmi(perfect, y).item() == pytest.approx(-math.log((B / K) ** K + 0.001))


def test_dmi_without_one_class_is_the_constant_with_zero_gradient():
    logits, y = logits_and_labels(dtype=torch.float32)
    value = losses.dmi(logits, y.clamp_max(K - 2))
    value.backward()
    assert value.item() == pytest.approx(-math.log(0.001))
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_dmi_of_a_nearly_singular_joint_matrix_has_a_finite_gradient():
    """U = [[1, 4e-40], [1, 1e-40]]: the determinant is above 0, but the inverse is beyond float32."""
    logits = torch.tensor([[90.5, 0.0], [92.0, 0.0]], requires_grad=True)
    value = losses.dmi(logits, torch.tensor([0, 1]))
    value.backward()
    assert value.item() == pytest.approx(-math.log(0.001))
    assert logits.grad.isfinite().all()


def test_dmi_of_a_large_batch_does_not_overflow():
    """det U = 50^100 is beyond float32, its logarithm is not."""
    y = torch.arange(5000) % 100
    assert losses.dmi(1e3 * torch.eye(100)[y], y).item() == pytest.approx(-100 * math.log(50), rel=1e-5)


# ---- the two terms of the CVAE ----


def test_reconstruction_is_the_bernoulli_log_likelihood():
    """Binary and grey pixels: torch's own likelihood is linear in the pixel as well."""
    g = torch.Generator().manual_seed(3)
    logits = torch.randn(B, 1, 5, 6, generator=g, dtype=torch.float64, requires_grad=True)
    grey = torch.rand(B, 1, 5, 6, generator=g, dtype=torch.float64)
    model = torch.distributions.Bernoulli(logits=logits, validate_args=False)
    for x in (grey, grey.round()):
        value, expected = losses.reconstruction(logits, x), -model.log_prob(x).sum((1, 2, 3))
        assert value.shape == (B,)
        assert_close(value, expected)
        g_value, g_expected = (torch.autograd.grad(v.sum(), logits, retain_graph=True)[0] for v in (value, expected))
        assert_close(g_value, g_expected)


def test_reconstruction_is_least_at_the_pixels_own_value():
    x = torch.tensor([[0.1, 0.5, 0.8]], dtype=torch.float64)
    logits = torch.logit(x).requires_grad_()
    losses.reconstruction(logits, x).sum().backward()
    assert_close(logits.grad, torch.zeros_like(logits))


def test_gaussian_kl_equals_torch_distributions():
    g = torch.Generator().manual_seed(4)
    mu, log_var = (torch.randn(B, 7, generator=g, dtype=torch.float64, requires_grad=True) for _ in range(2))
    code = torch.distributions.Normal(mu, torch.exp(log_var / 2))  # scale is sigma: a variance here would show
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    value, expected = losses.gaussian_kl(mu, log_var), torch.distributions.kl_divergence(code, prior).sum(1)
    assert_close(value, expected)
    for got, wanted in zip(*(torch.autograd.grad(v.sum(), (mu, log_var)) for v in (value, expected)), strict=True):
        assert_close(got, wanted)


def test_gaussian_kl_is_zero_at_the_prior_and_keeps_small_differences():
    zero = torch.zeros(1, 3)
    assert losses.gaussian_kl(zero, zero).item() == 0
    small = torch.full((1, 1), 1e-4)  # log_var^2 / 4 to second order, lost if exp(log_var) - 1 is rounded first
    assert losses.gaussian_kl(torch.zeros(1, 1), small).item() == pytest.approx(2.5e-9, rel=1e-2)


# ---- arguments ----


def test_wrong_arguments_are_named():
    logits, y = logits_and_labels()
    with pytest.raises(ValueError, match=r"`logits` must be \(B, K\) and `y` \(B,\).*one-hot"):
        losses.cross_entropy(logits, torch.eye(K)[y])
    with pytest.raises(ValueError, match=r"`logits` and `targets` must have the same shape.*\(4,\)"):
        losses.soft_cross_entropy(logits, soft_targets()[0])
    with pytest.raises(ValueError, match=r"`T` must have shape \(4, 4\)"):
        losses.forward(logits, y, torch.eye(5))
    with pytest.raises(ValueError, match="`q` must be"):
        losses.gce(logits, y, q=7)
    with pytest.raises(ValueError, match="Divide it by 255"):
        losses.reconstruction(torch.zeros(2, 4), torch.zeros(2, 4, dtype=torch.uint8))
