"""A run computes in an environment of its own, whatever lies in the user's folder and shell."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest
import stub_notebook

import lnlkit
from lnlkit import data
from lnlkit.data import bundles
from lnlkit.run import executed, runner, surroundings

NAME = stub_notebook.NAME
ONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture()
def variables(tmp_path, monkeypatch):
    """The variables of a run that is started in tmp_path, after a change of the user's."""
    monkeypatch.chdir(tmp_path)

    def _variables(scale="smoke", **user) -> dict:
        for name, value in user.items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / f"scratch {len(list(tmp_path.iterdir()))}"
        return surroundings.environment(folder, scale, tmp_path / "out")

    return _variables


def test_paths_are_as_seen_from_where_the_command_was_typed(variables, tmp_path):
    found = variables(LNLKIT_DATA="mydata", PYTHONPATH=os.pathsep.join(["", "own", "/abs", ""]), JUPYTER_PATH="kernels")
    assert found["LNLKIT_DATA"] == str(tmp_path / "mydata") and found["LNLKIT_RUNS"] == str(tmp_path / "out" / "runs")
    package = str(Path(lnlkit.__file__).parents[1])
    assert found["PYTHONPATH"].split(os.pathsep) == [package, str(tmp_path / "own"), "/abs"]
    assert found["JUPYTER_PATH"].split(os.pathsep)[1:] == [str(tmp_path / "kernels")]
    assert variables(LNLKIT_DATA="", XDG_CACHE_HOME="cache")["LNLKIT_DATA"] == str(tmp_path / "cache" / "lnlkit")


@pytest.mark.parametrize("scale", ["smoke", "lab", "paper"])
def test_a_run_has_one_thread_and_no_backend_whatever_the_user_has_set(variables, scale):
    user = {"MPLBACKEND": "nonsense", "MATPLOTLIBRC": "/home/her", "LNLKIT_OFFLINE": "0"}
    found = variables(scale, **dict.fromkeys(ONE, "8"), **user)
    assert found | ONE == found and not {"MPLBACKEND", "MATPLOTLIBRC"} & found.keys()
    assert found["LNLKIT_OFFLINE"] == ("1" if scale == "smoke" else "0")


def test_the_kernel_is_this_python(variables, tmp_path):
    first = Path(variables()["JUPYTER_PATH"].split(os.pathsep)[0])
    spec = json.loads((first / "kernels" / "python3" / "kernel.json").read_text())
    assert spec["argv"][:3] == [sys.executable, "-m", "ipykernel_launcher"]


def unknown(_):
    raise KeyError("getpwuid(): uid not found")


@pytest.fixture()
def homeless(monkeypatch):
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "LNLKIT_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_home_the_data_folder_must_be_named(homeless, monkeypatch, tmp_path, variables):
    for call in (data.default_dir, lambda: data.available(), lambda: runner.run(stub_notebook.write(tmp_path))):
        with pytest.raises(ValueError, match="`LNLKIT_DATA` must name the folder for data sets, because"):
            call()
    found = variables(LNLKIT_DATA=str(tmp_path))
    assert found["LNLKIT_DATA"] == str(data.default_dir()) == str(tmp_path) and Path(found["HOME"]).parent == tmp_path
    with surroundings.some_home():
        home = Path.home()
        assert list(home.iterdir()) == []
    assert not home.exists() and not surroundings.has_home()
    with pytest.raises(ValueError, match="`LNLKIT_DATA`"):
        variables(LNLKIT_DATA="~/data")


def test_a_user_s_home_is_left_alone(variables, monkeypatch):
    assert variables(HOME="/home/her")["HOME"] == "/home/her"
    with surroundings.some_home():
        assert os.environ["HOME"] == "/home/her"


OTHER_KERNEL = {"argv": ["false", "{connection_file}"], "display_name": "Another", "language": "python"}
SEEN = """import random, math, os, sys
seen = {"random": random.__file__, "kernel": sys.executable, "package": __import__("lnlkit").__file__,
        "data": os.environ["LNLKIT_DATA"], "files": sorted(os.listdir("."))}
(Path(OUT_DIR) / "seen.txt").write_text(repr(seen))"""


def test_a_run_in_a_folder_full_of_traps(tmp_path):
    """Files named like modules, another kernel `python3`, braces in every path, relative folders, a bad backend."""
    course = tmp_path / "{lab} 'ü'"
    course.mkdir()
    for name in ("random.py", "ast.py", "lnlkit.py", "papermill.py", "ipykernel_launcher.py", "numpy.py"):
        (course / name).write_text("raise SystemExit('my homework')")
    kernel = course / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(OTHER_KERNEL))
    path = stub_notebook.write(course, stub_notebook.RECORD, "from pathlib import Path\n" + SEEN, name="{term}")
    package = str(Path(lnlkit.__file__).parents[1])
    env = {**os.environ, "LNLKIT_DATA": "mydata", "JUPYTER_PATH": "jupyter", "PYTHONPATH": package,
           "MPLBACKEND": "nonsense", "JUPYTER_DATA_DIR": str(course / "jupyter")}  # fmt: skip
    command = [sys.executable, "-c", "import sys; sys.path.remove(''); from lnlkit.cli import main; main(sys.argv[1:])"]
    command += ["run", path.name, "--out-dir", "out"]
    done = subprocess.run(command, cwd=course, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = course / "out"
    assert sorted(p.name for p in out.iterdir()) == [f"{{term}}{end}" for end in (".files", ".ipynb", ".json", ".run")]
    seen = eval((out / "{term}.files" / "seen.txt").read_text())
    assert seen["random"].startswith(sys.base_prefix) and seen["kernel"] == sys.executable
    assert (seen["package"], seen["data"]) == (lnlkit.__file__, str(course / "mydata"))
    assert ".scratch" not in (out / "{term}.ipynb").read_text() and path.exists()


def test_the_fingerprint_knows_the_files_of_the_data(tmp_path):
    path, keys = tmp_path / "mnist.npz", set()
    for content, when in ((None, 0), ("a", 1), ("a", 2), ("ab", 2)):
        if content:
            path.write_text(content)
            os.utime(path, (when, when))
        keys |= {executed.fingerprint(NAME, "cells", {}, [path]) for _ in range(2)}
    assert len(keys) == 4


def test_the_files_that_a_scale_reads(monkeypatch):
    def names(notebook, scale):
        return [path.name for path in runner._data_files(notebook, scale)]

    assert names("01_cvae_augmentation", "smoke") == names("of_no_paper", "lab") == []
    assert names("01_cvae_augmentation", "lab") == ["mnist.npz"]
    people = ["cifar10.npz", "cifar10n.npz", "CIFAR-10_human.pt"]
    assert [path.name for path in data.files("cifar10n")] == people
    assert data.files("digits") == data.files("scenes") == data.files("diabetes") == []
    assert data.files("scenes_mnist", "/x") == data.files("mnist", "/x") == [Path("/x/mnist.npz")]
    assert data.files("boston", "/x") == [Path("/x/boston.npz")] and data.files("a.npz") == [Path("a.npz")]


def test_folders_are_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LNLKIT_DATA", "mydata")
    assert bundles.folder_of() == data.default_dir() == tmp_path / "mydata"
