"""From a data set and a kind of noise to noisy data, and the scores that some kinds need."""

import numpy as np
import pytest

from lnlkit import data, evaluation, noise
from lnlkit.tasks import corruption

QUICK = corruption.IDNGenerator(epochs=5)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.mark.parametrize("kind", corruption.KINDS)
def test_rate_zero_changes_nothing(digits, kind):
    noisy = corruption.make_noisy(digits, kind, 0.0, n_train=200)
    np.testing.assert_array_equal(noisy.y, noisy.y_clean)


@pytest.mark.parametrize("kind", corruption.KINDS)
def test_every_kind_is_a_function_of_its_seed(digits, kind, tmp_path):
    def labels(seed):
        return corruption.make_noisy(digits, kind, 0.3, seed, n_train=300, generator=QUICK, cache_dir=tmp_path).y

    np.testing.assert_array_equal(labels(0), labels(0))
    assert (labels(0) != labels(1)).any()


@pytest.mark.parametrize("kind", ["symmetric", "pairflip", "class_conditional", "model_idn"])
def test_kinds_that_are_compared_have_the_same_realised_rate(digits, kind, tmp_path):
    noisy = corruption.make_noisy(digits, kind, 0.3, n_train=1000, generator=QUICK, cache_dir=tmp_path)
    assert (noisy.y != noisy.y_clean).mean() == pytest.approx(0.3, abs=0.006)  # at most half an example a class off


def test_class_conditional_noise_copies_the_matrix_and_not_the_examples(digits, tmp_path):
    idn, ccn = (
        corruption.make_noisy(digits, kind, 0.3, n_train=1000, generator=QUICK, cache_dir=tmp_path)
        for kind in ("model_idn", "class_conditional")
    )
    np.testing.assert_allclose(ccn.T, idn.T, atol=0.011)  # one example in a class of 100
    flipped_by_both = ((idn.y != idn.y_clean) & (ccn.y != ccn.y_clean)).sum()
    assert flipped_by_both < 0.6 * (idn.y != idn.y_clean).sum()


def test_scores_are_computed_once_and_read_back(digits, tmp_path, monkeypatch):
    first = corruption.make_noisy(digits, "model_idn", 0.2, n_train=200, generator=QUICK, cache_dir=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    monkeypatch.setattr(corruption, "mean_scores", lambda *a: pytest.fail("trained again"))
    again = corruption.make_noisy(digits, "model_idn", 0.2, n_train=200, generator=QUICK, cache_dir=tmp_path)
    np.testing.assert_array_equal(first.y, again.y)


def test_a_folder_that_cannot_be_written_costs_time_only(digits, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    noisy = corruption.make_noisy(digits, "model_idn", 0.2, n_train=200, generator=QUICK, cache_dir=in_the_way)
    assert (noisy.y != noisy.y_clean).sum() == 40


def test_a_broken_cache_file_is_made_again(digits, tmp_path):
    def make():
        return corruption.make_noisy(digits, "model_idn", 0.2, n_train=200, generator=QUICK, cache_dir=tmp_path)

    first = make()
    next(tmp_path.iterdir()).write_bytes(b"not an array")
    np.testing.assert_array_equal(make().y, first.y)


def test_scores_are_the_mean_softmax_and_know_the_clean_labels(digits):
    clean = data.Labelled(digits.x_train, digits.y_train, 10)
    S = corruption.mean_scores(clean, data.images.DATASETS["digits"], corruption.IDNGenerator(epochs=20), seed=0)
    np.testing.assert_allclose(S.sum(1), 1, atol=1e-5)
    assert (S.argmax(1) == digits.y_train).mean() > 0.9


def test_asymmetric_noise_needs_a_mapping(digits):
    with pytest.raises(ValueError, match="mapping.*pairflip"):
        corruption.corrupt_labels(digits.x_train, digits.y_train, "asymmetric", 0.2, 0, n_classes=10)


def test_unknown_kind_suggests_a_near_one(digits):
    with pytest.raises(ValueError, match="Did you mean 'symmetric'"):
        corruption.make_noisy(digits, "symetric", 0.2)


RELEASED = {  # share of wrong labels in each class of the released MNIST files, counted (facts, not the files)
    0.1: [0.059, 0.063, 0.107, 0.123, 0.106, 0.112, 0.058, 0.125, 0.098, 0.153],
    0.4: [0.269, 0.416, 0.405, 0.411, 0.355, 0.432, 0.269, 0.478, 0.359, 0.599],
}


def idn_on_mnist(n_train, generator, cache_dir):
    images = data.load("mnist")
    return {p: corruption.make_noisy(images, "model_idn", p, n_train=n_train, generator=generator, cache_dir=cache_dir)
            for p in (0.1, 0.2, 0.3, 0.4)}  # fmt: skip


def check_shape_of_mnist_noise(sets, n):
    """The shape of the released labels of Chen et al. 2021: 4 and 9 confused most, 9 noisiest, 0, 1 and 6 cleanest.

    9 must be among the two noisiest classes: which of 8 and 9 leads at 10 % changes with the generator's seed.
    """
    flipped = {p: noisy.y != noisy.y_clean for p, noisy in sets.items()}
    for p, flips in flipped.items():
        assert flips.sum() == int(p * n + 1e-9)
    for low, high in [(0.1, 0.2), (0.2, 0.3), (0.3, 0.4)]:
        assert not (flipped[low] & ~flipped[high]).any()
        np.testing.assert_array_equal(sets[low].y[flipped[low]], sets[high].y[flipped[low]])
    T = noise.measured_T(sets[0.1].y_clean, sets[0.1].y, 10)
    counts = (T * np.bincount(sets[0.1].y_clean)[:, None]) * (1 - np.eye(10))
    top = [tuple(np.unravel_index(i, (10, 10))) for i in counts.ravel().argsort()[::-1][:3]]
    assert {(4, 9), (9, 4)} & set(top)
    cleanest_first = (1 - T.diagonal()).argsort()
    assert 9 in cleanest_first[-2:]
    assert set(cleanest_first[:2]) <= {0, 1, 6}


@pytest.mark.real_data
def test_mnist_noise_has_the_published_shape(real_data, tmp_path):
    check_shape_of_mnist_noise(idn_on_mnist(2_000, corruption.IDNGenerator(epochs=10), tmp_path), 2_000)


@pytest.mark.slow
@pytest.mark.real_data
def test_full_mnist_noise_has_the_published_shape(real_data, tmp_path):
    """All 60,000 images and 20 epochs, as published. At 40 % the nines lead alone, as in the released labels."""
    sets = idn_on_mnist(None, corruption.IDNGenerator(), tmp_path)
    check_shape_of_mnist_noise(sets, 60_000)
    for p, published in RELEASED.items():
        ours = 1 - noise.measured_T(sets[p].y_clean, sets[p].y, 10).diagonal()
        print(f"rate {p}, noise per class:", " ".join(f"{share:.3f}" for share in ours))
        assert evaluation.rank_correlation(published, ours) > 0.4  # the order of the classes varies with the seed
    assert ours.argmax() == 9
