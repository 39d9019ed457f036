"""Run a notebook at a scale: papermill behind one function, with limits, checks and nothing half-written.

The notebook runs in a process of its own, in a scratch folder inside the output folder. Only what has passed every
check is moved to its place, so a run that is killed leaves the last good result as it was.
"""

import contextlib
import difflib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lnlkit import _checks, executed, papers, records

BUDGET_S = {"smoke": 60, "lab": 600, "paper": None}
"""What a notebook may take on two cores; the wall limit is three times that, because machines differ."""

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


class RunError(RuntimeError):
    """A notebook that failed: one sentence, and the folder in which the executed part and the log were kept."""


def root() -> Path:
    """The folder that holds `notebooks/`: the package's own checkout, else the working directory."""
    checkout = Path(__file__).resolve().parents[1]
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
    _checks.one_of(str(notebook), "notebook", list(known))
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
        _checks.fraction(params["RATE"], "noise_rate")


def run(notebook, scale: str = "smoke", seeds=None, out_dir=None, params: dict | None = None, *, html: bool = False,
        reuse: bool = False, timeout: float | None = None,
        progress: Callable[[str], None] | None = None) -> RunResult:  # fmt: skip
    """The checked result of a notebook executed at a scale.

    seeds: list of int, None leaves the scale's own; params: further notebook parameters, refused when unknown;
    reuse: hand back the stored result when nothing it depends on has changed; timeout: wall limit in seconds;
    progress: called with a line per cell.
    Raises ValueError, TypeError or FileNotFoundError for bad input before anything is written, RunError when the
    notebook fails.
    """
    path = find(notebook)
    _checks.one_of(scale, "scale", list(papers.SCALES))
    given = {**(params or {}), "SCALE": scale, **({} if seeds is None else {"SEEDS": _seeds(seeds)})}
    check_params(path, given)
    out_dir = Path(out_dir) if out_dir is not None else root() / "artifacts" / scale
    key = executed.fingerprint(path, given)
    if reuse and (stored := _stored(path.stem, scale, out_dir, key, html)):
        return stored
    _check_data(path.stem, scale)
    out_dir.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=f".{path.stem}.", ignore_cleanup_errors=True) as scratch:
        _execute(path, given, Path(scratch), scale, timeout or _wall_limit(scale), progress, out_dir)
        return _publish(path.stem, scale, Path(scratch), out_dir, key, html, time.perf_counter() - began)


def _wall_limit(scale: str) -> float | None:
    return None if BUDGET_S[scale] is None else 3 * BUDGET_S[scale]


def _seeds(seeds) -> list[int]:
    seeds = list(seeds)
    if not seeds or not all(isinstance(s, int) and not isinstance(s, bool) and s >= 0 for s in seeds):
        raise ValueError(f"`seeds` must be whole numbers from 0, at least one, but got {seeds}.")
    return seeds


def _check_data(notebook: str, scale: str) -> None:
    """Reads, or fetches, the scale's data set now: a missing or broken file is told before a kernel starts."""
    if notebook in papers.KEYS and scale != "smoke":  # smoke's digits are built in
        from lnlkit import data

        data.prepare(papers.load(notebook).scale(scale)["dataset"])


def _execute(path, params, scratch: Path, scale, limit, progress, out_dir: Path) -> None:
    """Runs the notebook in a process of its own; raises RunError, with what was done so far kept in `out_dir`."""
    job = {"notebook": str(path), "executed": str(scratch / f"{path.stem}.ipynb"), "cwd": str(scratch),
           "params": {**params, "OUT_DIR": str(scratch)}, "scale": scale}  # fmt: skip
    (scratch / "job.json").write_text(json.dumps(job))
    with (scratch / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lnlkit.runner", str(scratch / "job.json")], env=_environment(scratch, scale),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)  # fmt: skip
        reader = threading.Thread(target=_relay, args=(process.stdout, progress), daemon=True)
        reader.start()
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            _kill_tree(process.pid)
            raise _failure(path.stem, scratch, out_dir, f"took longer than {limit:g} s and was stopped") from None
        except BaseException:  # Ctrl-C: no kernel is left behind
            _kill_tree(process.pid)
            raise
        reader.join()
    if code != 0:
        error = scratch / "error.txt"
        said = error.read_text() if error.exists() else f"ended with code {code}: out of memory?"
        raise _failure(path.stem, scratch, out_dir, said)


def _relay(lines, progress) -> None:
    for line in lines:
        if progress:
            progress(line.rstrip("\n"))


def _kill_tree(pid: int) -> None:
    """Ends a process and its children: a kernel is in a session of its own and outlives the process group."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)


def _environment(scratch: Path, scale: str) -> dict:
    """The variables of the run: nothing of the user's IPython or Matplotlib settings, no downloads at smoke."""
    env = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}  # set, it would switch inline figures off
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    env.setdefault("OMP_NUM_THREADS", str(cores))
    env.update(IPYTHONDIR=str(scratch / "ipython"), MPLCONFIGDIR=str(scratch / "matplotlib"),
               JUPYTER_PREFER_ENV_PATH="1", PYDEVD_DISABLE_FILE_VALIDATION="1", LNLKIT_SCALE=scale)  # fmt: skip
    if scale == "smoke":
        env["LNLKIT_OFFLINE"] = "1"
    return env


def _failure(notebook: str, scratch: Path, out_dir: Path, said: str) -> RunError:
    """The error of a run, after keeping the executed part and the log under names that no reader takes for a result."""
    kept = out_dir / f"{notebook}.failed"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for name in (f"{notebook}.ipynb", f"{notebook}.json", "log.txt"):
        if (scratch / name).exists():
            shutil.copy(scratch / name, kept / name)
    return RunError(f"{notebook} {said}\nWhat it did so far: {kept}")


def _publish(notebook, scale, scratch: Path, out_dir: Path, key, html, seconds) -> RunResult:
    """Checks the executed notebook and moves it, its page and its record to their places, the fingerprint last."""
    names = {kind: f"{notebook}{end}" for kind, end in (("executed", ".ipynb"), ("record", ".json"), ("html", ".html"))}
    found = executed.problems(scratch / names["executed"], scratch / names["record"], notebook, scale)
    if found:
        raise _failure(notebook, scratch, out_dir, "ran to its end, but:\n  " + "\n  ".join(found))
    if html:
        executed.write_html(scratch / names["executed"], scratch / names["html"])
    (out_dir / f"{notebook}.run").unlink(missing_ok=True)
    for name in names.values():
        if (scratch / name).exists():
            os.replace(scratch / name, out_dir / name)
    records.write(out_dir / f"{notebook}.run", {"fingerprint": key, "seconds": round(seconds, 2)})
    shutil.rmtree(out_dir / f"{notebook}.failed", ignore_errors=True)
    return _result(notebook, scale, out_dir, html, seconds)


def _result(notebook, scale, out_dir: Path, html, seconds, reused=False) -> RunResult:
    record_path = out_dir / f"{notebook}.json"
    page = out_dir / f"{notebook}.html" if html else None
    return RunResult(notebook, scale, out_dir / f"{notebook}.ipynb", record_path, page,
                     records.read_notebook(record_path), seconds, reused)  # fmt: skip


def _stored(notebook, scale, out_dir: Path, key: str, html: bool) -> RunResult | None:
    """The stored result if it is whole and nothing that it depends on has changed."""
    try:
        stamp = records.read(out_dir / f"{notebook}.run")
        if stamp.get("fingerprint") != key or not (out_dir / f"{notebook}.ipynb").exists():
            return None
        if html and not (out_dir / f"{notebook}.html").exists():
            executed.write_html(out_dir / f"{notebook}.ipynb", out_dir / f"{notebook}.html")
        return _result(notebook, scale, out_dir, html, stamp["seconds"], reused=True)
    except (FileNotFoundError, ValueError):
        return None


def save_results(result: RunResult) -> Path:
    """Copies the record to results/<notebook>/<scale>.json, the folder that is committed."""
    return records.write(root() / "results" / result.notebook / f"{result.scale}.json", result.record)


class _CellLines(logging.Handler):
    """Prints `cell 7 of 31` when papermill logs that it starts one."""

    def __init__(self, n_cells: int):
        super().__init__()
        self.n_cells = n_cells

    def emit(self, record) -> None:
        text = record.getMessage()
        if text.startswith("Executing Cell"):
            print(f"cell {text.split()[2].rstrip('-')} of {self.n_cells}", flush=True)


def _job(path: str) -> int:
    """The process that `_execute` starts: papermill on one notebook; says the cell it is at, and why it stopped."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    job = json.loads(Path(path).read_text())
    n_cells = len(json.loads(Path(job["notebook"]).read_text(encoding="utf-8"))["cells"]) + 1  # the injected cell
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("papermill").addHandler(_CellLines(n_cells))
    try:
        papermill.execute_notebook(
            job["notebook"], job["executed"], job["params"], kernel_name="python3", progress_bar=False,
            log_output=True, cwd=job["cwd"], timeout_func=lambda cell: _cell_limit(cell, job["scale"]))  # fmt: skip
    except PapermillExecutionError as error:
        first = error.source.strip().splitlines()[0] if error.source.strip() else ""
        said = f"stopped in cell {error.cell_index + 1} (`{first}`)\n{error.ename}: {error.evalue}"
    except Exception as error:  # a dead kernel, a cell past its limit: whatever it is, the caller is told
        said = f"stopped: {type(error).__name__}: {str(error).strip().splitlines()[0]}"
    else:
        return 0
    (Path(path).parent / "error.txt").write_text(said, encoding="utf-8")
    return 1


def _cell_limit(cell, scale: str) -> int | None:
    """Seconds that a cell may take: training the whole budget, a widget little, because a hang there is known."""
    tags = cell.metadata.get("tags", [])
    budget = BUDGET_S[scale]
    if "widget" in tags or "drive" in tags:
        return 60
    return None if budget is None else (2 * budget if scale == "smoke" or "train" in tags else budget)


if __name__ == "__main__":
    sys.exit(_job(sys.argv[1]))
