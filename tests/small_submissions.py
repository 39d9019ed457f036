"""Submissions of a small notebook with two exercises and a question, as students hand them in: good, bad and ugly."""

import json
from pathlib import Path

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
