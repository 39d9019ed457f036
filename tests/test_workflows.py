"""Each workflow calls commands that a person calls, and that there are."""

import re
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).resolve().parents[1]
FLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_workflow_runs_targets_of_the_makefile(path):
    flow = yaml.safe_load(path.read_text(encoding="utf-8"))
    commands = [step["run"] for job in flow["jobs"].values() for step in job["steps"] if "run" in step]
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert commands and [line for line in commands if line.split()[0] != "make" or line.split()[1] not in targets] == []
    assert all(job["timeout-minutes"] <= 90 for job in flow["jobs"].values() if "steps" in job and "runs-on" in job
               and any("run" in step for step in job["steps"]))  # fmt: skip


def test_the_old_widgets_are_older_than_what_is_installed_elsewhere():
    pinned = dict(re.findall(r"^(\w+)==(\d+)", (ROOT / "tests" / "colab.txt").read_text(encoding="utf-8"), re.M))
    assert pinned["ipywidgets"] == "7" and pinned["ipykernel"] == "6" and pinned["ipython"] == "7"
