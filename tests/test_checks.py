"""Each check returns the value, or one sentence with the argument, the rule, what was got and the cure."""
import numpy as np
import pytest

from lnlkit import checks


def test_fraction_accepts_its_edges():
    assert checks.fraction(0, "r") == 0.0
    assert checks.fraction(np.float32(0.5), "r") == 0.5
    assert checks.fraction(1 - 1e-12, "r") < 1
    assert checks.fraction(1, "r", below_one=False) == 1.0


def test_not_negative_accepts_0_and_names_what_it_got():
    assert checks.not_negative(0, "alpha") == 0.0 and checks.not_negative(np.float32(2.5), "alpha") == 2.5
    for value in (-0.1, float("nan"), float("inf"), True, "1"):
        with pytest.raises(ValueError) as error:
            checks.not_negative(value, "alpha")
        assert str(error.value) == f"`alpha` must be a finite number of at least 0, but got {value!r}."


@pytest.mark.parametrize("value, message", [
    (40, "`noise_rate` must be a fraction in [0, 1), but got 40. Did you mean 0.4?"),
    (1, "`noise_rate` must be a fraction in [0, 1), but got 1."),
    (-0.1, "`noise_rate` must be a fraction in [0, 1), but got -0.1."),
    (float("nan"), "`noise_rate` must be a fraction in [0, 1), but got nan."),
])
def test_fraction_names_the_cure(value, message):
    with pytest.raises(ValueError) as error:
        checks.fraction(value, "noise_rate")
    assert str(error.value) == message


@pytest.mark.parametrize("value", ["0.4", None, True, [0.4]])
def test_fraction_refuses_what_is_no_number(value):
    with pytest.raises(TypeError, match="`r` must be a fraction"):
        checks.fraction(value, "r")


def test_one_of_suggests_the_near_name():
    assert checks.one_of("elr", "method", ["elr", "gce"]) == "elr"
    with pytest.raises(ValueError) as error:
        checks.one_of("erl", "method", {"elr": 1, "gce": 2})
    assert str(error.value) == "`method` must be one of ['elr', 'gce'], but got 'erl'. Did you mean 'elr'?"
    with pytest.raises(ValueError, match="but got 3.$"):                     # nothing is near: nothing is suggested
        checks.one_of(3, "method", ["elr", "gce"])


def test_positive_int():
    assert checks.positive_int(np.int64(3), "n") == 3
    with pytest.raises(ValueError, match="`n` must be at least 1, but got 0"):
        checks.positive_int(0, "n")
    for value in (2.0, True, "2"):
        with pytest.raises(TypeError, match="`n` must be a whole number"):
            checks.positive_int(value, "n")


def test_positive():
    assert checks.positive(1, "temperature") == 1.0
    for value in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="`temperature` must be a finite number above 0"):
            checks.positive(value, "temperature")


def test_generator_refuses_a_seed():
    with pytest.raises(TypeError, match=r"Did you mean numpy.random.default_rng\(seed\)\?"):
        checks.generator(0)


def test_labels_become_int64():
    y = checks.labels(np.array([0, 2], dtype=np.uint8), "y", 3)
    assert y.dtype == np.int64 and y.tolist() == [0, 2]
    assert checks.labels([], "y", 3).shape == (0,)


@pytest.mark.parametrize("y, error, message", [
    ([0, 3], ValueError, "`y` must hold class numbers 0 to 2, but got 0 to 3"),
    ([-1, 2], ValueError, "but got -1 to 2"),
    ([[0], [1]], ValueError, r"one label per example, shape \(N,\), but got shape \(2, 1\)"),
    ([0.0, 1.0], TypeError, "integer class numbers, but got dtype float64"),
])
def test_labels_names_what_is_wrong(y, error, message):
    with pytest.raises(error, match=message):
        checks.labels(y, "y", 3)


def test_same_length_names_both():
    checks.same_length(x=[1, 2], y=[3, 4])
    with pytest.raises(ValueError, match="`x` and `y` must hold the same number of examples, but got 2 and 1"):
        checks.same_length(x=[1, 2], y=[3])


def test_transition_matrix_takes_float32_and_sums_to_one_exactly_enough_to_draw_from():
    T = checks.transition_matrix(np.full((3, 3), 1 / 3, dtype=np.float32))
    np.testing.assert_allclose(T.sum(axis=1), 1, rtol=0, atol=1e-15)


@pytest.mark.parametrize("T, message", [
    ([[0.5, 0.4], [0.1, 0.9]], "row 0 sums to 0.9"),
    ([[0.9, 0.3], [0.1, 0.7]], "Its columns do: did you mean its transpose?"),
    ([[1.5, -0.5], [0, 1]], "smallest entry is -0.5"),
    ([[float("nan"), 1], [0, 1]], "must hold probabilities"),
    ([[1, 0, 0], [0, 1, 0]], r"square matrix \(K, K\), but got shape \(2, 3\)"),
])
def test_transition_matrix_names_what_is_wrong(T, message):
    with pytest.raises(ValueError, match=message):
        checks.transition_matrix(T)


def test_seeds_are_whole_numbers_from_zero():
    assert checks.seed_list((np.int64(3), 0)) == [3, 0] and type(checks.seed_list([np.int64(3)])[0]) is int
    assert checks.seed_list(np.arange(3)) == [0, 1, 2]
    for wrong in ([-1], [1.5], [True], ["0"], [[0]]):
        with pytest.raises(ValueError, match="`SEEDS` must be a whole number from 0, but got"):
            checks.seed_list(wrong, "SEEDS")
    with pytest.raises(ValueError, match="`SEEDS` must hold at least one seed, but is empty"):
        checks.seed_list([], "SEEDS")
    with pytest.raises(TypeError, match="`SEEDS` must be a list of whole numbers from 0, but got '0,1'"):
        checks.seed_list("0,1", "SEEDS")


def test_the_same_seed_twice_is_not_two_runs():
    with pytest.raises(ValueError, match=r"`seeds` must differ, but got \[0, 1, 0\]"):
        checks.seed_list([0, 1, 0])
