"""`lnlkit check` finds each problem that is made, says its cure, and never ends in a traceback."""

import json
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
from click.testing import CliRunner

from lnlkit import cli, data, records, versions
from lnlkit.run import preflight, probes, runner

NAMES = sorted(path.parent.name for path in (runner.root() / "results").glob("*/lab.json"))
MB = 2**20


@pytest.fixture()
def quick(monkeypatch):
    """The two slow probes answered at once, and speeds as on the machine that the goals are meant for."""
    monkeypatch.setattr(probes, "torch", lambda: {"gpu": None, "gpu_memory": None})
    monkeypatch.setattr(probes, "kernel", lambda: 1.0)
    monkeypatch.setattr(probes, "free_memory", lambda: 8000 * MB)
    monkeypatch.setattr(records, "calibration", lambda: records.CALIBRATION_S)
    monkeypatch.setattr(preflight, "data_sets", lambda wanted: [])
    monkeypatch.setattr(preflight.os, "getloadavg", lambda: (0, 0, 0), raising=False)


def called(*arguments):
    """Exit status and text of the command."""
    done = CliRunner().invoke(cli.cli, ["check", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done.exit_code, done.output


def found(lines) -> preflight.Line:
    (line,) = lines
    assert (line.state == "ok") == (not line.cure), line  # what is not ok has its cure
    return line


def test_a_good_machine_has_no_problem_and_its_table_has_every_notebook(quick):
    status, said = called()
    assert status == 0 and preflight.NOTE in said and "No problem: this machine can run the notebooks at lab." in said
    rows = {tuple(line.split()[:2]): line.split() for line in said.splitlines() if line[:2].isdigit()}
    assert set(rows) == {(name, scale) for name in NAMES for scale in ("smoke", "lab")} and len(NAMES) >= 6
    for (name, scale), row in rows.items():
        record = records.read(runner.root() / "results" / name / f"{scale}.json")
        wanted = record["cpu_seconds"] * records.CALIBRATION_S / record["calibration_seconds"] / 60
        assert row[2:4] == [f"{wanted:.1f}", f"{record['peak_memory_mb']:.0f}"]
    questions = [line.split()[1] for line in said.splitlines() if line.startswith(("ok", "warning"))]
    assert questions == ["Python:", "packages:", "widgets:", "memory:", "disk:", "processors:", "folder:", "GPU:",
                         "kernel:", "internet:"]  # fmt: skip


def test_a_machine_of_half_the_speed_takes_twice_as_long():
    need = preflight.Need("01", "lab", 120.0, 0.1, 500.0)
    assert [preflight.minutes(need, here) for here in (0.1, 0.2, None)] == ["2.0", "4.0", "2.0"]
    assert preflight.minutes(preflight.Need("01", "lab", 120.0, None, None), 0.2) == "2.0"
    assert preflight.table([preflight.Need("01", "lab", None, None, None)], 0.2)[2].split()[2:4] == ["?", "?"]


def test_only_the_notebooks_asked_for_are_looked_at(quick):
    status, said = called("03", "00_playground")
    assert status == 0 and {line[:2] for line in said.splitlines() if line[:2].isdigit()} == {"00", "03"}
    with pytest.raises(ValueError, match="`notebook` must be"):
        preflight.check(["17"], "lab", print)
    with pytest.raises(ValueError, match="`scale` must be"):
        preflight.check([], "paper", print)


@pytest.mark.parametrize("name, version, state, words", [
    ("torch", None, "problem", "is not installed"), ("pandas", "1.5.3", "problem", "1.5.3 is too old"),
    ("jupyterlab", None, "warning", "only `make lab` and `lnlkit run`"), ("numpy", "99.0", "ok", "all 11 are there"),
])  # fmt: skip
def test_a_package_that_is_missing_or_too_old(quick, monkeypatch, name, version, state, words):
    real = versions.installed
    monkeypatch.setattr(versions, "installed", lambda of: version if of == name else real(of))
    line = found(preflight.packages())
    assert line.state == state and words in line.found
    assert state == "ok" or f'-m pip install -U "{name}>=' in line.cure
    assert called()[0] == (1 if state == "problem" else 0)


def test_a_python_that_is_too_old(quick, monkeypatch):
    monkeypatch.setattr(versions, "declared", lambda: {"python": "3.99", "numpy": "1"})
    assert found(preflight.python()).cure == "use Python 3.99 or newer" and called()[0] == 1


@pytest.mark.parametrize("widgets, lab, shower, state", [
    ("8.1.9", "4.6.6", "3.0.17", "ok"), ("7.7.1", "4.0.0", "1.1.1", "problem"), ("7.7.1", "4.0.0", "3.0.9", "problem"),
    ("7.8.5", "4.6.6", "1.1.11", "ok"), ("8.1.9", "4.6.6", None, "problem"), ("8.0.1", "4.0.0", "3.0.3", "problem"),
    ("7.7.1", "3.6.0", "1.1.1", "ok"), ("7.7.1", None, None, "ok"), ("9.0", "5.0", "4.0", "ok"),
])  # fmt: skip
def test_widgets_that_jupyterlab_does_not_show(monkeypatch, widgets, lab, shower, state):
    known = {"ipywidgets": widgets, "jupyterlab": lab, "jupyterlab_widgets": shower}
    monkeypatch.setattr(versions, "installed", known.get)
    assert found(preflight.widgets()).state == state


def test_too_little_memory_names_the_notebooks(quick, monkeypatch):
    monkeypatch.setattr(probes, "free_memory", lambda: 1100 * MB)
    status, said = called()
    short = [name[:2] for name in NAMES
             if records.read(runner.root() / "results" / name / "lab.json")["peak_memory_mb"] > 1100]  # fmt: skip
    assert status == 1 and short and f"1100 MB free, too little for {', '.join(short)} (" in said
    assert called("--scale", "smoke")[0] == 0 == called("00")[0]


def test_memory_is_what_a_container_has_left(monkeypatch, tmp_path):
    monkeypatch.setattr(probes, "CGROUP", tmp_path)
    free = probes.free_memory()
    assert free > 0
    for name, text in (("memory.max", "max"), ("memory.current", "1")):
        (tmp_path / name).write_text(text)
    assert probes.free_memory() > free / 2  # no limit
    (tmp_path / "memory.max").write_text(f"{50 * MB}\n")
    (tmp_path / "memory.current").write_text(f"{45 * MB}\n")
    assert probes.free_memory() == 5 * MB
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {10 * MB}\n")
    assert probes.free_memory() == 15 * MB


@pytest.mark.parametrize("free, state", [(50, "problem"), (500, "warning"), (5000, "ok")])
def test_little_room_on_the_disk(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=free * MB))
    assert found(preflight.disk(tmp_path / "not yet" / "there")).state == state


def test_a_busy_machine_says_how_much_longer_it_takes(monkeypatch):
    monkeypatch.setattr(probes, "processors", lambda: 2)
    for load, state in ((0.1, "ok"), (1.9, "ok"), (7.0, "warning")):
        monkeypatch.setattr(preflight.os, "getloadavg", lambda load=load: (load, 0, 0), raising=False)
        line = found(preflight.processors())
        assert line.state == state
    assert "about 4.0 times the minutes" in line.cure


def test_a_folder_that_can_t_be_written(tmp_path):
    assert found(preflight.writable([tmp_path / "new", tmp_path])).state == "ok" and not list(tmp_path.iterdir())
    assert found(preflight.writable([tmp_path, Path("/proc/none/there")])).state == "problem"


@pytest.mark.parametrize("offline, content, state, words", [
    ("1", None, "problem", "LNLKIT_OFFLINE is set; needed by 01"), ("", None, "warning", "will be downloaded"),
    ("1", "half a file", "problem", "is damaged"),
])  # fmt: skip
def test_data_that_are_missing_or_damaged(monkeypatch, tmp_path, offline, content, state, words):
    monkeypatch.setenv("LNLKIT_DATA", str(tmp_path))
    monkeypatch.setenv("LNLKIT_OFFLINE", offline)
    if content:
        (tmp_path / "mnist.npz").write_text(content)
    wanted = [preflight.Need("01", "lab", 1, 1, 1, ("mnist",)), preflight.Need("00", "lab", 1, 1, 1)]
    line = found(preflight.data_sets(wanted))
    assert line.state == state and words in line.found and "mnist.npz" in line.cure
    assert found(preflight.data_sets(wanted[1:])).state == "ok"
    real, odd = preflight.needs(["01_cvae_augmentation", "00_playground"])
    assert [need.data_sets for need in real] == [(), ("mnist",), (), ()] and not odd


def test_a_record_that_is_broken_or_missing_is_left_out_of_the_table(quick, monkeypatch, tmp_path):
    shutil.copytree(runner.root() / "results", tmp_path / "results")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "results" / NAMES[1] / "lab.json").write_text("{half")
    (tmp_path / "results" / NAMES[2] / "smoke.json").unlink()
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    status, said = called()
    assert status == 0 and said.count("it is left out below") == 2
    assert sum(line[:2].isdigit() for line in said.splitlines()) == 2 * len(NAMES) - 2
    shutil.rmtree(tmp_path / "results")
    status, said = called()
    assert status == 0 and "call this in a checkout of lnlkit" in said


def test_a_check_that_fails_itself_is_a_problem_and_no_traceback(quick, monkeypatch):
    for name in ("python", "packages", "widgets", "memory", "disk", "processors", "data_sets", "writable", "torch",
                 "kernel"):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(preflight, name, lambda *_: 1 / 0)
            status, said = called()
        assert status == 1 and "can't be looked at (ZeroDivisionError: division by zero)" in said, name
    monkeypatch.setattr(records, "calibration", lambda: 1 / 0)
    assert called()[0] == 0  # times are as recorded


# ---- the real probes --------------------------------------------------------------------------------------------


def test_a_torch_that_does_not_work(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = {"raise ImportError('libcudart.so.12: cannot open')": "libcudart.so.12", "": "No module named 'torch.",
            "import os; os.kill(os.getpid(), 11)": "ended with status"}  # fmt: skip
    for text, words in made.items():
        (tmp_path / "torch.py").write_text(text)
        line = found(preflight.torch())
        assert line.state == "problem" and words in line.found and "install --force-reinstall torch" in line.cure
    monkeypatch.setattr(probes, "LIMIT_S", 0.5)
    (tmp_path / "torch.py").write_text("import time; time.sleep(60)")
    assert "more than 0.5 s" in found(preflight.torch()).found


def test_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(probes, "torch", lambda: {"gpu": "GTX 1", "gpu_memory": 3000 * MB})
    assert found(preflight.torch()).found == "GTX 1, 3 GB free"


@pytest.mark.parametrize("argv, words", [
    (["false"], "does not start (RuntimeError"), (["/none/python", "{}"], "does not start (FileNotFound"),
])  # fmt: skip
def test_a_kernel_that_does_not_start(monkeypatch, tmp_path, argv, words):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    line = found(preflight.kernel())
    assert line.state == "problem" and words in line.found and "ipykernel install" in line.cure


def test_a_kernel_in_which_the_cell_fails_or_hangs(monkeypatch):
    monkeypatch.setattr(probes, "CELL", "import none_such")
    assert "(ModuleNotFoundError: No module named 'none_such')" in found(preflight.kernel()).found
    monkeypatch.setattr(probes, "CELL", "import time; time.sleep(600)")
    monkeypatch.setattr(probes, "LIMIT_S", 2)
    assert "did not end in 2 s" in found(preflight.kernel()).found


def test_a_kernel_of_another_python_or_without_widgets():
    shown = {"data": {probes.VIEW: {}}}
    for prefix, view, words in (("/usr", shown, "another Python, in /usr"), (sys.prefix, {}, "shown as text")):
        with pytest.raises(probes.Broken, match=words):
            probes._judge({"status": "ok"}, [{"name": "stdout", "text": f"moved [3] {prefix}\n"}, view])
    with pytest.raises(probes.Broken, match="calls nothing"):
        probes._judge({"status": "ok"}, [{"name": "stdout", "text": f"moved [] {sys.prefix}\n"}, shown])
    probes._judge({"status": "ok"}, [{"name": "stdout", "text": f"moved [3] {sys.prefix}\n"}, shown])


def test_the_whole_command_with_a_broken_torch(tmp_path):
    """Nothing is patched: a real kernel, a torch that fails, numbers of this machine."""
    (tmp_path / "torch.py").write_text("raise ImportError('broken on purpose')")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(runner.root())]),
           "LNLKIT_DATA": str(data.default_dir())}  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "lnlkit", "check"], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr, done.stderr
    assert "problem torch: does not work (ImportError: broken on purpose)" in done.stdout
    assert "ok      kernel: python3 started and moved a slider" in done.stdout and "Problems: " in done.stdout
    assert sum(line[:2].isdigit() for line in done.stdout.splitlines()) == 2 * len(NAMES)


def test_the_whole_command_without_numpy(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('no such thing')")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(runner.root())])}
    done = subprocess.run([sys.executable, "-m", "lnlkit", "check"], env=env, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr, done.stderr
    assert "problem lnlkit: can't be imported (ImportError: no such thing)" in done.stdout
