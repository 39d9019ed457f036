"""Bundles like the real ones, but few and random images."""
import numpy as np

from lnlkit import data


def bundle(name="mnist", n_train=30, n_test=12, seed=0):
    """The four arrays of a bundle of the named set."""
    facts, rng = data.images.DATASETS[name], np.random.default_rng(seed)
    arrays = {}
    for part, n in (("train", n_train), ("test", n_test)):
        arrays[f"x_{part}"] = rng.integers(0, 256, (n, *facts.image_shape), dtype=np.uint8)
        arrays[f"y_{part}"] = rng.integers(0, facts.n_classes, n).astype(np.uint8)
    return arrays
