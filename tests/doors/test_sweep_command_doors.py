"""Every option of the command sweep against bad values: status 2, one sentence, and no run before it."""

import pytest

from lnlkit import cli, tasks
from lnlkit.run import runner

NUMBERS = {"empty": "", "text": "two", "zero": "0", "negative": "-1", "half": "1.5", "nan": "nan"}
OPTIONS = {
    "NOTEBOOK": {"unknown": "07", "near": "01_cvae", "empty": "", "path": "x.ipynb"},
    "--scale": {"unknown": "x", "near": "labs", "empty": "", "capital": "Smoke", "path": "../smoke"},
    "--jobs": NUMBERS,
    "--cluster": {"empty": "", "no port": "host", "no file": "none.json", "folder": "folder", "no scheduler's": "file"},
    "--limit": NUMBERS,
    "--device": {"tpu": "tpu", "near": "gpu", "empty": "", "capital": "CPU", "missing": "cuda:99"},
    "--out": {"empty": "", "file": "file", "below a file": "file/runs", "no folder": "/proc/none/runs"},
    "--table": {"empty": "", "folder": "folder", "no folder": "none/t.json", "below a file": "file/t.json",
                "not to be written": "/proc/t.json"},
}  # fmt: skip
OF_A_STUDY = {  # of a grid of one's own: bad values, and a word that names them
    "--method": ({"unknown": "cee", "empty": "", "no file": "none.py:Mine", "another task": "l2"}, "method"),
    "--dataset": ({"unknown": "mnits", "no file": "none.npz"}, ""),
    "--noise": ({"unknown": "pairs", "not in the set": "given"}, "noise"),
    "--rates": ({"text": "many", "too high": "1.5", "percent": "20", "nan": "nan"}, "rate"),
    "--seeds": ({"text": "one", "negative": "-1", "half": "0.5"}, "seed"),
    "--set": ({"unknown": "epoch=3", "no value": "epochs", "text": "epochs=many", "zero": "epochs=0",
               "network": "network=resnet1"}, ""),
}  # fmt: skip
OTHERS = ["sweep", "sweep 01 --cluster", "sweep 01 02", "sweep 01 --job 2", "sweep 01 --jobs",
          "sweep 01 --other-code=yes"]
BASE = ["--scale", "smoke", "--device", "cpu"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("sweeps")
    (place / "file").write_text("")
    (place / "folder").mkdir()
    return place


@pytest.fixture
def refused(folder, monkeypatch, capsys):
    """The sentence with which the command refuses a line."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(runner, "root", lambda: folder)
    monkeypatch.setattr(tasks, "record", lambda config, device: pytest.fail("a run began"))

    def _refused(line: list[str]) -> str:
        with pytest.raises(SystemExit) as end:
            cli.main(line)
        said = capsys.readouterr()
        assert end.value.code == 2 and said.out == ""
        assert "Traceback" not in said.err and len(said.err.strip().splitlines()[-1]) < 500
        return said.err.strip().splitlines()[-1]

    return _refused


@pytest.mark.parametrize("option, value", [
    pytest.param(option, value, id=f"{option} {what}") for option, values in OPTIONS.items()
    for what, value in values.items()])  # fmt: skip
def test_a_bad_value_is_refused_in_one_sentence_before_any_run(refused, option, value):
    said = refused(["sweep", *([value] if option == "NOTEBOOK" else ["01", *BASE, option, value])])
    name = {"NOTEBOOK": "paper", "--out": "out"}.get(option, option.strip("-"))
    assert name in said


@pytest.mark.parametrize("option, value", [
    pytest.param(option, value, id=f"{option} {what}") for option, (values, _) in OF_A_STUDY.items()
    for what, value in values.items()])  # fmt: skip
def test_a_bad_value_of_a_study_is_refused_in_one_sentence_before_any_run(refused, option, value):
    said = refused(["sweep", *(["--method", "ce"] if option != "--method" else []), option, value])
    assert OF_A_STUDY[option][1] in said


def test_processes_here_and_a_cluster_are_not_asked_for_at_once(refused):
    said = refused(["sweep", "01", *BASE, "--jobs", "2", "--cluster", "tcp://host:8786"])
    assert said == "lnlkit: `jobs` must be left out with `cluster`, whose workers make the runs, but got 2."


@pytest.mark.parametrize("line", OTHERS)
def test_a_line_that_does_not_fit_is_refused(refused, line):
    assert refused(line.split()).startswith("Error: ")
