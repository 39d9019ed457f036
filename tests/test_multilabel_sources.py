"""Sets with several labels: every source gives what is there, and what is broken is named."""

import pickle

import numpy as np
import pytest
from small_sets import crowd, items_of, voc_tree

from lnlkit import _checks, _multilabel_sources, _sources, data, multilabel

# ---- scenes ----------------------------------------------------------------------------------------------------


def test_scenes_are_the_fixed_default_and_as_documented():
    scenes, again = multilabel.load(), multilabel.load("scenes")
    assert (scenes.name, scenes.n_classes, scenes.class_names) == ("scenes", 10, tuple("0123456789"))
    assert scenes.x_train.shape == (6000, 16, 16) and scenes.y_test.shape == (1500, 10)
    assert scenes.x_train.dtype == scenes.y_train.dtype == np.uint8 and "digits" in scenes.source
    for key in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(scenes, key), getattr(again, key))
    for y in (scenes.y_train, scenes.y_test):
        assert y.sum(axis=1).mean() == pytest.approx(2, abs=0.06)
        np.testing.assert_allclose(np.bincount(y.sum(axis=1))[1:] / len(y), (0.4, 0.3, 0.2, 0.1), atol=0.04)
        assert (y[:, 0].mean(), y[:, 9].mean()) == (pytest.approx(0.31, abs=0.02), pytest.approx(0.12, abs=0.02))


def test_no_digit_is_in_both_parts():
    scenes, digits = multilabel.load("scenes"), data.load("digits")
    for part, other in (("train", "test"), ("test", "train")):
        tiles = getattr(scenes, f"x_{part}").reshape(-1, 2, 8, 2, 8).transpose(0, 1, 3, 2, 4).reshape(-1, 64)
        shown = {bytes(tile) for tile in np.unique(tiles, axis=0)} - {bytes(64)}
        own, others = ({bytes(image) for image in getattr(digits, f"x_{p}")} for p in (part, other))
        assert shown <= own and not shown & (others - own) and len(shown) > 300


def test_what_one_user_does_to_a_set_does_not_reach_the_next():
    scenes = multilabel.load("scenes")
    before = scenes.x_train.copy()
    scenes.x_train[:] = 0
    np.testing.assert_array_equal(multilabel.load("scenes").x_train, before)


def test_scenes_of_mnist_come_from_the_bundle(tmp_path, monkeypatch):
    images = dict(x_train=np.full((50, 28, 28), 100, np.uint8), x_test=np.full((20, 28, 28), 200, np.uint8))
    labels = dict(y_train=np.arange(50) % 10, y_test=np.arange(20) % 10)
    _sources.write_bundle(tmp_path / "mnist.npz", images | labels)
    monkeypatch.setitem(multilabel.POOLS, "scenes_mnist", multilabel.POOLS["scenes_mnist"] | dict(n_train=30, n_test=9))
    scenes = multilabel.load("scenes_mnist", tmp_path)
    assert scenes.x_train.shape == (30, 28, 28) and scenes.x_test.shape == (9, 28, 28)
    assert set(np.unique(scenes.x_train)) == {0, 100} and set(np.unique(scenes.x_test)) == {0, 200}
    with pytest.raises(FileNotFoundError, match="mnist.npz.*LNLKIT_OFFLINE"):
        multilabel.load("scenes_mnist", tmp_path / "elsewhere")


# ---- one label an example, and three people ------------------------------------------------------------------------


def test_sets_of_one_label_are_one_hot():
    digits, images = multilabel.load("digits"), data.load("digits")
    np.testing.assert_array_equal(digits.y_train.argmax(axis=1), images.y_train)
    np.testing.assert_array_equal(digits.y_test.argmax(axis=1), images.y_test)
    assert (digits.y_train.sum(axis=1) == 1).all() and digits.y_train.dtype == np.uint8
    np.testing.assert_array_equal(digits.x_test, images.x_test)
    assert digits.source == images.source and digits.class_names == images.class_names


@pytest.fixture
def small_cifar10(monkeypatch):
    """CIFAR-10 and its human labels, 12 training images each."""
    y = np.arange(12) % 10
    x = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    names = data.DATASETS["cifar10"].class_names
    images = data.ImageData("cifar10", x[:12], y, x[12:], y[:4], 10, "bundle cifar10.npz", names)
    people = {key: (y + i) % 10 for i, key in enumerate(_sources.HUMAN_KEYS)}
    people["clean_label"] = y.copy()
    monkeypatch.setattr(data, "load", lambda name, folder=None: images)
    monkeypatch.setattr(data, "human_labels", lambda folder=None: people)
    return images, people


def test_cifar10n_has_one_item_for_each_of_three_people(small_cifar10):
    images, people = small_cifar10
    cifar10n = multilabel.load("cifar10n")
    assert cifar10n.y_noisy.shape == (12, 3, 10) and cifar10n.n_images == 12 and cifar10n.x_train is images.x_train
    noisy = multilabel.make_noisy(cifar10n, "human", 0.0, seed=4, n_train=5)
    assert len(noisy) == 15 and noisy.noise_rate_ == 1 and noisy.label_rate_ == pytest.approx(0.2)
    np.testing.assert_array_equal(noisy.group, np.repeat(np.unique(noisy.group), 3))
    np.testing.assert_array_equal(noisy.x, images.x_train[noisy.group])
    np.testing.assert_array_equal(noisy.y_clean.argmax(axis=1), images.y_train[noisy.group])
    expected = [people[f"random_label{i % 3 + 1}"][g] for i, g in enumerate(noisy.group)]
    np.testing.assert_array_equal(noisy.y.argmax(axis=1), expected)


@pytest.mark.parametrize("change", [lambda y: y[::-1], lambda y: y[:-1]], ids=["other order", "fewer"])
def test_human_labels_of_other_images_are_refused(small_cifar10, change):
    images, people = small_cifar10
    people["clean_label"] = change(people["clean_label"])
    with pytest.raises(ValueError, match="`cifar10n` must be labels of the 1. training images.*whole copy"):
        multilabel.load("cifar10n")


@pytest.mark.real_data
def test_real_cifar10n_has_the_published_rate(real_data):
    if not (real_data / "cifar10n.npz").exists() or not (real_data / "cifar10.npz").exists():
        pytest.skip("needs cifar10.npz and cifar10n.npz in LNLKIT_DATA")
    cifar10n = multilabel.load("cifar10n", real_data)
    assert cifar10n.x_train.shape == (50_000, 32, 32, 3) and cifar10n.y_noisy.shape == (50_000, 3, 10)
    noisy = multilabel.make_noisy(cifar10n, "human", 0.0, seed=0, n_train=2000)
    assert noisy.x.shape == (6000, 32, 32, 3) and noisy.noise_rate_ == pytest.approx(0.1766, abs=0.02)


def test_an_unknown_set_suggests_a_near_one():
    with pytest.raises(ValueError, match="Did you mean 'scenes'"):
        multilabel.load("scene")


# ---- a user's own file -----------------------------------------------------------------------------------------


def own_arrays(**changes):
    images = items_of(crowd())
    arrays = {key: getattr(images, key) for key in ("x_train", "y_train", "y_noisy", "group", "x_test", "y_test")}
    return arrays | dict(class_names=np.array(["Norfolk", "Norwich", "Irish", "Scottish", "none"])) | changes


def put(folder, arrays):
    path = folder / "dogs.npz"
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    return path


def test_a_file_is_read_as_written(tmp_path):
    arrays = own_arrays(
        x_train=own_arrays()["x_train"].astype(np.float64), y_noisy=own_arrays()["y_noisy"].astype(bool)
    )
    dogs = multilabel.load(put(tmp_path, arrays))
    for key in ("x_train", "y_train", "y_noisy", "group", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(dogs, key), arrays[key])
    assert (dogs.name, dogs.n_classes, dogs.class_names[1]) == ("dogs.npz", 5, "Norwich")
    assert dogs.x_train.dtype == np.float32 and dogs.y_noisy.dtype == np.uint8 and dogs.group.dtype == np.int64
    assert dogs.n_images == 60 and len(dogs.x_train) == 180
    bare = multilabel.load(str(put(tmp_path, own_arrays(y_noisy=None, group=None, class_names=None))))
    assert bare.y_noisy is None and bare.group is None and bare.class_names == tuple("01234")


def test_without_clean_labels_nothing_is_said_about_them(tmp_path):
    dogs = multilabel.load(put(tmp_path, own_arrays(y_train=None)))
    noisy = multilabel.make_noisy(dogs, "human", 0.0, seed=0)
    assert dogs.y_train is None and noisy.y_clean is None and noisy.noise_rate_ is None and noisy.label_rate_ is None
    train, validation = multilabel.split_validation(noisy)
    assert train.y_clean is None and len(train) + len(validation) == 180
    assert len(noisy.visible()) == 180
    with pytest.raises(ValueError, match="`y_clean` must be known"):
        noisy.clean()
    with pytest.raises(
        ValueError, match="`noise` must be 'human' for dogs.npz, whose clean training labels are unknown"
    ):
        multilabel.make_noisy(dogs, "permutation", 0.4, seed=0)


NUMBERS = np.zeros((180, 1))
BAD_FILES = {
    "no inputs": (dict(x_train=None), "dogs.npz must hold the arrays x_train, x_test, y_test, but it holds"),
    "no labels": (dict(y_train=None, y_noisy=None), "`y_train` or `y_noisy` must be there"),
    "whole numbers as features": (dict(x_train=NUMBERS.astype(int)), "`x_train` must be uint8 images.*int64 of shape"),
    "float images": (dict(x_train=np.zeros((180, 4, 4))), r"`x_train` must be .*float64 of shape \(180, 4, 4\)"),
    "four channels": (dict(x_train=np.zeros((180, 4, 4, 4), np.uint8)), "`x_train` must be uint8 images"),
    "a scalar": (dict(x_train=np.float32(1)), "`x_train` must be uint8 images"),
    "missing numbers": (dict(x_test=np.full((20, 1), np.nan)), "`x_test` must hold finite numbers, but 20 of them"),
    "other width": (dict(x_test=np.zeros((20, 2))), "`x_test` must be of the same kind as `x_train`"),
    "images to test": (dict(x_test=np.zeros((20, 4, 4), np.uint8)), "`x_test` must be of the same kind as `x_train`"),
    "class numbers": (dict(y_noisy=np.zeros(180, int)), r"`y_noisy` must be one vector of 0 and 1.*np.eye"),
    "a 2": (dict(y_noisy=np.full((180, 5), 2)), "`y_noisy` must hold 0 and 1 only, but got 2"),
    "probabilities": (dict(y_train=np.full((180, 5), 0.5)), "`y_train` must hold 0 and 1 only, but got 0.5"),
    "words": (dict(y_train=np.full((180, 5), "cat")), "`y_train` must hold 0 and 1, but got dtype"),
    "four classes": (dict(y_noisy=np.zeros((180, 4))), r"`y_noisy` must have one entry per class, shape \(N, 5\)"),
    "test class numbers": (dict(y_test=np.zeros(20)), "`y_test` must be one vector"),
    "too few test labels": (dict(y_test=np.zeros((19, 5))), "`x_test` and `y_test` must hold.*20 and 19"),
    "too few labels": (dict(y_noisy=np.zeros((179, 5))), "`x_train` and `y_train` and `y_noisy` and `group` must hold"),
    "a short group": (dict(group=np.arange(5)), "but got 180 and 180 and 180 and 5"),
    "group of floats": (dict(group=np.arange(180.0)), "`group` must be whole numbers of shape"),
    "group of vectors": (dict(group=np.zeros((180, 1), int)), r"`group` must be whole numbers .*\(180, 1\)"),
    "group and people": (dict(y_noisy=np.zeros((180, 3, 5))), "`group` must be None where `y_noisy` is"),
    "too few names": (dict(class_names=np.array(["a", "b"])), "`class_names` must be 5 names, but got 2"),
    "pickled objects": (dict(group=np.array([{}] * 180, dtype=object)), "broken or of another kind"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_broken_file_is_one_sentence_that_names_it(tmp_path, case):
    changes, message = BAD_FILES[case]
    path = put(tmp_path, own_arrays(**changes))
    with pytest.raises(ValueError, match=message) as error:
        multilabel.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_none_or_not_there_is_named(tmp_path):
    (tmp_path / "dogs.npz").write_bytes(pickle.dumps(own_arrays()))
    with pytest.raises(ValueError, match="dogs.npz must be an .npz file of plain arrays"):
        multilabel.load(tmp_path / "dogs.npz")
    with pytest.raises(FileNotFoundError, match="there is no .*cats.npz"):
        multilabel.load(tmp_path / "cats.npz")


def test_people_may_come_as_a_third_axis(tmp_path):
    images = crowd()
    arrays = {key: getattr(images, key) for key in ("x_train", "y_train", "y_noisy", "x_test", "y_test")}
    noisy = multilabel.make_noisy(multilabel.load(put(tmp_path, arrays)), "human", 0, seed=0)
    np.testing.assert_array_equal(noisy.y, images.y_noisy.reshape(180, 5))
    np.testing.assert_array_equal(noisy.group, np.repeat(np.arange(60), 3))


# ---- what is here ----------------------------------------------------------------------------------------------


def test_available_lists_the_sets_that_data_does_not(tmp_path):
    rows = {row["name"]: row for row in multilabel.available(tmp_path)}
    assert {*rows, *data.DATASETS} == set(multilabel.DATASETS) and not rows.keys() & data.DATASETS.keys()
    assert {tuple(row) for row in rows.values()} == {tuple(data.available(tmp_path)[0])}
    assert rows["scenes"]["state"] == data.BUILT_IN and rows["scenes"]["images"] == 7500
    assert "prepare mnist" in rows["scenes_mnist"]["state"] and "CIFAR-10_human.pt" in rows["cifar10n"]["state"]
    assert rows["voc2012"]["state"] == "not here: `lnlkit data prepare voc2012`"
    (tmp_path / "voc2012.npz").touch()
    (tmp_path / "cifar10n.npz").touch()
    rows = {row["name"]: row["state"] for row in multilabel.available(tmp_path)}
    assert (
        rows["voc2012"] == f"bundle {tmp_path / 'voc2012.npz'}" and str(tmp_path / "cifar10n.npz") in rows["cifar10n"]
    )


def test_the_command_lists_and_prepares_them(tmp_path, monkeypatch, capsys):
    from lnlkit import cli

    monkeypatch.setenv("LNLKIT_DATA", str(tmp_path))
    cli.main(["data", "list"])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(listed[2:]) == sorted(multilabel.DATASETS)
    cli.main(["data", "prepare", "scenes"])
    assert capsys.readouterr().out == "scenes: built in, nothing to fetch\n"


def test_prepare_gives_the_file(tmp_path, small_cifar10):
    assert multilabel.prepare("scenes", tmp_path) is None
    assert multilabel.prepare("cifar10n", tmp_path) == tmp_path / "cifar10.npz"
    voc_tree(tmp_path, "2007")
    assert multilabel.prepare("voc2007", tmp_path) == tmp_path / "voc2007.npz"
    assert (tmp_path / "voc2007.npz").exists()
    with pytest.raises(ValueError, match="Did you mean 'voc2007'"):
        multilabel.prepare("voc207", tmp_path)


# ---- checks ----------------------------------------------------------------------------------------------------


def test_checks_return_what_is_promised_and_leave_the_argument_alone():
    y = [[True, False], [False, False]]
    assert _checks.label_vectors(y, "y").dtype == np.uint8 and _checks.label_vectors(np.zeros((0, 3)), "y").shape == (
        0,
        3,
    )
    x = np.ones((3, 2))
    assert _checks.inputs(x, "x").dtype == np.float32 and x.dtype == np.float64
    images = np.zeros((2, 4, 4, 3), np.uint8)
    assert _checks.inputs(images, "x") is images and _checks.group_numbers(None) is None
    _checks.same_length(x=[1, 2], y=None, z=[3, 4])
    assert set(_multilabel_sources.ANNOTATORS) < set(_sources.HUMAN_KEYS)
