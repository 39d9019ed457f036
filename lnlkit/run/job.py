"""The process that `lnlkit.run.runner` starts for one notebook: papermill, a limit per cell, and a line per cell."""

import contextlib
import json
import logging
import os
import sys
import threading
from pathlib import Path

WIDGET_LIMIT_S = 1800
PATIENCE_S = {"start_timeout": 600, "iopub_timeout": 600}
"""How long to wait for the kernel to start, and for a cell's last outputs: by default a minute and four seconds, after
which a busy machine loses the run or the picture."""

SAVED_EVERY_S = 5


def cell_limit(cell, wall_limit: float | None) -> float | None:
    """Wall seconds that a cell may take: half an hour for widgets, which are known to hang; others have no limit."""
    return min(wall_limit or WIDGET_LIMIT_S, WIDGET_LIMIT_S) if "widget" in cell.metadata.get("tags", []) else None


def save_seldom() -> None:
    """Lets papermill write the executed notebook every few seconds and at its end, not twice a cell.

    Each time it checks and writes the whole of it, pictures included: a fifth of a small run's processor time.
    """
    from papermill import engines

    class Seldom(engines.NotebookExecutionManager):
        def save(self, **kwargs):
            if self.end_time or (self.now() - self.last_save_time).total_seconds() > SAVED_EVERY_S:
                super().save(**kwargs)

    engines.NotebookExecutionManager = Seldom


class CellLines(logging.Handler):
    """Prints `cell 7 of 31` when papermill logs that it starts one."""

    def __init__(self, n_cells: int):
        super().__init__()
        self.n_cells, self.at = n_cells, ""

    def emit(self, record) -> None:
        text = record.getMessage()
        if text.startswith("Executing Cell"):
            number = text.split()[2].rstrip("-")
            self.at = f" in cell {number}"
            print(f"cell {number} of {self.n_cells}", flush=True)


def end_all(scratch, pid: int | None = None) -> None:
    """Ends the processes of a run, but for the one that asks.

    A kernel is in a session of its own, and when the process that started it has died it is nobody's child: but all of
    them carry the scratch folder in their environment.
    """
    import psutil

    for _ in range(3):  # one may have started another meanwhile
        found = {process for process in psutil.process_iter() if _belongs(process, scratch)}
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(pid) if pid else None
            found |= {parent, *parent.children(recursive=True)} if parent else set()
        found = [process for process in found if process.pid != os.getpid() and not _dead(process)]
        if not found:
            return
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, timeout=5)


def _belongs(process, scratch) -> bool:
    import psutil

    try:
        return process.environ().get("IPYTHONDIR") == str(Path(scratch) / "ipython")
    except (psutil.Error, OSError):  # gone, or somebody else's
        return False


def _dead(process) -> bool:
    import psutil

    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_with_the_runner(scratch: Path) -> None:
    """Waits for the end of standard input, which comes when the runner has died, and takes the kernel along."""
    sys.stdin.read()
    end_all(scratch, os.getpid())
    os._exit(1)


def unformatted(name: str) -> str:
    """A path as papermill takes it: names in braces would be parameters, and one that begins with - standard output."""
    return "./" + name.replace("{", "{{").replace("}", "}}")


def main(path: str) -> int:
    """Exit status of one notebook's execution; why it stopped is written to error.txt beside the job."""
    threading.Thread(target=end_with_the_runner, args=(Path(path).absolute().parent,), daemon=True).start()
    import papermill
    from papermill.exceptions import PapermillExecutionError

    save_seldom()
    job = json.loads(Path(path).read_text(encoding="utf-8"))
    n_cells = len(json.loads(Path(job["notebook"]).read_text(encoding="utf-8"))["cells"]) + 1  # the injected cell
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    lines = CellLines(n_cells)
    logging.getLogger("papermill").addHandler(lines)
    try:
        papermill.execute_notebook(
            job["notebook"], unformatted(job["executed"]), job["params"], kernel_name="python3", language="python",
            progress_bar=False, log_output=True, cwd=".", **PATIENCE_S,
            timeout_func=lambda cell: cell_limit(cell, job["limit"]))  # fmt: skip
    except PapermillExecutionError as error:
        first = (error.source.strip().splitlines() or [""])[0]
        said = f"stopped in cell {error.cell_index + 1} (`{first}`)\n{error.ename}: {error.evalue}"
    except Exception as error:  # a dead kernel, a cell past its limit: whatever it is, the caller is told
        said = f"stopped{lines.at} with {type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
    else:
        return 0
    Path(path).with_name("error.txt").write_text(said, encoding="utf-8")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
