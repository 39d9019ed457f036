"""Part-dependent noise: its matrix is the stated one, its labels follow it, and scaling decides what it looks at."""
import numpy as np
import pytest
from sklearn.datasets import load_digits

from lnlkit import noise

K = 10


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def digits():
    raw = load_digits()
    return np.round(raw.images * (255 / 16)).astype(np.uint8), raw.target


@pytest.mark.parametrize("scaling, temperature", [("raw", 1), ("unit", 1), ("standardised", 1), ("standardised", 8)])
def test_part_dependent_rows_are_the_stated_probabilities(digits, scaling, temperature):
    """P = q softmax(x W / temperature) off the label, checked against a plain loop that redraws the same W."""
    x, y = digits
    _, P = noise.part_dependent(x, y, 0.3, rng(5), n_classes=K, scaling=scaling, temperature=temperature)
    z = x.reshape(len(x), -1).astype(float)
    z = {"raw": z, "unit": z / 255, "standardised": (z - z.mean()) / z.std()}[scaling]
    W, q = rng(5), 1 - P[np.arange(len(y)), y]
    W = [W.standard_normal((64, K)) for _ in range(K)]
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert ((q >= 0) & (q <= 1)).all() and q.std() == pytest.approx(0.1, abs=0.01)
    for i in range(0, len(y), 97):
        a = np.delete(z[i] @ W[y[i]], y[i]) / temperature
        expected = q[i] * np.exp(a - a.max()) / np.exp(a - a.max()).sum()
        np.testing.assert_allclose(np.delete(P[i], y[i]), expected, atol=1e-12)


@pytest.mark.parametrize("r, mean", [(0.3, 0.3004), (0.2, 0.2055), (0.05, 0.1009)])
def test_part_dependent_rate(r, mean):
    """mean: r + sd phi(r/sd) / Phi(r/sd), the mean of the truncated normal, is above r when r is small."""
    y = rng().integers(0, 3, 20_000)
    y_noisy, P = noise.part_dependent(rng(1).normal(size=(20_000, 2)), y, r, rng(2), n_classes=3, scaling="raw")
    assert np.mean(1 - P[np.arange(len(y)), y]) == pytest.approx(mean, abs=0.003)
    assert noise.measured_rate(y, y_noisy) == pytest.approx(mean, abs=0.012)


def test_part_dependent_labels_follow_P():
    """Drawn again and again, the labels of an example have the frequencies of its row of P."""
    x, y = np.tile(np.uint8([30, 200]), (20_000, 1, 1)), np.ones(20_000, int)
    y_noisy, P = noise.part_dependent(x, y, 0.4, rng(3), n_classes=4, scaling="unit", sd=0)
    np.testing.assert_allclose(np.bincount(y_noisy, minlength=4) / len(y), P[0], atol=0.016)
    assert P[0, 1] == 0.6                                                            # sd 0: everyone has q = r


def modal_share(y, y_noisy):
    """Of the flipped examples of a class, the share that goes to the same wrong class; mean over classes."""
    flipped = y_noisy != y
    return np.mean([np.bincount(y_noisy[flipped & (y == k)]).max() / (flipped & (y == k)).sum() for k in range(K)])


def test_pixel_scaling_decides_whether_the_noise_depends_on_the_image():
    """With all pixels positive, W sends most of a class to one label; standardised, images of a class part ways."""
    x = rng().normal(120, 45, (5_000, 8, 8, 3)).clip(0, 255).astype(np.uint8)
    y = rng(1).integers(0, K, 5_000)
    share = {s: np.mean([modal_share(y, noise.part_dependent(x, y, 0.4, rng(seed), n_classes=K, scaling=s)[0])
                         for seed in range(3)]) for s in noise.SCALINGS}
    assert share["raw"] > 0.5 and share["unit"] > 0.5
    assert share["standardised"] < 0.3


def test_temperature_softens_the_choice_of_the_wrong_label(digits):
    x, y = digits
    top = []
    for temperature in (1, 8, 64):
        _, P = noise.part_dependent(x, y, 0.4, rng(), n_classes=K, temperature=temperature)
        wrong = P.copy()
        wrong[np.arange(len(y)), y] = 0
        top.append(np.mean(wrong.max(axis=1) / wrong.sum(axis=1)))
    assert top[0] > 0.8 > top[1] > 0.3 > top[2] > 1 / 9


def test_standardised_works_per_colour_channel_and_on_constant_pixels():
    """A channel's shift and gain must not matter after standardising; a constant set has no variance to divide by."""
    x = rng().integers(0, 50, (300, 4, 4, 3), dtype=np.uint8)
    y = rng(1).integers(0, K, 300)
    _, P = noise.part_dependent(x, y, 0.4, rng(2), n_classes=K)
    _, P_tinted = noise.part_dependent(x * np.uint8([1, 5, 2]) + np.uint8([9, 0, 3]), y, 0.4, rng(2), n_classes=K)
    np.testing.assert_allclose(P, P_tinted, atol=1e-9)
    _, P = noise.part_dependent(np.full((300, 4, 4), 7, np.uint8), y, 0.4, rng(2), n_classes=K)
    np.testing.assert_allclose(P.sum(axis=1), 1)


def test_part_dependent_is_pure_repeats_and_leaves_rate_0_alone(digits):
    x, y = (a.copy() for a in digits)
    x.flags.writeable = y.flags.writeable = False
    (a, P), (b, _), (c, _) = (noise.part_dependent(x, y, 0.3, rng(s), n_classes=K) for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    y_noisy, P = noise.part_dependent(x, y, 0, rng(), n_classes=K)
    np.testing.assert_array_equal(y_noisy, y)
    np.testing.assert_array_equal(P, np.eye(K)[y])


@pytest.mark.parametrize("change, message", [
    (dict(scaling="standardized"), "Did you mean 'standardised'"), (dict(temperature=0), "`temperature` must be"),
    (dict(n_classes=5), "`y` must hold class numbers 0 to 4"), (dict(noise_rate=30), "Did you mean 0.3"),
    (dict(sd=-1), "`sd` must be"),
    (dict(x=np.zeros((1797, 8, 8))), r"`x` must be uint8 images .*Images in \[0, 1\]\? Use"),
    (dict(x=np.full((1797, 2), np.nan)), "`x` must hold finite numbers, but 3594 of them are NaN or infinite"),
    (dict(x=np.zeros((1797, 2)), scaling="unit"), "`scaling` must be 'raw' or 'standardised' for features")])
def test_part_dependent_names_wrong_arguments(digits, change, message):
    x, y = digits
    with pytest.raises(ValueError, match=message):
        noise.part_dependent(**{"x": x, "y": y, "noise_rate": 0.3, "rng": rng(), "n_classes": K} | change)


def test_constant_features_carry_no_noise_of_their_own():
    """Where all examples are alike, the class alone decides, and every number is finite."""
    y = np.repeat([0, 1, 2], 20)
    _, P = noise.part_dependent(np.full((60, 2), 0.1), y, 0.4, rng(2), n_classes=3, sd=0)
    np.testing.assert_allclose(P, P[[0, 20, 40]][y])
    np.testing.assert_allclose(P.sum(axis=1), 1)
