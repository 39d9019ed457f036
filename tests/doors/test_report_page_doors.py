"""Every option of `lnlkit report --html` against bad values: status 2, one sentence, and nothing written."""

import json

import pytest

from lnlkit import cli, recorded
from lnlkit.run import runner

WHAT = {"unknown": "07", "near": "01_cvae", "no file": "x.json", "empty": "", "broken": "broken.json",
        "no bytes": "empty.json", "list": "list.json", "notebook's": "notebook.json", "one run": "run.json",
        "damaged": "damaged.json", "no runs": "no_runs.json", "other": "setup.py", "empty folder": "nothing",
        "folder of others": "others", "two codes": "two", "not UTF-8": "binary.json",
        "newer": "newer.json"}  # fmt: skip
OUT = {"empty": "", "file": "file", "below a file": "file/out", "no folder": "/proc/none/out"}
TOGETHER = ["report 00 --out page", "report --out page", "report 00 --html --scale lab", "report 00 01 --html",
            "report --html=yes", "report 00 --html --out", "report 00 --htm1"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pages")
    table = recorded.load_raw("01")
    run = table["runs"][0]
    texts = {"broken.json": "{", "empty.json": "", "list.json": "[]", "file": "", "setup.py": "",
             "notebook.json": json.dumps({"schema": 1, "notebook": "01", "claims": []}),
             "run.json": json.dumps({"schema": 1, "config": {}}),
             "newer.json": json.dumps({"schema": 99, "made": {}}),
             "damaged.json": json.dumps({**table, "runs": [run, run]}),
             "no_runs.json": json.dumps({**table, "runs": []}),
             "others/a.json": "{}", "two/a/1.json": "{}", "two/b/1.json": "{}"}  # fmt: skip
    for name, text in texts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    (place / "nothing").mkdir()
    (place / "binary.json").write_bytes(b"\xff\xfe\x00")
    return place


@pytest.fixture
def refused(folder, monkeypatch, capsys):
    """What a command says, which has status 2, prints and writes nothing and has no traceback."""
    monkeypatch.setattr(runner, "root", lambda: folder)
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))

    def _refused(line: list[str]) -> str:
        with pytest.raises(SystemExit) as end:
            cli.main(line)
        out, err = capsys.readouterr()
        assert (end.value.code, out) == (2, ""), err
        assert sorted(folder.rglob("*")) == before and "Traceback" not in err
        return err

    return _refused


@pytest.mark.parametrize("what", WHAT)
def test_what_is_no_recorded_run_is_refused_in_one_sentence(refused, what):
    said = refused(["report", WHAT[what], "--html"])
    assert said.startswith("lnlkit: ") and said.count("\n") == 1 and "`" in said
    assert said.rstrip().endswith((".", "?")) and len(said) < 600


@pytest.mark.parametrize("file, kind", [("notebook.json", "the record of a notebook"), ("run.json", "one run")])
def test_a_record_of_another_kind_is_named_as_what_it_is(refused, file, kind):
    assert f"must be a table, as `lnlkit sweep --table` writes it, but {file} is {kind}." in refused(
        ["report", file, "--html"])  # fmt: skip


@pytest.mark.parametrize("what", OUT)
def test_a_folder_that_cannot_be_written_to_is_refused_in_one_sentence(refused, what):
    said = refused(["report", "01", "--html", "--out", OUT[what]])
    assert said.startswith("lnlkit: `out` must be ") and said.count("\n") == 1


@pytest.mark.parametrize("line", TOGETHER)
def test_options_that_do_not_go_together_are_refused(refused, line):
    assert refused(line.split()).startswith(("Usage", "Error: "))
