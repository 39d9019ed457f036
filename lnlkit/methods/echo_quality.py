"""What EchoMod and EchoSelect are worth: do modified images show their labels, are the right originals kept?

Paper 04, Fig. 3 to Fig. 5, Fig. 7 and Table 4. `method` is a trained `echoalign.EchoAlign`, `splits` the data of its
run.
"""

from typing import NamedTuple

import numpy as np
import torch

from lnlkit import evaluation, packing, seeds
from lnlkit.methods.base import CE
from lnlkit.methods.echo_select import NetworkFeatures
from lnlkit.training import TrainingSet, fit, predict, to_unit

PURITIES = (0.94, 0.96, 0.98, 0.99)  # of Table 4
N_EXAMPLES, N_SIMILARITIES, N_DRAWN, N_ASKED = 48, 600, 300, 4  # in the pictures
BINS = 20  # of probabilities
PERPLEXITY, EDGE = 30, 0.25  # of a t-SNE map; brightness from pixel to pixel that makes an edge


class _Seen(NamedTuple):
    """Training images and their modified copies, and what a judge makes of both; p (N, K), features (N, D)."""

    x: torch.Tensor
    modified: torch.Tensor
    p: np.ndarray
    p_modified: np.ndarray
    features: np.ndarray
    features_modified: np.ndarray


def _seen(method, splits) -> _Seen:
    """The judge is trained with cross-entropy on the clean labels of the training images, which no method has."""
    train, oracle = splits.train, CE()
    fit(oracle, TrainingSet.of(train.clean(), method.recipe_.device), method.recipe_,
        seed=seeds.derive(method.seed_, "judge"))  # fmt: skip
    both, look = (TrainingSet.of(train).x, method.modified_.cpu()), NetworkFeatures(oracle.nets_[0])
    return _Seen(*both, *(np.asarray(oracle.predict(of)) for of in both), *(look(of).numpy() for of in both))


def judge(method, splits) -> dict[str, float]:
    """Numbers from 0 to 1 about the training images and their modified copies.

    kept: share of the originals that stay; purity: how many of these have right labels. auc and ks: how well the
    similarity tells right labels from wrong ones, as the area under the curve and as the largest distance between both
    distributions. kept_at_96 and its like: the largest share that could be kept at that purity, whatever the
    threshold. shows_label, shows_truth: what a classifier, trained on the clean labels of the same images, which no
    method has, sees in the modified copies of wrongly labelled images. moved_right, moved_wrong: mean absolute change
    of a pixel. information and information_before: mutual information in nats of label and of what that judge sees.
    shift: how well modified images are told from originals by the judge's features, as the area under the curve of a
    linear classifier, 0.5 where both look the same. edges: overlap of the edges of an image and of its modified copy,
    edges_random: of another image and that copy, where labels are wrong. What is said of images is said of runs of
    Algorithm 1 alone: those of other runs are the same.
    """
    from scipy.stats import ks_2samp
    from sklearn.metrics import roc_auc_score

    train, right = splits.train, torch.from_numpy(splits.train.y == splits.train.y_clean)
    kept, similarity = method.selected_.cpu(), method.similarity_.cpu().numpy()
    found = {"kept": kept.float().mean().item()}
    if kept.any():
        found["purity"] = right[kept].float().mean().item()
    if 0 < right.sum() < len(right) and np.ptp(similarity) > 0:
        found["auc"] = float(roc_auc_score(right.numpy(), similarity))
        found["ks"] = float(ks_2samp(similarity[right], similarity[~right]).statistic)
        found |= kept_at(similarity, right.numpy())
    if not _is_algorithm_1(method):
        return found
    method.seen_ = _seen(method, splits)
    return found | _of_images(method.seen_, train) | {"shift": _shift(method.seen_)}


def _is_algorithm_1(method) -> bool:
    """Whether the set is put together as the paper says; else the images are those of the run that is."""
    return (method.originals, method.modified) == ("selected", "rejected")


def kept_at(score, right) -> dict[str, float]:
    """kept_at_94 and so on: the largest share that can be kept of the examples with the highest score so that this
    percentage of them is right, whatever the threshold: Paper 04, Table 4.
    """  # fmt: skip
    order = np.argsort(-np.asarray(score), kind="stable")
    purity = np.cumsum(np.asarray(right)[order]) / np.arange(1, len(order) + 1)
    return {f"kept_at_{100 * of:.0f}": float((np.flatnonzero(purity >= of).max(initial=-1) + 1) / len(order))
            for of in PURITIES}  # fmt: skip


def _of_images(seen: _Seen, train) -> dict[str, float]:
    """What the judge sees in the modified images, and how far their pixels and edges moved."""
    from sklearn.metrics import mutual_info_score

    says, before, right = seen.p_modified.argmax(1), seen.p.argmax(1), train.y == train.y_clean
    moved = ((seen.modified.float() - seen.x.float()).abs().flatten(1).mean(1) / 255).numpy()
    found = {"information": float(mutual_info_score(says, train.y)),
             "information_before": float(mutual_info_score(before, train.y))}  # fmt: skip
    if right.any():
        found["moved_right"] = float(moved[right].mean())
    if (~right).any():
        was, now = edges(seen.x[~right]), edges(seen.modified[~right])
        found |= {"moved_wrong": float(moved[~right].mean()),
                  "shows_label": float((says == train.y)[~right].mean()),
                  "shows_truth": float((says == train.y_clean)[~right].mean()),
                  "edges": _overlap(was, now), "edges_random": _overlap(was.roll(1, 0), now)}  # fmt: skip
    return found


def edges(images) -> torch.Tensor:
    """Where the brightness of uint8 images (N, C, H, W) changes by a quarter of its range to the next pixel.

    Booleans (N, H - 1, W - 1). It stands for the Canny edges that the paper's generator is led by.
    """
    grey = to_unit(images).mean(1)
    return ((grey[:, 1:, 1:] - grey[:, :-1, 1:]).abs() > EDGE) | ((grey[:, 1:, 1:] - grey[:, 1:, :-1]).abs() > EDGE)


def _overlap(a: torch.Tensor, b: torch.Tensor) -> float:
    """Pixels that are edges in both, as a share of those that are in either; mean over the images."""
    both, either = (a & b).flatten(1).sum(1), (a | b).flatten(1).sum(1)
    return float((both / either.clamp(min=1)).mean())


def _shift(seen: _Seen) -> float:
    """Area under the curve of logistic regression that tells modified images from originals, on its other half."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.concatenate([seen.features, seen.features_modified])
    is_modified = np.arange(len(features)) >= len(seen.features)
    half = np.tile(np.arange(len(seen.features)) % 2 == 0, 2)  # an image and its copy are on the same side
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)).fit(features[half], is_modified[half])
    return float(roc_auc_score(is_modified[~half], model.decision_function(features[~half])))


def illustrate(method, splits) -> dict:
    """What pictures show of a run of Algorithm 1; nothing for sets that are put together otherwise.

    similarities: of some training images, with whether their label is right. examples: some images, spread over the
    similarities, beside their modified copies, with given and true labels, and what correcting the label would say
    instead. asked: a few test images modified towards
    every class (n, K, ...). map: t-SNE coordinates of the judge's features of originals and then of their copies, with
    the classes that they show. probability: how many originals and copies the judge gives the label with probability 0
    to 1, in 20 steps. Images are packed, see `packing`.
    """
    if not _is_algorithm_1(method):
        return {}
    train, right = splits.train, splits.train.y == splits.train.y_clean
    seen = vars(method).get("seen_") or _seen(method, splits)  # of `judge`, which comes first
    draws, similarity = np.random.default_rng(0), method.similarity_.cpu().numpy().astype(float)
    index = np.sort(draws.permutation(len(train))[:N_SIMILARITIES])
    order = np.argsort(similarity[index], kind="stable")
    shown = index[order[np.linspace(0, len(order) - 1, min(N_EXAMPLES, len(order))).round().astype(int)]]
    return {
        "similarities": {"s": similarity[index].round(3).tolist(), "right": right[index].tolist()},
        "examples": {"x": packing.pack(train.x[shown]),
                     "modified": packing.pack(_like(method.modified_[shown], train.x)), "y": train.y[shown].tolist(),
                     "y_clean": train.y_clean[shown].tolist(), "s": similarity[shown].round(3).tolist(),
                     **_corrected(method, train.x[shown])},
        "asked": _asked(method, splits.test), "map": _map(seen, train, index[:N_DRAWN]),
        "probability": _probabilities(seen, train.y),
    }  # fmt: skip


def _corrected(method, x) -> dict:
    """What a label correction would say: the classes that the early network sees, which learned the noisy labels."""
    if not isinstance(method.features_, NetworkFeatures):
        return {}
    return {"corrected": predict(method.features_.views.net, x).argmax(1).tolist()}


def _like(images: torch.Tensor, x) -> np.ndarray:
    """uint8 images (n, C, H, W) as arrays shaped like those of a set, (n, H, W[, C])."""
    return images.cpu().permute(0, 2, 3, 1).reshape(len(images), *np.shape(x)[1:]).numpy()


def _asked(method, test) -> dict:
    """The first test images, each modified towards each class in turn."""
    x, K = np.asarray(test.x[:N_ASKED]), test.n_classes
    made = method.echo_.modify(np.repeat(x, K, axis=0), np.tile(np.arange(K), len(x)), seed=method.seed_)
    return {"x": packing.pack(x), "y_clean": test.y[:N_ASKED].tolist(),
            "modified": packing.pack(np.asarray(made).reshape(len(x), K, *x.shape[1:]))}  # fmt: skip


def _map(seen: _Seen, train, index) -> dict:
    features = np.concatenate([seen.features[index], seen.features_modified[index]])
    points = evaluation.tsne(features, min(PERPLEXITY, (len(features) - 1) / 3))
    return {"x": points.astype(float).round(1).tolist(), "y": train.y[index].tolist(),
            "y_clean": train.y_clean[index].tolist()}  # fmt: skip


def _probabilities(seen: _Seen, y) -> dict:
    rows = np.arange(len(y))
    parts = {"x": seen.p[rows, y], "modified": seen.p_modified[rows, y]}
    return {name: np.histogram(of, BINS, (0, 1))[0].tolist() for name, of in parts.items()}
