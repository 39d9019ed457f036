"""Run a notebook at a scale: papermill behind one function, with limits, checks and nothing half-written.

The notebook runs in a process of its own. All that it makes lies in a scratch folder and is published at once, under
the notebook's name, after every check has passed; a run that fails or is killed leaves the last good result as it was.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lnlkit import checks, data, papers, records, tasks
from lnlkit.run import executed, folder, parameters, shape
from lnlkit.run.attempt import Attempt
from lnlkit.run.folder import RunError

__all__ = ["RunError", "RunResult", "find", "root", "run", "save_results"]

LIMIT_S = {"smoke": 3600, "lab": 6 * 3600, "paper": None}
"""Wall seconds after which a notebook is stopped: only one that hangs meets them, however slow or busy the machine.
What a notebook should take is a goal, which `report.cost` and benchmarks/notebooks.py show."""


@dataclass(frozen=True)
class RunResult:
    """Where the executed notebook, its page and its record lie, and what the record says."""

    notebook: str
    scale: str
    executed: Path
    record_path: Path
    html: Path | None
    record: dict
    seconds: float
    reused: bool = False


def root() -> Path:
    """The folder that holds `notebooks/`: the package's own checkout, else the working directory."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "notebooks").is_dir() else Path.cwd()


def find(notebook) -> Path:
    """Path of a notebook given as "01", "01_cvae_augmentation" or a path."""
    if str(notebook).endswith(".ipynb"):
        path = checks.path(notebook, "notebook").absolute()  # a link's own name is the notebook's
        if not path.is_file():
            raise FileNotFoundError(f"`notebook` must be a number, a name or a path, but there is no file {notebook}.")
        return path
    known = {path.stem: path for path in sorted((root() / "notebooks").glob("*.ipynb"))}
    by_alias = {alias: path for stem, path in known.items() for alias in (stem, stem[:2], stem[3:])}
    if str(notebook) in by_alias:
        return by_alias[str(notebook)]
    if not known:
        raise FileNotFoundError(f"No notebooks in `{root() / 'notebooks'}`: run this inside a checkout of lnlkit.")
    checks.one_of(str(notebook), "notebook", list(known))
    raise AssertionError("unreachable")


def run(notebook, scale: str = "smoke", seeds=None, out_dir=None, params: dict | None = None, *, html: bool = False,
        reuse: bool = False, timeout: float | None = None,
        progress: Callable[[str], None] | None = None) -> RunResult:  # fmt: skip
    """The checked result of a notebook executed at a scale.

    seeds: list of int, None leaves the notebook's default; params: further notebook parameters, refused when unknown;
    reuse: hand back the stored result when nothing it depends on has changed; timeout: wall limit in seconds,
    default LIMIT_S; progress: called with a line per cell. What the notebook writes into its OUT_DIR beside its record
    is published as `<notebook>.files`.
    Raises ValueError, TypeError or FileNotFoundError for bad input before anything is written, RunError when the
    notebook fails, or while another run of it into the same folder is going on.
    """
    path = find(notebook)
    given = parameters.given(scale, seeds, params)
    cells = parameters.read(path)
    parameters.check(cells, path, given)
    limit = LIMIT_S[scale] if timeout is None else checks.positive(timeout, "timeout")
    checks.function(progress, "progress", optional=True)
    out_dir = checks.path(root() / "artifacts" / scale if out_dir is None else out_dir, "out_dir").absolute()
    source = json.dumps(cells)
    key = executed.fingerprint(path.stem, source, given, _data_files(path.stem, scale))
    if reuse and (stored := _stored(path.stem, scale, out_dir, key, html)):
        return stored
    checks.writable_folder(next(place for place in (out_dir, *out_dir.parents) if os.path.lexists(place)), "out_dir")
    _check_data(path.stem, scale)
    with folder.scratch_for(out_dir, path.stem) as scratch:
        folder.keep_apart(path, out_dir)
        attempt = Attempt(path.stem, source, given, scale, scratch, out_dir, limit, html)
        seconds = attempt.execute(progress)
        attempt.publish(key, seconds, path)
    return _result(path.stem, scale, out_dir, html, shape.read_notebook(out_dir / f"{path.stem}.json"), seconds)


def data_sets(notebook: str, scale: str) -> list[str]:
    """The data sets that a paper's notebook reads from files at a scale; smoke's are built in, functions are none."""
    if notebook not in papers.KEYS or scale == "smoke":
        return []
    return [name for name in tasks.data_sets(papers.load(notebook), scale) if name in data.names()]


def _check_data(notebook: str, scale: str) -> None:
    """Reads, or fetches, the scale's data sets now: a missing or broken file is told before a kernel starts."""
    for name in data_sets(notebook, scale):
        data.prepare(name)


def _data_files(notebook: str, scale: str) -> list[Path]:
    return [path for name in data_sets(notebook, scale) for path in data.files(name)]


def _result(notebook, scale, out_dir: Path, html, record: dict, seconds, reused=False) -> RunResult:
    page = out_dir / f"{notebook}.html" if html else None
    return RunResult(notebook, scale, out_dir / f"{notebook}.ipynb", out_dir / f"{notebook}.json", page, record,
                     seconds, reused)  # fmt: skip


def _stored(notebook, scale, out_dir: Path, key: str, html: bool) -> RunResult | None:
    """The stored result if it is whole and nothing that it depends on has changed."""
    notebook_path, page = (out_dir / f"{notebook}{suffix}" for suffix in (".ipynb", ".html"))
    try:
        record, stamp = folder.checked(out_dir / f"{notebook}.json")
        if stamp.get("fingerprint") != key or stamp.get("executed") != folder.digest(notebook_path):
            return None
        if html and not page.exists():
            with folder.scratch_for(out_dir, notebook):  # nobody publishes another one meanwhile
                executed.write_html(notebook_path, page)
        seconds = checks.not_negative(stamp.get("seconds"), "seconds")
        return _result(notebook, scale, out_dir, html, record, seconds, reused=True)
    except (FileNotFoundError, ValueError):
        return None


def record_paths(notebook: str, scale: str) -> list[Path]:
    """The records of a notebook at a scale that are here: the committed one, and the one in `artifacts`."""
    places = (root() / "results" / notebook / f"{scale}.json", root() / "artifacts" / scale / f"{notebook}.json")
    folder.settle(places[1].parent, notebook)
    return [path for path in places if path.exists()]


def recorded(path, notebook: str | None = None, scales=papers.SCALES) -> dict:
    """The record in a file, which must be of a notebook (None: of the one that the path names) and of a scale as named.

    Those in `results` are committed; any other must have passed the checks of a run.
    """
    path = checks.path(path)
    committed = path.resolve().is_relative_to((root() / "results").resolve())
    record = shape.read_notebook(path) if committed else folder.checked(path)[0]
    known = (*papers.STUDIES, *papers.KEYS)
    named = [name for name in (notebook, path.stem, path.parent.name) if name in known] or [record["notebook"]]
    for key, allowed in (("notebook", named[:1]), ("scale", list(scales))):
        if record[key] not in allowed:
            raise ValueError(f"`{path}` must be a record of {key} {' or '.join(allowed)}, but is one of {record[key]}.")
    return record


def save_results(result: RunResult) -> Path:
    """Copies the record to results/<notebook>/<scale>.json, the folder that is committed."""
    return records.write(root() / "results" / result.notebook / f"{result.scale}.json", result.record)
