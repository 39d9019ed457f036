"""Run a notebook at a scale: papermill behind one function, with limits, checks and nothing half-written.

The notebook runs in a process of its own. Its executed copy and its page are made in a scratch folder and moved to
their place after every check has passed; a run that fails or is killed leaves the last good result as it was.
"""

import difflib
import json
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

from lnlkit import checks, papers, records
from lnlkit.run import executed
from lnlkit.run.job import kill_tree

BUDGET_S = {"smoke": 60, "lab": 600, "paper": None}
"""What a notebook may take on two quiet cores. It is stopped after ten times that: a shared machine can be so slow."""

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
    reuse: hand back the stored result when nothing it depends on has changed; timeout: wall limit in seconds;
    progress: called with a line per cell.
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
        attempt = _Attempt(path, given, scale, Path(scratch), out_dir, timeout or _wall_limit(scale), html)
        try:
            seconds = attempt.execute(progress)
            attempt.publish(key, seconds)
        except BaseException:
            attempt.restore_record()
            raise
    return _result(path.stem, scale, out_dir, html, seconds)


def _wall_limit(scale: str) -> float | None:
    return None if BUDGET_S[scale] is None else 10 * BUDGET_S[scale]


def _check_data(notebook: str, scale: str) -> None:
    """Reads, or fetches, the scale's data sets now: a missing or broken file is told before a kernel starts."""
    if notebook in papers.KEYS and scale != "smoke":  # smoke's digits are built in
        from lnlkit import data, tasks

        for name in tasks.data_sets(papers.load(notebook), scale):
            if name in data.names():  # functions are no files
                data.prepare(name)


@dataclass
class _Attempt:
    """One execution of a notebook: what goes in, the scratch folder, and the last good record, kept until the end."""

    path: Path
    params: dict
    scale: str
    scratch: Path
    out_dir: Path
    limit: float | None
    html: bool

    def __post_init__(self):
        self.name = self.path.stem
        self.record = self.out_dir / f"{self.name}.json"
        self.old = self.record.read_bytes() if self.record.exists() else None
        self.old_identity = self.record_identity()

    def execute(self, progress) -> float:
        """Seconds that the notebook took in a process of its own; raises RunError."""
        job = {"notebook": str(self.path), "executed": str(self.scratch / f"{self.name}.ipynb"),
               "cwd": str(self.scratch), "params": {**self.params, "OUT_DIR": str(self.out_dir)},
               "limit": self.limit}  # fmt: skip
        (self.scratch / "job.json").write_text(json.dumps(job))
        began = time.perf_counter()
        with (self.scratch / "log.txt").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "lnlkit.run.job", str(self.scratch / "job.json")], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True, env=_environment(self.scratch, self.scale))  # fmt: skip
            reader = threading.Thread(target=_relay, args=(process.stdout, progress), daemon=True)
            reader.start()
            try:
                code = process.wait(self.limit)
            except subprocess.TimeoutExpired:
                kill_tree(process.pid)
                said = f"took longer than {self.limit:g} s and was stopped: a longer `timeout` allows more"
                raise self.failure(said) from None
            except BaseException:  # Ctrl-C: no kernel is left behind
                kill_tree(process.pid)
                raise
            finally:
                reader.join(10)
                process.stdin.close()
        if code != 0:
            error = self.scratch / "error.txt"
            raise self.failure(error.read_text() if error.exists() else f"ended with code {code}: out of memory?")
        return time.perf_counter() - began

    def failure(self, said: str) -> RunError:
        """The error, after keeping the executed part and the log under names that nobody takes for a result."""
        kept = self.out_dir / f"{self.name}.failed"
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir()
        for source in (self.scratch / f"{self.name}.ipynb", self.scratch / "log.txt", self.record):
            if source.exists() and (source != self.record or self.has_new_record()):
                shutil.copy(source, kept / source.name)
        return RunError(f"{self.name} {said}\nWhat it did so far: {kept}")

    def record_identity(self):
        """Changes whenever the record is written, because it is then another file under the same name."""
        found = self.record.stat() if self.record.exists() else None
        return found and (found.st_ino, found.st_mtime_ns)

    def has_new_record(self) -> bool:
        """True when the notebook has written its record in this run."""
        return self.record_identity() not in (None, self.old_identity)

    def restore_record(self) -> None:
        """Puts the last good record back in place of that of a failed run."""
        if not self.has_new_record():
            return
        if self.old is None:
            self.record.unlink()
        else:
            (self.scratch / "old.json").write_bytes(self.old)
            os.replace(self.scratch / "old.json", self.record)

    def publish(self, key: str, seconds: float) -> None:
        """Checks what came out and moves it to its place, the fingerprint last."""
        notebook = self.scratch / f"{self.name}.ipynb"
        record = self.record if self.has_new_record() else self.scratch / "no record"
        if found := executed.problems(notebook, record, self.name, self.scale):
            raise self.failure("ran to its end, but:\n  " + "\n  ".join(found))
        page = executed.write_html(notebook, self.scratch / f"{self.name}.html") if self.html else None
        stamp = self.out_dir / f"{self.name}.run"
        for old in (stamp, self.out_dir / f"{self.name}.html"):
            old.unlink(missing_ok=True)
        for file in (notebook, page):
            if file:
                os.replace(file, self.out_dir / file.name)
        digest = executed.digest(self.record)
        records.write(stamp, {"fingerprint": key, "record": digest, "seconds": round(seconds, 2)})
        shutil.rmtree(self.out_dir / f"{self.name}.failed", ignore_errors=True)


def _relay(lines, progress) -> None:
    for line in lines:
        if progress:
            progress(line.rstrip("\n"))


def _environment(scratch: Path, scale: str) -> dict:
    """The variables of the run: nothing of the user's IPython or Matplotlib settings, no downloads at smoke."""
    env = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}  # set, it would switch inline figures off
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # One thread for tiny networks: two gain nothing there, and on a busy machine wait for each other (7 times slower).
    env.setdefault("OMP_NUM_THREADS", "1" if scale == "smoke" else str(cores))
    env.update(IPYTHONDIR=str(scratch / "ipython"), MPLCONFIGDIR=str(scratch / "matplotlib"),
               JUPYTER_PREFER_ENV_PATH="1", PYDEVD_DISABLE_FILE_VALIDATION="1", LNLKIT_SCALE=scale)  # fmt: skip
    if scale == "smoke":
        env["LNLKIT_OFFLINE"] = "1"
    return env


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


def save_results(result: RunResult) -> Path:
    """Copies the record to results/<notebook>/<scale>.json, the folder that is committed."""
    return records.write(root() / "results" / result.notebook / f"{result.scale}.json", result.record)
