"""A paper on a page: its claims with their verdicts, its tables beside ours, and the runs behind them."""

import importlib

from lnlkit import papers
from lnlkit.papers import verdicts as words
from lnlkit.recorded import Recorded, judging, protocols
from lnlkit.run import report
from lnlkit.run.pages.blocks import Page, folded
from lnlkit.run.pages.parts import of_noise

HOW = """A claim says what decides it: *algebra* (a derivation, or arithmetic on the paper's own numbers), *same* (our
runs are the paper's in all that the claim is about), *mechanism* (an effect that shows wherever the method works) or
*benchmark* (the paper's data, network and length of training are needed). Only *same*, and runs at the scale `paper`,
are called reproduced or not reproduced. Everything else *holds* or *does not hold* at the scale named. A verdict needs
three seeds and a 95 % t-interval of the paired difference that lies on one side of the bound; if the interval contains
the bound it is *undecided*. A bound that no result could reach, or a comparison whose outcome the set-up fixes, is *not
tested*: then our number is an observation. Where runs fall into two kinds they are counted."""

SAYS = {"oracle": "accuracy at the best epoch on clean test data, which nobody can choose in practice",
        "last_train_acc": "accuracy on the noisy training labels at the last epoch"}  # fmt: skip
"""Columns that published tables stand beside, and that are no result of a method."""


def section(page: Page, paper: papers.Paper, table: Recorded, whole: bool) -> None:
    """Picture (of a whole table), claims, and the paper's tables beside ours."""
    if whole:
        page.figure(importlib.import_module(f"lnlkit.viz.{paper.key[3:]}").overview(table), f"{paper.number}_overview")
    if table.scale == "smoke":
        page.add(f"**{report.NO_COMPARISON}**")
    found = judging.verdicts(paper, table)
    page.add(f"### What the paper says, and what our runs say: {report.counts({'claims': list(map(vars, found))})}")
    page.add(*report.claims_table([vars(verdict) for verdict in found]))
    page.add(*folded("How each claim was measured, and the runs behind it", [
        line for claim, verdict in zip(paper.claims, found, strict=True) for line in measured(claim, verdict)]))
    for published in paper.tables.values():
        rows = judging.beside(paper, table, published.id) if published.ours else []
        if any(row["ours"] is not None for row in rows):
            page.add(f"### {published.place}: the paper against ours")
            page.add(f"{published.caption}. Ours: {ours(published, table)}. The gap is ours less the paper's.")
            page.add(*report.markdown_table(rows))


def ours(published: papers.Table, table: Recorded) -> str:
    """What of ours stands beside a published table."""
    sets, value = published.ours["dataset"], published.ours["value"]
    where = sets if isinstance(sets, str) else sets[0]
    says = SAYS | {name: metric.says for part in protocols.parts(table) for name, metric in part.metrics.items()}
    return f"{where}, {of_noise(published.ours['noise'])}, {says.get(value, f'`{value}`')}"


def measured(claim: papers.Claim, verdict: papers.Verdict) -> list[str]:
    """A claim's measure, bound and runs, as a list entry."""
    number, moved = words.measured(vars(verdict)) or "No number", f"; {claim.moved}" if claim.moved else ""
    lines = [f"- **{claim.id}**: {claim.measured}",
             f"  {number}; wanted {claim.wanted} ({claim.bound}), set on {claim.since}{moved}.",
             f"  {verdict.why[:1].upper()}{verdict.why[1:]}."]  # fmt: skip
    names = " ".join(sorted(verdict.runs))
    return [*lines, f"  Runs: `{names}`" if names else "  No runs."]
