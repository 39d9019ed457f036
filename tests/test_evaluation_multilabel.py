"""Average precision against its definition and scikit-learn, and what runs with label vectors report of it."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from lnlkit import evaluation
from lnlkit.data import Labelled
from lnlkit.data.label_vectors import NoisyLabelVectors


def scores(n=80, K=3, seed=0):
    """Scores with many ties, and labels that they half follow."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n, K)) < [0.1, 0.4, 0.8]).astype(np.uint8)
    return np.round(0.4 * y + rng.random((n, K)), 1), y


def by_definition(p, y):
    """Sum over thresholds of precision times the gain in recall: what is tied is retrieved together."""
    total, recall = 0.0, 0.0
    for threshold in sorted(set(p), reverse=True):
        retrieved = y[p >= threshold]
        gain = retrieved.sum() / y.sum() - recall
        total, recall = total + gain * retrieved.mean(), recall + gain
    return total


# ---- average precision ----


def test_average_precision_is_its_definition_and_that_of_scikit_learn():
    p, y = scores()
    found = evaluation.average_precision(torch.from_numpy(p), torch.from_numpy(y))
    assert found.shape == (3,) and found.dtype == float
    np.testing.assert_allclose(found, [by_definition(p[:, k], y[:, k]) for k in range(3)])
    np.testing.assert_allclose(found, average_precision_score(y, p, average=None))
    assert evaluation.mean_average_precision(p, y) == pytest.approx(average_precision_score(y, p, average="macro"))


def test_average_precision_of_known_orders():
    """Relevant at rank 1 and 3: (1/1 + 2/3) / 2. Only the order counts."""
    p, y = np.array([[0.9, 0.8, 0.7, 0.1]]).T, np.array([[1, 0, 1, 0]]).T
    assert evaluation.average_precision(p, y) == pytest.approx((1 + 2 / 3) / 2)
    assert evaluation.average_precision(p**7, y) == evaluation.average_precision(p, y)
    assert evaluation.average_precision(p, [[1], [1], [0], [0]]) == 1
    assert evaluation.average_precision(p, [[0], [0], [0], [1]]) == 1 / 4
    assert evaluation.average_precision(0 * p, y) == 1 / 2  # all tied: the share of positives


def test_a_class_that_never_occurs_has_none_and_does_not_count():
    p, y = scores()
    y[:, 1] = 0
    found = evaluation.average_precision(p, y)
    assert np.isnan(found[1]) and not np.isnan(found[[0, 2]]).any()
    assert evaluation.mean_average_precision(p, y) == pytest.approx((found[0] + found[2]) / 2)
    y[:, 2] = 1
    assert evaluation.average_precision(p, y)[2] == 1


# ---- the tracker ----


class Echo:
    """A method that predicts the features it is given."""

    def predict(self, x):
        return torch.as_tensor(np.asarray(x))


def test_tracker_measures_each_part_against_its_own_labels():
    (p, y), (p_test, y_test) = scores(seed=0), scores(seed=1)
    noisy_val = NoisyLabelVectors(p, y, 1 - y, 3)
    row = evaluation.multilabel_tracker(noisy_val, Labelled(p_test, y_test, 3))(Echo())
    assert set(row) == {"val_map", "test_map", "test_ap"}
    assert row["val_map"] == evaluation.mean_average_precision(p, y)
    assert row["test_map"] == evaluation.mean_average_precision(p_test, y_test)
    assert row["test_ap"] == evaluation.average_precision(p_test, y_test).tolist()
    assert row["test_map"] == pytest.approx(np.mean(row["test_ap"]))


def test_tracker_reports_accuracy_where_labels_exclude_each_other():
    """By the largest probability, also where none is above 1/2. Whether they do is read from the test set."""
    p = np.float32([[0.4, 0.3, 0.1], [0.2, 0.1, 0.3], [0.6, 0.9, 0.7], [0.9, 0.1, 0.1]])
    y = np.eye(3, dtype=np.uint8)[[0, 2, 2, 0]]
    several = y.copy()
    several[0, 2] = 1
    single_test, several_test = Labelled(p, y, 3), Labelled(p, several, 3)
    row = evaluation.multilabel_tracker(NoisyLabelVectors(1 - p, several, y, 3), single_test)(Echo())
    assert row["test_acc"] == 3 / 4
    first, second, third = row["test_ap"]
    assert np.isnan(second) and row["test_map"] == pytest.approx((first + third) / 2)
    assert "test_acc" not in evaluation.multilabel_tracker(NoisyLabelVectors(p, y, y, 3), several_test)(Echo())


# ---- the summary ----


def history(values, **more):
    return [{"val_map": v, "test_map": t, "test_ap": [t - 0.1, t + 0.1], **more} for v, t in values]


def test_summary_reads_the_test_set_at_the_best_noisy_validation_epoch():
    rows = history([(0.5, 0.6), (0.8, 0.9), (0.7, 0.95), (0.6, 0.7)])
    for row, accuracy in zip(rows, (0.1, 0.2, 0.3, 0.4), strict=True):
        row["test_acc"] = accuracy
    found = evaluation.summarise_map(rows)
    assert found.pop("ap") == pytest.approx([0.8, 1.0])
    assert found == pytest.approx(
        {"best_val": 0.9, "last": 0.7, "gap": 0.2, "oracle": 0.95, "best_epoch": 1, "accuracy": 0.2}
    )


def test_ties_in_validation_go_to_the_earlier_epoch():
    found = evaluation.summarise_map(history([(0.5, 0.6), (0.8, 0.9), (0.8, 0.95)]))
    assert found["best_epoch"] == 1 and found["best_val"] == 0.9
    assert found["accuracy"] is None  # several labels an example: there is none
