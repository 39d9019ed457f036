"""The losses of Paper 02: torch.distributions and Monte Carlo as the oracle, limits, numbers that break naive code."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.testing import assert_close

from lnlkit import losses

B, K = 12, 4
LAMBDAS = [0.0, 0.3, 1.0, 5.0]


def normal(*shape, seed: int = 1, scale: float = 2.0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=g, dtype=torch.float64)).requires_grad_()


def labels() -> Tensor:
    return (torch.rand(B, K, generator=torch.Generator().manual_seed(5), dtype=torch.float64) < 0.4).double()


def gradients(value: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(value.sum(), inputs, retain_graph=True)


# ---- binary cross-entropy ----


def slow_bce(logits, targets):
    """-sum_k t log p + (1 - t) log(1 - p), one number at a time."""
    total = 0.0
    for z, t in zip(logits, targets, strict=True):
        p = 1 / (1 + math.exp(-z))
        total -= t * math.log(p) + (1 - t) * math.log(1 - p)
    return total


@pytest.mark.parametrize("targets", [labels(), normal(B, K, seed=2).detach().sigmoid()], ids=["labels", "soft"])
def test_binary_cross_entropy_is_the_formula_and_its_gradient_p_minus_t(targets):
    logits = normal(B, K)
    value = losses.binary_cross_entropy(logits, targets)
    assert value.shape == (B,)
    assert_close(value.tolist(), [slow_bce(z, t) for z, t in zip(logits.tolist(), targets.tolist(), strict=True)])
    assert_close(gradients(value, logits)[0], logits.sigmoid() - targets)


def test_binary_cross_entropy_is_linear_in_the_targets_and_stops_no_gradient():
    """So Eq. (7) is one loss, against (1 - rho) q + rho y; the gradient in a target is minus its logit."""
    logits, q, y = normal(B, K), normal(B, K, seed=2).detach().sigmoid().requires_grad_(), labels()
    mixed = losses.binary_cross_entropy(logits, 0.7 * q + 0.3 * y)
    apart = 0.7 * losses.binary_cross_entropy(logits, q) + 0.3 * losses.binary_cross_entropy(logits, y)
    assert_close(mixed, apart)
    assert_close(gradients(mixed, logits, q), gradients(apart, logits, q))
    assert_close(gradients(mixed, q)[0], -0.7 * logits)


def test_kl_to_the_classifier_has_the_gradient_of_cross_entropy():
    """In W_C, KL(q || P) and BCE(P, q) differ by a constant, with any lambda (Paper 02, Eq. (6), last row)."""
    q_logits, p_logits = normal(B, K), normal(B, K, seed=2)
    bce = losses.binary_cross_entropy(p_logits, q_logits.detach().sigmoid())
    for lambda_mi in LAMBDAS:
        kl = losses.bernoulli_kl(q_logits, p_logits, lambda_mi)
        assert_close(gradients(kl, p_logits), gradients(bce, p_logits))


# ---- bootstrapping ----


@pytest.mark.parametrize("beta", [0.0, 0.6, 0.95, 1.0])
def test_soft_bootstrap_is_cross_entropy_plus_the_entropy_of_the_prediction(beta):
    """beta BCE(p, y) + (1 - beta) H(p), in value and in gradient: the gradient flows through the target."""
    logits, y = normal(B, K), labels()
    value = losses.bootstrap(logits, y, beta)
    expected = beta * losses.binary_cross_entropy(logits, y) + (1 - beta) * Bernoulli(logits=logits).entropy().sum(1)
    assert value.shape == (B,)
    assert_close(value, expected)
    assert_close(gradients(value, logits), gradients(expected, logits))


def test_soft_bootstrap_with_a_stopped_gradient_would_be_a_smaller_learning_rate():
    """Against beta y + (1 - beta) p, p held fixed: beta (p - y). What is left of the gradient comes through p."""
    logits, y, beta = normal(B, K), labels(), 0.6
    p = logits.sigmoid()
    stopped = losses.binary_cross_entropy(logits, beta * y + (1 - beta) * p.detach())
    plain = losses.binary_cross_entropy(logits, y)
    assert_close(gradients(stopped, logits)[0], beta * gradients(plain, logits)[0])
    ours = losses.bootstrap(logits, y, beta)
    assert_close(ours, stopped)  # the same value
    rest = gradients(ours, logits)[0] - gradients(stopped, logits)[0]
    assert_close(rest, -(1 - beta) * logits * p * (1 - p))
    assert rest.abs().max() > 0.01


@pytest.mark.parametrize("beta", [0.0, 0.8, 1.0])
def test_hard_bootstrap_is_cross_entropy_against_the_mixed_labels(beta):
    """No gradient through the thresholded prediction; with beta = 1 it is plain cross-entropy, as is the soft form."""
    logits, y = normal(B, K), labels()
    value = losses.bootstrap(logits, y, beta, hard=True)
    guess = (logits > 0).double()
    expected = losses.binary_cross_entropy(logits, beta * y + (1 - beta) * guess)
    assert_close(value, expected)
    assert_close(gradients(value, logits)[0], logits.sigmoid() - beta * y - (1 - beta) * guess)
    for hard in (False, True):
        assert torch.equal(losses.bootstrap(logits, y, 1.0, hard), losses.binary_cross_entropy(logits, y))


# ---- KL divergences with the regulariser ----


@pytest.mark.parametrize("lambda_mi", LAMBDAS)
def test_bernoulli_kl_is_that_of_torch_distributions_plus_entropy(lambda_mi):
    q_logits, p_logits = normal(B, K), normal(B, K, seed=2)
    value = losses.bernoulli_kl(q_logits, p_logits, lambda_mi)
    q, p = Bernoulli(logits=q_logits), Bernoulli(logits=p_logits)
    expected = (kl_divergence(q, p) + lambda_mi * q.entropy()).sum(1)
    assert value.shape == (B,)
    assert_close(value, expected)
    assert_close(gradients(value, q_logits, p_logits), gradients(expected, q_logits, p_logits))


@pytest.mark.parametrize("lambda_mi", LAMBDAS)
def test_bernoulli_kl_is_equation_8_summed_over_both_values(lambda_mi):
    q_logits, p_logits = normal(B, K).detach(), normal(B, K, seed=2).detach()
    total = 0
    for z in (0, 1):
        q, p = ((s if z else 1 - s) for s in (q_logits.sigmoid(), p_logits.sigmoid()))
        total = total + q * torch.log(q ** (1 - lambda_mi) / p)
    assert_close(losses.bernoulli_kl(q_logits, p_logits, lambda_mi), total.sum(1))


@pytest.mark.parametrize("lambda_mi", LAMBDAS)
def test_gaussian_kl_is_that_of_torch_distributions_plus_entropy(lambda_mi):
    mu, log_var = normal(B, K), normal(B, K, seed=2)
    value = losses.gaussian_kl(mu, log_var, lambda_mi)
    q = Normal(mu, torch.exp(0.5 * log_var))
    expected = (kl_divergence(q, Normal(0.0, 1.0)) + lambda_mi * q.entropy()).sum(1)
    assert value.shape == (B,)
    assert_close(value, expected)
    assert_close(gradients(value, mu, log_var), gradients(expected, mu, log_var))


@pytest.mark.parametrize("lambda_mi", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("name", ["bernoulli", "gaussian"])
def test_kl_is_the_mean_over_draws(name, lambda_mi):
    """E_q[(1 - lambda) ln q(z) - ln P(z)], as Eq. (4) has it, within four standard errors of 50,000 draws."""
    torch.manual_seed(0)
    a, b = normal(B, K, scale=1.0).detach(), normal(B, K, seed=2, scale=1.0).detach()
    if name == "bernoulli":
        q, prior, value = Bernoulli(logits=a), Bernoulli(logits=b), losses.bernoulli_kl(a, b, lambda_mi)
    else:
        q, prior, value = Normal(a, torch.exp(0.5 * b)), Normal(0.0, 1.0), losses.gaussian_kl(a, b, lambda_mi)
    z = q.sample((50_000,))
    draws = ((1 - lambda_mi) * q.log_prob(z) - prior.log_prob(z)).sum(2)  # (50,000, B)
    error = draws.std(0) / math.sqrt(len(draws))
    assert ((draws.mean(0) - value).abs() <= 4 * error).all()
    assert error.max() < 0.05


def test_kl_without_regulariser_is_zero_for_equal_distributions_only():
    logits, zero = normal(B, K), torch.zeros(B, K)
    assert_close(losses.bernoulli_kl(logits, logits), torch.zeros(B).double(), atol=1e-12, rtol=0)
    assert (losses.bernoulli_kl(logits, logits.flip(0)) > 0).all()
    assert losses.gaussian_kl(zero, zero).abs().max() == 0
    assert (losses.gaussian_kl(normal(B, K), normal(B, K, seed=2)) > 0).all()


@pytest.mark.parametrize("lambda_mi", [0.0, 0.3, 0.9])
def test_gaussian_kl_has_its_minimum_at_variance_1_minus_lambda(lambda_mi):
    """By Newton's method from both sides, and mu at 0."""
    for begin in (-3.0, 2.0):
        log_var = torch.tensor([[begin]], dtype=torch.float64)
        for _ in range(200):
            log_var = log_var.detach().requires_grad_()
            (slope,) = gradients(losses.gaussian_kl(torch.zeros_like(log_var), log_var, lambda_mi), log_var)
            log_var = log_var - 0.5 * slope / (0.5 * log_var.exp()).clamp_min(0.2)
        assert log_var.exp().item() == pytest.approx(1 - lambda_mi, rel=1e-6)
    at = torch.full((1, 1), math.log(1 - lambda_mi))
    assert losses.gaussian_kl(torch.ones(1, 1), at, lambda_mi) > losses.gaussian_kl(torch.zeros(1, 1), at, lambda_mi)


def test_gaussian_kl_has_no_minimum_from_lambda_1_on():
    """Ever smaller variance: at lambda 1 it falls towards a bound, beyond it without one."""
    log_var = -torch.tensor([0.0, 1.0, 10.0, 20.0, 1000.0], dtype=torch.float64)[:, None]
    for lambda_mi in (1.0, 1.5, 10.0):
        value = losses.gaussian_kl(torch.zeros_like(log_var), log_var, lambda_mi)
        assert (value.diff()[:3] < 0).all()
    assert value[-1] < -4000
    bound = losses.gaussian_kl(torch.zeros_like(log_var), log_var, 1.0)[-1]
    assert bound.item() == pytest.approx(0.5 * math.log(2 * math.pi))


def test_gaussian_kl_without_lambda_is_that_of_paper_01():
    """One function for both: exact near the prior, also for codes of more than one axis."""
    mu, log_var = normal(B, K).detach(), normal(B, K, seed=2).detach()
    assert torch.equal(losses.gaussian_kl(mu, log_var), losses.gaussian_kl(mu, log_var, 0.0))
    small = torch.full((1, 1), 1e-4)  # log_var^2 / 4 to second order, lost if exp(log_var) - 1 is rounded first
    assert losses.gaussian_kl(torch.zeros(1, 1), small).item() == pytest.approx(2.5e-9, rel=1e-2)


# ---- numbers that break naive code ----


def finite(value: Tensor, *inputs: Tensor) -> bool:
    return all(a.isfinite().all() for a in (value, *gradients(value, *inputs)))


SATURATED = [-1e4, -30.0, 0.0, 30.0, 1e4]


@pytest.mark.parametrize("logit, y", itertools.product(SATURATED, [0.0, 0.5, 1.0]))
def test_cross_entropies_are_finite_in_float32(logit, y):
    logits = torch.full((2, 3), logit, requires_grad=True)
    targets = torch.full((2, 3), y)
    for value in (losses.binary_cross_entropy(logits, targets), losses.bootstrap(logits, targets, 0.6),
                  losses.bootstrap(logits, targets, 0.6, hard=True)):  # fmt: skip
        assert finite(value, logits) and (value >= 0).all()
        assert gradients(value, logits)[0].abs().max() <= 1.5


@pytest.mark.parametrize("q, p, lambda_mi", itertools.product(SATURATED, SATURATED, [0.0, 0.3, 5.0]))
def test_bernoulli_kl_is_finite_in_float32(q, p, lambda_mi):
    """Also where q and P are sure of opposite things: the logit of P is the price."""
    a, b = (torch.full((2, 3), value, requires_grad=True) for value in (q, p))
    value = losses.bernoulli_kl(a, b, lambda_mi)
    assert finite(value, a, b)
    if abs(q) > 1 and abs(p) > 1:
        assert_close(value, torch.full((2,), 0.0 if q * p > 0 else 3 * abs(p)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mu, log_var, lambda_mi", itertools.product([0.0, 1e4], [-1e4, -30.0, 0.0, 30.0], [0.0, 5.0]))
def test_gaussian_kl_is_finite_in_float32(mu, log_var, lambda_mi):
    """Up to variances of e^88, where float32 ends and the true value with it."""
    mu, log_var = (torch.full((2, 3), value, requires_grad=True) for value in (mu, log_var))
    assert finite(losses.gaussian_kl(mu, log_var, lambda_mi), mu, log_var)


CASES = {
    "binary_cross_entropy": losses.binary_cross_entropy,
    "bootstrap": lambda a, b: losses.bootstrap(a, b, 0.6),
    "bootstrap_hard": lambda a, b: losses.bootstrap(a, b, 0.8, hard=True),
    "bernoulli_kl": lambda a, b: losses.bernoulli_kl(a, b, 0.3),
    "gaussian_kl": lambda a, b: losses.gaussian_kl(a, b, 0.3),
}
EVERY_LOSS = pytest.mark.parametrize("name", CASES)


@EVERY_LOSS
def test_float32_agrees_with_float64(name):
    a, b = normal(B, K).detach(), labels()
    value = CASES[name](a, b)
    assert value.dtype == torch.float64
    single = CASES[name](a.float(), b.float())
    assert single.dtype == torch.float32
    assert_close(single.double(), value, rtol=1e-5, atol=1e-5)


@EVERY_LOSS
def test_half_precision_is_widened(name):
    """bfloat16 keeps 8 bits: sums and logarithms must not be taken in it."""
    a, b = normal(B, K).detach().bfloat16(), labels().bfloat16()
    value = CASES[name](a, b)
    assert value.dtype == torch.float32
    assert_close(value, CASES[name](a.float(), b.float()), rtol=0, atol=0)
    with torch.autocast("cpu", torch.bfloat16):
        assert_close(CASES[name](a.float(), b.float()), value, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["binary_cross_entropy", "bootstrap", "bootstrap_hard"])
def test_labels_may_be_whole_numbers(name):
    logits = normal(B, K).detach().float()
    for dtype in (torch.uint8, torch.int64, torch.bool):
        assert_close(CASES[name](logits, labels().to(dtype)), CASES[name](logits, labels().float()), rtol=0, atol=0)


# ---- arguments ----


@EVERY_LOSS
@pytest.mark.parametrize("shape", [(B, 1), (K,), (B,), (1, K)])
def test_wrong_shapes_are_named(name, shape):
    """All but (B,) would be broadcast without a word."""
    with pytest.raises(ValueError, match="must have the same shape, but got"):
        CASES[name](torch.zeros(B, K), torch.zeros(shape))


@pytest.mark.parametrize("beta", [-0.1, 1.1, float("nan")])
def test_wrong_beta_is_named(beta):
    with pytest.raises(ValueError, match=r"`beta` must be a fraction in \[0, 1\]"):
        losses.bootstrap(torch.zeros(B, K), torch.zeros(B, K), beta)
    assert np.isfinite(losses.bootstrap(torch.zeros(B, K), torch.zeros(B, K), 1).tolist()).all()
