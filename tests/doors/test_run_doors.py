"""Runs, their records and the beginning of a notebook, against bad input; see `refusals`."""

import json

import numpy as np
import pytest
import stub_notebook
from refusals import BAD, Door, check_refusal, standard_tests

from lnlkit import data, lab, records
from lnlkit.data import bundles
from lnlkit.run import attempt, parameters, runner, shape

NAME = stub_notebook.NAME
NAN = float("nan")
RECORD = runner.root() / "results" / NAME / "smoke.json"
ROW = json.loads(RECORD.read_text())["comparison"][0]
NO_HEADING = {name: value for name, value in ROW.items() if name != "heading"}

KINDS = BAD | {
    "notebook": {"unknown": "07", "near": "01_cvae", "no file": "x.ipynb", "number": 3, "nothing": None, "empty": ""},
    "scale": BAD["name"] | {"near": "smok", "folder": "../smoke", "truth": True},
    "seeds": {"text": "0", "number": 0, "empty": [], "negative": [-1], "float": [0.0], "truth": [True], "twice": [1, 1],
              "nothing in it": [None]},
    "parameters": {"list": ["RATE"], "text": "RATE=0.2", "pairs": [("RATE", 0.2)], "number": 3},
    "device": {"tpu": "tpu", "near": "gpu", "empty": "", "number": 0, "nothing": None, "list": ["cpu"]},
    "function": {"text": "print", "truth": True, "number": 3},
    "record": {"number": 3, "nothing": None, "empty": "", "mapping": {}},
}  # fmt: skip

BEGIN = {"notebook": "01", "scale": "smoke", "seeds": [0], "device": "cpu", "out_dir": ".", "RATE": 0.2}
DOORS = [
    Door(runner.run, {"notebook": "01"},
         {"notebook": "notebook", "scale": "scale", "seeds": "seeds", "out_dir": "folder", "params": "parameters",
          "timeout": "positive", "progress": "function"},
         also={"out_dir": {"file": __file__, "below a file": f"{__file__}/out"}},
         spared={"timeout": {"nothing"}}),
    Door(runner.find, {"notebook": "01"}, {"notebook": "notebook"}),
    Door(runner.recorded, {"path": RECORD}, {"path": "record"}),
    Door(shape.read_notebook, {"path": RECORD}, {"path": "record"}),
    Door(lab.begin, BEGIN, {"notebook": "name", "scale": "scale", "seeds": "seeds", "device": "device",
                            "out_dir": "folder", "RATE": "fraction"},
         also={"out_dir": {"file": __file__, "below a file": f"{__file__}/out"},
               "seeds": {"set": {0, 1}, "mapping": {0: 1}, "one by one": iter([0]), "one number": np.array(0)}},
         called={"seeds": "SEEDS", "notebook": "paper"}),
    Door(data.files, {"name": "mnist"}, {"name": "name", "data_dir": "folder"}),
    Door(bundles.folder_of, {}, {"data_dir": "folder"}),
]  # fmt: skip
PARAMETERS = {
    "unknown": ("RAET", 0.2), "lower case": ("rate", 0.2), "number": (3, 0.2), "own option": ("SCALE", "lab"),
    "own seeds": ("SEEDS", [0]), "own folder": ("OUT_DIR", "x"), "text": ("RATE", "0.2"), "per cent": ("RATE", 20),
    "truth": ("RATE", True), "nan": ("RATE", NAN), "nothing": ("RATE", None), "set": ("RATE", {0.2}),
    "complex": ("RATE", 0.2j), "list": ("RATE", [0.2]), "tpu": ("DEVICE", "tpu"), "number as device": ("DEVICE", 0),
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_executed(monkeypatch, tmp_path):
    """In a folder of its own, where a run that gets past its checks would say so."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(attempt.Attempt, "execute", None)
    yield
    assert not any(tmp_path.iterdir())


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS, DOORS[1:])


@pytest.mark.parametrize("name, value", PARAMETERS.values(), ids=PARAMETERS)
def test_a_bad_parameter_is_refused_before_anything_starts(name, value):
    check_refusal(lambda: runner.run("01", params={name: value}), str(name), "device")


@pytest.mark.parametrize("value", [{1}, 1j, b"x", [{1}], object()], ids=lambda value: type(value).__name__)
def test_a_parameter_of_no_declared_type_is_what_json_has_words_for(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("own")
    path = stub_notebook.write(folder, parameters=f"{stub_notebook.PARAMETERS}\nEXTRA = None")
    check_refusal(lambda: runner.run(path, params={"EXTRA": value}), "EXTRA")
    parameters.check(parameters.read(path), path, {"EXTRA": [1, "a", None, {"b": 0.5}]})


def fields(record: dict) -> list:
    """Every field that a report is printed from, as the keys that lead to it."""
    inside = [(part, 0, name) for part in ("claims", "comparison") for name in record[part][0]
              if name in shape.CLAIM | shape.ROW]  # fmt: skip
    return [(name,) for name in record if name in records.NOTEBOOK_KEYS | shape.OPTIONAL] + inside


@pytest.mark.parametrize("value", [True, {"a": 1}, [[]]], ids=str)
@pytest.mark.parametrize("keys", fields(json.loads(RECORD.read_text())), ids=lambda keys: ".".join(map(str, keys)))
def test_a_record_with_a_field_of_a_wrong_type_is_damaged(keys, value):
    record = json.loads(RECORD.read_text())
    assert shape.fault(record) is None
    *way, last = keys
    place = record
    for key in way:
        place = place[key]
    if isinstance(value, type(place[last])):
        pytest.skip("the right type")
    place[last] = value
    assert f"{last}`" in shape.fault(record)
    del place[last]
    assert last in shape.OPTIONAL or f"no `{'.'.join(map(str, keys)).replace('.0', '[0]')}`" in shape.fault(record)


@pytest.mark.parametrize("change, said", [
    ({"scale": "labs"}, "whose `scale` is 'labs'"), ({"claims": [3]}, "whose `claims[0]` is no mapping but 3"),
    ({"comparison": [ROW | {"needs": [3]}]}, "with a row that needs [3]"),
    ({"comparison": [NO_HEADING | {"column": "aer"}]}, "with a column 'aer' of no heading"),
    ({"comparison": [ROW | {"heading": 3}]}, "with a column 0.1 of no heading"),
    ({"claims": [{**json.loads(RECORD.read_text())["claims"][0], "verdict": "true"}]}, "with a verdict 'true'"),
])  # fmt: skip
def test_a_record_with_an_unknown_word_is_damaged(change, said):
    assert said in shape.fault(json.loads(RECORD.read_text()) | change)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"schema": 1}', '{"schema": 2}', "\0", '"record"'])
def test_a_broken_file_is_refused_by_name(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("records") / "broken.json"
    path.write_text(text)
    assert "broken.json" in check_refusal(lambda: runner.recorded(path))
    check_refusal(lambda: runner.recorded(path.parent), str(path.parent))
    check_refusal(lambda: runner.recorded(path.with_name("x.json")), str(path.with_name("x.json")))


def test_a_claim_that_nobody_judged_is_not_saved(tmp_path):
    session = lab.begin(**BEGIN | {"out_dir": tmp_path})
    for claims in ([3], [{"verdict": "reproduced"}], 3, None):
        check_refusal(lambda claims=claims: session.save(config={}, metrics={}, claims=claims, comparison=[]), "claims")
    assert not list(tmp_path.iterdir())


DECLARED = """%matplotlib inline
# the course
SEED, RATE = 0, 0.2
PATH = "a=b"  # with an equals sign
NAME: str | None = None
LABELS: "list[int]" = [
    1, 2]
EPOCHS = 3  # type: int
N: int = 2 * 3; LR = 1
for i in range(3):
    j = i
print(N)"""


def test_every_parameter_that_a_cell_sets_is_known():
    found = parameters._assigned(DECLARED, "x.ipynb")
    assert found == {"SEED": "", "RATE": "", "PATH": "", "NAME": "str | None", "LABELS": "list", "EPOCHS": "int",
                     "N": "int", "LR": "", "i": ""}  # fmt: skip
    assert parameters._assigned("", "x.ipynb") == {}
    no_type = "# type: of the noise\nKIND = 'sn'  # type: text, or None\nos.environ['A'] = '1'"
    assert parameters._assigned(no_type, "x.ipynb") == {"KIND": ""}
    with pytest.raises(ValueError, match="`x.ipynb` must have a cell `parameters` in Python, .* line 2 "):
        parameters._assigned("A = 1\nB = (", "x.ipynb")


def test_a_notebook_that_an_editor_saved_with_a_mark_of_its_own(tmp_path_factory):
    path = stub_notebook.write(tmp_path_factory.mktemp("own"))
    path.write_text("\ufeff" + path.read_text())
    assert parameters.known(parameters.read(path), path)["RATE"] == "float"
