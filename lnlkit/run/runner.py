"""Run a notebook at a scale: papermill behind one function, with limits, checks and nothing half-written.

The notebook runs in a process of its own. Its executed copy and its page are made in a scratch folder and moved to
their place after every check has passed; a run that fails or is killed leaves the last good result as it was.
"""

import difflib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lnlkit import checks, papers, records
from lnlkit.run import executed
from lnlkit.run.attempt import Attempt, RunError

__all__ = ["RunError", "RunResult", "find", "recorded_at_lab", "root", "run", "save_results"]

LIMIT_S = {"smoke": 3600, "lab": 6 * 3600, "paper": None}
"""Wall seconds after which a notebook is stopped: only one that hangs meets them, however slow or busy the machine.
What a notebook should take is a goal, which `report.cost` and benchmarks/notebooks.py show."""

TYPES = {"str": str, "int": int, "float": (int, float), "bool": bool, "list": (list, tuple), "dict": dict}


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
        if not Path(notebook).is_file():
            raise FileNotFoundError(f"There is no notebook `{notebook}`.")
        return Path(notebook).resolve()
    known = {path.stem: path for path in sorted((root() / "notebooks").glob("*.ipynb"))}
    by_alias = {alias: path for stem, path in known.items() for alias in (stem, stem[:2], stem[3:])}
    if str(notebook) in by_alias:
        return by_alias[str(notebook)]
    if not known:
        raise FileNotFoundError(f"No notebooks in `{root() / 'notebooks'}`: run this inside a checkout of lnlkit.")
    checks.one_of(str(notebook), "notebook", list(known))
    raise AssertionError("unreachable")


def check_params(path: Path, params: dict) -> None:
    """Refuses a name that the notebook has no parameter for, and a value of another type than its default.

    papermill itself only warns about an unknown name and goes on with the default.
    """
    import papermill

    known = papermill.inspect_notebook(str(path))
    for name, value in params.items():
        if name not in known:
            folded = {other.lower(): other for other in known}
            near = difflib.get_close_matches(name.lower(), folded, n=1)
            cure = f" Did you mean {folded[near[0]]!r}?" if near else ""
            raise ValueError(f"`{name}` is no parameter of {path.name}, which has {', '.join(known)}.{cure}")
        wanted = known[name]["inferred_type_name"]
        right = isinstance(value, TYPES.get(wanted, object))
        if not right or (isinstance(value, bool) and wanted in ("int", "float")):
            raise TypeError(f"`{name}` must be of type {wanted}, but got {value!r} of type {type(value).__name__}.")
    if "RATE" in params:
        checks.fraction(params["RATE"], "noise_rate")


def run(notebook, scale: str = "smoke", seeds=None, out_dir=None, params: dict | None = None, *, html: bool = False,
        reuse: bool = False, timeout: float | None = None,
        progress: Callable[[str], None] | None = None) -> RunResult:  # fmt: skip
    """The checked result of a notebook executed at a scale.

    seeds: list of int, None leaves the notebook's default; params: further notebook parameters, refused when unknown;
    reuse: hand back the stored result when nothing it depends on has changed; timeout: wall limit in seconds,
    default LIMIT_S; progress: called with a line per cell.
    Raises ValueError, TypeError or FileNotFoundError for bad input before anything is written, RunError when the
    notebook fails.
    """
    path = find(notebook)
    checks.one_of(scale, "scale", list(papers.SCALES))
    for name, option in (("SCALE", "--scale"), ("SEEDS", "--seeds"), ("OUT_DIR", "--out-dir")):
        if name in (params or {}):
            raise ValueError(f"`{name}` must be given by its own option, {option}, not as a parameter.")
    given = {**(params or {}), "SCALE": scale, **({} if seeds is None else {"SEEDS": checks.seed_list(seeds)})}
    check_params(path, given)
    out_dir = Path(out_dir) if out_dir is not None else root() / "artifacts" / scale
    key = executed.fingerprint(path, given)
    if reuse and (stored := _stored(path.stem, scale, out_dir, key, html)):
        return stored
    _check_data(path.stem, scale)
    out_dir = out_dir.resolve()  # the notebook runs in another folder
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=f".{path.stem}.", ignore_cleanup_errors=True) as scratch:
        attempt = Attempt(path, given, scale, Path(scratch), out_dir, timeout or LIMIT_S[scale], html)
        try:
            seconds = attempt.execute(progress)
            attempt.publish(key, seconds)
        except BaseException:
            attempt.restore_record()
            raise
    return _result(path.stem, scale, out_dir, html, seconds)


def _check_data(notebook: str, scale: str) -> None:
    """Reads, or fetches, the scale's data sets now: a missing or broken file is told before a kernel starts."""
    if notebook in papers.KEYS and scale != "smoke":  # smoke's digits are built in
        from lnlkit import data, tasks

        for name in tasks.data_sets(papers.load(notebook), scale):
            if name in data.names():  # functions are no files
                data.prepare(name)


def _result(notebook, scale, out_dir: Path, html, seconds, reused=False) -> RunResult:
    record_path = out_dir / f"{notebook}.json"
    page = out_dir / f"{notebook}.html" if html else None
    return RunResult(notebook, scale, out_dir / f"{notebook}.ipynb", record_path, page,
                     records.read_notebook(record_path), seconds, reused)  # fmt: skip


def _stored(notebook, scale, out_dir: Path, key: str, html: bool) -> RunResult | None:
    """The stored result if it is whole and nothing that it depends on has changed."""
    try:
        stamp = records.read(out_dir / f"{notebook}.run")
        same = stamp.get("fingerprint") == key and stamp.get("record") == executed.digest(out_dir / f"{notebook}.json")
        if not same or not (out_dir / f"{notebook}.ipynb").exists():
            return None
        if html and not (out_dir / f"{notebook}.html").exists():
            executed.write_html(out_dir / f"{notebook}.ipynb", out_dir / f"{notebook}.html")
        return _result(notebook, scale, out_dir, html, stamp["seconds"], reused=True)
    except (FileNotFoundError, ValueError):
        return None


def recorded_at_lab(notebook: str) -> dict | None:
    """The record at `lab` that is committed beside a notebook, None where there is none yet."""
    path = root() / "results" / notebook / "lab.json"
    return records.read_notebook(path) if path.exists() else None


def save_results(result: RunResult) -> Path:
    """Copies the record to results/<notebook>/<scale>.json, the folder that is committed."""
    return records.write(root() / "results" / result.notebook / f"{result.scale}.json", result.record)
