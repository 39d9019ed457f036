"""The recorded table of a paper: what tables show and sliders walk through, folded from the records of a sweep."""

import functools
import hashlib
from pathlib import Path

from lnlkit import multilabel_runs, records, regression
from lnlkit.papers import Paper
from lnlkit.sweep import grid, key, noisy_set, sweep, train_run


def flat(record: dict) -> dict:
    """A run's record as one row of the table: histories as lists over epochs, to four decimals; `key` names the run."""
    config, history = record["config"], record["history"]
    names = [name for name in history[0] if name != "epoch"]
    return {
        **{name: config[name] for name in ("row", "dataset", "noise", "noise_rate", "seed")}, "key": key(config),
        "realised_rate": record["realised_rate"], **record["summary"], "seconds": record["seconds"],
        "history": {name: [round(row[name], 4) for row in history] for name in names},
    }  # fmt: skip


def embed(x, noisy_labels: dict, y_clean, perplexity: float, seed: int = 0) -> dict:
    """t-SNE of the pixels of images (N, ...) and the labels that each noise gives them (Paper 01, Fig. 2).

    noisy_labels: {(noise, noise_rate): y (N,)}. The coordinates never see a label. `knn_agreement` is the share of
    the 10 nearest neighbours in the plane that carry the same label.
    """
    from sklearn.manifold import TSNE

    from lnlkit import evaluation

    pixels = x.reshape(len(x), -1) / 255.0
    coordinates = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(pixels)
    noisy = [
        {"noise": noise, "noise_rate": rate, "y": y.tolist(), "knn_agreement": evaluation.knn_agreement(coordinates, y)}
        for (noise, rate), y in sorted(noisy_labels.items())
    ]
    return {
        "settings": f"scikit-learn t-SNE of the pixels of {len(x)} images, perplexity {perplexity:g}, PCA, seed {seed}",
        "x": coordinates.round(2).tolist(), "y_clean": y_clean.tolist(), "noisy": noisy,
        "knn_agreement_clean": evaluation.knn_agreement(coordinates, y_clean),
    }  # fmt: skip


def collect(paper: Paper, scale: str, out_dir, device: str = "cpu") -> dict:
    """The recorded table of a scale, from the run records in `out_dir`: settings, runs, matrices, embedding."""
    planned = {key(config): Path(out_dir) / f"{key(config)}.json" for config in grid(paper, scale)}
    found = [records.read(path) for path in planned.values() if path.exists()]
    command = f"lnlkit sweep {paper.number} --scale {scale} --table lnlkit/recorded/{paper.key}.json"
    if not found:
        raise FileNotFoundError(f"`out_dir` must hold records of {paper.key} at {scale}, but {out_dir} has none of the "
                                f"{len(planned)}: make them with `{command}`.")  # fmt: skip
    tasks = (None, "regression", "multilabel")
    images, numbers, sets = ([r for r in found if r["config"].get("task") == task] for task in tasks)
    table = {
        "schema": records.SCHEMA, "notebook": paper.key, "scale": scale,
        "made": {"command": command, "runs": len(found), "planned": len(planned), **_settings(images),
                 "environments": _distinct(record["environment"] for record in found)},
        "runs": [flat(record) for record in images], "matrices": _matrices(images),
    }  # fmt: skip
    if numbers:
        table["regression"] = [regression.flat(record, key(record["config"])) for record in numbers]
        table["made"]["regression"] = {k: numbers[0]["config"][k] for k in PER_REGRESSION}
    if sets:
        rows = [multilabel_runs.flat(record, key(record["config"])) for record in sets]
        table["multilabel"] = [row for row in rows if not row["schedule"]]
        table["checks"] = [row for row in rows if row["schedule"]]
        table["made"]["multilabel"] = multilabel_runs.shared(sets)
    if "embedding" in paper.scale(scale):
        noises = {(r["config"]["noise"], r["config"]["noise_rate"]) for r in images}
        table["embedding"] = _embedding(paper, scale, noises, device)
    return table


PER_ROW = ("method", "hparams", "augment", "oracle", "epochs")
PER_DATASET = ("dataset", "n_train", "val_fraction", "network", "batch_size", "optimizer", "generator", "amp")
PER_REGRESSION = ("n_train", "sd", "network", "epochs", "batch_size", "optimizer")


def _settings(found: list[dict]) -> dict:
    """What the runs share: by data set its sizes and settings, by row its method and hyper-parameters."""
    of = {}
    for record in found:
        of.setdefault(record["config"]["dataset"], record)
    return {
        "datasets": {name: {"n": r["n"], **{k: r["config"][k] for k in PER_DATASET}} for name, r in of.items()},
        "rows": {r["config"]["row"]: {k: r["config"][k] for k in PER_ROW} | {"hparams": r["hparams"]} for r in found},
    }


def _matrices(found: list[dict]) -> list[dict]:
    """The realised transition matrix of every noisy set, once."""
    names = ("dataset", "noise", "noise_rate", "seed")
    sets = {tuple(r["config"][name] for name in names): r for r in found}
    return [{**dict(zip(names, of, strict=True)), "T": r["T"], "realised_rate": r["realised_rate"]}
            for of, r in sets.items()]  # fmt: skip


def _distinct(items) -> list:
    kept = []
    for item in items:
        if item not in kept:
            kept.append(item)
    return kept


def _embedding(paper, scale, noises, device) -> dict:
    """`embed` for a stratified draw of the scale's training images, with the labels of seed 0."""
    from lnlkit import data

    settings = paper.scale(scale)
    clean = noisy_set(settings, "symmetric", 0.0, 0)
    index = data.subset(clean.x, clean.y_clean, min(settings["embedding"]["n"], len(clean)), seed=0)
    labels = {(noise, rate): noisy_set(settings, noise, rate, 0, device).y[index] for noise, rate in noises}
    return embed(clean.x[index], labels, clean.y_clean[index], settings["embedding"]["perplexity"])


def obtain(paper: Paper, scale: str, out_dir, device: str = "cpu", progress=None) -> dict:
    """The recorded table of a scale: the shipped one where it is of this scale, else swept now (and resumable).

    Runs made by another version of the code are not taken up again: they lie in a folder named after it.
    Raises ValueError when the shipped table was made with other settings than the scale has now.
    """
    try:
        shipped = records.load_recorded(paper.key)
    except FileNotFoundError:
        shipped = {"scale": None}
    configs = grid(paper, scale)
    if shipped["scale"] == scale:
        runs = [run for part in ("runs", "regression", "multilabel", "checks") for run in shipped.get(part, [])]
        stale = {run["key"] for run in runs} - {key(config) for config in configs}
        if stale:
            raise ValueError(
                f"the recorded table of {paper.key} must have the settings of scale {scale}, but {len(stale)} of its "
                f"runs have others: make it again with `{shipped['made']['command']}`.")
        return shipped
    folder = Path(out_dir) / code_digest()
    sweep(functools.partial(train_run, device=device), configs, folder, progress=progress)
    return collect(paper, scale, folder, device)


def code_digest() -> str:
    """Hash of the package's source: names the folder of runs that are made on the way."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
