"""Numbers to predict: runs on one-dimensional functions and on tables, with outliers among the targets."""

import numpy as np

from lnlkit import checks, data
from lnlkit.data import targets
from lnlkit.papers import Paper, Row
from lnlkit.tasks import configurations
from lnlkit.tasks.running import Metric, Splits, Trained, rounded

PARTS = ("regression",)
KEPT = ("row", "dataset", "noise", "noise_rate", "seed")
METRICS = {"mae": Metric("mean absolute error", "", 1.0, 3, lower=True),
           "rmse": Metric("root mean squared error", "", 1.0, 3, lower=True)}  # fmt: skip
SHARED = ("n_train", "sd", "network", "epochs", "batch_size", "optimizer")
KEYS = {*KEPT, *SHARED, "method", "hparams"}

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
    settings = configurations.settings(paper, scale).get("regression", {"sweep": []})
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
    s = configurations.part(paper, scale, "regression")
    checks.instance(row, "row", Row, "Did you mean paper.rows[name]?")
    checks.one_of(dataset, "dataset", [*targets.DATASETS, *targets.FUNCTIONS])
    checks.one_of(noise, "noise", ["uniform"] if dataset in targets.DATASETS else OUTLIERS)
    noise_rate, seed = configurations.rate(noise_rate, below_one=False), checks.seed(seed)
    hparams = {**s.get("hparams", {}).get(row.method, {}), **row.hparams}
    return {
        "task": "regression", "row": row.id, "dataset": dataset, "noise": noise, "noise_rate": noise_rate, "seed": seed,
        "n_train": s["n_train"], "sd": s["sd"], "method": row.method, "hparams": hparams, "network": "regression_mlp",
        "optimizer": s["optimizer"], "epochs": s["epochs"], "batch_size": s["batch_size"],
    }  # fmt: skip


def points(function: str, noise: str, noise_rate: float, seed: int, n_train: int, sd: float) -> targets.NoisyTargets:
    """The training set of a run on a function: its points, some of them outliers."""
    outliers = OUTLIERS[checks.one_of(noise, "noise", OUTLIERS)]
    return targets.sample(function, n_train, noise_rate, seed, sd=sd, **outliers)


def splits(config: dict, device: str = "cpu") -> Splits:
    """Noisy training set and clean test set of a configuration; nothing is selected, so nothing is held out.

    A function is tested against itself on 601 points; a table on the fifth that was held out.
    """
    configurations.check(config, KEYS, "regression")
    name, rate, seed = config["dataset"], config["noise_rate"], config["seed"]
    if name in targets.DATASETS:
        table = data.load(name)
        split = targets.split_table(table.x, table.y, rate, seed)
        return Splits(split.train, None, split.test, split.scale)
    train = points(name, config["noise"], rate, seed, config["n_train"], config["sd"])
    x = np.linspace(*targets.RANGE, 601, dtype=np.float32)[:, None]
    return Splits(train, None, targets.Targets(x, np.float32(targets.FUNCTIONS[name](x))))


def recipe(config: dict, train, device: str = "cpu"):
    """The `Recipe` of a configuration on these training data."""
    from lnlkit import models
    from lnlkit.training import Recipe, optimizer_of

    configurations.check(config, KEYS, "regression")
    n_inputs = train.x.shape[1]
    return Recipe(
        lambda n_outputs=None: models.regression_mlp(n_inputs, n_outputs or 1),
        optimizer_of(config["optimizer"]),
        epochs=config["epochs"], batch_size=config["batch_size"], device=device)  # fmt: skip


def tracker(splits: Splits) -> None:
    """Nothing is measured on the way: the last epoch counts."""


def errors(trained: Trained) -> dict[str, float]:
    """Mean absolute error (`mae`) and root mean squared error (`rmse`) against the clean test targets."""
    test = trained.splits.test
    residual = trained.splits.scale * (trained.method.predict(test.x).numpy().astype(np.float64) - test.y)
    return {"mae": float(np.abs(residual).mean()), "rmse": float(np.sqrt((residual**2).mean()))}


def least_squares(splits: Splits) -> dict[str, float]:
    """RMSE of a linear fit to the same training data, in the table's unit (`linear_rmse`): a network should beat it."""
    from sklearn.linear_model import LinearRegression

    fit = LinearRegression().fit(splits.train.x, splits.train.y)
    residual = splits.scale * (fit.predict(splits.test.x).astype(np.float64) - splits.test.y)
    return {"linear_rmse": float(np.sqrt((residual**2).mean()))}


def curves(method) -> dict[str, list]:
    """What a figure shows of a fit to a function, at the inputs GRID: the fit (61,), and rho and pi (61, K)."""
    found = {"fit": method.predict(GRID)[:, 0]}
    if hasattr(method, "mixture"):
        mixture = method.mixture(GRID)
        found |= {"rho": mixture.rho, "pi": mixture.log_pi.exp()}
    return {name: np.round(values.numpy().astype(float), 3).tolist() for name, values in found.items()}


def measure(trained: Trained, config: dict) -> dict:
    """Realised rate, errors of the last epoch, some twenty epochs of the history, and the curves of a function."""
    history, is_function = trained.history, config["dataset"] in targets.FUNCTIONS
    linear = {} if is_function else least_squares(trained.splits)
    return {"realised_rate": trained.splits.train.realised_rate, "history": history[:: max(1, len(history) // 20)],
            "summary": errors(trained) | linear, "curves": curves(trained.method) if is_function else {}}  # fmt: skip


def row(record: dict, key: str) -> dict:
    """A run's record as one row of the recorded table; curves are kept for seed 0 and for the parts."""
    config = record["config"]
    in_part = config["noise"].endswith("_part") and "rho" in record["curves"]
    return {
        **{name: config[name] for name in KEPT}, "key": key, "realised_rate": record["realised_rate"],
        **rounded(record["summary"], 5), "seconds": record["seconds"],
        **(rounded(in_the_part(config, record["curves"])) if in_part else {}),
        "curves": record["curves"] if config["seed"] == 0 or config["noise"].endswith("_part") else {},
    }  # fmt: skip


def in_the_part(config: dict, curves: dict) -> dict[str, float]:
    """What the second correlation does where targets were replaced (Paper 05, Fig. 4), at the inputs GRID there.

    rho_inside: its mean over the inputs at which f and -f are at least 0.2 apart. rho_trend: Spearman's correlation
    between the input and it.
    """
    from lnlkit import evaluation

    low, high = OUTLIERS[config["noise"]]["region"]
    x, rho = GRID[:, 0], np.array(curves["rho"])[:, 1]
    inside = (x >= low) & (x <= high)
    apart = inside & (np.abs(targets.FUNCTIONS[config["dataset"]](x)) >= 0.1)
    found = {"rho_inside": float(rho[apart].mean())}
    if np.ptp(rho[inside]) > 0:
        found["rho_trend"] = evaluation.rank_correlation(x[inside], rho[inside])
    return found


def shared(found: list[dict]) -> dict:
    """What the runs share: sizes, network and training."""
    return {"regression": {name: found[0]["config"][name] for name in SHARED}} if found else {}


def fold(found: list[dict], rows: list[dict], paper: Paper, scale: str, device: str = "cpu") -> dict:
    """The part of the recorded table."""
    return {"regression": rows} if rows else {}
