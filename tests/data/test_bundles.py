"""Sources: a bad file is one clear error, a download is kept, and a hostile file is not run."""
import io
import os
import pickle

import numpy as np
import pytest
from bundles import bundle

from lnlkit import data
from lnlkit.data import bundles, images

# ---- missing and broken files ----------------------------------------------------------------------------------

@pytest.fixture
def no_download(monkeypatch):
    """Downloads are allowed, but trying one fails the test."""
    monkeypatch.delenv("LNLKIT_OFFLINE", raising=False)
    monkeypatch.setattr(images, "download", lambda *_: pytest.fail("tried to download"))


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
    "row of labels": (bundle() | {"y_test": np.zeros((1, 12), int)}, r"but got shape \(1, 12\)"),
    "pickled objects": (bundle() | {"y_test": np.array([{}] * 12, dtype=object)}, "broken or of another kind"),
}


def test_a_column_of_labels_is_read_as_labels(tmp_path, no_download):
    arrays = bundle()
    np.savez(tmp_path / "mnist.npz", **arrays | {"y_test": arrays["y_test"][:, None]})
    np.testing.assert_array_equal(data.load("mnist", tmp_path).y_test, arrays["y_test"])


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
    for at in (*directory, *rng.integers(0, len(whole), 100).tolist()):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 if at % 2 else 255)]) + whole[at + 1:])
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
    assert first.source == f"torchvision, kept as {name}.npz" and second.source == f"bundle {name}.npz"
    assert [path.name for path in folder.iterdir()] == [f"{name}.npz"]


def test_failed_download_says_what_to_do_instead(tmp_path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")

    class Unreachable:
        def __init__(self, *_, **__):
            raise RuntimeError("Error downloading train-images-idx3-ubyte.gz")
    monkeypatch.delenv("LNLKIT_OFFLINE", raising=False)
    monkeypatch.setattr(datasets, "MNIST", Unreachable)
    with pytest.raises(FileNotFoundError, match="not be downloaded.*idx3.*Put mnist.npz .* into .*lnlkit data prepare"):
        data.load("mnist", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_all_torchvision_names_exist():
    datasets = pytest.importorskip("torchvision.datasets")
    assert set(images._TORCHVISION) == set(data.images.DATASETS) - {"digits"}
    assert all(hasattr(datasets, theirs) for theirs, _ in images._TORCHVISION.values())


def raw_mnist(folder):
    """MNIST as torchvision keeps it, 60 and 20 images long, and its labels."""
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for part, n in (("train", 60), ("t10k", 20)):
        for what, code, shape, content in (("images-idx3", 2051, (n, 28, 28), bytes(n * 784)),
                                           ("labels-idx1", 2049, (n,), bytes(i % 10 for i in range(n)))):
            header = b"".join(int(v).to_bytes(4, "big") for v in (code, *shape))
            (folder / "MNIST" / "raw" / f"{part}-{what}-ubyte").write_bytes(header + content)
    return folder / "MNIST" / "raw"


def test_raw_files_that_are_there_are_read_offline(tmp_path, monkeypatch):
    pytest.importorskip("torchvision")
    raw_mnist(tmp_path)
    monkeypatch.setenv("LNLKIT_OFFLINE", "1")
    found = data.load("mnist", tmp_path)
    assert found.source == "torchvision, kept as mnist.npz" and len(found.x_test) == 20
    np.testing.assert_array_equal(found.y_train, np.arange(60) % 10)
    assert data.load("mnist", tmp_path).source == "bundle mnist.npz"


@pytest.mark.parametrize("name, fake, raw", [("svhn", FakeSVHN, "train_32x32.mat"),
                                             ("cifar10", FakeCIFAR10, "cifar-10-batches-py")])
def test_raw_files_of_other_sets_are_read_offline_too(tmp_path, monkeypatch, name, fake, raw):
    monkeypatch.setattr(fake, "arrays", bundle(name))
    monkeypatch.setattr(fake, "made", made := [])
    monkeypatch.setattr(pytest.importorskip("torchvision.datasets"), fake.__name__.removeprefix("Fake"), fake)
    monkeypatch.setenv("LNLKIT_OFFLINE", "1")
    (tmp_path / raw).touch()
    np.testing.assert_array_equal(data.load(name, tmp_path).x_train, bundle(name)["x_train"])
    assert [download for _, _, download in made] == [False, False]


@pytest.mark.parametrize("damage", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
@pytest.mark.parametrize("left", [0, 30])
def test_damaged_raw_files_are_named(tmp_path, monkeypatch, damage, left):
    pytest.importorskip("torchvision")
    path = raw_mnist(tmp_path) / damage
    path.write_bytes(path.read_bytes()[:left])
    monkeypatch.setenv("LNLKIT_OFFLINE", "1")
    with pytest.raises((ValueError, FileNotFoundError), match=f"{tmp_path}.*mnist"):
        data.load("mnist", tmp_path)
    assert not (tmp_path / "mnist.npz").exists()


def test_a_read_only_folder_of_raw_files_is_read(tmp_path, monkeypatch):
    pytest.importorskip("torchvision")
    raw_mnist(tmp_path)

    def read_only(*_):
        raise PermissionError("Permission denied")
    monkeypatch.setattr(bundles, "write_bundle", read_only)
    assert data.load("mnist", tmp_path).source == "torchvision, not kept (Permission denied)"


def test_a_killed_write_leaves_the_old_bundle(tmp_path, monkeypatch):
    path, old = tmp_path / "mnist.npz", bundle()
    bundles.write_bundle(path, old)

    def killed(file, **_):
        file.write(b"half")
        raise KeyboardInterrupt
    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        bundles.write_bundle(path, bundle(seed=1))
    assert [p.name for p in tmp_path.iterdir()] == ["mnist.npz"]
    np.testing.assert_array_equal(images.read_bundle(path, "mnist")["x_train"], old["x_train"])


@pytest.mark.parametrize("value, forbidden", [
    ("1", True), ("yes", True), ("TRUE", True), ("", False), (" ", False), ("0", False), ("False", False),
    ("no", False), ("off", False),
])  # fmt: skip
def test_offline_is_said_as_people_say_it(monkeypatch, value, forbidden):
    monkeypatch.setenv("LNLKIT_OFFLINE", value)
    assert bundles.offline() is forbidden


def test_a_file_where_the_folder_of_the_data_sets_is_due(monkeypatch, tmp_path):
    file = tmp_path / "mnist.npz"
    file.touch()
    monkeypatch.setenv("LNLKIT_DATA", str(file))
    for name, call in (("LNLKIT_DATA", data.available), ("LNLKIT_DATA", lambda: data.prepare("mnist")),
                       ("data_dir", lambda: data.load("mnist", file))):  # fmt: skip
        with pytest.raises(ValueError, match=f"`{name}` must be the folder that holds .* did you mean {tmp_path}?"):
            call()


def test_a_failed_download_is_told_on_one_line():
    said = bundles.not_downloaded("mnist", RuntimeError("tried a, got:\n<error>\n"))
    assert said == "`mnist` could not be downloaded (RuntimeError: tried a, got: <error>)"
