"""Data sets as uint8 arrays in memory, and noisy data that keeps the truth apart.

N examples, K classes, images (N, H, W) or (N, H, W, 3).
"""
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import _checks, _sources, noise, seeds
from ._sources import DATASETS, Facts, default_dir

__all__ = ["DATASETS", "Facts", "ImageData", "Labelled", "NoisyData", "available", "default_dir", "human_labels",
           "load", "prepare", "split_validation", "subset"]

BUILT_IN = "built in (scikit-learn digits)"


# ---- clean data sets -------------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set as it was read: uint8 images, int64 labels, and where they come from.

    verified: True when the arrays are known to be the original ones, None when that can't be told.
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


def load(name="digits", data_dir=None):
    """The data set ``name``: digits, mnist, fashion_mnist, svhn, cifar10 or cifar100.

    Looks in this order: built in (digits), the bundle ``<data_dir>/<name>.npz``, a download that is kept as a bundle.
    data_dir: default $LNLKIT_DATA, else the user's cache folder. LNLKIT_OFFLINE=1 forbids downloads.
    Raises FileNotFoundError when there is nothing to read, ValueError when the bundle is broken: a broken bundle
    is never downloaded over.
    """
    _checks.one_of(name, "name", DATASETS)
    if name == "digits":
        return _image_data(name, _digits(), BUILT_IN, verified=True)
    path = _bundle_path(name, data_dir)
    if path.exists():
        arrays, source = _sources.read_bundle(path, name), f"bundle {path.name}"
    elif _sources.offline():
        raise FileNotFoundError(f"`{name}` must be in {path}, but there is no such file and LNLKIT_OFFLINE forbids "
                                f"downloads. {_sources.how_to_get(name, path.parent)}")
    else:
        arrays, source = _sources.download(name, path.parent), f"torchvision download, kept as {path.name}"
        _sources.write_bundle(path, arrays)
    known = _sources.known_as(name, arrays)
    remark = f" ({known})" if known else ""
    return _image_data(name, arrays, source + remark, verified=True if known == "original" else None)


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
    load(name, data_dir)
    return None if name == "digits" else _bundle_path(name, data_dir)


def available(data_dir=None):
    """One row (a dict) per data set: name, images, classes, state (built in, its bundle, or the cure), licence."""
    rows = []
    for name, facts in DATASETS.items():
        path = _bundle_path(name, data_dir)
        state = f"bundle {path}" if path.exists() else f"not here: `lnlkit data prepare {name}`"
        rows.append(dict(name=name, images=facts.n_train + facts.n_test, classes=facts.n_classes,
                         state=BUILT_IN if name == "digits" else state, licence=facts.licence))
    return rows


def _folder(data_dir):
    return Path(data_dir).expanduser() if data_dir else default_dir()


def _bundle_path(name, data_dir):
    return _folder(data_dir) / f"{name}.npz"


def human_labels(data_dir=None):
    """The human labels CIFAR-10N (Wei et al. 2022): {key: int64 (50000,)}, in the order of CIFAR-10's training images.

    Keys: clean_label, aggre_label, random_label1..3, worse_label. Reads ``cifar10n.npz`` or the authors' own
    ``CIFAR-10_human.pt``, the latter without torch and without trusting it. Licence: CC BY-NC 4.0.
    """
    folder = _folder(data_dir)
    for name in _sources.HUMAN_FILES:
        if (folder / name).exists():
            return _sources.read_human_labels(folder / name)
    raise FileNotFoundError(f"The CIFAR-10N labels must be in {folder}, but there is neither of "
                            f"{' and '.join(_sources.HUMAN_FILES)}. Get CIFAR-10_human.pt from its authors "
                            "(github.com/UCSC-REAL/cifar-10-100n, CC BY-NC 4.0).")


# ---- noisy data, the truth kept apart --------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class Labelled:
    """Images, or rows of features, and their labels (N,) or label vectors (N, K): all that a method may see."""
    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    n_classes: int

    def __len__(self):
        return len(self.y)


@dataclass(frozen=True, eq=False)
class NoisyData:
    """Images with noisy labels ``y`` and, out of a method's reach, the clean labels ``y_clean``."""
    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    y_clean: np.ndarray = field(repr=False)
    n_classes: int

    def __post_init__(self):
        _checks.same_length(x=self.x, y=self.y, y_clean=self.y_clean)
        for name in ("y", "y_clean"):                                        # frozen, hence this way to store int64
            object.__setattr__(self, name, _checks.labels(getattr(self, name), name, self.n_classes))

    def __len__(self):
        return len(self.y)

    def visible(self):
        """The data as a method sees them: no clean label anywhere in it."""
        return Labelled(self.x, self.y, self.n_classes)

    def clean(self):
        """The data with clean labels: for evaluation, and for rows that are marked as an oracle."""
        return Labelled(self.x, self.y_clean, self.n_classes)

    def take(self, index):
        """The examples at these positions."""
        return NoisyData(self.x[index], self.y[index], self.y_clean[index], self.n_classes)

    @property
    def noise_rate_(self):
        """The share of labels that are wrong in this draw."""
        return noise.measured_rate(self.y_clean, self.y)

    @property
    def T(self):
        """The transition matrix (K, K) counted in this draw."""
        return noise.measured_T(self.y_clean, self.y, self.n_classes)


# ---- choosing examples -----------------------------------------------------------------------------------------

def subset(x, y, n, seed):
    """The positions of n examples, drawn so that classes keep their shares; all of them when n is None. Sorted."""
    _checks.same_length(x=x, y=y)
    if n is None:
        return np.arange(len(y))
    if _checks.positive_int(n, "n") > len(y):
        raise ValueError(f"`n` must be at most the {len(y)} examples there are, but got {n}.")
    rng = np.random.default_rng(seeds.derive(seed, "subset"))
    classes, sizes = np.unique(y, return_counts=True)
    counts = noise.largest_remainder(sizes * (n / len(y)), rng)
    return _draw_per_class(y, classes, counts, rng)


def split_validation(noisy, fraction=0.1, seed=0):
    """The noisy data in two parts (train, validation), each noisy class in both parts if it has two examples.

    Only the noisy labels decide, as they must for whoever has no others.
    """
    if _checks.fraction(fraction, "fraction") == 0:
        raise ValueError("`fraction` must be above 0, but got 0: without validation data no epoch can be chosen.")
    rng = np.random.default_rng(seeds.derive(seed, "validation split"))
    classes, sizes = np.unique(noisy.y, return_counts=True)
    counts = noise.largest_remainder(sizes * fraction, rng)
    counts = np.minimum(np.maximum(counts, 1), sizes - 1)                    # a single example stays in training
    validation = _draw_per_class(noisy.y, classes, counts, rng)
    train = np.setdiff1d(np.arange(len(noisy)), validation)
    return noisy.take(train), noisy.take(validation)


def _draw_per_class(y, classes, counts, rng):
    chosen = [rng.choice(np.flatnonzero(y == k), n, replace=False) for k, n in zip(classes, counts, strict=True)]
    return np.sort(np.concatenate(chosen))
