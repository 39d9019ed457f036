"""The runner's contract: what it refuses, what it looks for in an executed notebook, what a failed run leaves."""

import json
import signal
import subprocess
import sys
import time
from unittest import mock

import psutil
import pytest
import stub_notebook

from lnlkit import widgets
from lnlkit.run import attempt, executed, job, runner

NAME = stub_notebook.NAME


def contents(folder) -> dict:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def all_gone(out) -> bool:
    """True once no process of a run in this folder is alive: each carries the folder in its environment."""
    deadline = time.monotonic() + 600  # only a process that stays is met
    while time.monotonic() < deadline:
        if not any(belongs_to(process, out) for process in psutil.process_iter()):
            return True
        time.sleep(0.1)
    return False


def belongs_to(process, out) -> bool:
    try:
        return process.environ().get("IPYTHONDIR", "").startswith(str(out))
    except psutil.Error:  # gone, a zombie, or somebody else's
        return False


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The notebook, its output folder and the result of one good run."""
    folder = tmp_path_factory.mktemp("good")
    path = stub_notebook.write(folder)
    lines = []
    result = runner.run(path, "smoke", [3], folder / "out", {"RATE": 0.3}, html=True, progress=lines.append)
    return path, folder / "out", result, lines


def test_a_good_run_leaves_notebook_page_and_record_and_nothing_else(good):
    _, out, result, lines = good
    assert sorted(contents(out)) == [f"{NAME}.html", f"{NAME}.ipynb", f"{NAME}.json", f"{NAME}.run"]
    assert [path for path in out.iterdir() if path.is_dir()] == []
    assert lines == [f"cell {i} of 4" for i in range(1, 5)]
    assert 'alt="empty axes"' in result.html.read_text()


def test_parameters_arrive_as_they_were_given_and_the_run_is_offline_and_private(good):
    _, out, result, _ = good
    assert (result.record["seeds"], result.record["config"]["rate"]) == ([3], 0.3)
    assert result.record["config"]["offline"] == "1"
    assert result.record["config"]["ipython"].startswith(str(out))


def test_the_stored_result_is_reused_only_while_nothing_has_changed(good, monkeypatch):
    path, out, result, _ = good
    monkeypatch.setattr(runner, "Attempt", None)  # nothing can be executed from here on
    again = runner.run(path, "smoke", [3], out, {"RATE": 0.3}, html=True, reuse=True)
    assert again.reused and again.record == result.record
    with pytest.raises(TypeError):  # it tries to execute
        runner.run(path, "smoke", [4], out, {"RATE": 0.3}, reuse=True)
    record = result.record_path.read_bytes()
    result.record_path.write_bytes(record.replace(b"0.3", b"0.4"))
    with pytest.raises(TypeError):
        runner.run(path, "smoke", [3], out, {"RATE": 0.3}, reuse=True)
    result.record_path.write_bytes(record)
    keys = {executed.fingerprint(NAME, "cells", {"RATE": rate}) for rate in (0.3, 0.3, 0.4)}
    keys.add(executed.fingerprint(NAME, "other cells", {"RATE": 0.3}))
    assert len(keys) == 3


def test_a_failed_run_leaves_the_last_good_result_and_says_where_it_stopped(good, tmp_path):
    _, out, _, _ = good
    before = contents(out)
    path = stub_notebook.write(tmp_path, stub_notebook.RECORD, "raise ValueError('no such thing')")
    stopped = r"stopped in cell 4 \(`raise ValueError.*\nValueError: no such thing"
    with pytest.raises(runner.RunError, match=stopped) as error:
        runner.run(path, out_dir=out)
    assert contents(out) == before
    kept = out / f"{NAME}.failed"
    assert sorted(contents(kept)) == [f"{NAME}.ipynb", f"{NAME}.json", "log.txt"]
    assert str(kept) in str(error.value)


def test_an_old_record_does_not_stand_in_for_one_that_was_not_written(good, tmp_path, monkeypatch):
    _, out, _, _ = good
    before = contents(out)
    monkeypatch.setattr(attempt.Attempt, "execute", stub_notebook.in_this_process)
    with pytest.raises(runner.RunError, match="has written no record"):
        runner.run(stub_notebook.write(tmp_path, "1 + 1"), out_dir=out)
    assert contents(out) == before


JOB_THAT_HANGS = """import subprocess, sys, time, types
from pathlib import Path
def hang(*arguments, **options):
    sleep = [sys.executable, "-S", "-c", "import time; time.sleep(3600)"]
    subprocess.Popen(sleep, start_new_session=True)  # as a kernel is started
    Path(__file__).with_name("started").write_text(f"{options['start_timeout']} {options['iopub_timeout']}")
    time.sleep(3600)
engines = types.SimpleNamespace(NotebookExecutionManager=object)
sys.modules["papermill"] = types.SimpleNamespace(execute_notebook=hang, engines=engines)
sys.modules["papermill.exceptions"] = types.SimpleNamespace(PapermillExecutionError=KeyError)
from lnlkit.run import job
sys.exit(job.main(sys.argv[1]))"""


@pytest.fixture()
def hanging(tmp_path):
    """A job in which a stand-in for papermill starts a process in a session of its own and hangs."""
    script = tmp_path / "job.py"
    script.write_text(JOB_THAT_HANGS)
    return script


def test_a_run_past_its_limit_is_stopped_with_its_kernel(hanging, tmp_path, monkeypatch):
    out, limit = tmp_path / "out", 0.5
    monkeypatch.setattr(attempt, "JOB", (str(hanging),))
    while not hanging.with_name("started").exists():  # on a slow machine it is stopped before its child is there
        limit *= 2
        with pytest.raises(runner.RunError, match=f"took longer than {limit:g} s"):
            runner.run(stub_notebook.write(tmp_path), out_dir=out, timeout=limit)
        assert all_gone(out)
    assert {path.name for path in out.iterdir()} == {f"{NAME}.failed"}
    assert all(int(seconds) >= 600 for seconds in hanging.with_name("started").read_text().split())


def test_limits_are_met_by_a_hang_only():
    """An hour is hundred times what a notebook takes at smoke; at paper nobody knows."""
    assert runner.LIMIT_S["smoke"] >= 3600 and runner.LIMIT_S["lab"] >= 6 * 3600 and runner.LIMIT_S["paper"] is None
    widget, other = (mock.Mock(metadata={"tags": tags}) for tags in (["widget"], ["train"]))
    assert job.cell_limit(other, 3600) is None
    assert job.cell_limit(widget, None) == job.cell_limit(widget, 3600) >= 1800 and job.cell_limit(widget, 60) == 60


def test_a_killed_runner_leaves_the_last_good_result_and_no_kernel(good, hanging, tmp_path):
    _, out, _, _ = good
    before, path = contents(out), str(stub_notebook.write(tmp_path))
    code = f"""from lnlkit.run import attempt, runner
attempt.JOB = ({str(hanging)!r},)
runner.parameters.check = lambda *_: None
runner.run({path!r}, out_dir={str(out)!r})"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        while not hanging.with_name("started").exists() and process.poll() is None:
            time.sleep(0.1)
        assert any(belongs_to(running, out) for running in psutil.process_iter())
        process.send_signal(signal.SIGKILL)
    assert all_gone(out)
    assert contents(out) == before


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"params": {"rate": 0.1}}, ValueError, "`rate` is no parameter of .* Did you mean 'RATE'?"),
        ({"params": {"SEED": [1]}}, ValueError, "Did you mean 'SEEDS'?"),
        ({"params": {"RATE": "0.1"}}, TypeError, "`RATE` must be of type float, but got '0.1' of type str"),
        ({"params": {"RATE": True}}, TypeError, "`RATE` must be of type float"),
        ({"params": {"RATE": 40}}, ValueError, r"`RATE` must be a fraction .*, but got 40. Did you mean 0.4\?"),
        ({"scale": "smok"}, ValueError, "Did you mean 'smoke'?"),
        ({"seeds": [0, -1]}, ValueError, "`seeds` must be a whole number from 0"),
        ({"seeds": []}, ValueError, "at least one"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path, arguments, error, sentence):
    path = stub_notebook.write(tmp_path)
    with pytest.raises(error, match=sentence):
        runner.run(path, out_dir=tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_a_notebook_is_found_by_number_and_a_near_name_is_suggested(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    path = stub_notebook.write(tmp_path / "notebooks")
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    assert {runner.find(name) for name in ("01", NAME, NAME[3:], str(path))} == {path}
    with pytest.raises(ValueError, match=f"Did you mean '{NAME}'"):
        runner.find("01_cvae_augmentatoin")
    with pytest.raises(FileNotFoundError, match="there is no file x.ipynb"):
        runner.find("x.ipynb")


def checked(tmp_path, good, change) -> list[str]:
    """Problems of the good run's notebook after a change."""
    _, out, result, _ = good
    notebook = json.loads(result.executed.read_text())
    change(notebook)
    path = tmp_path / "changed.ipynb"
    path.write_text(json.dumps(notebook))
    return executed.problems(path, out, NAME, "smoke")


def with_widget(notebook, model, state):
    states = {"abc": {"model_name": model, "state": state}, "def": {"state": {}}}
    notebook["metadata"]["widgets"] = {executed.WIDGET_STATE: {"state": states, "version_major": 2, "version_minor": 0}}


def failed_callback(notebook):
    error = {"output_type": "error", "ename": "KeyError", "evalue": "'rate'", "traceback": []}
    with_widget(notebook, "OutputModel", {"outputs": [error]})


def failed_explorer(notebook):
    red = f'<div class="{widgets.ERROR_CLASS}" role="alert">ValueError: no such rate</div>'
    with_widget(notebook, "HTMLModel", {"value": red})


def without_alt(notebook):
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            output["metadata"] = {}


def with_handle(notebook):
    handle = "<DisplayHandle display_id=6f3a>"
    notebook["cells"][2]["outputs"].append({"output_type": "execute_result", "data": {"text/plain": handle}})


def too_large(notebook):
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 2**22}]


def test_a_clean_executed_notebook_has_no_problem(tmp_path, good):
    assert checked(tmp_path, good, lambda notebook: None) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (failed_callback, "A widget's callback failed: KeyError: 'rate'."),
        (failed_explorer, "A widget's callback failed: ValueError: no such rate"),
        (without_alt, 'Cell 3 shows a figure without a description: `viz.show(fig, "what is seen")`.'),
        (with_handle, "Cell 3 shows a <DisplayHandle>: end the cell with another line."),
        (too_large, "The outputs hold 4.0 MB, more than 2 MB: most of it in cell 2 (4.0 MB)."),
    ],
)
def test_what_papermill_does_not_see_is_a_problem(tmp_path, good, change, sentence):
    assert checked(tmp_path, good, change) == [sentence]


def test_the_record_of_another_notebook_or_scale_is_a_problem(good, tmp_path):
    _, out, result, _ = good
    scale = "The record says scale 'smoke', but it is the one of 'lab'."
    assert executed.problems(result.executed, out, NAME, "lab") == [scale]
    assert executed.problems(result.executed, out, f"{NAME}-Copy1", "lab") == [scale]  # a copy has its paper's record
    (tmp_path / "02_x.json").write_bytes(result.record_path.read_bytes())
    assert executed.problems(result.executed, tmp_path, "02_x", "smoke") == [
        f"The record says notebook {NAME!r}, but it is the one of '02_x'."
    ]
    (tmp_path / f"{NAME}.json").write_bytes(result.record_path.read_bytes())
    assert executed.problems(result.executed, tmp_path, "02_x", "smoke") == [
        f"The notebook has written 2 records, 02_x.json, {NAME}.json: one is due."
    ]


def test_a_red_message_of_a_widget_is_known_by_its_class():
    assert executed.ERROR_CLASS == widgets.ERROR_CLASS
