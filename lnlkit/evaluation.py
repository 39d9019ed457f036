"""How well a method did: measured against clean labels, which methods never see."""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from lnlkit import checks, tensors
from lnlkit.training import predict


def accuracy(p, y) -> float:
    """Share of examples whose largest probability (N, K) falls on the label (N,)."""
    p = tensors.scores(p)
    y = checks.labels(y, "y", p.shape[1])
    checks.same_length(p=p, y=y)
    return float((p.argmax(1) == y).mean())


def _log_loss(p: torch.Tensor, y) -> float:
    return float(F.nll_loss(p.clamp_min(1e-12).log(), torch.as_tensor(y)))


class Asking:
    """An `after_epoch` for `fit` that asks a method about `inputs`, and makes numbers of its answers with `measure`.

    It asks for nothing else, so runs that train together can be asked together (`stacking`).
    """

    def __init__(self, inputs: list, measure: Callable[..., dict]):
        self.inputs, self.measure = inputs, measure

    def __call__(self, method) -> dict:
        return self.measure(*(method.predict(x) for x in self.inputs))


def tracker(train, noisy_val, test, n_train: int | None = 2000) -> Asking:
    """An `after_epoch` for `fit`: accuracy and loss on noisy training, noisy validation and clean test data.

    train, noisy_val: `NoisyData`; test: `Labelled` with clean labels. `memorised` is the share of wrongly labelled
    training examples that the method predicts as their wrong label. The two training numbers are taken on `n_train`
    random examples (None: all), the same ones for every method.
    """
    _check_parts(noisy_val=noisy_val, test=test)
    if not hasattr(train, "y_clean") or not len(train):
        raise ValueError(f"`train` must be noisy data with examples and `y_clean`, but got {type(train).__name__}.")
    _check_parts(train=train, noisy_val=noisy_val, test=test)
    for name, part in {"noisy_val": noisy_val, "test": test}.items():
        checks.labels(part.y, name)
    if n_train is not None:
        checks.positive_int(n_train, "n_train")
    sample = train.take(np.random.default_rng(0).permutation(len(train))[:n_train])
    wrong = sample.y != sample.y_clean

    def measure(p_train, p_val, p_test) -> dict[str, float]:
        as_given = np.asarray(p_train).argmax(1) == sample.y
        return {
            "train_acc": float(as_given.mean()),
            "memorised": float(as_given[wrong].mean()) if wrong.any() else 0.0,
            "val_acc": accuracy(p_val, noisy_val.y),
            "val_loss": _log_loss(p_val, noisy_val.y),
            "test_acc": accuracy(p_test, test.y),
        }

    return Asking([part.x for part in (sample, noisy_val, test)], measure)


def _check_parts(**parts) -> None:
    """Raises unless each is a set with inputs, labels and at least one example."""
    for name, part in parts.items():
        if not (hasattr(part, "x") and hasattr(part, "y") and len(part.y)):
            raise ValueError(f"`{name}` must be a set with at least one example, but got {type(part).__name__} "
                             "without any.")  # fmt: skip
    kinds = {name: (part.n_classes, np.shape(part.x)[1:]) for name, part in parts.items() if hasattr(part, "n_classes")}
    if len(set(kinds.values())) > 1:
        got = " and ".join(f"{K} and {shape}" for K, shape in kinds.values())
        raise ValueError(f"{' and '.join(f'`{name}`' for name in kinds)} must have the same classes and inputs of the "
                         f"same shape, but got {got}.")  # fmt: skip


def _column(history, name: str) -> list[float]:
    """A number of each epoch of a history, which is finite."""
    rows = list(history) if isinstance(history, (list, tuple)) else []
    if not rows or not all(isinstance(row, dict) and name in row for row in rows):
        raise ValueError(f"`history` must be what `fit` returns with a tracker, a row with {name} for each epoch, but "
                         f"got {type(history).__name__} with {len(rows)} rows.")  # fmt: skip
    return checks.numbers([row[name] for row in rows], "history", 1).tolist()


def _best(history, measure: str) -> dict:
    """Test value at the best validation epoch (ties: the earlier one) and at the last epoch, their gap, the oracle."""
    val, test = _column(history, f"val_{measure}"), _column(history, f"test_{measure}")
    best = max(range(len(val)), key=lambda e: (val[e], -e))
    return {
        "best_val": test[best], "last": test[-1], "gap": test[best] - test[-1], "oracle": max(test), "best_epoch": best,
    }  # fmt: skip


def summarise(history: list[dict]) -> dict[str, float]:
    """Clean-test accuracy at the best noisy-validation epoch, at the last epoch, and their gap.

    Ties in validation go to the earlier epoch. `oracle` is the best test accuracy of any epoch: it peeks at the test
    set and may be shown only as marked so.
    """
    return _best(history, "acc")


def knn_agreement(features, y, k: int = 10) -> float:
    """Share of the k nearest neighbours (Euclidean) that carry the same label, averaged over examples.

    1 means that labels form clean clusters in `features` (N, D); chance is the sum of squared class shares.
    """
    from sklearn.neighbors import NearestNeighbors

    features, y = checks.numbers(features, "features").astype(float), checks.labels(y, "y")
    checks.same_length(features=features, y=y)
    if checks.positive_int(k, "k") >= len(y):
        raise ValueError(f"`k` must be below the number of examples, {len(y)}, but got {k}.")
    features = features.reshape(len(features), -1)
    neighbours = NearestNeighbors(n_neighbors=k).fit(features).kneighbors(return_distance=False)
    return float((y[neighbours] == y[:, None]).mean())


def kmeans(features, n_clusters: int, seed: int = 0) -> np.ndarray:
    """The cluster (N,) of each row of `features` (N, D), by scikit-learn's k-means with five starts."""
    from sklearn.cluster import KMeans

    features = checks.numbers(features, "features", 2).astype(float)
    if checks.positive_int(n_clusters, "n_clusters") > len(features):
        raise ValueError(f"`n_clusters` must be at most the {len(features)} rows there are, but got {n_clusters}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer points that differ than clusters: it says so, and gives fewer
        return KMeans(n_clusters, n_init=5, random_state=checks.seed(seed)).fit(features).labels_


def purity(clusters, y) -> float:
    """Share of examples whose label (N,) is the commonest one of their cluster (N,).

    1 where each cluster holds one class; never below the share of the largest class.
    """
    clusters, y = checks.labels(clusters, "clusters"), checks.labels(y, "y")
    checks.same_length(clusters=clusters, y=y)
    return float(sum(np.bincount(y[clusters == c]).max() for c in np.unique(clusters)) / len(y))


def nmi(clusters, y) -> float:
    """Normalised mutual information of clusters (N,) and labels (N,), scikit-learn's: 0 chance, 1 the same groups."""
    from sklearn.metrics import normalized_mutual_info_score

    clusters, y = checks.labels(clusters, "clusters"), checks.labels(y, "y")
    checks.same_length(clusters=clusters, y=y)
    return float(normalized_mutual_info_score(y, clusters))


def fidelity(judge, images, intended) -> float:
    """Share of generated images whose intended class is what a classifier trained on clean labels sees in them."""
    return accuracy(predict(judge, images), intended.cpu() if torch.is_tensor(intended) else intended)


def rank_correlation(a, b) -> float:
    """Spearman's rank correlation of two sequences: 1 means the same order, -1 the opposite one; ties share a rank."""
    a, b = checks.numbers(a, "a", 1), checks.numbers(b, "b", 1)
    checks.same_length(a=a, b=b)
    for name, values in {"a": a, "b": b}.items():
        if len(values) < 2 or np.ptp(values) == 0:
            raise ValueError(f"`{name}` must hold at least 2 numbers that differ: equal ones have no order.")
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values) -> np.ndarray:
    """The rank of each value, from 0; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[place]


# ---- several labels an example (Paper 02) ----------------------------------------------------------------------


def average_precision(p, y) -> np.ndarray:
    """Average precision of each class, (K,), from scores and labels (N, K); nan where a class never occurs.

    scikit-learn's: the precision at every positive, averaged, without interpolation. VOC's 11-point average differs.
    """
    from sklearn.metrics import average_precision_score

    p = tensors.scores(p)
    y = checks.label_vectors(y, "y", p.shape[1])
    checks.same_length(p=p, y=y)
    scores = [average_precision_score(y[:, k], p[:, k]) if y[:, k].any() else np.nan for k in range(y.shape[1])]
    return np.array(scores, dtype=float)


def mean_average_precision(p, y) -> float:
    """mAP: the mean of `average_precision` over the classes that occur in `y`."""
    ap = average_precision(p, y)
    if np.isnan(ap).all():
        raise ValueError("`y` must hold at least one label, but no class occurs in it.")
    return float(np.nanmean(ap))


def tsne(x, perplexity: float, seed: int = 0, init: str = "pca") -> np.ndarray:
    """Coordinates (N, 2) of the rows x (N, d) in the plane, by scikit-learn's t-SNE.

    Rows that are all alike have no map: scikit-learn divides by their deviation, and the process ends with the NaN.
    """
    from sklearn.manifold import TSNE

    x, perplexity = checks.numbers(x, "x", 2), checks.positive(perplexity, "perplexity")
    if x.shape[1] < (2 if init == "pca" else 1) or not len(x) or np.ptp(x, axis=0).max() < 1e-20:
        raise ValueError(f"`x` must hold examples that differ, of several numbers each, not {x.shape} all alike.")
    checks.one_of(init, "init", ["pca", "random"])
    if np.abs(x).max() > 1e15:
        raise ValueError(f"`x` must hold numbers whose squares float32 holds, but got {np.abs(x).max():g}: scale them.")
    if perplexity >= len(x):
        raise ValueError(f"`perplexity` must be below the number of examples, {len(x)}, but got {perplexity:g}.")
    return TSNE(perplexity=perplexity, init=init, random_state=checks.seed(seed)).fit_transform(x)


def multilabel_tracker(noisy_val, test) -> Callable:
    """An `after_epoch` for `fit`: mAP on noisy validation and clean test data, AP per class, and accuracy (`test_acc`).

    noisy_val and test have label vectors (N, K). The accuracy is there where every test example has one label: the
    share of examples with their largest probability on it.
    """
    _check_parts(noisy_val=noisy_val, test=test)
    for name, part in {"noisy_val": noisy_val, "test": test}.items():
        if not checks.label_vectors(part.y, name).any():
            raise ValueError(f"`{name}` must hold at least one label, but no class occurs in it.")
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
    found = _best(history, "map")
    if not all("test_ap" in row for row in history):
        raise ValueError("`history` must be what `fit` returns with a multilabel_tracker, but a row has no test_ap.")
    best = history[found["best_epoch"]]
    return {**found, "ap": best["test_ap"], "accuracy": best.get("test_acc")}
