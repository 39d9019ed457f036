"""docs/methods.md: every method with its paper, family, equations, needs, file, tests and tables, from the code alone.

Then the other way round: every row that a table of the five papers compares, and the method that serves it.
"""

import functools
import inspect
import re
import sys

from lnlkit import methods, papers
from lnlkit.papers import families

HEAD = """# Methods

Made by `python docs/build.py` from the code: `METHODS`, the docstrings and `lnlkit/papers/*.toml`.

`make(name)` gives a method with its paper's defaults, `lnlkit methods` lists these. Equations are those of the five
papers: of a paper's own method all that are in code, of another those that it and the losses that it calls name;
[equations.md](equations.md) has the code and tests of each. "Needs" is what a method must be told beyond noisy labels.
Under "serves" stand the published tables of the five papers that have a row for it; a method without one is beyond
them, or a row of ours. All methods are held by the contract tests, `tests/test_contract*.py`, besides their own.
"""
SERVED = """## What the papers' tables compare

Every row of every table of results, and the method that serves it, with the hyper-parameters that make the row; a row
without one says **none**. Tables of notation, settings, running times and generated pictures are left out."""


@functools.cache
def described() -> list[papers.Paper]:
    """The five papers."""
    return [papers.load(key) for key in papers.KEYS]


def page(tags: list[tuple[str, str, str]], tests_of) -> str:
    """The whole page. tags: (paper, place, where) of the docstrings; tests_of: test files by a class's full name."""
    lines = [HEAD, "| name | paper | family | equations | needs | file | tests | serves |", "|" + "---|" * 8]
    lines += [line(name, tags, tests_of) for name in methods.METHODS]
    return "\n".join([*lines, "", SERVED, "", *(text for paper in described() for text in of_paper(paper))])


def line(name: str, tags, tests_of) -> str:
    """A method as a line of the table."""
    cls = methods.METHODS[name]
    where = f"{cls.__module__}.{cls.__qualname__}"
    file = cls.__module__.replace(".", "/") + ".py"
    cells = [f"`{name}`", cls.source, families.family_of(name).name, equations(cls, tags), ", ".join(cls.needs),
             f"`{file}`", tested(tests_of(where)), served(name)]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def equations(cls: type, tags) -> str:
    """'03: Eq. (7), Eq. (14)': all of its paper for a paper's own method, else its own, inherited and called ones."""
    own_paper = {paper.key[3:]: paper.number for paper in described()}.get(cls.__module__.rsplit(".", 1)[-1])
    bases = [base for base in cls.__mro__ if base.__module__.startswith("lnlkit.methods")]
    classes = {f"{base.__module__}.{base.__qualname__}" for base in bases}
    called = set(re.findall(r"\b(\w+)\(", "".join(map(inspect.getsource, bases))))
    found = {}
    for paper, place, where in tags:
        above, last = where.rsplit(".", 1)
        in_it = {where, above} & classes or (above in sys.modules and last in called)
        in_code = where.startswith(("lnlkit.losses.", "lnlkit.methods."))
        if place.startswith("Eq.") and in_code and (paper == own_paper if own_paper else in_it):
            found.setdefault(paper, set()).add(int(re.sub(r"\D", "", place)))
    return "; ".join(f"{paper}: " + ", ".join(f"Eq. ({n})" for n in sorted(of)) for paper, of in sorted(found.items()))


def tested(files: list[str]) -> str:
    """The first three of a method's test files, those in tests/methods if there are any."""
    own = [file for file in files if file.startswith("tests/methods/")] or files
    more = f" and {len(own) - 3} more" if len(own) > 3 else ""
    return ", ".join(f"`{file}`" for file in own[:3]) + more


def served(name: str) -> str:
    """'03: Table 1, Table 2': the published tables that have a row of this method."""
    found = {}
    for paper in described():
        rows = {row.id for row in paper.rows.values() if row.method == name}
        for table in paper.tables.values():
            if rows & set(table.mean):
                found.setdefault(paper.number, {})[printed(table)] = None
    return "; ".join(f"{number}: " + ", ".join(tables) for number, tables in found.items())


def printed(table: papers.Table) -> str:
    """The table as the paper numbers it: 'Table 1' of 'Table 1, symmetry, best'."""
    return table.place.split(",")[0]


def of_paper(paper: papers.Paper) -> list[str]:
    """The rows that a paper compares, in the order of its tables, each with its method and the tables that have it."""
    tables = {}
    for table in paper.tables.values():
        for row in table.mean:
            tables.setdefault(row, {})[printed(table)] = None
    lines = [f"### {paper.number}: {paper.title}", "", "| row | method | tables |", "|---|---|---|"]
    return lines + [f"| {paper.rows[row].label if row in paper.rows else row} | {method_of(paper, row)} | "
                    f"{', '.join(places)} |" for row, places in tables.items()] + [""]  # fmt: skip


def method_of(paper: papers.Paper, row: str) -> str:
    """The call that makes the method of a row, or 'none'."""
    if row not in paper.rows or paper.rows[row].method not in methods.METHODS:
        return "**none**"
    of = paper.rows[row]
    settings = ", ".join(f"{name}={value!r}" for name, value in of.hparams.items())
    return f"`{of.method}`" + (f" with `{settings}`" if settings else "")
