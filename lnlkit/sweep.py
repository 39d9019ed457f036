"""A grid of training runs: one record a run, written atomically, so that a killed sweep resumes where it stopped."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, as_completed
from pathlib import Path

import numpy as np

from lnlkit import _checks, multilabel_runs, records, regression
from lnlkit.papers import Paper, Row

ATTEMPTS = 3  # a configuration that was running in so many pools that broke is given up


def grid(paper: Paper, scale: str) -> list[dict]:
    """The run configurations of a paper at a scale: the blocks of its TOML's `sweep`, most wanted first.

    A block with `on` runs on the settings of that name in the scale's `on` table, for instance another data set. Runs
    of regressions and of several labels an example, if the paper has any, come last.
    """
    return [
        configuration(paper, scale, paper.rows[row_id], block["noise"], rate, seed, on=block.get("on"))
        for block in paper.scale(scale)["sweep"]
        for seed in block["seeds"]
        for rate in block["noise_rates"]
        for row_id in block.get("rows", paper.rows)
    ] + regression.grid(paper, scale) + multilabel_runs.grid(paper, scale)


def configuration(paper: Paper, scale: str, row: Row, noise: str, noise_rate: float, seed: int, *,
                  on: str | None = None) -> dict:  # fmt: skip
    """Everything that one run depends on, as JSON: its hash is the run's name."""
    s = paper.scale(scale)
    s = {**s, **s["on"][on]} if on else s
    hparams = {**s.get("hparams", {}).get(row.method, {}), **row.hparams}
    if "noise rate" in row.needs:
        hparams["forget_rate"] = noise_rate
    return {
        "row": row.id, "noise": noise, "noise_rate": noise_rate, "seed": seed,
        "dataset": s["dataset"], "n_train": s.get("n_train"), "val_fraction": s["val_fraction"],
        "method": row.method, "hparams": hparams, "augment": row.augment, "oracle": row.oracle,
        "network": s["network"], "optimizer": s["optimizer"], "epochs": s["epochs"] * row.passes,
        "batch_size": s["batch_size"], "generator": s.get("generator", {}), "amp": s.get("amp", False),
    }  # fmt: skip


def noisy_set(settings: dict, noise: str, noise_rate: float, seed: int, device: str = "cpu"):
    """The whole noisy training set, validation included. `settings`: a configuration, or the scale of a paper."""
    from lnlkit import corruption, data

    return corruption.make_noisy(
        data.load(settings["dataset"]), noise, noise_rate, seed, n_train=settings.get("n_train"),
        generator=corruption.IDNGenerator(**settings.get("generator", {})), device=device)  # fmt: skip


def splits(config: dict, device: str = "cpu"):
    """Noisy training set, noisy validation set and clean test set of a configuration."""
    from lnlkit import data

    noisy = noisy_set(config, config["noise"], config["noise_rate"], config["seed"], device)
    train, noisy_val = data.split_validation(noisy, config["val_fraction"], seed=config["seed"])
    images = data.load(config["dataset"])
    return train, noisy_val, data.Labelled(images.x_test, images.y_test, images.n_classes)


def recipe(config: dict, device: str = "cpu"):
    """The `Recipe` of a configuration."""
    from lnlkit import augment, data, models
    from lnlkit.training import Recipe, optimizer_of

    facts = data.DATASETS[config["dataset"]]
    channels = 1 if len(facts.image_shape) == 2 else facts.image_shape[2]
    shape = (channels, *facts.image_shape[:2])
    wanted = config["augment"]

    def make_net(n_outputs=None):
        return models.build(config["network"], shape, n_outputs or facts.n_classes, facts.mean, facts.std)

    return Recipe(
        make_net, optimizer_of(config["optimizer"]), epochs=config["epochs"],
        batch_size=config["batch_size"], device=device, amp=config["amp"],
        augment=augment.AUGMENTATIONS[_checks.one_of(wanted, "augment", augment.AUGMENTATIONS)] if wanted else None,
    )  # fmt: skip


def cvae_settings(hparams: dict) -> dict:
    """Arguments of `train_cvae` in the hyper-parameters of CVAE augmentation: `cvae_epochs` there is `epochs` here."""
    return {name.removeprefix("cvae_"): value for name, value in hparams.items() if name != "n_generated"}


def train_run(config: dict, device: str = "cpu") -> dict:
    """The record of one training run: configuration, realised noise, history, summary, environment, cost.

    A configuration with a task of its own is run by `regression.train_run` or `multilabel_runs.train_run`.
    Rows marked as oracle get a CVAE trained on the clean labels of the training set: knowledge no method has.
    """
    from lnlkit import evaluation, methods
    from lnlkit.methods.cvae_augmentation import train_cvae
    from lnlkit.training import fit

    if "task" in config:
        return {"regression": regression, "multilabel": multilabel_runs}[config["task"]].train_run(config, device)
    began = time.perf_counter()
    train, noisy_val, test = splits(config, device)
    method = methods.make(config["method"], **config["hparams"])
    if config["oracle"]:
        settings = cvae_settings(config["hparams"])
        method.cvae = train_cvae(train.clean(), **settings, seed=config["seed"], device=device)[0]
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


def key(config: dict) -> str:
    """Name of a run: hash of its configuration."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def sweep(fn: Callable[[dict], dict], configs: list[dict], out_dir, executor: Callable[[], Executor] | None = None,
          progress: Callable[[str], None] | None = None) -> list[Path]:  # fmt: skip
    """Record files of `fn(config)` for every configuration; what exists is skipped.

    `executor`: a function that returns a `concurrent.futures.Executor` (loky's reusable one on this machine, Dask's
    `Client(...).get_executor()` on a cluster); None runs in this process. A worker that dies breaks its pool: a fresh
    one goes on with what is missing, without the configurations that were running in `ATTEMPTS` broken pools.
    """
    paths = {key(config): Path(out_dir) / f"{key(config)}.json" for config in configs}
    broke: Counter = Counter()
    while True:
        missing = [c for c in configs if not paths[key(c)].exists() and broke[key(c)] < ATTEMPTS]
        if not missing:
            break
        if executor is None:
            for done, config in enumerate(missing, 1):
                _say(progress, done, len(missing), config, _run_and_write(fn, config, paths[key(config)]))
        else:
            broke.update(_run_in_pool(fn, missing, paths, executor(), progress))
    lost = [path for path in paths.values() if not path.exists()]
    if lost:
        raise RuntimeError(f"{len(lost)} runs broke their worker {ATTEMPTS} times, first {lost[0]}: too little memory?")
    return list(paths.values())


def _run_in_pool(fn, missing, paths, pool, progress) -> list[str]:
    """Runs what is missing; the names of the runs that a broken pool was at, none when all went well."""
    futures = {}
    try:
        for config in missing:
            futures[pool.submit(_run_and_write, fn, config, paths[key(config)])] = config
        for done, future in enumerate(as_completed(futures), 1):
            _say(progress, done, len(missing), futures[future], future.result())
    except BrokenExecutor:
        begun = [key(c) for c in missing if _started(paths[key(c)]).exists() and not paths[key(c)].exists()]
        return begun or [key(missing[0])]  # a pool that breaks before any run has begun must not be tried for ever
    return []


def _started(path: Path) -> Path:
    """The mark that a run was begun; it stays only when its worker died."""
    return path.with_name(f".{path.name}.started")


def _run_and_write(fn, config, path) -> float:
    began, mark = time.perf_counter(), _started(path)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()
    try:
        records.write(path, fn(config))
    finally:
        mark.unlink(missing_ok=True)
    return time.perf_counter() - began


def _say(progress, done, of, config, seconds) -> None:
    if progress:
        what = " ".join(str(config.get(name)) for name in ("row", "dataset", "noise", "noise_rate"))
        progress(f"{done}/{of}  {what} seed {config.get('seed')}: {seconds:.0f} s")


def local_pool(jobs: int) -> Callable[[], Executor]:
    """A warm pool of `jobs` processes on this machine, one torch thread each."""
    from joblib.externals.loky import get_reusable_executor

    return lambda: get_reusable_executor(max_workers=jobs, timeout=None, initializer=_one_thread)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
