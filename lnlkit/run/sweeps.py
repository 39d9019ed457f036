"""What a sweep prints: its plan, how long it will take, what is missing at the end, and the accuracies of a study."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from lnlkit import checks, papers, recorded, records, tasks
from lnlkit.recorded import making, protocols
from lnlkit.run import runner
from lnlkit.run.cluster import workers
from lnlkit.run.screen import near
from lnlkit.sweep import key, whole_record

AXES = {"row": "method", "dataset": "data set", "noise": "kind of noise", "noise_rate": "rate", "seed": "seed"}


def run(paper, scale, out=None, *, jobs=1, cluster=None, limit=None, device="auto", table=None, keep=False,
        other_code=False, say: Callable[[str], None] = print) -> Path:  # fmt: skip
    """What `lnlkit sweep` does: the folder with the records of the first `limit` runs of a grid, and a table of them.

    cluster: the address, or the file, of the Dask scheduler whose workers make the runs (`cluster.connected`).
    table: where the collected table goes; keep: with the runs that it holds and this folder does not.
    """
    from lnlkit.training import pick_device

    whole = tasks.grid(paper, checks.one_of(scale, "scale", list(papers.SCALES)))
    configs = whole if limit is None else whole[: checks.positive_int(limit, "limit")]
    if paper.is_study:
        check(configs)
    if table is not None:
        making.runs_in_table(table, paper, scale)
    out = runner.root() / "artifacts" / scale / "runs" if out is None else checks.writable_folder(out, "out")
    here = pick_device(device)  # workers look for themselves
    with workers(out, jobs, len(configs), cluster, say) as (executor, n):
        say(plan(configs, making.folder_of(out), n, other_code))
        folder = making.make(configs, out, device, other_code=other_code, executor=executor,
                             progress=with_time_left(say))  # fmt: skip
    say(f"{len(configs)} runs in {near(folder)}")
    if left := missing(whole, folder):
        say(left)
    if paper.is_study:
        say(accuracies(making.collect(paper, scale, folder, here), paper))
    if table is not None:
        write_table(table, paper, scale, folder, here, keep, say)
    return folder


def check(configs: list[dict]) -> None:
    """Raises where a study names what does not exist, before its first run."""
    kinds = {(config["row"], config["dataset"], config["noise"]): config for config in configs}
    for config in kinds.values():
        tasks.classification.check(config)


def write_table(table, paper, scale: str, folder: Path, device: str, keep: bool, say: Callable[[str], None]) -> None:
    """Writes the collected table of a folder of records, which must not have fewer runs than the one that is there."""
    before = making.runs_in_table(table, paper, scale)
    earlier = records.read(table) if keep and before else None
    made = (collected := making.collect(paper, scale, folder, device, earlier))["made"]
    if made["runs"] < before:
        raise ValueError(f"`table` must not lose runs, but {table} holds {before} and here are {made['runs']}: "
                         "make the others, choose another name, or delete it.")  # fmt: skip
    path = records.write(table, collected, compact=True)
    say(f"Table: {near(path)}, with {made['runs']} of {made['planned']} runs")


def plan(configs: list[dict], folder: Path, jobs: int, other_code: bool = False) -> str:
    """The size of a grid, how many of its runs are in the folder, and an estimate of the time for the others.

    other_code: runs of other code, which lie beside the folder, are there, too. A run is expected to take as long as
    those of the same method and data set that are there; without any, nothing is said of the time.
    """
    counts = {word: len({config[name] for config in configs if name in config}) for name, word in AXES.items()}
    axes = [f"{n} {_plural(word, n)}" for word, n in counts.items() if n]
    found = [record for config in configs if (record := whole_record(folder / f"{key(config)}.json"))]
    others = making.made_by_other_code(configs, folder.parent, folder.name) if other_code else []
    found += [whole_record(path) for path in others]
    said = f"Plan: {len(configs)} {_plural('run', len(configs))} ({', '.join(axes)}); {len(found)} are there"
    said += f" ({len(others)} made by other versions of the code)" if others else ""
    if not found or len(found) == len(configs):
        return said + "."
    seconds, there = {}, {key(record["config"]) for record in found}
    for record in found:
        seconds.setdefault(_like(record["config"]), []).append(record.get("seconds", 0.0))
    everything = [second for of in seconds.values() for second in of]
    left = sum(_mean(seconds.get(_like(config), everything)) for config in configs if key(config) not in there)
    return f"{said}, the others take about {duration(left / jobs)}."


def _like(config: dict) -> tuple:
    return config.get("row"), config.get("dataset")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _plural(word: str, n: int) -> str:
    return word if n == 1 else word.replace("kind", "kinds") if "kind" in word else f"{word}s"


def duration(seconds: float) -> str:
    """'40 s', '12 min' or '3.5 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def with_time_left(progress: Callable[[str], None], clock=time.monotonic) -> Callable[[str], None]:
    """`progress` whose lines '3/40  ...' of runs that are made say how long the others take at this pace."""
    began = clock()

    def say(line: str) -> None:
        counted = re.match(r"(\d+)/(\d+)  ", line)
        if counted:
            done, of = map(int, counted.groups())
            line += f"; about {duration((clock() - began) / done * (of - done))} left" if done < of else ""
        progress(line)

    return say


def missing(configs: list[dict], folder: Path) -> str:
    """Says how many runs of a grid are not there; '' where all are."""
    left = sum(whole_record(folder / f"{key(config)}.json") is None for config in configs)
    return f"{left} of the {len(configs)} runs of the grid are missing." if left else ""


def accuracies(table: dict, paper) -> str:
    """Mean and standard deviation over the seeds, a line a method, a column a setting; two lines say of what.

    Where a data set was run with several settings, these stand beside its name.
    table: a recorded table as it is written. A method that is told more than noisy labels says so.
    """
    parts = protocols.parts(recorded.tidy(table))
    runs = pd.concat([part.runs.assign(dataset=name) for part, name in zip(parts, protocols.headings(parts),
                                                                           strict=True)])  # fmt: skip
    labels = {row.id: row.label + (f" (told the {', '.join(row.needs)})" if row.needs else "")
              for row in paper.rows.values()}  # fmt: skip
    runs = runs.assign(method=runs["row"].map(labels))
    keys = ["dataset", "noise", "noise_rate"]
    of = 100 * runs.groupby(["method", *keys], sort=False)[["best_val", "last"]].agg(["mean", "std"])
    n = runs["seed"].nunique()
    said = [f"Accuracy on clean test data, %, mean ± sd over {n} {_plural('seed', n)}"]
    for value, name in (("best_val", "best epoch on noisy validation data"), ("last", "last epoch")):
        spread = of[value, "std"].map(" ± {:.1f}".format).where(of[value, "std"].notna(), "")  # one seed has none
        cells = of[value, "mean"].map("{:.1f}".format) + spread
        shown = cells.unstack(keys).reindex(dict.fromkeys(runs["method"])).fillna("")
        shown.index.name = None
        said += ["", f"{name}:", shown.to_string()]
    return "\n".join(said)
