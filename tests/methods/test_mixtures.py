import json

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, weights
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal
from torch.testing import assert_close

from lnlkit import models
from lnlkit.data import targets
from lnlkit.methods import hyperparameters, make
from lnlkit.methods.choicenet import ChoiceNet
from lnlkit.methods.mixtures import MDN, IndependentBlock, MDNClassification
from lnlkit.training import Batch, Recipe, fit


def regression_recipe(n_outputs=1, **changes):
    settings = {"make_net": lambda n=None: models.regression_mlp(1, n or n_outputs, hidden=32), "epochs": 3,
                "make_optimizer": lambda p: torch.optim.Adam(p, lr=1e-2), "batch_size": 64}  # fmt: skip
    return Recipe(**settings | changes)


def curve(n=200, rate=0.0):
    return targets.sample("cosexp", n, rate)


# ---- the block ----


def test_block_is_the_mixture_of_its_linear_layers():
    """Component by component from the rows of the weights; D = 2, K = 3."""
    block, h = IndependentBlock(5, 2, K=3, tau_inv=0.1).double(), torch.randn(7, 5, dtype=torch.float64)
    log_pi, mu, var, rho = block.mixture(h)
    assert_close(log_pi.exp(), (h @ block.to_pi.weight.T + block.to_pi.bias).softmax(1))
    for k in range(3):
        rows = slice(2 * k, 2 * k + 2)
        assert_close(mu[:, k], h @ block.to_mu.weight[rows].T + block.to_mu.bias[rows])
        assert_close(var[:, k], (h @ block.to_log_var.weight[rows].T + block.to_log_var.bias[rows]).exp() + 0.1)
    assert rho.shape == (7, 3) and (rho == 0).all()


def test_block_predicts_the_mean_of_the_most_probable_component():
    block, h = IndependentBlock(5, 2, K=3, tau_inv=0.1), torch.randn(50, 5)
    mixture, best = block.mixture(h), []
    for i in range(50):
        best.append(mixture.mu[i, int(mixture.log_pi[i].argmax())])
    assert_close(block(h), torch.stack(best))
    assert len(set(mixture.log_pi.argmax(1).tolist())) > 1


def test_variance_stays_finite():
    block = IndependentBlock(2, 1, K=2, tau_inv=1e-4)
    torch.nn.init.ones_(block.to_log_var.weight)
    assert block.mixture(torch.full((1, 2), 1e6)).var.isfinite().all()
    assert block.mixture(torch.full((1, 2), -1e6)).var.tolist() == [[[pytest.approx(1e-4)]] * 2]


# ---- regression ----


def test_mdn_loss_is_the_likelihood_of_torch_distributions():
    """D = 2: variances, not deviations, and 2 pi counted; the authors' baseline gets this wrong."""
    method = MDN(K=4)
    two = targets.Targets(curve().x, np.hstack([curve().y, -curve().y]))
    fit(method, two, regression_recipe(2, epochs=1))
    batch = Batch(torch.from_numpy(two.x[:30]), torch.from_numpy(two.y[:30]), torch.arange(30))
    pi, mu, var, _ = method.nets_[0].mixture(batch.x, sample=True)
    components = Independent(Normal(mu, var.sqrt()), 1)
    likelihood = MixtureSameFamily(Categorical(logits=pi), components).log_prob(batch.y)
    assert_close(method.loss(batch), -likelihood.mean())


def test_mdn_finds_two_branches_where_the_mean_lies_between_them():
    """y = +1 or -1 at random: the mean of y is 0, but every prediction of an MDN is near +1 or -1."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (300, 1)).astype(np.float32)
    y = (rng.choice([-1, 1], (300, 1)) + 0.05 * rng.normal(size=(300, 1))).astype(np.float32)
    method = MDN(K=3)
    fit(method, targets.Targets(x, y), regression_recipe(epochs=20))
    assert (method.predict(x).abs() - 1).abs().max() < 0.3
    mixture = method.mixture(x)
    assert mixture.mu.shape == mixture.var.shape == (300, 3, 1) and mixture.rho.shape == (300, 3)


def test_mdn_fits_a_curve_repeats_and_takes_back_its_hyperparameters():
    method = make("mdn", **json.loads(json.dumps(hyperparameters(MDN()))))
    history = fit(method, curve(), regression_recipe(epochs=40))
    error = (method.predict(curve().x) - torch.from_numpy(curve().y_clean)).abs().mean()
    assert error < 0.1 and history[-1]["loss"] < history[0]["loss"]
    first, second, other = (MDN() for _ in range(3))
    for run, seed in ((first, 0), (second, 0), (other, 1)):
        fit(run, curve(), regression_recipe(), seed=seed)
    assert torch.equal(weights(first), weights(second)) and not torch.equal(weights(first), weights(other))
    assert MDN.task == "regression"


# ---- classification ----


def test_classification_predicts_the_softmax_of_the_most_probable_component():
    method, data = MDNClassification(K=3), digits()
    fit(method, data, recipe(epochs=2))
    mixture = method.mixture(data.x)
    best = mixture.log_pi.argmax(1)
    expected = torch.stack([mixture.mu[i, k].softmax(0) for i, k in enumerate(best.tolist())])
    assert_close(method.predict(data.x), expected)
    assert (best != 0).any()


def test_classification_loss_is_eq_9_on_noisy_logits():
    """Slow loops in NumPy, with the same draw of the noise."""
    method, data = MDNClassification(K=3, tau_inv=0.5, lambda_reg=0.2), digits(20)
    fit(method, data, recipe(epochs=1))
    x, y = torch.from_numpy(data.x[:, None]).float() / 255, torch.from_numpy(data.y)
    torch.manual_seed(3)
    loss = method.loss(Batch(x, y, torch.arange(20))).item()
    mixture = method.nets_[0].mixture(x, sample=True)
    torch.manual_seed(3)
    draw = torch.randn_like(mixture.mu)
    log_pi, mu, var, e = (t.detach().double().numpy() for t in (*mixture[:3], draw))
    total = 0.0
    for i in range(20):
        for k in range(3):
            z = np.exp(mu[i, k] + np.sqrt(var[i, k]) * e[i, k])
            total -= np.exp(log_pi[i, k]) * (z[data.y[i]] / z.sum() - 0.2 * np.log(z.sum()))
    assert loss == pytest.approx(total / 20, rel=1e-4)


def test_classification_has_the_defaults_of_choicenet():
    """Only the block differs, so a comparison credits the correlation and nothing else."""
    own, theirs = hyperparameters(MDNClassification()), hyperparameters(ChoiceNet())
    assert own == {name: theirs[name] for name in own}
