"""The student edition of the notebooks: made from the masters by the tags of their cells alone.

Cells tagged `solution` or `instructor` are left out; below a question tagged `manual` comes a cell for the answer; all
others stay as they are. Links are those of the folder that the edition lies in. The same masters give the same bytes.
"""

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from lnlkit import checks, records
from lnlkit.run import runner

LEFT_OUT = {"solution", "instructor"}
NOTICE = "*Student edition: the exercises are yours, their solutions are left out.*"
PLACEHOLDER = "*Write your answer here.*"
FOLDER = "notebooks/student"

_LINK = re.compile(r'(\]\(|\b(?:src|href)=")([^)\s"]+)')
_TITLE = re.compile(r"\A(# .*)$", re.M)


def tags(cell) -> set[str]:
    """The tags of a cell; none where a tool has written something else there."""
    found = cell.get("metadata", {}).get("tags", [])
    return {tag for tag in found if isinstance(tag, str)} if isinstance(found, list) else set()


def source(cell) -> str:
    """The text of a cell, which the format keeps whole or in lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def masters(notebooks: Iterable = ()) -> list[Path]:
    """Paths of the notebooks given as `runner.find` takes them; without any, of all that the kit has."""
    if names := list(notebooks):
        return [runner.find(name) for name in names]
    folder = runner.root() / "notebooks"
    if not (found := sorted(folder.glob("0*.ipynb"))):
        raise FileNotFoundError(f"No notebooks in `{folder}`: run this inside a checkout of lnlkit.")
    return found


def edition(path: Path, out: Path) -> str:
    """The text of the student edition of the notebook in a file, as it lies in the folder `out`."""
    notebook = read(path)
    cells = [cell for cell in notebook["cells"] if not tags(cell) & LEFT_OUT]
    notebook["cells"] = [made for cell in cells for made in (_linked(cell, path, out), *_answer(cell))]
    _entitle(notebook["cells"], path)
    notebook["metadata"]["lnlkit"] = {"edition": "student", "notebook": path.stem}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> dict:
    """The notebook in a file as it is written there. Raises ValueError for a file that is none in today's format."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if notebook["nbformat"] == 4 and isinstance(notebook["cells"], list):
            return notebook
        raise KeyError("cells")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"`{path}` must be a Jupyter notebook of format 4, but is none ({error!r:.80}): save it again "
                         "in JupyterLab.") from None  # fmt: skip


def _answer(cell) -> list[dict]:
    """The cell for the answer to a question, with the question's id; none for any other cell."""
    if "manual" not in tags(cell) or cell["cell_type"] != "markdown":
        return []
    return [{"cell_type": "markdown", "id": f"{cell['id']}-answer", "metadata": {"tags": ["answer"]},
             "source": PLACEHOLDER}]  # fmt: skip


def _entitle(cells: list[dict], path: Path) -> None:
    """Says below the title, in the first cell, which edition this is."""
    if not cells or cells[0]["cell_type"] != "markdown" or not _TITLE.match(source(cells[0])):
        raise ValueError(f"`{path}` must begin with a cell of text whose first line is its title (`# ...`).")
    cells[0]["source"] = _like(cells[0]["source"], _TITLE.sub(rf"\1\n\n{NOTICE}", source(cells[0]), count=1))


def _like(old, text: str):
    """The text whole or in lines, as the old one was."""
    return text if isinstance(old, str) else text.splitlines(keepends=True)


def _linked(cell: dict, path: Path, out: Path) -> dict:
    """The cell with its links as seen from the folder of the edition, without outputs."""
    made = {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else dict(cell)
    if cell["cell_type"] == "markdown":
        text = _LINK.sub(lambda found: found[1] + link(found[2], path, out), source(cell))
        made["source"] = _like(cell["source"], text)
    return made


def link(target: str, path: Path, out: Path) -> str:
    """Where a link of a master leads to from the student edition in the folder `out`.

    Another notebook is that of the edition; other files are where they were; Colab and Binder open the edition.
    """
    if re.match(r"[a-z]+:", target):
        hosted = re.match(r"https://(colab\.research\.google\.com|(www\.)?mybinder\.org)/", target)
        return re.sub(r"notebooks(/|%2F)(0\w+\.ipynb)", r"notebooks\1student\1\2", target) if hosted else target
    where, mark, part = target.partition("#")
    sibling = re.fullmatch(r"(\./)?0\w+\.ipynb", where) and (path.parent / where).is_file()
    if not where or sibling:
        return target
    return Path(os.path.relpath(path.parent / where, out)).as_posix() + mark + part


def write(notebooks: Iterable = (), out=None) -> list[Path]:
    """Writes the student editions into a folder, notebooks/student by default; their paths.

    Raises ValueError where one would take its master's place.
    """
    paths, out = masters(notebooks), _folder(out)
    texts = {out / path.name: edition(path, out) for path in paths}
    _keep_apart(paths, out)
    checks.writable_folder(out, "out")
    for place, text in texts.items():
        with records.whole_file(place) as file:
            file.write(text)
    return list(texts)


def differences(notebooks: Iterable = (), out=None) -> list[str]:
    """One line for each student edition that `write` would change: it is missing, or its first cell that differs."""
    out, found = _folder(out), []
    for path in masters(notebooks):
        there, wanted = out / path.name, edition(path, out)
        if not there.is_file():
            found.append(f"{there} is missing")
        elif (text := there.read_text(encoding="utf-8")) != wanted:
            found.append(f"{there} is out of date{_where(text, wanted)}")
    return found


def _folder(out) -> Path:
    return runner.root() / FOLDER if out is None else checks.path(out, "out").absolute()


def _keep_apart(paths: list[Path], out: Path) -> None:
    for path in paths:
        if (out / path.name).exists() and (out / path.name).samefile(path):
            raise ValueError(f"`out` must be another folder than that of the notebooks, but got {out}: the student "
                             f"edition would take the place of {path.name}.")  # fmt: skip


def _where(text: str, wanted: str) -> str:
    """', from cell 7 (`warm-up`) on', for the first cell that differs."""
    try:
        cells, others = (json.loads(of)["cells"] for of in (text, wanted))
    except (ValueError, KeyError, TypeError):
        return ""
    for number, (cell, other) in enumerate(zip(cells, others, strict=False), 1):
        if cell != other:
            return f", from cell {number} (`{other.get('id')}`) on"
    return f": it has {len(cells)} cells instead of {len(others)}" if len(cells) != len(others) else ""
