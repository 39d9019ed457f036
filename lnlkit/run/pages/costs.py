"""What methods cost: processor seconds of a table's runs where these compare, and what was measured apart from them."""

import pandas as pd

from lnlkit import papers, recorded
from lnlkit.recorded import Recorded, protocols
from lnlkit.recorded.protocols import Part
from lnlkit.run.pages.blocks import Page, table
from lnlkit.run.report import escaped, marked

NO_TIMES = ("These records hold wall-clock seconds alone, of runs that partly trained together, on a machine that did "
            "other work as well: they say nothing of what a method costs, so no time is shown.")  # fmt: skip
MACHINES = "The runs come from different machines, whose times do not compare: no time is shown."
ALONE = ("Processor seconds of a whole run (data, training and tests after each epoch), median over its runs, one "
         "thread, {machine}. Only runs made alone count: those that trained together as one stacked network share the "
         "time of their group, which is nobody's own.")  # fmt: skip
MEMORY = "Memory is not shown: the peak in a record is that of the whole process, with all runs that it made before."
MEASURED = ("Measured apart from the runs above: each method alone in a process of its own, one thread, {data}, "
            "{machine}; its training of {epochs} epochs takes so many times the processor time of cross-entropy's, "
            "both in turns ({turns} each, the median of the ratios). Memory is the peak of that process beyond the "
            "{base:.0f} MB that Python, PyTorch and the data take alone. `{command}` measures again, and methods of "
            "your own.")  # fmt: skip


def sections(page: Page, found: Recorded, level: str = "###") -> None:
    """Time of the runs of a table by protocol, or why none is shown."""
    rows, parts = protocols.rows_of(found), [part for part in protocols.parts(found) if not part.schedule]
    page.add(f"{level} Time")
    machines = {(of.get("cpu"), of.get("device"), of.get("cores")) for of in found.made.get("environments", [])}
    known = all({"cpu_seconds", "together"} <= set(part.runs) and part.runs["cpu_seconds"].notna().all()
                and part.runs["together"].notna().all() for part in parts)  # fmt: skip
    if not known or len(machines) > 1:
        page.add(MACHINES if known else NO_TIMES)
        return
    cpu, device, cores = next(iter(machines))
    machine = f"{cpu}, {cores} cores" if device == "cpu" else f"{cpu} beside {device}, whose own time is not in it"
    page.add(escaped(ALONE.format(machine=machine)) + " " + MEMORY)
    for part, heading in zip(parts, protocols.headings(parts), strict=True):
        page.add(f"**{escaped(heading)}**:")
        page.add(*of_part(part, rows))


def of_part(part: Part, rows: dict[str, papers.Row]) -> list[str]:
    """A line a method: seconds of its runs made alone, and how many runs there are of either kind."""
    lines = []
    for row in (name for name in rows if name in set(part.runs["row"])):
        runs = part.runs[part.runs["row"] == row]
        alone = runs.loc[runs["together"] == 1, "cpu_seconds"]
        seconds = f"{alone.median():.2g}" if len(alone) else "only together"
        lines.append([marked(rows[row].label, rows[row].needs), seconds, f"{len(alone)}", f"{len(runs) - len(alone)}"])
    return table(["method", "s of a run", "runs alone", "runs together"], lines)


def measured(page: Page, methods: set[str], labels: dict[str, tuple], level: str = "##") -> None:
    """The recorded cost of those methods of the page that were measured, beside cross-entropy."""
    of = recorded.costs()
    frame = pd.DataFrame(of["methods"])
    frame = frame[frame["method"].isin(methods)].sort_values("times")
    frame = frame.assign(memory=frame["peak_mb"] - of["base_mb"])
    if len(frame) < 2:
        return
    page.add(f"{level} Cost beside cross-entropy")
    cpu = of["environment"].get("cpu", "?")
    page.add(MEASURED.format(data=of["data"], machine=escaped(cpu), epochs=of["epochs"], turns=of["turns"],
                             base=of["base_mb"], command=of["command"]))  # fmt: skip
    lines = [[marked(*labels[line.method]), f"{line.times:.1f}", f"{line.memory:.0f}"]
             for line in frame.itertuples()]  # fmt: skip
    page.add(*table(["method, with its own defaults", "time (CE = 1)", "memory, MB"], lines))
