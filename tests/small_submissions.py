"""Submissions of a small notebook with two exercises and a question, as students hand them in: good, bad and ugly."""

import json
import sys
from pathlib import Path

import numpy as np

from lnlkit import exercises

LINUX = sys.platform == "linux"  # where a process's memory can be bounded
FAIR = "flip_hardest_per_class"
COPIED = "def label_purity(T, n):\n    return np.array({})"
RIGHT, NOT_YET, UNDONE = "right", "not yet", "not done"
SETUP = "import numpy as np\nfrom lnlkit import lab, noise"
PER_CLASS = """def flip_hardest_per_class(y, S, noise_rate):
    y_noisy = y.copy()
    for k in np.unique(y):
        members = np.flatnonzero(y == k)
        y_noisy[members] = noise.flip_hardest(y[members], S[members], noise_rate)
    return y_noisy"""
BAYES = "def label_purity(T, n):\n    return n * np.diag(T) / (n @ T)"
STUBS = ("def flip_hardest_per_class(y, S, noise_rate):\n    ...", "def label_purity(T, n):\n    ...")
WHOLE_SET = "flip_hardest_per_class = noise.flip_hardest"
EASIEST = "def flip_hardest_per_class(y, S, rate):\n    return noise.flip_hardest(y, 1 - S, rate)"
DIAGONAL = "def label_purity(T, n):\n    return np.diag(T)"
TRANSPOSED = "def label_purity(T, n):\n    return n * np.diag(T) / (T @ n)"


def cell(source: str, *tags: str, kind: str = "code", id: str = "") -> dict:
    """A cell of a notebook as it lies in the file."""
    made = {"cell_type": kind, "id": id or f"c{abs(hash((source, tags))) % 10**9}", "metadata": {"tags": list(tags)},
            "source": source}  # fmt: skip
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def cells(fair=PER_CLASS, purity=BAYES, *, before=(), answer="Because *both* are noisy.") -> list[dict]:
    """The notebook with answers: to 01.1, to 01.2, and in words; `before` are cells of the student's own."""
    return [cell("# 01 · A small notebook", kind="markdown", id="title"), cell(SETUP, "setup", id="setup"),
            *(cell(source, id=f"own-{i}") for i, source in enumerate(before)),
            cell(fair, "exercise", id="fair"),
            cell("lab.check('01.1', flip_hardest_per_class)", "exercise", "check", id="fair-check"),
            cell(purity, "exercise", id="purity"),
            cell("lab.check('01.2', label_purity)", "exercise", "check", id="purity-check"),
            cell("**Why** two networks?", "manual", kind="markdown", id="why"),
            cell(answer, "answer", kind="markdown", id="why-answer")]  # fmt: skip


def write(path: Path, cells: list[dict], **metadata) -> Path:
    """The file of a notebook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": cells, "metadata": kernel | metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    return path


def copied() -> str:
    """An answer to 01.2 that holds the numbers of cohort 0."""
    found = []
    exercises.check("01.2", lambda T, n: found.append(n * np.diag(T) / (n @ T)), 0)
    return COPIED.format(found[0].tolist())


def twenty(folder: Path, limit_s: float) -> dict[str, tuple]:
    """Writes twenty submissions; {name: (01.1, 01.2, words of what went wrong)}. The first meets the limit."""
    own = {
        "00-hangs": (cells(before=["import time\ntime.sleep(10**6)"]), RIGHT, RIGHT, f"longer than {limit_s:g} s"),
        "by-bayes": (cells(), RIGHT, RIGHT, ""),
        "helper": (cells("flip_hardest_per_class = mine", before=[PER_CLASS.replace(FAIR, "mine")]),
                   RIGHT, RIGHT, ""),
        "stubs": (cells(*STUBS), UNDONE, UNDONE, ""),
        "whole-set": (cells(WHOLE_SET), NOT_YET, RIGHT, ""),
        "easiest": (cells(EASIEST), NOT_YET, RIGHT, ""),
        "diagonal": (cells(purity=DIAGONAL), RIGHT, NOT_YET, ""),
        "transposed": (cells(purity=TRANSPOSED), RIGHT, NOT_YET, ""),
        "copied": (cells(purity=copied()), RIGHT, RIGHT, ""),
        "crashes": (cells(before=["import os\nos._exit(1)"]), RIGHT, RIGHT, "cell 3: its kernel died"),
        "crashes-when-asked": (cells("import ctypes\ndef flip_hardest_per_class(*_):\n    ctypes.string_at(0)")[:3]
                               + cells()[4:], NOT_YET, RIGHT, "exercise 01.1: its kernel died"),
        "exits": (cells(before=["raise SystemExit", "exit()"]), RIGHT, RIGHT, "cell 3: SystemExit"),
        "writes": (cells(before=[f"import pathlib, shutil\nplace = pathlib.Path({str(folder)!r})\n"
                                 "(place / 'stubs.ipynb').write_text('{}')\n(place / 'by-bayes.ipynb').unlink()\n"
                                 "(place / 'more.txt').write_text('x')"]),
                   RIGHT, RIGHT, "by-bayes.ipynb, more.txt, stubs.ipynb"),
        "prints": (cells(before=["while True:\n    print('x' * 9999)"]), RIGHT, RIGHT, "3: it printed more than 20 MB"),
        "syntax": (cells("def flip_hardest_per_class(y, S, rate)\n    return y"), UNDONE, RIGHT, "cell 3: SyntaxError"),
        "eats": (cells(before=["much = bytearray(5 * 2**30)"]), RIGHT, RIGHT, "MemoryError" if LINUX else ""),
        "redefines": (cells(before=["import builtins\nbuiltins.print = lab.check = exercises = json = None"]),
                      RIGHT, RIGHT, "cell 5: TypeError"),
        "no-cells": ([], UNDONE, UNDONE, ""),
    }  # fmt: skip
    for name, (of, *_) in own.items():
        write(folder / f"{name}.ipynb", of)
    solved = [*cells(STUBS[0]), cell(PER_CLASS, "solution", id="solved")]
    write(folder / "=master" / "my copy.ipynb", solved)
    (folder / "no-notebook.ipynb").write_text("not JSON")
    return {name: tuple(said) for name, (_, *said) in own.items()} | {
        "=master": (UNDONE, RIGHT, ""), "no-notebook": (UNDONE, UNDONE, "no Jupyter notebook")}
