"""Where the results of a run lie: nobody's are replaced by another notebook's, and none replace the notebook."""

import shutil

import pytest
import stub_notebook

from lnlkit import records
from lnlkit.run import attempt, executed, job, runner


def contents(folder) -> dict:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture()
def two_students(tmp_path, monkeypatch):
    """Two notebooks of one name in two folders, and a way to run one into a folder."""
    monkeypatch.setattr(attempt.Attempt, "execute", stub_notebook.in_this_process)
    monkeypatch.chdir(tmp_path)
    for name in ("alice", "bob"):
        (tmp_path / name).mkdir()
        stub_notebook.write(tmp_path / name, stub_notebook.RECORD, f"# {name}", name="homework")
    return lambda name, out, **more: runner.run(f"{name}/homework.ipynb", out_dir=out, **more)


def test_two_notebooks_of_one_name_do_not_take_each_other_s_place(two_students, tmp_path):
    two_students("alice", "out")
    before = contents(tmp_path / "out")
    said = f"`out_dir` must be another folder than .*, which holds the results of {tmp_path}/alice/homework.ipynb: "
    for out in ("out", "link"):
        (tmp_path / "link").is_symlink() or (tmp_path / "link").symlink_to("out")
        for more in ({}, {"reuse": True}):
            with pytest.raises(ValueError, match=said):
                two_students("bob", out, **more)
    assert contents(tmp_path / "out") == before and two_students("alice", "link", params={"RATE": 0.4})
    shutil.move(tmp_path / "alice", tmp_path / "carol")  # nobody's place any more
    assert two_students("bob", "out").record["config"]["rate"] == 0.2


def test_results_and_notebooks_that_are_moved_together_still_belong_together(two_students, tmp_path, monkeypatch):
    two_students("alice", "out")
    shutil.copytree(tmp_path, tmp_path / "a copy" / "of all", ignore=shutil.ignore_patterns("a copy"))
    monkeypatch.chdir(tmp_path / "a copy" / "of all")
    assert two_students("alice", "out").record


def test_a_notebook_is_not_replaced_by_its_own_execution(two_students, tmp_path):
    mine = tmp_path / "alice" / "homework.ipynb"
    (tmp_path / "link").symlink_to("alice")
    for out in ("alice", "link", "bob/../alice"):
        before = mine.read_bytes()
        with pytest.raises(ValueError, match="`out_dir` must be another folder than the one of the notebook, but got"):
            two_students("alice", out)
        assert mine.read_bytes() == before and contents(tmp_path / "alice").keys() == {"homework.ipynb"}


@pytest.mark.parametrize("seconds", [None, "3", -1])
def test_a_stamp_that_lacks_its_seconds_is_none(two_students, tmp_path, seconds, monkeypatch):
    monkeypatch.setattr(executed, "fingerprint", lambda *_: "the same")  # the package may be edited meanwhile
    two_students("alice", "out")
    path = tmp_path / "out" / "homework.run"
    records.write(path, records.read(path) | {"seconds": seconds})
    assert not two_students("alice", "out", reuse=True).reused and two_students("alice", "out", reuse=True).reused


def test_a_folder_whose_name_cannot_be_made_is_refused(two_students, tmp_path):
    (tmp_path / "nowhere").symlink_to("missing")
    for out in ("x" * 300, "nowhere", "nowhere/deep"):
        with pytest.raises(ValueError, match="`out_dir` must be a folder to write to, but .* is none"):
            two_students("alice", out)
    with pytest.raises(ValueError, match="`notebook` must have a name .*, but got x{60} of 240 letters"):
        runner.run(stub_notebook.write(tmp_path, name="x" * 240), out_dir=tmp_path / "out")


def test_a_link_is_a_notebook_of_its_own_name(tmp_path):
    """Tools for large files keep a notebook under its hash, with a link of its name to it."""
    stub_notebook.write(tmp_path, name="MD5-0a1b")
    (tmp_path / "lab.ipynb").symlink_to("MD5-0a1b.ipynb")
    assert runner.find(tmp_path / "lab.ipynb").stem == "lab"


def test_the_name_of_a_notebook_is_none_of_papermill_s_words():
    assert job.unformatted("-a{b}.ipynb") == "./-a{{b}}.ipynb"


@pytest.mark.parametrize("suffix", [".ipynb", ".html", ".json", ".run"])
def test_a_folder_at_the_place_of_a_result_is_told_before_the_run(two_students, tmp_path, suffix):
    (tmp_path / "out" / f"homework{suffix}").mkdir(parents=True)
    with pytest.raises(ValueError, match=f"`out_dir` must have room for homework{suffix}, but .* holds a folder"):
        two_students("alice", "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [f"homework{suffix}"]
