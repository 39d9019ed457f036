import numpy as np
import pytest
import torch
from small_regressions import constant_recipe, curve, recipe
from small_runs import sgd, untrained, weights

from lnlkit import losses
from lnlkit.data import targets
from lnlkit.methods.regression import L1, L2, LeakyRobustLoss, Regression, RobustLoss, spread
from lnlkit.training import Batch, fit

C = 4.6851


def at_zero(*y) -> targets.Targets:
    """Targets whose inputs are all 0."""
    return targets.Targets(np.zeros((len(y), 1), np.float32), np.float32(y)[:, None])


def fitted_constant(method, y, **changes) -> float:
    settings = {"epochs": 300, "batch_size": len(y), "make_optimizer": lambda p: torch.optim.Adam(p, lr=1e-2)}
    fit(method, at_zero(*y), constant_recipe(**settings | changes))
    return method.predict(np.zeros((1, 1), np.float32)).item()


def psi(r, scale):
    """The gradient of tukey(r / scale) in r / scale, as in the authors' code."""
    u = r / scale
    return np.where(np.abs(u) < C, u * (1 - (u / C) ** 2) ** 2, 0.0)


S = 1.4826 * 0.3  # of INLIERS + OUTLIERS: their median is 0.15, the median distance from it 0.3 (0.25 and 0.35)
INLIERS = [0.1 * i for i in range(-4, 5)]  # mean and median 0
OUTLIERS = [9.0, 9.5, 10.0]


@pytest.mark.parametrize("method, slow", [(L2(), np.square), (L1(), np.abs)], ids=["l2", "l1"])
def test_reports_its_loss_of_the_untrained_network(method, slow):
    """One full batch: the logged loss is the mean over examples and dimensions before the update."""
    noisy = curve()
    y = np.concatenate([noisy.y, 2 * noisy.y], 1)
    data = targets.Targets(noisy.x, y)
    residual = y.astype(float) - untrained(method, data, recipe()).predict(noisy.x).numpy()
    history = fit(method, data, recipe(epochs=1, batch_size=len(y)))
    assert history[0]["loss"] == pytest.approx(slow(residual).mean(), rel=1e-5)


def test_each_loss_fits_its_own_centre_of_the_targets():
    """L2 the mean, L1 the median, Tukey the bulk as if the outliers were not there, its leaky form a little off."""
    y = INLIERS + OUTLIERS
    assert fitted_constant(L2(), y, epochs=900) == pytest.approx(np.mean(y), abs=0.01)
    assert fitted_constant(L1(), y) == pytest.approx(0.15, abs=0.06)  # between the sixth and the seventh of twelve
    tukey = fitted_constant(RobustLoss(), y)
    assert tukey == pytest.approx(0, abs=1e-2)
    far = [100 + 9 * value for value in OUTLIERS]
    assert fitted_constant(RobustLoss(), INLIERS + far) == pytest.approx(tukey, abs=1e-3)
    assert 0.01 < fitted_constant(LeakyRobustLoss(), y) < 0.15


@pytest.mark.parametrize("method, widening", [(RobustLoss(), 7), (RobustLoss(wide_steps=0), 1),
                                              (RobustLoss(widening=3), 3)])  # fmt: skip
def test_first_step_is_the_gradient_of_the_authors_code(method, widening):
    """SGD from 0 on a bias: lr times the mean of psi(r / spread), the spread widened and without its own gradient."""
    y = np.array([*INLIERS, 0.7, *OUTLIERS])  # not symmetric: the inliers' gradients must not cancel
    step = fitted_constant(method, y, epochs=1, make_optimizer=sgd(0.5))
    mad = np.median(np.abs(y - np.median(y)))
    assert step == pytest.approx(0.5 * psi(y, widening * 1.4826 * mad).mean(), rel=1e-4)


def test_widening_ends_after_its_steps_and_begins_again_with_a_run():
    """The same residuals (learning rate 0) cost more once a far point's residual is measured in plain spreads."""
    method = RobustLoss(wide_steps=2)
    runs = []
    for _ in range(2):
        history = fit(method, at_zero(*INLIERS, *OUTLIERS), constant_recipe(epochs=4, make_optimizer=sgd(0.0)))
        runs.append([row["loss"] for row in history])
    assert runs[0] == runs[1]
    wide, plain = (np.mean(losses.tukey(torch.tensor(INLIERS + OUTLIERS) / s).numpy() * s) for s in (7 * S, S))
    assert runs[0] == pytest.approx([wide, wide, plain, plain], rel=1e-5)


def test_a_far_point_has_no_gradient_unless_the_loss_leaks():
    """Beyond c spreads: 0, or leak / B; the inliers' gradients do not know the leak."""
    y = torch.tensor(INLIERS + [50.0, -50.0])[:, None]

    def gradient(method):
        untrained(method, at_zero(*y[:, 0].tolist()), constant_recipe())
        prediction = torch.zeros_like(y, requires_grad=True)
        method.nets_[0].forward = lambda x: prediction
        method.loss(Batch(torch.zeros_like(y), y, torch.arange(len(y)))).backward()
        return prediction.grad[:, 0]

    hard, leaky = gradient(RobustLoss(wide_steps=0)), gradient(LeakyRobustLoss(wide_steps=0))
    assert hard[-2:].tolist() == [0, 0]
    torch.testing.assert_close(leaky[-2:], torch.tensor([-0.1, 0.1]) / len(y))
    torch.testing.assert_close(leaky[:-2], hard[:-2])
    assert hard[0] > 0 > hard[-3]


def test_leaky_loss_without_leak_is_the_robust_loss_bit_for_bit():
    a, b, c = (cls(leak=leak, wide_steps=2) for cls, leak in
               ((LeakyRobustLoss, 0.0), (RobustLoss, 0.0), (LeakyRobustLoss, 0.1)))  # fmt: skip
    for method in (a, b, c):
        fit(method, curve(), recipe())
    assert torch.equal(weights(a), weights(b)) and not torch.equal(weights(a), weights(c))


def test_spread_is_the_deviation_of_a_gaussian_and_ignores_outliers_and_shifts():
    g = torch.Generator().manual_seed(0)
    r = torch.randn(20_000, 2, generator=g) * torch.tensor([0.5, 3.0]) + 7
    torch.testing.assert_close(spread(r), torch.tensor([0.5, 3.0]), rtol=0.03, atol=0)
    r[:2_000] = 1e6
    assert (spread(r) < torch.tensor([0.6, 3.6])).all()
    even = torch.tensor([[0.0], [1.0], [4.0], [9.0]])  # median 2.5, deviations 2.5, 1.5, 1.5, 6.5: median 2
    assert spread(even).item() == pytest.approx(1.4826 * 2)


@pytest.mark.parametrize("y", [[3.0], [1.0, 1.0, 1.0, 50.0]], ids=["one example", "most are equal"])
def test_a_batch_without_spread_is_finite(y):
    """The spread is then the smallest one: no division by 0, no NaN in the weights."""
    method = RobustLoss(wide_steps=0)
    history = fit(method, at_zero(*y), constant_recipe(epochs=2))
    assert np.isfinite([row["loss"] for row in history]).all() and weights(method).isfinite().all()


def test_robust_losses_stand_outliers_that_squares_do_not():
    """A third of uniform outliers, mean 0.5 above or below the curve: L2 is off by more than both others."""
    noisy, error = curve(384, rate=0.35), {}
    for method in (L2(), L1(), RobustLoss()):
        fit(method, noisy, recipe(epochs=30))
        error[type(method)] = float(np.abs(method.predict(noisy.x).numpy() - noisy.y_clean).mean())
    assert error[L1] < 0.6 * error[L2] and error[RobustLoss] < 0.6 * error[L2]


def test_a_regression_without_a_loss_says_so():
    with pytest.raises(NotImplementedError):
        fit(Regression(), curve(), recipe())
