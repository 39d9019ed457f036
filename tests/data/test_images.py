"""Data: every source gives the same kind of arrays, and the truth stays apart."""
import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from bundles import bundle

from lnlkit import data, noise
from lnlkit.data import bundles, images


def noisy(n=200, n_classes=5, rate=0.4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    x = np.arange(n, dtype=np.float32)[:, None]
    return data.NoisyData(x, noise.corrupt(y, noise.symmetric(n_classes, rate), rng), y, n_classes)


# ---- loading ---------------------------------------------------------------------------------------------------

def test_digits_are_scikit_learns_in_a_fixed_stratified_split():
    from sklearn.datasets import load_digits
    digits, again = data.load("digits"), data.load("digits")
    x = np.concatenate([digits.x_train, digits.x_test])
    assert (len(digits.x_train), len(digits.x_test), x.shape[1:]) == (1437, 360, (8, 8))
    assert (x.dtype, x.max()) == (np.uint8, 255)
    back = np.round(x / 255 * 16).astype(int)                                        # nothing lost, nothing doubled
    assert sorted(map(bytes, back.astype(np.uint8))) == sorted(map(bytes, load_digits().images.astype(np.uint8)))
    assert abs(np.bincount(digits.y_test) - np.bincount(digits.y_train) / 4).max() < 2
    np.testing.assert_array_equal(digits.x_test, again.x_test)
    assert digits.source.startswith("built in") and digits.verified and digits.y_train.dtype == np.int64


def test_facts_agree_with_digits_and_are_complete():
    pixels = data.load("digits").x_train / 255
    assert data.images.DATASETS["digits"].mean == (pytest.approx(pixels.mean(), abs=1e-4),)
    assert data.images.DATASETS["digits"].std == (pytest.approx(pixels.std(), abs=1e-4),)
    for facts in data.images.DATASETS.values():
        assert len(facts.class_names) == len(set(facts.class_names)) == facts.n_classes
        assert len(facts.mean) == len(facts.std) == (3 if len(facts.image_shape) == 3 else 1)


@pytest.mark.parametrize("name", ["mnist", "svhn", "cifar100"])
def test_bundle_is_read_as_written(tmp_path, name):
    arrays = bundle(name)
    np.savez_compressed(tmp_path / f"{name}.npz", **arrays, extra=np.zeros(3))
    got = data.load(name, tmp_path)
    for key, expected in arrays.items():
        np.testing.assert_array_equal(getattr(got, key), expected)
    assert got.x_train.dtype == np.uint8 and got.y_train.dtype == np.int64
    assert (got.source, got.verified, got.n_classes) == (f"bundle {name}.npz", None, images.DATASETS[name].n_classes)


def test_the_folder_is_the_argument_then_the_variable_then_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LNLKIT_DATA", str(tmp_path / "variable"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data.default_dir() == tmp_path / "variable"
    monkeypatch.setenv("LNLKIT_DATA", "")
    assert data.default_dir() == tmp_path / "cache" / "lnlkit"
    bundles.write_bundle(tmp_path / "mnist.npz", bundle())
    assert data.prepare("mnist", tmp_path) == tmp_path / "mnist.npz"


def test_known_arrays_are_recognised_whatever_the_label_dtype(tmp_path, monkeypatch):
    arrays = bundle()
    wide = arrays | {"y_train": arrays["y_train"].astype(np.int64)}
    assert images.array_hash(arrays) == images.array_hash(wide)
    monkeypatch.setitem(images._KNOWN_ARRAYS, "mnist", {images.array_hash(arrays): "original"})
    bundles.write_bundle(tmp_path / "mnist.npz", wide)
    assert data.load("mnist", tmp_path).verified is True
    arrays["x_test"][0, 0, 0] ^= 1
    bundles.write_bundle(tmp_path / "mnist.npz", arrays)
    assert data.load("mnist", tmp_path).verified is None


def test_unknown_name_suggests_the_near_one():
    with pytest.raises(ValueError, match="Did you mean 'mnist'"):
        data.load("minst")


# ---- what is here ----------------------------------------------------------------------------------------------

def test_available_has_one_row_per_data_set(tmp_path):
    bundles.write_bundle(tmp_path / "svhn.npz", bundle("svhn"))
    rows = {row["name"]: row for row in data.available(tmp_path)}
    assert list(rows)[:6] == list(data.images.DATASETS)
    assert rows["digits"]["state"] == "built in (scikit-learn digits)" and rows["digits"]["examples"] == 1797
    assert rows["svhn"]["state"] == f"bundle {tmp_path / 'svhn.npz'}"
    assert rows["mnist"]["state"] == "not here: `lnlkit data prepare mnist`"
    assert rows["mnist"]["licence"] == "CC BY-SA 3.0"


def test_prepare_of_a_built_in_set_makes_no_file(tmp_path):
    assert data.prepare("digits", tmp_path) is None
    assert list(tmp_path.iterdir()) == []


# ---- real data -------------------------------------------------------------------------------------------------

@pytest.mark.real_data
def test_real_mnist_is_verified(real_data):
    mnist = data.load("mnist", real_data)
    assert mnist.verified and mnist.source == "bundle mnist.npz (original)"
    assert (len(mnist.x_train), len(mnist.x_test)) == (60_000, 10_000)
    assert mnist.x_train.mean() / 255 == pytest.approx(data.images.DATASETS["mnist"].mean[0], abs=1e-4)


@pytest.mark.real_data
def test_real_human_labels_have_the_published_rates(real_data):
    if not (real_data / "cifar10n.npz").exists() or not (real_data / "cifar10.npz").exists():
        pytest.skip("needs cifar10.npz and cifar10n.npz in LNLKIT_DATA")
    labels, cifar10 = data.human_labels(real_data), data.load("cifar10", real_data)
    clean = labels.pop("clean_label")
    np.testing.assert_array_equal(clean, cifar10.y_train)
    rates = {key: round(100 * noise.measured_rate(clean, y), 2) for key, y in labels.items()}
    assert rates == {"aggre_label": 9.01, "random_label1": 17.23, "random_label2": 18.12, "random_label3": 17.64,
                     "worse_label": 40.21}


# ---- the truth kept apart --------------------------------------------------------------------------------------

def test_some_classes_of_a_set_are_numbered_anew():
    whole = data.load("digits")
    part = images.only(whole, [8, 3])
    assert part.class_names == ("8", "3") and part.n_classes == 2
    np.testing.assert_array_equal(part.x_train, whole.x_train[np.isin(whole.y_train, (3, 8))])
    np.testing.assert_array_equal(np.array([8, 3])[part.y_test], whole.y_test[np.isin(whole.y_test, (3, 8))])


def test_what_a_method_sees_holds_no_clean_label():
    full = noisy()
    seen = full.visible()
    assert not hasattr(seen, "y_clean")
    assert {field.name for field in dataclasses.fields(seen)} == set(vars(seen)) == {"x", "y", "n_classes"}
    assert not any(value is full or value is full.y_clean for value in vars(seen).values())
    assert not any(np.shares_memory(array, full.y_clean) for array in (seen.x, seen.y))
    np.testing.assert_array_equal(seen.y, full.y)
    np.testing.assert_array_equal(full.clean().y, full.y_clean)


def test_noisy_data_reports_what_was_drawn():
    full = data.NoisyData(np.zeros((4, 2)), np.array([0, 1, 1, 1], np.uint8), np.array([0, 0, 1, 1]), 2)
    assert full.noise_rate_ == 0.25 and len(full) == len(full.visible()) == 4 and full.y.dtype == np.int64
    np.testing.assert_array_equal(full.T, [[0.5, 0.5], [0, 1]])
    part = full.take([3, 1])
    np.testing.assert_array_equal((part.y, part.y_clean), ([1, 1], [1, 0]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        full.y = full.y_clean


def test_noisy_data_refuses_lengths_and_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="`x` and `y` and `y_clean` must hold the same number"):
        data.NoisyData(np.zeros((3, 1)), np.zeros(3, int), np.zeros(2, int), 2)
    with pytest.raises(ValueError, match="`y_clean` must hold class numbers 0 to 1"):
        data.NoisyData(np.zeros((2, 1)), np.zeros(2, int), np.array([0, 2]), 2)


def test_labelled_takes_class_numbers_or_label_vectors():
    x = np.zeros((3, 2))
    assert data.Labelled(x, np.uint8([[0], [1], [4]]), 5).y.tolist() == [0, 1, 4]
    assert data.Labelled(x, [[0.0, 1.0]] * 3, 2).y.tolist() == [[0, 1]] * 3
    with pytest.raises(ValueError, match="`y` must hold class numbers 0 to 2, .* Labels from 1. Use y - 1"):
        data.Labelled(x, [1, 2, 3], 3)
    with pytest.raises(ValueError, match="`x` and `y` must hold the same number of examples, but got 3 and 2"):
        data.Labelled(x, [1, 2], 3)
    with pytest.raises(ValueError, match="`x` must be uint8 images .* Images in .0, 1.. Use"):
        data.Labelled(np.zeros((3, 8, 8)), [0, 1, 2], 3)


# ---- choosing examples -----------------------------------------------------------------------------------------

def test_subset_keeps_the_shares_of_the_classes():
    y = np.repeat([0, 1, 2], [600, 300, 100])
    index = data.subset(y, y, 100, seed=3)
    assert np.bincount(y[index]).tolist() == [60, 30, 10] and len(set(index)) == 100
    shuffled = np.random.default_rng(0).permutation(y)
    assert (np.diff(data.subset(shuffled, shuffled, 100, seed=3)) > 0).all()         # in the order of the set
    np.testing.assert_array_equal(index, data.subset(y, y, 100, seed=3))
    assert (index != data.subset(y, y, 100, seed=4)).any()
    np.testing.assert_array_equal(data.subset(y, y, None, seed=3), np.arange(1000))
    assert [len(data.subset(y, y, n, seed=0)) for n in (1, 2, 7, 999, 1000)] == [1, 2, 7, 999, 1000]
    with pytest.raises(ValueError, match="`n` must be at most the 1000 examples there are, but got 1001"):
        data.subset(y, y, 1001, seed=0)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
def test_validation_split_is_a_stratified_partition(fraction):
    full = noisy()
    train, val = data.split_validation(full, fraction, seed=1)
    rows = np.concatenate([train.x, val.x])[:, 0].astype(int)                        # x holds each example's position
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(full)))
    np.testing.assert_array_equal(full.y[rows], np.concatenate([train.y, val.y]))
    np.testing.assert_array_equal(full.y_clean[rows], np.concatenate([train.y_clean, val.y_clean]))
    sizes, chosen = np.bincount(full.y), np.bincount(val.y, minlength=full.n_classes)
    assert (np.abs(chosen - fraction * sizes) <= 1).all()
    assert (chosen > 0).all() and (chosen < sizes).all()


def test_validation_split_looks_at_noisy_labels_only():
    full = noisy()
    other = data.NoisyData(full.x, full.y, full.y_clean[::-1].copy(), full.n_classes)
    np.testing.assert_array_equal(data.split_validation(full)[1].x, data.split_validation(other)[1].x)
    assert (data.split_validation(full, seed=1)[1].x != data.split_validation(full)[1].x).any()


def test_validation_split_of_tiny_classes():
    y = np.array([0, 1, 1, 2, 2, 2])
    tiny = data.NoisyData(np.zeros((6, 1)), y, y, 4)
    train, val = data.split_validation(tiny, 0.1)
    assert sorted(val.y) == [1, 2] and sorted(train.y) == [0, 1, 2, 2]
    with pytest.raises(ValueError, match="`fraction` must be above 0"):
        data.split_validation(tiny, 0)
    with pytest.raises(ValueError, match="`noisy` must hold at least 2 examples of a class to be split, but its 3 are"):
        data.split_validation(tiny.take([0, 1, 3]), 0.1)


# ---- light imports ---------------------------------------------------------------------------------------------

def test_digits_and_bundles_work_without_torch(tmp_path, root):
    """A session that only explores must fit in little memory: neither import nor loading may pull torch in."""
    bundles.write_bundle(tmp_path / "mnist.npz", bundle())
    code = ("import sys; from lnlkit import data, noise; assert 'sklearn' not in sys.modules; data.load('digits'); "
            f"data.load('mnist', {str(tmp_path)!r}); print([m for m in sys.modules if m.startswith('torch')])")
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_two_halves_are_the_training_set_and_have_the_same_test_images():
    whole = data.load("digits")
    first, second = (images.half(whole, which) for which in ("first", "second"))
    assert np.array_equal(np.concatenate([first.x_train, second.x_train]), whole.x_train)
    assert np.array_equal(np.concatenate([first.y_train, second.y_train]), whole.y_train)
    assert len(first.x_train) == 718 and first.x_test is not None and np.array_equal(first.x_test, second.x_test)
