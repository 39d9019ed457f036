"""A notebook begun and ended: its paper, the settings of its scale, and where its record goes."""

import gc
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lnlkit import checks, papers, records, tasks, versions


@dataclass(frozen=True)
class Session:
    """A notebook at work: its paper, the settings of its scale, and where its record goes."""

    paper: papers.Paper
    scale: str
    settings: dict[str, Any]
    seeds: list[int]
    device: str
    out_dir: Path
    started: float

    def recorded(self, scale: str | None = None, progress=None):
        """The recorded runs of a scale, the session's if none is named: shipped ones, else swept now.

        They are kept in `<out_dir>/runs`, or where `lnlkit run` says: its OUT_DIR is gone after a run that was killed.
        """
        from lnlkit.recorded.making import obtain

        runs = Path(os.environ.get("LNLKIT_RUNS") or self.out_dir / "runs")
        return obtain(self.paper, self.scale if scale is None else scale, runs, self.device, progress)

    def verdicts(self, table) -> list:
        """A verdict on each claim of the paper: at `paper` from the session's own table, else from the recorded one.

        Beside those of the recorded table stands what the session's own runs measure, without a verdict.
        """
        from lnlkit import recorded
        from lnlkit.recorded import judging

        if self.scale == "paper":
            return judging.verdicts(self.paper, table)
        return judging.verdicts(self.paper, recorded.load(self.paper.key), table if self.scale == "smoke" else None)

    def save(self, *, config: dict, claims, comparison, metrics: dict | None = None, **more) -> Path:
        """Path of the notebook's record, written whole; `more` are further entries (see `records.for_notebook`).

        metrics: numbers by name; those that the claims are judged by where none are given.
        """
        for claim in checks.instance(claims, "claims", list):
            checks.instance(claim, "claims", papers.Verdict, "Use session.verdicts(...).")
        record = records.for_notebook(
            self.paper.key, self.scale, self.seeds, config=config, claims=claims, comparison=comparison,
            metrics={claim.id: claim.value for claim in claims} if metrics is None else metrics,
            started=self.started, **more)  # fmt: skip
        return records.write(self.out_dir / f"{self.paper.key}.json", record)


def begin(notebook: str, *, scale: str, seeds, device: str, out_dir, **fractions: float) -> Session:
    """Checks a notebook's parameters, says what will be run on what, and returns its `Session`.

    fractions: further parameters by name that must be fractions, such as RATE.
    From here on the process computes with one thread, as `lnlkit run` does: the number of threads changes how sums are
    rounded, and so what a table says. A study, which has recorded runs to show, is begun without torch.
    Packages that are older than declared, or of a newer major version than was tested, are named in a line.
    """
    from threadpoolctl import threadpool_limits

    started = time.perf_counter()
    gc.collect()
    gc.freeze()  # what is imported stays: the collection after each picture need not look through it again
    paper = papers.load(notebook)
    settings = paper.scale(scale)
    for name, value in fractions.items():
        checks.fraction(value, name)
    seeds = checks.seed_list(seeds, "SEEDS")
    device = checks.text(device, "device") if paper.is_study else _one_thread_on(device)
    session = Session(paper, scale, settings, seeds, device, checks.writable_folder(out_dir, "out_dir"), started)
    threadpool_limits(1)
    if said := versions.differences():
        print(said)
    own = "".join(f"; {name} {value:g}" for name, value in fractions.items())
    run, *more = tasks.grid(paper, scale)
    if paper.is_study:
        sets = ", ".join(dict.fromkeys(config["dataset"] for config in (run, *more)))
        print(f"recorded runs on {sets}; nothing is trained until a button is pressed")
        return session
    sets = dict.fromkeys(config["dataset"] for config in (run, *more) if tasks.of(config) is tasks.of(run))
    print(f"scale {scale}: {', '.join(sets)}, network {run['network']}, {run['epochs']} epochs, on {session.device}; "
          f"seeds {', '.join(map(str, session.seeds))}{own}")  # fmt: skip
    return session


def _one_thread_on(device: str) -> str:
    """The device under that name, for torch with one thread."""
    import torch

    from lnlkit.training import pick_device

    device = pick_device(device)
    torch.set_num_threads(1)
    return device
