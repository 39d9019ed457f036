"""The parts of CAN: draws, annealing, layers, and what training does with them."""

import itertools
import math

import pytest
import torch
from small_can import (
    B,
    K,
    batch,
    can,
    prior_and_posterior,
    watch_draws,
)
from small_multilabel import features, pairs, recipe
from small_runs import untrained
from torch import nn
from torch.distributions import Bernoulli, kl_divergence
from torch.nn import functional as F
from torch.testing import assert_close

from lnlkit.methods.multilabel import BCE
from lnlkit.methods.quality_embedding import (
    LOG_VAR,
    NoiseNetwork,
    Posterior,
    QualityEmbedding,
    annealed,
    binary_concrete,
    reparameterise,
)
from lnlkit.training import fit

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
    start = untrained(QualityEmbedding(), train, recipe(train), seed=3)
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
    with torch.no_grad():
        _, mu, _ = method.noise_.encode(found.p, found.p)  # labels equal to the prediction
    assert_close(mu, found.agreement.expand(len(train), 3))


@pytest.mark.parametrize("factor", [1e3, -1e3])
def test_the_variance_is_stopped_before_it_overflows(factor):
    """Where lambda >= 1 drives log sigma^2 out, objective and gradients stay finite, on both sides."""
    method, examples = can(lambda_mi=10.0), batch()
    with torch.no_grad():
        method.noise_.to_quality.weight.mul_(factor)
    prior, found = prior_and_posterior(method, examples)
    assert LOG_VAR[0] == found.log_var.min() and found.log_var.max() == LOG_VAR[1]
    value = method.objective(examples.y, prior, 0.5, found).sum()
    assert value.isfinite()
    assert all(g.isfinite().all() for g in torch.autograd.grad(value, list(method.noise_.parameters())))
