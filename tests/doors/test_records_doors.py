"""The doors of records, and of the images in them."""

from pathlib import Path

import numpy as np
import pytest
from refusals import BAD, Door, cases, check_refusal, refuses

from lnlkit import packing, records

KINDS = BAD | {
    "dict": {"nothing": None, "text": "a", "number": 3, "list": [1], "pairs": [("a", 1)]},
    "list": {"nothing": None, "text": "a", "number": 3, "dict": {"a": 1}, "array": np.zeros(3)},
    "text": {"nothing": None, "number": 3, "list": ["01"], "bytes": b"01"},
    "seeds": {"nothing": None, "text": "0", "number": 3, "empty": [], "twice": [0, 0], "float": [0.0], "negative": [-1],
              "truth": [True], "texts": ["0"], "nan": [float("nan")]},
    "new file": {"number": 3, "nothing": None, "empty": "", "mapping": {}, "folder": ".", "null": "a\0b",
                 "deeper folder": "folder"},
    "record file": {"number": 3, "nothing": None, "empty": "", "mapping": {}, "folder": ".",
                    "no bytes": "no_bytes.json", "half": "half.json", "foreign": "foreign.json", "list": "list.json",
                    "old": "old.json", "not text": "binary.json", "deep": "deep.json", "null": "a\0b"},
    "images": {"nothing": None, "text": "a", "fractions": np.zeros((2, 3)), "ragged": [[0], [1, 2]], "mapping": {}},
    "packed": {"nothing": None, "text": "a", "list": [1], "empty": {}, "no bytes": {"shape": [1], "bytes": "!"},
               "no images": {"shape": [1], "bytes": "YQ=="},
               "half": packing.pack(np.zeros(4, np.uint8)) | {"shape": [5]}},
    "values": {"nothing in it": [], "text": "0.5", "texts": ["0.5"], "truths": [True], "dict": {"a": 1},
               "nested": [[1.0]], "object": object(), "array": np.zeros((2, 2)), "no numbers": np.array(["a"])},
}  # fmt: skip
FILES = {"no_bytes": "", "half": '{"schema": 1, "a": [1', "foreign": '{"a": 1}', "list": "[1]", "deep": "[" * 100_000,
         "old": '{"schema": 0}', "good": '{"schema": 1}'}  # fmt: skip
NO_WORD = {"set": {1}, "function": print, "object": object(), "bytes": b"a", "complex": 1j, "class": dict}

NOTEBOOK = {"notebook": "n", "scale": "smoke", "seeds": [0], "config": {}, "metrics": {}, "claims": [],
            "comparison": [], "started": 0.0}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("records")
    (place / "folder").mkdir()
    for name, text in FILES.items():
        (place / f"{name}.json").write_text(text)
    (place / "binary.json").write_bytes(b"\xff\xfe\x00")
    return place


@pytest.fixture(autouse=True)
def _in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(records, "calibration", lambda: 0.1)


def whole_file(path, mode="w"):
    with records.whole_file(path, mode):
        pass


DOORS = [
    Door(records.write, {"path": "new.json", "record": {}}, {"path": "new file", "record": "dict"},
         also={"record": {"schema": {"schema": 2}, **{what: {"a": [value]} for what, value in NO_WORD.items()}}}),
    Door(whole_file, {"path": "new.json", "mode": "w"}, {"path": "new file"},
         also={"mode": {"read": "r", "append": "a", "nothing": None, "number": 3, "empty": ""}}),
    Door(records.remove_scraps, {"folder": "."}, {"folder": "folder"}),
    Door(records.read, {"path": "good.json"}, {"path": "record file"}),
    Door(records.read_notebook, {"path": "good.json"}, {"path": "record file"}, also={"path": {"none": "good.json"}}),
    Door(records.for_notebook, NOTEBOOK, {"notebook": "text", "scale": "text", "seeds": "seeds", "config": "dict",
                                          "metrics": "dict", "claims": "list", "comparison": "list",
                                          "started": "not negative"}),
    Door(records.at_reference, {"cpu_seconds": 1.0, "calibration_seconds": 0.1},
         {"cpu_seconds": "not negative", "calibration_seconds": "not negative"},
         spared={"calibration_seconds": {"nothing"}}),
    Door(records.mean_sd, {"values": [1.0]}, {"values": "values"}),
    Door(packing.pack, {"images": np.zeros((2, 3), np.uint8)}, {"images": "images"}),
    Door(packing.unpack, {"packed": packing.pack(np.zeros((2, 3), np.uint8))}, {"packed": "packed"}),
]  # fmt: skip


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    reads = door.function in (records.read, records.read_notebook)
    if reads and isinstance(value, str) and value and Path(value).exists():
        assert f"`{value}`" in check_refusal(lambda: door.function(**door.good | {argument: value}))
    else:
        refuses(door, argument, value)


@pytest.mark.parametrize("door", [door for door in DOORS if door.function is not records.read_notebook],
                         ids=lambda door: door.name)  # fmt: skip
def test_the_call_works_otherwise(door):
    door.function(**door.good)
