"""Where the data sets come from: facts about them, bundles on disk, torchvision, and human labels.

A bundle is an .npz file with x_train, y_train, x_test, y_test (the convention of Keras's mnist.npz).
"""
import hashlib
import os
import pickle
import uuid
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from . import _checks

BUNDLE_KEYS = ("x_train", "y_train", "x_test", "y_test")
HUMAN_KEYS = ("clean_label", "aggre_label", "random_label1", "random_label2", "random_label3", "worse_label")
HUMAN_FILES = ("cifar10n.npz", "CIFAR-10_human.pt")


class Facts(NamedTuple):
    """What is known about a data set before it is read; mean and std per channel, of training pixels in [0, 1]."""
    image_shape: tuple
    n_classes: int
    n_train: int
    n_test: int
    mean: tuple
    std: tuple
    class_names: tuple
    licence: str


_DIGITS = tuple("0123456789")
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FASHION = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_CIFAR100 = tuple("""
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm""".split())

DATASETS = {
    "digits": Facts((8, 8), 10, 1437, 360, (0.3052,), (0.3761,), _DIGITS, "CC BY 4.0 (UCI)"),
    "mnist": Facts((28, 28), 10, 60000, 10000, (0.1307,), (0.3081,), _DIGITS, "CC BY-SA 3.0"),
    "fashion_mnist": Facts((28, 28), 10, 60000, 10000, (0.2860,), (0.3530,), _FASHION, "MIT"),
    "svhn": Facts((32, 32, 3), 10, 73257, 26032, (0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970), _DIGITS,
                  "non-commercial use only"),
    "cifar10": Facts((32, 32, 3), 10, 50000, 10000, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616), _CIFAR10,
                     "none stated"),
    "cifar100": Facts((32, 32, 3), 100, 50000, 10000, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762), _CIFAR100,
                      "none stated"),
}

_TORCHVISION = {"mnist": "MNIST", "fashion_mnist": "FashionMNIST", "svhn": "SVHN", "cifar10": "CIFAR10",
                "cifar100": "CIFAR100"}

_KNOWN_ARRAYS = {                                                            # name -> {array_hash: what it is}
    "mnist": {"2f6dc9b6c10f51819a845a7b909d9fe67f369d4207aa05ba0be846a5651a00e8": "original"},
    "cifar10": {"fc24a5db1c6c3e156ea82277e4594952fc5742cf1cc36bcf22e9e864f98fea40": "JPEG copy of CIFAR-10"},
}


# ---- folders ---------------------------------------------------------------------------------------------------

def default_dir():
    """The folder of the bundles when none is named: $LNLKIT_DATA, else the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lnlkit"
    return Path(os.environ.get("LNLKIT_DATA") or cache).expanduser()


def offline():
    """Whether LNLKIT_OFFLINE forbids downloads."""
    return os.environ.get("LNLKIT_OFFLINE", "0") not in ("", "0")


# ---- bundles ---------------------------------------------------------------------------------------------------

def read_npz(path, keys, optional=()):
    """The named arrays of an .npz file, and the optional ones that it has.

    Anything that isn't exactly this is one ValueError that names the file.
    """
    cure = f"Delete it or move it away, then put a good copy of {path.name} there."
    with open(path, "rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            found = getattr(archive, "files", None)                          # a bare .npy array has no such attribute
            if found is not None and set(keys) <= set(found):
                return {key: archive[key] for key in (*keys, *optional) if key in found}
        except MemoryError:                                                  # the file may well be good
            raise
        except Exception as error:                                           # a damaged zip can raise almost anything
            raise ValueError(f"{path} must be an .npz file of plain arrays, but it is broken or of another kind "
                             f"({type(error).__name__}: {error}). {cure}") from error
    raise ValueError(f"{path} must hold the arrays {', '.join(keys)}, but it holds {found or 'one bare array'}. {cure}")


def read_bundle(path, name):
    """The four checked arrays of a bundle: uint8 images and int64 labels."""
    return check_arrays(read_npz(path, BUNDLE_KEYS), name, path)


def check_arrays(arrays, name, where):
    """The arrays with int64 labels, if they are images and labels of the data set ``name``."""
    facts, checked = DATASETS[name], dict(arrays)
    try:
        for part in ("train", "test"):
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            if x.dtype != np.uint8 or x.shape[1:] != facts.image_shape or len(x) == 0:
                raise ValueError(f"`x_{part}` must be uint8 images, each of shape {facts.image_shape}, "
                                 f"but got {x.dtype} of shape {x.shape}.")
            checked[f"y_{part}"] = _checks.labels(y, f"y_{part}", facts.n_classes)
            _checks.same_length(**{f"x_{part}": x, f"y_{part}": y})
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where} isn't a bundle of {name}: {error}") from error
    return checked


def write_bundle(path, arrays):
    """Write a bundle whole or not at all: a killed run never leaves half a file under the final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")       # same folder, so the rename is atomic
    try:
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def array_hash(arrays):
    """SHA-256 over shapes, pixels and labels: the same for any integer dtype of the labels."""
    digest = hashlib.sha256()
    for key in BUNDLE_KEYS:
        array = np.ascontiguousarray(arrays[key], dtype=np.uint8)
        digest.update(f"{key}{array.shape}".encode())
        digest.update(array)
    return digest.hexdigest()


def known_as(name, arrays):
    """What the arrays are: "original", a named copy, or None when they match nothing known."""
    known = _KNOWN_ARRAYS.get(name)
    return known.get(array_hash(arrays)) if known else None


# ---- torchvision -----------------------------------------------------------------------------------------------

def download(name, folder):
    """The four arrays of a data set, downloaded by torchvision (with its progress bar) into the folder."""
    try:
        from torchvision import datasets
        make = getattr(datasets, _TORCHVISION[name])
        if name == "svhn":
            parts = [make(str(folder), split=split, download=True) for split in ("train", "test")]
        else:
            parts = [make(str(folder), train=train, download=True) for train in (True, False)]
    except (OSError, RuntimeError, ImportError) as error:
        raise FileNotFoundError(f"`{name}` could not be downloaded ({type(error).__name__}: {error}). "
                                f"{how_to_get(name, folder)}") from error
    (x_train, y_train), (x_test, y_test) = (_as_arrays(part) for part in parts)
    return check_arrays(dict(zip(BUNDLE_KEYS, (x_train, y_train, x_test, y_test), strict=True)), name, "the download")


def _as_arrays(dataset):
    """Images (N, H, W) or (N, H, W, 3) and labels (N,) of a torchvision data set."""
    x = np.asarray(dataset.data)
    if x.ndim == 4 and x.shape[1] == 3:                                      # SVHN keeps its channels first
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return x, np.asarray(dataset.labels if hasattr(dataset, "labels") else dataset.targets)


def how_to_get(name, folder):
    """One sentence: which file to put where."""
    return (f"Put {name}.npz (arrays {', '.join(BUNDLE_KEYS)}) into {folder}, "
            f"or run `lnlkit data prepare {name}` on a machine with internet and copy the file.")


# ---- human labels ----------------------------------------------------------------------------------------------

def read_human_labels(path):
    """The six label vectors of CIFAR-10N (Wei et al. 2022) as int64 (50000,), in torchvision's order of images."""
    raw = read_npz(path, HUMAN_KEYS) if path.suffix == ".npz" else _read_human_pickle(path)
    try:
        found = {key: _checks.labels(raw[key], key, 10) for key in HUMAN_KEYS}
        if {y.shape for y in found.values()} != {(50000,)}:
            raise ValueError("each label vector must have shape (50000,).")
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} must hold the CIFAR-10N labels {', '.join(HUMAN_KEYS)}, but: {error}") from error
    return found


def _read_human_pickle(path):
    """The dict inside a file of torch.save, read without torch and without running what the file says."""
    try:
        with zipfile.ZipFile(path) as archive:
            inner = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(inner) as file:
                content = _ArraysOnly(file).load()
        return {key: content[key] for key in HUMAN_KEYS}
    except OSError:
        raise
    except Exception as error:                                # a hostile or broken pickle can raise anything
        raise ValueError(f"{path} must be the CIFAR-10N label file, a dict of plain NumPy arrays, but it can't be read "
                         f"as one ({type(error).__name__}: {error}). Download it again from its authors.") from error


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that can build NumPy arrays and nothing else: every other name in the file is refused."""

    _ALLOWED = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype,
                ("_codecs", "encode"): lambda text, _: text.encode("latin1")}
    for _module in ("numpy.core.multiarray", "numpy._core.multiarray"):      # NumPy 1, NumPy 2
        _ALLOWED[_module, "_reconstruct"] = lambda *_: np.empty(0, np.int8)  # an empty array that the file then fills

    def find_class(self, module, name):
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which is no part of an array")
        return self._ALLOWED[module, name]
