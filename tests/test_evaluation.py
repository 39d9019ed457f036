import warnings

import numpy as np
import pytest
import torch

from lnlkit import data, evaluation


class Constant:
    """A method that predicts the label written into the first pixel of each image."""

    def predict(self, x):
        first = torch.as_tensor(np.asarray(x).reshape(len(x), -1)[:, 0].astype(np.int64))
        return torch.nn.functional.one_hot(first, 10).float() * 0.91 + 0.009


def images_saying(labels):
    x = np.zeros((len(labels), 8, 8), np.uint8)
    x[:, 0, 0] = labels
    return x


def test_tracker_measures_each_part_against_its_own_labels():
    y_clean = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    y = y_clean.copy()
    y[:4] = [9, 9, 9, 9]
    said = y_clean.copy()
    said[0] = 9  # the first wrong label is memorised, the other three are not
    train = data.NoisyData(images_saying(said), y, y_clean, 10)
    test = data.Labelled(images_saying(y_clean), y_clean, 10)
    row = evaluation.tracker(train, train, test)(Constant())
    assert row["train_acc"] == row["val_acc"] == pytest.approx(0.7)
    assert row["memorised"] == pytest.approx(0.25)
    assert row["test_acc"] == 1.0
    assert row["val_loss"] == pytest.approx(-(0.7 * np.log(0.919) + 0.3 * np.log(0.009)), abs=1e-5)


def test_tracker_without_wrong_labels_memorises_nothing():
    y = np.arange(10)
    clean = data.NoisyData(images_saying(y), y, y, 10)
    assert evaluation.tracker(clean, clean, clean.clean())(Constant())["memorised"] == 0.0


def test_summary_reads_the_test_set_at_the_best_noisy_validation_epoch():
    history = [{"val_acc": v, "test_acc": t} for v, t in [(0.5, 0.6), (0.8, 0.9), (0.8, 0.95), (0.7, 0.7)]]
    summary = evaluation.summarise(history)
    assert summary == pytest.approx({"best_val": 0.9, "last": 0.7, "gap": 0.2, "oracle": 0.95, "best_epoch": 1})


def test_knn_agreement_of_clusters_and_of_shuffled_labels():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(5), 100)
    features = y[:, None] * 100.0 + rng.normal(size=(500, 3))
    assert evaluation.knn_agreement(features, y) == 1.0
    assert evaluation.knn_agreement(features, rng.permutation(y)) == pytest.approx(0.2, abs=0.05)


def test_kmeans_finds_separated_groups_and_repeats_itself():
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(np.arange(5), 40))
    features = 100.0 * np.eye(5)[y] + rng.normal(size=(200, 5))
    clusters = evaluation.kmeans(features, 5)
    assert len({(a, b) for a, b in zip(clusters, y, strict=True)}) == 5  # the same groups under other names
    assert np.array_equal(clusters, evaluation.kmeans(features.astype(np.float32), 5))
    centres = np.stack([features[clusters == c].mean(0) for c in range(5)])
    distances = np.linalg.norm(features[:, None] - centres, axis=2)
    assert np.array_equal(distances.argmin(1), clusters)


def test_kmeans_of_fewer_points_than_clusters_says_nothing_and_gives_fewer():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clusters = evaluation.kmeans(np.repeat(np.eye(2), 5, axis=0), 4)
    assert len(set(clusters)) == 2 and len(set(clusters[:5])) == 1


def test_purity_counts_the_commonest_label_of_each_cluster():
    """By hand: 3 of 4 and 2 of 3; one cluster has the share of the largest class, one an example has all."""
    y = np.array([0, 0, 0, 1, 1, 1, 2])
    assert evaluation.purity([5, 5, 5, 5, 1, 1, 1], y) == pytest.approx((3 + 2) / 7)
    assert evaluation.purity(np.zeros(7, int), y) == pytest.approx(3 / 7)
    assert evaluation.purity(np.arange(7), y) == evaluation.purity(2 - y, y) == 1
    assert evaluation.purity(y, [5, 5, 5, 5, 1, 1, 1]) == pytest.approx((3 + 2 + 1) / 7)  # it is not symmetric


def test_nmi_is_mutual_information_over_the_mean_entropy():
    rng = np.random.default_rng(0)
    y, clusters = rng.integers(0, 4, (2, 300))
    clusters[:150] = y[:150]
    joint = np.histogram2d(clusters, y, bins=4)[0] / 300
    p, q = joint.sum(1), joint.sum(0)
    information = (joint * np.log(joint / np.outer(p, q))).sum()
    expected = information / (-(p * np.log(p)).sum() / 2 - (q * np.log(q)).sum() / 2)
    assert evaluation.nmi(clusters, y) == pytest.approx(expected) and 0.1 < expected < 0.9
    assert evaluation.nmi(3 - y, y) == pytest.approx(1) and evaluation.nmi(np.zeros(300, int), y) == 0
    assert evaluation.nmi(rng.permutation(y), y) < 0.05


def test_fidelity_counts_what_the_judge_agrees_with():
    judge = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2, bias=False))
    with torch.no_grad():
        judge[1].weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]]))
    images = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)
    images[:2, 0, 0, 0], images[2:, 0, 0, 1] = 255, 255
    assert evaluation.fidelity(judge, images, torch.tensor([0, 0, 1, 0])) == 0.75


def test_rank_correlation_is_that_of_scipy():
    from scipy.stats import spearmanr

    a, b = np.random.default_rng(0).normal(size=(2, 7))
    assert evaluation.rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)
    tied = np.array([0, 0, 1, 1, 1, 2, 3])
    for order in (slice(None), slice(None, None, -1)):  # which of two equal ones stands first must not matter
        assert evaluation.rank_correlation(a[order], tied[order]) == pytest.approx(spearmanr(a, tied).statistic)
    assert evaluation.rank_correlation([0.0, 0.1, 0.4], [21.3, 22.0, 30.1]) == pytest.approx(1.0)
