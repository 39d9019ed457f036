"""The doors of sweeps, and of the table that they make."""

import pytest
from refusals import BAD, Door, cases, check_refusal, refuses

from lnlkit import papers, sweep
from lnlkit.recorded import making

KINDS = BAD | {
    "function": {"nothing": None, "text": "run", "number": 3, "result": {}},
    "function or none": {"text": "run", "number": 3, "pool": {}},
    "configuration": {"nothing": None, "text": "ce", "number": 3, "list": [1], "pairs": [("row", "ce")]},
    "configurations": {"nothing": None, "text": "ce", "number": 3, "one": {"row": "ce"}, "empty": [], "texts": ["ce"],
                       "numbers": [1], "foreign": [{"row": {1}}]},
    "paper": {"nothing": None, "number": 3, "key": "01", "list": ["01"]},
    "device": {"tpu": "tpu", "number": 3, "nothing": None, "empty": "", "list": ["cpu"], "missing": "cuda:99"},
}  # fmt: skip
VALUES = {"set": {1, 2}, "function": print, "nan": float("nan"), "infinite": float("inf"), "object": object(),
          "bytes": b"ce", "deep": [{"q": float("nan")}], "number as name": {1: 2}, "complex": 1j}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("doors")
    (place / "file").write_text("")
    return place


@pytest.fixture(autouse=True)
def _in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)


PAPER = papers.load("01")
DOORS = [
    Door(sweep.key, {"config": {"row": "ce"}}, {"config": "configuration"}),
    Door(sweep.sweep, {"fn": dict, "configs": [{"row": "ce"}], "out_dir": "runs", "executor": None, "progress": None},
         {"fn": "function", "configs": "configurations", "out_dir": "folder", "executor": "function or none",
          "progress": "function or none"},
         also={"out_dir": {"file": "file", "below a file": "file/runs", "null": "a\0b"}}),
    Door(sweep.describe, {"config": {"row": "ce"}}, {"config": "configuration"}),
    Door(sweep.local_pool, {"jobs": 1}, {"jobs": "count"}),
    Door(sweep.whole_record, {"path": "none.json"}, {"path": "folder"}),
    Door(making.make, {"configs": [{"row": "ce"}], "out_dir": "runs"},
         {"configs": "configurations", "out_dir": "folder", "device": "device"},
         also={"out_dir": {"file": "file"}}),
    Door(making.collect, {"paper": PAPER, "scale": "smoke", "out_dir": "none"},
         {"paper": "paper", "scale": "name", "out_dir": "folder", "device": "device"},
         also={"out_dir": {"empty folder": "none"}}),
    Door(making.obtain, {"paper": PAPER, "scale": "smoke", "out_dir": "runs"},
         {"paper": "paper", "scale": "name", "out_dir": "folder", "device": "device"},
         also={"out_dir": {"file": "file"}}),
]  # fmt: skip


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    if argument == "configs":
        check_refusal(lambda: door.function(**door.good | {argument: value}), "configs", "config", "row")
    else:
        refuses(door, argument, value)


@pytest.mark.parametrize("what", VALUES)
def test_a_value_that_json_does_not_know_names_no_run(what):
    said = check_refusal(lambda: sweep.key({"hparams": {"q": VALUES[what]}}), "q", "hparams")
    assert "`q`" in said


@pytest.mark.parametrize("door", [door for door in DOORS if door.function.__module__ == "lnlkit.sweep"],
                         ids=lambda door: door.name)  # fmt: skip
def test_the_call_works_otherwise(door):
    door.function(**door.good)
