"""Data: every source gives the same kind of arrays, a bad file is one clear error, and the truth stays apart."""
import dataclasses
import io
import os
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from lnlkit import _sources, data, noise


def bundle(name="mnist", n_train=30, n_test=12, seed=0):
    """Four arrays like those of the named set, but few and random."""
    facts, rng = data.DATASETS[name], np.random.default_rng(seed)
    arrays = {}
    for part, n in (("train", n_train), ("test", n_test)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (n, *facts.image_shape), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.integers(0, facts.n_classes, n).astype(np.uint8)
    return arrays


def noisy(n=200, n_classes=5, rate=0.4, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    return data.NoisyData(np.arange(n)[:, None], noise.corrupt(y, noise.symmetric(n_classes, rate), rng), y, n_classes)


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
    assert data.DATASETS["digits"].mean == (pytest.approx(pixels.mean(), abs=1e-4),)
    assert data.DATASETS["digits"].std == (pytest.approx(pixels.std(), abs=1e-4),)
    for facts in data.DATASETS.values():
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
    assert (got.source, got.verified, got.n_classes) == (f"bundle {name}.npz", None, data.DATASETS[name].n_classes)


def test_the_folder_is_the_argument_then_the_variable_then_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LNLKIT_DATA", str(tmp_path / "variable"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert data.default_dir() == tmp_path / "variable"
    monkeypatch.setenv("LNLKIT_DATA", "")
    assert data.default_dir() == tmp_path / "cache" / "lnlkit"
    _sources.write_bundle(tmp_path / "mnist.npz", bundle())
    assert data.prepare("mnist", tmp_path) == tmp_path / "mnist.npz"


def test_known_arrays_are_recognised_whatever_the_label_dtype(tmp_path, monkeypatch):
    arrays = bundle()
    wide = arrays | {"y_train": arrays["y_train"].astype(np.int64)}
    assert _sources.array_hash(arrays) == _sources.array_hash(wide)
    monkeypatch.setitem(_sources._KNOWN_ARRAYS, "mnist", {_sources.array_hash(arrays): "original"})
    _sources.write_bundle(tmp_path / "mnist.npz", wide)
    assert data.load("mnist", tmp_path).verified is True
    arrays["x_test"][0, 0, 0] ^= 1
    _sources.write_bundle(tmp_path / "mnist.npz", arrays)
    assert data.load("mnist", tmp_path).verified is None


def test_unknown_name_suggests_the_near_one():
    with pytest.raises(ValueError, match="Did you mean 'mnist'"):
        data.load("minst")


# ---- missing and broken files ----------------------------------------------------------------------------------

@pytest.fixture
def no_download(monkeypatch):
    """Downloads are allowed, but trying one fails the test."""
    monkeypatch.delenv("LNLKIT_OFFLINE", raising=False)
    monkeypatch.setattr(_sources, "download", lambda *_: pytest.fail("tried to download"))


def test_offline_says_which_file_to_put_where(tmp_path, monkeypatch, no_download):
    monkeypatch.setenv("LNLKIT_OFFLINE", "1")
    with pytest.raises(FileNotFoundError) as error:
        data.load("mnist", tmp_path)
    assert str(tmp_path / "mnist.npz") in str(error.value) and "x_train, y_train, x_test, y_test" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def _without(key):
    arrays = bundle()
    del arrays[key]
    return arrays


BAD_ARRAYS = {
    "foreign": (dict(weights=np.zeros(3)), "must hold the arrays x_train"),
    "one key missing": (_without("y_test"), "must hold the arrays x_train"),
    "colour for grey": (bundle() | {"x_train": np.zeros((30, 28, 28, 3), np.uint8)}, "`x_train` must be uint8 images"),
    "float pixels": (bundle() | {"x_test": np.zeros((12, 28, 28))}, "`x_test` must be uint8 images.*float64"),
    "a scalar": (bundle() | {"x_train": np.uint8(3)}, "`x_train` must be uint8 images"),
    "no images": (bundle(n_train=0), "`x_train` must be uint8 images"),
    "one label short": (bundle() | {"y_train": np.zeros(29, int)}, "`x_train` and `y_train`.*but got 30 and 29"),
    "label 10": (bundle() | {"y_test": np.full(12, 10)}, "`y_test` must hold class numbers 0 to 9, but got 10"),
    "label -1": (bundle() | {"y_test": np.full(12, -1)}, "but got -1 to -1"),
    "float labels": (bundle() | {"y_test": np.zeros(12)}, "`y_test` must hold integer class numbers"),
    "column of labels": (bundle() | {"y_test": np.zeros((12, 1), int)}, r"but got shape \(12, 1\)"),
    "pickled objects": (bundle() | {"y_test": np.array([{}] * 12, dtype=object)}, "broken or of another kind"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bundle_with_wrong_arrays_is_named(tmp_path, no_download, case):
    arrays, message = BAD_ARRAYS[case]
    np.savez(tmp_path / "mnist.npz", **arrays)
    with pytest.raises(ValueError, match=f"(?s)mnist.npz.*{message}"):
        data.load("mnist", tmp_path)


def _npz_bytes(arrays, save=np.savez):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


BAD_BYTES = {
    "empty": b"",
    "truncated": _npz_bytes(bundle())[:-2000],
    "half": _npz_bytes(bundle())[:9000],
    "a web page": b"<!DOCTYPE html><html>404</html>",
    "a raw pickle": pickle.dumps(bundle()),
}


@pytest.mark.parametrize("case", BAD_BYTES)
def test_broken_file_is_one_error_and_stays_as_it_is(tmp_path, no_download, case):
    path = tmp_path / "mnist.npz"
    path.write_bytes(BAD_BYTES[case])
    with pytest.raises(ValueError, match="mnist.npz must be an .npz file.*put a good copy"):
        data.load("mnist", tmp_path)
    assert path.read_bytes() == BAD_BYTES[case]


def test_a_bare_array_is_no_bundle(tmp_path):
    with open(tmp_path / "mnist.npz", "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="it holds one bare array"):
        data.load("mnist", tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_bytes_never_crash_deep_inside(tmp_path, save):
    """Wherever a byte is wrong, the file is read correctly (the byte did not matter) or refused with a ValueError."""
    good, rng = bundle(n_train=3, n_test=3), np.random.default_rng(0)
    whole, path = _npz_bytes(good, save), tmp_path / "mnist.npz"
    directory = range(len(whole) - 260, len(whole))                                  # of the zip: flags, sizes, offsets
    for at, bits in [(int(at), bits) for bits in (1, 255) for at in (*directory, *rng.integers(0, len(whole), 100))]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1:])
        try:
            got = data.load("mnist", tmp_path)
        except ValueError as error:
            assert "mnist.npz" in str(error)
        else:
            assert all((getattr(got, key) == good[key]).all() for key in good)


# ---- torchvision -----------------------------------------------------------------------------------------------

class FakeSVHN:
    """The face of torchvision.datasets.SVHN: split, channels first, labels."""
    arrays, made = {}, []

    def __init__(self, root, split, download):
        self.made.append((os.path.basename(root), split, download))
        self.data, self.labels = self.arrays[f"x_{split}"].transpose(0, 3, 1, 2), self.arrays[f"y_{split}"]


class FakeCIFAR10:
    """The face of CIFAR10: train, channels last, targets in a list."""
    arrays, made = {}, []

    def __init__(self, root, train, download):
        part = "train" if train else "test"
        self.made.append((os.path.basename(root), part, download))
        self.data, self.targets = self.arrays[f"x_{part}"], self.arrays[f"y_{part}"].tolist()


class FakeMNIST(FakeCIFAR10):
    """The face of MNIST: train, two tensors."""
    arrays, made = {}, []

    def __init__(self, root, train, download):
        super().__init__(root, train, download)
        torch = pytest.importorskip("torch")
        self.data, self.targets = torch.from_numpy(self.data), torch.tensor(self.targets)


@pytest.mark.parametrize("name, fake", [("mnist", FakeMNIST), ("svhn", FakeSVHN), ("cifar10", FakeCIFAR10)])
def test_download_is_kept_as_a_bundle_and_not_repeated(tmp_path, monkeypatch, name, fake):
    arrays, folder = bundle(name), tmp_path / "cache"
    monkeypatch.setattr(fake, "arrays", arrays)
    monkeypatch.setattr(fake, "made", made := [])
    monkeypatch.delenv("LNLKIT_OFFLINE", raising=False)
    monkeypatch.setattr(pytest.importorskip("torchvision.datasets"), fake.__name__.removeprefix("Fake"), fake)
    first, second = data.load(name, folder), data.load(name, folder)
    for key, expected in arrays.items():
        np.testing.assert_array_equal(getattr(first, key), expected)
        np.testing.assert_array_equal(getattr(second, key), expected)
    assert made == [("cache", "train", True), ("cache", "test", True)]
    assert first.source == f"torchvision download, kept as {name}.npz" and second.source == f"bundle {name}.npz"
    assert [path.name for path in folder.iterdir()] == [f"{name}.npz"]


def test_failed_download_says_what_to_do_instead(tmp_path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")

    def unreachable(*_, **__):
        raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")
    monkeypatch.delenv("LNLKIT_OFFLINE", raising=False)
    monkeypatch.setattr(datasets, "MNIST", unreachable)
    with pytest.raises(FileNotFoundError, match="not be downloaded.*idx3.*Put mnist.npz .* into .*lnlkit data prepare"):
        data.load("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_all_torchvision_names_exist():
    datasets = pytest.importorskip("torchvision.datasets")
    assert set(_sources._TORCHVISION) == set(data.DATASETS) - {"digits"}
    assert all(hasattr(datasets, theirs) for theirs in _sources._TORCHVISION.values())


def test_a_killed_write_leaves_the_old_bundle(tmp_path, monkeypatch):
    path, old = tmp_path / "mnist.npz", bundle()
    _sources.write_bundle(path, old)

    def killed(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt
    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        _sources.write_bundle(path, bundle(seed=1))
    assert [p.name for p in tmp_path.iterdir()] == ["mnist.npz"]
    np.testing.assert_array_equal(_sources.read_bundle(path, "mnist")["x_train"], old["x_train"])


# ---- what is here ----------------------------------------------------------------------------------------------

def test_available_has_one_row_per_data_set(tmp_path):
    _sources.write_bundle(tmp_path / "svhn.npz", bundle("svhn"))
    rows = {row["name"]: row for row in data.available(tmp_path)}
    assert list(rows) == list(data.DATASETS)
    assert rows["digits"]["state"] == "built in (scikit-learn digits)" and rows["digits"]["images"] == 1797
    assert rows["svhn"]["state"] == f"bundle {tmp_path / 'svhn.npz'}"
    assert rows["mnist"]["state"] == "not here: `lnlkit data prepare mnist`"
    assert rows["mnist"]["licence"] == "CC BY-SA 3.0"


def test_prepare_of_a_built_in_set_makes_no_file(tmp_path):
    assert data.prepare("digits", tmp_path) is None
    assert list(tmp_path.iterdir()) == []


# ---- human labels ----------------------------------------------------------------------------------------------

def human(n=50_000):
    rng = np.random.default_rng(0)
    return {key: rng.integers(0, 10, n) for key in _sources.HUMAN_KEYS}


@pytest.mark.parametrize("kind", ["npz", "torch.save", "NumPy 1 names"])
def test_human_labels_are_read_from_either_file(tmp_path, kind):
    expected = human()
    if kind == "npz":
        np.savez(tmp_path / "cifar10n.npz", **{key: y.astype(np.uint8) for key, y in expected.items()})
    else:
        torch = pytest.importorskip("torch")
        torch.save(expected, tmp_path / "CIFAR-10_human.pt")
    if kind == "NumPy 1 names":                                                      # what the authors' file asks for
        _edit_pickle(tmp_path / "CIFAR-10_human.pt", b"numpy._core.multiarray", b"numpy.core.multiarray")
    got = data.human_labels(tmp_path)
    assert list(got) == list(expected)
    for key, y in expected.items():
        np.testing.assert_array_equal(got[key], y)
        assert got[key].dtype == np.int64


def _edit_pickle(path, old, new):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(old, new))


class _Touch:
    """Pickled, this makes a file when it is loaded by a trusting unpickler."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def _pt(tmp_path, content):
    with zipfile.ZipFile(tmp_path / "CIFAR-10_human.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))


def test_a_hostile_file_is_refused_and_not_run(tmp_path):
    _pt(tmp_path, human(3) | {"worse_label": _Touch(tmp_path / "owned")})
    with pytest.raises(ValueError, match="CIFAR-10_human.pt.*open, which is no part of an array"):
        data.human_labels(tmp_path)
    assert not (tmp_path / "owned").exists()
    pickle.loads(pickle.dumps(_Touch(tmp_path / "owned"))).close()                   # the bait does work
    assert (tmp_path / "owned").exists()


@pytest.mark.parametrize("content, message", [
    ({"clean_label": np.zeros(50_000, int)}, "KeyError: 'aggre_label'"),
    (human(49_999), r"shape \(50000,\)"),
    (human() | {"worse_label": np.full(50_000, 10)}, "`worse_label` must hold class numbers 0 to 9"),
    (human() | {"worse_label": np.array([None] * 50_000)}, "`worse_label` must hold integer"),
    ([1, 2], "can't be read"),
])
def test_human_labels_of_another_kind_are_refused(tmp_path, content, message):
    _pt(tmp_path, content)
    with pytest.raises(ValueError, match=f"(?s)CIFAR-10_human.pt must .*{message}"):
        data.human_labels(tmp_path)


def test_a_human_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "CIFAR-10_human.pt").write_bytes(pickle.dumps(human(3)))
    with pytest.raises(ValueError, match="BadZipFile"):
        data.human_labels(tmp_path)


def test_missing_human_labels_say_where_to_get_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="cifar10n.npz and CIFAR-10_human.pt.*CC BY-NC 4.0"):
        data.human_labels(tmp_path)


# ---- real data -------------------------------------------------------------------------------------------------

@pytest.mark.real_data
def test_real_mnist_is_verified(real_data):
    mnist = data.load("mnist", real_data)
    assert mnist.verified and mnist.source == "bundle mnist.npz (original)"
    assert (len(mnist.x_train), len(mnist.x_test)) == (60_000, 10_000)
    assert mnist.x_train.mean() / 255 == pytest.approx(data.DATASETS["mnist"].mean[0], abs=1e-4)


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
        data.NoisyData(np.zeros(3), np.zeros(3, int), np.zeros(2, int), 2)
    with pytest.raises(ValueError, match="`y_clean` must hold class numbers 0 to 1"):
        data.NoisyData(np.zeros(2), np.zeros(2, int), np.array([0, 2]), 2)


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
    rows = np.concatenate([train.x, val.x])[:, 0]                                    # x holds each example's position
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
    train, val = data.split_validation(data.NoisyData(y, y, y, 4), 0.1)
    assert sorted(val.y) == [1, 2] and sorted(train.y) == [0, 1, 2, 2]
    with pytest.raises(ValueError, match="`fraction` must be above 0"):
        data.split_validation(data.NoisyData(y, y, y, 4), 0)


# ---- light imports ---------------------------------------------------------------------------------------------

def test_digits_and_bundles_work_without_torch(tmp_path, root):
    """A session that only explores must fit in little memory: neither import nor loading may pull torch in."""
    _sources.write_bundle(tmp_path / "mnist.npz", bundle())
    code = ("import sys; from lnlkit import data, noise; assert 'sklearn' not in sys.modules; data.load('digits'); "
            f"data.load('mnist', {str(tmp_path)!r}); print([m for m in sys.modules if m.startswith('torch')])")
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
