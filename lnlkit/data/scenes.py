"""Scenes of several labels: one to four small images of different classes on one canvas.

n scenes, K classes, images (N, h, w) of grey levels 0..255. A scene has 2 x 2 slots, each of the size of an image, so
it is 2h x 2w; an empty slot is black. An image fills its slot and is not moved within it.
"""

from functools import lru_cache

import numpy as np

from lnlkit import checks, seeds
from lnlkit.data import bundles, images

SLOTS = 4
POOLS = {
    "scenes": dict(base="digits", n_train=6000, n_test=1500, shrink=1),
    "scenes_mnist": dict(base="mnist", n_train=12000, n_test=2000, shrink=2),
}
"""The fixed sets of scenes: training scenes from the training images of `base`, test scenes from its test images."""
POOL = dict(n_labels=(0.4, 0.3, 0.2, 0.1), imbalance=3.0, cooccurrence=0.3)
"""How they are composed (see `compose`): two labels a scene on average, the 0 in 0.31 of them, the 9 in 0.12."""


def read(name, data_dir=None):
    """The four arrays of a fixed set of scenes, always the same, and its other fields, in one dict."""
    base = POOLS[checks.one_of(name, "name", POOLS)]["base"]
    arrays, rest = _pool(name, None if base == "digits" else bundles.folder_of(data_dir))
    return rest | {key: array.copy() for key, array in arrays.items()}  # the cached ones stay as they are


@lru_cache(maxsize=4)
def _pool(name, folder):
    facts = POOLS[name]
    base, arrays = images.read(facts["base"], folder), {}
    for part in ("train", "test"):
        rng = np.random.default_rng(seeds.derive(0, f"{name} {part}"))
        x, y = (getattr(base, f"{axis}_{part}") for axis in "xy")
        composed = compose(x, y, facts[f"n_{part}"], rng, shrink=facts["shrink"], **POOL)
        arrays[f"x_{part}"], arrays[f"y_{part}"] = composed
    source = f"scenes made from {facts['base']}: {base.source}"
    return arrays, dict(name=name, n_classes=base.n_classes, class_names=base.class_names, source=source)


def compose(images, labels, n, rng, *, n_labels=(0.4, 0.3, 0.2, 0.1), imbalance=1.0, cooccurrence=0.0, shrink=1):
    """n scenes, uint8 (n, H, W), and their label vectors, uint8 (n, K): which classes each scene shows.

    images: uint8 (N, h, w), drawn with replacement within a class; labels (N,) name their classes 0 .. K-1.
    n_labels: probabilities of scenes with 1, 2, 3, 4 classes, all different; each stands in a random slot.
    imbalance: how much oftener class 0 is drawn than class K-1, geometric in between. Classes of one scene are drawn
    without replacement, so the ratio of their shares in the set is smaller.
    cooccurrence: probability that the next class is the partner of the one before (0-1, 2-3, ...) rather than drawn;
    a partner that is in the scene already, or that does not exist (of the last of an odd K), is drawn instead.
    shrink: whole factor by which images are made smaller first, each pixel the mean of a block.
    """
    checks.generator(rng)
    small, starts, order = _by_class(images, labels, checks.positive_int(shrink, "shrink"))
    K, n = len(starts), checks.positive_int(n, "n")
    how_many = rng.choice(np.arange(1, SLOTS + 1), n, p=_probabilities(n_labels, K))
    classes = _draw_classes(how_many, K, rng, imbalance, cooccurrence)
    sizes = np.diff([*starts, len(order)])
    chosen = order[starts[classes] + (rng.random(classes.shape) * sizes[classes]).astype(int)]  # (n, 4)
    slots = rng.permuted(np.tile(np.arange(SLOTS), (n, 1)), axis=1)

    h, w = small.shape[1:]
    canvas, y = np.zeros((n, SLOTS, h, w), np.uint8), np.zeros((n, K), np.uint8)
    for t in range(SLOTS):
        rows = np.flatnonzero(how_many > t)
        canvas[rows, slots[rows, t]] = small[chosen[rows, t]]
        y[rows, classes[rows, t]] = 1
    return canvas.reshape(n, 2, 2, h, w).transpose(0, 1, 3, 2, 4).reshape(n, 2 * h, 2 * w), y


def _by_class(images, labels, shrink):
    """The shrunk images, where each class starts in the list of positions sorted by class, and that list."""
    images, labels = checks.array(images, "images"), checks.labels(labels, "labels")
    if images.dtype != np.uint8 or images.ndim != 3 or len(images) == 0:
        raise ValueError(f"`images` must be uint8 images (N, h, w), but got {images.dtype} of shape {images.shape}.")
    checks.same_length(images=images, labels=labels)
    sizes = np.bincount(labels)
    if (sizes == 0).any():
        raise ValueError(
            f"`labels` must name each class from 0 to {len(sizes) - 1}, but class {sizes.argmin()} has no image."
        )
    (h, w), s = images.shape[1:], shrink
    if h % s or w % s:
        raise ValueError(f"`shrink` must divide the {h} x {w} pixels of an image, but got {s}.")
    total = sum(images[:, i::s, j::s].astype(np.float32) for i in range(s) for j in range(s))
    return np.rint(total / s**2).astype(np.uint8), np.cumsum(sizes) - sizes, np.argsort(labels, kind="stable")


def _probabilities(n_labels, K):
    """The probabilities of 1 to 4 labels, of length 4, summing to 1."""
    p = checks.numbers(n_labels, "n_labels").astype(np.float64)
    if p.ndim != 1 or not 1 <= len(p) <= SLOTS or not (p >= 0).all() or abs(p.sum() - 1) > 1e-6:
        raise ValueError(f"`n_labels` must be 1 to {SLOTS} probabilities that sum to 1, but got {n_labels}.")
    if (most := np.flatnonzero(p).max() + 1) > K:
        raise ValueError(f"`n_labels` must ask for at most the {K} classes of `labels` in a scene, but got {most}.")
    return np.pad(p / p.sum(), (0, SLOTS - len(p)))


def _draw_classes(how_many, K, rng, imbalance, cooccurrence):
    """Different classes (n, 4), the first `how_many` (n,) of each row valid, the others 0."""
    if checks.positive(imbalance, "imbalance") < 1:
        raise ValueError(f"`imbalance` must be at least 1, commonest over rarest class, but got {imbalance:g}.")
    cooccurrence = checks.fraction(cooccurrence, "cooccurrence", below_one=False)
    weights = imbalance ** -np.linspace(0, 1, K)
    n = len(how_many)
    classes, used, rows = np.zeros((n, SLOTS), int), np.zeros((n, K + 1), bool), np.arange(n)
    used[:, K] = True  # the partner that an odd last class has not
    for t in range(how_many.max()):
        left = np.cumsum(weights * ~used[:, :K], axis=1)  # (n, K)
        new = (rng.random((n, 1)) * left[:, -1:] >= left).sum(axis=1)
        if t > 0:
            partner = classes[:, t - 1] ^ 1
            new = np.where((rng.random(n) < cooccurrence) & ~used[rows, partner], partner, new)
        classes[:, t] = np.where(how_many > t, new, 0)
        used[rows, new] = True
    return classes
