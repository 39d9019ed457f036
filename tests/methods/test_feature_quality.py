"""What robust features are worth, on features made by hand with answers counted by hand, and of a trained method."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, weights
from torch import nn

from lnlkit import data
from lnlkit.methods import feature_quality, make
from lnlkit.methods.robust_features import RobustFeatures
from lnlkit.training import fit, to_unit

K, N = 4, 60
SHARES = ("feature_purity", "feature_nmi", "cluster_purity", "cluster_nmi", "corrected")


def said(y, shape=(2, 3), channels=()) -> np.ndarray:
    """Images (N, H, W[, 3]) whose first pixel says a class, all others random."""
    x = np.random.default_rng(1).integers(0, 256, (len(y), *shape, *channels), dtype=np.uint8)
    x[:, 0, 0] = np.reshape(y, (-1, *[1] * len(channels)))
    return x


class Stub:
    """A method whose features are the class that an image says, one-hot, and which predicts it."""

    rec_weight = cluster_weight = 1.0
    seen_views = ("augmented", "clean")

    def __init__(self, features=None):
        self.clusters_ = nn.Linear(K, K)
        self.clusters_.load_state_dict({"weight": torch.eye(K)[[2, 0, 3, 1]], "bias": torch.zeros(K)})
        self.nets_ = nn.ModuleList([nn.Linear(10, 9), self.clusters_, nn.Linear(3, 2)])
        self.features, self.asked = features, []

    def says(self, x):
        return torch.as_tensor(x.reshape(len(x), *x.shape[1:3], -1)[:, 0, 0, 0].astype(np.int64))

    def look(self, x):
        self.asked.append(len(x))
        found = torch.eye(K)[self.says(x)] if self.features is None else self.features[: len(x)]
        return SimpleNamespace(features=found)

    def predict(self, x):
        return torch.eye(K)[self.says(x)]

    def restore(self, x):
        images = torch.as_tensor(x).float().reshape(len(x), *x.shape[1:3], -1).permute(0, 3, 1, 2) / 255
        return 1 - images, images / 2


def made(channels=(), n_test: int = N):
    """Training images of which every third says something else than its clean label; half of their labels are wrong."""
    clean = np.arange(N) % K
    noisy, seen = np.where(np.arange(N) % 2, (clean + 1) % K, clean), np.where(np.arange(N) % 3, clean, (clean + 2) % K)
    y_test = np.arange(n_test) * 7 % K
    return SimpleNamespace(train=data.NoisyData(said(seen, channels=channels), noisy, clean, K),
                           test=data.Labelled(said(y_test, channels=channels), y_test, K))  # fmt: skip


@pytest.fixture(scope="module")
def trained() -> tuple[RobustFeatures, SimpleNamespace]:
    y = np.where(np.arange(80) % 3, digits(80).y, (digits(80).y + 1) % 10)
    method, images = make("robust_features", decoder_width=16), data.load("digits")
    fit(method, digits(80, y), recipe("small_cnn", epochs=2))
    return method, SimpleNamespace(train=digits(80, y), test=data.Labelled(images.x_test[:50], images.y_test[:50], 10))


# ---- judge ----


def test_separated_features_and_clusters_are_pure():
    found = feature_quality.judge(Stub(), made())
    assert found["feature_purity"] == found["cluster_purity"] == 1
    assert found["feature_nmi"] == pytest.approx(1) and found["cluster_nmi"] == pytest.approx(1)


def test_features_that_know_nothing_are_not():
    """400 examples: the commonest of four labels in a random cluster has a share of about 30 %."""
    random = torch.randn(400, K, generator=torch.Generator().manual_seed(0))
    found = feature_quality.judge(Stub(random), made(n_test=400))
    for name in ("feature", "cluster"):
        assert 0.25 <= found[f"{name}_purity"] < 0.4 and found[f"{name}_nmi"] < 0.05


def test_corrected_counts_wrong_labels_that_are_overruled_by_the_truth():
    """Wrong are the odd ones; those that 3 divides say a third class. Right labels do not count."""
    wrong = [i for i in range(N) if i % 2]
    expected = sum(i % 3 > 0 for i in wrong) / len(wrong)
    assert feature_quality.judge(Stub(), made())["corrected"] == pytest.approx(expected) and 0.5 < expected < 1
    right = made()
    right.train = data.NoisyData(right.train.x, right.train.y_clean, right.train.y_clean, K)
    assert "corrected" not in feature_quality.judge(Stub(), right)


@pytest.mark.parametrize("channels", [(), (3,)], ids=["gray", "colour"])
def test_errors_are_mean_squares_against_the_images(channels):
    splits = made(channels)
    found, x = feature_quality.judge(Stub(), splits), splits.test.x / 255
    assert found["augmented_error"] == pytest.approx(((1 - x - x) ** 2).mean(), rel=1e-5)
    assert found["restored_error"] == pytest.approx(((x / 2) ** 2).mean(), rel=1e-5)


def test_what_it_costs():
    """99 weights in the network, 20 and 8 in the heads."""
    found = feature_quality.judge(Stub(), made())
    assert found["views"] == 2 and found["extra_parameters"] == pytest.approx((20 + 8) / 99)


def test_what_is_not_there_is_not_judged():
    method = Stub()
    method.rec_weight, method.cluster_weight, method.seen_views = 0.0, 0.0, ("clean",)
    method.nets_ = method.nets_[:1]
    found = feature_quality.judge(method, made())
    assert set(found) == {"feature_purity", "feature_nmi", "corrected", "views", "extra_parameters"}
    assert found["views"] == 1 and found["extra_parameters"] == 0


def test_so_many_examples_are_judged(monkeypatch):
    """A random part, the same each time."""
    monkeypatch.setattr(feature_quality, "N_JUDGED", 17)
    method = Stub()
    first, again = (feature_quality.judge(method, made(n_test=200)) for _ in range(2))
    assert method.asked == [17, 17] and first == again


def test_judging_a_trained_method(trained):
    method, splits = trained
    before = weights(method)
    found = method.diagnose(splits)
    assert set(found) == {*SHARES, "augmented_error", "restored_error", "views", "extra_parameters"}
    assert all(0 <= found[name] <= 1 for name in SHARES) and json.loads(json.dumps(found)) == found
    index = np.random.default_rng(0).permutation(50)
    x = splits.test.x[index]
    images = to_unit(torch.from_numpy(x)[:, None])
    t, restored = method.restore(x)
    assert found["restored_error"] == pytest.approx(((restored - images) ** 2).mean().item())
    assert found["augmented_error"] == pytest.approx(((t - images) ** 2).mean().item())
    wrong = splits.train.y != splits.train.y_clean
    own = method.predict(splits.train.x[wrong]).argmax(1).numpy()
    assert found["corrected"] == pytest.approx((own == splits.train.y_clean[wrong]).mean())
    assert torch.equal(weights(method), before) and method.nets_.training


# ---- illustrate ----


def test_pictures_of_a_trained_method_are_lists(trained):
    method, splits = trained
    found = method.illustrate(splits)
    text = json.dumps(found)
    assert json.loads(text) == found and set(found) == {"map", "restored"}
    assert found["map"]["y"] == splits.train.y.tolist() and found["map"]["y_clean"] == splits.train.y_clean.tolist()
    assert np.shape(found["map"]["x"]) == (80, 2)
    assert all(len(repr(number)) <= 6 for row in found["map"]["x"] for number in row)  # -123.4, and not -123.400001525
    for part in found["restored"].values():
        assert np.shape(part) == (6, 8, 8) and {type(v) for v in np.ravel(np.array(part, object))} == {int}
    assert found["restored"]["images"] == splits.test.x[:6].tolist()
    for name, images in zip(("augmented", "restored"), method.restore(splits.test.x[:6]), strict=True):
        assert np.abs(np.array(found["restored"][name]) - 255 * images[:, 0].numpy()).max() <= 0.501


def test_colour_images_keep_their_channels_last():
    splits = made((3,))
    restored = feature_quality.illustrate(Stub(torch.randn(N, K)), splits)["restored"]
    assert np.array_equal(restored["augmented"], 255 - splits.test.x[:6].astype(int))
    assert np.abs(np.array(restored["restored"]) - splits.test.x[:6] / 2).max() <= 0.5


def test_a_map_draws_some_training_images_with_their_labels(monkeypatch):
    """Groups that are apart in the features are apart on the map."""
    monkeypatch.setattr(feature_quality, "N_DRAWN", 40)
    method, splits = Stub(), made()
    method.rec_weight = 0
    method.features = torch.randn(40, K)
    found = feature_quality.illustrate(method, splits)
    index = np.sort(np.random.default_rng(0).permutation(N)[:40])
    assert set(found) == {"map"} and method.asked == [40] and len(found["map"]["x"]) == 40
    assert found["map"]["y"] == splits.train.y[index].tolist()
    assert found["map"]["y_clean"] == splits.train.y_clean[index].tolist()
    method.features = 50.0 * torch.eye(K)[splits.train.y_clean[index]] + torch.randn(40, K)
    x = np.array(feature_quality.illustrate(method, splits)["map"]["x"])
    far = np.linalg.norm(x[:, None] - x, axis=2) + np.where(np.eye(40), np.inf, 0)
    assert (splits.train.y_clean[index][far.argmin(1)] == splits.train.y_clean[index]).mean() > 0.95


def test_features_that_are_all_alike_have_no_picture():
    assert feature_quality.illustrate(Stub(torch.ones(N, K)), made()) == {}
