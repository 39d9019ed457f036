"""Runs with several labels an example: from a configuration to its record. The twin of `sweep` for label vectors."""

import time

import numpy as np

from lnlkit import _checks, records
from lnlkit.papers import Paper, Row


def settings(paper: Paper, scale: str, dataset: str, schedule: str | None = None) -> dict:
    """Sizes, network, optimiser and epochs of a data set at a scale: the TOML's `multilabel` table and its `on`.

    schedule: a name in its `schedules`, whose settings replace these once more; nested ones, as hparams, as a whole.
    """
    s = paper.scale(scale).get("multilabel", {})
    if schedule:
        _checks.one_of(schedule, "schedule", s.get("schedules", {}))
    return {**s, **s.get("on", {}).get(dataset, {}), **(s["schedules"][schedule] if schedule else {})}


def grid(paper: Paper, scale: str) -> list[dict]:
    """The multi-label runs of a paper at a scale, from the blocks of its TOML's `multilabel.sweep`.

    A block lists datasets, noise, noise_rates, seeds and rows; and sizes (shares of the training set, default all of
    it) or lambdas (values of lambda_mi, default the method's) where these are studied. One with `schedule` runs on the
    settings of that name in the table's `schedules`: it checks how much depends on them.
    """
    found = [
        configuration(paper, scale, paper.rows[row], dataset, block["noise"], rate, seed, size=size, lambda_mi=value,
                      schedule=block.get("schedule"))  # fmt: skip
        for block in paper.scale(scale).get("multilabel", {"sweep": []})["sweep"]
        for dataset in block["datasets"]
        for seed in block["seeds"]
        for rate in block["noise_rates"]
        for size in block.get("sizes", [1.0])
        for value in block.get("lambdas", [None])
        for row in block["rows"]
    ]
    return [config for i, config in enumerate(found) if config not in found[:i]]


def configuration(paper: Paper, scale: str, row: Row, dataset: str, noise: str, noise_rate: float, seed: int, *,
                  size: float = 1.0, lambda_mi: float | None = None, schedule: str | None = None) -> dict:  # fmt: skip
    """Everything that one run depends on, as JSON."""
    s = settings(paper, scale, dataset, schedule)
    hparams = {**s.get("hparams", {}).get(row.method, {}), **row.hparams}
    if lambda_mi is not None:
        hparams["lambda_mi"] = lambda_mi
    return {
        "task": "multilabel", "row": row.id, "dataset": dataset, "noise": noise, "noise_rate": noise_rate, "seed": seed,
        "size": size, "lambda_mi": lambda_mi, "schedule": schedule, "n_train": s.get("n_train"),
        "val_fraction": s["val_fraction"], "method": row.method, "hparams": hparams, "network": s["network"],
        "optimizer": s["optimizer"], "epochs": s["epochs"], "batch_size": s["batch_size"],
        "decay_every": s.get("decay_every"), "amp": s.get("amp", False), "embedding": s.get("embedding", 0),
    }  # fmt: skip


def splits(config: dict, data_dir=None):
    """Noisy training set, noisy validation set and clean test set of a configuration."""
    from lnlkit import data, multilabel

    images = multilabel.load(config["dataset"], data_dir)
    n = config["n_train"] or images.n_images
    n = max(1, round(n * _checks.fraction(config["size"], "size", below_one=False)))
    noisy = multilabel.make_noisy(images, config["noise"], config["noise_rate"], config["seed"], n_train=n)
    train, noisy_val = multilabel.split_validation(noisy, config["val_fraction"], seed=config["seed"])
    return train, noisy_val, data.Labelled(images.x_test, images.y_test, images.n_classes)


def recipe(config: dict, x: np.ndarray, n_classes: int, device: str = "cpu"):
    """The `Recipe` of a configuration for inputs like x: images (N, H, W[, 3]) or features (N, d)."""
    import torch

    from lnlkit import models
    from lnlkit.training import Recipe, optimizer_of

    shape = x.shape[1:] if x.ndim == 2 else (x.shape[3] if x.ndim == 4 else 1, *x.shape[1:3])
    every = config["decay_every"]

    def make_schedule(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, every, gamma=0.1)

    return Recipe(
        lambda n_outputs=None: models.build(config["network"], shape, n_outputs or n_classes),
        optimizer_of(config["optimizer"]), epochs=config["epochs"], amp=config["amp"],
        batch_size=config["batch_size"], device=device, make_schedule=make_schedule if every else None)  # fmt: skip


def train(config: dict, device: str = "cpu", progress=None):
    """A trained method, its noisy training set, its history, and the number of training, validation and test items."""
    from lnlkit import evaluation, methods
    from lnlkit.training import fit

    noisy, noisy_val, test = splits(config)
    sizes = {"train": len(noisy), "noisy_val": len(noisy_val), "test": len(test.y)}
    method = methods.make(config["method"], **config["hparams"])
    history = fit(method, noisy, recipe(config, noisy.x, noisy.n_classes, device), seed=config["seed"],
                  after_epoch=evaluation.multilabel_tracker(noisy_val, test), progress=progress)  # fmt: skip
    return method, noisy, history, sizes


def quality_of(method, noisy, n_embedded: int) -> dict | None:
    """`quality.judge` of a trained method on its training set, `quality.embed` of so many items; None without s."""
    from lnlkit import quality

    if not getattr(method, "quality_dim", 0) or noisy.y_clean is None:
        return None
    explained = method.explain(noisy.x, noisy.y)
    embedding = quality.embed(explained, noisy.y, noisy.y_clean, n_embedded) if n_embedded else None
    return {**quality.judge(explained, noisy.y, noisy.y_clean), "embedding": embedding}


def train_run(config: dict, device: str = "cpu") -> dict:
    """The record of one run. Quality and latent labels are those of the last epoch, on the training set."""
    from lnlkit import evaluation, methods

    began = time.perf_counter()
    method, noisy, history, sizes = train(config, device)
    return {
        "schema": records.SCHEMA, "config": config, "hparams": methods.hyperparameters(method),
        "n": sizes, "realised_rate": noisy.noise_rate_, "label_rate": noisy.label_rate_,
        "history": history, "summary": evaluation.summarise_map(history),
        "quality": quality_of(method, noisy, config["embedding"] if config["seed"] == 0 else 0),
        "environment": records.environment(), "device": device,
        "seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": records.peak_memory_mb(),
    }  # fmt: skip


KEPT = ("row", "dataset", "noise", "noise_rate", "seed", "size", "lambda_mi", "schedule")
CURVES = ("val_map", "test_map")  # not the loss: each method has its own
PICTURES = ("trusted", "untrusted", "embedding")


def flat(record: dict, key: str) -> dict:
    """A run's record as one row of the recorded table, numbers to four decimals.

    Matrices (three decimals) and embedding are None where no picture shows them: in checks and with part of the data.
    """
    quality, config = dict(record["quality"] or {}), record["config"]
    for name in PICTURES if quality else ():
        quality[name] = None if config["schedule"] or config["size"] < 1 else _rounded(quality[name], 3)
    return {
        **{name: config[name] for name in KEPT}, "key": key,
        **_rounded({name: record[name] for name in ("realised_rate", "label_rate", "seconds")}),
        **_rounded(record["summary"]), "quality": _rounded(quality) or None,
        "history": {name: _rounded([row[name] for row in record["history"]]) for name in CURVES},
    }  # fmt: skip


PER_DATASET = ("n_train", "val_fraction", "network", "optimizer", "epochs", "batch_size", "decay_every", "amp")


def shared(found: list[dict]) -> dict:
    """What runs share, for a table's `made`: by data set its sizes and settings, by row its hyper-parameters."""
    main = [record for record in found if not record["config"]["schedule"]] or found
    whole = [record for record in main if record["config"]["size"] == 1.0] or main
    sets = {r["config"]["dataset"]: {"n": r["n"], **{k: r["config"][k] for k in PER_DATASET}} for r in whole}
    plain = [record for record in main if record["config"]["lambda_mi"] is None] or main
    rows = {r["config"]["row"]: {"method": r["config"]["method"], "hparams": r["hparams"]} for r in plain}
    checks = {r["config"]["schedule"]: {} for r in found if r["config"]["schedule"]}
    for r in found:
        if r["config"]["schedule"]:
            own = {k: r["config"][k] for k in PER_DATASET} | {"n": r["n"]}
            of_row = checks[r["config"]["schedule"]].setdefault(r["config"]["dataset"], own | {"hparams": {}})
            of_row["hparams"][r["config"]["row"]] = r["hparams"]
    return {"datasets": sets, "rows": rows, "schedules": checks}


def _rounded(value, digits: int = 4):
    """The same structure with floats to so many decimals."""
    if isinstance(value, dict):
        return {name: _rounded(item, digits) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item, digits) for item in value]
    return round(value, digits) if isinstance(value, float) else value
