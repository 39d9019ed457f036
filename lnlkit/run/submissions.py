"""What students hand in: whose notebook it is, which one, its cells, and the answers in words."""

import hashlib
import logging
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from lnlkit import checks
from lnlkit.run import student

MAX_MB = 100
_KINDS = (r"\A# (\d\d)\b", r"lab\.begin\(\s*[\"'](\d\d)_", r"lab\.check\(\s*[\"'](\d\d)\.")
"""What tells a notebook that lost its metadata: its title, its beginning, its checks."""


@dataclass(frozen=True)
class Cell:
    """A cell as it was handed in, without its outputs."""

    kind: str
    source: str
    tags: frozenset[str]
    id: str


@dataclass(frozen=True)
class Submission:
    """A file of a student's: `notebook` is a number such as "01", or "" where nothing tells it.

    fault: why nothing can be marked, "" where it can.
    """

    name: str
    path: Path
    notebook: str
    cells: tuple[Cell, ...]
    fault: str = ""


@dataclass(frozen=True)
class Answer:
    """What was written below a question; `question` is its id in the notebook, or its text where that is lost."""

    question: str
    asked: str
    text: str


def find(folder, notebook: str | None = None) -> list[Submission]:
    """The submissions in a folder, name.ipynb or name/anything.ipynb, sorted by name.

    notebook: the number of all; None: each tells its own, and one that can't is of the only kind among the others.
    Raises FileNotFoundError or ValueError for a folder without any.
    """
    folder = checks.path(folder, "folder")
    if not folder.is_dir():
        raise FileNotFoundError(f"`folder` must be a folder of notebooks, but there is none at {folder}.")
    hidden = lambda path: any(part.startswith(".") for part in path.relative_to(folder).parts)  # noqa: E731
    paths = [path for pattern in ("*.ipynb", "*/*.ipynb") for path in folder.glob(pattern)
             if path.is_file() and not hidden(path)]  # fmt: skip
    if not paths:
        raise ValueError(f"`folder` must hold name.ipynb or name/anything.ipynb for each student, but {folder} has no "
                         "notebook.")  # fmt: skip
    names = {path: path.stem if path.parent == folder else path.parent.name for path in paths}
    found = [read(path, names[path], notebook) for path in sorted(paths, key=lambda path: (names[path], path))]
    kinds = {submission.notebook for submission in found} - {""}
    if len(kinds) != 1:
        return found
    (only,) = kinds
    return [replace(submission, notebook=only) for submission in found]


def read(path: Path, name: str, notebook: str | None = None) -> Submission:
    """The submission in a file; one that can't be read has a fault that says why."""
    import nbformat

    try:
        if path.stat().st_size > MAX_MB * 2**20:
            raise ValueError(f"more than {MAX_MB} MB")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # what is not quite in the format is taken, too
            raw = nbformat.reads(path.read_text(encoding="utf-8-sig"), as_version=4)
        cells, metadata = tuple(_cell(cell) for cell in raw["cells"]), raw.get("metadata")
    except Exception as error:  # a file of another kind can fail anywhere in nbformat
        said = (str(error).strip().splitlines() or [""])[0]
        fault = f"no Jupyter notebook ({type(error).__name__}: {said:.80})"
        return Submission(name, path, notebook or "", (), fault)
    return Submission(name, path, notebook or _which(metadata, cells), cells)


def digest(path: Path) -> str:
    """Hash of a file's content, "" where there is none that can be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _cell(cell) -> Cell:
    return Cell(str(cell.get("cell_type")), student.source(cell), frozenset(student.tags(cell)), str(cell.get("id")))


def _which(metadata, cells: tuple[Cell, ...]) -> str:
    """The number of the notebook, by its metadata, else by what stands in it."""
    own = metadata.get("lnlkit") if isinstance(metadata, dict) else None
    told = [str(own.get("notebook"))[:2]] if isinstance(own, dict) else []
    told += [found[1] for kind in _KINDS for cell in cells if (found := re.search(kind, cell.source))]
    return next((number for number in told if re.fullmatch(r"\d\d", number)), "")


def answers(submission: Submission) -> list[Answer]:
    """The answers in words: each cell tagged `answer`, with the question above it; "" where nothing was written."""
    found, question = [], None
    for cell in submission.cells:
        if "manual" in cell.tags:
            question = cell
        elif "answer" in cell.tags and question is not None:
            asked, text = question.source.strip(), cell.source.strip()
            found.append(Answer(cell.id.removesuffix("-answer") if cell.id.endswith("-answer") else asked, asked,
                                "" if text == student.PLACEHOLDER else text))  # fmt: skip
    return found
