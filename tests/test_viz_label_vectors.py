"""Figures of label vectors draw what they are given: counts, images with labels, qualities, transitions, errors."""

import numpy as np
import pytest
from figures import legible, words
from matplotlib.colors import to_rgb

from lnlkit import viz

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


Y = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]], np.uint8)
OTHER = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]], np.uint8)


IMAGES = [
    np.zeros((8, 8), np.uint8),
    np.zeros((20, 30, 3), np.uint8),
    np.ones((3, 16, 9)),
    np.ones((5, 5)),
    np.ones((4, 4)),
]


EMBEDDING = {"x": [[0, 0], [1, 0], [5, 5], [6, 5]], "label": [0, 1, 0, 1], "wrong": [0, 1, 1, 0],
             "flagged": [0, 0, 1, 1], "disagrees": [1, 0, 1, 0]}  # fmt: skip


@pytest.mark.parametrize(("by", "trusted"), [("flagged", [0, 1]), ("disagrees", [1, 3]), ("wrong", [0, 3])])
def test_the_map_tells_trusted_from_untrusted_and_crosses_the_wrong(ax, by, trusted):
    assert viz.quality_map(ax, EMBEDDING, by, title="map") is ax
    first, second, *crosses = ax.collections
    untrusted = sorted({0, 1, 2, 3} - set(trusted))
    np.testing.assert_array_equal(first.get_offsets(), np.array(EMBEDDING["x"])[trusted])
    np.testing.assert_array_equal(second.get_offsets(), np.array(EMBEDDING["x"])[untrusted])
    assert [to_rgb(part.get_facecolors()[0]) for part in (first, second)] == [to_rgb(viz.PALETTE[k]) for k in (0, 2)]
    assert len(first.get_paths()[0].vertices) != len(second.get_paths()[0].vertices)  # dot and triangle
    assert [c.get_offsets().tolist() for c in crosses] == ([] if by == "wrong" else [[[1, 0], [5, 5]]])
    assert legible(ax.figure)


def test_the_map_of_one_class_and_its_words(ax):
    viz.quality_map(ax, EMBEDDING, label=1)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), [[1, 0]])
    assert [text.get_text() for text in ax.get_legend().get_texts()][:2] == [
        "trusted: 1 (1 wrong)",
        "untrusted: 1 (0 wrong)",
    ]
    assert viz.quality_map_alt(EMBEDDING, label=1) == (
        "t-SNE map of the quality means of 2 training items: trusted 1 (1 with a wrong label vector), "
        "untrusted 1 (0 with a wrong label vector).")  # fmt: skip
    with pytest.raises(ValueError, match="Did you mean 'flagged'"):
        viz.quality_map(ax, EMBEDDING, "flaged")


TRUSTED = np.array([[0.9, 0.1, 0], [0.05, 0.9502, 0], [0, 0, 1]])  # a row of rounded numbers
UNTRUSTED = np.array([[0.2, 0.5, 0.3], [0, 0, 0], [0.6, 0.2, 0.2]])


def test_transitions_share_a_scale_and_name_labels_that_never_occur():
    fig = viz.transition_pair(TRUSTED, UNTRUSTED, ["a", "b", "c"], clean=np.eye(3))
    panels = fig.axes[:3]
    assert [ax.get_title() for ax in panels] == ["trusted labels", "untrusted labels", "for comparison: clean to clean"]
    for ax in panels:
        assert ax.collections[0].get_clim() == pytest.approx((0, 60))
    assert sorted(words(panels[1])) == sorted(["20", "50", "30", "never", "60", "20", "20"])
    assert "never" not in words(panels[0]) + words(panels[2])
    assert fig.axes[0].get_ylabel() == "latent label"
    alt = viz.transition_pair_alt(TRUSTED, UNTRUSTED)
    assert alt.endswith("Mean of the diagonal: 95 % for trusted labels and 20 % for untrusted labels.")
    assert UNTRUSTED[1].sum() == 0  # the argument is left as it was
    assert "no latent label for trusted labels and 20 %" in viz.transition_pair_alt(np.zeros((3, 3)), UNTRUSTED)


def test_error_bars_stand_in_groups_and_wrong_labels_on_grey(ax):
    values = {"bce": [0.1, 2.5], "can": [0.2, -0.6]}
    assert viz.error_bars(ax, ["cat 1", "cat 2"], values, wrong=[False, True], title="errors") is ax
    boxes = [patch for patch in ax.patches if patch.get_width() < 0.5]
    assert [patch.get_height() for patch in boxes] == [0.1, 2.5, 0.2, -0.6]
    assert words(ax) == ["0.10", "2.50", "0.20", "-0.60"]
    (grey,) = [patch for patch in ax.patches if patch.get_width() == 1]
    assert (grey.get_x(), grey.get_x() + grey.get_width()) == (0.5, 1.5)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["Plain", "CAN", "label wrong"] and legible(ax.figure)
