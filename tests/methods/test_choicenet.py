import math

import numpy as np
import pytest
import torch
from small_blocks import LABELS, MANY, B, D, Q, block, correlated, features, sampled, started
from small_runs import digits, recipe, weights
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from lnlkit import losses, models
from lnlkit.data import targets
from lnlkit.methods import make
from lnlkit.methods.choicenet import RHO, ChoiceNetRegression, CholeskyBlock, cholesky_transform, correlation
from lnlkit.training import fit

N = 1_000_000  # draws: standard errors are sd / sqrt(N), sd / sqrt(2 N) and (1 - rho^2) / sqrt(N)
EVERY_RHO = pytest.mark.parametrize("rho", [-0.8, -0.2, 0.0, 0.5, 0.95])


@EVERY_RHO
def test_transform_has_the_stated_mean_deviation_and_correlation(rho):
    """A million draws, within five standard errors."""
    mu_w, sigma_w, sigma_z = 1.7, 0.4, 1.3
    w, z = mu_w + sigma_w * torch.randn(N, dtype=torch.float64), sigma_z * torch.randn(N, dtype=torch.float64)
    out, sd = cholesky_transform(w, z, rho, mu_w, sigma_w, sigma_z), math.sqrt(1 - rho**2) * sigma_z
    assert out.mean().item() == pytest.approx(rho * mu_w, abs=5 * sd / N**0.5)
    assert out.std().item() == pytest.approx(sd, abs=5 * sd / (2 * N) ** 0.5)
    assert correlated(out, w) == pytest.approx(rho, abs=5 * (1 - rho**2) / N**0.5)


def test_transform_is_constant_at_correlation_one():
    w, z = torch.randn(2, 100)
    for rho in (-1, 1):
        assert torch.equal(cholesky_transform(w, z, rho, 1.7, 0.4, 1.3), torch.full((100,), rho * 1.7))


def test_correlation_survives_an_affine_map_where_both_deviations_are_proportional():
    """Correlation of w.h and its transform: rho times the cosine of the angle between sigma_w h and sigma_z h."""
    h, rho, n = torch.tensor([1.0, -2.0, 0.5]), -0.8, 200_000
    for sigma_w in (torch.full((3,), 0.4), torch.tensor([0.1, 1.0, 3.0])):
        w, z = sigma_w * torch.randn(n, 3), 1.3 * torch.randn(n, 3)
        out = cholesky_transform(w, z, rho, 0.0, sigma_w, 1.3)
        expected = rho * F.cosine_similarity(sigma_w * h, h, dim=0).item()
        assert correlated(w @ h, out @ h) == pytest.approx(expected, abs=5 / n**0.5)
    assert abs(expected) < 0.7  # the uneven deviations: the correlation is not kept


def test_transform_gradient():
    """In all six arguments, against finite differences in float64."""
    w, z, mu_w = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    rho = torch.tensor([-0.99, -0.5, 0.0, 0.5, 0.99], dtype=torch.float64, requires_grad=True)
    sigma_w, sigma_z = torch.rand(2, 5, dtype=torch.float64).add(0.5).requires_grad_()
    assert torch.autograd.gradcheck(cholesky_transform, (w, z, rho, mu_w, sigma_w, sigma_z))


@pytest.mark.parametrize("activation", RHO)
def test_correlation_equals_float64_and_has_finite_gradients(activation):
    """The root from a second formula: 1 / cosh(a), and sqrt(1 + 2 e^a) / (1 + e^a) for the sigmoid."""
    a = torch.linspace(-100, 100, 4001).requires_grad_()
    wide = a.detach().double().requires_grad_()
    x = wide.relu() if activation == "sigmoid_relu" else wide
    sigmoid = x.sigmoid(), (1 + 2 * x.exp()).sqrt() / (1 + x.exp())
    tanh = x.tanh().abs() if activation == "abs_tanh" else x.tanh(), 1 / x.cosh()
    expected = tanh if activation.endswith("tanh") else sigmoid
    rho, s = correlation(a, activation)
    for got, wanted in zip((rho, s), expected, strict=True):
        assert_close(got.double(), wanted, rtol=1e-5, atol=1e-37)
        slopes = [torch.autograd.grad(v.sum(), at, retain_graph=True)[0] for v, at in ((got, a), (wanted, wide))]
        assert_close(slopes[0].double(), slopes[1], rtol=1e-5, atol=1e-6)
    assert_close(rho**2 + s**2, torch.ones_like(s))


def algorithm_1(cholesky: CholeskyBlock, h: torch.Tensor, sigma_w: torch.Tensor, e_w, e_z) -> torch.Tensor:
    """Means (B, K, D) as the paper writes them: a weight matrix for each example and component, then W_k h."""
    mu, sigma_z = torch.cat([cholesky.target.weight.T, cholesky.target.bias[None]]), cholesky.sigma_z  # (Q + 1, D)
    w, z = mu + sigma_w * e_w, sigma_z * e_z
    rho = cholesky.to_rho(h).tanh()
    W = [[cholesky_transform(w, z, r if k else 1.0, mu, sigma_w, sigma_z) for k, r in enumerate(row)] for row in rho]
    return torch.stack([torch.stack([x @ W_k[:-1] + W_k[-1] for W_k in Ws]) for x, Ws in zip(h, W, strict=True)])


@pytest.mark.parametrize("K", [1, 3])
def test_sampled_means_equal_algorithm_1_and_do_not_depend_on_the_variance_of_the_weights(K):
    """Values and gradients in float64; the gradient of the literal form in sigma_w is zero up to rounding."""
    cholesky, h = block(K=K).double(), features().double().requires_grad_()
    mixture = sampled(cholesky, h)
    torch.manual_seed(3)
    e_w, e_z = (torch.randn(Q + 1, D, dtype=torch.float64) for _ in range(2))
    sigma_w = torch.rand(Q + 1, D, dtype=torch.float64).add(0.1).requires_grad_()
    expected = algorithm_1(cholesky, h, sigma_w, e_w, e_z)
    assert_close(mixture.mu, expected)
    v = torch.randn_like(expected)
    inputs = (h, *cholesky.target.parameters(), *([cholesky.to_rho.weight] if K > 1 else []))
    got, wanted = (torch.autograd.grad((v * m).sum(), inputs, retain_graph=True) for m in (mixture.mu, expected))
    assert_close(got, wanted)
    assert torch.autograd.grad((v * expected).sum(), sigma_w)[0].abs().max() < 1e-12


@EVERY_RHO
def test_over_many_draws_the_means_are_correlated_with_the_sampled_target(rho):
    """Each output has weights of its own, so 20,000 outputs are as many draws; the first noise drawn is that of W*."""
    cholesky, h = block(n_outputs=MANY, fixed_rho=rho), features(1)
    with torch.no_grad():
        mean, mu = cholesky(h)[0], sampled(cholesky, h).mu[0]
    torch.manual_seed(3)
    target = mean + 0.4 * (torch.cat([h[0], torch.ones(1)]) @ torch.randn(Q + 1, MANY))  # W* h, whatever its variance
    away, sd = mu[1] - rho * mean, math.sqrt(1 - rho**2) * 0.7 * math.sqrt(1 + h.square().sum().item())
    assert torch.equal(mu[0], mean)  # correlation 1: the mean itself
    assert away.mean().item() == pytest.approx(0, abs=5 * sd / MANY**0.5)
    assert away.std().item() == pytest.approx(sd, rel=5 / (2 * MANY) ** 0.5)
    assert correlated(away, target - mean) == pytest.approx(rho, abs=5 * (1 - rho**2) / MANY**0.5)


@pytest.mark.parametrize("K", [1, 3])
def test_mixture_of_the_means_is_eq_6_with_softmax_weights(K):
    cholesky, h = block(K=K), features()
    log_pi, mu, var, rho = cholesky.mixture(h, sample=False)
    expected = torch.cat([torch.ones(B, 1), cholesky.to_rho(h).tanh()[:, 1:]], 1)
    assert_close(rho, expected)
    assert_close(log_pi.exp(), cholesky.to_pi(h).softmax(1))
    assert_close(var, (1 - expected**2)[:, :, None] * cholesky.to_log_var(h).exp()[:, None] + 1e-4)
    assert_close(mu, expected[:, :, None] * (h @ cholesky.target.weight.T + cholesky.target.bias)[:, None])
    assert torch.equal(mu[:, 0], cholesky(h)) and torch.equal(var[:, 0], torch.full((B, D), 1e-4))


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("authors", [False, True])
@pytest.mark.parametrize("K", [1, 2, 10])
def test_nothing_overflows(task, authors, K):
    """Pre-activations up to 1,000 of both signs, a target variance of 1e-12: loss and gradients stay finite."""
    y = torch.arange(64) % D if task == "classification" else torch.linspace(-3, 3, 64 * D).view(64, D)
    for scale in (0.0, 1.0, 1e3):
        x = features(64)
        method, batch = started(task, x, y, authors, K=K, tau_inv=1e-12)
        cholesky = method.nets_[0].block
        for head in (cholesky.target, cholesky.to_rho, cholesky.to_pi, cholesky.to_log_var):
            linear = head[0] if isinstance(head, nn.Sequential) else head
            if linear.bias is not None:
                nn.init.zeros_(linear.bias)
            linear.weight.data *= scale / linear(x).abs().max()
            assert linear(x).min().item() <= -0.2 * scale and linear(x).max().item() >= 0.2 * scale
        x.requires_grad_()
        loss = method.loss(batch)
        loss.backward()
        tensors = [loss, x.grad, *method.nets_[0].mixture(x, True), *(p.grad for p in method.nets_.parameters())]
        assert all(t.isfinite().all() for t in tensors)


@pytest.mark.parametrize("loss_kind", ["ce", "choice"])
def test_one_component_is_a_plain_head(loss_kind):
    """K = 1 and no variance: cross-entropy, or the loss of Eq. (9) on the target's logits."""
    method, batch = started("classification", features(), LABELS, K=1, tau_inv=1e-16, loss_kind=loss_kind)
    logits = method.nets_[0](batch.x)
    choice = (method.lambda_reg * logits.logsumexp(1) - logits.softmax(1)[torch.arange(B), LABELS]).mean()
    assert_close(method.loss(batch), choice if loss_kind == "choice" else F.cross_entropy(logits, LABELS))


def test_loss_samples_the_logits_and_adds_the_weighted_kl():
    """Eq. (8) and Eq. (9), the logits as by torch's normal distribution, drawn after the weights."""
    method, batch = started("classification", features(), LABELS, K=3, kl_weight=0.5)
    log_pi, mu, var, rho = sampled(method.nets_[0].block, batch.x)
    logits = torch.distributions.Normal(mu, var.sqrt()).rsample()
    expected = losses.choice(logits, batch.y, log_pi) + 0.5 * losses.rho_kl(rho, log_pi)
    torch.manual_seed(3)
    assert_close(method.loss(batch), expected.mean())


@pytest.mark.parametrize("lambda_1, lambda_2", [(0.0, 1.0), (2.0, 0.3)])
def test_regression_loss_is_eq_7(lambda_1, lambda_2):
    """Against torch's mixture of Gaussians."""
    x, y = features(), features(B)[:, :D]
    method, batch = started("regression", x, y, lambda_1=lambda_1, lambda_2=lambda_2, kl_weight=0.0)
    assert isinstance(method, ChoiceNetRegression)
    log_pi, mu, var, _ = sampled(method.nets_[0].block, x)
    components = torch.distributions.Independent(torch.distributions.Normal(mu, var.sqrt()), 1)
    mixed = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=log_pi), components)
    expected = -lambda_2 * mixed.log_prob(y) + lambda_1 * (y - method.nets_[0](x)).square().sum(1)
    torch.manual_seed(3)
    assert_close(method.loss(batch), expected.mean())


@pytest.mark.parametrize("amp", [False, True])
def test_prediction_is_the_first_component_and_looking_at_it_changes_nothing(amp):
    """Batch norm included, when `mixture` is called after each epoch. In bfloat16, the block still gets float32."""
    plain, watched, dtypes = make("choicenet", K=3), make("choicenet", K=3), set()
    run, data = recipe("small_cnn", epochs=2, amp=amp), digits(96)

    def watch(method):
        conv = next(layer for layer in method.nets_.modules() if isinstance(layer, nn.Conv2d))
        conv.register_forward_hook(lambda layer, args, out: dtypes.add(out.dtype))
        method.nets_[0].block.register_forward_hook(lambda layer, args, out: dtypes.add((args[0].dtype, out.dtype)))
        return {"pi": float(method.mixture(data.x).log_pi.exp().mean()), "p": float(method.predict(data.x).max())}

    fit(watched, data, run, after_epoch=watch)
    fit(plain, data, run)
    assert torch.equal(weights(plain), weights(watched))
    assert dtypes == {torch.bfloat16 if amp else torch.float32, (torch.float32, torch.float32)}
    assert torch.equal(watched.predict(data.x), watched.mixture(data.x).mu[:, 0].softmax(1))


def test_regression_on_flipped_targets():
    """Fig. 4: half of the targets with x in [0, 2] flipped, K = 2. The notebook measures what rho becomes there."""
    data = targets.sample("cosexp", 200, 0.5, kind="flipped", region=(0, 2))
    method = make("choicenet_regression", K=2)
    history = fit(method, data, recipe(make_net=lambda n_outputs: models.regression_mlp(1, n_outputs, 16), epochs=8))
    x = np.linspace(-3, 3, 50, dtype=np.float32)[:, None]
    log_pi, mu, var, rho = method.mixture(x)
    assert history[-1]["loss"] < history[0]["loss"]
    assert rho.shape == log_pi.shape == (50, 2) and mu.shape == var.shape == (50, 2, 1)
    assert (rho[:, 0] == 1).all() and rho[:, 1].abs().max() <= 1 and rho[:, 1].unique().numel() > 10
    assert_close(log_pi.exp().sum(1), torch.ones(50))
    assert var.min() >= 1e-2 and method.predict(x).shape == (50, 1) and torch.equal(method.predict(x), mu[:, 0])
