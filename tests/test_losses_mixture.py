"""The mixture losses of Paper 05 and Tukey's biweight: torch.distributions as the oracle, limits, hard numbers."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence
from torch.testing import assert_close

from lnlkit import losses

B, K, D = 12, 4, 3
C = 4.6851


def normal(*shape, seed: int = 1, scale: float = 2.0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=g, dtype=torch.float64)).requires_grad_()


def gradients(value: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(value.sum(), inputs, retain_graph=True)


def labels() -> Tensor:
    return torch.arange(B) % D


# ---- regression ----


def test_mixture_nll_is_that_of_torch_distributions_in_value_and_gradient():
    """Scale is a deviation there, a variance here: confusing the two would show."""
    y, raw, mu, log_var = normal(B, D), normal(B, K, seed=2), normal(B, K, D, seed=3), normal(B, K, D, seed=4)
    log_pi, var = raw.log_softmax(1), log_var.exp()
    value = losses.mixture_nll(y, log_pi, mu, var)
    components = Independent(Normal(mu, var.sqrt()), 1)
    expected = -MixtureSameFamily(Categorical(logits=log_pi), components).log_prob(y)
    assert value.shape == (B,) and value.dtype == torch.float64
    assert_close(value, expected)
    assert_close(gradients(value, y, raw, mu, log_var), gradients(expected, y, raw, mu, log_var))


def test_mixture_nll_with_the_same_component_everywhere_does_not_see_the_weights():
    """Then it is the Gaussian negative log likelihood, as torch has it."""
    y, mu, var = normal(B, D), normal(B, D, seed=2), normal(B, D, seed=3).exp()
    value = losses.mixture_nll(y, normal(B, K).log_softmax(1), *(a[:, None].expand(B, K, D) for a in (mu, var)))
    expected = torch.nn.functional.gaussian_nll_loss(mu, y, var, full=True, reduction="none").sum(1)
    assert_close(value, expected)


def test_mixture_nll_falls_when_the_fit_gets_better():
    """The sign: Eq. (7) as printed would be minimised by the worst fit."""
    y, log_pi, var = normal(B, D), torch.zeros(B, 1), torch.ones(B, 1, D)
    assert (losses.mixture_nll(y, log_pi, y[:, None], var) < losses.mixture_nll(y, log_pi, y[:, None] + 1, var)).all()


def test_rho_kl_is_the_divergence_of_two_categoricals():
    rho, raw = normal(B, K, scale=0.5), normal(B, K, seed=2)
    log_pi = raw.log_softmax(1)
    value = losses.rho_kl(rho, log_pi)
    expected = kl_divergence(Categorical(logits=rho), Categorical(logits=log_pi))
    assert value.shape == (B,)
    assert_close(value, expected)
    assert_close(gradients(value, rho, raw), gradients(expected, rho, raw))
    assert_close(losses.rho_kl(rho, rho.log_softmax(1)), torch.zeros(B, dtype=torch.float64))


def test_rho_kl_without_softmax_is_the_formula_of_the_authors_code():
    """sum rho (log rho - log pi), where 0 log 0 is 0; correlations below 0 have no logarithm."""
    rho, raw = normal(B, K).sigmoid(), normal(B, K, seed=2)
    log_pi = raw.log_softmax(1)
    value = losses.rho_kl(rho, log_pi, normalised=False)
    expected = (rho * (rho.log() - log_pi)).sum(1)
    assert_close(value, expected)
    assert_close(gradients(value, rho, raw), gradients(expected, rho, raw))
    zero = losses.rho_kl(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]]).log(), normalised=False)
    assert_close(zero, torch.tensor([2.0]).log())
    with pytest.raises(ValueError, match=r"`rho` must hold numbers in \[0, 1\], but got -0.5"):
        losses.rho_kl(torch.tensor([[1.0, -0.5]]), torch.tensor([[0.5, 0.5]]).log(), normalised=False)


# ---- classification ----


def test_weighted_scores_are_equation_4_and_its_minus_reverses_the_second_classifier():
    """At rho = -1 the printed minus makes every weight equally good; with the plus flipped labels want the second."""
    first, y, pi = normal(B), torch.tensor([1.0, -1.0]).repeat(B // 2).double(), normal(B, seed=2).sigmoid()
    second = normal(B, seed=3)
    for minus, sign in ((False, 1), (True, -1)):
        value = losses.weighted_scores(first, second, y, pi, minus)
        expected = [-((1 - p) * a + sign * p * b) * t for a, b, t, p in zip(first, second, y, pi, strict=True)]
        assert_close(value, torch.stack(expected))
    assert_close(losses.weighted_scores(first, -first, y, pi, minus=True), -first * y)  # whatever pi
    slope = gradients(losses.weighted_scores(y.abs(), -y.abs(), y, pi), pi)[0]
    assert_close(slope, 2 * y)  # of an image of class 1: smallest at pi = 0 for the right label, at 1 for the flipped
    with pytest.raises(ValueError, match="`pi` must hold numbers in"):
        losses.weighted_scores(first, second, y, 2 + pi)
    with pytest.raises(ValueError, match="Labels of Eq. .4. are -1 and 1"):
        losses.weighted_scores(first, second, 3 * y, pi)


def slow_choice(z: np.ndarray, y: int, pi: np.ndarray, lambda_reg: float) -> float:
    """Eq. (9) from the formula: one example, one component at a time."""
    total = 0.0
    for k in range(len(pi)):
        e = np.exp(z[k])
        total -= pi[k] * (e[y] / e.sum() - lambda_reg * np.log(e.sum()))
    return total


@pytest.mark.parametrize("lambda_reg", [0.0, 1e-2, 1.0])
def test_choice_is_equation_9(lambda_reg):
    logits, log_pi, y = normal(B, K, D), normal(B, K, seed=2).log_softmax(1), labels()
    value = losses.choice(logits, y, log_pi, lambda_reg)
    z, pi = logits.detach().numpy(), log_pi.detach().exp().numpy()
    assert value.shape == (B,)
    assert_close(value.tolist(), [slow_choice(z[i], int(y[i]), pi[i], lambda_reg) for i in range(B)])


def test_choice_of_one_component_is_the_loss_of_a_plain_head():
    """-p_y + lambda logsumexp, and with lambda = 0 half the L1 distance to the one-hot label, but for a constant."""
    logits, y = normal(B, D), labels()
    one_hot = torch.nn.functional.one_hot(y, D)
    no_weight = torch.zeros(B, 1, dtype=torch.float64)
    p = logits.softmax(1)
    p_y = (p * one_hot).sum(1)
    assert_close(losses.choice(logits[:, None], y, no_weight, 0.3), -p_y + 0.3 * logits.logsumexp(1))
    assert_close(losses.choice(logits[:, None], y, no_weight, 0.0) + 1, 0.5 * (p - one_hot).abs().sum(1))


def test_choice_gradient_without_regulariser_is_bounded_and_weighted():
    """-pi_k grad p_y = -pi_k p_y (1_y - p): at most 1/4 pi_k in size, and gone for a hopeless label; CE's is not."""
    logits, raw, y = normal(B, K, D, scale=6.0), normal(B, K, seed=2), labels()
    pi, p = raw.softmax(1), logits.softmax(2)
    one_hot = torch.nn.functional.one_hot(y, D)[:, None]
    p_y = (p * one_hot).sum(2, keepdim=True)
    (gradient,) = gradients(losses.choice(logits, y, raw.log_softmax(1), 0.0), logits)
    assert_close(gradient, -pi[:, :, None] * p_y * (one_hot - p))
    assert (gradient.abs() <= 0.25 * pi[:, :, None] + 1e-12).all()
    wrong = torch.tensor([[[20.0, -20.0]]], dtype=torch.float64, requires_grad=True)
    zero = torch.zeros(1, 1, dtype=torch.float64)
    assert gradients(losses.choice(wrong, torch.tensor([1]), zero, 0.0), wrong)[0].abs().max() < 1e-15
    assert gradients(losses.mixture_cross_entropy(wrong, torch.tensor([1]), zero), wrong)[0].abs().max() > 0.99


def test_mixture_cross_entropy_of_one_component_is_cross_entropy():
    logits, y = normal(B, D), labels()
    value = losses.mixture_cross_entropy(logits[:, None], y, torch.zeros(B, 1, dtype=torch.float64))
    expected = losses.cross_entropy(logits, y)
    assert_close(value, expected)
    assert_close(gradients(value, logits), gradients(expected, logits))


def test_mixture_cross_entropy_weighs_the_components():
    logits, log_pi, y = normal(B, K, D), normal(B, K, seed=2).log_softmax(1), labels()
    each = torch.stack([losses.cross_entropy(logits[:, k], y) for k in range(K)], 1)
    assert_close(losses.mixture_cross_entropy(logits, y, log_pi), (log_pi.exp() * each).sum(1))


# ---- Tukey's biweight ----


def test_tukey_is_half_the_square_near_zero_even_in_float32():
    """r^2 / 2 (1 - (r/c)^2 + ...): rounding 1 - (r/c)^2 in float32 would lose it."""
    r = torch.tensor([1e-4, -1e-3, 1e-2], requires_grad=True)
    value = losses.tukey(r)
    assert_close(value, r.detach() ** 2 / 2, rtol=1e-5, atol=0)
    assert_close(gradients(value, r)[0], r.detach(), rtol=1e-4, atol=0)
    assert losses.tukey(torch.zeros(1)).item() == 0


@pytest.mark.parametrize("c", [1.0, C])
def test_tukey_is_the_formula_and_constant_beyond_c(c):
    r = torch.linspace(-3 * c, 3 * c, 301, dtype=torch.float64).requires_grad_()
    value, x = losses.tukey(r, c), r.detach().numpy()
    inside = np.abs(x) <= c
    assert_close(value.detach().numpy(), np.where(inside, c**2 / 6 * (1 - (1 - (x / c) ** 2) ** 3), c**2 / 6))
    assert_close(gradients(value, r)[0].numpy(), np.where(inside, x * (1 - (x / c) ** 2) ** 2, 0.0))


@pytest.mark.parametrize("leak", [0.0, 0.1])
@pytest.mark.parametrize("sign", [-1, 1])
def test_tukey_is_continuous_at_c_and_leaks_with_its_slope_beyond(sign, leak):
    """The value always; the gradient without leak. With one it jumps to the leak, and stays there."""
    step = 1e-6
    r = sign * torch.tensor([C - step, C, C + step, C + 1, C + 1e3], dtype=torch.float64)
    r.requires_grad_()
    value = losses.tukey(r, C, leak)
    assert_close(value[:3], torch.full((3,), C**2 / 6, dtype=torch.float64), atol=2 * step, rtol=0)
    assert_close(value[3:] - C**2 / 6, leak * torch.tensor([1.0, 1e3], dtype=torch.float64))
    slope = sign * torch.tensor([0, leak, leak, leak], dtype=torch.float64)
    assert_close(gradients(value, r)[0][[0, 2, 3, 4]], slope, atol=1e-10, rtol=0)


# ---- numbers that break naive code ----


def finite(value: Tensor, *inputs: Tensor) -> bool:
    return all(a.isfinite().all() for a in (value, *gradients(value, *inputs)))


@pytest.mark.parametrize("var, distance, low", itertools.product([1e-10, 1.0, 1e10], [0.0, 1.0, 1e4], [-1.0, -1e4]))
def test_mixture_nll_is_finite_in_float32(var, distance, low):
    """One component far off or nearly without weight, the other as good as it gets, and both far off."""
    y = torch.zeros(2, D)
    log_pi = torch.tensor([[0.0, low], [low, 0.0]], requires_grad=True)
    mu = torch.full((2, 2, D), distance)
    mu[0, 0] = 0
    mu.requires_grad_()
    v = torch.full((2, 2, D), var, requires_grad=True)
    assert finite(losses.mixture_nll(y, log_pi, mu, v), log_pi, mu, v)


@pytest.mark.parametrize("loss", [losses.choice, losses.mixture_cross_entropy])
@pytest.mark.parametrize("size, low", itertools.product([0.0, 1.0, 1e4], [-1.0, -1e4]))
def test_component_losses_are_finite_in_float32(loss, size, low):
    logits = (size * torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]]).expand(2, 2, 2)).requires_grad_()
    log_pi = torch.tensor([[0.0, low], [low, 0.0]], requires_grad=True)
    assert finite(loss(logits, torch.tensor([0, 1]), log_pi), logits, log_pi)


@pytest.mark.parametrize("rho, low", itertools.product([-1.0, 0.0, 1.0, 1e4], [-1.0, -1e4]))
def test_rho_kl_is_finite_in_float32(rho, low):
    r = torch.tensor([[1.0, rho]], requires_grad=True)
    log_pi = torch.tensor([[0.0, low]]).log_softmax(1).requires_grad_()
    value = losses.rho_kl(r, log_pi)
    assert finite(value, r, log_pi) and value.min() > -1e-6


@pytest.mark.parametrize("leak", [0.0, 0.1])
def test_tukey_is_finite_in_float32(leak):
    r = torch.tensor([0.0, -0.0, 1e-30, -1e-10, C, -C, 1e10, -1e30], requires_grad=True)
    assert finite(losses.tukey(r, C, leak), r)


def test_half_precision_is_widened():
    """bfloat16 keeps 8 bits: the sums must not be taken in it."""
    half, y = (
        [a.detach().bfloat16() for a in (normal(B, K, D), normal(B, K, D, seed=2), normal(B, K, seed=3))],
        labels(),
    )
    logits, var, log_pi = half[0], half[1].exp(), half[2].log_softmax(1)
    for loss in (losses.choice(logits, y, log_pi), losses.mixture_cross_entropy(logits, y, log_pi),
                 losses.mixture_nll(logits[:, 0], log_pi, logits, var), losses.rho_kl(log_pi, log_pi),
                 losses.tukey(logits)):  # fmt: skip
        assert loss.dtype == torch.float32
    assert_close(losses.choice(logits, y, log_pi), losses.choice(logits.float(), y, log_pi.float()), rtol=0, atol=0)


# ---- arguments ----


def test_wrong_shapes_are_named():
    """A target (B,) with K = B components would be broadcast without a word."""
    mu, log_pi, y = torch.zeros(B, B, 1), torch.zeros(B, B), torch.zeros(B)
    with pytest.raises(ValueError, match=r"`y` must be \(B, D\) and `mu` \(B, K, D\), but got \(12,\)"):
        losses.mixture_nll(y, log_pi, mu, mu + 1)
    with pytest.raises(ValueError, match="`log_pi`"):
        losses.mixture_nll(y[:, None], log_pi[:, :2], mu, mu + 1)
    with pytest.raises(ValueError, match="`mu` and `var` must have the same shape"):
        losses.mixture_nll(y[:, None], log_pi, mu, mu[:, :1] + 1)
    with pytest.raises(ValueError, match="`rho` and `log_pi` must have the same shape"):
        losses.rho_kl(log_pi[:, :2], log_pi)
    with pytest.raises(ValueError, match="`c` must be a finite number above 0, but got -1"):
        losses.tukey(y, c=-1)


@pytest.mark.parametrize("loss", [losses.choice, losses.mixture_cross_entropy])
@pytest.mark.parametrize("logits, y, log_pi", [((B, D), (B,), (B, 1)), ((B, K, D), (B, D), (B, K)),
                                               ((B, K, D), (B,), (B, D))])  # fmt: skip
def test_wrong_shapes_of_components_are_named(loss, logits, y, log_pi):
    with pytest.raises(ValueError, match=r"`logits` must be \(B, K, D\), `y` \(B,\) and `log_pi` \(B, K\)"):
        loss(torch.zeros(logits), torch.zeros(y, dtype=torch.int64), torch.zeros(log_pi))
