"""What training with each method costs beside cross-entropy: processor time as a ratio, and peak memory.

    python benchmarks/methods_cost.py                      every method for classification; writes the record
    python benchmarks/methods_cost.py gce mine.py:Mine     some methods, or your own; prints alone

Digits with 40 % symmetric noise and the recipe of the studies, one thread. Each method has a process of its own, in
which it and cross-entropy train in turns, so that a machine that slows down slows both; the median of the ratios
counts. The time is that of `fit`, without tests of the network. A first turn of the method, whose time does not count,
gives the peak memory; what Python, PyTorch and the data take alone is measured in a process that trains nothing.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from lnlkit import methods, papers, records, tasks
from lnlkit.papers.study import DEFAULTS, study
from lnlkit.run.report import grid

TURNS, RATE = 3, 0.4
RECORD = Path(__file__).resolve().parents[1] / "lnlkit" / "recorded" / "costs" / "digits.json"


def config_of(name: str) -> dict:
    """The configuration of a run of the method with its defaults, which is told the noise rate where it needs it."""
    known = papers.rows_by_method()
    about = lambda of: {"needs": list(methods.find(of).needs)}  # noqa: E731
    return tasks.grid(study("cost", {"methods": [name], "noise_rates": [RATE], "seeds": [0]}, known, about), "lab")[0]


def measure(name: str | None) -> dict:
    """How many times cross-entropy's time a method takes, and the peak memory, measured in this process."""
    from lnlkit.tasks.running import one_thread
    from lnlkit.training import fit

    config = config_of(name or "ce")
    task = tasks.of(config)
    splits = task.splits(config)
    recipe = task.recipe(config, splits.train)

    def turn(of: dict) -> float:
        method = methods.make(of["method"], **of["hparams"])
        began = time.process_time()
        fit(method, splits.train, recipe, seed=0)
        return time.process_time() - began

    with one_thread():
        if name is None:
            return {"peak_mb": records.peak_memory_mb()}
        turn(config)
        peak = records.peak_memory_mb()
        turns = [(turn(config), turn(config_of("ce"))) for _ in range(TURNS)]
    seconds = statistics.median(own for own, _ in turns)
    return {"method": name, "times": round(statistics.median(own / ce for own, ce in turns), 2),
            "ms_per_epoch": round(1000 * seconds / DEFAULTS["epochs"], 1), "peak_mb": peak}  # fmt: skip


def apart(name: str | None) -> dict:
    """What `measure` finds in a process of its own; exits with its error where it fails."""
    done = subprocess.run([sys.executable, __file__, "--measure", *([name] if name else [])], text=True,
                          stdout=subprocess.PIPE)  # fmt: skip
    if done.returncode:
        sys.exit(f"{name} could not be measured")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(*(sys.argv[2:] or [None]))))
        return
    task = tasks.of({})  # the kind that METHODS name the same
    names = sys.argv[1:] or [name for name, of in methods.METHODS.items() if tasks.TASKS[of.task] is task]
    base, found = apart(None)["peak_mb"], []
    for name in names:
        found.append(apart(name))
        print(f"{len(found)}/{len(names)}  {name}: {found[-1]['times']} x CE", file=sys.stderr)
    heads = ["method", "times", "ms_per_epoch", "peak_mb"]
    print("\n".join(grid([heads, *([of[head] for head in heads] for of in found)])))
    if not sys.argv[1:]:
        data = f"digits with {RATE:.0%} symmetric noise, network {DEFAULTS['network']}"
        records.write(RECORD, {"command": "python benchmarks/methods_cost.py", "data": data, "turns": TURNS,
                               "epochs": DEFAULTS["epochs"], "base_mb": base, "methods": found,
                               "environment": records.environment()})  # fmt: skip


if __name__ == "__main__":
    main()
