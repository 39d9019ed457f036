"""docs/lecturer.md and docs/mistakes.md: the lecturer's guide, with what notebooks, records and exercises say.

The guide's words stand in lecturer.template, where lines hold

    {01: Section 2} say ... |    a row of a plan: the one part of notebook 01 whose name holds "Section 2", its minutes
    {home 01: Section 3}         that part and its minutes in a sentence
    {sum}                        minutes of the parts in the table that follows
    {costs} {machine} {data} {exercises} {mistakes}      see the functions of these names
"""

import functools
import importlib
import json
import re
import sys
from pathlib import Path

from lnlkit import exercises, records
from lnlkit.run import preflight, runner

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\{(\d\d): ([^}]+)\} ", re.M)
MISTAKES = """# Mistakes that the checks know

Made by `python docs/build.py` from `tests/exercises/`, where each of these wrong answers is handed to `lab.check`.
Beside it stand the words of its one line that name the mistake.
"""


@functools.cache
def parts(number: str) -> dict[str, int]:
    """Minutes by part of a notebook ("01"): its table of parts, or its sentence "Ninety minutes: warm-up 8, ..."."""
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    rows = re.search(r"^\| part \| minutes \|\n\|[-|]+\n((?:\|.*\n?)+)", text, re.M)
    if rows:
        return {name: int(minutes) for name, minutes in re.findall(r"^\| (.+?) \| (\d+) \|", rows[1], re.M)}
    sentence = re.search(r"Ninety minutes\**: (.*?)\.(?:\s|$)", text)
    if not sentence:
        raise ValueError(f"{path.name} says nowhere how long its parts take: a table `| part | minutes |` is due.")
    found = re.findall(r"(.+?) (\d+)(?: \([^)]*\))?(?:, |$)", sentence[1])
    return {name: int(minutes) for name, minutes in found}


def part(number: str, word: str) -> tuple[str, int]:
    """Name and minutes of the one part of a notebook whose name holds a word."""
    found = [(name, minutes) for name, minutes in parts(number).items() if word.lower() in name.lower()]
    if len(found) != 1:
        raise ValueError(f"notebook {number} must have one part with {word!r}, but has {len(found)} among "
                         f"{', '.join(parts(number))}: change docs/lecturer.template.")  # fmt: skip
    return found[0]


def costs() -> str:
    """A row a notebook: minutes of processor time at smoke and at lab, megabytes at lab, as recorded."""
    found = {(need.notebook, need.scale): need for need in _needs()}
    return "\n".join(
        f"| {name} | {preflight.minutes(found[name, 'smoke'], None)} | {preflight.minutes(found[name, 'lab'], None)} | "
        f"{found[name, 'lab'].memory_mb:.0f} MB |" for name in dict.fromkeys(name for name, _ in found))  # fmt: skip


def _needs() -> list[preflight.Need]:
    names = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
    found, odd = preflight.needs(names)
    if odd:
        raise ValueError(odd[0].found)
    return found


def machine() -> str:
    """The machines that those runs were made on."""
    made = [records.read(runner.root() / "results" / need.notebook / f"{need.scale}.json") for need in _needs()]
    of = sorted({f"{record['environment']['cpu']}, {record['environment']['cores']} cores" for record in made})
    return "; ".join(of)


def data() -> str:
    """The data sets that notebooks read from files at lab, and which notebooks."""
    wanted: dict[str, list[str]] = {}
    for need in _needs():
        for name in need.data_sets:
            wanted.setdefault(name, []).append(need.notebook[:2])
    return ", ".join(f"`{name}` ({', '.join(of)})" for name, of in wanted.items())


def listed() -> str:
    """The exercises, a line a notebook, with their minutes."""
    lines = []
    for number in dict.fromkeys(name[:2] for name in exercises.names()):
        of = [exercises.find(name) for name in exercises.names(number)]
        lines.append(f"- **{number}** " + "; ".join(f"{one.name} {one.title} ({one.minutes})" for one in of))
    return "\n".join(lines)


@functools.cache
def wrong() -> dict[str, dict[str, str]]:
    """{exercise: {mistake: words of the line that tells it}}, from the tests of the exercises."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "exercises")]
    try:
        names = [path.stem for path in sorted((ROOT / "tests" / "exercises").glob("test_*_exercises.py"))]
        modules = [importlib.import_module(name) for name in names]
    finally:
        del sys.path[:2]
    return {name: {mistake: words for mistake, (_, words) in of.items()}
            for module in modules for name, of in module.WRONG.items()}  # fmt: skip


def mistakes() -> str:
    """docs/mistakes.md: every exercise with the wrong answers that its check knows."""
    lines = [MISTAKES]
    for name, of in sorted(wrong().items()):
        one = exercises.find(name)
        lines += [f"## {name}: {one.title} ({one.minutes} min)", "", "| wrong answer | told by |", "|---|---|"]
        lines += [f"| {_cell(mistake)} | ... {_cell(words)} ... |" for mistake, words in of.items()] + [""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text)


def page() -> str:
    """docs/lecturer.md."""
    text = (ROOT / "docs" / "lecturer.template").read_text(encoding="utf-8")
    sections = [_summed(section) for section in re.split(r"(?=^## )", text, flags=re.M)]
    text = ROW.sub(lambda row: "| {}: {} | {} | ".format(row[1], *part(row[1], row[2])), "".join(sections))
    text = re.sub(r"\{home (\d\d): (.+?)\}", lambda row: "{}, {} minutes".format(*part(row[1], row[2])), text)
    made = {"costs": costs(), "machine": machine(), "data": data(), "exercises": listed(),
            "mistakes": str(sum(map(len, wrong().values())))}  # fmt: skip
    for name, value in made.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _summed(section: str) -> str:
    return section.replace("{sum}", str(sum(part(number, word)[1] for number, word in ROW.findall(section))))
