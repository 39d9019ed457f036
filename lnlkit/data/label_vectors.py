"""Sets with several labels an example, and noisy ones that keep the truth apart.

N examples, K classes; labels are vectors (N, K) of 0 and 1. Sets of one label an example become one-hot vectors.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lnlkit import checks, noise, seeds
from lnlkit.data import bundles, cifar10n, images, scenes, voc
from lnlkit.data.noisy import Labelled, put, subset, validation_share

DATASETS = (*scenes.POOLS, "cifar10n", *voc.SETS)
KINDS = ("permutation", "human")
FILE_KEYS = ("x_train", "x_test", "y_test")
OPTIONAL_FILE_KEYS = ("y_train", "y_noisy", "group", "class_names")


@dataclass(frozen=True, eq=False)
class LabelVectorData:
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
        _check(self, "y_test", optional=("y_train", "y_noisy"))
        put(self, x_train=checks.inputs(self.x_train, "x_train"), x_test=checks.inputs(self.x_test, "x_test"),
            class_names=checks.class_names(self.class_names, self.n_classes))  # fmt: skip
        checks.same_kind(x_train=self.x_train, x_test=self.x_test)
        checks.same_length(x_test=self.x_test, y_test=self.y_test)
        checks.same_length(x_train=self.x_train, y_train=self.y_train, y_noisy=self.y_noisy, group=self.group)
        if self.group is not None and np.ndim(self.y_noisy) == 3:
            raise ValueError("`group` must be None where `y_noisy` is (N, A, K): its N images are the groups.")

    @property
    def n_images(self):
        """How many different images the training part shows: what `make_noisy` counts by `n_train`."""
        return len(self.x_train) if self.group is None else len(np.unique(self.group))


@dataclass(frozen=True, eq=False)
class NoisyLabelVectors:
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
        _check(self, "y", optional=("y_clean",))
        put(self, x=checks.inputs(self.x, "x"))
        checks.same_length(x=self.x, y=self.y, y_clean=self.y_clean, group=self.group)

    def __len__(self):
        return len(self.y)

    def visible(self):
        """The data as a method sees them: no clean label anywhere in it."""
        return Labelled(self.x, self.y, self.n_classes)

    def clean(self):
        """The data with clean labels: for evaluation, and for rows that are marked as an oracle."""
        if self.y_clean is None:
            raise ValueError("`y_clean` must be known for this, but this set came without clean training labels.")
        return Labelled(self.x, self.y_clean, self.n_classes)

    def take(self, index):
        """The items at these positions."""
        index = checks.positions(index, "index", len(self))
        y_clean, group = (None if a is None else a[index] for a in (self.y_clean, self.group))
        return NoisyLabelVectors(self.x[index], self.y[index], y_clean, self.n_classes, group)

    @property
    def noise_rate_(self):
        """The share of label vectors that are wrong in this draw, None where the clean ones are unknown."""
        return None if self.y_clean is None else float((self.y != self.y_clean).any(axis=1).mean())

    @property
    def label_rate_(self):
        """The share of entries of label vectors that are wrong in this draw, None where the clean are unknown."""
        return None if self.y_clean is None else float((self.y != self.y_clean).mean())


def _check(holder, name, optional):
    """Put checked label vectors and group numbers in place of those of a frozen dataclass."""
    K = checks.positive_int(holder.n_classes, "n_classes")
    for key in (name, *(key for key in optional if getattr(holder, key) is not None)):
        y = checks.array(getattr(holder, key), key)
        flat = y.reshape(-1, y.shape[2]) if key == "y_noisy" and y.ndim == 3 else y
        put(holder, **{key: checks.label_vectors(flat, key, K).reshape(y.shape)})
    put(holder, n_classes=K, group=checks.group_numbers(holder.group))


# ---- where sets come from ---------------------------------------------------------------------------------------


def read(name, data_dir=None):
    """The set ``name`` of DATASETS, or the one in the .npz file ``name``; see `data.load`."""
    if str(name).endswith(".npz"):
        return read_file(name)
    if checks.one_of(name, "name", DATASETS) in scenes.POOLS:
        return LabelVectorData(**scenes.read(name, data_dir))
    if name in voc.SETS:
        arrays, source = voc.read(name, bundles.folder_of(data_dir))
        return LabelVectorData(name=name, n_classes=len(voc.CLASSES), class_names=voc.CLASSES, source=source, **arrays)
    return _cifar10n(data_dir)


def as_vectors(found):
    """A data set with label vectors: an `ImageData` with its labels as one-hot vectors, any other as it is."""
    if isinstance(found, images.ImageData):
        return LabelVectorData(**_one_hot(found))
    return checks.instance(found, "found", LabelVectorData, "A table has numbers, no classes.")


def _one_hot(found):
    eye = np.eye(found.n_classes, dtype=np.uint8)
    kept = {key: getattr(found, key) for key in ("name", "x_train", "x_test", "n_classes", "class_names", "source")}
    return kept | dict(y_train=eye[found.y_train], y_test=eye[found.y_test])


def _cifar10n(data_dir):
    """CIFAR-10 with the labels of three people an image, whose list must be of the images that are here."""
    found, people = images.read("cifar10", data_dir), cifar10n.human_labels(data_dir)
    n = len(people["clean_label"])
    if not np.array_equal(people["clean_label"], found.y_train):
        raise ValueError(
            f"`cifar10n` must be labels of the {n} training images of CIFAR-10 in their order, but the "
            f"{len(found.y_train)} of the {found.source} have other clean labels. Use a whole copy in torchvision's "
            "order."
        )
    y_noisy = np.stack([np.eye(10, dtype=np.uint8)[people[key]] for key in cifar10n.ANNOTATORS], axis=1)  # (N, 3, 10)
    fields = _one_hot(found) | dict(name="cifar10n", y_noisy=y_noisy, source=f"{found.source}, labels of CIFAR-10N")
    return LabelVectorData(**fields)


def read_file(path):
    """The set in a user's own .npz file, read with allow_pickle=False; its arrays are listed at `data.load`."""
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"`name` must be a set or an .npz file that exists, but there is no {path.absolute()}.")
    arrays = bundles.read_npz(path, FILE_KEYS, OPTIONAL_FILE_KEYS)
    try:
        return LabelVectorData(**_from_file(arrays, path.name))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} isn't a set of several labels: {error}") from error


def _from_file(arrays, name):
    """The set in the arrays of a file, its inputs checked."""
    x_train, x_test = (checks.inputs(arrays[key], key) for key in ("x_train", "x_test"))
    K = checks.label_vectors(arrays["y_test"], "y_test").shape[1]
    names = tuple(label.decode() if isinstance(label, bytes) else str(label)     # HDF5 and C write bytes
                  for label in np.ravel(arrays.get("class_names", np.arange(K))))
    return dict(y_train=None) | arrays | dict(name=name, x_train=x_train, x_test=x_test, n_classes=K,
                                              class_names=names, source=f"file {name}")  # fmt: skip


def prepare(name, data_dir=None):
    """The file that a set is read from, checked, and downloaded first if need be; None for a built-in set."""
    checks.one_of(name, "name", DATASETS)
    if name in scenes.POOLS:
        return images.prepare(scenes.POOLS[name]["base"], data_dir)
    read(name, data_dir)
    return images.bundle_path("cifar10" if name == "cifar10n" else name, data_dir)


def files(name, data_dir=None):
    """The files that a set is read from; see `data.files`."""
    if name in scenes.POOLS:
        return images.files(scenes.POOLS[name]["base"], data_dir)
    if name == "cifar10n":
        people = [bundles.folder_of(data_dir) / file for file in cifar10n.HUMAN_FILES]
        return [*images.files("cifar10", data_dir), *people]
    return [Path(name)] if str(name).endswith(".npz") else [images.bundle_path(name, data_dir)]


def available(data_dir=None):
    """One row (a dict) per set of DATASETS; see `data.available`."""
    folder, facts = bundles.folder_of(data_dir), {row["name"]: row for row in images.available(data_dir)}
    kind = dict(labels="label vectors")
    rows = [facts[pool["base"]] | kind | dict(name=name, examples=pool["n_train"] + pool["n_test"])
            for name, pool in scenes.POOLS.items()]  # fmt: skip
    people = next((folder / name for name in cifar10n.HUMAN_FILES if (folder / name).exists()), None)
    state = f"labels {people}, images: cifar10" if people else f"not here: put CIFAR-10_human.pt into {folder}"
    rows.append(facts["cifar10"] | kind | dict(name="cifar10n", state=state, licence=cifar10n.LICENCE))
    return rows + [kind | dict(name=name, examples=n, classes=len(voc.CLASSES), licence=voc.LICENCE,
                               state=bundles.state(name, images.bundle_path(name, data_dir)))
                   for name, n in voc.N_IMAGES.items()]  # fmt: skip


# ---- noise and splits ------------------------------------------------------------------------------------------


def make_noisy(data, noise, noise_rate, seed, n_train=None):
    """The training part of a `LabelVectorData` with noisy labels; `n_train` of its images drawn at random, or all.

    noise: "permutation" permutes each clean label vector with probability `noise_rate` (Paper 02, Section IV-C4, see
    `noise.permute_labels`); "human" takes the labels by people, and the rate must be 0.
    Images that several people labelled, or that share a group, come with all their labels, one item a label.
    One seed fixes which images are taken and which labels are wrong, each through a seed of its own: a smaller
    `n_train` takes some of the images of a larger one with the same labels, and so with a smaller rate.
    """
    checks.instance(data, "data", LabelVectorData, "See `label_vectors.as_vectors`.")
    rate, seed = checks.fraction(noise_rate, "noise_rate", below_one=False), checks.seed(seed)
    y = (_human if checks.one_of(noise, "noise", KINDS) == "human" else _permuted)(data, rate, seed)
    index = _draw(data, n_train, seed)
    y, group = y[index], None if data.group is None else data.group[index]
    if y.ndim == 3:  # (N, A, K): A items an image
        index = group = np.repeat(index, y.shape[1])
        y = y.reshape(-1, data.n_classes)
    y_clean = None if data.y_train is None else data.y_train[index]
    return NoisyLabelVectors(data.x_train[index], y, y_clean, data.n_classes, group)


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
    if checks.positive_int(n_train, "n_train") > len(images):
        raise ValueError(f"`n_train` must be at most the {len(images)} images there are, but got {n_train}.")
    chosen = np.random.default_rng(seeds.derive(seed, "subset")).permutation(images)[:n_train]
    return np.flatnonzero(np.isin(item, chosen))


def split_validation(noisy, fraction=0.1, seed=0):
    """The noisy set in two parts (train, validation); items of one group are all in the same part.

    Only noisy labels decide: images are stratified by the rarest of the labels of their first item, which keeps rare
    classes in both parts where there are enough of them. At least one image is in each part.
    """
    checks.instance(noisy, "noisy", NoisyLabelVectors)
    share = validation_share(fraction)
    item = np.arange(len(noisy)) if noisy.group is None else noisy.group
    images, first = np.unique(item, return_index=True)
    if len(images) < 2:
        raise ValueError(f"`noisy` must show at least 2 images to be split, but got {len(images)}.")
    n = min(max(1, round(share * len(images))), len(images) - 1)
    rarest = _rarest_label(noisy.y)[first]
    chosen = images[subset(images, rarest, n, seeds.derive(seed, "validation split"))]
    validation = np.isin(item, chosen)
    return noisy.take(np.flatnonzero(~validation)), noisy.take(np.flatnonzero(validation))


def _rarest_label(y):
    """The active label of each example (N,) that is rarest in the set; K where none is active."""
    frequency = np.where(y == 1, y.sum(axis=0, dtype=np.int64), np.inf)
    return np.where(y.any(axis=1), frequency.argmin(axis=1), y.shape[1])
