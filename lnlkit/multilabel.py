"""Sets with several labels an example, and noisy ones that keep the truth apart.

N examples, K classes; labels are vectors (N, K) of 0 and 1. Sets of one label an example are here as one-hot vectors.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lnlkit import _checks, _multilabel_sources, data, noise, seeds
from lnlkit._multilabel_sources import DATASETS, POOL, POOLS, available, prepare

__all__ = ["DATASETS", "KINDS", "POOL", "POOLS", "MultiLabelData", "NoisyMultiLabel", "available",
           "load", "make_noisy", "prepare", "split_validation"]  # fmt: skip

KINDS = ("permutation", "human")


@dataclass(frozen=True, eq=False)
class MultiLabelData:
    """A set as it was read: uint8 images (N, H, W[, 3]) or float32 features (N, d), and label vectors (N, K).

    y_noisy: training labels by people, (N_train, K), or (N_train, A, K) where A people labelled each image.
    group: (N_train,), training examples with the same number show the same image; None: each is an image of its own.
    y_train is None where nobody knows the clean training labels; then y_noisy must be there.
    """

    name: str
    x_train: np.ndarray = field(repr=False)
    y_train: np.ndarray | None = field(repr=False)
    x_test: np.ndarray = field(repr=False)
    y_test: np.ndarray = field(repr=False)
    n_classes: int
    class_names: tuple = field(repr=False)
    source: str
    y_noisy: np.ndarray | None = field(default=None, repr=False)
    group: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self):
        if self.y_train is None and self.y_noisy is None:
            raise ValueError("`y_train` or `y_noisy` must be there, but got neither: nothing to train on.")
        _check_labels(self, "y_train", "y_noisy", "y_test")
        _checks.same_length(x_test=self.x_test, y_test=self.y_test)
        _checks.same_length(x_train=self.x_train, y_train=self.y_train, y_noisy=self.y_noisy, group=self.group)
        if self.group is not None and np.ndim(self.y_noisy) == 3:
            raise ValueError("`group` must be None where `y_noisy` is (N, A, K): its N images are the groups.")
        if len(self.class_names) != self.n_classes:
            raise ValueError(f"`class_names` must be {self.n_classes} names, but got {len(self.class_names)}.")

    @property
    def n_images(self):
        """How many different images the training part shows: what `make_noisy` counts by `n_train`."""
        return len(self.x_train) if self.group is None else len(np.unique(self.group))


@dataclass(frozen=True, eq=False)
class NoisyMultiLabel:
    """Images or features with noisy label vectors ``y`` and, out of a method's reach, the clean ones ``y_clean``.

    y_clean is None where nobody knows them; then there is no noise rate either.
    group: (N,) items with the same number show the same image; None: each is an image of its own.
    """

    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    y_clean: np.ndarray | None = field(repr=False)
    n_classes: int
    group: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self):
        _check_labels(self, "y", "y_clean")
        _checks.same_length(x=self.x, y=self.y, y_clean=self.y_clean, group=self.group)

    def __len__(self):
        return len(self.y)

    def visible(self):
        """The data as a method sees them: no clean label anywhere in it."""
        return data.Labelled(self.x, self.y, self.n_classes)

    def clean(self):
        """The data with clean labels: for evaluation, and for rows that are marked as an oracle."""
        if self.y_clean is None:
            raise ValueError("`y_clean` must be known for this, but this set came without clean training labels.")
        return data.Labelled(self.x, self.y_clean, self.n_classes)

    def take(self, index):
        """The items at these positions."""
        y_clean, group = (None if a is None else a[index] for a in (self.y_clean, self.group))
        return NoisyMultiLabel(self.x[index], self.y[index], y_clean, self.n_classes, group)

    @property
    def noise_rate_(self):
        """The share of label vectors that are wrong in this draw, None where the clean ones are unknown."""
        return None if self.y_clean is None else float((self.y != self.y_clean).any(axis=1).mean())

    @property
    def label_rate_(self):
        """The share of entries of label vectors that are wrong in this draw, None where the clean are unknown."""
        return None if self.y_clean is None else float((self.y != self.y_clean).mean())


def _check_labels(holder, *names):
    """Put checked label vectors and group numbers in place of those of a frozen dataclass."""
    for name in names:
        y = getattr(holder, name)
        if y is not None:
            y = np.asarray(y)
            flat = y.reshape(-1, y.shape[2]) if name == "y_noisy" and y.ndim == 3 else y
            y = _checks.label_vectors(flat, name, holder.n_classes).reshape(y.shape)
            object.__setattr__(holder, name, y)
    object.__setattr__(holder, "group", _checks.group_numbers(holder.group))


def load(name="scenes", data_dir=None):
    """The set ``name`` of DATASETS, or the one in the file ``name`` if that ends in .npz.

    scenes is made from scikit-learn's digits and scenes_mnist from MNIST (see POOLS), always the same; cifar10n is
    CIFAR-10 with the labels of three people an image; voc2007 and voc2012 come through torchvision; the others are the
    sets of `data.load`, one-hot.
    A file holds x_train and x_test (uint8 images, or floats (N, d)), y_test (clean, (N_test, K)), at least one of
    y_train (clean) and y_noisy (by people), both (N_train, K), y_noisy also (N_train, A, K); and, if it likes, group
    (N_train,) and class_names (K,), all as in `MultiLabelData`. Without y_train `NoisyMultiLabel.y_clean` and its rates
    are None: nobody can say which labels are right.
    data_dir: default $LNLKIT_DATA, else the user's cache folder. LNLKIT_OFFLINE=1 forbids downloads.
    Raises FileNotFoundError when there is nothing to read, ValueError when what is there is broken.
    """
    if not str(name).endswith(".npz"):
        return MultiLabelData(**_multilabel_sources.read(name, data_dir))
    arrays = _multilabel_sources.read_file(name)
    try:
        return MultiLabelData(**_multilabel_sources.from_file(arrays, Path(name).name))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} isn't a set of several labels: {error}") from error


# ---- noise and splits ------------------------------------------------------------------------------------------


def make_noisy(data, noise, noise_rate, seed, n_train=None):
    """The training part of a `MultiLabelData` with noisy labels; `n_train` of its images drawn at random, or all.

    noise: "permutation" permutes each clean label vector with probability `noise_rate` (Paper 02, Section IV-C4, see
    `noise.permute_labels`); "human" takes the labels by people, and the rate must be 0.
    Images that several people labelled, or that share a group, come with all their labels, one item a label.
    One seed fixes which images are taken and which labels are wrong, each through a seed of its own: a smaller
    `n_train` takes some of the images of a larger one with the same labels, and so with a smaller rate.
    """
    rate = _checks.fraction(noise_rate, "noise_rate", below_one=False)
    y = (_human if _checks.one_of(noise, "noise", KINDS) == "human" else _permuted)(data, rate, seed)
    index = _draw(data, n_train, seed)
    y, group = y[index], None if data.group is None else data.group[index]
    if y.ndim == 3:  # (N, A, K): A items an image
        index = group = np.repeat(index, y.shape[1])
        y = y.reshape(-1, data.n_classes)
    y_clean = None if data.y_train is None else data.y_train[index]
    return NoisyMultiLabel(data.x_train[index], y, y_clean, data.n_classes, group)


def _permuted(data, rate, seed):
    if data.y_train is None:
        raise ValueError(f"`noise` must be 'human' for {data.name}, whose clean training labels are unknown, but got "
                         "'permutation'.")  # fmt: skip
    return noise.permute_labels(data.y_train, rate, np.random.default_rng(seeds.derive(seed, "permutation noise")))


def _human(data, rate, _):
    if data.y_noisy is None:
        raise ValueError(
            f"`noise` must be 'permutation' for {data.name}, which has no labels by people, but got 'human'."
        )
    if rate != 0:
        raise ValueError(f"`noise_rate` must be 0 with noise 'human', where people decide how much, but got {rate:g}.")
    return data.y_noisy


def _draw(data, n_train, seed):
    """The positions, sorted, of the training examples that show `n_train` images; all of them when that is None."""
    item = np.arange(len(data.x_train)) if data.group is None else data.group
    if n_train is None:
        return np.arange(len(item))
    images = np.unique(item)
    if _checks.positive_int(n_train, "n_train") > len(images):
        raise ValueError(f"`n_train` must be at most the {len(images)} images there are, but got {n_train}.")
    chosen = np.random.default_rng(seeds.derive(seed, "subset")).permutation(images)[:n_train]
    return np.flatnonzero(np.isin(item, chosen))


def split_validation(noisy, fraction=0.1, seed=0):
    """The noisy set in two parts (train, validation); items of one group are all in the same part.

    Only noisy labels decide: images are stratified by the rarest of the labels of their first item, which keeps rare
    classes in both parts where there are enough of them. At least one image is in each part.
    """
    if _checks.fraction(fraction, "fraction") == 0:
        raise ValueError("`fraction` must be above 0, but got 0: without validation data no epoch can be chosen.")
    item = np.arange(len(noisy)) if noisy.group is None else noisy.group
    images, first = np.unique(item, return_index=True)
    if len(images) < 2:
        raise ValueError(f"`noisy` must show at least 2 images to be split, but got {len(images)}.")
    n = min(max(1, round(fraction * len(images))), len(images) - 1)
    rarest = _rarest_label(noisy.y)[first]
    chosen = images[data.subset(images, rarest, n, seeds.derive(seed, "validation split"))]
    validation = np.isin(item, chosen)
    return noisy.take(np.flatnonzero(~validation)), noisy.take(np.flatnonzero(validation))


def _rarest_label(y):
    """The active label of each example (N,) that is rarest in the set; K where none is active."""
    frequency = np.where(y == 1, y.sum(axis=0, dtype=np.int64), np.inf)
    return np.where(y.any(axis=1), frequency.argmin(axis=1), y.shape[1])
