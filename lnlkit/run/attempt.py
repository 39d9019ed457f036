"""One execution of a notebook: in a process of its own, in a scratch folder, and nothing moved before it is checked."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from lnlkit import records
from lnlkit.run import executed
from lnlkit.run.job import kill_tree

JOB = ("-m", "lnlkit.run.job")


class RunError(RuntimeError):
    """A notebook that failed: one sentence, and the folder in which the executed part and the log were kept."""


@dataclass
class Attempt:
    """What goes into an execution, its scratch folder, and the last good record, kept until the end."""

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
                [sys.executable, *JOB, str(self.scratch / "job.json")], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True, env=environment(self.scratch, self.scale))  # fmt: skip
            reader = threading.Thread(target=relay, args=(process.stdout, progress), daemon=True)
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


def relay(lines, progress) -> None:
    for line in lines:
        if progress:
            progress(line.rstrip("\n"))


def environment(scratch: Path, scale: str) -> dict:
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
