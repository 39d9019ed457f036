"""Each check returns the value, or one sentence with the argument, the rule, what was got and the cure."""
from fractions import Fraction
from pathlib import Path

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
    assert checks.labels([[0], [2]], "y", 3).tolist() == [0, 2]              # a column, as Keras hands them out
    assert checks.labels([0, 7], "y").tolist() == [0, 7]                     # how many classes there are is unknown


@pytest.mark.parametrize("y, error, message", [
    ([0, 3], ValueError, "`y` must hold class numbers 0 to 2, but got 0 to 3."),
    ([1, 3], ValueError, "`y` must hold class numbers 0 to 2, but got 1 to 3. Labels from 1? Use y - 1."),
    ([-1, 2], ValueError, "`y` must hold class numbers 0 to 2, but got -1 to 2."),
    ([[0, 1]], ValueError, "`y` must be one label per example, shape (N,), but got shape (1, 2). Use .ravel() first."),
    ([[0, 1], [1, 0]], ValueError,
     "`y` must be one label per example, shape (N,), but got shape (2, 2). One-hot? Use .argmax(1) first."),
    (None, ValueError, "`y` must be one label per example, shape (N,), but got None."),
    ({"y": 0}, ValueError, "`y` must be one label per example, shape (N,), but got one dict."),
    ([0.0, 1.0], TypeError,
     "`y` must hold integer class numbers, but got dtype float64. Use .astype(int) first."),
    ([0, 0.5], TypeError,
     "`y` must hold integer class numbers, but got dtype float64. Drop or mend labels like 0.5 first."),
    ([0, np.nan], TypeError,
     "`y` must hold integer class numbers, but got dtype float64. Drop or mend labels like nan first."),
    ([True, False], TypeError, "`y` must hold integer class numbers, but got dtype bool. Use .astype(int) first."),
    (["a", "b"], TypeError, "`y` must hold integer class numbers, but got dtype <U1. "
     "Text becomes class numbers by np.unique(y, return_inverse=True)[1]."),
])
def test_labels_names_what_is_wrong(y, error, message):
    with pytest.raises(error) as caught:
        checks.labels(y, "y", 3)
    assert str(caught.value) == message


def test_unequal_rows_are_no_array():
    with pytest.raises(TypeError, match="`y` must be an array or a list of equal rows, on the CPU, but got list: "):
        checks.labels([[0], [1, 2]], "y", 3)


def test_numbers_are_finite_and_no_text():
    assert checks.numbers([[1, 2]], "y", ndim=2).tolist() == [[1, 2]]
    for values, error, message in [
        ([1, np.nan], ValueError, "`y` must hold finite numbers, but 1 of them are NaN or infinite."),
        (["1"], TypeError, "`y` must hold numbers, but got <U1 of shape (1,)."),
        ([True], TypeError, "`y` must hold numbers, but got bool of shape (1,)."),
        (None, TypeError, "`y` must hold numbers, but got None."),
        ([[1]], ValueError, "`y` must be an array of 1 dimension, but got shape (1, 1)."),
    ]:
        with pytest.raises(error) as caught:
            checks.numbers(values, "y", ndim=1)
        assert str(caught.value) == message


def test_inputs_are_uint8_images_or_finite_features():
    for shape in ((2, 4, 4), (2, 4, 4, 1), (2, 4, 4, 3)):
        images = np.zeros(shape, np.uint8)
        assert checks.inputs(images) is images
    assert checks.inputs([[0.5, 1.0]]).dtype == np.float32


@pytest.mark.parametrize("x, message", [
    (np.zeros((2, 4, 4)), r"but got float64 of shape \(2, 4, 4\). Images in \[0, 1\]\? Use \(255 \* x\)"),
    (np.zeros((2, 3, 8, 8), np.uint8), r"Channels first\? Use .transpose\(0, 2, 3, 1\)"),
    (np.zeros((2, 8, 8), int), r"Pixels 0..255\? Use .astype\(np.uint8\)"),
    (np.full((2, 8, 8), 200.0), r"Pixels 0..255\? Use .round\(\).astype\(np.uint8\)"),
    (np.full((2, 8, 8), -1.5), r"Other than pixels 0..255\?"),
    (np.full((2, 8, 8), 4000, np.uint16), r"Other than pixels 0..255\?"),
    (np.zeros((2, 8, 8, 4), np.uint8), r"An alpha channel\? Use x\[..., :-1\]"),
    (np.zeros((8, 8), np.uint8), r"One image\? Use x\[None\]"),
    (np.zeros((2, 8), int), r"Rows of numbers\? Use .astype\(np.float32\)"),
    (np.array([[1.0, np.nan]]), "finite numbers, but 1 of them are NaN or infinite"),
    (np.array([[1.0, 1e300]]), "finite numbers, but 1 of them are too large for float32"),
    (np.zeros((0, 4, 4), np.uint8), r"but got uint8 of shape \(0, 4, 4\)"),
    (None, "but got None"),
])
def test_inputs_name_the_cure(x, message):
    with pytest.raises(ValueError, match=f"^`x` must .*{message}"):
        checks.inputs(x)


def test_label_vectors_keep_their_values_and_name_what_is_wrong():
    assert checks.label_vectors([[True, False]], "y").tolist() == [[1, 0]]
    with pytest.raises(ValueError, match="`y` must be one vector of 0 and 1 per example.*but got 3[.]"):
        checks.label_vectors(3, "y")


def test_same_length_names_both():
    checks.same_length(x=[1, 2], y=[3, 4])
    with pytest.raises(ValueError, match="`x` and `y` must hold the same number of examples, but got 2 and 1"):
        checks.same_length(x=[1, 2], y=[3])
    for nothing in (3, "12", {}):
        with pytest.raises(TypeError, match="`x` must hold one entry per example, but got"):
            checks.same_length(x=nothing, y=None)


def test_transition_matrix_takes_float32_and_sums_to_one_exactly_enough_to_draw_from():
    T = checks.transition_matrix(np.full((3, 3), 1 / 3, dtype=np.float32))
    np.testing.assert_allclose(T.sum(axis=1), 1, rtol=0, atol=1e-15)


@pytest.mark.parametrize("T, message", [
    ([[0.5, 0.4], [0.1, 0.9]], "row 0 sums to 0.9"),
    ([[0.9, 0.3], [0.1, 0.7]], "Its columns do: did you mean its transpose?"),
    ([[1.5, -0.5], [0, 1]], "smallest entry is -0.5"),
    ([[float("nan"), 1], [0, 1]], "must hold finite numbers"),
    ("uniform", "`T` must hold numbers, but got 'uniform'"),
    ([[1, 0, 0], [0, 1, 0]], r"square matrix \(K, K\), but got shape \(2, 3\)"),
])
def test_transition_matrix_names_what_is_wrong(T, message):
    with pytest.raises((ValueError, TypeError), match=message):
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


def test_masked_values_are_not_shown_as_if_they_were_there():
    masked = np.ma.array([0, 1, 2], mask=[False, True, False])
    with pytest.raises(ValueError, match="`y` must hold no masked values"):
        checks.labels(masked, "y", 3)
    assert checks.labels(masked[::2], "y", 3).tolist() == [0, 2]


def test_positions_and_names_of_classes():
    assert checks.positions([0, -1], "index", 3).tolist() == [0, -1]
    assert checks.positions([True, False], "index", 2).tolist() == [True, False]
    for index in (3, [3], [-4], [0.5], [True], [], "all", None):
        with pytest.raises((ValueError, TypeError), match="`index` must be positions"):
            checks.positions(index, "index", 3)
    assert checks.class_names(np.array(["a", "b"]), 2) == ("a", "b")
    with pytest.raises(ValueError, match="`class_names` must be 3 names, but got 2"):
        checks.class_names(["a", "b"], 3)


def test_a_path_may_begin_with_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checks.path("~/x.npz") == tmp_path / "x.npz" and checks.path("a~") == Path("a~")
    for wrong in ("~no-such-user/x", "\udcdcbung.ipynb"):
        with pytest.raises(ValueError, match="`out_dir` must be (the|a) name"):
            checks.path(wrong, "out_dir")


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, Fraction])
def test_numbers_that_print_alike_are_alike(kind):
    for text in ("0.2", "0.29", "0.7"):
        value = kind(text)
        assert checks.fraction(value, "rate") == checks.positive(value, "lr") == checks.not_negative(value, "sd") \
            == checks.between(value, "rho", -1, 1) == checks.plain(value) == float(text)


def test_a_function_takes_the_arguments_that_it_will_get():
    for welcome in (lambda x, generator: x, lambda *a: a, lambda x, generator=None, more=1: x, max, np.add, print):
        assert checks.function(welcome, "augment", of=["x", "generator"]) is welcome
    with pytest.raises(TypeError, match=r"^`augment` must be a function of \(x, generator\), but got one of \(x\)[.]$"):
        checks.function(lambda x: x, "augment", of=["x", "generator"])


def test_words_and_transposed_vectors_have_a_cure():
    with pytest.raises(TypeError, match="Text becomes class numbers by np.unique"):
        checks.labels(np.array(["cat", "dog"], dtype=object), "y")
    with pytest.raises(ValueError, match="Use its transpose"):
        checks.labels_or_vectors(np.zeros((3, 9), int), "y", 3)
