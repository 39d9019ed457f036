"""The runner's contract: what it refuses, what it publishes, what a failed run leaves."""

import shutil
import signal
import subprocess
import sys
import time
from unittest import mock

import psutil
import pytest
import stub_notebook

from lnlkit import records
from lnlkit.run import attempt, executed, job, parameters, runner, screen

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
    out = shutil.copytree(good[1], tmp_path / "out")
    before = contents(out)
    path = stub_notebook.write(tmp_path, stub_notebook.RECORD, "raise ValueError('no such thing')")
    stopped = r"stopped in cell 4 \(`raise ValueError.*\nValueError: no such thing"
    with pytest.raises(runner.RunError, match=stopped) as error:
        runner.run(path, out_dir=out)
    assert contents(out) == before
    kept = out / f"{NAME}.failed"
    assert sorted(contents(kept)) == [f"{NAME}.ipynb", f"{NAME}.json", "log.txt"]
    assert str(kept) in str(error.value)


def test_a_copy_of_a_notebook_publishes_under_its_own_name(good, monkeypatch, tmp_path):
    """Its record says which paper it is of, and the record of the notebook that it was copied from stays."""
    _, out, _, _ = good
    monkeypatch.setattr(attempt.Attempt, "execute", stub_notebook.in_this_process)
    before, copy = contents(out), f"{NAME}-Copy1"
    result = runner.run(stub_notebook.write(tmp_path, stub_notebook.RECORD, name=copy), out_dir=out)
    assert (result.record_path.name, result.record["notebook"]) == (f"{copy}.json", NAME)
    failing = stub_notebook.write(tmp_path, stub_notebook.RECORD, "1 / 0", name=copy)
    kept = contents(out)
    with pytest.raises(runner.RunError, match=f"{copy} stopped"):
        runner.run(failing, out_dir=out)
    assert contents(out) == kept and kept.items() > before.items()
    assert screen.after_run(result).startswith(f"{copy}, run small")
    for path in out.glob(f"{copy}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_a_page_is_made_of_a_stored_result_that_has_none(monkeypatch, tmp_path):
    monkeypatch.setattr(attempt.Attempt, "execute", stub_notebook.in_this_process)
    monkeypatch.setattr(executed, "fingerprint", lambda *_: "the same")  # the package may be edited meanwhile
    path, out = stub_notebook.write(tmp_path, stub_notebook.RECORD), tmp_path / "out"
    runner.run(path, out_dir=out)
    again = runner.run(path, out_dir=out, html=True, reuse=True)
    assert again.reused and again.html.read_text().count("</html>") == 1
    runner.run(path, out_dir=out)
    assert not again.html.exists()  # it showed another result
    again.executed.write_text(again.executed.read_text() + " ")
    assert not runner.run(path, out_dir=out, reuse=True).reused
    (out / f"{NAME}.run").unlink()
    assert not runner.run(path, out_dir=out, reuse=True).reused


def test_the_runs_that_a_notebook_trains_outlive_a_run_that_fails(tmp_path):
    train = """import os
from lnlkit import lab, records
from lnlkit.recorded import making
threads = {"threads": os.environ["OMP_NUM_THREADS"]}
making.obtain = lambda paper, scale, folder, *_: records.write(folder / "a.json", threads)
session = lab.begin("01", scale=SCALE, seeds=SEEDS, device="cpu", out_dir=OUT_DIR)
session.recorded()
raise KeyboardInterrupt"""
    with pytest.raises(runner.RunError, match="stopped"):
        runner.run(stub_notebook.write(tmp_path, train), out_dir=tmp_path / "out")
    assert records.read(tmp_path / "out" / "runs" / "a.json")["threads"] == "1"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"runs", f"{NAME}.failed"}


@pytest.mark.parametrize("metadata", [{}, {"kernelspec": {"name": "course-2019", "display_name": "x"}}], ids=len)
@pytest.mark.parametrize("as_version", [3, 4])
def test_a_notebook_runs_whatever_tools_made_of_its_metadata(tmp_path, monkeypatch, metadata, as_version):
    import nbformat

    path, asked = stub_notebook.write(tmp_path, stub_notebook.RECORD), []
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict(metadata)
    nbformat.write(nbformat.convert(notebook, as_version), path, version=as_version)

    def execute(attempt, progress):
        asked.append(nbformat.reads(attempt.source, as_version=4).metadata.kernelspec)
        return stub_notebook.in_this_process(attempt, progress)

    monkeypatch.setattr(attempt.Attempt, "execute", execute)
    assert runner.run(path, out_dir=tmp_path / "out").record["notebook"] == NAME
    assert asked == [parameters.KERNEL]


def test_a_notebook_that_is_changed_while_it_runs_is_published_as_it_was(tmp_path, monkeypatch):
    path = stub_notebook.write(tmp_path, stub_notebook.RECORD)

    def execute(attempt, progress):
        path.write_text("{}")
        return stub_notebook.in_this_process(attempt, progress)

    monkeypatch.setattr(attempt.Attempt, "execute", execute)
    assert "for_notebook" in runner.run(path, out_dir=tmp_path / "out").executed.read_text()


def test_an_old_record_does_not_stand_in_for_one_that_was_not_written(good, tmp_path, monkeypatch):
    out = shutil.copytree(good[1], tmp_path / "out")
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
    out = shutil.copytree(good[1], tmp_path / "out")
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


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_a_kernel_prints_past_jupyter_stops_nobody(tmp_path):
    """Bytes that are no text, more than a pipe holds, and a caller's function that fails."""
    told = []

    def progress(line):
        told.append(line)
        1 / (len(told) - 2)

    path = stub_notebook.write(tmp_path, "import os\nos.write(1, b'\\xff\\n' * 2**17)", stub_notebook.RECORD)
    with pytest.warns(UserWarning, match="`progress` failed, and is not called again: ZeroDivisionError"):
        assert runner.run(path, out_dir=tmp_path / "out", timeout=600, progress=progress).record
    assert told == ["cell 1 of 4", "cell 2 of 4"]
