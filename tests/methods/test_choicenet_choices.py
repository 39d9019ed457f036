"""The choices that paper and authors' code of ChoiceNet make differently, and what a method says of itself."""

import math
from types import SimpleNamespace

import pytest
import torch
from small_blocks import LABELS, MANY, B, D, block, correlated, features, sampled, started
from small_runs import digits, recipe
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from lnlkit.methods import make
from lnlkit.methods.choicenet import RHO, AuthorsChoiceNet, AuthorsChoiceNetRegression, ChoiceNet, ChoiceNetRegression
from lnlkit.training import fit

OF_THE_BLOCK = {"rho": "sigmoid_relu", "rho_first": 0.95, "outer": "linear", "draws": "separate",
                "double_softmax": True, "heads": "normalised", "target_bias": False}  # fmt: skip


def differences(printed, authors) -> dict:
    """The fields of the authors' method that differ from those of the printed one."""
    return {name: value for name, value in vars(authors).items() if getattr(printed, name) != value}


def test_the_authors_choices_are_those_of_their_code():
    """As read in sjchoi86/choicenet; nothing else differs from what is printed."""
    assert differences(ChoiceNet(), AuthorsChoiceNet()) == OF_THE_BLOCK | {"regulariser": "unnormalised"}
    assert differences(ChoiceNetRegression(), AuthorsChoiceNetRegression()) == {
        "rho": "sigmoid", "rho_first": 0.99, "outer": "linear", "draws": "separate", "lambda_1": 0.0}  # fmt: skip
    assert isinstance(make("choicenet_authors"), AuthorsChoiceNet)
    assert isinstance(make("choicenet_regression_authors"), AuthorsChoiceNetRegression)


@pytest.mark.parametrize("field, value", OF_THE_BLOCK.items())
def test_each_departure_of_the_authors_code_changes_the_mixture(field, value):
    paper, code = sampled(block(), features()), sampled(block(**{field: value}), features())
    assert any(a.shape == b.shape and not torch.allclose(a, b) for a, b in zip(paper, code, strict=True))


def test_ranges_of_rho():
    h = features(200, scale=10.0)
    rho = {name: block(rho=name).mixture(h, False).rho[:, 1:] for name in RHO}
    assert rho["tanh"].min() < -0.9 and 0 <= rho["sigmoid"].min() < 0.1 and 0 <= rho["abs_tanh"].min() < 0.1
    assert rho["sigmoid_relu"].min() == 0.5 and all(0.9 < r.max() <= 1 for r in rho.values())


def test_first_correlation_below_one_holds_in_training_only():
    cholesky, h = block(rho_first=0.95), features()
    training, inference = sampled(cholesky, h), cholesky.mixture(h, False)
    assert (training.rho[:, 0] == 0.95).all() and not torch.allclose(training.mu[:, 0], 0.95 * cholesky(h), atol=0.01)
    assert (inference.rho[:, 0] == 1).all() and torch.equal(inference.mu[:, 0], cholesky(h))


def test_double_softmax_bounds_the_first_weight():
    cholesky = block(double_softmax=True, K=5)
    cholesky.to_pi.bias.data[0] = 1e3
    assert_close(cholesky.mixture(features(), False).log_pi[:, 0].exp(), torch.full((B,), math.e / (math.e + 4)))


def test_linear_outer_factor_shrinks_the_spread():
    h = features()
    means, sqrt, linear = block().mixture(h, False), sampled(block(), h), sampled(block(outer="linear"), h)
    s = (1 - means.rho**2).sqrt()[:, :, None]
    assert_close(linear.mu - means.mu, s * (sqrt.mu - means.mu))
    assert s.min() == 0 and 0.1 < s[:, 1:].min() < 0.9


@pytest.mark.parametrize("draws, expected", [("shared", 1.0), ("separate", 0.0)])
def test_separate_draws_make_components_and_examples_independent(draws, expected):
    """Equal correlations: shared draws give equal deviations from the mean. Both have deviation s sigma_z |(h, 1)|."""
    cholesky, h = block(n_outputs=MANY, fixed_rho=0.6, draws=draws), features(1).expand(2, -1)
    with torch.no_grad():
        away = sampled(cholesky, h).mu - cholesky.mixture(h, False).mu  # (2, K, MANY): one draw an output
    assert correlated(away[0, 1], away[0, 2]) == pytest.approx(expected, abs=5 / MANY**0.5)
    assert correlated(away[0, 1], away[1, 1]) == pytest.approx(expected, abs=5 / MANY**0.5)
    sd = 0.8 * 0.7 * math.sqrt(1 + h[0].square().sum().item())
    assert away[:, 1:].std((0, 2)).tolist() == pytest.approx([sd, sd], rel=5 / (2 * MANY) ** 0.5)


def test_fixed_rho_replaces_all_learned_correlations():
    cholesky = block(fixed_rho=-0.3)
    mixture = sampled(cholesky, features())
    assert torch.equal(mixture.rho, torch.tensor([1, -0.3, -0.3]).expand(B, 3))
    mixture.mu.square().sum().backward()
    assert cholesky.to_rho.weight.grad is None and cholesky.target.weight.grad.abs().sum() > 0


def test_absolute_correlations_differ_in_their_sign_alone():
    h = features(50)
    free, folded = (block(rho=rho).mixture(h, False) for rho in ("tanh", "abs_tanh"))
    assert (free.rho < 0).any() and torch.equal(folded.rho, free.rho.abs())
    assert torch.equal(folded.var, free.var) and torch.equal(folded.log_pi, free.log_pi)


def test_turning_target_and_correlations_round_leaves_all_other_components_as_they_are():
    """What the mixture can't see: the first component turns round, and it is the prediction."""
    h, upright, turned = features(), block(), block()
    with torch.no_grad():
        for parameter in (*turned.target.parameters(), *turned.to_rho.parameters()):
            parameter.neg_()
    one, other = upright.mixture(h, False), turned.mixture(h, False)
    assert_close(one.mu[:, 1:], other.mu[:, 1:])
    assert torch.equal(one.log_pi, other.log_pi) and torch.equal(one.var, other.var)
    assert_close(turned(h), -upright(h))


def batch_normed(head: nn.Sequential, h: torch.Tensor) -> torch.Tensor:
    a = F.linear(h, head[0].weight, head[0].bias)
    return (a - a.mean(0)) / (a.var(0, unbiased=False) + head[1].eps).sqrt()


def test_normalised_heads_are_batch_norm_and_relu_but_for_the_correlations():
    """Against the formula; the ReLU makes every base variance at least 1 and halves what weights can say."""
    cholesky, h = block(heads="normalised").train(), features(40)
    mixture = cholesky.mixture(h, False)
    assert_close(mixture.rho[:, 1:], batch_normed(cholesky.to_rho, h).tanh()[:, 1:], rtol=1e-4, atol=1e-5)
    assert_close(mixture.log_pi, batch_normed(cholesky.to_pi, h).relu().log_softmax(1), rtol=1e-4, atol=1e-5)
    base = batch_normed(cholesky.to_log_var, h).relu().exp()[:, None]
    expected = (1 - mixture.rho**2)[:, :, None] * base + 1e-4
    assert_close(mixture.var, expected, rtol=1e-4, atol=1e-5)
    assert (mixture.rho < 0).any() and base.min() == 1


def test_without_a_bias_the_target_and_its_noise_are_zero_where_the_features_are():
    """The constant 1 among the features, which gives the sampled weights a bias, is gone as well."""
    zero = torch.zeros(2, 6)
    without, with_bias = block(target_bias=False), block()
    assert without.target.bias is None and torch.equal(sampled(without, zero).mu, torch.zeros(2, 3, D))
    assert sampled(with_bias, zero).mu.abs().min() > 0
    h = features(1)
    away = sampled(block(n_outputs=MANY, fixed_rho=0.6, target_bias=False), h).mu[0, 1]
    away = away - block(n_outputs=MANY, fixed_rho=0.6, target_bias=False).mixture(h, False).mu[0, 1]
    assert away.std().item() == pytest.approx(0.8 * 0.7 * h.norm().item(), rel=5 / (2 * MANY) ** 0.5)


def test_correlations_themselves_stand_in_eq_8_of_the_authors_code():
    """With kl_weight on top of the same draws: sum rho (log rho - log pi)."""
    found = {}
    for kl_weight in (0.0, 0.5):
        method, batch = started("classification", features(), LABELS, authors=True, K=3, kl_weight=kl_weight)
        torch.manual_seed(1)
        for layer in method.nets_[0].modules():
            if hasattr(layer, "reset_parameters"):
                layer.reset_parameters()
        mixture = sampled(method.nets_[0].block, batch.x)
        torch.manual_seed(3)
        found[kl_weight] = method.loss(batch)
    rho, pi = mixture.rho, mixture.log_pi.exp()
    assert_close(found[0.5] - found[0.0], 0.5 * (rho * (rho.log() - pi.log())).sum(1).mean())


@pytest.mark.parametrize("settings", [{}, {"fixed_rho": -0.1}])
def test_correlations_below_zero_have_no_logarithm_for_eq_8(settings):
    with pytest.raises(ValueError, match="`regulariser` must be 'divergence'.*got 'unnormalised'"):
        make("choicenet", regulariser="unnormalised", **settings)
    for fine in ({"fixed_rho": 0.0}, {"rho": "abs_tanh"}, {"K": 1}):
        make("choicenet", regulariser="unnormalised", **fine)


def test_a_last_batch_of_one_is_left_out_where_heads_are_normalised():
    """A single example has no deviation to normalise by; 33 examples leave one over."""
    method = make("choicenet_authors", K=2)
    fit(method, digits(33), recipe(epochs=1, batch_size=32))
    assert method.predict(digits(33).x).isfinite().all()


def mixture_of(sign: float, rho: float, n_classes: int = D):
    """A method whose target is `sign` times the right class's feature, and whose last component has all the weight."""
    y = torch.arange(24) % n_classes
    x = F.pad(F.one_hot(y, n_classes).float(), (0, 6 - n_classes))
    method, _ = started("classification", x, y, n_classes=n_classes, K=2)
    cholesky = method.nets_[0].block
    with torch.no_grad():
        for layer in (cholesky.target, cholesky.to_rho, cholesky.to_pi):
            layer.weight.zero_()
            layer.bias.zero_()
        cholesky.target.weight += sign * torch.eye(n_classes, 6)
        cholesky.to_rho.bias[1] = math.atanh(rho)
        cholesky.to_pi.bias[1] = math.log(9)
    return method, SimpleNamespace(test=SimpleNamespace(x=x, y=y.numpy()))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_an_upside_down_mixture_is_recognised(sign):
    """Its heaviest component, with a correlation near -1, is right where the target's smallest logit is."""
    method, splits = mixture_of(sign, 0.9 * sign)
    found = method.diagnose(splits)
    assert (found["largest_right"], found["smallest_right"]) == ((1, 0) if sign > 0 else (0, 1))
    assert found["heaviest_rho"] == pytest.approx(0.9 * sign)
    assert (found["first_weight"], found["heaviest_weight"]) == (pytest.approx(0.1), pytest.approx(0.9))
    assert not [name for name in found if name.startswith("second")]


@pytest.mark.parametrize("rho, of_0, of_1", [(0.5, 0.0, 1.0), (-0.5, 1.0, 0.0)])
def test_of_two_classes_it_says_what_the_second_component_calls_them(rho, of_0, of_1):
    method, splits = mixture_of(1.0, rho, n_classes=2)
    found = method.diagnose(splits)
    assert (found["second_says_1_of_0"], found["second_says_1_of_1"]) == (of_0, of_1)


def test_impossible_settings_are_named():
    wrong = {"K": 0, "tau_inv": 0.0, "rho_first": 1.5, "fixed_rho": -2.0, "rho": "relu", "outer": "1",
             "draws": "both", "heads": "none"}  # fmt: skip
    for field, value in wrong.items():
        with pytest.raises(ValueError, match=f"`{field}` must be .*but got"):
            block(**{field: value})
