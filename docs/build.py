"""Writes what the documentation repeats from the code and the records, so that neither can drift.

    python docs/build.py           rewrites docs/equations.md, methods.md, results.md, playground.md and their pictures,
                                   lecturer.md, mistakes.md, and lnlkit/tested.json
    python docs/build.py --check   says what is out of date and ends with 1

Run it after a recorded table, a docstring, a method, an exercise, a notebook's plan or its record has changed. A test
runs the check.
"""

import ast
import base64
import functools
import importlib
import json
import re
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]


import lecturer  # noqa: E402
import method_table  # noqa: E402

from lnlkit import methods, papers, recorded, records, versions, viz  # noqa: E402
from lnlkit.run import pages  # noqa: E402

RECORDED = {"results": ("What was found", papers.KEYS), "playground": ("The playground's grid", papers.STUDIES)}
"""The pages of recorded runs: title, and of which papers or studies."""
MADE = "Made by `python docs/build.py` from the recorded runs in `lnlkit/recorded/`; nothing here is typed by hand."

PLACE = r"(?:Eq\. \(\d+\)|Section (?:\d+(?:\.\d+)*|[IVX]+(?:-[A-Z]\d*)?)|Fig\. \d+|Table (?:\d+|[IVX]+))"
TAG = re.compile(rf"Paper (\d\d), ({PLACE}(?:(?:, | and ){PLACE})*)")


@functools.cache
def tags() -> list[tuple[str, str, str]]:
    """(paper, place, where) for every function, class and method whose docstring names a place in a paper."""
    found = []
    for path in sorted((ROOT / "lnlkit").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for where, node in _defined(ast.parse(path.read_text(encoding="utf-8")), module):
            for paper, places in TAG.findall(" ".join((ast.get_docstring(node) or "").split())):
                found += [(paper, place, where) for place in re.findall(PLACE, places)]
    return sorted(set(found), key=lambda tag: (tag[0], ["Eq", "Se", "Fi", "Ta"].index(tag[1][:2]), tag[1:]))


def _defined(node: ast.AST, above: str):
    """(full name, node) of the functions and classes of a module, and of the methods of its classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            yield f"{above}.{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from _defined(child, f"{above}.{child.name}")


@functools.cache
def called_in_tests() -> dict[str, set[str]]:
    """By test file, what it refers to: the full names of the package's functions and classes, and attributes as .name.

    A name counts where it is imported, or reached from an imported module (`losses.gce`, `viz.choicenet.overview`,
    `getattr(losses, "gce")`), a method also where it is made by its short name (`make("gce")`).
    """
    files = [file for file in sorted((ROOT / "tests").rglob("test_*.py")) if file.parent.name != "doors"]
    return {path.relative_to(ROOT).as_posix(): _called(ast.parse(path.read_text("utf-8"))) for path in files}


def _called(tree: ast.AST) -> set[str]:
    bound, found, texts, opened = {}, set(), set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            bound |= {(of.asname or of.name).split(".")[0]: importlib.import_module(of.name if of.asname else "lnlkit")
                      for of in node.names if of.name.startswith("lnlkit")}  # fmt: skip
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lnlkit"):
            bound |= {of.asname or of.name: _inside(importlib.import_module(node.module), of.name) for of in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found |= {f".{node.attr}", _full_name(_reached(node, bound))}
        elif isinstance(node, ast.Name):
            found.add(_full_name(bound.get(node.id)))
            opened += [bound[node.id]] if isinstance(bound.get(node.id), types.ModuleType) else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    found |= {_full_name(getattr(module, text, None)) for module in opened for text in texts if text.isidentifier()}
    return found | {_full_name(methods.METHODS[text]) for text in texts & set(methods.METHODS)}


def _inside(module, name: str):
    """What a module has under a name, or its submodule of that name."""
    return getattr(module, name, None) or importlib.import_module(f"{module.__name__}.{name}")


def _reached(node: ast.Attribute, bound: dict):
    """The object that a chain of attributes such as `viz.choicenet.overview` leads to; None where it is none."""
    if isinstance(node.value, ast.Name):
        return getattr(bound.get(node.value.id), node.attr, None)
    return getattr(_reached(node.value, bound), node.attr, None) if isinstance(node.value, ast.Attribute) else None


def _full_name(thing) -> str:
    """'lnlkit.losses.gce', or "" for what is no function or class."""
    return f"{thing.__module__}.{thing.__qualname__}" if isinstance(thing, (type, types.FunctionType)) else ""


def tests_of(name: str) -> list[str]:
    """Test files that refer to a function or class, to a method by its name and to its class."""
    above, last = name.rsplit(".", 1)
    is_method = above.rsplit(".", 1)[-1][:1].isupper()
    wanted = {above, f".{last}"} if is_method else {name}
    return [file for file, called in called_in_tests().items() if wanted <= called]


def equations() -> str:
    """docs/equations.md: from a place in a paper to the code that computes it and the tests that hold it."""
    lines = ["# From the papers to the code", "", "Made by `python docs/build.py` from the docstrings.", ""]
    for key in papers.KEYS:
        paper = papers.load(key)
        lines += [f"## {paper.number}: {paper.title}", "", "| place | code | tests |", "|---|---|---|"]
        lines += [f"| {place} | `{where}` | {', '.join(f'`{t}`' for t in tests_of(where)) or 'none'} |"
                  for number, place, where in tags() if number == paper.number] + [""]  # fmt: skip
    return "\n".join(lines)


@functools.cache
def measured(name: str) -> pages.Page:
    """docs/results.md or docs/playground.md with its figures: what `lnlkit report --html` writes of these tables."""
    title, keys = RECORDED[name]
    return pages.page(pages.Found([recorded.load(key) for key in keys], title, {}), MADE)


def pictures() -> None:
    """The figures of both pages, as small PNG files."""
    for name in RECORDED:
        for file, fig in measured(name).figures.items():
            data, _ = viz.bundle(fig, dpi=80)
            (ROOT / "docs" / "figures" / file).write_bytes(base64.b64decode(data["image/png"]))


def tested() -> str:
    """lnlkit/tested.json: the highest version of each watched package that a notebook was recorded with at lab."""
    found = {}
    for path in sorted((ROOT / "results").glob("*/lab.json")):
        of = records.read_notebook(path)["environment"]
        for name in versions.WATCHED:
            found[name] = max(filter(None, [found.get(name), of.get(name)]), key=versions.numbers, default=None)
    return json.dumps({name: version for name, version in found.items() if version}, indent=1) + "\n"


def main() -> int:
    made = {"equations": equations(), "methods": method_table.page(tags(), tests_of),
            "lecturer": lecturer.page(), "mistakes": lecturer.mistakes(),
            **{name: measured(name).text() for name in RECORDED}}  # fmt: skip
    texts = {ROOT / "docs" / f"{name}.md": text for name, text in made.items()}
    texts[ROOT / "lnlkit" / "tested.json"] = tested()
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
