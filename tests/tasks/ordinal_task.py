"""The task module of `ordinal_labels`: what `lnlkit.tasks` asks of a kind of label, and nothing else."""

import numpy as np
from ordinal_labels import sample

from lnlkit.tasks.running import Metric, Splits

PARTS = ("ordinal",)
METRICS = {"right": Metric("levels that are right")}
KEPT = ("row", "dataset", "noise", "noise_rate", "seed")


def grid(paper, scale):
    block = paper.scale(scale).get("ordinal", {"rows": [], "noise_rates": [], "seeds": []})
    return [configuration(paper, scale, paper.rows[row], rate, seed)
            for seed in block["seeds"] for rate in block["noise_rates"] for row in block["rows"]]  # fmt: skip


def configuration(paper, scale, row, noise_rate, seed):
    return {"task": "ordinal", "row": row.id, "dataset": "diagonals", "noise": "one level off",
            "noise_rate": noise_rate, "seed": seed, "method": row.method, "hparams": row.hparams,
            "n_train": paper.scale(scale)["ordinal"]["n_train"]}  # fmt: skip


def splits(config, device="cpu"):
    train, test = (sample(config["n_train"], rate, seed)
                   for rate, seed in ((config["noise_rate"], config["seed"]), (0, config["seed"] + 1000)))
    return Splits(train, None, test)


def recipe(config, train, device="cpu"):
    from lnlkit import models
    from lnlkit.training import Recipe, optimizer_of

    return Recipe(lambda n_outputs=None: models.regression_mlp(2, 1),
                  optimizer_of({"name": "adam", "lr": 1e-2}), epochs=20, batch_size=32, device=device)  # fmt: skip


def tracker(splits):
    return None


def measure(trained, config):
    train, test = trained.splits.train, trained.splits.test
    right = np.rint(trained.method.predict(test.x).numpy()) == test.y
    return {"realised_rate": float((train.y != train.y_clean).mean()), "summary": {"right": float(right.mean())}}


def row(record, key):
    return {**{name: record["config"][name] for name in KEPT}, "key": key, "realised_rate": record["realised_rate"],
            **record["summary"], "seconds": record["seconds"],
            "history": {"loss": [epoch["loss"] for epoch in record["history"]]}}  # fmt: skip


def shared(found):
    return {"ordinal": {"n_train": found[0]["config"]["n_train"]}} if found else {}


def fold(found, rows, paper, scale, device="cpu"):
    return {"ordinal": rows}
