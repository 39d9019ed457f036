"""The claims of a paper, measured in a table of runs and judged."""

import dataclasses

from lnlkit import checks, papers
from lnlkit.papers import Claim, Measured, Paper, Verdict
from lnlkit.recorded import Recorded, values
from lnlkit.recorded.measures import measure, selected


def verdicts(paper: Paper, table: Recorded, yours: Recorded | None = None) -> list[Verdict]:
    """A verdict on each claim from a table of runs; beside it, without a verdict, what another table measures.

    Raises ValueError when a table is of another paper.
    """
    checks.instance(paper, "paper", Paper)
    for name, of in ({"table": table} | ({} if yours is None else {"yours": yours})).items():
        if checks.instance(of, name, Recorded).notebook != paper.key:
            raise ValueError(f"`{name}` must be a table of {paper.key}, but it is one of {of.notebook}.")
    found = []
    for claim in paper.claims:
        verdict = papers.judge(claim, table.scale, measure(paper, table, claim.measure), _unmet(paper, table, claim))
        own = measure(paper, yours, as_run(paper, yours, claim.measure)).values if yours is not None else ()
        found.append(dataclasses.replace(verdict, yours=sum(own) / len(own)) if own else verdict)
    return found


def as_run(paper: Paper, table: Recorded, spec: dict) -> dict:
    """A measure on what a smaller table has of it: of a list what is there, and a data set by what stands for it.

    What stands for what, such as digits for MNIST, is said by the scale in the paper's TOML (`stands_for`).
    """
    found, row = dict(spec), table.runs[table.runs["row"] == spec.get("row")]
    stand_ins = {of: name for name, of in paper.scale(table.scale).get("stands_for", {}).items()}
    for name in ("dataset", "noise_rate"):
        there, wanted = set(row[name]), spec.get(name)
        if isinstance(wanted, list):
            found[name] = [value for value in wanted if value in there]
        elif name == "dataset" and wanted not in there and wanted in stand_ins:
            found[name] = stand_ins[wanted]
    return found


def _unmet(paper: Paper, table: Recorded, claim: Claim) -> str:
    """Why the condition of a claim does not hold in a table, "" where it does or where there is none."""
    if not claim.only_if:
        return ""
    spec = {name: value for name, value in claim.only_if.items() if name not in ("at_least", "says")}
    found: Measured = measure(paper, table, spec)
    low, _ = papers.interval(found.values) if found.values else (float("-inf"), 0)
    return "" if low >= claim.only_if["at_least"] else f"not shown here: {claim.only_if['says']}"


def beside(paper: Paper, table: Recorded, published: str) -> list[dict]:
    """The paper-against-ours rows of a published table (`papers.compare`), from the runs that its `ours` names.

    Raises ValueError when no runs are named there.
    """
    of = checks.instance(paper, "paper", Paper).tables[checks.one_of(published, "published", list(paper.tables))]
    if not of.ours:
        raise ValueError(f"`published` must be a table with `ours`, but {of.id} has none in {paper.key}.toml.")
    where = {name: value for name, value in of.ours.items() if name in ("dataset", "noise")}
    runs = selected(table, where, list(paper.rows))
    value, unit = of.ours["value"], of.ours.get("unit", 100.0)
    ours = values(runs, value, unit=unit) if len(runs) and value in runs else {}
    return papers.compare(paper, published, ours)
