"""docs/results.md: every claim of every paper with its verdict, and every table, from the recorded runs alone.

A number is followed to its runs by their names, which are the keys of lnlkit/recorded/<paper>.json.
"""

import numpy as np
import pandas as pd

from lnlkit import papers, recorded
from lnlkit.papers import verdicts as words
from lnlkit.recorded import judging
from lnlkit.run import report

METRICS = {"classification": {"best_val": "accuracy at the best noisy-validation epoch, %",
                              "last": "accuracy at the last epoch, %"},
           "multilabel": {"best_val": "mAP at the best noisy-validation epoch, %"},
           "regression": {"mae": "mean absolute error", "rmse": "RMSE"}}  # fmt: skip
CELL = ["noise_rate", "size", "lambda_mi", "schedule"]
HEAD = """# What was found

Made by `python docs/build.py` from the recorded runs in `lnlkit/recorded/`; nothing here is typed by hand.

**How to read a verdict.** A claim says what decides it: *algebra* (a derivation, or arithmetic on the paper's
own numbers), *same* (our runs are the paper's in all that the claim is about), *mechanism* (an effect that
shows wherever the method works) or *benchmark* (the paper's data, network and length of training are needed).
Only *same*, and runs at the scale `paper`, are called reproduced or not reproduced. Everything else *holds*
or *does not hold* at the scale named. A verdict needs three seeds and a 95 % t-interval of the paired
difference that lies on one side of the bound; if the interval contains the bound it is *undecided*. A bound
that no result could reach, or a comparison whose outcome the set-up fixes, is *not tested*: then our number
is an observation. Where runs fall into two kinds they are counted.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for key in papers.KEYS for line in of_paper(papers.load(key))), ""])


def of_paper(paper: papers.Paper) -> list[str]:
    """A paper's claims, its tables beside ours, and all of our tables."""
    table = recorded.load(paper.key)
    picture = f"![The outcome of notebook {paper.number} in one picture](figures/{paper.number}_overview.png)"
    lines = [f"## {paper.number}: {paper.title}", "", paper.citation, "", picture, "", made(table), ""]
    found = judging.verdicts(paper, table)
    lines += [*report.claims_table([vars(verdict) for verdict in found]), "", *folded(
        "How each claim was measured, and the runs behind it", [line for claim, verdict in zip(
            paper.claims, found, strict=True) for line in measured(claim, verdict)])]  # fmt: skip
    for published in paper.tables.values():
        rows = judging.beside(paper, table, published.id) if published.ours else []
        if any(row["ours"] is not None for row in rows):
            lines += [f"### {published.place}", "", f"{published.caption}. Ours: {ours(published)}.", "",
                      *report.markdown_table(rows), ""]  # fmt: skip
    return lines + of_runs(paper, table)


def made(table: recorded.Recorded) -> str:
    """Where the runs come from: how many, how long they took, on what."""
    runs, about = pd.concat([table.runs, table.checks]), table.made
    machines = sorted({f"{e.get('cores', '?')} cores, {e.get('device', '?')}, torch {e.get('torch', '?')}"
                       for e in about["environments"]})  # fmt: skip
    hours = runs["seconds"].sum() / 3600
    kept = f", {about['kept']} of them kept from an earlier sweep" if about.get("kept") else ""
    return (f"Scale {table.scale}: {about['runs']} of {about['planned']} planned runs{kept}, {hours:.1f} hours in all, "
            f"one thread a run ({'; '.join(machines)}). Make them again: `{about['command']}`.")  # fmt: skip


def ours(published: papers.Table) -> str:
    """What of ours stands beside a published table."""
    sets = published.ours["dataset"]
    where = sets if isinstance(sets, str) else sets[0]
    return f"{where}, {published.ours['noise']} noise, `{published.ours['value']}`"


def measured(claim: papers.Claim, verdict: papers.Verdict) -> list[str]:
    """A claim's measure, bound and runs, as a list entry."""
    number, moved = words.measured(vars(verdict)) or "No number", f"; {claim.moved}" if claim.moved else ""
    lines = [f"- **{claim.id}**: {claim.measured}",
             f"  {number}; wanted {claim.wanted} ({claim.bound}), set on {claim.since}{moved}.",
             f"  {verdict.why[:1].upper()}{verdict.why[1:]}."]  # fmt: skip
    names = " ".join(sorted(verdict.runs))
    return [*lines, f"  Runs: `{names}`" if names else "  No runs."]


def folded(title: str, lines: list[str]) -> list[str]:
    """Lines that open at a click."""
    return ["<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>", ""]


def of_runs(paper: papers.Paper, table: recorded.Recorded) -> list[str]:
    """Every run, folded by data set and noise: mean ± standard deviation over seeds, and the names of the runs."""
    lines = []
    runs = pd.concat([table.runs, table.checks])
    for (task, dataset, noise), part in runs.groupby(["task", "dataset", "noise"], sort=False):
        for metric, title in METRICS[task].items():
            if metric in part and part[metric].notna().any():
                lines += [f"**{dataset}, {noise}**: {title}", "", *grid(paper, part, metric), ""]
        lines += [f"Runs: `{' '.join(part['key'])}`", ""]
    return [f"### All runs of {paper.number}", "", *folded(f"{len(runs)} runs in tables", lines)]


def grid(paper: papers.Paper, runs: pd.DataFrame, metric: str) -> list[str]:
    """A Markdown table: a line a row, a column a noise rate (and size, lambda or schedule where they differ)."""
    by = [name for name in CELL if name in runs and runs[name].notna().any()]
    by = ["noise_rate", *(name for name in by[1:] if runs[name].nunique(dropna=False) > 1)]
    unit = 1 if metric in ("mae", "rmse") else 100
    cells = (unit * runs[metric]).groupby([runs["row"], *(runs[name].fillna("") for name in by)])
    texts = cells.agg(lambda of: f"{of.mean():.{2 if unit == 1 else 1}f}" + (
        f" ± {of.std():.{2 if unit == 1 else 1}f} (n = {len(of)})" if len(of) > 1 else " (n = 1)"))  # fmt: skip
    wide = texts.unstack(by).fillna("")
    wide = wide.loc[[row for row in paper.rows if row in wide.index]]
    heads = [heading(by, name if isinstance(name, tuple) else (name,)) for name in wide.columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    return lines + [f"| {paper.rows[row].label} | " + " | ".join(wide.loc[row]) + " |" for row in wide.index]


def heading(names: list[str], values: tuple) -> str:
    """'20%', '40%, size 0.2', '50%, learning rate 0.001'."""
    rate, *others = values
    given = [(name, value) for name, value in zip(names[1:], others, strict=True) if value != ""]
    more = [value if name == "schedule" else f"{name.removesuffix('_mi')} {value:g}" for name, value in given]
    return ", ".join([f"{np.round(100 * rate, 6):g}%", *more])
