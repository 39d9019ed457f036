"""Noisy sets with several labels: noise is what was asked for, and the truth stays apart."""

import dataclasses

import numpy as np
import pytest
from small_sets import crowd, items_of, toy

from lnlkit import data
from lnlkit.data import label_vectors

# ---- the truth kept apart --------------------------------------------------------------------------------------


def test_what_a_method_sees_holds_no_clean_label():
    full = label_vectors.make_noisy(toy(), "permutation", 0.4, seed=0)
    seen = full.visible()
    assert {field.name for field in dataclasses.fields(seen)} == set(vars(seen)) == {"x", "y", "n_classes"}
    assert not any(value is full or value is full.y_clean for value in vars(seen).values())
    assert not any(np.shares_memory(array, full.y_clean) for array in (seen.x, seen.y))
    np.testing.assert_array_equal(seen.y, full.y)
    np.testing.assert_array_equal(full.clean().y, full.y_clean)
    same = label_vectors.make_noisy(toy(), "permutation", 0, seed=0)
    assert not np.shares_memory(same.y, same.y_clean)


def test_rates_are_shares_of_vectors_and_of_entries():
    y = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0]])
    clean = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]])
    noisy = label_vectors.NoisyLabelVectors(np.zeros((4, 2)), y, clean, 4, group=np.array([3, 3, 1, 1], np.int32))
    assert (noisy.noise_rate_, noisy.label_rate_) == (0.5, 6 / 16)
    assert noisy.y.dtype == noisy.y_clean.dtype == np.uint8 and noisy.group.dtype == np.int64 and len(noisy) == 4
    part = noisy.take([2, 0])
    np.testing.assert_array_equal(part.y, y[[2, 0]])
    np.testing.assert_array_equal(part.y_clean, clean[[2, 0]])
    assert part.group.tolist() == [1, 3] and part.noise_rate_ == 0.5
    with pytest.raises(dataclasses.FrozenInstanceError):
        noisy.y = clean


@pytest.mark.parametrize("change, message", [
    (dict(y=np.zeros((3, 5))), "`x` and `y` and `y_clean` must hold .*but got 4 and 3 and 4"),
    (dict(y_clean=np.full((4, 5), -1)), "`y_clean` must hold 0 and 1 only, but got -1"),
    (dict(y=np.zeros((4, 6))), r"`y` must have one entry per class, shape \(N, 5\)"),
    (dict(group=np.zeros(3, int)), "`x` and `y` and `y_clean` and `group` must hold"),
])  # fmt: skip
def test_noisy_sets_refuse_what_does_not_fit(change, message):
    y = np.eye(5)[:4]
    with pytest.raises(ValueError, match=message):
        label_vectors.NoisyLabelVectors(**dict(x=np.zeros((4, 2)), y=y, y_clean=y, n_classes=5) | change)


def test_a_training_set_takes_it_as_it_is():
    """Images and features arrive as tensors, label vectors as float32 (N, K), and warn about nothing."""
    training = pytest.importorskip("lnlkit.training")
    noisy = label_vectors.make_noisy(data.load("scenes"), "permutation", 0.4, seed=0, n_train=30)
    seen = training.TrainingSet.of(noisy)
    assert (
        tuple(seen.x.shape) == (30, 1, 16, 16)
        and tuple(seen.y.shape) == (30, 10)
        and str(seen.y.dtype) == "torch.float32"
    )
    np.testing.assert_array_equal(seen.y.numpy(), noisy.y)


# ---- noise -----------------------------------------------------------------------------------------------------


def test_permutation_keeps_examples_together_and_has_the_stated_rate():
    clean = toy(3000)
    noisy = label_vectors.make_noisy(clean, "permutation", 0.6, seed=1)
    np.testing.assert_array_equal(noisy.x, clean.x_train)
    np.testing.assert_array_equal(noisy.y_clean, clean.y_train)
    np.testing.assert_array_equal(noisy.y.sum(axis=1), clean.y_train.sum(axis=1))
    right_again = np.array([1, 1 / 5, 1 / 10, 1 / 10])[clean.y_train.sum(axis=1)].mean()
    assert noisy.noise_rate_ == pytest.approx(0.6 * (1 - right_again), abs=0.03)
    assert label_vectors.make_noisy(clean, "permutation", 0, seed=1).noise_rate_ == 0
    assert label_vectors.make_noisy(clean, "permutation", 1.0, seed=1).noise_rate_ == pytest.approx(
        1 - right_again, abs=0.03
    )


def test_one_seed_one_draw_and_settings_nest():
    """Smaller parts are in larger ones with the same labels, and what a small rate makes wrong a larger one does."""
    first, again, other = (label_vectors.make_noisy(toy(), "permutation", 0.4, seed=s, n_train=100) for s in (2, 2, 3))
    for field in ("x", "y", "y_clean"):
        np.testing.assert_array_equal(getattr(first, field), getattr(again, field))
    assert len(first) == 100 and len(np.unique(first.x)) == 100 and (np.diff(first.x[:, 0]) > 0).all()
    assert (first.x != other.x).any()
    larger = label_vectors.make_noisy(toy(), "permutation", 0.4, seed=2, n_train=200)
    among = np.isin(larger.x, first.x)[:, 0]
    np.testing.assert_array_equal(larger.take(among).y, first.y)
    noisier = label_vectors.make_noisy(toy(), "permutation", 0.8, seed=2, n_train=100)
    wrong = (first.y != first.y_clean).any(axis=1)
    np.testing.assert_array_equal(noisier.y[wrong], first.y[wrong])


def test_images_labels_and_split_have_seeds_of_their_own(monkeypatch):
    """Which images are taken says nothing about which of them are wrong."""
    full = toy(20_000)
    rates = [label_vectors.make_noisy(full, "permutation", 0.5, seed=0, n_train=n).noise_rate_ for n in (2000, 20_000)]
    assert rates[0] == pytest.approx(rates[1], abs=0.04)
    two = [label_vectors.make_noisy(toy(), "permutation", 0.5, seed=s).y for s in (0, 1)]  # all images
    assert (two[0] != two[1]).any()
    asked, derive = [], label_vectors.seeds.derive
    monkeypatch.setattr(label_vectors.seeds, "derive", lambda *given: asked.append(given) or derive(*given))
    label_vectors.split_validation(label_vectors.make_noisy(toy(), "permutation", 0.5, seed=3, n_train=50), seed=3)
    asked = [purpose for seed, purpose in asked if seed == 3]
    assert len(set(asked)) == len(asked) == 3


@pytest.mark.parametrize("n_train", [None, 20])
def test_both_forms_of_crowd_labels_give_the_same_items(n_train):
    """Third axis or group: all labels of each drawn image, nothing else, the image's clean label beside each."""
    images = crowd()
    for crowded in (images, items_of(images)):
        noisy = label_vectors.make_noisy(crowded, "human", 0.0, seed=0, n_train=n_train)
        assert len(noisy) == 3 * (n_train or 60) and (np.unique(noisy.group, return_counts=True)[1] == 3).all()
        for i in np.unique(noisy.x).astype(int):
            mine = noisy.take(noisy.x[:, 0] == i)
            assert len(set(mine.group)) == 1 and (mine.y_clean == images.y_train[i]).all()
            assert sorted(map(bytes, mine.y)) == sorted(map(bytes, images.y_noisy[i]))


def test_a_crowd_set_can_be_permuted_too():
    noisy = label_vectors.make_noisy(crowd(), "permutation", 0.5, seed=0)
    assert len(noisy) == 60 and noisy.group is None
    grouped = label_vectors.make_noisy(items_of(crowd()), "permutation", 0.5, seed=0, n_train=10)
    assert len(grouped) == 30 and len(np.unique(grouped.group)) == 10


@pytest.mark.parametrize("change, error, message", [
    (dict(noise="permute"), ValueError, "Did you mean 'permutation'"),
    (dict(noise="human"), ValueError, "`noise` must be 'permutation' for toy, which has no labels by people"),
    (dict(noise_rate=40), ValueError, r"`noise_rate` must be a fraction in \[0, 1\], but got 40. Did you mean 0.4"),
    (dict(n_train=301), ValueError, "`n_train` must be at most the 300 images there are, but got 301"),
    (dict(n_train=0), ValueError, "`n_train` must be at least 1"),
    (dict(data=crowd(), noise="human"), ValueError, "`noise_rate` must be 0 with noise 'human'.*but got 0.4"),
    (dict(data=items_of(crowd()), n_train=61), ValueError, "at most the 60 images"),
])  # fmt: skip
def test_make_noisy_names_wrong_arguments(change, error, message):
    with pytest.raises(error, match=message):
        label_vectors.make_noisy(**dict(data=toy(), noise="permutation", noise_rate=0.4, seed=0) | change)


# ---- splits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
def test_a_split_is_a_partition_of_the_stated_size(fraction):
    full = label_vectors.make_noisy(toy(), "permutation", 0.4, seed=0)
    train, val = label_vectors.split_validation(full, fraction, seed=1)
    rows = np.concatenate([train.x, val.x])[:, 0].astype(int)
    np.testing.assert_array_equal(np.sort(rows), np.arange(300))
    np.testing.assert_array_equal(full.y[rows], np.concatenate([train.y, val.y]))
    np.testing.assert_array_equal(full.y_clean[rows], np.concatenate([train.y_clean, val.y_clean]))
    assert len(val) == round(300 * fraction)


def test_images_of_a_group_are_never_on_both_sides():
    full = label_vectors.make_noisy(items_of(crowd()), "human", 0.0, seed=0)
    train, val = label_vectors.split_validation(full, 0.25, seed=1)
    assert not set(train.group) & set(val.group) and not set(train.x[:, 0]) & set(val.x[:, 0])
    assert len(set(val.group)) == 15 and len(val) == 45 and len(train) == 135


def test_rare_labels_are_in_both_parts():
    """Ten of 400 examples have label 4, never alone: a tenth of them, not none or many, are in validation."""
    y = np.zeros((400, 5), np.uint8)
    y[np.arange(400), np.arange(400) % 4] = 1
    y[::40, 4] = 1
    full = label_vectors.NoisyLabelVectors(np.zeros((400, 1)), y, y, 5)
    for seed in range(20):
        _, val = label_vectors.split_validation(full, 0.1, seed=seed)
        assert val.y[:, 4].sum() == 1 and (np.abs(val.y[:, :4].sum(axis=0) - 10) <= 2).all()


def test_a_split_looks_at_noisy_labels_only_and_repeats():
    full = label_vectors.make_noisy(toy(), "permutation", 0.4, seed=0)
    other = dataclasses.replace(full, y_clean=full.y_clean[::-1].copy())
    first = label_vectors.split_validation(full)[1].x
    np.testing.assert_array_equal(first, label_vectors.split_validation(other)[1].x)
    assert (label_vectors.split_validation(full, seed=1)[1].x != first).any()


def test_tiny_sets_are_split_or_refused():
    x, y = np.zeros((3, 1)), np.zeros((3, 2), np.uint8)  # no label at all is a label vector too
    train, val = label_vectors.split_validation(label_vectors.NoisyLabelVectors(x, y, y, 2), 0.01)
    assert (len(train), len(val)) == (2, 1)
    alone = label_vectors.NoisyLabelVectors(x, y, y, 2, group=np.array([7, 7, 7]))
    with pytest.raises(ValueError, match="`noisy` must show at least 2 images to be split, but got 1"):
        label_vectors.split_validation(alone)
    with pytest.raises(ValueError, match="`fraction` must be above 0"):
        label_vectors.split_validation(alone, 0)
