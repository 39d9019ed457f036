"""The process that marks one notebook, started by `lnlkit.run.marking`: its cells in a fresh kernel, then exercises.

It says where it is in lines of JSON: `cell` is begun, a cell has an `error`, an exercise is `asked`, has an `outcome`;
`ended` says why it stopped before its end. What the kernel writes past Jupyter is thrown away.
"""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from lnlkit import exercises
from lnlkit.run import job

ASK = "__import__('lnlkit.run.marking_job', fromlist=['tell']).tell({!r}, {!r}, {}, globals())"
"""The cell that asks an exercise: it imports and prints nothing under a name of the notebook's."""


def tell(nonce: str, name: str, cohort: int, namespace: dict) -> None:
    """In the kernel: holds the answer in the notebook's names against its exercise, and shows what comes out.

    It goes around `print` and whatever else the notebook may have given another meaning.
    """
    from IPython.display import publish_display_data

    try:
        outcome = exercises.check(name, namespace.get(exercises.find(name).answer), cohort)
    except BaseException as error:  # `exit()` in an answer, too
        said = f"exercise {name}: not yet. It ended with {type(error).__name__}."
        outcome = exercises.Outcome(name, True, False, said)
    publish_display_data({"text/plain": f"{nonce} {json.dumps([outcome.done, outcome.right, outcome.said])}"})


def own_output() -> Callable[[dict], None]:
    """A function that writes a line of JSON to this process's standard output, which no kernel inherits."""
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)

    def say(line: dict) -> None:
        lines.write(json.dumps(line) + "\n")
        lines.flush()

    return say


def limit(seconds: float, memory_mb: float, file_mb: float) -> None:
    """Bounds processor time, memory and the size of a file for this process and its kernel, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    wanted = {"RLIMIT_CPU": int(seconds) + 60, "RLIMIT_DATA": int(memory_mb * 2**20),
              "RLIMIT_FSIZE": int(file_mb * 2**20), "RLIMIT_CORE": 0}  # fmt: skip
    for name, value in wanted.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def client(notebook, cells: list, nonce: str, output_mb: float, scratch: Path, say: Callable[[dict], None]):
    """A Jupyter client that executes the notebook, says what happens, and stops a kernel that writes without end.

    cells: what each cell is called: its place in the notebook, or the exercise that it asks.
    """
    from nbclient import NotebookClient

    class Client(NotebookClient):
        written = 0

        def process_message(self, msg, cell, cell_index):
            self.written += len(str(msg["content"]))
            if self.written > output_mb * 2**20:
                say({"ended": f"it printed more than {output_mb:g} MB", "limit": True})
                job.end_all(scratch, os.getpid())
                os._exit(1)
            return super().process_message(msg, cell, cell_index)

    def begun(cell, cell_index):
        say({"asked" if isinstance(cells[cell_index], str) else "cell": cells[cell_index]})

    def executed(cell, cell_index, execute_reply):
        name = cells[cell_index]
        for output in cell.outputs:
            text = "".join(output.get("data", {}).get("text/plain", ""))
            if isinstance(name, str) and text.startswith(nonce):
                say({"outcome": name, "is": json.loads(text.removeprefix(nonce))})
            elif output.output_type == "error":
                say({"error": f"{output.ename}: {output.evalue}"[:300], "in": name})
        cell.outputs = []

    place = {"metadata": {"path": str(scratch / "work")}}
    return Client(notebook, kernel_name="python3", resources=place, timeout=None, allow_errors=True,
                  record_timing=False, store_widget_state=False, iopub_timeout=600, startup_timeout=600,
                  on_cell_start=begun, on_cell_executed=executed)  # fmt: skip


def main(path: str) -> int:
    """Executes what a job.json says; the exit status, 0 when it came to its end."""
    say, scratch = own_output(), Path(path).absolute().parent
    threading.Thread(target=job.end_with_the_runner, args=(scratch,), daemon=True).start()
    from nbformat import v4

    task = json.loads(Path(path).read_text(encoding="utf-8"))
    nonce = task["nonce"]
    sources = [*task["cells"], *([name, ASK.format(nonce, name, task["cohort"])] for name in task["ask"])]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for _, source in sources])
    limit(task["seconds"], task["memory_mb"], task["disk_mb"])
    try:
        client(notebook, [place for place, _ in sources], nonce, task["output_mb"], scratch, say).execute()
    except Exception as error:  # a dead kernel, whatever killed it
        said = str(error).strip().splitlines() or [""]
        say({"ended": "its kernel died" if "Kernel died" in str(error) else f"{type(error).__name__}: {said[0]:.200}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
