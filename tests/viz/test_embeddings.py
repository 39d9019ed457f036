"""Embeddings draw what they are given."""

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_rgb

from lnlkit import viz

pytestmark = pytest.mark.usefixtures("leaves_no_trace")

COORDS = np.array([[0.0, 0], [1, 0], [2, 0], [10, 5], [11, 5], [12, 6]])
CLEAN, NOISY = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 1, 0])


def test_embedding_crosses_the_wrong_labels_in_the_colour_given(ax):
    assert viz.embedding(COORDS, NOISY, CLEAN, ax, "two classes") is ax
    right, wrong = ax.collections
    np.testing.assert_array_equal(wrong.get_offsets(), COORDS[[1, 5]])
    np.testing.assert_array_equal(right.get_offsets(), COORDS[[0, 2, 3, 4]])
    np.testing.assert_allclose(wrong.get_facecolors()[:, :3], [to_rgb(viz.PALETTE[1]), to_rgb(viz.PALETTE[0])])
    assert len(wrong.get_paths()[0].vertices) > len(right.get_paths()[0].vertices) / 3  # not the same marker
    assert not np.array_equal(wrong.get_paths()[0].vertices[:4], right.get_paths()[0].vertices[:4])


def test_a_cross_is_as_many_times_a_dot_as_asked(ax):
    viz.embedding(COORDS, NOISY, CLEAN, ax, size=10, cross=1.5)
    assert [part.get_sizes().tolist() for part in ax.collections] == [[10], [15]]


def test_embedding_names_the_true_classes_at_their_centres(ax):
    viz.embedding(COORDS, NOISY, CLEAN, ax)
    assert {text.get_text(): text.get_position() for text in ax.texts} == {"0": (1, 0), "1": (11, 5)}


def test_names_of_classes_in_one_place_stand_above_each_other(ax):
    y = np.repeat([0, 1], 6)
    viz.embedding(np.tile(COORDS, (2, 1)), y, y, ax)
    (left, low), (right, high) = (text.get_position() for text in ax.texts)
    assert left == right and low + 0.3 < high < low + 0.5


def test_embedding_refuses_unequal_lengths(ax):
    with pytest.raises(ValueError, match="same number of examples, but got 6 and 6 and 5"):
        viz.embedding(COORDS, NOISY, CLEAN[:5], ax)


def test_embedding_row_writes_the_agreement_below():
    agreement = {"clean": 1, "rate 0.3": 0.625}
    fig = viz.embedding_row(COORDS, CLEAN, {"clean": CLEAN, "rate 0.3": NOISY}, agreement=agreement)
    assert [ax.get_title() for ax in fig.axes] == ["clean", "rate 0.3"]
    below = [ax.get_xlabel() for ax in fig.axes]
    assert below == [f"{share} % of neighbours share the label" for share in (100.0, 62.5)]
    assert [len(ax.collections[1].get_offsets()) for ax in fig.axes] == [0, 2]
    assert viz.description(fig) == (
        "6 points in two dimensions, wrong labels crossed. clean: 0% have a wrong label, 100.0 % of neighbours share "
        "the label; rate 0.3: 33% have a wrong label, 62.5 % of neighbours share the label.")  # fmt: skip


@pytest.mark.parametrize("form", [list, pd.Series, torch.tensor, lambda y: np.reshape(y, (-1, 1)),
                                  lambda y: pd.Series(y, index=[f"image {i}" for i in range(4)])])  # fmt: skip
def test_embedding_row_counts_the_same_wrong_labels_in_every_form(form):
    fig = viz.embedding_row(np.eye(4)[:, :2], form([0, 1, 0, 1]), {0.2: form([0, 1, 1, 1])}, agreement={0.2: 0.5})
    assert "0.2: 25% have a wrong label" in viz.description(fig)
