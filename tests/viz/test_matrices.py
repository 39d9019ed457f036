"""Transition matrices as heat maps draw what they are given: artists and texts are compared with the data."""

import numpy as np
import pytest
from figures import words
from matplotlib.colors import to_rgb

from lnlkit import viz

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

T = np.array([[0.7, 0.2, 0.1], [0.004, 0.996, 0.0], [0.25, 0.15, 0.6]])


def test_heatmap_writes_the_entries_in_per_cent(ax):
    viz.transition_heatmap(T, ax, title="three classes")
    said = {text.get_position(): text.get_text() for text in ax.texts if text.get_text()}  # (column, row)
    assert said == {(0.5, 0.5): "70", (1.5, 0.5): "20", (2.5, 0.5): "10", (1.5, 1.5): "100", (0.5, 2.5): "25",
                    (1.5, 2.5): "15", (2.5, 2.5): "60"}  # fmt: skip
    assert (ax.get_title(), ax.get_ylabel()) == ("three classes", "clean label")  # 0.4 % and 0 % stay empty
    assert ax.get_ylim() == (3, 0)  # the first class is above


def test_heatmap_colours_the_off_diagonal_only(ax):
    viz.transition_heatmap(T, ax)
    mesh = ax.collections[0]
    drawn = np.ma.masked_array(mesh.get_array()).reshape(3, 3)
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), np.eye(3, dtype=bool))
    np.testing.assert_allclose(drawn.filled(0), 100 * T * (1 - np.eye(3)))
    assert mesh.get_clim() == pytest.approx((0, 25))
    assert mesh.get_cmap().name == "cividis"


def test_heatmap_names_the_classes(ax):
    viz.transition_heatmap(T, ax, class_names=["cat", "dog", "emu"])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog", "emu"]


def test_numbers_stand_out_from_their_cells(ax):
    def luminance(color):
        rgb = np.array(to_rgb(color))
        return np.dot([0.2126, 0.7152, 0.0722], np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4))

    K = 12
    ramp = np.zeros((K, K))
    ramp[0, 1:] = np.linspace(0.006, 0.08, K - 1)
    np.fill_diagonal(ramp, 1 - ramp.sum(1))
    viz.transition_heatmap(ramp, ax)
    mesh, grey, seen = ax.collections[0], to_rgb(ax.get_facecolor()), set()
    for text in ax.texts:
        column, row = (int(place) for place in text.get_position())
        below = grey if row == column else mesh.cmap(mesh.norm(100 * ramp[row, column]))[:3]
        low, high = sorted((luminance(text.get_color()), luminance(below)))
        assert (high + 0.05) / (low + 0.05) > 4.5
        seen.add(text.get_color())
    assert len(seen) == 3  # black, white, and dark grey on the diagonal


def test_the_identity_can_be_drawn(ax):
    viz.transition_heatmap(np.eye(4), ax)
    assert words(ax) == ["100"] * 4


def test_heatmap_refuses_rows_that_are_no_distribution(ax):
    with pytest.raises(ValueError, match="`T`"):
        viz.transition_heatmap(2 * T, ax)


def test_matrices_in_a_row_share_the_scale_and_are_described():
    fig = viz.transition_row({"weak": 0.9 * np.eye(3) + 0.1 / 3, "strong": T})
    assert [ax.get_title() for ax in fig.axes[:2]] == ["weak", "strong"]
    for ax in fig.axes[:2]:
        assert ax.collections[0].get_clim() == pytest.approx((0, 25))
    assert viz.description(fig) == (
        "Matrices of noisy label (columns) given clean label (rows). weak: 93 % on the diagonal, most off it 3 % "
        "from 0 to 1. strong: 77 % on the diagonal, most off it 25 % from 2 to 0.")  # fmt: skip


def test_matrices_without_a_flip_have_no_colour_scale():
    fig = viz.transition_row({"one": np.eye(3)})
    assert len(fig.axes) == 1 and viz.description(fig).endswith("one: 100 % on the diagonal.")


def test_rows_and_columns_can_be_something_else_than_labels():
    fig = viz.transition_row({"one": T, "two": T}, names=("class asked for", "class seen"))
    assert viz.description(fig).endswith("two: 77 % on the diagonal, most off it 25 % from 2 to 0.")
    assert [ax.get_ylabel() for ax in fig.axes[:2]] == ["class asked for", ""]
    assert [ax.get_xlabel() for ax in fig.axes[:2]] == ["class seen"] * 2
    assert fig.axes[2].get_xlabel() == "P(class seen | class asked for) in %, off the diagonal"


def test_titles_may_be_numbers():
    assert "0.2: 100 % on the diagonal" in viz.description(viz.transition_row({0.2: np.eye(2), 0.4: np.eye(2)}))
