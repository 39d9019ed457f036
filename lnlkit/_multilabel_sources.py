"""Where sets with several labels an example come from: scenes, one-hot sets, CIFAR-10N, VOC, and files.

A set is a dict of the fields of `multilabel.MultiLabelData`. Labels are vectors (N, K) of 0 and 1.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from lnlkit import _checks, _sources, _voc, data, scenes, seeds

POOLS = {
    "scenes": dict(base="digits", n_train=6000, n_test=1500, shrink=1),
    "scenes_mnist": dict(base="mnist", n_train=12000, n_test=2000, shrink=2),
}
"""The fixed sets of scenes: training scenes from the training images of `base`, test scenes from its test images."""
POOL = dict(n_labels=(0.4, 0.3, 0.2, 0.1), imbalance=3.0, cooccurrence=0.3)
"""How they are composed (see `scenes.compose`): two labels a scene on average, the 0 in 0.31 of them, the 9 in 0.12."""

DATASETS = (*POOLS, *data.DATASETS, "cifar10n", *_voc.SETS)
ANNOTATORS = ("random_label1", "random_label2", "random_label3")
FILE_KEYS = ("x_train", "x_test", "y_test")
OPTIONAL_FILE_KEYS = ("y_train", "y_noisy", "group", "class_names")


def read(name, data_dir=None):
    """The set ``name`` of DATASETS; see `multilabel.load`."""
    if _checks.one_of(name, "name", DATASETS) in POOLS:
        arrays, rest = _pool(name, None if POOLS[name]["base"] == "digits" else folder_of(data_dir))
        return rest | {key: array.copy() for key, array in arrays.items()}  # the cached ones stay as they are
    if name in _voc.SETS:
        arrays, source = _voc.load(name, folder_of(data_dir))
        return arrays | dict(name=name, n_classes=len(_voc.CLASSES), class_names=_voc.CLASSES, source=source)
    return _cifar10n(data_dir) if name == "cifar10n" else _one_hot(data.load(name, data_dir))


def folder_of(data_dir):
    return Path(data_dir or _sources.default_dir()).expanduser()


def _one_hot(images):
    eye = np.eye(images.n_classes, dtype=np.uint8)
    kept = {key: getattr(images, key) for key in ("name", "x_train", "x_test", "n_classes", "class_names", "source")}
    return kept | dict(y_train=eye[images.y_train], y_test=eye[images.y_test])


@lru_cache(maxsize=4)
def _pool(name, folder):
    """The four arrays of a set of scenes, and its other fields."""
    facts = POOLS[name]
    images, arrays = data.load(facts["base"], folder), {}
    for part in ("train", "test"):
        rng = np.random.default_rng(seeds.derive(0, f"{name} {part}"))
        x, y = (getattr(images, f"{axis}_{part}") for axis in "xy")
        composed = scenes.compose(x, y, facts[f"n_{part}"], rng, shrink=facts["shrink"], **POOL)
        arrays[f"x_{part}"], arrays[f"y_{part}"] = composed
    source = f"scenes made from {facts['base']}: {images.source}"
    return arrays, dict(name=name, n_classes=images.n_classes, class_names=images.class_names, source=source)


def _cifar10n(data_dir):
    """CIFAR-10 with the labels of ANNOTATORS, whose list must be of the images that are here, in their order."""
    images, people = data.load("cifar10", data_dir), data.human_labels(data_dir)
    n = len(people["clean_label"])
    if not np.array_equal(people["clean_label"], images.y_train):
        raise ValueError(
            f"`cifar10n` must be labels of the {n} training images of CIFAR-10 in their order, but the "
            f"{len(images.y_train)} of the {images.source} have other clean labels. Use a whole copy in torchvision's "
            "order."
        )
    y_noisy = np.stack([np.eye(10, dtype=np.uint8)[people[key]] for key in ANNOTATORS], axis=1)  # (50000, 3, 10)
    return _one_hot(images) | dict(name="cifar10n", y_noisy=y_noisy, source=f"{images.source}, labels of CIFAR-10N")


def read_file(path):
    """The arrays of a user's own .npz file, read with allow_pickle=False; they are listed at `multilabel.load`."""
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"`name` must be a set or an .npz file that exists, but there is no {path.absolute()}.")
    return _sources.read_npz(path, FILE_KEYS, OPTIONAL_FILE_KEYS)


def from_file(arrays, name):
    """The set in the arrays of a file, its inputs checked."""
    x_train, x_test = (_checks.inputs(arrays[key], key) for key in ("x_train", "x_test"))
    if (x_train.dtype, x_train.shape[1:]) != (x_test.dtype, x_test.shape[1:]):
        raise ValueError(
            f"`x_test` must be of the same kind as `x_train`, {x_train.dtype} of shape {x_train.shape}, but got "
            f"{x_test.dtype} of shape {x_test.shape}."
        )
    K = _checks.label_vectors(arrays["y_test"], "y_test").shape[1]
    names = tuple(str(label) for label in np.ravel(arrays.get("class_names", np.arange(K))))
    return dict(y_train=None) | arrays | dict(name=name, x_train=x_train, x_test=x_test, n_classes=K,
                                              class_names=names, source=f"file {name}")  # fmt: skip


# ---- what is here ----------------------------------------------------------------------------------------------


def prepare(name, data_dir=None):
    """The file that the set is read from, checked, and downloaded first if need be; None for a built-in set."""
    _checks.one_of(name, "name", DATASETS)
    base = POOLS[name]["base"] if name in POOLS else name
    if base in data.DATASETS:
        return data.prepare(base, data_dir)
    read(name, data_dir)
    return folder_of(data_dir) / ("cifar10.npz" if name == "cifar10n" else f"{name}.npz")


def available(data_dir=None):
    """One row (a dict) for each set that `data.available` does not list: its keys are the same."""
    folder, facts = folder_of(data_dir), {row["name"]: row for row in data.available(data_dir)}
    rows = [facts[pool["base"]] | dict(name=name, images=pool["n_train"] + pool["n_test"])
            for name, pool in POOLS.items()]  # fmt: skip
    people = next((folder / name for name in _sources.HUMAN_FILES if (folder / name).exists()), None)
    state = f"labels {people}, images: cifar10" if people else f"not here: put CIFAR-10_human.pt into {folder}"
    rows.append(facts["cifar10"] | dict(name="cifar10n", state=state, licence="labels CC BY-NC 4.0"))
    for name, n in _voc.N_IMAGES.items():
        path = folder / f"{name}.npz"
        state = f"bundle {path}" if path.exists() else f"not here: `lnlkit data prepare {name}`"
        rows.append(dict(name=name, images=n, classes=len(_voc.CLASSES), state=state, licence=_voc.LICENCE))
    return rows
