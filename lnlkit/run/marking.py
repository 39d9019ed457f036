"""One notebook marked: its cells as the student left them in a fresh kernel, then each exercise asked of its answers.

The code of a student runs here. It has a process, a working folder, a home and limits of its own, an environment of few
variables and no permission to download by the kit. It is not locked up: it can read what the user can read, reach the
network, and write where the user can write. Use a user or a container that can be thrown away.

A notebook that hangs, ends its kernel or prints without end costs what stands in that cell: it is tried again with the
cells that exercises need, without that one.
"""

import ast
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from lnlkit import exercises
from lnlkit.exercises import checking
from lnlkit.run import job, student
from lnlkit.run.submissions import Submission
from lnlkit.run.surroundings import environment

NEEDED = {"setup", "parameters", "derive", "exercise"}
KEPT = ("PATH", "LANG", "LC_", "LD_LIBRARY_PATH", "DYLD_", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHON", "PYDEVD",
        "JUPYTER_P", "IPYTHONDIR", "MPLCONFIG", "LNLKIT_", "OMP_", "MKL_", "OPENBLAS_", "SYSTEMROOT", "CUDA_")
"""What the environment's variables begin with that a student's code gets: no key or password of the user's."""


@dataclass(frozen=True)
class Limits:
    """What a notebook may take: wall seconds of a try, memory and files in MB, what it prints in MB."""

    seconds: float = 600.0
    memory_mb: float = 4096.0
    disk_mb: float = 512.0
    output_mb: float = 20.0


@dataclass
class Mark:
    """What came out for a submission: an outcome an exercise, wall seconds, and what went wrong in which place."""

    submission: Submission
    outcomes: dict[str, exercises.Outcome] = field(default_factory=dict)
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def word(self, name: str) -> str:
        """'right', 'not yet' or 'not done' for an exercise."""
        outcome = self.outcomes[name]
        return "right" if outcome.right else "not yet" if outcome.done else "not done"


@dataclass
class Try:
    """One try: outcomes by exercise, errors by cell, the cell or exercise it was at, why it stopped before its end.

    limit: it met a limit, which the cell that it was at is to blame for; a kernel that dies may do so some cells later.
    """

    outcomes: dict[str, exercises.Outcome] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    at: int | str | None = None
    ended: str | None = None
    limit: bool = False


def mark(submission: Submission, cohort: int, limits: Limits, stop: threading.Event) -> Mark:
    """The mark of a submission whose answers are tried on the data of a cohort; it ends early once `stop` is set."""
    marked, began = Mark(submission), time.monotonic()
    names = exercises.names(submission.notebook) if submission.notebook else []
    if fault := submission.fault or ("" if submission.notebook else "nothing tells which notebook it is"):
        marked.wrong.append(fault)
    elif not names:
        marked.wrong.append(f"notebook {submission.notebook} has no exercises that are asked")
    else:
        _ask_all(marked, names, cohort, limits, stop)
    for name in names:
        marked.outcomes.setdefault(name, exercises.Outcome(name, False, False, f"exercise {name}: not done."))
    marked.seconds = time.monotonic() - began
    return marked


def _ask_all(marked: Mark, names: list[str], cohort: int, limits: Limits, stop: threading.Event) -> None:
    """Tries until each exercise has an outcome: what stops a try is left out of the next."""
    cells = code(marked.submission)
    places, deadline = [place for place, _ in cells], time.monotonic() + 3 * limits.seconds
    for number in range(len(names) + 3):
        left = [name for name in names if name not in marked.outcomes]
        if not left or stop.is_set() or time.monotonic() > deadline:
            return
        tried = attempt([cell for cell in cells if cell[0] in places], left, cohort, limits, stop)
        marked.outcomes |= tried.outcomes
        if number == 0:
            marked.errors = tried.errors
        if tried.ended is None:
            return
        marked.wrong.append(f"{_place(tried.at)}: {tried.ended}")
        blamed = tried.at if tried.limit or number else None
        if isinstance(blamed, str):
            said = f"exercise {blamed}: not yet. Trying it was stopped: {tried.ended}."
            marked.outcomes[blamed] = exercises.Outcome(blamed, True, False, said)
        elif tried.at is not None:
            needed = needed_places(marked.submission, names)
            places = [place for place in places if place in needed and place != blamed]


def _place(at: int | str | None) -> str:
    return "start" if at is None else f"exercise {at}" if isinstance(at, str) else f"cell {at}"


def code(submission: Submission) -> list[tuple[int, str]]:
    """(place in the notebook from 1, source) of each code cell that is the student's: solutions are not."""
    return [(place, cell.source) for place, cell in enumerate(submission.cells, 1)
            if cell.kind == "code" and not cell.tags & student.LEFT_OUT]  # fmt: skip


def needed_places(submission: Submission, names: list[str]) -> set[int]:
    """The places of the cells that exercises need: by their tags, or because they make an answer."""
    answers = {exercises.find(name).answer for name in names}
    return {place for place, cell in enumerate(submission.cells, 1)
            if (cell.tags & NEEDED and "check" not in cell.tags) or _makes(cell.source) & answers}  # fmt: skip


def _makes(source: str) -> set[str]:
    """Names that a cell defines at its top."""
    try:
        lines = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    found = {line.name for line in lines if isinstance(line, (ast.FunctionDef, ast.ClassDef))}
    return found | {name.id for line in lines if isinstance(line, ast.Assign) for target in line.targets
                    for name in ast.walk(target) if isinstance(name, ast.Name)}  # fmt: skip


def attempt(cells: list, ask: list[str], cohort: int, limits: Limits, stop: threading.Event) -> Try:
    """One try in a process and a scratch folder of its own, of which nothing is left."""
    scratch = Path(tempfile.mkdtemp(prefix="lnlkit-mark-"))
    try:
        for name in ("work", "home", "tmp", "out"):
            (scratch / name).mkdir()
        given = f"SCALE, DEVICE, OUT_DIR = 'smoke', 'cpu', {str(scratch / 'out')!r}"
        task = {"cells": with_parameters(cells, given), "ask": ask, "cohort": cohort, "nonce": secrets.token_hex(16),
                **vars(limits)}  # fmt: skip
        (scratch / "job.json").write_text(json.dumps(task), encoding="utf-8")
        return _watched(scratch, surroundings(scratch, cohort), limits, stop)
    finally:
        job.end_all(scratch)
        shutil.rmtree(scratch, ignore_errors=True)


def with_parameters(cells: list, given: str) -> list:
    """The cells with the marker's parameters right after those of the notebook, which may be too large or elsewhere."""
    found = []
    for place, source in cells:
        sets = _parameters(source)
        found.append((place, f"{source}\n{given}" if sets else source))
    return found


def _parameters(source: str) -> bool:
    """Whether a cell sets the parameters that every notebook has."""
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        lines = ast.parse(source).body
        return {"SCALE", "OUT_DIR"} <= {line.target.id for line in lines
                                        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)} | (
                                            _makes(source))  # fmt: skip
    return False


def surroundings(scratch: Path, cohort: int) -> dict[str, str]:
    """The variables of a student's kernel: folders of its own, no downloads by the kit, the cohort; no secrets."""
    own = {"HOME": "home", "USERPROFILE": "home", "XDG_CACHE_HOME": "home/.cache", "XDG_CONFIG_HOME": "home/.config",
           "TMPDIR": "tmp", "TEMP": "tmp", "TMP": "tmp"}  # fmt: skip
    env = {name: value for name, value in environment(scratch, "smoke", scratch / "out").items()
           if name.upper().startswith(KEPT)}  # fmt: skip
    return env | {name: str(scratch / where) for name, where in own.items()} | {
        "LNLKIT_OFFLINE": "1", checking.COHORT: str(cohort), "JUPYTER_RUNTIME_DIR": str(scratch / "tmp")}


def _watched(scratch: Path, env: dict[str, str], limits: Limits, stop: threading.Event) -> Try:
    """Runs the job and ends it at a limit."""
    found, deadline = Try(), time.monotonic() + limits.seconds
    command = [sys.executable, "-m", "lnlkit.run.marking_job", str(scratch / "job.json")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=scratch, env=env, **pipes, encoding="utf-8", errors="replace") as process:
        reader = threading.Thread(target=_read, args=(process.stdout, found), daemon=True)
        reader.start()
        reason = None
        while process.poll() is None and reason is None:
            reason = "the marking was stopped" if stop.wait(0.2) else beyond(scratch, process.pid, limits, deadline)
        job.end_all(scratch, process.pid)
        code = process.wait()
        reader.join(10)
    found.limit = found.limit or reason is not None
    found.ended = reason or found.ended or (f"its process ended with code {code}" if code else None)
    return found


def beyond(scratch: Path, pid: int, limits: Limits, deadline: float) -> str | None:
    """Which limit a try has met: time, memory, room for files."""
    import psutil

    if time.monotonic() > deadline:
        return f"it took longer than {limits.seconds:g} s"
    used = 0
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                used += process.memory_info().rss
    if used > limits.memory_mb * 2**20:
        return f"it took more than {limits.memory_mb:g} MB of memory"
    written = 0
    for folder, _, names in os.walk(scratch):
        for name in names:
            with contextlib.suppress(OSError):
                written += os.lstat(os.path.join(folder, name)).st_size
    return f"it wrote more than {limits.disk_mb:g} MB" if written > limits.disk_mb * 2**20 else None


def _read(lines, found: Try) -> None:
    """Takes up what the job says until its end."""
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            said = json.loads(line)
            if "cell" in said or "asked" in said:
                found.at = said.get("cell", said.get("asked"))
            elif "error" in said:
                found.errors[_place(said["in"])] = said["error"]
            elif "outcome" in said:
                found.outcomes[said["outcome"]] = exercises.Outcome(said["outcome"], *said["is"])
            else:
                found.ended, found.limit = said["ended"], said.get("limit", False)
