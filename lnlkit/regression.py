"""Regression experiments of a paper: from a configuration to the record of a run. The twin of `sweep` for numbers."""

import time

import numpy as np

from lnlkit import _checks, records, targets
from lnlkit.papers import Paper, Row

OUTLIERS = {
    "uniform": {"kind": "uniform"},
    "flipped": {"kind": "flipped"},
    "uniform_part": {"kind": "uniform", "span": (-1.0, 3.0), "region": (0.0, 2.0)},
    "flipped_part": {"kind": "flipped", "region": (0.0, 2.0)},
}
"""Arguments of `targets.sample` by name. Paper 05, Section 4.1 (uniform) and Section 3.4 (the parts)."""

GRID = np.linspace(*targets.RANGE, 61, dtype=np.float32)[:, None]
"""Inputs at which a record keeps the fitted curve, the correlations and the weights."""


def grid(paper: Paper, scale: str) -> list[dict]:
    """The regression runs of a paper at a scale, from the blocks of its TOML's `regression.sweep`."""
    settings = paper.scale(scale).get("regression", {"sweep": []})
    return [
        configuration(paper, scale, paper.rows[row], dataset, block["noise"], rate, seed)
        for block in settings["sweep"]
        for dataset in block["datasets"]
        for seed in block["seeds"]
        for rate in block["noise_rates"]
        for row in block["rows"]
    ]


def configuration(paper: Paper, scale: str, row: Row, dataset: str, noise: str, noise_rate: float, seed: int) -> dict:
    """Everything that one run depends on, as JSON."""
    s = paper.scale(scale)["regression"]
    hparams = {**s.get("hparams", {}).get(row.method, {}), **row.hparams}
    return {
        "task": "regression", "row": row.id, "dataset": dataset, "noise": noise, "noise_rate": noise_rate, "seed": seed,
        "n_train": s["n_train"], "sd": s["sd"], "method": row.method, "hparams": hparams, "network": "regression_mlp",
        "optimizer": s["optimizer"], "epochs": s["epochs"], "batch_size": s["batch_size"],
    }  # fmt: skip


def noisy_set(config: dict, data_dir=None):
    """The training set of a configuration, the clean test set, and the size of a standardised unit in the test's unit.

    A function is tested against itself on 601 points; a table on the fifth that was held out.
    """
    name, rate, seed = config["dataset"], config["noise_rate"], config["seed"]
    if name in targets.TABLES:
        split = targets.split_table(*targets.load_table(name, data_dir), rate, seed)
        return split.train, split.test, split.scale
    outliers = OUTLIERS[_checks.one_of(config["noise"], "noise", OUTLIERS)]
    train = targets.sample(name, config["n_train"], rate, seed, sd=config["sd"], **outliers)
    x = np.linspace(*targets.RANGE, 601, dtype=np.float32)[:, None]
    return train, targets.Targets(x, np.float32(targets.FUNCTIONS[name](x))), 1.0


def recipe(config: dict, n_inputs: int, device: str = "cpu"):
    """The `Recipe` of a configuration."""
    from lnlkit import models
    from lnlkit.training import Recipe, optimizer_of

    return Recipe(
        lambda n_outputs=None: models.regression_mlp(n_inputs, n_outputs or 1),
        optimizer_of(config["optimizer"]),
        epochs=config["epochs"], batch_size=config["batch_size"], device=device)  # fmt: skip


def train(config: dict, device: str = "cpu", progress=None):
    """A trained method, its training set and its history."""
    from lnlkit import methods
    from lnlkit.training import fit

    data = noisy_set(config)[0]
    method = methods.make(config["method"], **config["hparams"])
    history = fit(method, data, recipe(config, data.x.shape[1], device), seed=config["seed"], progress=progress)
    return method, data, history


def errors(method, test: targets.Targets, scale: float = 1.0) -> dict[str, float]:
    """Mean absolute error (`mae`) and root mean squared error (`rmse`) against clean targets."""
    residual = scale * (method.predict(test.x).numpy().astype(np.float64) - test.y)
    return {"mae": float(np.abs(residual).mean()), "rmse": float(np.sqrt((residual**2).mean()))}


def curves(method) -> dict[str, list]:
    """What a figure shows of a fit to a function, at the inputs GRID: the fit (61,), and rho and pi (61, K)."""
    found = {"fit": method.predict(GRID)[:, 0]}
    if hasattr(method, "mixture"):
        mixture = method.mixture(GRID)
        found |= {"rho": mixture.rho, "pi": mixture.log_pi.exp()}
    return {name: np.round(values.numpy().astype(float), 3).tolist() for name, values in found.items()}


def train_run(config: dict, device: str = "cpu") -> dict:
    """The record of one regression run. The last epoch counts: nothing is selected."""
    from lnlkit import methods

    began = time.perf_counter()
    _, test, scale = noisy_set(config)
    method, data, history = train(config, device)
    return {
        "schema": records.SCHEMA, "config": config, "hparams": methods.hyperparameters(method),
        "n": {"train": len(data), "test": len(test)}, "realised_rate": data.realised_rate,
        "history": history[:: max(1, len(history) // 20)], "summary": errors(method, test, scale),
        "curves": curves(method) if config["dataset"] in targets.FUNCTIONS else {},
        "environment": records.environment(), "device": device,
        "seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": records.peak_memory_mb(),
    }  # fmt: skip


def flat(record: dict, key: str) -> dict:
    """A run's record as one row of the recorded table; curves are kept for seed 0 alone."""
    config = record["config"]
    kept = ("row", "dataset", "noise", "noise_rate", "seed")
    return {
        **{name: config[name] for name in kept}, "key": key, "realised_rate": record["realised_rate"],
        **{name: round(value, 5) for name, value in record["summary"].items()}, "seconds": record["seconds"],
        "curves": record["curves"] if config["seed"] == 0 or config["noise"].endswith("_part") else {},
    }  # fmt: skip
