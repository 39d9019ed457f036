"""How well a method did: measured against clean labels, which methods never see."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from lnlkit.training import predict


def accuracy(p, y) -> float:
    """Share of examples whose largest probability (N, K) falls on the label (N,)."""
    return float((np.asarray(p).argmax(1) == np.asarray(y)).mean())


def _log_loss(p: torch.Tensor, y) -> float:
    return float(F.nll_loss(p.clamp_min(1e-12).log(), torch.as_tensor(y)))


def tracker(train, noisy_val, test, n_train: int | None = 2000) -> Callable:
    """An `after_epoch` for `fit`: accuracy and loss on noisy training, noisy validation and clean test data.

    train, noisy_val: `NoisyData`; test: `Labelled` with clean labels. `memorised` is the share of wrongly labelled
    training examples that the method predicts as their wrong label. The two training numbers are taken on `n_train`
    random examples (None: all), the same ones for every method.
    """
    sample = train.take(np.random.default_rng(0).permutation(len(train))[:n_train])
    wrong = sample.y != sample.y_clean

    def after_epoch(method) -> dict[str, float]:
        p_train, p_val, p_test = (method.predict(part.x) for part in (sample, noisy_val, test))
        as_given = np.asarray(p_train).argmax(1) == sample.y
        return {
            "train_acc": float(as_given.mean()),
            "memorised": float(as_given[wrong].mean()) if wrong.any() else 0.0,
            "val_acc": accuracy(p_val, noisy_val.y),
            "val_loss": _log_loss(p_val, noisy_val.y),
            "test_acc": accuracy(p_test, test.y),
        }

    return after_epoch


def summarise(history: list[dict]) -> dict[str, float]:
    """Clean-test accuracy at the best noisy-validation epoch, at the last epoch, and their gap.

    Ties in validation go to the earlier epoch. `oracle` is the best test accuracy of any epoch: it peeks at the test
    set and may be shown only as marked so.
    """
    best = max(range(len(history)), key=lambda e: (history[e]["val_acc"], -e))
    test = [row["test_acc"] for row in history]
    return {
        "best_val": test[best], "last": test[-1], "gap": test[best] - test[-1], "oracle": max(test), "best_epoch": best,
    }  # fmt: skip


def knn_agreement(features, y, k: int = 10) -> float:
    """Share of the k nearest neighbours (Euclidean) that carry the same label, averaged over examples.

    1 means that labels form clean clusters in `features` (N, D); chance is the sum of squared class shares.
    """
    from sklearn.neighbors import NearestNeighbors

    features, y = np.asarray(features, dtype=float).reshape(len(features), -1), np.asarray(y)
    neighbours = NearestNeighbors(n_neighbors=k).fit(features).kneighbors(return_distance=False)
    return float((y[neighbours] == y[:, None]).mean())


def fidelity(judge, images, intended) -> float:
    """Share of generated images whose intended class is what a classifier trained on clean labels sees in them."""
    return accuracy(predict(judge, images), np.asarray(intended.cpu() if torch.is_tensor(intended) else intended))


def rank_correlation(a, b) -> float:
    """Spearman's rank correlation of two sequences without ties: 1 means the same order, -1 the opposite one."""
    ranks = [np.argsort(np.argsort(np.asarray(values))) for values in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


# ---- several labels an example (Paper 02) ----------------------------------------------------------------------


def average_precision(p, y) -> np.ndarray:
    """Average precision of each class, (K,), from scores and labels (N, K); nan where a class never occurs.

    scikit-learn's: the precision at every positive, averaged, without interpolation. VOC's 11-point average differs.
    """
    from sklearn.metrics import average_precision_score

    p, y = np.asarray(p), np.asarray(y) > 0.5
    scores = [average_precision_score(y[:, k], p[:, k]) if y[:, k].any() else np.nan for k in range(y.shape[1])]
    return np.array(scores, dtype=float)


def mean_average_precision(p, y) -> float:
    """mAP: the mean of `average_precision` over the classes that occur in `y`."""
    return float(np.nanmean(average_precision(p, y)))


def multilabel_tracker(noisy_val, test) -> Callable:
    """An `after_epoch` for `fit`: mAP on noisy validation and clean test data, AP per class, and accuracy (`test_acc`).

    noisy_val and test have label vectors (N, K). The accuracy is there where every test example has one label: the
    share of examples with their largest probability on it.
    """
    single = bool((np.asarray(test.y).sum(1) == 1).all())

    def after_epoch(method) -> dict:
        p_val, p_test = method.predict(noisy_val.x), method.predict(test.x)
        ap = average_precision(p_test, test.y)
        row = {"val_map": mean_average_precision(p_val, noisy_val.y), "test_map": float(np.nanmean(ap))}
        row |= {"test_ap": ap.tolist()}
        return row | ({"test_acc": accuracy(p_test, np.asarray(test.y).argmax(1))} if single else {})

    return after_epoch


def summarise_map(history: list[dict]) -> dict:
    """As `summarise`, for mAP; and `ap` per class and `accuracy` (None without) at the best noisy-validation epoch."""
    best = max(range(len(history)), key=lambda e: (history[e]["val_map"], -e))
    test = [row["test_map"] for row in history]
    return {
        "best_val": test[best], "last": test[-1], "gap": test[best] - test[-1], "oracle": max(test), "best_epoch": best,
        "ap": history[best]["test_ap"], "accuracy": history[best].get("test_acc"),
    }  # fmt: skip
