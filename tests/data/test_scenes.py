"""Scenes: what a label vector says is what the canvas shows, and the stated probabilities are those that are drawn."""

import numpy as np
import pytest

from lnlkit.data import scenes


def rng(seed=0):
    return np.random.default_rng(seed)


def pool(K=10, per_class=4, h=4, w=6):
    """Images that tell who they are: every pixel of image i is i + 1; and shuffled labels, `per_class` of each."""
    labels = rng(1).permutation(np.repeat(np.arange(K), per_class))
    images = np.empty((K * per_class, h, w), np.uint8)
    images[:] = np.arange(1, len(images) + 1)[:, None, None]
    return images, labels


def slots(x):
    """The four slots (n, 4, h, w) of scenes."""
    n, H, W = x.shape
    return x.reshape(n, 2, H // 2, 2, W // 2).transpose(0, 1, 3, 2, 4).reshape(n, 4, H // 2, W // 2)


def drawn(x):
    """Which image stands in each slot (n, 4), -1 for an empty one; each slot is one whole image, or black."""
    parts = slots(x)
    value = parts[:, :, :1, :1]
    assert (parts == value).all()
    return value[:, :, 0, 0].astype(int) - 1


# ---- what a scene shows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "K, n_labels", [(10, (0.4, 0.3, 0.2, 0.1)), (4, (0, 0, 0, 1)), (1, (1,)), (3, (0.5, 0.25, 0.25))]
)
def test_labels_are_exactly_the_classes_on_the_canvas(K, n_labels):
    images, labels = pool(K)
    x, y = scenes.compose(images, labels, 500, rng(), n_labels=n_labels, cooccurrence=0.5)
    assert x.shape == (500, 8, 12) and y.shape == (500, K) and x.dtype == y.dtype == np.uint8
    shown = drawn(x)
    for scene, vector in zip(shown, y, strict=True):
        classes = labels[scene[scene >= 0]]
        assert len(set(classes)) == len(classes)  # all different
        np.testing.assert_array_equal(np.flatnonzero(vector), np.sort(classes))


def test_every_image_and_every_slot_is_used_evenly():
    images, labels = pool()
    shown = drawn(scenes.compose(images, labels, 8000, rng())[0])
    counts = np.bincount(shown[shown >= 0], minlength=40)
    np.testing.assert_allclose(counts / counts.sum(), 1 / 40, rtol=0.2)
    np.testing.assert_allclose((shown >= 0).mean(axis=0), 0.5, atol=0.025)  # two images a scene in four slots


def test_shrunk_images_are_means_of_blocks():
    images = rng(3).integers(0, 256, (12, 6, 9), dtype=np.uint8)
    x, _ = scenes.compose(images, np.arange(12) % 3, 40, rng(), n_labels=(1,), shrink=3)
    assert x.shape == (40, 4, 6)
    small = [[image[i : i + 3, j : j + 3].mean() for i in (0, 3) for j in (0, 3, 6)] for image in images]
    for scene in slots(x):
        image = next(part for part in scene if part.any())
        assert np.abs(np.array(small) - image.ravel()).max(axis=1).min() <= 0.5


# ---- how classes are drawn -------------------------------------------------------------------------------------


def test_the_number_of_labels_has_the_stated_probabilities():
    _, y = scenes.compose(*pool(), 20_000, rng(), n_labels=(0.1, 0.2, 0.3, 0.4))
    shares = np.bincount(y.sum(axis=1, dtype=int), minlength=5) / 20_000
    np.testing.assert_allclose(shares, [0, 0.1, 0.2, 0.3, 0.4], atol=0.015)


@pytest.mark.parametrize("imbalance", [1, 4])
def test_imbalance_is_geometric_from_the_first_to_the_last_class(imbalance):
    _, y = scenes.compose(*pool(5), 40_000, rng(), n_labels=(1,), imbalance=imbalance)
    weights = imbalance ** -(np.arange(5) / 4)
    np.testing.assert_allclose(y.mean(axis=0), weights / weights.sum(), atol=0.01)
    assert y[:, 0].sum() / y[:, 4].sum() == pytest.approx(imbalance, rel=0.06)


def test_a_second_class_is_drawn_like_the_first_among_those_left():
    """Without replacement: P(i then j) = w_i w_j / (1 - w_i), both orders summed."""
    _, y = scenes.compose(*pool(4), 40_000, rng(), n_labels=(0, 1), imbalance=8)
    w = 8 ** -(np.arange(4) / 3)
    w /= w.sum()
    pairs = (y.T.astype(float) @ y) / len(y)
    for i in range(4):
        for j in range(i):
            assert pairs[i, j] == pytest.approx(w[i] * w[j] * (1 / (1 - w[i]) + 1 / (1 - w[j])), abs=0.012)


@pytest.mark.parametrize("probability", [0, 0.5, 1])
def test_cooccurrence_is_the_probability_of_the_partner(probability):
    _, y = scenes.compose(*pool(10), 20_000, rng(), n_labels=(0, 1), cooccurrence=probability)
    pairs = (y[:, 0::2] & y[:, 1::2]).any(axis=1).mean()
    assert pairs == pytest.approx(probability + (1 - probability) / 9, abs=0.015)


def test_a_partner_that_is_there_or_does_not_exist_is_drawn_instead():
    _, y = scenes.compose(*pool(5), 2000, rng(), n_labels=(0, 0, 0, 1), cooccurrence=1)
    assert (y.sum(axis=1) == 4).all()
    _, y = scenes.compose(*pool(5), 4000, rng(), n_labels=(0, 1), cooccurrence=1)
    lonely = y[:, 4] == 1  # class 4 of five has no partner; as a first class it is followed by any
    assert 0.15 < lonely.mean() < 0.25 and (y[lonely, :4].sum(axis=0) > 100).all()


# ---- seeds and errors ------------------------------------------------------------------------------------------


def test_scenes_repeat_with_the_generator_and_change_nothing():
    images, labels = pool()
    images.flags.writeable = labels.flags.writeable = False
    (x, y), (x2, y2), (x3, _) = (scenes.compose(images, labels, 100, rng(s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(x, x2)
    np.testing.assert_array_equal(y, y2)
    assert (x != x3).any()


@pytest.mark.parametrize("change, error, message", [
    ({"images": np.zeros((40, 4, 6))}, ValueError, "`images` must be uint8 images .*float64"),
    ({"images": np.zeros((40, 4, 6, 3), np.uint8)}, ValueError, r"\(N, h, w\), but got uint8 of shape \(40, 4, 6, 3\)"),
    ({"images": np.zeros((0, 4, 6), np.uint8), "labels": np.zeros(0, int)}, ValueError, "`images` must be"),
    ({"labels": np.zeros(39, int)}, ValueError, "`images` and `labels` .*40 and 39"),
    ({"labels": np.repeat([0, 2], 20)}, ValueError, "from 0 to 2, but class 1 has no image"),
    ({"labels": np.zeros(40)}, TypeError, "`labels` must hold integer"),
    ({"n": 0}, ValueError, "`n` must be at least 1"),
    ({"rng": 0}, TypeError, "default_rng"),
    ({"n_labels": (0.5, 0.4)}, ValueError, "`n_labels` must be 1 to 4 probabilities that sum to 1"),
    ({"n_labels": (0.2,) * 5}, ValueError, "`n_labels` must be 1 to 4"),
    ({"n_labels": (1.5, -0.5)}, ValueError, "`n_labels` must be 1 to 4"),
    ({"n_labels": (float("nan"), 1)}, ValueError, "`n_labels` must hold finite numbers"),
    ({"labels": np.repeat([0, 1], 20)}, ValueError, "at most the 2 classes of `labels` in a scene, but got 4"),
    ({"imbalance": 0.5}, ValueError, "`imbalance` must be at least 1"),
    ({"imbalance": float("inf")}, ValueError, "`imbalance` must be a finite number"),
    ({"cooccurrence": 30}, ValueError, "`cooccurrence` must be a fraction .*Did you mean 0.3"),
    ({"shrink": 4}, ValueError, "`shrink` must divide the 4 x 6 pixels of an image, but got 4"),
    ({"shrink": 0}, ValueError, "`shrink` must be at least 1"),
])  # fmt: skip
def test_wrong_arguments_are_named(change, error, message):
    images, labels = pool()
    with pytest.raises(error, match=message):
        scenes.compose(**{"images": images, "labels": labels, "n": 5, "rng": rng()} | change)
