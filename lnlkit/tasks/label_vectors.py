"""Several labels an example: runs on sets whose labels are vectors of 0 and 1."""

from lnlkit import checks, data
from lnlkit.data import label_vectors
from lnlkit.papers import Paper, Row
from lnlkit.tasks import configurations
from lnlkit.tasks.running import Metric, Splits, Trained, rounded

PARTS = ("multilabel", "checks")
KEPT = ("row", "dataset", "noise", "noise_rate", "seed", "size", "lambda_mi", "schedule")
METRICS = {"best_val": Metric("mAP on clean test data at the best epoch on noisy validation data"),
           "last": Metric("mAP on clean test data at the last epoch")}  # fmt: skip
CURVES = ("val_map", "test_map")  # not the loss: each method has its own
PICTURES = ("trusted", "untrusted", "embedding")
PER_DATASET = ("n_train", "val_fraction", "network", "optimizer", "epochs", "batch_size", "decay_every", "amp")
KEYS = {*KEPT, *PER_DATASET, "method", "hparams", "embedding"}


def settings(paper: Paper, scale: str, dataset: str, schedule: str | None = None) -> dict:
    """Sizes, network, optimiser and epochs of a data set at a scale: the TOML's `multilabel` table and its `on`.

    schedule: a name in its `schedules`, whose settings replace these once more; nested ones, as hparams, as a whole.
    """
    s = configurations.settings(paper, scale).get("multilabel", {})
    if schedule is not None:
        checks.one_of(schedule, "schedule", s.get("schedules", {}))
    return {**s, **s.get("on", {}).get(dataset, {}), **(s["schedules"][schedule] if schedule else {})}


def grid(paper: Paper, scale: str) -> list[dict]:
    """The runs of a scale: the blocks of its TOML's `multilabel.sweep`.

    A block lists datasets, noise, noise_rates, seeds and rows; and sizes (shares of the training set, default all of
    it) or lambdas (values of lambda_mi, default the method's) where these are studied. One with `schedule` runs on the
    settings of that name in the table's `schedules`: it checks how much depends on them.
    """
    found = [
        configuration(paper, scale, paper.rows[row], dataset, block["noise"], rate, seed, size=size, lambda_mi=value,
                      schedule=block.get("schedule"))  # fmt: skip
        for block in configurations.settings(paper, scale).get("multilabel", {"sweep": []})["sweep"]
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
    configurations.part(paper, scale, "multilabel")
    checks.instance(row, "row", Row, "Did you mean paper.rows[name]?")
    if not (isinstance(dataset, str) and dataset.endswith(".npz")):
        checks.one_of(dataset, "dataset", [*data.images.DATASETS, *label_vectors.DATASETS])
    checks.one_of(noise, "noise", label_vectors.KINDS)
    noise_rate, seed = configurations.rate(noise_rate, below_one=False), checks.seed(seed)
    size, s = _share(size), settings(paper, scale, dataset, schedule)
    hparams = {**s.get("hparams", {}).get(row.method, {}), **row.hparams}
    if lambda_mi is not None:
        hparams["lambda_mi"] = checks.not_negative(lambda_mi, "lambda_mi")
    return {
        "task": "multilabel", "row": row.id, "dataset": dataset, "noise": noise, "noise_rate": noise_rate, "seed": seed,
        "size": size, "lambda_mi": lambda_mi, "schedule": schedule, "n_train": s.get("n_train"),
        "val_fraction": s["val_fraction"], "method": row.method, "hparams": hparams, "network": s["network"],
        "optimizer": s["optimizer"], "epochs": s["epochs"], "batch_size": s["batch_size"],
        "decay_every": s.get("decay_every"), "amp": s.get("amp", False), "embedding": s.get("embedding", 0),
    }  # fmt: skip


def _share(size: float) -> float:
    """The share of the training set that a run takes, in (0, 1]."""
    if checks.fraction(size, "size", below_one=False) == 0:
        raise ValueError("`size` must be above 0, but got 0: there would be nothing to train on.")
    return size


def splits(config: dict, device: str = "cpu") -> Splits:
    """Noisy training set, noisy validation set and clean test set of a configuration."""
    from lnlkit import models

    configurations.check(config, KEYS, "multilabel", models.NETWORKS)
    images = label_vectors.as_vectors(data.load(config["dataset"]))
    n = config["n_train"] or images.n_images
    n = max(1, round(n * _share(config["size"])))
    noisy = label_vectors.make_noisy(images, config["noise"], config["noise_rate"], config["seed"], n_train=n)
    train, noisy_val = label_vectors.split_validation(noisy, config["val_fraction"], seed=config["seed"])
    return Splits(train, noisy_val, data.Labelled(images.x_test, images.y_test, images.n_classes))


def recipe(config: dict, train, device: str = "cpu"):
    """The `Recipe` of a configuration on these training data: images (N, H, W[, 3]) or features (N, d)."""
    import torch

    from lnlkit import models
    from lnlkit.training import Recipe, optimizer_of

    configurations.check(config, KEYS, "multilabel", models.NETWORKS)
    x, every = train.x, config["decay_every"]
    shape = x.shape[1:] if x.ndim == 2 else (x.shape[3] if x.ndim == 4 else 1, *x.shape[1:3])

    def make_schedule(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, every, gamma=0.1)

    return Recipe(
        lambda n_outputs=None: models.build(config["network"], shape, n_outputs or train.n_classes),
        optimizer_of(config["optimizer"]), epochs=config["epochs"], amp=config["amp"],
        batch_size=config["batch_size"], device=device, make_schedule=make_schedule if every else None)  # fmt: skip


def tracker(splits: Splits):
    """mAP on noisy validation and clean test data, AP per class and accuracy after each epoch."""
    from lnlkit import evaluation

    return evaluation.multilabel_tracker(splits.noisy_val, splits.test)


def measure(trained: Trained, config: dict) -> dict:
    """Realised rates, mAP at the best noisy-validation epoch and the last one, and what the method says of its labels.

    The latter (`quality`) is of the last epoch, on the training set; None from a method that says nothing of them.
    """
    from lnlkit import evaluation

    noisy, says = trained.splits.train, None
    if noisy.y_clean is not None and hasattr(trained.method, "judge_labels"):
        n_embedded = config["embedding"] if config["seed"] == 0 else 0
        says = trained.method.judge_labels(noisy, n_embedded)
    return {"realised_rate": noisy.noise_rate_, "label_rate": noisy.label_rate_,
            "summary": evaluation.summarise_map(trained.history), "quality": says}  # fmt: skip


def row(record: dict, key: str) -> dict:
    """A run's record as one row of the recorded table, numbers to four decimals.

    Matrices (three decimals) and embedding are None where no picture shows them: in checks and with part of the data.
    """
    quality, config = dict(record["quality"] or {}), record["config"]
    for name in PICTURES if quality else ():
        quality[name] = None if config["schedule"] or config["size"] < 1 else rounded(quality[name], 3)
    return {
        **{name: config[name] for name in KEPT}, "key": key,
        **rounded({name: record[name] for name in ("realised_rate", "label_rate", "seconds")}),
        **rounded(record["summary"]), "quality": rounded(quality) or None,
        "history": {name: rounded([row[name] for row in record["history"]]) for name in CURVES},
    }  # fmt: skip


def shared(found: list[dict]) -> dict:
    """What runs share: by data set its sizes and settings, by row its hyper-parameters."""
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
    return {"multilabel": {"datasets": sets, "rows": rows, "schedules": checks}} if found else {}


def fold(found: list[dict], rows: list[dict], paper: Paper, scale: str, device: str = "cpu") -> dict:
    """The parts of the recorded table: what tables show, and the checks with another schedule beside it."""
    tables = {"multilabel": [row for row in rows if not row["schedule"]],
              "checks": [row for row in rows if row["schedule"]]}  # fmt: skip
    return tables if rows else {}
