"""A notebook of a few seconds that keeps the runner's contract, for tests of the runner and the command."""

import os
from pathlib import Path
from unittest import mock

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

NAME = "01_cvae_augmentation"

PARAMETERS = """SCALE: str = "smoke"
SEEDS: list = [0]
DEVICE: str = "auto"
OUT_DIR: str = "artifacts"
RATE: float = 0.2"""

FIGURE = """import matplotlib.pyplot as plt
fig, ax = plt.subplots()
plt.close(fig)
handle = display(fig, display_id=True, metadata={"image/png": {"alt": "empty axes"}})"""

RECORD = """import os, time
from pathlib import Path
from lnlkit import papers, records
paper, measured = papers.load("01"), papers.Measured((7.0, 7.5, 6.5))
record = records.for_notebook(
    "01_cvae_augmentation", SCALE, SEEDS, started=time.perf_counter(),
    config={"rate": RATE, "offline": os.environ.get("LNLKIT_OFFLINE"), "ipython": os.environ["IPYTHONDIR"]},
    metrics={}, claims=[papers.judge(claim, SCALE, measured) for claim in paper.claims],
    comparison=papers.compare(paper, "table-1", {("ce", 0.1): [90.0, 91.0]}))
_ = records.write(Path(OUT_DIR) / "01_cvae_augmentation.json", record)"""


def write(folder, *sources: str, name: str = NAME, parameters: str = PARAMETERS) -> Path:
    """Path of a notebook with the parameters and the given cells; without any: a figure and a record."""
    cells = [new_code_cell(source) for source in (parameters, *(sources or (FIGURE, RECORD)))]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = Path(folder) / f"{name}.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def in_this_process(attempt, progress) -> float:
    """Stands for `Attempt.execute` where a test is not about the kernel: runs the cells without one."""
    attempt.log.touch()
    cells = nbformat.reads(attempt.source, as_version=4).cells
    names = {"display": lambda *_, **__: None}
    with mock.patch.dict(os.environ, {"IPYTHONDIR": str(attempt.scratch)}):
        for cell in cells:
            try:
                exec(cell.source, names)
            except Exception as error:
                raise attempt.failure(f"stopped\n{type(error).__name__}: {error}") from None
            if "parameters" in cell.metadata.get("tags", []):
                names |= {**attempt.params, "OUT_DIR": str(attempt.made)}
    attempt.executed.write_text(attempt.source)
    return 0.0
