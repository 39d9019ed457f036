import numpy as np
import pytest
import torch
from small_runs import digits, recipe, weights
from torch.testing import assert_close

from lnlkit import noise
from lnlkit.methods.base import CE
from lnlkit.methods.correction import Forward, estimate_T
from lnlkit.training import fit

T = np.array([[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0.2, 0.5, 0.1], [0, 0, 0.4, 0.6]])


def noisy_posterior(n_anchors: int = 40, n_other: int = 600) -> np.ndarray:
    """P(noisy | x) of a perfect predictor: anchors of each class, and examples that are a mixture of classes."""
    sure = np.repeat(np.eye(4), n_anchors, 0)
    unsure = np.random.default_rng(0).dirichlet(np.ones(4), n_other)
    p = np.concatenate([sure, unsure]) @ T
    return np.random.default_rng(1).permutation(p)


@pytest.mark.parametrize("percentile", [97.0, 100.0])
def test_estimate_T_recovers_the_matrix_of_a_perfect_predictor(percentile):
    p = noisy_posterior()
    before = p.copy()
    assert_close(estimate_T(p, percentile), torch.from_numpy(T), atol=1e-9, rtol=0)
    assert np.array_equal(p, before)


def test_the_percentile_leaves_out_an_outlier():
    """One image that the network is certain about, against the noise: the largest value is fooled, the 97th is not."""
    p = np.concatenate([noisy_posterior(), [[1.0, 0, 0, 0]]])
    assert_close(estimate_T(p, 97)[0], torch.from_numpy(T[0]), atol=1e-9, rtol=0)
    assert estimate_T(p, 100)[0, 0] > 0.999


def test_the_anchor_is_the_example_at_the_percentile():
    p = np.random.default_rng(2).dirichlet(np.ones(4), 251)
    expected = np.percentile(p, 97, axis=0, method="lower")
    assert_close(estimate_T(p).diagonal(), torch.from_numpy(expected), atol=1e-9, rtol=0)


def test_an_estimate_rules_no_label_out():
    """A softmax that has saturated to 0 and 1 would give infinite losses."""
    estimate = estimate_T(np.eye(4)[np.arange(100) % 4])
    assert (estimate > 0).all()
    assert_close(estimate.sum(1), torch.ones(4, dtype=torch.float64), rtol=0, atol=1e-14)


@pytest.mark.parametrize(("p", "percentile", "says"), [
    (np.zeros(4), 97, r"`p` must be probabilities \(N, K\)"),
    (np.eye(4), 101, r"`percentile` must be a number in \[0, 100\]"),
])  # fmt: skip
def test_estimate_T_names_a_wrong_argument(p, percentile, says):
    with pytest.raises(ValueError, match=says):
        estimate_T(p, percentile)


def test_forward_without_noise_is_the_ce_run_bit_for_bit():
    forward, ce = Forward(T=np.eye(10)), CE()
    assert fit(forward, digits(), recipe()) == fit(ce, digits(), recipe())
    assert torch.equal(weights(forward), weights(ce))


@pytest.mark.parametrize(("warmup_epochs", "epochs_of_ce"), [(None, 3), (1, 1)])
def test_forward_estimates_on_the_ce_run_then_starts_afresh(warmup_epochs, epochs_of_ce):
    data = digits(y=noise.corrupt(digits().y, noise.pairflip(10, 0.3), np.random.default_rng(0)))
    estimated, ce = Forward(warmup_epochs=warmup_epochs, percentile=90.0), CE()
    fit(estimated, data, recipe(), seed=4)
    fit(ce, data, recipe(epochs=epochs_of_ce), seed=4)
    assert_close(estimated.T_, estimate_T(ce.predict(data.x), 90.0).float())
    given = Forward(T=estimated.T_)
    fit(given, data, recipe(), seed=4)
    assert_close(weights(given), weights(estimated), rtol=1e-3, atol=1e-5)


def test_forward_with_the_true_matrix_undoes_pair_flips():
    """At 45 % the wrong label is nearly as frequent as the right one, and CE cannot tell which is which."""
    pairs = noise.pairflip(10, 0.45)
    data = digits(1200, noise.corrupt(digits(1200).y, pairs, np.random.default_rng(0)))
    accuracy = {}
    for name, method in (("ce", CE()), ("forward", Forward(T=pairs))):
        fit(method, data, recipe(epochs=12))
        accuracy[name] = float((method.predict(data.x).argmax(1).numpy() == data.y_clean).mean())
    assert accuracy["forward"] > 0.9 and accuracy["ce"] < accuracy["forward"] - 0.15


def test_forward_names_a_matrix_that_cannot_be():
    y = digits().y
    for matrix, says in [
        (np.eye(9), "`T` must have one row per class, 10, but got 9"),
        (np.eye(10)[y[:10] * 0], "`T` must give each label in the data to some class, but column 1 is all zeros"),
        (noise.asymmetric({0: 1}, 10, 0.4).T, "`T` must have rows that sum to 1.*transpose"),
    ]:
        with pytest.raises(ValueError, match=says):
            fit(Forward(T=matrix), digits(), recipe())
