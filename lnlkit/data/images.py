"""Image sets with one label an image: facts about them, and where they come from.

N images, K classes; images are uint8 (N, H, W) or (N, H, W, 3), labels int64 (N,).
"""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from lnlkit import checks
from lnlkit.data import bundles
from lnlkit.data.noisy import put, subset

BUILT_IN = "built in (scikit-learn digits)"


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

_TORCHVISION = {                                                             # class, and what of it lies in the folder
    "mnist": ("MNIST", "MNIST/raw"), "fashion_mnist": ("FashionMNIST", "FashionMNIST/raw"),
    "svhn": ("SVHN", "train_32x32.mat"), "cifar10": ("CIFAR10", "cifar-10-batches-py"),
    "cifar100": ("CIFAR100", "cifar-100-python"),
}

_KNOWN_ARRAYS = {                                                            # name -> {array_hash: what it is}
    "mnist": {"2f6dc9b6c10f51819a845a7b909d9fe67f369d4207aa05ba0be846a5651a00e8": "original"},
    "cifar10": {"fc24a5db1c6c3e156ea82277e4594952fc5742cf1cc36bcf22e9e864f98fea40": "JPEG copy of CIFAR-10"},
}


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set as it was read: uint8 images, int64 labels, and where they come from.

    verified: True when the arrays are known to be the original ones, None when that can't be told. y_noisy: labels of
    the training images that people gave, where a file of your own has them (`own`); clean_known: whether y_train is
    clean, or these once more.
    """
    name: str
    x_train: np.ndarray = field(repr=False)
    y_train: np.ndarray = field(repr=False)
    x_test: np.ndarray = field(repr=False)
    y_test: np.ndarray = field(repr=False)
    n_classes: int
    source: str
    class_names: tuple = field(repr=False)
    verified: bool | None = None
    y_noisy: np.ndarray | None = field(default=None, repr=False)
    clean_known: bool = True

    def __post_init__(self):
        K = checks.positive_int(self.n_classes, "n_classes")
        put(self, n_classes=K, class_names=checks.class_names(self.class_names, K))
        for part in ("train", "test"):
            x, y = f"x_{part}", f"y_{part}"
            put(self, **{x: checks.inputs(getattr(self, x), x), y: checks.labels(getattr(self, y), y, K)})
            checks.same_length(**{x: getattr(self, x), y: getattr(self, y)})
        if self.y_noisy is not None:
            put(self, y_noisy=checks.labels(self.y_noisy, "y_noisy", K))
            checks.same_length(x_train=self.x_train, y_noisy=self.y_noisy)
        checks.same_kind(x_train=self.x_train, x_test=self.x_test)


def read(name, data_dir=None):
    """The set ``name`` of DATASETS; see `data.load`."""
    checks.one_of(name, "name", DATASETS)
    if name == "digits":
        return _image_data(name, _digits(), BUILT_IN, verified=True)
    path = bundle_path(name, data_dir)
    if path.exists():
        arrays, source = read_bundle(path, name), f"bundle {path.name}"
    else:
        arrays, source = from_torchvision(name, path.parent), f"torchvision, kept as {path.name}"
        try:
            bundles.write_bundle(path, arrays)
        except OSError as error:                                             # a shared, read-only copy of the raw files
            source = f"torchvision, not kept ({error})"
    known = known_as(name, arrays)
    remark = f" ({known})" if known else ""
    return _image_data(name, arrays, source + remark, verified=True if known == "original" else None)


def half(images, which: str):
    """The images of a set with the first or the second half of its training images, and all of its test images."""
    checks.instance(images, "images", ImageData)
    middle = len(images.x_train) // 2
    part = slice(middle) if checks.one_of(which, "which", ("first", "second")) == "first" else slice(middle, None)
    return dataclasses.replace(images, name=f"{images.name}, {which} half", x_train=images.x_train[part],
                               y_train=images.y_train[part])  # fmt: skip


def only(images, classes):
    """The images of some classes, which are numbered anew in the order given: [3, 8] makes threes 0 and eights 1."""
    checks.instance(images, "images", ImageData)
    classes = checks.labels(checks.sequence(classes, "classes"), "classes", images.n_classes)
    if len(np.unique(classes)) < max(2, len(classes)):
        raise ValueError(f"`classes` must be two or more different classes, but got {classes.tolist()}.")
    arrays, place = {}, np.full(images.n_classes, -1)
    place[classes] = np.arange(len(classes))
    for part in ("train", "test"):
        x, y = getattr(images, f"x_{part}"), place[getattr(images, f"y_{part}")]
        arrays |= {f"x_{part}": x[y >= 0], f"y_{part}": y[y >= 0]}
    names = tuple(images.class_names[c] for c in classes)
    return ImageData(f"{images.name}, only {', '.join(names)}", **arrays, n_classes=len(classes), source=images.source,
                     class_names=names, verified=images.verified)


def _image_data(name, arrays, source, verified):
    facts = DATASETS[name]
    return ImageData(name, **arrays, n_classes=facts.n_classes, source=source, class_names=facts.class_names,
                     verified=verified)


def _digits():
    """The 1,797 digits of scikit-learn, 0..16 scaled to 0..255, in one fixed stratified split."""
    from sklearn.datasets import load_digits
    raw = load_digits()
    x, y = np.round(raw.images * (255 / 16)).astype(np.uint8), raw.target.astype(np.int64)
    train = subset(x, y, DATASETS["digits"].n_train, seed=0)
    test = np.setdiff1d(np.arange(len(y)), train)
    return dict(x_train=x[train], y_train=y[train], x_test=x[test], y_test=y[test])


def prepare(name, data_dir=None):
    """The path of the bundle, checked, and downloaded first if need be; None for a built-in set, which has no file."""
    read(name, data_dir)
    return None if name == "digits" else bundle_path(name, data_dir)


def files(name, data_dir=None):
    """The files that a set is read from; see `data.files`."""
    return [] if name == "digits" else [bundle_path(name, data_dir)]


def available(data_dir=None):
    """One row (a dict) per set of DATASETS; see `data.available`."""
    rows = []
    for name, facts in DATASETS.items():
        path = bundle_path(name, data_dir)
        state = BUILT_IN if name == "digits" else bundles.state(name, path)
        rows.append(dict(name=name, labels="one class", examples=facts.n_train + facts.n_test, classes=facts.n_classes,
                         state=state, licence=facts.licence))
    return rows


def bundle_path(name, data_dir=None):
    """Where the bundle of a set lies, or would lie."""
    return bundles.folder_of(data_dir) / f"{name}.npz"


# ---- what a bundle must hold -----------------------------------------------------------------------------------

def read_bundle(path, name):
    """The four checked arrays of a bundle: uint8 images and int64 labels."""
    return check_arrays(bundles.read_npz(path, bundles.BUNDLE_KEYS), name, path)


def check_arrays(arrays, name, where):
    """The arrays with int64 labels, if they are images and labels of the data set ``name``."""
    facts, checked = DATASETS[name], dict(arrays)
    try:
        for part in ("train", "test"):
            x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
            if x.dtype != np.uint8 or x.shape[1:] != facts.image_shape or len(x) == 0:
                raise ValueError(f"`x_{part}` must be uint8 images, each of shape {facts.image_shape}, "
                                 f"but got {x.dtype} of shape {x.shape}.")
            checked[f"y_{part}"] = checks.labels(y, f"y_{part}", facts.n_classes)
            checks.same_length(**{f"x_{part}": x, f"y_{part}": y})
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where} isn't a bundle of {name}: {error}") from error
    return checked


def array_hash(arrays):
    """SHA-256 over shapes, pixels and labels: the same for any integer dtype of the labels."""
    digest = hashlib.sha256()
    for key in bundles.BUNDLE_KEYS:
        array = np.ascontiguousarray(arrays[key], dtype=np.uint8)
        digest.update(f"{key}{array.shape}".encode())
        digest.update(array)
    return digest.hexdigest()


def known_as(name, arrays):
    """What the arrays are: "original", a named copy, or None when they match nothing known."""
    known = _KNOWN_ARRAYS.get(name)
    return known.get(array_hash(arrays)) if known else None


# ---- torchvision -----------------------------------------------------------------------------------------------

def from_torchvision(name, folder):
    """The four arrays of a data set from torchvision's raw files in the folder, downloaded first where that is allowed.

    Files that are there are read without a download, so also under LNLKIT_OFFLINE.
    """
    _, raw = _TORCHVISION[name]
    missing = f"there is no {raw}"
    try:
        if (folder / raw).exists():
            return check_arrays(_torchvision(name, folder, download=False), name, f"{folder / raw}")
    except (OSError, RuntimeError, ImportError) as error:
        missing = error
    except Exception as error:                                               # a damaged file can raise almost anything
        raise ValueError(f"{folder / raw} must be torchvision's raw files of {name}, but they can't be read "
                         f"({type(error).__name__}: {error}). Delete them or put good ones there.") from error
    if bundles.offline():
        raise FileNotFoundError(f"`{name}` must be in {bundle_path(name, folder)} or, as torchvision's raw files, in "
                                f"{folder}, but it is not there ({missing}) and LNLKIT_OFFLINE forbids downloads. "
                                f"{bundles.how_to_get(name, folder)}")
    return check_arrays(download(name, folder), name, "the download")


def download(name, folder):
    """The four arrays of a data set, downloaded by torchvision (with its progress bar) into the folder."""
    try:
        return _torchvision(name, folder, download=True)
    except (OSError, RuntimeError, ImportError) as error:
        raise FileNotFoundError(f"{bundles.not_downloaded(name, error)}. "
                                f"{bundles.how_to_get(name, folder)}") from error


def _torchvision(name, folder, download):
    """The four arrays as torchvision reads them, without the .pt files of old versions: loading such can run code."""
    from torchvision import datasets
    theirs = getattr(datasets, _TORCHVISION[name][0])
    make = type(theirs.__name__, (theirs,), {"_check_legacy_exist": lambda self: False})
    parts = ({"split": "train"}, {"split": "test"}) if name == "svhn" else ({"train": True}, {"train": False})
    pairs = [_as_arrays(make(str(folder), download=download, **part)) for part in parts]
    return dict(zip(bundles.BUNDLE_KEYS, (array for pair in pairs for array in pair), strict=True))


def _as_arrays(dataset):
    """Images (N, H, W) or (N, H, W, 3) and labels (N,) of a torchvision data set."""
    x = np.asarray(dataset.data)
    if x.ndim == 4 and x.shape[1] == 3:                                      # SVHN keeps its channels first
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return x, np.asarray(dataset.labels if hasattr(dataset, "labels") else dataset.targets)
