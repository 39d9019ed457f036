"""Images of your own with one label each, from an .npz file: clean and noisy labels, or noisy ones alone.

It holds x_train and x_test (uint8 images (N, H, W) or (N, H, W, 3)), y_test (clean, (N_test,)), at least one of y_train
(clean) and y_noisy (given by people, (N_train,)), and, if it likes, class_names (K,). Noise of the kind "given" is
y_noisy; every other kind is drawn on y_train.
"""

import hashlib
from pathlib import Path

import numpy as np

from lnlkit import checks
from lnlkit.data import bundles
from lnlkit.data.images import Facts, ImageData

KEYS, OPTIONAL = ("x_train", "x_test", "y_test"), ("y_train", "y_noisy", "class_names")


def is_own(name) -> bool:
    """Whether a data set's name is that of a file."""
    return str(name).endswith(".npz")


def has_one_label(path) -> bool:
    """Whether a file holds one label an example, and nowhere a vector of several."""
    labels = bundles.read_npz(path, ("y_test",), ("y_train", "y_noisy"))
    return all(of.ndim == 1 for of in labels.values())


def read(path) -> ImageData:
    """The images in a file. Without y_train, `y_train` is y_noisy and `clean_known` False."""
    path = bundles.existing(Path(path).expanduser())
    arrays = bundles.read_npz(path, KEYS, OPTIONAL)
    try:
        given, clean = arrays.get("y_noisy"), arrays.get("y_train")
        if given is None and clean is None:
            raise ValueError("it must hold y_train (clean labels), y_noisy (given ones) or both.")
        labels = [np.asarray(of) for of in (given, clean, arrays["y_test"]) if of is not None]
        names = arrays.get("class_names")
        K = len(names) if names is not None else 1 + int(max(of.max() for of in labels))
        names = tuple(map(str, range(K) if names is None else names.tolist()))
        return ImageData(path.name, arrays["x_train"], given if clean is None else clean, arrays["x_test"],
                         arrays["y_test"], K, f"file {path.name}", names, y_noisy=given, clean_known=clean is not None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} isn't a set of images with one label each: {error}") from error


def facts_of(images: ImageData) -> Facts:
    """What networks need to know of such a set: shape, classes, mean and deviation of training pixels in [0, 1]."""
    shape = images.x_train.shape[1:]
    axes = tuple(range(3))
    pixels = images.x_train.reshape(len(images.x_train), *shape[:2], -1) / 255.0
    mean, std = pixels.mean(axis=axes), pixels.std(axis=axes)
    return Facts(shape, images.n_classes, len(images.x_train), len(images.x_test), tuple(mean.tolist()),
                 tuple(np.where(std > 0, std, 1.0).tolist()), images.class_names, "yours")


def digest(path) -> str:
    """Hash of the file: runs depend on it, so that those on an earlier version are made again."""
    return hashlib.sha256(bundles.existing(checks.path(path)).read_bytes()).hexdigest()[:12]
