"""A grid of training runs: one JSON record a run, written atomically, so that a killed sweep resumes where it stopped."""

import functools
import hashlib
import json
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path

import numpy as np

from lnlkit import records
from lnlkit.papers import Paper, Row

ATTEMPTS = 3  # a configuration that has broken its worker this often is given up


def grid(paper: Paper, scale: str) -> list[dict]:
    """The run configurations of a paper's table at a scale: rows x noise x rates x seeds of its TOML, most wanted first."""
    settings = paper.scale(scale)
    return [
        configuration(paper, scale, paper.rows[row_id], block["noise"], rate, seed)
        for block in settings["sweep"]
        for seed in block["seeds"]
        for rate in block["noise_rates"]
        for row_id in block.get("rows", paper.rows)
    ]


def configuration(paper: Paper, scale: str, row: Row, noise: str, noise_rate: float, seed: int) -> dict:
    """Everything that one run depends on, as JSON: its hash is the run's name."""
    s = paper.scale(scale)
    hparams = dict(s.get("hparams", {}).get(row.method, {}))
    if "noise rate" in row.needs:
        hparams["forget_rate"] = noise_rate
    return {
        "row": row.id, "noise": noise, "noise_rate": noise_rate, "seed": seed,
        "dataset": s["dataset"], "n_train": s.get("n_train"), "val_fraction": s["val_fraction"],
        "method": row.method, "hparams": hparams, "augment": row.augment, "oracle": row.oracle,
        "network": s["network"], "optimizer": s["optimizer"], "epochs": s["epochs"], "batch_size": s["batch_size"],
        "generator": s.get("generator", {}), "amp": s.get("amp", False),
    }  # fmt: skip


def splits(config: dict, device: str = "cpu"):
    """Noisy training set, noisy validation set and clean test set of a configuration."""
    from lnlkit import corruption, data

    images = data.load(config["dataset"])
    noisy = corruption.make_noisy(
        images, config["noise"], config["noise_rate"], config["seed"], n_train=config["n_train"],
        generator=corruption.IDNGenerator(**config["generator"]), device=device)  # fmt: skip
    train, noisy_val = data.split_validation(noisy, config["val_fraction"], seed=config["seed"])
    return train, noisy_val, data.Labelled(images.x_test, images.y_test, images.n_classes)


def recipe(config: dict, device: str = "cpu"):
    """The `Recipe` of a configuration."""
    import torch

    from lnlkit import augment, data, models
    from lnlkit.training import Recipe

    facts = data.DATASETS[config["dataset"]]
    channels = 1 if len(facts.image_shape) == 2 else facts.image_shape[2]
    shape = (channels, *facts.image_shape[:2])
    settings = dict(config["optimizer"])
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[settings.pop("name")]

    def make_net(n_outputs=None):
        return models.build(config["network"], shape, n_outputs or facts.n_classes, facts.mean, facts.std)

    return Recipe(
        make_net, lambda parameters: optimizer(parameters, **settings), epochs=config["epochs"],
        batch_size=config["batch_size"], augment=augment.AUGMENTATIONS.get(config["augment"]), device=device,
        amp=config["amp"])  # fmt: skip


def oracle_cvae(config: dict, train, device: str = "cpu"):
    """A CVAE trained on the clean labels of the training set: knowledge no method has, for rows marked as oracle."""
    from lnlkit.methods.cvae_augmentation import train_cvae

    prefix = "cvae_"
    settings = {k.removeprefix(prefix): v for k, v in config["hparams"].items() if k != "n_generated"}
    return train_cvae(train.clean(), **settings, seed=config["seed"], device=device)[0]


def train_run(config: dict, device: str = "cpu") -> dict:
    """The record of one training run: configuration, realised noise, history, summary, environment, cost."""
    from lnlkit import evaluation, methods
    from lnlkit.training import fit

    began = time.perf_counter()
    train, noisy_val, test = splits(config, device)
    method = methods.make(config["method"], **config["hparams"])
    if config["oracle"]:
        method.cvae = oracle_cvae(config, train, device)
    history = fit(method, train, recipe(config, device), seed=config["seed"],
                  after_epoch=evaluation.tracker(train, noisy_val, test))  # fmt: skip
    return {
        "schema": records.SCHEMA, "config": config, "hparams": methods.hyperparameters(method),
        "n": {"train": len(train), "noisy_val": len(noisy_val), "test": len(test)},
        "realised_rate": float((train.y != train.y_clean).mean()), "T": np.asarray(train.T).round(5).tolist(),
        "history": history, "summary": evaluation.summarise(history),
        "environment": records.environment(), "device": device,
        "seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": records.peak_memory_mb(),
    }  # fmt: skip


def flat(record: dict) -> dict:
    """A run's record as one row of the recorded table: histories as lists over epochs, to four decimals."""
    config, history = record["config"], record["history"]
    names = [name for name in history[0] if name != "epoch"]
    return {
        **{name: config[name] for name in ("row", "noise", "noise_rate", "seed")},
        "realised_rate": record["realised_rate"], **record["summary"], "seconds": record["seconds"],
        "history": {name: [round(row[name], 4) for row in history] for name in names},
    }  # fmt: skip


def embed(paper: Paper, scale: str, device: str = "cpu") -> dict:
    """t-SNE of training images (pixels, seed 0) and the noisy labels that every recorded noise gives them (Fig. 2).

    The coordinates never see a label. `knn_agreement` is the share of the 10 nearest neighbours in the plane that
    carry the same label.
    """
    from sklearn.manifold import TSNE

    from lnlkit import data, evaluation

    settings = paper.scale(scale)
    n, perplexity = settings["embedding"]["n"], settings["embedding"]["perplexity"]
    clean = _noisy(paper, scale, "model_idn", 0.0, device)
    index = data.subset(clean.x, clean.y_clean, min(n, len(clean)), seed=0)
    pixels = clean.x[index].reshape(len(index), -1) / 255.0
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=0)
    coordinates = tsne.fit_transform(pixels)
    noisy = []
    for noise, rate in sorted({(b["noise"], rate) for b in settings["sweep"] for rate in b["noise_rates"]}):
        y = _noisy(paper, scale, noise, rate, device).y[index]
        noisy.append({"noise": noise, "noise_rate": rate, "y": y.tolist(),
                      "knn_agreement": evaluation.knn_agreement(coordinates, y)})  # fmt: skip
    y_clean = clean.y_clean[index]
    return {
        "settings": f"scikit-learn t-SNE of {len(index)} {settings['dataset']} images (pixels), perplexity {perplexity}, "
                    f"PCA start, seed 0",
        "x": coordinates.round(2).tolist(), "y_clean": y_clean.tolist(), "noisy": noisy,
        "knn_agreement_clean": evaluation.knn_agreement(coordinates, y_clean),
    }  # fmt: skip


def _noisy(paper, scale, noise, noise_rate, device="cpu", seed=0):
    """The whole noisy training set (validation included) of a scale."""
    from lnlkit import corruption, data

    s = paper.scale(scale)
    return corruption.make_noisy(
        data.load(s["dataset"]), noise, noise_rate, seed, n_train=s.get("n_train"),
        generator=corruption.IDNGenerator(**s.get("generator", {})), device=device)  # fmt: skip


def collect(paper: Paper, scale: str, out_dir, device: str = "cpu") -> dict:
    """The recorded table of a scale, from the run records in `out_dir`: runs, realised matrices, embedding."""
    paths = [Path(out_dir) / f"{key(config)}.json" for config in grid(paper, scale)]
    found = [records.read(path) for path in paths if path.exists()]
    if not found:
        raise FileNotFoundError(f"`out_dir` must hold records of {paper.key} at {scale}, but {out_dir} has none of the "
                                f"{len(paths)}: make them with `lnlkit sweep {paper.number} --scale {scale}`.")  # fmt: skip
    matrices = {(r["config"]["noise"], r["config"]["noise_rate"], r["config"]["seed"]): r for r in found}
    return {
        "schema": records.SCHEMA, "notebook": paper.key, "scale": scale,
        "made": {"command": f"lnlkit sweep {paper.number} --scale {scale}", "runs": len(found), "planned": len(paths),
                 "n": found[0]["n"], "environment": found[0]["environment"]},
        "runs": [flat(record) for record in found],
        "matrices": [{"noise": noise, "noise_rate": rate, "seed": seed, "T": r["T"], "realised_rate": r["realised_rate"]}
                     for (noise, rate, seed), r in matrices.items()],
        "embedding": embed(paper, scale, device),
    }  # fmt: skip


def obtain(paper: Paper, scale: str, out_dir, device: str = "cpu", progress=None) -> dict:
    """The recorded table of a scale: the shipped one where it is of this scale, else swept now (and resumable)."""
    try:
        shipped = records.load_recorded(paper.key)
        if shipped["scale"] == scale:
            return shipped
    except FileNotFoundError:
        pass
    sweep(functools.partial(train_run, device=device), grid(paper, scale), out_dir, progress=progress)
    return collect(paper, scale, out_dir, device)


def key(config: dict) -> str:
    """Name of a run: hash of its configuration."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def sweep(fn: Callable[[dict], dict], configs: list[dict], out_dir, executor: Callable[[], Executor] | None = None,
          progress: Callable[[str], None] | None = None) -> list[Path]:  # fmt: skip
    """Record files of `fn(config)` for every configuration; what exists is skipped.

    `executor`: a function that returns a `concurrent.futures.Executor` (loky's reusable one on this machine, Dask's
    `Client(...).get_executor()` on a cluster); None runs in this process. A worker that dies breaks its pool: a fresh
    one goes on with what is missing, and a configuration is given up after it has been started `ATTEMPTS` times.
    """
    paths = [Path(out_dir) / f"{key(config)}.json" for config in configs]
    for _ in range(ATTEMPTS):
        missing = [(c, p) for c, p in zip(configs, paths, strict=True) if not p.exists()]
        if not missing:
            return paths
        try:
            _run_all(fn, missing, executor() if executor else None, progress)
        except BrokenExecutor:
            continue
    lost = [str(p) for p in paths if not p.exists()]
    if lost:
        raise RuntimeError(f"{len(lost)} runs broke their worker {ATTEMPTS} times, first {lost[0]}: too little memory?")
    return paths


def _run_all(fn, missing, pool, progress) -> None:
    done = 0

    def note(config, seconds):
        nonlocal done
        done += 1
        if progress:
            progress(f"{done}/{len(missing)}  {config.get('row')} {config.get('noise')} {config.get('noise_rate')} "
                     f"seed {config.get('seed')}: {seconds:.0f} s")  # fmt: skip

    if pool is None:
        for config, path in missing:
            note(config, _run_and_write(fn, config, path))
        return
    futures = {pool.submit(_run_and_write, fn, config, path): config for config, path in missing}
    from concurrent.futures import as_completed

    for future in as_completed(futures):
        note(futures[future], future.result())


def _run_and_write(fn, config, path) -> float:
    began = time.perf_counter()
    records.write(path, fn(config))
    return time.perf_counter() - began


def local_pool(jobs: int) -> Callable[[], Executor]:
    """A warm pool of `jobs` processes on this machine, one torch thread each."""
    from joblib.externals.loky import get_reusable_executor

    return lambda: get_reusable_executor(max_workers=jobs, timeout=None, initializer=_one_thread)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
