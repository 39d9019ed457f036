"""Sets with several labels: every source gives what is there, and what is broken is named."""

import pickle

import numpy as np
import pytest
from small_sets import crowd, items_of, voc_tree

from lnlkit import checks, data
from lnlkit.data import bundles, cifar10n, images, label_vectors, scenes

# ---- scenes ----------------------------------------------------------------------------------------------------


def test_scenes_are_always_the_same_and_as_documented():
    found, again = data.load("scenes"), data.load("scenes")
    assert (found.name, found.n_classes, found.class_names) == ("scenes", 10, tuple("0123456789"))
    assert found.x_train.shape == (6000, 16, 16) and found.y_test.shape == (1500, 10)
    assert found.x_train.dtype == found.y_train.dtype == np.uint8 and "digits" in found.source
    for key in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(found, key), getattr(again, key))
    for y in (found.y_train, found.y_test):
        assert y.sum(axis=1).mean() == pytest.approx(2, abs=0.06)
        np.testing.assert_allclose(np.bincount(y.sum(axis=1, dtype=int))[1:] / len(y), (0.4, 0.3, 0.2, 0.1), atol=0.04)
        assert (y[:, 0].mean(), y[:, 9].mean()) == (pytest.approx(0.31, abs=0.02), pytest.approx(0.12, abs=0.02))


def test_no_digit_is_in_both_parts():
    scenes, digits = data.load("scenes"), data.load("digits")
    for part, other in (("train", "test"), ("test", "train")):
        tiles = getattr(scenes, f"x_{part}").reshape(-1, 2, 8, 2, 8).transpose(0, 1, 3, 2, 4).reshape(-1, 64)
        shown = {bytes(tile) for tile in np.unique(tiles, axis=0)} - {bytes(64)}
        own, others = ({bytes(image) for image in getattr(digits, f"x_{p}")} for p in (part, other))
        assert shown <= own and not shown & (others - own) and len(shown) > 300


def test_what_one_user_does_to_a_set_does_not_reach_the_next():
    found = data.load("scenes")
    before = found.x_train.copy()
    found.x_train[:] = 0
    np.testing.assert_array_equal(data.load("scenes").x_train, before)


def test_scenes_of_mnist_come_from_the_bundle(tmp_path, monkeypatch):
    arrays = dict(x_train=np.full((50, 28, 28), 100, np.uint8), x_test=np.full((20, 28, 28), 200, np.uint8))
    labels = dict(y_train=np.arange(50) % 10, y_test=np.arange(20) % 10)
    bundles.write_bundle(tmp_path / "mnist.npz", arrays | labels)
    monkeypatch.setitem(scenes.POOLS, "scenes_mnist", scenes.POOLS["scenes_mnist"] | dict(n_train=30, n_test=9))
    found = data.load("scenes_mnist", tmp_path)
    assert found.x_train.shape == (30, 28, 28) and found.x_test.shape == (9, 28, 28)
    assert set(np.unique(found.x_train)) == {0, 100} and set(np.unique(found.x_test)) == {0, 200}
    with pytest.raises(FileNotFoundError, match="mnist.npz.*LNLKIT_OFFLINE"):
        data.load("scenes_mnist", tmp_path / "elsewhere")


# ---- one label an example, and three people ------------------------------------------------------------------------


def test_sets_of_one_label_are_one_hot():
    read = data.load("digits")
    digits = label_vectors.as_vectors(read)
    np.testing.assert_array_equal(digits.y_train.argmax(axis=1), read.y_train)
    np.testing.assert_array_equal(digits.y_test.argmax(axis=1), read.y_test)
    assert (digits.y_train.sum(axis=1) == 1).all() and digits.y_train.dtype == np.uint8
    np.testing.assert_array_equal(digits.x_test, read.x_test)
    assert digits.source == read.source and digits.class_names == read.class_names
    assert label_vectors.as_vectors(digits) is digits


@pytest.fixture
def small_cifar10(monkeypatch):
    """CIFAR-10 and its human labels, 12 training images each."""
    y = np.arange(12) % 10
    x = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
    names = data.images.DATASETS["cifar10"].class_names
    read = data.ImageData("cifar10", x[:12], y, x[12:], y[:4], 10, "bundle cifar10.npz", names)
    people = {key: (y + i) % 10 for i, key in enumerate(cifar10n.HUMAN_KEYS)}
    people["clean_label"] = y.copy()
    monkeypatch.setattr(images, "read", lambda name, folder=None: read)
    monkeypatch.setattr(cifar10n, "human_labels", lambda folder=None: people)
    return read, people


def test_cifar10n_has_one_item_for_each_of_three_people(small_cifar10):
    read, people = small_cifar10
    found = data.load("cifar10n")
    assert found.y_noisy.shape == (12, 3, 10) and found.n_images == 12 and found.x_train is read.x_train
    noisy = label_vectors.make_noisy(found, "human", 0.0, seed=4, n_train=5)
    assert len(noisy) == 15 and noisy.noise_rate_ == 1 and noisy.label_rate_ == pytest.approx(0.2)
    np.testing.assert_array_equal(noisy.group, np.repeat(np.unique(noisy.group), 3))
    np.testing.assert_array_equal(noisy.x, read.x_train[noisy.group])
    np.testing.assert_array_equal(noisy.y_clean.argmax(axis=1), read.y_train[noisy.group])
    expected = [people[f"random_label{i % 3 + 1}"][g] for i, g in enumerate(noisy.group)]
    np.testing.assert_array_equal(noisy.y.argmax(axis=1), expected)


@pytest.mark.parametrize("change", [lambda y: y[::-1], lambda y: y[:-1]], ids=["other order", "fewer"])
def test_human_labels_of_other_images_are_refused(small_cifar10, change):
    _, people = small_cifar10
    people["clean_label"] = change(people["clean_label"])
    with pytest.raises(ValueError, match="`cifar10n` must be labels of the 1. training images.*whole copy"):
        data.load("cifar10n")


@pytest.mark.real_data
def test_real_cifar10n_has_the_published_rate(real_data):
    if not (real_data / "cifar10n.npz").exists() or not (real_data / "cifar10.npz").exists():
        pytest.skip("needs cifar10.npz and cifar10n.npz in LNLKIT_DATA")
    found = data.load("cifar10n", real_data)
    assert found.x_train.shape == (50_000, 32, 32, 3) and found.y_noisy.shape == (50_000, 3, 10)
    noisy = label_vectors.make_noisy(found, "human", 0.0, seed=0, n_train=2000)
    assert noisy.x.shape == (6000, 32, 32, 3) and noisy.noise_rate_ == pytest.approx(0.1766, abs=0.02)


def test_an_unknown_set_suggests_a_near_one():
    with pytest.raises(ValueError, match="Did you mean 'scenes'"):
        data.load("scene")


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
    dogs = data.load(put(tmp_path, arrays))
    for key in ("x_train", "y_train", "y_noisy", "group", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(dogs, key), arrays[key])
    assert (dogs.name, dogs.n_classes, dogs.class_names[1]) == ("dogs.npz", 5, "Norwich")
    assert dogs.x_train.dtype == np.float32 and dogs.y_noisy.dtype == np.uint8 and dogs.group.dtype == np.int64
    assert dogs.n_images == 60 and len(dogs.x_train) == 180
    bare = data.load(str(put(tmp_path, own_arrays(y_noisy=None, group=None, class_names=None))))
    assert bare.y_noisy is None and bare.group is None and bare.class_names == tuple("01234")


def test_class_names_as_bytes_are_text(tmp_path):
    names = np.array(["Norfolk", "Norwich", "Irish", "Scottish", "Chien d'Artois é".encode()], dtype="S")
    found = data.load(put(tmp_path, own_arrays(class_names=names)))
    assert found.class_names == ("Norfolk", "Norwich", "Irish", "Scottish", "Chien d'Artois é")
    latin = names.astype("S20")
    latin[0] = b"\xe9"
    with pytest.raises(ValueError, match="dogs.npz isn't a set of several labels: .*utf-8"):
        data.load(put(tmp_path, own_arrays(class_names=latin)))


def test_without_clean_labels_nothing_is_said_about_them(tmp_path):
    dogs = data.load(put(tmp_path, own_arrays(y_train=None)))
    noisy = label_vectors.make_noisy(dogs, "human", 0.0, seed=0)
    assert dogs.y_train is None and noisy.y_clean is None and noisy.noise_rate_ is None and noisy.label_rate_ is None
    train, validation = label_vectors.split_validation(noisy)
    assert train.y_clean is None and len(train) + len(validation) == 180
    assert len(noisy.visible()) == 180
    with pytest.raises(ValueError, match="`y_clean` must be known"):
        noisy.clean()
    with pytest.raises(
        ValueError, match="`noise` must be 'human' for dogs.npz, whose clean training labels are unknown"
    ):
        label_vectors.make_noisy(dogs, "permutation", 0.4, seed=0)


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
        data.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_none_or_not_there_is_named(tmp_path):
    (tmp_path / "dogs.npz").write_bytes(pickle.dumps(own_arrays()))
    with pytest.raises(ValueError, match="dogs.npz must be an .npz file of plain arrays"):
        data.load(tmp_path / "dogs.npz")
    with pytest.raises(FileNotFoundError, match="there is no .*cats.npz"):
        data.load(tmp_path / "cats.npz")


def test_people_may_come_as_a_third_axis(tmp_path):
    images = crowd()
    arrays = {key: getattr(images, key) for key in ("x_train", "y_train", "y_noisy", "x_test", "y_test")}
    noisy = label_vectors.make_noisy(data.load(put(tmp_path, arrays)), "human", 0, seed=0)
    np.testing.assert_array_equal(noisy.y, images.y_noisy.reshape(180, 5))
    np.testing.assert_array_equal(noisy.group, np.repeat(np.arange(60), 3))


# ---- what is here ----------------------------------------------------------------------------------------------


def test_available_lists_the_sets_of_every_kind_alike(tmp_path):
    rows = {row["name"]: row for row in data.available(tmp_path)}
    assert list(rows) == data.names() and len(rows) == len(data.available(tmp_path))
    assert {row["labels"] for row in rows.values()} == {"one class", "label vectors", "numbers"}
    assert {frozenset(row) for row in rows.values()} == {frozenset(rows["digits"])}
    assert rows["scenes"]["state"] == images.BUILT_IN and rows["scenes"]["examples"] == 7500
    assert rows["diabetes"]["classes"] is None and "prepare boston" in rows["boston"]["state"]
    assert "prepare mnist" in rows["scenes_mnist"]["state"] and "CIFAR-10_human.pt" in rows["cifar10n"]["state"]
    assert rows["voc2012"]["state"] == "not here: `lnlkit data prepare voc2012`"
    (tmp_path / "cifar10n.npz").touch()
    (tmp_path / "voc2007.npz").touch()
    np.savez(tmp_path / "voc2012.npz", x=[0])
    rows = {row["name"]: row["state"] for row in data.available(tmp_path)}
    assert rows["voc2012"] == f"bundle {tmp_path / 'voc2012.npz'}" and rows["voc2007"].startswith("broken: delete")
    assert str(tmp_path / "cifar10n.npz") in rows["cifar10n"]


def test_the_command_lists_and_prepares_them(tmp_path, monkeypatch, capsys):
    from lnlkit import cli

    monkeypatch.setenv("LNLKIT_DATA", str(tmp_path))
    cli.main(["data", "list"])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed[2:] == data.names()
    cli.main(["data", "prepare", "scenes"])
    assert capsys.readouterr().out == "scenes: built in, nothing to fetch\n"


def test_prepare_gives_the_file(tmp_path, small_cifar10):
    assert data.prepare("scenes", tmp_path) is None
    assert data.prepare("cifar10n", tmp_path) == tmp_path / "cifar10.npz"
    voc_tree(tmp_path, "2007")
    assert data.prepare("voc2007", tmp_path) == tmp_path / "voc2007.npz"
    assert (tmp_path / "voc2007.npz").exists()
    with pytest.raises(ValueError, match="Did you mean 'voc2007'"):
        data.prepare("voc207", tmp_path)


# ---- checks ----------------------------------------------------------------------------------------------------


def test_checks_return_what_is_promised_and_leave_the_argument_alone():
    y = [[True, False], [False, False]]
    assert checks.label_vectors(y, "y").dtype == np.uint8 and checks.label_vectors(np.zeros((0, 3)), "y").shape == (
        0,
        3,
    )
    x = np.ones((3, 2))
    assert checks.inputs(x, "x").dtype == np.float32 and x.dtype == np.float64
    images = np.zeros((2, 4, 4, 3), np.uint8)
    assert checks.inputs(images, "x") is images and checks.group_numbers(None) is None
    checks.same_length(x=[1, 2], y=None, z=[3, 4])
    assert set(cifar10n.ANNOTATORS) < set(cifar10n.HUMAN_KEYS)
