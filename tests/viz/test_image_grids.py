"""Grids of images, and images with their labels, show each in its place."""

import numpy as np
import pandas as pd
import pytest
from figures import legible, words
from matplotlib.colors import to_rgb

from lnlkit import viz

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


def test_image_grid_shows_each_image_in_its_place():
    images = np.arange(2 * 3 * 1 * 4 * 4, dtype=np.uint8).reshape(2, 3, 1, 4, 4)
    fig = viz.image_grid(images, ["first", "second"], ["a", "b", "c"], notes=[["p", "q", "r"], ["s", "t", "u"]])
    axes = np.reshape(fig.axes, (2, 3))
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(axes[place].images[0].get_array(), images[place][0])
        assert axes[place].images[0].get_clim() == (0, 255)
    assert [ax.get_xlabel() for ax in axes[1]] == ["s", "t", "u"]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["first", "second"]
    assert [ax.get_title() for ax in axes[0]] == ["a", "b", "c"]
    assert viz.description(fig) == "A grid of 6 images, 2 rows: first, second."


def test_image_grid_takes_colour_fractions_and_ragged_rows():
    rng = np.random.default_rng(0)
    chw, hwc = rng.random((3, 8, 8)), rng.random((8, 8, 3))
    fig = viz.image_grid([[chw, hwc], [hwc]], ["two", "one"])
    shown = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    np.testing.assert_array_equal(shown[0], np.moveaxis(chw, 0, -1))
    np.testing.assert_array_equal(shown[1], hwc)
    assert len(shown) == 3


def test_image_grid_refuses_flat_vectors():
    with pytest.raises(ValueError, match=r"got one of \(784,\)"):
        viz.image_grid(np.zeros((1, 2, 784)), ["flat"])


# ---- label vectors

Y = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]], np.uint8)
OTHER = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]], np.uint8)


def test_labels_are_counted_clean_beside_noisy(ax):
    assert viz.label_counts(ax, Y, ["a", "b", "c"], y_noisy=OTHER) is ax
    clean, noisy = ax.containers
    assert [[bar.get_height() for bar in bars] for bars in (clean, noisy)] == [[3, 3, 1], [3, 2, 2]]
    left, right, following = clean[0], noisy[0], clean[1]
    assert left.get_x() + left.get_width() <= right.get_x() + 1e-9 and left.get_facecolor() != right.get_facecolor()
    assert right.get_x() + right.get_width() < following.get_x()
    assert right.get_hatch() and legible(ax.figure)


def test_class_numbers_are_no_label_vectors(ax):
    with pytest.raises(ValueError, match=r"label vectors \(N, K\), but got shape \(4,\).*numpy.eye"):
        viz.label_counts(ax, [0, 1, 2, 1])


def test_co_occurrence_is_a_share_of_the_row(ax):
    viz.co_occurrence(ax, Y, ["a", "b", "c"])
    mesh = np.ma.masked_array(ax.collections[0].get_array()).reshape(3, 3)
    expected = [[100 * (Y[:, i] * Y[:, j]).sum() / Y[:, i].sum() for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(mesh.filled(-1), np.where(np.eye(3), -1, expected))
    said = {text.get_position(): text.get_text() for text in ax.texts}
    assert said[1.5, 0.5] == "67" and said[0.5, 1.5] == "67" and said[0.5, 2.5] == "100"  # (column, row)
    assert [said[k + 0.5, k + 0.5] for k in range(3)] == ["3", "3", "1"]


def test_labels_that_never_meet_get_a_sentence_and_many_a_scale(ax):
    viz.co_occurrence(ax, np.eye(4))
    assert "at most one label" in words(ax)[0] and not ax.collections
    fig, wide = viz.panels()
    viz.co_occurrence(wide, np.random.default_rng(0).integers(0, 2, (60, 20)))
    assert not words(wide) and len(fig.axes) == 2


IMAGES = [
    np.zeros((8, 8), np.uint8),
    np.zeros((20, 30, 3), np.uint8),
    np.ones((3, 16, 9)),
    np.ones((5, 5)),
    np.ones((4, 4)),
]


def test_scenes_have_three_lines_and_a_red_latent_label_where_it_differs():
    latent = np.array([[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0], [0, 0, 1]])
    fig = viz.scene_grid(IMAGES, OTHER, latent, Y, ["ant", "bee", "cow"])
    said = [
        [(t.get_text(), to_rgb(t.get_color()) == to_rgb("#c00000")) for t in ax.texts] for ax in fig.axes if ax.texts
    ]
    assert said == [
        [("noisy: bee, cow", False), ("latent: ant, bee  ✓", True), ("true: ant, bee", False)],
        [("noisy: ant", False), ("latent: cow  ✗", True), ("true: ant", False)],
        [("noisy: ant, bee, cow", False), ("latent: ant, bee, cow", False), ("true: ant, bee, cow", False)],
        [("noisy: none", False), ("latent: none", False), ("true: none", False)],
        [("noisy: ant", False), ("latent: cow  ✗", True), ("true: bee", False)],
    ]
    assert sum(len(ax.images) for ax in fig.axes) == 5 and legible(fig)
    assert viz.description(fig) == (
        "5 images with their labels. In 3 the latent label differs from the noisy one, in 1 of these it is the true "
        "one.")  # fmt: skip


def test_twelve_scenes_with_long_names_fit_the_page():
    rng = np.random.default_rng(0)
    noisy, latent = rng.random((2, 12, 20)) < 0.2
    names = [f"pottedplant{k}" for k in range(20)]
    fig = viz.scene_grid([np.zeros((6, 9), np.uint8)] * 12, noisy, latent, class_names=names)
    assert legible(fig) and fig.get_figwidth() <= 11
    text = " ".join(t.get_text() for ax in fig.axes for t in ax.texts)
    assert "true" not in text and "✓" not in text
    assert text.count("pottedplant") == noisy.sum() + latent.sum()  # broken into lines, nothing left out
    with pytest.raises(ValueError, match="same number of examples, but got 2 and 12 and 12"):
        viz.scene_grid(IMAGES[:2], noisy, latent)


@pytest.mark.parametrize("form", [np.array, pd.Index, tuple])
def test_image_grid_takes_labels_in_every_form(form):
    fig = viz.image_grid(np.zeros((2, 3, 4, 4), np.uint8), form([3, 9]), form([0.1, 0.2, 0.3]))
    assert [ax.get_title() for ax in fig.axes[:3]] == ["0.1", "0.2", "0.3"]
