"""Data sets by name, whatever their labels; noisy data that keeps the truth apart.

A kind of label is one module here: `images` (one class an image), `label_vectors` (several), `targets` (numbers).
Each has DATASETS, `read`, `prepare` and `available`; a new kind joins KINDS.
"""

from pathlib import Path

from lnlkit import checks
from lnlkit.data import images, label_vectors, own, targets
from lnlkit.data.bundles import default_dir, folder_of
from lnlkit.data.cifar10n import human_labels
from lnlkit.data.clothing1m import read_clothing1m, read_clothing1m_labelled_twice
from lnlkit.data.images import ImageData
from lnlkit.data.noisy import Labelled, NoisyData, split_validation, subset

KINDS = (images, label_vectors, targets)

__all__ = ["KINDS", "ImageData", "Labelled", "NoisyData", "available", "default_dir", "files", "human_labels", "load",
           "names", "prepare", "read_clothing1m", "read_clothing1m_labelled_twice", "split_validation",
           "subset"]  # fmt: skip


def names():
    """The names of all data sets, kind by kind."""
    return [name for kind in KINDS for name in kind.DATASETS]


def _kind(name):
    if own.is_own(name):
        return label_vectors
    checks.one_of(name, "name", names())
    return next(kind for kind in KINDS if name in kind.DATASETS)


def _folder(data_dir):
    """The folder named, checked for built-in sets, too, which need none."""
    return None if data_dir is None else folder_of(data_dir)


def load(name="digits", data_dir=None):
    """The data set ``name``: an `ImageData`, a `label_vectors.LabelVectorData` or a `targets.Table`.

    Looks in this order: built in (digits, scenes, diabetes), the bundle ``<data_dir>/<name>.npz``, torchvision's raw
    files in data_dir, a download; either is kept as a bundle. data_dir: default $LNLKIT_DATA, else the user's cache
    folder. LNLKIT_OFFLINE=1 forbids downloads.
    scenes is made from scikit-learn's digits and scenes_mnist from MNIST (see `scenes.POOLS`), always the same;
    cifar10n is CIFAR-10 with the labels of three people an image; voc2007 and voc2012 come through torchvision.

    A name that ends in .npz is a file of your own: with one label an image as `own` says, or with several. Then it
    holds x_train and x_test (uint8
    images, or floats (N, d)), y_test (clean, (N_test, K)), at least one of y_train (clean) and y_noisy (by people),
    both (N_train, K), y_noisy also (N_train, A, K); and, if it likes, group (N_train,) and class_names (K,), all as in
    `LabelVectorData`. Without y_train `NoisyLabelVectors.y_clean` and its rates are None.

    Raises FileNotFoundError when there is nothing to read, ValueError when the bundle is broken: a broken bundle
    is never downloaded over.
    """
    if own.is_own(name) and Path(name).expanduser().is_file() and own.has_one_label(name):
        return own.read(name)
    return _kind(name).read(name, _folder(data_dir))


def prepare(name, data_dir=None):
    """The file that a set is read from, checked, and downloaded first if need be; None for a built-in set."""
    return _kind(name).prepare(name, _folder(data_dir))


def files(name, data_dir=None):
    """The files that a set is read from, whether they are there or not; none for a built-in set."""
    return _kind(name).files(name, data_dir)


def available(data_dir=None):
    """One row (a dict) per data set: name, labels (what an example carries), examples, classes, state, licence.

    state: built in, its bundle, or how to get it.
    """
    return [row for kind in KINDS for row in kind.available(data_dir)]
