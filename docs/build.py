"""Writes what the documentation repeats from the code and the records, so that neither can drift.

    python docs/build.py           rewrites docs/equations.md, docs/results.md and the README's pictures
    python docs/build.py --check   says what is out of date and ends with 1

Run it after a recorded table has changed. A test runs the check.
"""

import ast
import functools
import importlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import results  # noqa: E402
from lnlkit import papers, recorded  # noqa: E402

PLACE = r"(?:Eq\. \(\d+\)|Section (?:\d+(?:\.\d+)*|[IVX]+(?:-[A-Z]\d*)?)|Fig\. \d+|Table (?:\d+|[IVX]+))"
TAG = re.compile(rf"Paper (\d\d), ({PLACE}(?:(?:, | and ){PLACE})*)")


@functools.cache
def tags() -> list[tuple[str, str, str]]:
    """(paper, place, where) for every function and class whose docstring names a place in a paper."""
    found = []
    for path in sorted((ROOT / "lnlkit").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                for paper, places in TAG.findall(" ".join((ast.get_docstring(node) or "").split())):
                    found += [(paper, place, f"{module}.{node.name}") for place in re.findall(PLACE, places)]
    return sorted(set(found), key=lambda tag: (tag[0], ["Eq", "Se", "Fi", "Ta"].index(tag[1][:2]), tag[1:]))


@functools.cache
def words_of_tests() -> dict[str, set[str]]:
    """The names that each test file mentions."""
    files = [file for file in sorted((ROOT / "tests").rglob("test_*.py")) if file.parent.name != "doors"]
    return {path.relative_to(ROOT).as_posix(): set(re.findall(r"\w+", path.read_text("utf-8"))) for path in files}


def tests_of(name: str) -> list[str]:
    """Test files that call the function or class by its name; in the package of a paper also by that of the package."""
    path = name.split(".")  # lnlkit.losses.gce, lnlkit.viz.choicenet.figures.overview
    wanted = {path[-1], *path[2:-2]}
    return [file for file, words in words_of_tests().items() if wanted <= words]


def equations() -> str:
    """docs/equations.md: from a place in a paper to the code that computes it and the tests that hold it."""
    lines = ["# From the papers to the code", "", "Made by `python docs/build.py` from the docstrings.", ""]
    for key in papers.KEYS:
        paper = papers.load(key)
        lines += [f"## {paper.number}: {paper.title}", "", "| place | code | tests |", "|---|---|---|"]
        lines += [f"| {place} | `{where}` | {', '.join(f'`{t}`' for t in tests_of(where)) or 'none'} |"
                  for number, place, where in tags() if number == paper.number] + [""]  # fmt: skip
    return "\n".join(lines)


def pictures() -> None:
    """The overview of every paper's recorded runs, as PNG, from the paper's own module of `viz`."""
    for key in papers.KEYS:
        fig = importlib.import_module(f"lnlkit.viz.{key[3:]}").overview(recorded.load(key))
        fig.savefig(ROOT / "docs" / "figures" / f"{key[:2]}_overview.png", dpi=80)


def main() -> int:
    texts = {ROOT / "docs" / "equations.md": equations(), ROOT / "docs" / "results.md": results.page()}
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        print("\n".join(f"{path.relative_to(ROOT)} is out of date: python docs/build.py" for path in stale), end="")
        return 1 if stale else 0
    for path in stale:
        path.write_text(texts[path], encoding="utf-8")
    pictures()
    return 0


if __name__ == "__main__":
    sys.exit(main())
