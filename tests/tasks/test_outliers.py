"""Outliers of a regression: which targets are replaced, and how many."""

import numpy as np
import pytest

from lnlkit import noise


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("rate, expected", [(0, 0), (0.01, 1), (0.29, 29), (0.299, 29), (0.6, 60), (1, 100)])
@pytest.mark.parametrize("shape", [(100,), (100, 2)])
def test_replaces_exactly_floor_of_rate_times_n_whole_targets(rate, expected, shape):
    """0.29 * 100 is 29, not 28.999999999999996; both dimensions of a target go together."""
    y, new = np.zeros(shape), np.ones(shape)
    replaced, outlier = noise.replace_targets(y, new, rate, rng())
    assert outlier.dtype == bool and outlier.shape == (100,) and outlier.sum() == expected
    np.testing.assert_array_equal(replaced, np.broadcast_to(outlier.reshape(100, *[1] * (y.ndim - 1)), shape))
    assert not y.any() and new.all()


def test_replaces_only_where_allowed_and_counts_there():
    where = np.arange(100) < 30
    _, outlier = noise.replace_targets(np.zeros(100), np.ones(100), 0.5, rng(), where)
    assert outlier.sum() == 15 and not outlier[30:].any()
    assert not noise.replace_targets(np.zeros(5), np.ones(5), 1, rng(), np.zeros(5, bool))[1].any()


def test_replaces_at_random_and_repeats_with_its_seed():
    first, again, other = (noise.replace_targets(np.zeros(1000), np.ones(1000), 0.3, rng(s))[1] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and 100 < first[:500].sum() < 200
    more = noise.replace_targets(np.zeros(1000), np.ones(1000), 0.6, rng(0))[1]
    assert (first <= more).all()  # those of a smaller rate are among those of a larger one


@pytest.mark.parametrize("change, error, message", [
    ({"new": np.zeros(9)}, ValueError, r"`new` must have the shape of `y`, \(10,\), but got \(9,\)"),
    ({"y": np.zeros((10, 1))}, ValueError, r"`new` must have the shape of `y`, \(10, 1\)"),
    ({"where": np.array([3, 5, 7])}, ValueError, "`where` must be a mask of booleans"),
    ({"where": np.ones(11, bool)}, ValueError, "`where` must be a mask"),
    ({"rate": 30}, ValueError, "Did you mean 0.3"), ({"rng": 0}, TypeError, "numpy.random.Generator")])  # fmt: skip
def test_replace_targets_names_wrong_arguments(change, error, message):
    with pytest.raises(error, match=message):
        noise.replace_targets(**{"y": np.zeros(10), "new": np.ones(10), "rate": 0.3, "rng": rng()} | change)
