"""Tables of Paper 02: what acts in CAN, and what its quality and its latent label know of the labels."""

import pandas as pd

from lnlkit import checks, recorded
from lnlkit.viz import given
from lnlkit.viz.quality_embedding.figures import AT, CAN, LABELS, NOTEBOOK, PLAIN, SETS
from lnlkit.viz.tables import rich, spread

ACTS = {"chosen epoch": "best_val", "last epoch": "last", "corrected": "corrected", "spoiled": "spoiled"}
KNOWS = {"trust_auc": "AUC, clusters", "distance_auc": "AUC, distance", "loss_auc": "AUC, loss",
         "corrected": "corrected, %", "predicted": "predicted, %", "spoiled": "spoiled, %"}  # fmt: skip


def what_acts(table, datasets=("scenes", "mnist")):
    """Table of plain training, CAN, its controls and its runs on another schedule at the P_noise `AT`, a line a kind.

    For each data set mAP at two epochs and the share of wrong labels that the latent label corrects and of right ones
    that it spoils, in %, mean ± standard deviation over the seeds. What was not run stays empty.
    """
    runs = given.runs(table, NOTEBOOK, "dataset", "noise_rate", "size", "lambda_mi", "best_val")
    columns = ["row", "dataset", "schedule", "noise_rate", "size", "lambda_mi", *ACTS.values()]
    both = pd.concat([part.reindex(columns=columns) for part in (runs, table.checks) if len(part)])
    both = both[(both["noise_rate"] == AT) & (both["size"] == 1) & both["lambda_mi"].isna()]
    both = both[both["row"].str.startswith(CAN) | (both["row"] == PLAIN)]
    kinds = both["row"].map(LABELS) + (", " + both["schedule"].astype(object)).fillna("")
    groups = both.assign(kind=kinds).groupby(["kind", "dataset"])
    cells = pd.DataFrame({text: groups[column].agg(lambda of: spread(100 * of.mean(), 100 * of.std()))
                          for text, column in ACTS.items()}).unstack()  # fmt: skip
    there = [name for name in checks.sequence(datasets, "datasets") if name in set(both["dataset"])]
    cells = cells.swaplevel(axis=1).reindex(columns=pd.MultiIndex.from_product([there, ACTS]))
    order = [kind for kind in LABELS.values() if kind in set(kinds)]
    cells = cells.reindex([*order, *sorted(set(kinds) - set(order))]).fillna("").rename(columns=SETS)
    text = (f"P_noise {AT:g}: mAP in % at two epochs; of the wrong labels the % that the latent label corrects, of the "
            "right ones the % that it spoils (mean ± standard deviation over the seeds)")  # fmt: skip
    return rich(cells.rename_axis(None), text, hide_index=False)


def what_it_knows(runs, own=None):
    """Table of CAN's AUCs and of corrected, predicted and spoiled labels in %, by data set and noise: means over seeds.

    runs: main runs; own: {name: what `label_quality.judge` returns} of further runs, a line each; a
    `noise_rate` in it is shown.
    """
    runs = recorded.frame(runs, "runs", "row", "dataset", "noise_rate", "realised_rate", *KNOWS)
    runs = runs[(runs["row"] == CAN) & (runs["noise_rate"] % 1 > 0)].dropna(subset="trust_auc")
    by = runs.groupby(["dataset", "noise_rate"])[["realised_rate", *KNOWS]].mean()
    lines = by.reindex([name for name in SETS if name in by.index], level=0).reset_index()
    for name, known in (own or {}).items():
        line = {"dataset": name, "noise_rate": known.get("noise_rate"), "realised_rate": 1 - known["given_right"]}
        line |= {key: known[key] for key in KNOWS}
        lines = pd.concat([lines, pd.DataFrame([line]).astype(dict.fromkeys(["noise_rate", *KNOWS], float))])
    shares = ["realised_rate", *(key for key in KNOWS if not key.endswith("auc"))]
    lines[shares] *= 100
    lines = lines.replace({"dataset": SETS}).rename(
        columns={"dataset": "data", "noise_rate": "P_noise", "realised_rate": "wrong, %"} | KNOWS)  # fmt: skip
    digits = {name: 1 if name == "P_noise" else 2 if "AUC" in name else 0 for name in lines.columns[1:]}
    return rich(lines.reset_index(drop=True), "CAN at the last epoch, on its training set", digits=digits)
