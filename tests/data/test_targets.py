"""Regression sets: exact rates, kinds and regions of outliers; tables from disk; standardised splits."""

import dataclasses
import math

import numpy as np
import pytest

from lnlkit import data
from lnlkit.data import bundles, targets

EVERY_FUNCTION = pytest.mark.parametrize("function", targets.FUNCTIONS)


def rng(seed=0):
    return np.random.default_rng(seed)


# ---- functions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function, x, y", [
    ("cosexp", [0, 1, 2, -2, 3], [1, 0, -math.exp(-1), -math.exp(-1), 0]),
    ("linear", [-3, 0, 1, 3], [-1.5, 0, 0.5, 1.5]),
    ("step", [-3, -1.001, -1, 0, 0.999, 1, 3], [-1, -1, 1, 1, 1, -1, -1])])  # fmt: skip
def test_functions_at_known_points(function, x, y):
    np.testing.assert_allclose(targets.FUNCTIONS[function](np.array(x, float)), y, atol=1e-12)


@EVERY_FUNCTION
def test_a_clean_set_is_the_function_with_gaussian_noise(function):
    clean = targets.sample(function, 4000, 0)
    assert clean.x.shape == clean.y.shape == clean.y_clean.shape == (4000, 1) and len(clean) == 4000
    assert clean.x.dtype == clean.y.dtype == clean.y_clean.dtype == np.float32
    assert not clean.outlier.any() and clean.realised_rate == 0
    error = (clean.y - clean.y_clean)[:, 0]
    assert abs(error.mean()) < 0.004 and error.std() == pytest.approx(0.05, rel=0.05)
    assert clean.x.min() == pytest.approx(-3, abs=0.01) and clean.x.max() == pytest.approx(3, abs=0.01)
    np.testing.assert_allclose(np.histogram(clean.x, 6, (-3, 3))[0], 4000 / 6, rtol=0.15)  # uniform
    x, y = targets.sample(function, 50, 0, sd=0).x, targets.sample(function, 50, 0, sd=0).y
    np.testing.assert_allclose(y, targets.FUNCTIONS[function](x.astype(float)), atol=1e-5)


@pytest.mark.parametrize("rate", [0, 0.1, 0.299, 0.6, 1])
def test_uniform_outliers_have_the_exact_rate_and_span(rate):
    noisy = targets.sample("linear", 1001, rate)
    assert noisy.outlier.sum() == math.floor(rate * 1001) and noisy.realised_rate == noisy.outlier.sum() / 1001
    unchanged = targets.sample("linear", 1001, 0)
    np.testing.assert_array_equal(noisy.y[~noisy.outlier], unchanged.y[~noisy.outlier])
    np.testing.assert_array_equal(noisy.y_clean, unchanged.y_clean)
    if rate >= 0.299:
        drawn = noisy.y[noisy.outlier]
        assert -1.5 <= drawn.min() < -1.4 and 2.4 < drawn.max() <= 2.5 and drawn.mean() == pytest.approx(0.5, abs=0.25)
        assert abs(np.corrcoef(drawn[:, 0], noisy.x[noisy.outlier][:, 0])[0, 1]) < 0.15


def test_span_decides_where_outliers_lie():
    noisy = targets.sample("linear", 500, 1, span=(10, 11))
    assert noisy.y.min() >= 10 and noisy.y.max() <= 11


def test_flipped_outliers_have_the_other_sign_without_noise():
    noisy = targets.sample("cosexp", 1000, 0.4, kind="flipped")
    assert noisy.outlier.sum() == 400
    np.testing.assert_array_equal(noisy.y[noisy.outlier], -noisy.y_clean[noisy.outlier])


@pytest.mark.parametrize("kind", ["uniform", "flipped"])
def test_a_region_has_the_rate_and_the_rest_has_none(kind):
    noisy = targets.sample("linear", 1000, 0.5, kind=kind, region=(0, 2))
    inside = (noisy.x[:, 0] >= 0) & (noisy.x[:, 0] <= 2)
    assert 250 < inside.sum() < 420
    assert noisy.outlier.sum() == inside.sum() // 2 and not noisy.outlier[~inside].any()


def test_seeds_and_rates():
    """One seed, one set; another rate has the same inputs, the same noise, and keeps the outliers of a smaller rate."""
    first, again, other, more = (targets.sample("step", 300, rate, seed=s)
                                 for rate, s in ((0.2, 3), (0.2, 3), (0.2, 4), (0.5, 3)))  # fmt: skip
    for field in dataclasses.fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    assert (first.x != other.x).all() and (first.outlier != other.outlier).any()
    np.testing.assert_array_equal(first.x, more.x)
    np.testing.assert_array_equal(first.y[~more.outlier], more.y[~more.outlier])
    assert (first.outlier <= more.outlier).all()
    np.testing.assert_array_equal(first.x, targets.sample("step", 300, 0.2, seed=3, kind="flipped").x)


def test_the_visible_part_holds_no_truth():
    noisy = targets.sample("linear", 50, 0.3)
    seen = noisy.visible()
    assert set(vars(seen)) == {"x", "y"} and len(seen) == 50
    np.testing.assert_array_equal(seen.y, noisy.y)


@pytest.mark.parametrize("change, message", [
    ({"function": "cosexpo"}, "Did you mean 'cosexp'"), ({"kind": "flip"}, "Did you mean 'flipped'"),
    ({"rate": 30}, "Did you mean 0.3"), ({"n": 0}, "`n` must be at least 1")])  # fmt: skip
def test_sample_names_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        targets.sample(**{"function": "cosexp", "n": 10, "rate": 0.3} | change)


@pytest.mark.parametrize("x, y", [((5, 1), (5,)), ((5,), (5, 1)), ((5, 1), (4, 1))])
def test_targets_must_be_two_dimensional_and_of_one_length(x, y):
    with pytest.raises(ValueError, match=r"`x` must be \(N, d\) and `y` \(N, D\), but got .*y\[:, None\]"):
        targets.Targets(np.zeros(x), np.zeros(y))


@pytest.mark.parametrize("change, message", [
    ({"y_clean": np.zeros((4, 1))}, r"`x` must be .* `y` and `y_clean` .*\(5, 1\) and \(4, 1\)"),
    ({"y": np.full((5, 1), np.nan)}, "`y` must hold finite numbers, but 5 of them are"),
    ({"outlier": np.zeros(4, bool)}, "`outlier` must be True or False for each of the 5 examples"),
    ({"outlier": np.zeros(5)}, "`outlier` must be True or False .* but got float64"),
])  # fmt: skip
def test_noisy_targets_are_finite_and_of_one_length(change, message):
    good = dict(x=np.zeros((5, 2)), y=np.zeros((5, 1)), y_clean=np.zeros((5, 1)), outlier=np.zeros(5, bool))
    assert targets.NoisyTargets(**good).realised_rate == 0
    with pytest.raises(ValueError, match=message):
        targets.NoisyTargets(**good | change)


# ---- tables ----------------------------------------------------------------------------------------------------


def house_table(n=60):
    """A made-up table: three inputs of different scale, one of them constant, and a target."""
    x = np.column_stack([rng(0).normal(5, 2, n), rng(1).normal(-400, 90, n), np.full(n, 0.1)])
    return x, 20 + x[:, 0] - 0.02 * x[:, 1] + rng(2).normal(size=n)


def put(folder, **arrays):
    bundles.write_bundle(folder / "boston.npz", arrays)
    return folder


def test_diabetes_is_built_in_and_in_its_own_units():
    table = data.load("diabetes")
    x, y = table.x, table.y
    assert "built in" in table.source
    assert x.shape == (442, 10) and y.shape == (442,) and y.min() == 25 and y.max() == 346
    assert x[:, 0].min() == 19 and x[:, 0].max() == 79  # age in years


def test_friedmans_function_is_drawn_as_its_formula_says():
    table = data.load("friedman1")
    x = table.x
    f = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    noise = table.y - f
    assert x.shape == (1000, 10) and abs(noise.mean()) < 0.1 and noise.std() == pytest.approx(1, abs=0.08)
    np.testing.assert_array_equal(data.load("friedman1").y, table.y)
    assert targets.prepare("friedman1") is None and targets.files("friedman1") == []


@pytest.mark.parametrize("named", [True, False], ids=["data_dir", "LNLKIT_DATA"])
def test_a_table_is_read_from_its_file(tmp_path, monkeypatch, named):
    x, y = house_table()
    put(tmp_path, x=x.astype(np.float32), y=y.round().astype(int))
    monkeypatch.setenv("LNLKIT_DATA", "" if named else str(tmp_path))
    read = data.load("boston", tmp_path if named else None)
    assert read.x.dtype == read.y.dtype == np.float64 and read.source == "bundle boston.npz"
    np.testing.assert_array_equal(read.x, x.astype(np.float32))
    np.testing.assert_array_equal(read.y, y.round())


def test_a_missing_table_names_the_file_and_the_cure_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("LNLKIT_OFFLINE", "1")
    with pytest.raises(FileNotFoundError) as error:
        data.load("boston", tmp_path)
    says = str(error.value)
    assert str(tmp_path / "boston.npz") in says and "LNLKIT_OFFLINE" in says and "diabetes" in says and "\n" not in says
    assert not list(tmp_path.iterdir())


def test_a_download_is_kept_and_a_failed_one_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("LNLKIT_OFFLINE", "0")
    table, calls = house_table(), []

    def download(return_X_y):
        calls.append(return_X_y)
        if len(calls) == 1:
            raise OSError("no route to host")
        return table

    monkeypatch.setattr("sklearn.datasets.fetch_california_housing", download)
    with pytest.raises(FileNotFoundError, match="`california` could not be downloaded.*no route.*california.npz"):
        data.load("california", tmp_path)
    for _ in range(2):
        np.testing.assert_array_equal(data.load("california", tmp_path).y, table[1])
    assert len(calls) == 2


@pytest.mark.parametrize("arrays, message", [
    ({"x": np.zeros(5), "y": np.zeros(5)}, r"x \(N, d\) and y \(N,\).*\(5,\) and \(5,\)"),
    ({"x": np.zeros((5, 2)), "y": np.zeros(4)}, r"\(5, 2\) and \(4,\)"),
    ({"x": np.zeros((5, 2)), "y": np.zeros((5, 1))}, r"\(5, 2\) and \(5, 1\)"),
    ({"x": np.zeros((0, 2)), "y": np.zeros(0)}, "at least 2 examples"),
    ({"x": np.array([[1, np.nan]] * 5), "y": np.zeros(5)}, "5 of them are NaN or infinite"),
    ({"x": np.zeros((5, 2)), "y": np.full(5, np.inf)}, "5 of them are NaN or infinite"),
    ({"x": np.array([["a", "b"]] * 5), "y": np.zeros(5)}, "numbers only, but: could not convert"),
    ({"data": np.zeros((5, 2))}, "must hold the arrays x, y"),
])  # fmt: skip
def test_a_table_that_is_none_is_named(tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message) as error:
        data.load("boston", put(tmp_path, **arrays))
    assert str(tmp_path / "boston.npz") in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_table_suggests_a_near_one():
    with pytest.raises(ValueError, match="Did you mean 'diabetes'"):
        data.load("diabetis")


# ---- splits ----------------------------------------------------------------------------------------------------


def row_numbers(x, y, **settings):
    """Which rows of a table of 60 are in the training part, and which in the test part."""
    x = np.column_stack([x[:, :2], np.arange(60)])
    split = targets.split_table(x, y, 0.3, **settings)
    raw = np.concatenate([split.train.x, split.test.x])[:, 2]
    number = np.rint((raw - raw.min()) / (np.ptp(raw) / 59)).astype(int)
    return number[: len(split.train)], number[len(split.train) :]


def test_a_split_is_the_table_in_two_parts():
    """Undoing the standardisation gives every row back exactly once; the test part has no outliers."""
    x, y = house_table()
    split = targets.split_table(x, y, 0.3, test_fraction=0.25)
    train, test = split.train, split.test
    assert len(train) == 45 and len(test) == 15 and test.y.shape == (15, 1) and not hasattr(test, "outlier")
    order = np.concatenate(row_numbers(x, y, test_fraction=0.25))
    assert sorted(order) == list(range(60))
    clean = np.concatenate([train.y_clean, test.y])[:, 0]
    slope, offset = np.polyfit(clean, y[order], 1)
    assert slope == pytest.approx(split.scale, rel=1e-5)
    np.testing.assert_allclose(slope * clean + offset, y[order], atol=1e-4)


def test_a_split_is_standardised_by_what_is_observed():
    """Mean 0 and deviation 1 with the outliers in, which alone a user has; scale is their deviation in table units."""
    x, y = house_table()
    plain, noisy = (targets.split_table(x, y, rate) for rate in (0, 0.3))
    for split in (plain, noisy):
        np.testing.assert_allclose(split.train.x[:, :2].mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(split.train.x[:, :2].std(0), 1, atol=1e-5)
        assert split.train.y.mean() == pytest.approx(0, abs=1e-5) and split.train.y.std() == pytest.approx(1, abs=1e-5)
    assert noisy.scale > 1.2 * plain.scale
    np.testing.assert_array_equal(plain.train.x, noisy.train.x)  # the same split at every rate
    np.testing.assert_array_equal(plain.train.y, plain.train.y_clean)


def test_outliers_of_a_split_have_the_exact_rate_and_the_stated_range():
    x, y = house_table(500)
    train = targets.split_table(x, y, 0.37).train
    assert len(train) == 400 and train.outlier.sum() == 148
    np.testing.assert_array_equal(train.y[~train.outlier], train.y_clean[~train.outlier])
    assert (train.y[train.outlier] != train.y_clean[train.outlier]).all()
    low, span = train.y_clean.min(), np.ptp(train.y_clean)
    share = (train.y[train.outlier] - low) / (2 * span)
    assert 0 <= share.min() < 0.05 and 0.95 < share.max() <= 1


def test_seeds_of_a_split():
    x, y = house_table()
    first, again, other = (targets.split_table(x, y, 0.3, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first.train.y, again.train.y)
    np.testing.assert_array_equal(first.test.x, again.test.x)
    assert (first.test.y != other.test.y).any()


def test_a_constant_input_is_no_division_by_zero():
    """Constant in training, but not in a test example: scaled by 1, not blown up."""
    x, y = house_table()
    split = targets.split_table(x, y, 0)
    np.testing.assert_allclose(split.train.x[:, 2], 0, atol=1e-6)
    held_out = row_numbers(*house_table())[1][0]
    x[held_out, 2] = 1.1
    split = targets.split_table(x, y, 0)
    assert np.ptp(split.train.x[:, 2]) < 1e-6 and split.test.x[0, 2] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("test_fraction, n_test", [(0, 1), (0.2, 1), (0.99, 4)])
def test_both_parts_of_a_small_table_hold_something(test_fraction, n_test):
    x, y = rng().normal(size=(5, 2)), np.array([1.0, 2, 3, 4, 5])
    split = targets.split_table(x, y, 0, test_fraction=test_fraction)
    assert len(split.test) == n_test and len(split.train) == 5 - n_test
    assert all(np.isfinite(a).all() for a in (split.train.x, split.train.y, split.test.x, split.test.y))


@pytest.mark.parametrize("change, message", [
    ({"y": np.zeros(4)}, r"the table of `x` and `y` must hold x \(N, d\) and y \(N,\)"),
    ({"rate": 30}, "Did you mean 0.3"), ({"test_fraction": 1}, "`test_fraction` must be a fraction"),
    ({"y": np.full(5, np.nan)}, "NaN"),
])  # fmt: skip
def test_split_names_wrong_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        targets.split_table(**{"x": np.zeros((5, 2)), "y": np.arange(5.0), "rate": 0.2} | change)
