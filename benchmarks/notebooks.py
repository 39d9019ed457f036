"""Processor time and memory of the notebooks at smoke, beside their goals.

    python benchmarks/notebooks.py          every notebook
    python benchmarks/notebooks.py 01 05    some

A goal holds on the machine whose calibration loop takes `records.CALIBRATION_S`: there a minute of processor time and
a gigabyte a notebook. The loop is timed in each run: "at reference" is what the same work takes there.
"""

import sys
import tempfile
from pathlib import Path

from lnlkit import records
from lnlkit.run import report, runner

HEADS = ["notebook", "processor s", "loop s", "in loops", "at reference", "goal s", "MB", "goal MB", "met"]


def measured(path: Path) -> list:
    """One row of the table, from a run in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        record = runner.run(path, "smoke", out_dir=folder).record
    took, loop, peak = record["cpu_seconds"], record["calibration_seconds"], record["peak_memory_mb"]
    there, goal, most = records.at_reference(took, loop), report.GOALS_S["smoke"], report.GOALS_MB["smoke"]
    met = there <= goal and (peak is None or peak <= most)
    return [path.stem, f"{took:.1f}", f"{loop:.3f}", f"{took / loop:.0f}", f"{there:.1f}", goal, f"{peak or 0:.0f}",
            most, "yes" if met else "no"]  # fmt: skip


def main(names: list[str]) -> None:
    paths = [runner.find(name) for name in names] or sorted((runner.root() / "notebooks").glob("*.ipynb"))
    print("\n".join(report.grid([HEADS, *map(measured, paths)])))


if __name__ == "__main__":
    main(sys.argv[1:])
