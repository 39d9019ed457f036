"""Students' notebooks marked: `lnlkit grade`. It runs their code, see `lnlkit.run.marking` for what that may do.

Each notebook is run from a copy. Marks are written when all are there. What a notebook changes in the folder of the
submissions is said in its row, and the submissions themselves are put back as they were.
"""

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import lnlkit
from lnlkit import checks, exercises
from lnlkit.run import marks, submissions
from lnlkit.run.marking import Limits, Mark, mark
from lnlkit.run.screen import near
from lnlkit.run.submissions import Submission
from lnlkit.run.sweeps import duration

PACKAGE = Path(lnlkit.__file__).parent


@dataclass(frozen=True)
class Marked:
    """The table of all marks, where its file lies, and a summary for the screen."""

    table: pd.DataFrame
    path: Path
    summary: str


def grade(folder, *, notebook: str | None = None, cohort: int = 0, out=None, jobs: int = 1, timeout: float = 600.0,
          progress: Callable[[str], None] | None = None) -> Marked:  # fmt: skip
    """The marks of all notebooks in a folder, name.ipynb or name/anything.ipynb, written into another.

    notebook: the number of all, such as "03", None: each tells its own; cohort: seed of the data that answers are tried
    on; out: default is <folder>-marks; jobs: notebooks side by side; timeout: wall seconds of one try of a notebook, of
    which one that misbehaves gets up to three; progress: called with a line a notebook.
    Raises ValueError, TypeError or FileNotFoundError for bad input before anything is run. Runs students' code.
    """
    folder = checks.path(folder, "folder").absolute()
    if notebook is not None:
        known = sorted({name.partition(".")[0] for name in exercises.names()})
        notebook = checks.one_of(str(notebook)[:2], "notebook", known)
    cohort, jobs = checks.seed(cohort, "cohort"), checks.positive_int(jobs, "jobs")
    limits = Limits(seconds=checks.positive(timeout, "timeout"))
    checks.function(progress, "progress", optional=True)
    found = submissions.find(folder, notebook)
    out = folder.with_name(f"{folder.name}-marks") if out is None else checks.path(out, "out").absolute()
    if out == folder:
        raise ValueError(f"`out` must be another folder than that of the submissions, but got {out}.")
    checks.writable_folder(out, "out")
    began = time.monotonic()
    with _kept(folder, found) as lost:
        made = _all(folder, found, cohort, limits, jobs, progress or (lambda line: None))
    for one in made:
        one.wrong += lost.get(one.submission.path, [])
    said = _sentence(made, cohort, time.monotonic() - began)
    path = marks.write(made, folder, out, said)
    return Marked(marks.table(made, folder), path, f"{said}\nMarks: {near(path)}, and marks.html, answers.html there")


def _all(folder: Path, found: list[Submission], cohort: int, limits: Limits, jobs: int, progress) -> list[Mark]:
    """The marks in the order of the submissions; whatever ends this ends all that is running."""
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_one, folder, one, cohort, limits, stop): place for place, one in enumerate(found)}
        made: dict[int, Mark] = {}
        try:
            for future in as_completed(running):
                made[running[future]] = one = future.result()
                progress(f"{len(made)}/{len(found)}  {one.submission.name}")
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
    return [made[place] for place in range(len(found))]


def _one(folder: Path, submission: Submission, cohort: int, limits: Limits, stop: threading.Event) -> Mark:
    """The mark of one, which says when files among the submissions changed meanwhile."""
    before, kit = _state(folder), _state(PACKAGE, "*.py")
    try:
        made = mark(submission, cohort, limits, stop)
    except Exception as error:  # whatever it is, the others get their marks
        made = Mark(submission, wrong=[f"the marking failed: {type(error).__name__}: {error}"[:300]])
    after = _state(folder)
    if changed := sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)):
        made.wrong.append("files of the submissions changed while it ran, by it or by one beside it: "
                          f"{', '.join(changed)[:200]}")  # fmt: skip
    if kit != _state(PACKAGE, "*.py"):
        made.wrong.append("files of lnlkit itself changed while it ran: install it anew, and mark again")
    return made


def _state(folder: Path, kind: str = "*") -> dict[str, tuple]:
    """Every file of a kind in a folder, with what no writing leaves as it is: size, and the time of its last change."""
    found = {}
    for path in folder.rglob(kind):
        with contextlib.suppress(OSError):
            about = path.lstat()
            found[path.relative_to(folder).as_posix()] = (about.st_size, about.st_ctime_ns) if path.is_file() else ()
    return found


@contextlib.contextmanager
def _kept(folder: Path, found: list[Submission]):
    """Copies the submissions, and puts back in the end those that are gone or others: yields {path: what is said}."""
    said: dict[Path, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="lnlkit-kept-", ignore_cleanup_errors=True) as place:
        copies = {}
        for number, submission in enumerate(found):
            with contextlib.suppress(OSError):
                copies[submission.path] = Path(shutil.copyfile(submission.path, Path(place) / str(number)))
        was = {path: submissions.digest(copy) for path, copy in copies.items()}
        try:
            yield said
        finally:
            for path, copy in copies.items():
                if submissions.digest(path) != was[path]:
                    said[path] = [f"its file was changed during the marking; {_put_back(copy, path)}"]


def _put_back(copy: Path, path: Path) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(copy, path)
    except OSError as error:  # a folder is in its place
        return f"it could not be put back ({error.strerror})"
    return "it is put back as it was"


def _sentence(made: list[Mark], cohort: int, seconds: float) -> str:
    words = [one.word(name) for one in made for name in one.outcomes]
    kinds = ", ".join(sorted({one.submission.notebook for one in made} - {""})) or "unknown"
    wrong = sum(bool(marks.trouble(one)) for one in made)
    n = f"{len(made)} notebook{'s' if len(made) != 1 else ''}"
    return (f"{n} ({kinds}) marked with cohort {cohort} in {duration(seconds)}: of {len(words)} "
            f"answers {words.count('right')} right, {words.count('not yet')} not yet, {words.count('not done')} not "
            f"done; something went wrong in {wrong}.")  # fmt: skip
