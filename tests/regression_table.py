"""A made-up recorded table of notebook 05, whose curves are formulas; few runs, well below a second."""

import numpy as np

from lnlkit import recorded
from lnlkit.data import targets
from lnlkit.tasks import regression

X = regression.GRID[:, 0]
RATES, SEEDS = (0.0, 0.2, 0.6), (0, 1, 2)
ROWS = {"l2": 0.5, "mdn": 0.7, "choicenet_regression": 0.1, "choicenet_regression_k2": 0.12}  # error per rate


def error(row, rate, seed):
    return 0.02 + ROWS[row] * rate * (1 + 0.1 * seed**2)


def entry(row, dataset, noise, rate, seed):
    """One invented run: the fit is shrunk by the rate, correlations fall along x."""
    curves = {}
    if dataset in targets.FUNCTIONS and seed == 0:
        K = {"mdn": 5, "choicenet_regression": 5, "choicenet_regression_k2": 2}.get(row, 0)
        curves["fit"] = ((1 - ROWS[row] * rate) * targets.FUNCTIONS[dataset](X) + ROWS[row] * rate * 0.5).tolist()
        if K:
            falling = np.cos(np.arange(K) * ((X[:, None] + 3) / 4 + rate))
            curves["rho"] = (falling if row != "mdn" else 0 * falling).tolist()
            weights = np.exp(np.sin(np.arange(K) + X[:, None]))
            curves["pi"] = (weights / weights.sum(1, keepdims=True)).tolist()
    part = 1 / 6 if noise.endswith("_part") else 1
    return {
        "row": row, "dataset": dataset, "noise": noise, "noise_rate": rate, "seed": seed,
        "key": f"{row} {dataset} {noise} {rate} {seed}", "realised_rate": part * rate,
        "mae": error(row, rate, seed), "rmse": 1.3 * error(row, rate, seed), "seconds": 1.0, "curves": curves,
    }  # fmt: skip


def classified(row, dataset, rate, seed, value, noise="symmetric", **more):
    """One invented run of a classifier; more: further entries, such as `diagnosis` and `schedule`."""
    return {
        "row": row, "dataset": dataset, "noise": noise, "noise_rate": rate, "seed": seed,
        "key": f"{row} {dataset} {noise} {rate} {seed} {more}", "realised_rate": rate, "best_val": value,
        "last": value / 2, "history": {"train_acc": [value]}, **more,
    }  # fmt: skip


def diagnosed(row, dataset, rate, seed, largest, smallest):
    """One invented run under inclusive noise, whose largest and smallest logits are right in these shares."""
    said = {"largest_right": largest, "smallest_right": smallest}
    return classified(row, dataset, rate, seed, largest, "symmetric_inclusive", diagnosis=said)


def made_up(datasets=("diabetes", "cosexp", "step"), noises=("uniform", "flipped_part"), seeds=SEEDS, rows=ROWS,
            rates=RATES, runs=()):  # fmt: skip
    """A `Recorded`; diabetes has uniform outliers only, and other outliers have no rate 0. runs: of classifiers."""
    regressions = [
        entry(row, dataset, noise, rate, seed)
        for row in rows for dataset in datasets for noise in noises for rate in rates for seed in seeds
        if noise == "uniform" or (dataset in targets.FUNCTIONS and rate > 0)
    ]  # fmt: skip
    return recorded.tidy({
        "notebook": "05_choicenet", "scale": "lab", "made": {"regression": {"n_train": 400, "sd": 0.05}},
        "runs": list(runs), "regression": regressions})  # fmt: skip
