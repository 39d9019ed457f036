"""What EchoMod and EchoSelect are worth: do modified images show their labels, are the right originals kept?

Paper 04, Fig. 3 to Fig. 5 and Table 4. `method` is a trained `echoalign.EchoAlign`, `splits` the data of its run.
"""

import numpy as np
import torch

from lnlkit import seeds
from lnlkit.methods.base import CE
from lnlkit.training import TrainingSet, fit

PURITIES = (0.94, 0.96, 0.98, 0.99)  # of Table 4
N_SHOWN, N_SIMILARITIES = 12, 600  # examples in the pictures
BINS = np.linspace(-1, 1, 81)


def judge(method, splits) -> dict[str, float]:
    """Numbers from 0 to 1 about the training images and their modified copies.

    kept: share of the originals that stay; purity: how many of these have right labels. auc and ks: how well the
    similarity tells right labels from wrong ones, as the area under the curve and as the largest distance between both
    distributions. kept_at_96 and its like: the largest share that could be kept at that purity, whatever the
    threshold. shows_label, shows_truth: what a classifier, trained on the clean labels of the same images, which no
    method has, sees in the modified copies of wrongly labelled images. moved_right, moved_wrong: mean absolute change
    of a pixel. information and information_before: mutual information in nats of label and of what that judge sees.
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
    return found | _of_images(method, splits, train, right)


def kept_at(score, right) -> dict[str, float]:
    """kept_at_94 and so on: the largest share that can be kept of the examples with the highest score so that this
    percentage of them is right, whatever the threshold: Paper 04, Table 4.
    """  # fmt: skip
    order = np.argsort(-np.asarray(score), kind="stable")
    purity = np.cumsum(np.asarray(right)[order]) / np.arange(1, len(order) + 1)
    return {f"kept_at_{100 * of:.0f}": float((np.flatnonzero(purity >= of).max(initial=-1) + 1) / len(order))
            for of in PURITIES}  # fmt: skip


def _of_images(method, splits, train, right) -> dict[str, float]:
    """What a judge sees in the modified images, and how far their pixels moved."""
    from sklearn.metrics import mutual_info_score

    oracle, modified = CE(), method.modified_.cpu()
    fit(oracle, TrainingSet.of(train.clean(), method.recipe_.device), method.recipe_,
        seed=seeds.derive(method.seed_, "judge"))  # fmt: skip
    seen, before = (oracle.predict(x).argmax(1).numpy() for x in (modified, train.x))
    moved = (modified.float() - TrainingSet.of(train).x.float()).abs().flatten(1).mean(1) / 255
    found = {"information": float(mutual_info_score(seen, train.y)),
             "information_before": float(mutual_info_score(before, train.y))}  # fmt: skip
    if right.any():
        found["moved_right"] = moved[right].mean().item()
    if (~right).any():
        wrong = ~right.numpy()
        found |= {"moved_wrong": moved[~right].mean().item(),
                  "shows_label": float((seen == train.y)[wrong].mean()),
                  "shows_truth": float((seen == train.y_clean)[wrong].mean())}  # fmt: skip
    return found


def illustrate(method, splits) -> dict:
    """What Fig. 1 and Fig. 3 show of a run, as lists.

    similarities: of some training images, with whether their label is right; images: wrongly and then rightly labelled
    ones beside their modified copies, uint8 (n, H, W[, 3]), with given and true labels and their similarity.
    """
    train, right = splits.train, splits.train.y == splits.train.y_clean
    index = np.sort(np.random.default_rng(0).permutation(len(train))[:N_SIMILARITIES])
    similarity, kept = method.similarity_.cpu().numpy(), method.selected_.cpu().numpy()
    shown = np.concatenate([np.flatnonzero(~right)[: N_SHOWN // 2], np.flatnonzero(right)[: N_SHOWN // 2]])
    changed = method.modified_.cpu()[shown].permute(0, 2, 3, 1).reshape(len(shown), *np.shape(train.x)[1:]).numpy()
    return {
        "similarities": {"s": similarity[index].astype(float).round(3).tolist(), "right": right[index].tolist()},
        "images": {"x": train.x[shown].tolist(), "modified": changed.tolist(), "y": train.y[shown].tolist(),
                   "y_clean": train.y_clean[shown].tolist(), "kept": kept[shown].tolist(),
                   "s": similarity[shown].astype(float).round(2).tolist()},
    }  # fmt: skip
