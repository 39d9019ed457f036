"""Measures against kinds of bad input; see `refusals`."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from refusals import BAD, NAN, Door, check_refusal, standard_tests

from lnlkit import data, evaluation

Y = np.array([0, 1, 2, 1])
P = np.eye(3)[Y]
X = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
NOISY, CLEAN = data.NoisyData(X, Y, Y, 3), data.Labelled(X, Y, 3)
VECTORS = data.label_vectors.NoisyLabelVectors(X, P.astype(np.uint8), P.astype(np.uint8), 3)
UNLABELLED = data.label_vectors.NoisyLabelVectors(X, 0 * VECTORS.y, 0 * VECTORS.y, 3)
HISTORY = [{"val_acc": 0.5, "test_acc": 0.4}, {"val_acc": 0.6, "test_acc": 0.7}]
MAPS = [{"val_map": 0.5, "test_map": 0.4, "test_ap": [0.4]}]

KINDS = BAD | {
    "scores": {"text": "p", "nothing": None, "flat": P[:, 0], "nan": NAN * P, "infinite": P + np.inf,
               "empty": P[:0], "short": P[:3], "words": P.astype(str), "ragged": [[1, 0, 0], [1], [0], [0]]},
    "vectors": {"text": "y", "nothing": None, "flat": Y, "halves": P / 2, "nan": NAN * P, "short": P[:3],
                "wide": np.eye(4), "words": P.astype(str)},
    "set": {"nothing": None, "text": "digits", "list": [1, 2], "empty": SimpleNamespace(x=X[:0], y=Y[:0])},
    "history": {"empty": [], "nothing": None, "text": "history", "number": 3, "foreign": [{"loss": 1.0}],
                "mapping": {"val_acc": [0.5]}, "nan": [HISTORY[0] | MAPS[0] | {"val_acc": NAN, "val_map": NAN}]},
    "sequence": {"nothing": None, "text": "abc", "empty": [], "short": [1.0, 2.0], "nan": [1.0, NAN, 2.0, 3.0],
                 "constant": [1.0] * 4, "words": list("abcd"), "table": np.eye(4)},
}  # fmt: skip

DOORS = [
    Door(evaluation.accuracy, {"p": P, "y": Y}, {"p": "scores", "y": "labels"}),
    Door(evaluation.tracker, {"train": NOISY, "noisy_val": NOISY, "test": CLEAN, "n_train": 2},
         {"train": "set", "noisy_val": "set", "test": "set", "n_train": "count"}, spared={"n_train": {"nothing"}},
         also={"train": {"without the truth": CLEAN}, "test": {"more classes": data.Labelled(X, Y, 4),
                                                               "other sizes": data.Labelled(X[:, :4], Y, 3)}}),
    Door(evaluation.multilabel_tracker, {"noisy_val": VECTORS, "test": VECTORS}, {"noisy_val": "set", "test": "set"},
         also={"noisy_val": {"no label": UNLABELLED, "class numbers": NOISY}, "test": {"no label": UNLABELLED}}),
    Door(evaluation.summarise, {"history": HISTORY}, {"history": "history"}),
    Door(evaluation.summarise_map, {"history": MAPS}, {"history": "history"},
         also={"history": {"without AP": [{"val_map": 0.5, "test_map": 0.4}]}}),
    Door(evaluation.knn_agreement, {"features": np.eye(4), "y": Y, "k": 2},
         {"y": "labels", "k": "count"}, spared={"y": {"from one"}},
         also={"features": {"text": "x", "nothing": None, "nan": NAN * P, "short": P[:3], "words": P.astype(str)},
               "k": {"as many as examples": 4}}),
    Door(evaluation.kmeans, {"features": np.eye(4), "n_clusters": 2, "seed": 0},
         {"n_clusters": "count", "seed": "seed"}, also={"n_clusters": {"more than examples": 5},
             "features": {"text": "x", "nothing": None, "nan": NAN * P, "flat": Y, "words": P.astype(str)}}),
    Door(evaluation.purity, {"clusters": Y, "y": Y}, {"clusters": "labels", "y": "labels"},
         spared={"clusters": {"from one"}, "y": {"from one"}}),
    Door(evaluation.nmi, {"clusters": Y, "y": Y}, {"clusters": "labels", "y": "labels"},
         spared={"clusters": {"from one"}, "y": {"from one"}}),
    Door(evaluation.tsne, {"x": np.eye(4), "perplexity": 1.0, "seed": 0}, {"perplexity": "positive", "seed": "seed"},
         also={"x": {"constant": np.ones((4, 4)), "flat": np.ones(4), "nan": NAN * np.eye(4), "nothing": None,
                     "huge": 1e30 * np.eye(4)}, "init": {"unknown": "umap"}}),
    Door(evaluation.rank_correlation, {"a": [1, 2, 3, 4], "b": [1, 3, 2, 4]}, {"a": "sequence", "b": "sequence"}),
    Door(evaluation.average_precision, {"p": P, "y": P}, {"p": "scores", "y": "vectors"}),
    Door(evaluation.mean_average_precision, {"p": P, "y": P}, {"p": "scores", "y": "vectors"},
         also={"y": {"no label": 0 * P}}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


@pytest.mark.parametrize("y", [Y[:, None], Y.astype(np.uint8), Y.tolist(), torch.tensor(Y), np.uint64(Y)],
                         ids=["column", "uint8", "list", "tensor", "uint64"])  # fmt: skip
def test_labels_of_every_welcome_form_give_the_same_accuracy(y):
    """A column was compared with all predictions at once."""
    assert evaluation.accuracy(P, y) == 1 and evaluation.accuracy(P[[0, 0, 2, 0]], y) == 0.5
    assert evaluation.knn_agreement(np.array([[0.0], [9], [5], [9]]), y, 1) == 0.5


def test_probabilities_that_still_have_a_gradient_are_measured():
    assert evaluation.accuracy(torch.tensor(P, requires_grad=True), Y) == 1
    assert evaluation.accuracy(torch.tensor(P, dtype=torch.bfloat16), Y) == 1


def test_judges_and_images_that_are_none_are_refused():
    for judge, images in ((None, X), (torch.nn.Linear(1, 1), X / 255)):
        check_refusal(lambda: evaluation.fidelity(judge, images, Y), "net", "x")  # noqa: B023
