"""One execution of a notebook: in a process of its own, in a scratch folder, and published only when it is checked."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from lnlkit.run import executed, folder, job
from lnlkit.run.folder import RunError
from lnlkit.run.surroundings import environment

JOB = ("-m", "lnlkit.run.job")


@dataclass
class Attempt:
    """What goes into an execution, where it works (`made` is the notebook's OUT_DIR), and where its results will lie.

    source: the notebook as text, so that nobody changes it between its checks and its execution.
    """

    stem: str
    source: str
    params: dict
    scale: str
    scratch: Path
    out_dir: Path
    limit: float | None
    html: bool

    def __post_init__(self):
        self.executed, self.made, self.log = (self.scratch / name for name in (f"{self.stem}.ipynb", "out", "log.txt"))
        self.made.mkdir()

    def execute(self, progress) -> float:
        """Seconds that the notebook took in a process of its own; raises RunError."""
        (self.scratch / "source.ipynb").write_text(self.source, encoding="utf-8")
        wanted = {"notebook": "source.ipynb", "executed": self.executed.name, "limit": self.limit,
                  "params": {**self.params, "OUT_DIR": str(self.made)}}  # fmt: skip
        (self.scratch / "job.json").write_text(json.dumps(wanted), encoding="utf-8")
        began = time.perf_counter()
        code = self._wait(progress)
        if code is None:
            raise self.failure(f"took longer than {self.limit:g} s and was stopped: a longer `timeout` allows more")
        if code != 0:
            error = self.scratch / "error.txt"
            said = error.read_text(encoding="utf-8") if error.exists() else ""
            raise self.failure(said or f"ended with code {code}: out of memory, or of room on the disk?")
        return time.perf_counter() - began

    def _wait(self, progress) -> int | None:
        """Exit status of the process, None past the limit; whatever happens, no process of the run is left."""
        with self.log.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, *JOB, "job.json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                cwd=self.scratch, encoding="utf-8", errors="replace",
                env=environment(self.scratch, self.scale, self.out_dir))  # fmt: skip
            reader = threading.Thread(target=relay, args=(process.stdout, progress), daemon=True)
            reader.start()
            try:
                return process.wait(self.limit)
            except subprocess.TimeoutExpired:
                return None
            finally:
                job.end_all(self.scratch, process.pid)
                process.wait(10)
                reader.join(10)
                process.stdin.close()

    def failure(self, said: str) -> RunError:
        """The error, after keeping the executed part and the log under names that nobody takes for a result."""
        kept = self.out_dir / f"{self.stem}.failed"
        with contextlib.suppress(OSError):  # on a full disk, the reason is told all the same
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            for source in (self.executed, self.log, *self.made.glob("*.json")):
                if source.exists():
                    shutil.copy(source, kept / source.name)
        return RunError(f"{self.stem} {said}\nWhat it did so far: {kept}")

    def publish(self, key: str, seconds: float, source: Path) -> None:
        """Checks what came out, and puts it in place of the last result all at once."""
        if found := executed.problems(self.executed, self.made, self.stem, self.scale):
            raise self.failure("ran to its end, but:\n  " + "\n  ".join(found))
        finished = self.scratch / "finished"
        finished.mkdir()
        unique = re.escape(self.scratch.name.split(self.stem, 1)[1])
        cells = re.sub(f'/[^/"]*{unique}/out', "", self.executed.read_text(encoding="utf-8"))  # where results will lie
        (finished / self.executed.name).write_text(cells, encoding="utf-8")
        (record,) = executed.records_in(self.made, self.stem)
        os.replace(record, finished / f"{self.stem}.json")
        if any(self.made.iterdir()):  # whatever else the notebook has written
            os.replace(self.made, finished / f"{self.stem}.files")
        if self.html:
            executed.write_html(finished / self.executed.name, finished / f"{self.stem}.html")
        stamp = {"fingerprint": key, "seconds": round(seconds, 2), "source": folder.seen_from(self.out_dir, source)}
        folder.publish(finished, self.out_dir, self.stem, stamp)


def relay(lines, progress) -> None:
    """Hands on the lines that say which cell is at work; reads to the end whatever comes, or the writer would wait."""
    with lines:
        for line in lines:
            if progress and re.fullmatch(r"cell \d+ of \d+\n?", line):  # what a kernel prints past Jupyter comes, too
                try:
                    progress(line.rstrip("\n"))
                except Exception as error:  # whatever a caller's function does, the run goes on
                    warnings.warn(f"`progress` failed, and is not called again: {error!r:.200}", stacklevel=1)
                    progress = None
