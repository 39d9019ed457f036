"""The student edition and the marking against bad input: one sentence, nothing run, nothing written; see `refusals`."""

import pytest
import small_submissions as small
from refusals import BAD, Door, standard_tests

from lnlkit import cli
from lnlkit.run import grading, marking, runner, student, submissions

FOLDERS = {"number": 3, "nothing": None, "empty": "", "mapping": {}, "not there": "none", "file": __file__}
KINDS = BAD | {
    "submissions": FOLDERS,
    "number of a notebook": {"unknown": "07", "of no exercises": "00", "empty": "", "text": "x", "number": 3},
    "out": {"number": 3, "empty": "", "mapping": {}, "file": __file__, "below a file": f"{__file__}/out"},
    "notebooks": {"unknown": ["07"], "near": ["01_cvae"], "no file": ["x.ipynb"], "nothing": [None], "number": [3]},
    "function": {"text": "print", "truth": True, "number": 3},
}
GRADE = {"folder": "all", "cohort": 0, "jobs": 1, "timeout": 60.0}
DOORS = [
    Door(grading.grade, GRADE, {"folder": "submissions", "notebook": "number of a notebook", "cohort": "seed",
                                "jobs": "count", "timeout": "positive", "out": "out", "progress": "function"},
         also={"out": {"the same": "all"}, "folder": {"without notebooks": "bare"}}),
    Door(submissions.find, {"folder": "all"}, {"folder": "submissions"}),
    Door(student.write, {"notebooks": ["01"], "out": "made"}, {"notebooks": "notebooks", "out": "out"},
         also={"notebooks": {"text": ["x"]}}, called={"notebooks": "notebook"}),
]  # fmt: skip
LINES = [
    "grade", "grade none", "grade bare", "grade all bare", "grade all --jobs 0", "grade all --jobs x",
    "grade all --cohort -1", "grade all --cohort 1.5", "grade all --timeout 0", "grade all --timeout nan",
    "grade all --notebook 07", "grade all --notebook=", "grade all --out all", "grade all --out=", "student 07",
    "student x.ipynb", "student --out=", "student --chek", "student all/ada.ipynb --out all", "student bare --check",
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_run(monkeypatch, tmp_path):
    """In a folder with one submission, where a marking that gets past its checks has no kernel."""
    small.write(tmp_path / "all" / "ada.ipynb", small.cells())
    small.write(tmp_path / "notebooks" / "01_small.ipynb", small.cells())
    (tmp_path / "bare").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    monkeypatch.setattr(marking, "attempt", lambda *_: marking.Try())


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


@pytest.mark.parametrize("line", LINES)
def test_a_bad_line_is_refused_in_one_sentence_and_writes_nothing(line, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(marking, "attempt", None)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as end:
        cli.main(line.split())
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, ""), err
    assert sorted(tmp_path.rglob("*")) == before
    assert err.startswith("Usage") or (err.startswith("lnlkit: ") and err.count("\n") == 1 and "`" in err), err
