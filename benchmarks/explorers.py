"""Processor time of a step of each explorer, beside its goal.

    python benchmarks/explorers.py

A step is a control moved to a value for which nothing is drawn yet: the figure changed, and rendered as PNG. The goal
holds on the machine whose calibration loop takes `records.CALIBRATION_S`.
"""

import importlib
import statistics
import time

from lnlkit import papers, recorded, records, widgets
from lnlkit.run.report import grid

GOAL_S = 0.3
HEADS = ["explorer", "steps", "median s", "longest s", "median at reference", "goal s", "met"]


def steps(picture) -> list[float]:
    """Processor seconds of each step while every control walks through what it offers beside the starting choice."""
    explorer = widgets.Explorer(picture)
    start, seen, took = explorer.choice, set(), []
    explorer.redraw()  # the first picture also lays everything out
    seen.add(tuple(explorer.choice.values()))
    for control in explorer.controls.values():
        for _, value in control.options:
            began = time.process_time()
            control.value = value
            seconds = time.process_time() - began
            if tuple(explorer.choice.values()) not in seen:
                took.append(seconds)
            seen.add(tuple(explorer.choice.values()))
        explorer.choose(**start)
    return took


def main() -> None:
    loop, rows = records.calibration(), []
    for key in (*papers.STUDIES, *papers.KEYS):
        pictures = importlib.import_module(f"lnlkit.viz.{key[3:]}").pictures(recorded.load(key))
        for name, picture in pictures.items():
            took = steps(picture)
            median = statistics.median(took)
            there = records.at_reference(median, loop)
            rows.append([f"{key}: {name}", len(took), f"{median:.2f}", f"{max(took):.2f}", f"{there:.2f}", GOAL_S,
                         "yes" if there <= GOAL_S else "no"])  # fmt: skip
    print(f"The calibration loop takes {loop:.3f} s here, {records.CALIBRATION_S:.3f} s where goals hold.\n")
    print("\n".join(grid([HEADS, *rows])))
    if widgets.ERRORS:
        raise SystemExit(f"{len(widgets.ERRORS)} steps failed, first: {widgets.ERRORS[0]['error']}")


if __name__ == "__main__":
    main()
