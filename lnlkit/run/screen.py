"""What a finished run prints: one screen, what a newcomer wants first."""

import os
import textwrap

from lnlkit import papers
from lnlkit.run import report

WIDTH, LINES = 100, 30
IN_WORDS = {
    "smoke": "small, to see every line run",
    "lab": "as in a lab class",
    "paper": "with the paper's data, network and epochs",
}


def after_run(result) -> str:
    """What was run, where its page is, what is known about the paper's claims, what it took.

    Below the scale `paper` the recorded runs are judged, whatever the scale of the run.
    """
    of = result.record["notebook"]  # of a copy under another name, too
    paper = papers.load(of) if of in papers.KEYS else None
    top = [*_what(result, paper), "", *_where(result), ""]
    end = [report.cost(result.record), f"Executed notebook:  {near(result.executed)}",
           f"This run in full:   lnlkit report {near(result.record_path)}"]  # fmt: skip
    shown = _claims(result.record["claims"], LINES - len(top) - len(end) - 1) if paper else []
    return "\n".join([*top, *shown, *([""] if shown else []), *end])


def _what(result, paper) -> list[str]:
    record = result.record
    took = f"in {result.seconds:.0f} s."
    if result.reused:
        took += f" Stored result: nothing has changed since {record.get('made_at', 'then')}."
    if paper is None:
        return [f"{result.notebook} at scale {result.scale}, {took}"]
    settings, seeds = paper.scale(result.scale), ", ".join(map(str, record["seeds"]))
    what = (f"{result.notebook}, run {IN_WORDS[result.scale]} (scale {result.scale}: {settings['dataset']}, network "
            f"{settings['network']}, {settings['epochs']} epochs, seed {seeds}), {took}")  # fmt: skip
    return [*textwrap.wrap(what, WIDTH), *textwrap.wrap(f"The paper: {paper.citation}", WIDTH)]


def _where(result) -> list[str]:
    if result.html:
        return [f"Open in a browser:  {near(result.html)}"]
    return [f"Open in Jupyter:    {near(result.executed)}  (--html makes a web page)"]


def _claims(claims: list[dict], room: int) -> list[str]:
    """A heading with the counts, then a line a claim, those that hold first, as many as there is room for."""
    if not claims:
        return []
    marks = list(report.MARKS)
    ordered = sorted(claims, key=lambda claim: marks.index(claim["verdict"]))
    lines = [textwrap.shorten(f"{report.MARKS[claim['verdict']]} {claim['says']}", WIDTH, placeholder=" ...")
             for claim in ordered]  # fmt: skip
    said = f"Runs at {claims[0]['scale']} say of the paper's {len(lines)} claims: {report.counts({'claims': claims})}"
    heading = textwrap.wrap(said, WIDTH)
    fit = room - len(heading) - 1  # without these lines and the last
    more = f"{len(lines) - fit} more, " if len(lines) > fit else ""
    return [*heading, *lines[:fit], f"({more}measured values and the paper's tables: see the last line)"]


def near(path) -> str:
    """The path as seen from here, when it lies below."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # on another drive
        return str(path)
    return str(path) if relative.startswith("..") else relative
