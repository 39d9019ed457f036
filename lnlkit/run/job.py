"""The process that `lnlkit.run.runner` starts for one notebook: papermill, a limit per cell, and a line per cell."""

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
        self.n_cells = n_cells

    def emit(self, record) -> None:
        text = record.getMessage()
        if text.startswith("Executing Cell"):
            print(f"cell {text.split()[2].rstrip('-')} of {self.n_cells}", flush=True)


def kill_tree(pid: int) -> None:
    """Ends a process and its children: a kernel is in a session of its own and outlives the process group."""
    import psutil

    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), *([] if pid == os.getpid() else [parent])]
    except psutil.NoSuchProcess:
        return
    for process in family:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass
    psutil.wait_procs(family, timeout=10)


def end_with_the_runner() -> None:
    """Waits for the end of standard input, which comes when the runner has died, and takes the kernel along."""
    sys.stdin.read()
    kill_tree(os.getpid())
    os._exit(1)


def main(path: str) -> int:
    """Exit status of one notebook's execution; why it stopped is written to error.txt beside the job."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    threading.Thread(target=end_with_the_runner, daemon=True).start()
    save_seldom()
    job = json.loads(Path(path).read_text())
    n_cells = len(json.loads(Path(job["notebook"]).read_text(encoding="utf-8"))["cells"]) + 1  # the injected cell
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("papermill").addHandler(CellLines(n_cells))
    try:
        papermill.execute_notebook(
            job["notebook"], job["executed"], job["params"], kernel_name="python3", progress_bar=False,
            log_output=True, cwd=job["cwd"], **PATIENCE_S,
            timeout_func=lambda cell: cell_limit(cell, job["limit"]))  # fmt: skip
    except PapermillExecutionError as error:
        first = (error.source.strip().splitlines() or [""])[0]
        said = f"stopped in cell {error.cell_index + 1} (`{first}`)\n{error.ename}: {error.evalue}"
    except Exception as error:  # a dead kernel, a cell past its limit: whatever it is, the caller is told
        said = f"stopped with {type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
    else:
        return 0
    (Path(path).parent / "error.txt").write_text(said, encoding="utf-8")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
