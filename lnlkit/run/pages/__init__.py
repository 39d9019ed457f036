"""A page of what was measured, in Markdown and HTML, from tables of runs: `lnlkit report --html`, and docs/."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from lnlkit import checks, papers, recorded, records, viz
from lnlkit.recorded import Recorded, gathering, protocols
from lnlkit.run.pages import costs, of_papers, parts
from lnlkit.run.pages.blocks import Page, anchor, folded
from lnlkit.run.report import TOLD, escaped, marked
from lnlkit.run.screen import near
from lnlkit.run.sweeps import duration

READ = f"""**How to read the tables.** A cell is the mean ± standard deviation over n seeds, on clean test data;
**bold** is the best mean of a column. Numbers of one table have one protocol: the same data, network, epochs, batches,
optimiser and validation share. A method marked {TOLD} is told more than noisy labels, which nobody is in practice: the
last section says what."""
STUDIED = """All methods of a section share its settings, which suit some better than others: a setting of its own can
put any of them ahead."""
IN_ALL = "What was measured"


class Found(NamedTuple):
    """The tables that a page is of, its title, and {file that was left out: why}."""

    tables: list[Recorded]
    title: str
    left_out: dict[str, str]


def find(what: str | None) -> Found:
    """The tables of WHAT: a notebook's shipped one, a file's, those of a folder of records; all shipped ones for None.

    Raises ValueError or FileNotFoundError for anything else.
    """
    names = {alias: key for key in (*papers.STUDIES, *papers.KEYS) for alias in (key, key[:2], key[3:])}
    if what is None:
        return Found([recorded.load(key) for key in (*papers.STUDIES, *papers.KEYS)], IN_ALL, {})
    if what in names:
        table = recorded.load(names[what])
        return Found([table], _title(table), {})
    path = checks.path(what, "what")
    if path.is_dir():
        found = gathering.gather(path)
        return Found(found.tables, f"Runs in {near(found.folder)}", found.left_out)
    if path.suffix == ".json":
        table = _of_file(path)
        return Found([table], f"Runs in {near(path)}" if table.notebook not in names else _title(table), {})
    if path.exists():
        raise ValueError(f"`what` must be a notebook, a table (.json) or a folder of run records, but {what} is none.")
    return find(papers.key_of(what, "what"))  # raises: neither here nor a name


def _of_file(path: Path) -> Recorded:
    raw = records.read(path)
    if "made" not in raw:
        kind = "the record of a notebook" if "claims" in raw else "one run" if "config" in raw else "something else"
        raise ValueError(f"`what` must be a table, as `lnlkit sweep --table` writes it, but {path} is {kind}.")
    try:
        table = recorded.tidy(raw)
        there = bool(protocols.parts(table))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"`what` must be a whole table, but {path} is damaged: {error}") from None
    if not there:
        raise ValueError(f"`what` must be a table of runs, but {path} holds none with a result.")
    return table


def _title(table: Recorded) -> str:
    paper = papers.load(table.notebook)
    return f"{paper.number}: {paper.title}"


def page(found: Found, made_by: str) -> Page:
    """The whole page of some tables; made_by: a sentence that says what made it."""
    page, several = Page(found.title), len(found.tables) > 1
    page.add(made_by)
    if found.left_out:
        page.add("**Left out:** these files are no whole records of runs.")
        page.add(*(f"- {escaped(name)}: {escaped(why)}" for name, why in found.left_out.items()))
    if several:
        page.add(*(f"- [{_section_title(table)}](#{anchor(_section_title(table))})" for table in found.tables))
    page.add(READ)
    if any(_paper(table) for table in found.tables):
        page.add(*folded("How to read a verdict", [of_papers.HOW]))
    for place, table in enumerate(found.tables):
        if several:
            page.add(f"## {_section_title(table)}")
        paper = _paper(table)
        page.add(*([f"*{paper.citation}*", ""] if paper else []), made(table))
        if paper is None:
            page.add(STUDIED)
        else:
            of_papers.section(page, paper, table, _whole(table))
        parts.sections(page, table, _number(table, place), fold=paper is not None)
        costs.sections(page, table)
    _methods(page, found.tables)
    return page


def _paper(table: Recorded) -> papers.Paper | None:
    return papers.load(table.notebook) if table.notebook in papers.KEYS else None


def _section_title(table: Recorded) -> str:
    return escaped(_title(table)) if table.notebook in (*papers.KEYS, *papers.STUDIES) else "Runs of no paper's grid"


def _number(table: Recorded, place: int) -> str:
    """What the names of a table's figures begin with, which differs between tables."""
    of_kit = table.notebook in (*papers.KEYS, *papers.STUDIES)
    return table.notebook[:2] if of_kit else f"own{place or ''}"


def _whole(table: Recorded) -> bool:
    """Whether a paper's picture can be drawn: all runs of the scale are there that it is made for."""
    shipped = recorded.load_raw(table.notebook)
    return table.scale == shipped["scale"] and set(table.runs["key"]) >= {
        run["key"] for _, run in recorded.runs_of(shipped) if not run.get("schedule")}


def made(table: Recorded) -> str:
    """Where the runs come from: how many, how long they took, on what."""
    runs, about = pd.concat([table.runs, table.checks]), table.made
    machines = sorted({f"{e.get('cores', '?')} cores, {e.get('device', '?')}, torch {e.get('torch', '?')}"
                       for e in about.get("environments", [])})  # fmt: skip
    kept = f", {about['kept']} of them kept from an earlier sweep" if about.get("kept") else ""
    of = f"Scale {table.scale}: {about['runs']} of {about['planned']} planned runs" if "planned" in about else (
        f"{len(runs)} runs")  # fmt: skip
    of_kit = table.notebook in (*papers.KEYS, *papers.STUDIES)
    again = f" Make them again: `{about['command']}`." if about.get("command") and of_kit else ""
    took = f", {duration(runs['seconds'].sum())} in all" if "seconds" in runs else ""
    return f"{of}{kept}{took}, one thread a run ({'; '.join(machines) or 'machine unknown'}).{again}"


def _methods(page: Page, tables: Sequence[Recorded]) -> None:
    """The last sections: what methods cost, and which are told what."""
    rows = [row for table in tables for row in protocols.rows_of(table).values()]
    named = {row.method: (row.label, row.needs) for row in reversed(rows) if not row.hparams}
    costs.measured(page, set(named), named)
    page.add(f"## Methods that are told more than noisy labels ({TOLD})")
    needs = {(row.label, row.needs) for row in rows if row.needs}
    page.add(*(f"- {marked(label, what)}: {escaped(', '.join(what))}" for label, what in sorted(needs)) if needs else [
        "None of the methods on this page."])  # fmt: skip


class Written(NamedTuple):
    """Where a page lies, in both forms, and its figures."""

    markdown: Path
    html: Path
    figures: list[Path]


def write(page: Page, out) -> Written:
    """Writes report.md, report.html and figures/ into a folder; each file whole or not at all."""
    from lnlkit.run.pages import html

    folder = checks.writable_folder(out, "out")
    images = {}
    for name, fig in page.figures.items():
        data, about = viz.bundle(fig)
        images[f"figures/{name}"] = base64.b64decode(data["image/png"]), about["image/png"]["width"]
        with records.whole_file(folder / "figures" / name, "wb") as file:
            file.write(images[f"figures/{name}"][0])
    text = page.text()
    for name, content in (("report.md", text), ("report.html", html.page(page.title, text, images))):
        with records.whole_file(folder / name) as file:
            file.write(content)
    return Written(folder / "report.md", folder / "report.html", [folder / name for name in images])
