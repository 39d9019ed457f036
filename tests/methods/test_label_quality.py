"""What a quality embedding knows, on clusters and label vectors made by hand, with answers counted by hand."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lnlkit.methods import label_quality

K = 4


def clusters(n_trusted=60, n_untrusted=140, flip=1, seed=0):
    """Explained examples of which the untrusted ones have a wrong label and a mu of their own; label vectors too.

    flip -1 puts the two clusters in each other's place. The predictions are right, and nearly sure.
    """
    rng = np.random.default_rng(seed)
    n = n_trusted + n_untrusted
    wrong = rng.permutation(np.arange(n) >= n_trusted)
    label = rng.integers(0, K, n)
    clean, y = np.eye(K, dtype=np.uint8)[label], np.eye(K, dtype=np.uint8)[(label + wrong) % K]
    mu = (flip * np.where(wrong, 4.0, -1.0)[:, None] * [1, -1] + 0.3 * rng.standard_normal((n, 2))).astype(np.float32)
    p = (0.9 * clean + 0.03).astype(np.float32)
    explained = SimpleNamespace(p=p, q=p, mu=mu, sigma=np.full((n, 2), 0.8), agreement=flip * np.array([-1.0, 1.0]))
    return explained, y, clean, wrong


# ---- decisions ----


def test_labels_are_those_above_one_half_or_the_largest_one():
    p = torch.tensor([[0.9, 0.6, 0.1], [0.4, 0.3, 0.2], [0.5, 0.0, 0.5]])
    several, single = label_quality.decided(p, False), label_quality.decided(p, True)
    assert several.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0]] and several.dtype == np.uint8
    assert single.tolist() == [[1, 0, 0], [1, 0, 0], [1, 0, 0]] and single.dtype == np.uint8


def test_one_label_is_enough_to_disagree():
    p = [[0.9, 0.2], [0.9, 0.2], [0.51, 0.49], [0.5, 0.5], [0.1, 0.1]]
    y = np.array([[1, 0], [1, 1], [1, 0], [0, 0], [1, 0]], np.uint8)
    assert label_quality.disagrees(p, y).tolist() == [False, True, False, False, True]


def test_label_loss_is_binary_cross_entropy_summed_over_labels():
    p = torch.rand(50, K, dtype=torch.float64)
    y = (torch.rand(50, K) < 0.5).double()
    expected = torch.nn.functional.binary_cross_entropy(p, y, reduction="none").sum(1)
    np.testing.assert_allclose(label_quality.label_loss(p, y), expected, rtol=1e-10)
    saturated = label_quality.label_loss([[1.0, 0.0], [0.0, 1.0]], [[1, 0], [1, 0]])
    assert saturated[0] == pytest.approx(0, abs=1e-6) and 30 < saturated[1] < 40  # finite, also in float32
    assert np.isfinite(label_quality.label_loss(np.float32([[1, 0]]), np.uint8([[0, 1]]))).all()


# ---- area under the curve ----


def test_auc_is_the_share_of_pairs_in_the_right_order():
    rng = np.random.default_rng(0)
    score, right = rng.integers(0, 6, 60), rng.random(60) < 0.4  # many ties
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(score[right], score[~right])]
    assert label_quality.auc(score, right) == pytest.approx(np.mean(pairs))


def test_auc_of_known_orders():
    right = [True, True, False]
    assert label_quality.auc([3, 2, 1], right) == 1 and label_quality.auc([1, 2, 3], right) == 0
    assert label_quality.auc([1, 1, 1], right) == 0.5 and isinstance(label_quality.auc([1, 1, 1], right), float)
    assert label_quality.auc([3, 2, 1], [True] * 3) is None and label_quality.auc([3, 2, 1], [False] * 3) is None


# ---- two clusters ----


@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("sizes", [(60, 140), (140, 60), (195, 5)], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_two_means_finds_the_cluster_of_the_larger_loss(flip, sizes, seed):
    """Wherever it lies, however many are in it, and whichever of the two K-means calls the first."""
    explained, y, _, wrong = clusters(*sizes, flip)
    flagged, score = label_quality.two_means(explained.mu, explained.p, y, seed)
    assert np.array_equal(flagged, wrong) and flagged.dtype == bool
    assert ((score > 0) == ~wrong).all() and label_quality.auc(score, ~wrong) == 1
    centres = [explained.mu[which].mean(0) for which in (wrong, ~wrong)]
    away, near = (np.linalg.norm(explained.mu - centre, axis=1) for centre in centres)
    np.testing.assert_allclose(score, away - near, rtol=1e-4, atol=1e-5)


def test_two_means_does_not_depend_on_the_order_of_examples():
    explained, y, _, _ = clusters(flip=-1)
    flagged, score = label_quality.two_means(explained.mu, explained.p, y)
    order = np.random.default_rng(5).permutation(len(y))
    again = label_quality.two_means(explained.mu[order], explained.p[order], y[order])
    assert np.array_equal(again[0], flagged[order])
    np.testing.assert_allclose(again[1], score[order], rtol=1e-4, atol=1e-5)


def test_the_loss_names_the_clusters_not_the_truth():
    """With predictions that follow the wrong labels, the other cluster is the one that is not trusted."""
    explained, y, _, wrong = clusters()
    flagged, _ = label_quality.two_means(explained.mu, 0.87 * y + 0.03 + 0.1 * ~wrong[:, None], y)
    assert np.array_equal(flagged, ~wrong)


# ---- the verdict on a run ----


def hand_made(monkeypatch, flagged, score=None):
    """Eight examples of one label each, four of them wrong, of which two are flagged, with one right one."""
    label, given = np.array([0, 0, 1, 1, 2, 2, 3, 3]), np.array([0, 0, 1, 1, 3, 0, 1, 2])
    latent, prior = [0, 1, 1, 1, 2, 2, 1, 2], [0, 0, 1, 2, 2, 0, 3, 3]
    one_hot = np.eye(K, dtype=np.uint8)
    q, p = 0.3 * one_hot[latent] + 0.1, 0.8 * one_hot[prior] + 0.1  # no q above 1/2: the largest one decides
    mu, sigma = np.arange(16.0).reshape(8, 2), np.full((8, 2), [0.5, 1.5])
    explained = SimpleNamespace(p=p, q=q, mu=mu, sigma=sigma, agreement=np.array([0.0, 1.0]))
    flagged = np.array(flagged, dtype=bool)
    score = np.zeros(8) if score is None else np.array(score)
    monkeypatch.setattr(label_quality, "two_means", lambda mu, p, y, seed: (flagged, score))
    return explained, one_hot[given], one_hot[label]


def test_shares_counted_by_hand(monkeypatch):
    flagged, score = [0, 0, 0, 1, 1, 1, 0, 0], [4, 3, 2, 0, 1, -1, -2, 5]
    explained, y, clean = hand_made(monkeypatch, flagged, score)
    found = label_quality.judge(explained, y, clean)
    # wrong are the last four; flagged are one right and two wrong ones
    assert found["flagged"] == 3 / 8 and found["recall"] == 2 / 4 and found["precision"] == pytest.approx(2 / 3)
    assert found["corrected"] == 2 / 4  # latent labels 2, 2, 1, 2 for the clean 2, 2, 3, 3
    assert found["predicted"] == 3 / 4  # predictions 2, 0, 3, 3
    assert found["spoiled"] == 1 / 4  # latent labels 0, 1, 1, 1 for the right 0, 0, 1, 1
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(score[:4], score[4:])]
    assert found["trust_auc"] == pytest.approx(np.mean(pairs))
    assert found["loss_auc"] == label_quality.auc(-label_quality.label_loss(explained.p, y), [True] * 4 + [False] * 4)
    assert found["distance_auc"] == 1.0  # mu moves away from `agreement` from one example to the next
    assert found["mu_sd"] == pytest.approx(np.arange(0, 16, 2).std()) and found["sigma"] == 1.0
    untrusted = np.zeros((K, K))
    for i, j in ((1, 1), (2, 3), (2, 0)):  # latent and noisy label of the flagged ones
        untrusted[i, j] = 1
    untrusted[2] /= 2
    np.testing.assert_array_equal(found["untrusted"], untrusted)
    trusted = np.array([[1, 0, 0, 0], [1 / 3, 2 / 3, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])  # 0-0, 1-0, 1-1, 1-1, 2-2
    np.testing.assert_allclose(found["trusted"], trusted)
    # of all eight: the labels given, the latent ones, the predictions 0, 0, 1, 2, 2, 0, 3, 3
    assert [found[f"{name}_right"] for name in ("given", "latent", "prior")] == [4 / 8, 5 / 8, 6 / 8]
    assert found["trusted_diagonal"] == pytest.approx((1 + 2 / 3 + 1) / 3)  # the latent label 3 never occurs
    assert found["untrusted_diagonal"] == (1 + 0) / 2


@pytest.mark.parametrize("seed", range(3))
def test_what_is_right_is_what_was_not_wrong_less_what_is_spoiled_and_what_is_corrected(seed):
    """Whatever labels and latent labels are, the shares of all items follow from those of right and of wrong ones."""
    rng, one_hot = np.random.default_rng(seed), np.eye(K, dtype=np.uint8)
    clean, y = one_hot[rng.integers(0, K, 90)], one_hot[rng.integers(0, K, 90)]
    explained = clusters()[0]
    explained.p, explained.q = rng.dirichlet(np.ones(K), (2, 90))
    explained.mu, explained.sigma = rng.standard_normal((90, 2)), np.ones((90, 2))
    found, wrong = label_quality.judge(explained, y, clean), (y != clean).any(1).mean()
    assert found["given_right"] == pytest.approx(1 - wrong)
    assert found["latent_right"] == pytest.approx((1 - wrong) * (1 - found["spoiled"]) + wrong * found["corrected"])
    assert found["prior_right"] == pytest.approx((explained.p.argmax(1) == clean.argmax(1)).mean())


def test_all_right_all_wrong_and_nothing_flagged_have_no_share_of_nothing(monkeypatch):
    explained, y, clean = hand_made(monkeypatch, [0] * 8)
    right = label_quality.judge(explained, y, y)
    assert all(right[name] is None for name in ("trust_auc", "loss_auc", "distance_auc", "recall", "precision"))
    assert right["corrected"] is None and right["predicted"] is None and right["spoiled"] is not None
    assert right["flagged"] == 0 and not right["untrusted"].any()
    assert right["untrusted_diagonal"] is None and right["trusted_diagonal"] is not None and right["given_right"] == 1
    wrong = label_quality.judge(explained, np.roll(clean, 1, axis=1), clean)
    assert wrong["spoiled"] is None and wrong["trust_auc"] is None and wrong["corrected"] is not None
    assert wrong["given_right"] == 0 and wrong["latent_right"] == wrong["corrected"]
    every = label_quality.judge(hand_made(monkeypatch, [1] * 8)[0], y, clean)
    assert every["flagged"] == every["recall"] == 1 and every["precision"] == 0.5 and not every["trusted"].any()
    assert every["trusted_diagonal"] is None


def test_labels_that_do_not_exclude_each_other_are_thresholded(monkeypatch):
    """One clean vector with two labels is enough; then a q that never reaches 1/2 says that no label is there."""
    explained, y, clean = hand_made(monkeypatch, [0] * 8)
    clean[7, 0] = 1
    found = label_quality.judge(explained, y, clean)
    assert found["corrected"] == 0 and found["spoiled"] == 1 and found["predicted"] == 2 / 4
    assert not found["trusted"].any() and found["trusted_diagonal"] is None and found["latent_right"] == 0


def test_verdict_on_made_clusters():
    """Everything right: trust ranks, flags and corrects without a mistake."""
    explained, y, clean, wrong = clusters()
    found = label_quality.judge(explained, y, clean)
    names = ("trust_auc", "loss_auc", "distance_auc", "recall", "precision", "corrected", "predicted")
    assert all(found[name] == 1 for name in names)
    assert found["flagged"] == pytest.approx(wrong.mean()) and found["spoiled"] == 0
    assert found["sigma"] == pytest.approx(0.8)
    np.testing.assert_array_equal(found["trusted"], np.eye(K))
    np.testing.assert_array_equal(found["untrusted"], np.roll(np.eye(K), 1, axis=1))
    assert found["trusted_diagonal"] == 1 and found["untrusted_diagonal"] == 0
    assert found["latent_right"] == found["prior_right"] == 1 > found["given_right"]
    tensors = SimpleNamespace(**{name: torch.as_tensor(value) for name, value in vars(explained).items()})
    again = label_quality.judge(tensors, torch.as_tensor(y), clean)
    np.testing.assert_equal(again, found)


def test_flags_do_not_know_the_truth():
    explained, y, clean, _ = clusters(flip=-1)
    found, other = (label_quality.judge(explained, y, truth) for truth in (clean, np.roll(clean, 1, axis=1)))
    assert found["flagged"] == other["flagged"]
    np.testing.assert_array_equal(found["untrusted"], other["untrusted"])
    assert found["recall"] != other["recall"]


# ---- the plane ----


def test_embed_draws_examples_with_their_colours():
    explained, y, clean, wrong = clusters(40, 60)
    y[:5] = 0  # no label at all
    found = label_quality.embed(explained, y, clean, n=50)
    assert set(found) == {"x", "label", "wrong", "flagged", "disagrees"}
    assert found["x"].shape == (50, 2) and all(len(value) == 50 for value in found.values())
    assert np.isfinite(found["x"]).all()
    index = np.sort(np.random.default_rng(0).permutation(100)[:50])
    expected = {
        "label": np.where(y.any(1), y.argmax(1), -1), "wrong": (y != clean).any(1),
        "flagged": label_quality.two_means(explained.mu, explained.p, y)[0],
        "disagrees": label_quality.disagrees(explained.p, y),
    }  # fmt: skip
    for name, values in expected.items():
        assert found[name].tolist() == values[index].astype(int).tolist()
    assert set(found["label"]) == {-1, 0, 1, 2, 3}


def test_a_quality_of_one_dimension_can_be_embedded():
    explained, y, clean, _ = clusters(40, 60)
    explained.mu = explained.mu[:, :1]
    assert np.isfinite(label_quality.embed(explained, y, clean, n=50)["x"]).all()


def test_embed_repeats_itself_keeps_clusters_apart_and_does_not_know_the_truth():
    explained, y, clean, wrong = clusters(40, 60)
    found = label_quality.embed(explained, y, clean, n=1000)  # all there are
    np.testing.assert_equal(label_quality.embed(explained, y, clean, n=1000), found)
    blind = label_quality.embed(explained, y, y, n=1000)
    assert not blind["wrong"].any()
    np.testing.assert_equal({**blind, "wrong": found["wrong"]}, found)
    far = np.linalg.norm(found["x"][:, None] - found["x"], axis=2)
    nearest = (far + np.where(np.eye(100), np.inf, 0)).argmin(1)
    assert (wrong[nearest] == wrong).mean() > 0.95


@pytest.mark.filterwarnings("ignore")  # of K-means, which finds one cluster
def test_equal_points_can_be_embedded():
    """Examples with equal label and prediction share one mu exactly; in a run that never uses s all of them do."""
    explained, y, clean, _ = clusters(30, 30)
    explained.mu = np.ones((60, 2))
    found = label_quality.embed(explained, y, clean)
    assert np.isfinite(found["x"]).all() and not found["flagged"].any()
    judged = label_quality.judge(explained, y, clean)
    assert judged["flagged"] == judged["mu_sd"] == 0 and judged["trust_auc"] == 0.5 and judged["precision"] is None
