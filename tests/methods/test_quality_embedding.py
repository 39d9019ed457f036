"""CAN against the equations of Paper 02: likelihood by enumeration of z and quadrature over s, gradients by hand."""

import math

import pytest
import torch
from small_can import (
    EVERY_Z,
    B,
    K,
    S,
    batch,
    can,
    exact_reconstruction,
    gradients,
    integral,
    log_p_y,
    log_p_y_given_x,
    log_q_s,
    log_q_z,
    parts,
    prior_and_posterior,
    watch_draws,
)
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F
from torch.testing import assert_close

from lnlkit.methods.quality_embedding import (
    Posterior,
)

# ---- Eq. (1) to (5): the bound ----


def test_the_objective_is_minus_a_bound_whose_gap_is_the_kl_to_the_true_posterior(monkeypatch):
    """Eq. (2) and (4) at lambda 0. The relaxed draws are replaced by the expectation that they stand for."""
    method, examples = can(lambda_mi=0.0), batch()
    prior, found = prior_and_posterior(method, examples)
    exact = exact_reconstruction(method, examples.y, found)
    monkeypatch.setattr(method, "reconstruction", lambda y, found, tau: exact)
    bound = -method.objective(examples.y, prior, tau=1.0)
    log_p = log_p_y_given_x(method, examples.y, prior)
    log_q = log_q_z(found.q_logits)[:, :, None] + log_q_s(found.mu, found.log_var)
    joint = log_p_y(method, examples.y) + log_q_z(prior)[:, :, None] + Normal(0.0, 1.0).log_prob(S)
    gap = integral(log_q.exp() * (log_q - (joint - log_p[:, None, None])))  # KL(q(z) q(s) || P(z, s | x, y))
    assert (bound < log_p).all() and gap.min() > 0.01
    assert_close(log_p - bound, gap, rtol=1e-5, atol=1e-5)


def test_probabilities_of_all_label_vectors_sum_to_1():
    """The quadrature that the tests here lean on."""
    method, prior = can(), torch.randn(1, K).double().expand(len(EVERY_Z), K)
    assert_close(log_p_y_given_x(method, EVERY_Z, prior).exp().sum().item(), 1.0, rtol=1e-6, atol=0)


def test_log_likelihood_is_that_of_equation_1():
    """Within four standard errors of 1,000 draws. A single draw is below it on average, by much more than these."""
    method, examples = can(), batch()
    prior = prior_and_posterior(method, examples)[0]
    exact = log_p_y_given_x(method, examples.y, prior)
    weights = log_q_z(prior)[:, :, None] + Normal(0.0, 1.0).log_prob(S)
    second = integral((2 * log_p_y(method, examples.y) + weights).exp())
    error = (second / (2 * exact).exp() - 1).sqrt() / math.sqrt(1000)  # relative, so absolute for the logarithm
    found = method.log_likelihood(examples.y, prior, 1000)
    assert found.shape == (B,) and ((found - exact).abs() < 4 * error).all()
    single = method.log_likelihood(examples.y.repeat(500, 1), prior.repeat(500, 1), 1).view(500, B)
    mean = integral(weights.exp() * log_p_y(method, examples.y))
    assert ((single.mean(0) - mean).abs() < 4 * single.std(0) / math.sqrt(500)).all()
    assert ((exact - mean) / error).max() > 10


@pytest.mark.parametrize("lambda_mi", [0.3, 1.0, 5.0])
def test_lambda_weighs_the_entropies_of_latent_label_and_quality(lambda_mi):
    """Eq. (3): -lambda E[ln q(z) + ln q(s)], on the same draws."""
    method, examples = can(quality_dim=3), batch()
    prior, found = prior_and_posterior(method, examples)
    values = []
    for weight in (0.0, lambda_mi):
        method.lambda_mi = weight
        torch.manual_seed(0)
        values.append(method.objective(examples.y, prior, 0.5, found))
    entropy_s = Normal(found.mu, torch.exp(0.5 * found.log_var)).entropy().sum(1)
    assert_close(values[1] - values[0], lambda_mi * (Bernoulli(logits=found.q_logits).entropy().sum(1) + entropy_s))


def many_reconstructions(method, examples, found, tau, n=20_000):
    """n single draws of Eq. (5) for each example, (n, B)."""
    repeated = Posterior(*(value.detach().repeat(n, 1) for value in found))
    return method.reconstruction(examples.y.repeat(n, 1), repeated, tau).view(n, B).detach()


def test_draws_average_to_the_expectation_at_a_small_temperature():
    """Eq. (5), within four standard errors of 20,000 draws. At tau 1, where training starts, they do not."""
    method, examples = can(), batch()
    _, found = prior_and_posterior(method, examples)
    exact = exact_reconstruction(method, examples.y, found)

    def off(tau):
        draws = many_reconstructions(method, examples, found, tau)
        error = draws.std(0) / math.sqrt(len(draws))
        assert error.max() < 0.05
        return ((draws.mean(0) - exact).abs() / error).max()

    assert off(1e-3) < 4
    assert off(1.0) > 5


def test_several_samples_are_the_mean_of_single_ones():
    method, examples = can(), batch()
    _, found = prior_and_posterior(method, examples)
    torch.manual_seed(0)
    single = torch.stack([method.reconstruction(examples.y, found, 0.5) for _ in range(4)])
    method.n_samples = 4
    torch.manual_seed(0)
    assert_close(method.reconstruction(examples.y, found, 0.5), single.mean(0))
    assert single.std(0).max() > 1e-3


# ---- Eq. (6) and (7): the gradients ----


@pytest.mark.parametrize("lambda_mi", [0.0, 0.3, 2.0])
def test_gradients_of_decoder_latent_label_and_quality_are_those_of_equation_6(lambda_mi, monkeypatch):
    """With ln P in the sampled terms; the rows of W_L and W_Q print P without its logarithm, which is another one."""
    method, examples = can(lambda_mi=lambda_mi, n_samples=3), batch()
    drawn = watch_draws(method, monkeypatch)
    prior, found = prior_and_posterior(method, examples)
    W_N, W_L, W_Q = parts(method.noise_)
    total = method.objective(examples.y, prior, 0.5, found).sum()
    log_p = torch.stack([Bernoulli(logits=method.noise_.decoder(torch.cat(zs, 1))).log_prob(examples.y).sum(1)
                         for zs in drawn])  # fmt: skip
    assert log_p.shape == (3, B)
    assert_close(gradients(total, W_N), gradients(-log_p.sum() / 3, W_N))

    P, q = prior.sigmoid(), found.q_logits.sigmoid()
    var, mu = found.log_var.exp(), found.mu
    slope = torch.log(q ** (1 - lambda_mi) * (1 - P) / ((1 - q) ** (1 - lambda_mi) * P)).detach()
    closed = {
        0: gradients(q, W_L, slope),
        1: gradients(0.5 * (var - (1 - lambda_mi) * var.log()).sum() + 0.5 * mu.square().sum(), W_Q),
    }
    for which, W in ((0, W_L), (1, W_Q)):
        draws = [pair[which] for pair in drawn]
        with_log, without = ([gradients(draw, W, -slope / 3)
                              for draw, slope in zip(draws, gradients(value.sum(), draws), strict=True)]
                             for value in (log_p, log_p.exp()))  # fmt: skip
        expected, printed = ([sum(terms) for terms in zip(closed[which], *sampled, strict=True)]
                             for sampled in (with_log, without))  # fmt: skip
        assert_close(gradients(total, W), tuple(expected))
        assert max((a - b).abs().max() for a, b in zip(printed, expected, strict=True)) > 1e-3


def test_the_gradient_of_the_classifier_in_the_objective_is_the_last_row_of_equation_6():
    """(P - q) / (P (1 - P)) grad P, with what the encoder says held fixed; lambda is not in it."""
    method, examples = can(lambda_mi=0.7), batch()
    logits = method.classifier_(examples.x)
    found = method.noise_.encode(examples.y, logits.detach().sigmoid())
    P, q = logits.sigmoid(), found.q_logits.sigmoid()
    W = list(method.classifier_.parameters())
    expected = gradients(P, W, ((P - q) / (P * (1 - P))).detach())
    assert_close(gradients(method.objective(examples.y, logits, 0.5, found).sum(), W), expected)


def of_classifier(method, examples):
    torch.manual_seed(0)
    return gradients(method.loss(examples), method.classifier_.parameters())


@pytest.mark.parametrize("step", [0, 3, 1000])
def test_the_classifier_learns_by_equation_7(step):
    """(1 - rho) grad KL(q || P) + rho grad BCE(P, y), with rho 1, 0.74 and 0."""
    method, examples = can(alpha=0.1, rho_floor=0.0), batch()
    method.step_ = step
    rho = math.exp(-0.1 * step)
    P = method.classifier_(examples.x).sigmoid()
    q = method.noise_.encode(examples.y, P).q_logits.sigmoid().detach()
    kl = kl_divergence(Bernoulli(q), Bernoulli(P)).sum() / B
    bce = F.binary_cross_entropy(P, examples.y, reduction="sum") / B
    W = list(method.classifier_.parameters())
    expected = [(1 - rho) * a + rho * b for a, b in zip(gradients(kl, W), gradients(bce, W), strict=True)]
    assert_close(of_classifier(method, examples), tuple(expected))


def zero(module):
    with torch.no_grad():
        for p in module.parameters():
            p.zero_()


@pytest.mark.parametrize("detach", [True, False])
def test_decoder_and_quality_reach_the_classifier_only_if_no_gradient_is_stopped(detach):
    """q reaches it both ways, as the target or with its gradient."""
    for name, reaches in (("decoder", not detach), ("to_quality", not detach), ("to_latent", True)):
        method, examples = can(detach=detach, alpha=0.1), batch()
        method.step_ = 5
        before = of_classifier(method, examples)
        zero(getattr(method.noise_, name))
        method.step_ = 5
        after = of_classifier(method, examples)
        assert reaches != all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_end_to_end_minimises_the_mixture_in_all_weights():
    """(1 - rho) L + rho BCE: the noise network gets 1 - rho of its gradient, the classifier another one."""
    stopped, examples = can(alpha=0.1, rho_floor=0.0), batch()
    whole = can(alpha=0.1, rho_floor=0.0, detach=False)
    whole.nets_.load_state_dict(stopped.nets_.state_dict())
    found = []
    for method in (stopped, whole):
        method.step_ = 3
        torch.manual_seed(0)
        loss = method.loss(examples)
        found.append([gradients(loss, net.parameters()) for net in method.nets_])
    rho = math.exp(-0.3)
    assert_close(tuple((1 - rho) * slope for slope in found[0][1]), found[1][1])
    assert (found[0][0][0] - found[1][0][0]).abs().max() > 1e-3
    torch.manual_seed(0)
    logits = whole.classifier_(examples.x)
    bce = F.binary_cross_entropy_with_logits(logits, examples.y, reduction="sum") / B
    mixture = (1 - rho) * whole.objective(examples.y, logits, max(0.5, rho)).mean() + rho * bce
    assert_close(gradients(mixture, whole.classifier_.parameters()), found[1][0])
