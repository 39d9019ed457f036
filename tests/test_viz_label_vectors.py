"""Figures of label vectors draw what they are given: counts, images with labels, qualities, transitions, errors."""

import numpy as np
import pytest
from figures import legible, words
from matplotlib.colors import to_rgb

from lnlkit import viz

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


Y = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 1, 0]], np.uint8)
OTHER = np.array([[0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]], np.uint8)


def test_labels_are_counted_clean_beside_noisy(ax):
    assert viz.label_counts(ax, Y, ["a", "b", "c"], y_noisy=OTHER, title="counts") is ax
    heights = [patch.get_height() for patch in ax.patches]
    assert heights == [3, 3, 1, 3, 2, 2]
    left, right, following = ax.patches[0], ax.patches[3], ax.patches[1]
    assert left.get_x() + left.get_width() <= right.get_x() + 1e-9 and left.get_facecolor() != right.get_facecolor()
    assert right.get_x() + right.get_width() < following.get_x()
    assert right.get_hatch() and legible(ax.figure)
    assert viz.label_counts_alt(Y, ["a", "b", "c"], y_noisy=OTHER) == (
        "How often each label occurs: 5 examples have 7 clean labels, from 1 for c to 3 for a; "
        "5 examples have 7 noisy labels, from 2 for b to 3 for a.")  # fmt: skip


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
    alt = viz.scene_grid_alt(OTHER, latent, Y)
    assert alt == ("5 images with their labels. In 3 the latent label differs from the noisy one, in 1 of these it is "
                   "the true one; 2 noisy labels are wrong, and 1 of them are corrected.")  # fmt: skip


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


def test_matrices_without_a_flip_have_no_colour_scale():
    assert len(viz.transition_pair(np.eye(3), np.eye(3)).axes) == 2
    assert len(viz.transition_pair(TRUSTED, np.eye(3)).axes) == 3
