"""The cache of scores, what is checked before a training, and images of one's own."""

import os

import numpy as np
import pytest
import torch

from lnlkit import data, processes
from lnlkit.tasks import corruption

QUICK = corruption.IDNGenerator(epochs=5)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


# ---- the cache of scores ----


@pytest.fixture
def quick_scores(monkeypatch):
    """Scores without a training; the list grows by one entry a computation."""
    computed = []

    def scores(clean, *_):
        computed.append(len(clean.x))
        S = np.random.default_rng(0).random((len(clean.x), clean.n_classes)).astype(np.float32)
        return S / S.sum(1, keepdims=True)

    monkeypatch.setattr(corruption, "mean_scores", scores)
    return computed


def save(array, **how):
    def write(path):
        with open(path, "wb") as file:
            np.save(file, array, **how)

    return write


FOREIGN = {
    "empty": lambda path: path.write_bytes(b""), "text": lambda path: path.write_text("no array"),
    "half": lambda path: path.write_bytes(path.read_bytes()[:500]),
    "another shape": save(np.full((7, 10), 0.1, np.float32)), "doubles": save(np.full((200, 10), 0.1)),
    "nan": save(np.full((200, 10), np.nan, np.float32)), "no shares": save(np.ones((200, 10), np.float32)),
    "negative": save(np.tile(np.float32([-1, 2] + [0] * 8), (200, 1))),
    "objects": save(np.full((200, 10), None), allow_pickle=True), "an archive": lambda path: np.savez(open(path, "wb")),
}  # fmt: skip


@pytest.mark.parametrize("what", FOREIGN)
def test_a_file_that_holds_no_scores_is_made_again(digits, quick_scores, tmp_path, what):
    def make():
        return corruption.make_noisy(digits, "model_idn", 0.2, n_train=200, cache_dir=tmp_path).y

    first = make()
    FOREIGN[what](next(tmp_path.iterdir()))
    np.testing.assert_array_equal(make(), first)
    np.testing.assert_array_equal(make(), first)  # and kept
    assert len(quick_scores) == 2


def test_scores_are_readable_as_other_new_files_are(digits, quick_scores, tmp_path):
    before = os.umask(0o022)
    try:
        corruption.make_noisy(digits, "model_idn", 0.2, cache_dir=tmp_path)
    finally:
        os.umask(before)
    assert next(tmp_path.iterdir()).stat().st_mode & 0o777 == 0o644


def test_a_full_disk_keeps_nothing_and_costs_time_only(digits, quick_scores, tmp_path, monkeypatch):
    def full(file, array):
        file.write(b"x" * 1000)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    corruption.make_noisy(digits, "model_idn", 0.2, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_in_the_cache_is_removed(digits, quick_scores, tmp_path):
    scrap = tmp_path / f".x.npy.{processes.me().replace(str(os.getpid()), '999999999', 1)}.01234567.tmp"
    scrap.write_bytes(b"half")
    corruption.make_noisy(digits, "model_idn", 0.2, cache_dir=tmp_path)
    assert len(list(tmp_path.glob("*.npy"))) == 1 and not scrap.exists()


def test_without_a_home_folder_scores_are_computed(digits, quick_scores, monkeypatch):
    def none():
        raise ValueError("no home")

    monkeypatch.setattr(data, "default_dir", none)
    assert corruption.make_noisy(digits, "model_idn", 0.2).noise_rate_ == pytest.approx(0.2, abs=0.001)


def test_scores_are_computed_with_one_thread(digits, tmp_path, monkeypatch):
    def scores(clean, *_):
        assert torch.get_num_threads() == 1
        return np.full((len(clean.x), 10), 0.1, np.float32)

    monkeypatch.setattr(corruption, "mean_scores", scores)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        corruption.make_noisy(digits, "model_idn", 0.2, cache_dir=tmp_path)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


# ---- what is checked first; images of one's own ----


@pytest.mark.parametrize("rate", [0.0, 0.2])
@pytest.mark.parametrize(("bad", "sentence"), [
    (dict(kind="symetric"), "`kind` must be one of"), (dict(noise_rate=20), "`noise_rate` must be a fraction .* 0.2"),
    (dict(noise_rate="0.2"), "`noise_rate` must be a fraction"), (dict(seed=0.0), "`seed` must be a whole number"),
    (dict(n_train=2000), "at most the 1437 examples"), (dict(device="tpu"), "`device` must be"),
    (dict(generator=20), "`generator` must be"),
])  # fmt: skip
def test_everything_is_checked_before_the_training_and_at_rate_zero_too(digits, quick_scores, rate, bad, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        corruption.make_noisy(digits, **dict(kind="model_idn", noise_rate=rate, seed=0) | bad)
    assert not quick_scores


def own_images(digits, x=None):
    x = digits.x_train if x is None else x
    return data.ImageData("mine", x, digits.y_train, x[:9], digits.y_train[:9], 10, "my camera", digits.class_names)


@pytest.mark.parametrize("kind", ["symmetric", "pairflip", "part_dependent"])
def test_images_of_ones_own_get_the_same_noise(digits, kind):
    mine, known = (corruption.make_noisy(images, kind, 0.2).y for images in (own_images(digits), digits))
    np.testing.assert_array_equal(mine, known)


@pytest.mark.parametrize("kind", corruption.SCORED)
def test_images_of_ones_own_are_scored_by_a_generator_that_measures_them(digits, kind, tmp_path):
    for x in (digits.x_train, digits.x_train[..., None].repeat(3, 3)):
        mine = own_images(digits, x)
        noisy = corruption.make_noisy(mine, kind, 0.2, n_train=200, generator=QUICK, cache_dir=tmp_path)
        assert noisy.noise_rate_ == pytest.approx(0.2, abs=0.026)


def test_pixels_are_known_by_name_or_measured(digits):
    facts = data.images.DATASETS["digits"]
    assert corruption.pixels_of("digits", digits.x_train) == (facts.mean, facts.std)
    measured = corruption.pixels_of("mine", digits.x_train)
    assert measured.mean == pytest.approx([(digits.x_train / 255).mean()])
    assert measured.std == pytest.approx([(digits.x_train / 255).std()])
    colours = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3)).astype(np.uint8)
    for name in ("mine", "digits"):  # no grey images, whatever their name
        assert corruption.pixels_of(name, colours).mean == pytest.approx(tuple((colours / 255).mean((0, 1, 2))))
    assert corruption.pixels_of("mine", np.full((5, 4, 4), 51, np.uint8)) == ((pytest.approx(0.2),), (1.0,))


def test_asymmetric_noise_of_images_of_ones_own_says_what_it_needs(digits):
    for rate in (0.0, 0.2):
        with pytest.raises(ValueError, match="`mapping` .* digits, mnist, cifar10 only. Use pairflip noise, or"):
            corruption.make_noisy(own_images(digits), "asymmetric", rate)


def test_rates_that_print_equal_make_the_same_noise(digits):
    a, b = (corruption.make_noisy(digits, "symmetric", rate).y for rate in (0.3, 0.1 * 3))
    np.testing.assert_array_equal(a, b)
