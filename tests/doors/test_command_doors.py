"""Every option of the commands against bad values (sweep apart): status 2, one sentence, no kernel."""

import json

import pytest
import stub_notebook

from lnlkit import cli
from lnlkit.run import attempt, runner

NAME = stub_notebook.NAME
NUMBERS = {"empty": "", "text": "x", "nan": "nan", "infinite": "inf", "negative": "-1"}

RUN = {
    "NOTEBOOK": {"unknown": "07", "near": "01_cvae", "no file": "x.ipynb", "empty": "", "not JSON": "not_json.ipynb",
                 "no bytes": "empty.ipynb", "list": "list.ipynb", "no cells": "no_cells.ipynb", "folder": "f.ipynb",
                 "no parameters": "no_parameters.ipynb", "no SCALE": "no_scale.ipynb", "Julia": "julia.ipynb",
                 "not UTF-8": "binary.ipynb", "other": "setup.py"},
    "--scale": {"unknown": "x", "near": "smok", "empty": "", "capital": "Smoke", "path": "../smoke"},
    "--seeds": {"text": "one", "empty": "", "gap": "1,,2", "float": "1.5", "negative": "-1", "twice": "1,1",
                "range": "1-3", "huge": "1e3"},
    "--rate": {**NUMBERS, "per cent": "20", "one": "1", "sign": "20%"},
    "--device": {"tpu": "tpu", "near": "gpu", "empty": "", "capital": "CPU", "missing": "cuda:99"},
    "-p": {"no value": "RATE", "no name": "=1", "unknown": "RAET=0.1", "case": "rate=0.1", "text": "RATE=x",
           "per cent": "RATE=20", "truth": "RATE=True", "nothing": "RATE=None", "set": "RATE={0.1}", "empty": "RATE=",
           "scale": "SCALE='lab'", "seeds": "SEEDS=[1]", "out": "OUT_DIR='x'", "tpu": "DEVICE=tpu",
           "bytes": "DEVICE=b''", "alone": "", "deep": "RATE=" + "[" * 500},
    "--out-dir": {"empty": "", "file": "file", "below a file": "file/out", "no folder": "/proc/none/out"},
    "--timeout": {**NUMBERS, "zero": "0"},
}  # fmt: skip
TOGETHER = ["run 01 --rate 0.1 -p RATE=0.1", "run 01 --device cpu -p DEVICE=cpu", "run 01 -p RATE=0.1 -p RATE=0.2",
            "run", "run 01 02", "run 01 --ratte 0.1", "run 01 --rate", "run 01 --html=yes", "report 01 02", "x",
            "check 01 --scael lab", "data x", "data list x", "data prepare", "methods x", "report --x"]  # fmt: skip
REPORT = {
    "NOTEBOOK": {"unknown": "07", "near": "01_cvae", "no file": "x.json", "empty": "", "folder": "f.json",
                 "broken": "broken.json", "unchecked": "unchecked.json", "no bytes": "empty.json", "list": "list.json",
                 "notebook": "no_scale.ipynb"},
    "--scale": {"unknown": "x", "empty": "", "near": "labs", "not there": "paper"},
}  # fmt: skip
CHECK = {"NOTEBOOK": {"unknown": "07", "near": "01_cvae", "no file": "x.ipynb", "empty": ""},
         "--scale": {"paper": "paper", "unknown": "x", "empty": "", "near": "labs"}}  # fmt: skip
NAMES = {"unknown": "x", "near": "minst", "empty": "", "path": "../mnist", "file": "x.npz", "capital": "MNIST"}


def lines() -> list:
    """(what, arguments), one a bad value of an option."""
    found = [("run", option, what, ["run", value] if option == "NOTEBOOK" else ["run", "01", option, value])
             for option, values in RUN.items() for what, value in values.items()]  # fmt: skip
    found += [("report", option, what, ["report", value] if option == "NOTEBOOK" else ["report", option, value])
              for option, values in REPORT.items() for what, value in values.items()]  # fmt: skip
    found += [("check", option, what, ["check", value] if option == "NOTEBOOK" else ["check", option, value])
              for option, values in CHECK.items() for what, value in values.items()]  # fmt: skip
    found += [("data prepare", "NAME", what, ["data", "prepare", value]) for what, value in NAMES.items()]
    return [pytest.param(line, id=f"{command} {option} {what}") for command, option, what, line in found]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with one good notebook and files of many other kinds."""
    place = tmp_path_factory.mktemp("course")
    (place / "notebooks").mkdir()
    stub_notebook.write(place / "notebooks")
    cells = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    julia = cells | {"metadata": {"kernelspec": {"name": "julia", "display_name": "Julia", "language": "julia"}}}
    scale = {"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "outputs": [],
             "source": "RATE = 0.1", "execution_count": None}  # fmt: skip
    record = json.loads((runner.root() / "results" / NAME / "smoke.json").read_text())
    files = {"not_json.ipynb": "{", "empty.ipynb": "", "list.ipynb": "[]", "no_cells.ipynb": "{}", "file": "",
             "no_parameters.ipynb": json.dumps(cells), "no_scale.ipynb": json.dumps(cells | {"cells": [scale]}),
             "julia.ipynb": json.dumps(julia), "broken.json": "{", "empty.json": "", "list.json": "[]", "setup.py": "",
             "unchecked.json": json.dumps(record)}  # fmt: skip
    for name, text in files.items():
        (place / name).write_text(text)
    (place / "binary.ipynb").write_bytes(b"\xff\xfe\x00")
    for name in ("f.ipynb", "f.json"):
        (place / name).mkdir()
    return place


@pytest.fixture()
def refused(folder, monkeypatch, capsys):
    """What a command says, which has status 2, prints nothing, starts and writes nothing and has no traceback."""
    monkeypatch.setattr(runner, "root", lambda: folder)
    monkeypatch.setattr(attempt.Attempt, "execute", None)
    monkeypatch.setenv("LNLKIT_DATA", str(folder / "data"))
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))

    def _refused(line) -> str:
        with pytest.raises(SystemExit) as end:
            cli.main(list(line))
        out, err = capsys.readouterr()
        assert (end.value.code, out) == (2, ""), err
        assert sorted(folder.rglob("*")) == before
        return err

    return _refused


@pytest.mark.parametrize("line", lines())
def test_a_bad_value_is_refused_in_one_sentence(refused, line):
    said = refused(line)
    if not said.startswith("Usage"):  # click's own words for a number that is none
        assert said.startswith("lnlkit: ") and said.count("\n") == 1 and "`" in said
        assert said.rstrip().endswith((".", "?")) and len(said) < 600


@pytest.mark.parametrize("line", TOGETHER)
def test_arguments_that_do_not_go_together_are_refused(refused, line):
    said = refused(line.split())
    assert said.startswith(("Usage", "Error: ", "lnlkit: ")) and len(said.splitlines()) < 5
