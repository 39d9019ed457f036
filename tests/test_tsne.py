"""t-SNE is scikit-learn's; examples without a map are refused, of which some would end the process."""

import numpy as np
import pytest
from refusals import check_refusal
from sklearn.manifold import TSNE

from lnlkit import evaluation
from lnlkit.tasks import classification

X = np.random.default_rng(0).random((30, 8))


@pytest.mark.parametrize("init, columns", [("pca", 8), ("random", 1)])
def test_coordinates_are_scikit_learns(init, columns):
    expected = TSNE(perplexity=5, init=init, random_state=3).fit_transform(X[:, :columns])
    np.testing.assert_array_equal(evaluation.tsne(X[:, :columns], 5, 3, init), expected)


@pytest.mark.parametrize("x", [np.zeros((30, 8)), np.full((30, 8), 0.1), np.ones((30, 8)) + 1e-30, X[:, :1], X[:0]],
                         ids=["black", "grey", "almost grey", "one number", "nothing"])  # fmt: skip
def test_examples_that_are_all_alike_have_no_map(x):
    assert "must hold examples that differ" in check_refusal(lambda: evaluation.tsne(x, 5), "x")


@pytest.mark.parametrize("value", [30, 31.0, 0, -1, None, "5", float("nan"), True])
def test_the_perplexity_is_below_the_number_of_examples(value):
    check_refusal(lambda: evaluation.tsne(X, value), "perplexity")


@pytest.mark.parametrize("x", [None, "x", X[0], np.full((30, 8), np.nan), X.astype(str)])
def test_what_is_no_table_of_numbers_is_refused(x):
    check_refusal(lambda: evaluation.tsne(x, 5), "x")


@pytest.mark.parametrize("level", [0, 128, 255])
def test_constant_images_are_refused_with_their_labels(level):
    y = np.arange(40) % 4
    images = np.full((40, 8, 8), level, np.uint8)
    check_refusal(lambda: classification.embed(images, {("symmetric", 0.2): y}, y, 5), "x")


def test_examples_of_which_many_are_alike_have_a_map():
    x = np.repeat(X[:6], 5, axis=0)
    assert np.isfinite(evaluation.tsne(x, 5)).all()
