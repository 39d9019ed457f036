"""CAN against the equations of Paper 02: likelihood by enumeration of z and quadrature over s, gradients by hand."""

import itertools
import math

import pytest
import torch
from small_multilabel import features, pairs, recipe
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F
from torch.testing import assert_close

from lnlkit.methods.multilabel import BCE
from lnlkit.methods.quality_embedding import (
    NoiseNetwork,
    Posterior,
    QualityEmbedding,
    annealed,
    binary_concrete,
    reparameterise,
)
from lnlkit.training import Batch, fit

K, B = 2, 6
S = torch.linspace(-12, 12, 4001, dtype=torch.float64)  # where the quality is looked at, D = 1
EVERY_Z = torch.tensor(list(itertools.product([0.0, 1.0], repeat=K)), dtype=torch.float64)  # (4, K)


def can(quality_dim: int = 1, **hparams) -> QualityEmbedding:
    """A CAN before training, in float64, its random weights tripled so that its noise network is far from linear.

    All but those of the last layer for s, whose mean and deviation must fit the grid.
    """
    method = QualityEmbedding(quality_dim=quality_dim, hidden=16, **hparams)
    method.nets_ = nn.ModuleList([nn.Linear(4, K), NoiseNetwork(K, quality_dim, 16)]).double()
    method.step_ = 0
    with torch.no_grad():
        for name, p in method.nets_.named_parameters():
            p.mul_(1 if "to_quality" in name else 3)
    return method


def batch() -> Batch:
    y = EVERY_Z.repeat(2, 1)[:B]
    return Batch(torch.randn(B, 4, dtype=torch.float64), y, torch.arange(B))


def prior_and_posterior(method, examples):
    """Logits of P(z | x), without gradient, and what the encoder says."""
    prior = method.classifier_(examples.x).detach()
    return prior, method.noise_.encode(examples.y, prior.sigmoid())


def log_p_y(method, y):
    """ln P(y | z, s) for every z and every s of the grid, (B, 4, |S|)."""
    z, s = EVERY_Z.repeat_interleave(len(S), 0), S.repeat(len(EVERY_Z))[:, None]
    given = Bernoulli(logits=method.noise_.decode(z, s))
    return torch.stack([given.log_prob(row).sum(1) for row in y]).view(len(y), len(EVERY_Z), len(S))


def log_q_z(logits):
    """ln q(z) for every z, (B, 4)."""
    return torch.stack([Bernoulli(logits=logits).log_prob(z).sum(1) for z in EVERY_Z], 1)


def log_q_s(mu, log_var):
    """ln q(s) on the grid, (B, 1, |S|)."""
    return Normal(mu, torch.exp(0.5 * log_var)).log_prob(S)[:, None]


def integral(values):
    """Sum over z, integral over s, (B,)."""
    return torch.trapezoid(values, S).sum(1)


def log_p_y_given_x(method, y, prior):
    """ln P(y | x), Eq. (1)."""
    return integral((log_p_y(method, y) + log_q_z(prior)[:, :, None] + Normal(0.0, 1.0).log_prob(S)).exp()).log()


def exact_reconstruction(method, y, found):
    """The first term of Eq. (4) without drawing anything."""
    q = (log_q_z(found.q_logits)[:, :, None] + log_q_s(found.mu, found.log_var)).exp()
    return -integral(q * log_p_y(method, y))


def gradients(value, parameters, weights=None):
    return torch.autograd.grad(value, list(parameters), weights, retain_graph=True)


def parts(noise):
    """The weights of decoder, latent label and quality: W_N, W_L and W_Q of Eq. (6)."""
    latent = nn.ModuleList([noise.from_label, noise.from_prediction, noise.to_latent])
    quality = nn.ModuleList([noise.shared, noise.to_quality])
    return [list(module.parameters()) for module in (noise.decoder, latent, quality)]


def watch_draws(method, monkeypatch):
    """A list that will hold the z and s of every draw."""
    drawn, decode = [], method.noise_.decode
    monkeypatch.setattr(method.noise_, "decode", lambda z, s: drawn.append((z, s)) or decode(z, s))
    return drawn


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


# ---- draws ----


def test_binary_concrete_is_the_softmax_of_two_gumbels():
    """The form printed in Section III-D1, written out."""
    logits, (g0, g1) = 2 * torch.randn(50, K).double(), -(-torch.rand(2, 50, K).double().log()).log()
    for tau in (0.2, 1.0, 3.0):
        on, off = (torch.exp((F.logsigmoid(a) + g) / tau) for a, g in ((logits, g1), (-logits, g0)))
        assert_close(binary_concrete(logits, g1 - g0, tau), on / (on + off))


@pytest.mark.parametrize("tau", [0.1, 0.5, 1.0, 5.0])
def test_a_drawn_label_is_above_one_half_with_probability_q(tau, monkeypatch):
    """At every temperature, within four standard errors; only how near to 0 and 1 the draws are depends on it."""
    method, n = can(), 20_000
    drawn = watch_draws(method, monkeypatch)
    q = torch.tensor([0.1, 0.7], dtype=torch.float64).expand(n, K)
    method.reconstruction(q, Posterior(q.logit(), torch.zeros(n, 1).double(), torch.zeros(n, 1).double()), tau)
    z = drawn[0][0]
    assert (((z > 0.5).double().mean(0) - q[0]).abs() < 4 * (q[0] * (1 - q[0]) / n).sqrt()).all()
    between = ((z > 0.1) & (z < 0.9)).double().mean().item()
    assert between < 0.12 if tau == 0.1 else between > 0.9 if tau == 5 else 0.2 < between < 0.8


@pytest.mark.parametrize("tau", [1e-3, 0.5])
def test_extreme_logits_give_sure_labels_and_finite_gradients(tau):
    logits = torch.tensor([[-1e4, 0.0, 1e4]], requires_grad=True)
    for noise in (-13.8, 13.8):
        z = binary_concrete(logits, torch.full((1, 3), noise), tau)
        assert z[0, 0] == 0 and z[0, 2] == 1
        assert torch.autograd.grad(z.sum(), logits)[0].isfinite().all()


def test_a_sure_posterior_gives_a_finite_loss():
    """q and P sure of opposite things, in float32, as after long training."""
    noise = NoiseNetwork(3, 2, 4)
    method = QualityEmbedding(quality_dim=2)
    method.nets_ = nn.ModuleList([nn.Linear(1, 3), noise])
    n = 20_000
    found = Posterior(torch.full((n, 3), -1e3, requires_grad=True), torch.zeros(n, 2), torch.full((n, 2), -200.0))
    value = method.objective(torch.ones(n, 3), torch.full((n, 3), 1e3), 0.5, found)
    assert value.isfinite().all() and torch.autograd.grad(value.sum(), found.q_logits)[0].isfinite().all()


def test_the_quality_is_drawn_with_standard_deviation_sigma(monkeypatch):
    """Corrected: mu + sigma^2 zeta, as printed, is off by far more than four standard errors."""
    method, n, sigma = can(quality_dim=2), 20_000, torch.tensor([0.5, 2.0], dtype=torch.float64)
    drawn = watch_draws(method, monkeypatch)
    mu = torch.tensor([1.0, -3.0], dtype=torch.float64).expand(n, 2)
    y = torch.zeros(n, K).double()
    method.reconstruction(y, Posterior(y, mu, (2 * sigma.log()).expand(n, 2)), 0.5)
    s = drawn[0][1]
    error = 4 * sigma / math.sqrt(n)
    assert ((s.mean(0) - mu[0]).abs() < error).all()
    assert ((s.std(0) - sigma).abs() < error / math.sqrt(2)).all()
    assert ((s.std(0) - sigma**2).abs() > 10 * error).all()
    zeta = torch.randn(n, 2).double()
    assert_close(reparameterise(mu, (2 * sigma.log()).expand(n, 2), zeta), mu + sigma * zeta)


# ---- annealing ----


@pytest.mark.parametrize("floor", [0.0, 0.5, 1.0])
def test_annealing_starts_at_1_and_never_passes_the_floor(floor):
    alpha = 3e-5
    assert annealed(0, alpha, floor) == 1.0
    values = [annealed(step, alpha, floor) for step in range(0, 200_000, 1000)]
    assert all(a >= b >= floor for a, b in itertools.pairwise(values))
    assert values[-1] == pytest.approx(max(floor, math.exp(-alpha * 199_000)))
    assert annealed(math.log(2) / alpha, alpha, floor) == pytest.approx(max(floor, 0.5))
    assert annealed(10**9, alpha, floor) == floor and annealed(10**9, 0.0, floor) == 1.0


def test_a_step_is_a_batch_and_temperature_and_rho_have_floors_of_their_own(monkeypatch):
    """33 examples in batches of 10, two epochs: eight steps, the first of them at rho = tau = 1."""
    method = QualityEmbedding(alpha=0.1, rho_floor=0.6, tau_floor=0.8)
    seen, objective = [], method.objective
    monkeypatch.setattr(method, "objective", lambda y, logits, tau, found: (
        seen.append((tau, method.step_)) or objective(y, logits, tau, found)))  # fmt: skip
    train = features(pairs(33))
    fit(method, train, recipe(train, batch_size=10, epochs=2))
    assert [tau for tau, _ in seen] == pytest.approx([max(0.8, math.exp(-0.1 * t)) for t in range(8)])
    assert method.step_ == 8 and method.rho_ == pytest.approx(0.6)
    method.rho_floor = 0.0
    assert method.rho_ == pytest.approx(math.exp(-0.8))


# ---- the layers ----


def test_a_label_can_be_called_absent():
    """As printed, with the sigmoid right after a ReLU, no probability is below 1/2."""
    noise = NoiseNetwork(4, 3, 16)
    zs = 10 * torch.randn(200, 7)
    assert noise.decode(zs[:, :4], zs[:, 4:]).sigmoid().min() < 0.4
    assert noise.decoder[:-1](zs).sigmoid().min() >= 0.5
    kinds = [type(layer).__name__ for layer in noise.decoder]
    assert kinds == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]


def test_the_contrastive_layer_sees_the_difference_of_label_and_prediction_alone():
    """f_t(0) where they are equal; exchanged, they give the reflection, since both go through the same f_s."""
    noise = NoiseNetwork(4, 3, 16)
    y, y_hat = (torch.rand(20, 4) < 0.4).float(), torch.rand(20, 4)
    at_zero = noise.to_quality.bias.view(2, 1, 3)
    for same in (y, y_hat):
        assert_close(torch.stack(noise.contrastive(same, same)), at_zero.expand(2, 20, 3), rtol=0, atol=0)
    there, back = (torch.stack(noise.contrastive(*pair)) - at_zero for pair in ((y, y_hat), (y_hat, y)))
    assert_close(there, -back)
    assert there.abs().max() > 0.1
    bent = there - 2 * (torch.stack(noise.contrastive(0.5 * (y + y_hat), y_hat)) - at_zero)
    assert bent.abs().max() > 1e-4  # f_s has a ReLU


def test_the_additive_layer_adds_what_label_and_prediction_say():
    """With layers of their own, so exchanging them matters; what the prediction adds is the same beside every label."""
    noise = NoiseNetwork(4, 3, 16)
    y, a, b = (torch.rand(20, 4) < 0.4).float(), torch.rand(1, 4).expand(20, 4), torch.rand(1, 4).expand(20, 4)
    step = noise.additive(y, a) - noise.additive(y, b)
    assert_close(step, step[:1].expand(20, 4))
    assert (noise.additive(y, a) - noise.additive(a, y)).abs().max() > 0.1
    a, b = torch.rand(2, 20, 4)
    middle = noise.additive(y, 0.5 * (a + b)) - 0.5 * (noise.additive(y, a) + noise.additive(y, b))
    assert middle.abs().max() > 1e-4  # f_2 has a ReLU
    assert noise.encode(y, a).q_logits.equal(noise.additive(y, a))


def test_without_quality_dimensions_there_is_no_quality():
    method, examples = can(quality_dim=0), batch()
    prior, found = prior_and_posterior(method, examples)
    assert found.mu.shape == found.log_var.shape == (B, 0) and method.noise_.decoder[0].in_features == K
    torch.manual_seed(0)
    value = method.objective(examples.y, prior, 0.5)
    torch.manual_seed(0)
    q = Bernoulli(logits=found.q_logits)
    expected = kl_divergence(q, Bernoulli(logits=prior)).sum(1) + 0.3 * q.entropy().sum(1)
    assert_close(value - method.reconstruction(examples.y, found, 0.5), expected)
    torch.manual_seed(0)
    assert method.loss(examples).isfinite() and method.log_likelihood(examples.y, prior, 3).shape == (B,)


@pytest.mark.parametrize("lambda_mi", [0.3, 1.0, 2.0, 10.0])
def test_from_lambda_1_on_nothing_holds_the_variance_up(lambda_mi):
    """With a decoder that ignores s. The slope in ln sigma^2 is positive at every variance: it falls and falls."""
    method, examples = can(lambda_mi=lambda_mi), batch()
    with torch.no_grad():
        method.noise_.decoder[0].weight[:, K:] = 0
    prior, found = prior_and_posterior(method, examples)

    def slope(var):
        log_var = torch.full((B, 1), math.log(var), dtype=torch.float64, requires_grad=True)
        value = method.objective(examples.y, prior, 0.5, found._replace(log_var=log_var))
        return torch.autograd.grad(value.sum(), log_var)[0].mean().item()

    assert slope(2.0) > 0
    if lambda_mi < 1:
        assert slope(0.7) == pytest.approx(0, abs=1e-9) and slope(0.69) < -1e-3 and slope(1e-9) < -0.3
    else:
        assert all(slope(var) > 0 for var in (0.7, 0.1, 1e-3, 1e-9))
        assert slope(1e-9) == pytest.approx(0.5 * (lambda_mi - 1), abs=1e-8)


# ---- training ----


def state(module):
    return torch.cat([value.flatten().double() for value in module.state_dict().values()])


def trained(method, train, **changes):
    settings = {"network": "small_cnn", "epochs": 2, "make_optimizer": lambda p: torch.optim.SGD(p, 0.05, 0.9)}
    fit(method, train, recipe(train, **settings | changes), seed=3)
    return method


@pytest.mark.parametrize("hparams", [{"rho_floor": 1.0}, {"alpha": 0.0}, {"rho_floor": 1.0, "detach": False}], ids=str)
def test_with_rho_1_the_classifier_is_plain_training_bit_for_bit(hparams):
    """Its order of examples has a generator of its own, so the draws of the noise network do not disturb it."""
    train = pairs(60, 0.3)
    plain = state(trained(BCE(), train).classifier_)
    assert torch.equal(state(trained(QualityEmbedding(**hparams), train).classifier_), plain)
    assert not torch.equal(state(trained(QualityEmbedding(alpha=0.1), train).classifier_), plain)


def test_end_to_end_is_another_training_and_with_rho_1_leaves_the_noise_network_alone():
    train = features(pairs(60, 0.3))
    start = trained(QualityEmbedding(), train, epochs=0)
    changed = ({}, {"detach": False}, {"detach": False, "rho_floor": 1.0})
    ours, whole, untouched = (trained(QualityEmbedding(alpha=0.1, **changes), train) for changes in changed)
    assert not torch.equal(state(ours.classifier_), state(whole.classifier_))
    assert torch.equal(state(untouched.noise_), state(start.noise_))
    assert not torch.equal(state(ours.noise_), state(start.noise_))


def test_the_noise_network_has_a_learning_rate_of_its_own():
    train = features(pairs(20))
    method = trained(QualityEmbedding(noise_lr=10.0), train, epochs=1)
    groups = method.optimizer_.param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.05, 0.5])
    owned = [{id(p) for p in group["params"]} for group in groups]
    assert owned == [{id(p) for p in net.parameters()} for net in (method.classifier_, method.noise_)]


def test_explain_says_what_the_encoder_says_row_by_row():
    """On the CPU, in evaluation mode, without gradients, whatever the batch size; nothing is drawn."""
    train = pairs(50, 0.3)
    method = trained(QualityEmbedding(quality_dim=3), train)
    method.nets_.train()
    found = method.explain(train.x, train.y)
    assert method.nets_.training and not any(value.requires_grad for value in found)
    for a, b in zip(found, method.explain(train.x, train.y, batch_size=7), strict=True):
        assert_close(a, b)
    y = torch.from_numpy(train.y).float()
    with torch.no_grad():
        logits, mu, log_var = method.noise_.encode(y, method.predict(train.x))
    assert_close(found.p, method.predict(train.x), rtol=0, atol=0)
    assert_close((found.q, found.mu, found.sigma), (logits.sigmoid(), mu, torch.exp(log_var / 2)))
    assert_close(found.agreement, method.noise_.to_quality.bias[:3].detach(), rtol=0, atol=0)
    one = method.explain(train.x[:1], found.p[:1])  # labels equal to the prediction
    assert_close(one.mu[0], found.agreement)


@pytest.mark.parametrize("hparams, wrong", [
    ({"rho_floor": 50}, r"`rho_floor` must be a fraction in \[0, 1\]"),
    ({"rho_floor": -0.1}, r"`rho_floor` must be a fraction in \[0, 1\]"),
    ({"tau_floor": 0.0}, "`tau_floor` must be"), ({"n_samples": 0}, "`n_samples` must be"),
    ({"hidden": 0}, "`hidden` must be"), ({"noise_lr": 0.0}, "`noise_lr` must be"),
    ({"lambda_mi": -0.1}, "`lambda_mi` must be"), ({"lambda_mi": math.inf}, "`lambda_mi` must be"),
    ({"alpha": math.nan}, "`alpha` must be"), ({"quality_dim": -1}, "`quality_dim` must be"),
], ids=str)  # fmt: skip
def test_wrong_hyper_parameters_are_named_before_training(hparams, wrong):
    with pytest.raises(ValueError, match=wrong):
        trained(QualityEmbedding(**hparams), features(pairs(20)))
