"""Marks of twenty submissions, good, bad and hostile: each costs its own mark only; and the pages that show them."""

import io
import json
import os
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
import small_submissions as small
from small_submissions import NOT_YET, RIGHT, UNDONE, cell, cells, copied

from lnlkit import cli, exercises
from lnlkit.run import grading, marking, marking_job, marks, submissions

LIMIT_S = 120  # wall seconds: only the notebook that hangs meets it, and sleeps until then


def row(table: pd.DataFrame, name: str) -> dict:
    (found,) = table[table["name"] == name].to_dict("records")
    return found


@pytest.fixture(scope="module", autouse=True)
def two_exercises():
    """Of notebook 01 those that the small notebook has."""
    every = exercises.names
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exercises, "names", lambda notebook=None: [
            name for name in every(notebook) if name[:2] != "01" or name in ("01.1", "01.2")])  # fmt: skip
        yield


@pytest.fixture(scope="module")
def marked(two_exercises, tmp_path_factory):
    """The folder, what is wanted, what the command printed: marked once, two at a time."""
    folder = tmp_path_factory.mktemp("course") / "submissions"
    wanted = small.twenty(folder, LIMIT_S)
    before = {path: path.read_bytes() for path in folder.rglob("*.ipynb")}
    assert len(before) == len(wanted) == 20
    os.environ["A_PASSWORD"] = "secret"
    try:
        made = grading.grade(folder, cohort=0, jobs=2, timeout=LIMIT_S)
    finally:
        del os.environ["A_PASSWORD"]
    return folder, wanted, before, made


def test_each_mark_is_right_and_each_mishap_is_named(marked):
    _, wanted, _, made = marked
    for name, (first, second, said) in wanted.items():
        found = row(made.table, name)
        assert (found["01.1"], found["01.2"]) == (first, second), found
        assert said in found["went wrong"], found
        assert said or not found["went wrong"] or "changed" in found["went wrong"], found
        assert (found["notebook"], found["total"]) == ("01", 2)
        assert found["right"] == [first, second].count(RIGHT) and found["done"] == 2 - [first, second].count(UNDONE)
    assert made.summary.startswith("20 notebooks (01) marked with cohort 0 in ")
    assert "of 40 answers 27 right, 5 not yet, 8 not done" in made.summary


def test_what_a_notebook_spoils_among_the_submissions_is_put_back(marked):
    folder, _, before, made = marked
    assert {path: path.read_bytes() for path in folder.rglob("*.ipynb")} == before
    for name in ("by-bayes", "stubs"):
        assert "it is put back as it was" in row(made.table, name)["went wrong"]


def test_the_table_is_a_spreadsheets_and_the_pages_are_whole(marked):
    folder, wanted, _, made = marked
    assert made.path == folder.with_name("submissions-marks") / "marks.csv"
    found = pd.read_csv(made.path, keep_default_na=False, dtype={"notebook": str})
    assert list(found) == [*marks.COLUMNS, "01.1", "01.2", "seconds", "went wrong"]
    assert sorted(found["name"]) == sorted([*(set(wanted) - {"=master"}), "'=master"])
    assert len(list((made.path.parent / "students").iterdir())) == 20
    assert not [path for path in made.path.parent.rglob("*") if path.name.startswith(".")]
    page = (made.path.parent / "marks.html").read_text(encoding="utf-8")
    assert page.count("<tr") == 21 and all(f"students/{i:03d}-" in page for i in range(1, 21))


def test_another_cohort_catches_copied_numbers_and_keeps_right_answers(tmp_path):
    small.write(tmp_path / "all" / "copied.ipynb", cells(purity=copied()))
    made = grading.grade(tmp_path / "all", cohort=7, timeout=LIMIT_S, out=tmp_path / "out")
    assert (row(made.table, "copied")["01.1"], row(made.table, "copied")["01.2"]) == (RIGHT, NOT_YET)
    page = next((tmp_path / "out" / "students").iterdir()).read_text(encoding="utf-8")
    assert "purity from the transition matrix" in page and "sum_k n_k T_kc" in page


def test_a_students_code_sees_its_own_folders_and_no_password(tmp_path, monkeypatch):
    monkeypatch.setenv("A_PASSWORD", "secret")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    found = marking.surroundings(tmp_path, 7)
    assert "secret" not in found.values() and found["LNLKIT_COHORT"] == "7" and found["LNLKIT_OFFLINE"] == "1"
    assert all(found[name].startswith(str(tmp_path)) for name in ("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR"))


def test_a_kept_notebook_says_which_it_is_and_one_that_lost_it_too(tmp_path):
    small.write(tmp_path / "a.ipynb", [], lnlkit={"edition": "student", "notebook": "03_robust_features"})
    small.write(tmp_path / "b" / "x.ipynb", [cell("# 02 · Title", kind="markdown", id="t")])
    small.write(tmp_path / "c.ipynb", [cell("lab.begin('05_choicenet')", id="t")])
    small.write(tmp_path / "d.ipynb", [cell("lab.check('04.2', f)", id="t")])
    small.write(tmp_path / "e.ipynb", [])
    small.write(tmp_path / ".ipynb_checkpoints" / "f.ipynb", [])
    found = submissions.find(tmp_path)
    assert [(of.name, of.notebook) for of in found] == [("a", "03"), ("b", "02"), ("c", "05"), ("d", "04"), ("e", "")]
    assert {of.notebook for of in submissions.find(tmp_path, "01")} == {"01"}
    unknown = marking.mark(found[-1], 0, marking.Limits(), threading.Event())
    assert unknown.wrong == ["nothing tells which notebook it is"] and unknown.outcomes == {}
    small.write(tmp_path / "00.ipynb", [cell("# 00 · Title", kind="markdown", id="t")])
    played = marking.mark(submissions.find(tmp_path)[0], 0, marking.Limits(), threading.Event())
    assert played.wrong == ["notebook 00 has no exercises that are asked"] and played.outcomes == {}


def test_the_cells_that_exercises_need_are_known_without_their_tags():
    of = submissions.Submission("a", Path("a"), "01", tuple(
        submissions.Cell("code", source, frozenset(tags), "") for source, tags in (
            ("import numpy", {"setup"}), ("x = 1", ()), ("label_purity = 1", ()), ("def label_purity(): ...", ()),
            ("lab.check('01.2', label_purity)", {"exercise", "check"}), ("label_purity = (", {"exercise"}),
            ("def flip(): ...", {"derive"}), ("label_purity = 2", {"solution"}))))  # fmt: skip
    names = exercises.names("01")
    assert marking.needed_places(of, names) == {1, 3, 4, 6, 7, 8}
    assert [place for place, _ in marking.code(of)] == [1, 2, 3, 4, 5, 6, 7]


def test_the_parameters_of_a_notebook_are_the_markers():
    own = "SCALE: str = 'paper'\nOUT_DIR: str = '/tmp/x'"
    assert marking.with_parameters([(1, own), (2, "x = 1"), (3, "SCALE = (")], "SCALE = 1") == [
        (1, f"{own}\nSCALE = 1"), (2, "x = 1"), (3, "SCALE = (")]  # fmt: skip


@pytest.fixture()
def of_words(tmp_path):
    """Marks of three students, without a kernel: words with HTML in them, nothing, and a file that lost its ids."""
    script = "<script>alert(1)</script>\n\n</pre> & *more*"
    small.write(tmp_path / "<b>eve.ipynb", cells(answer=script))
    small.write(tmp_path / "fay.ipynb", cells(answer="*Write your answer here.*"))
    lost = [{**of, "id": f"x{i}"} for i, of in enumerate(cells(answer="Two *views*."))]
    small.write(tmp_path / "gus.ipynb", lost)
    done = exercises.Outcome("01.1", True, False, "exercise 01.1: not yet. =<img src=x onerror=y>.")
    found = submissions.find(tmp_path)
    return tmp_path, [marking.Mark(of, {"01.1": done}, 1.0, ["=HYPERLINK(1)\n<i>"]) for of in found]


def test_answers_in_words_are_collected_by_question_as_text(of_words):
    page = marks.answers_page(of_words[1])
    assert "(the first 20,000 of 30,000 letters)" in marks._text("x" * 30_000)
    assert page.count("<h2>") == 1 and "<script>" not in page and "&lt;script&gt;alert(1)" in page
    assert "&lt;/pre&gt; &amp; *more*" in page and "Two *views*." in page and "<p>Nothing from fay.</p>" in page
    assert page.count("**Why** two networks?") == 1 and "&lt;b&gt;eve" in page


def test_what_students_write_is_text_on_every_page_and_no_formula(of_words):
    folder, found = of_words
    path = marks.write(found, folder, folder / "out", "Marked <now>.")
    pages = [page.read_text(encoding="utf-8") for page in (folder / "out").rglob("*.html")]
    assert len(pages) == 5 and not [page for page in pages if "<img" in page or "<i>" in page or "<b>" in page]
    assert sum("&lt;img src=x" in page for page in pages) == 3 and "Marked &lt;now&gt;." in "".join(pages)
    table = pd.read_csv(io.StringIO(path.read_text(encoding="utf-8-sig")))
    assert set(table["went wrong"]) == {"'=HYPERLINK(1) <i>"}
    stale = folder / "out" / "students" / "007-gone.html"
    stale.touch()
    marks.write(found, folder, folder / "out", "Again.")
    assert not stale.exists() and len(list((folder / "out").rglob("*.html"))) == 5


def test_an_answer_that_ends_the_program_is_an_answer_that_is_not_right(monkeypatch):
    told = []
    monkeypatch.setattr("IPython.display.publish_display_data", told.append)
    marking_job.tell("nonce", "01.2", 0, {"label_purity": lambda *_: sys.exit(), "print": None})
    marking_job.tell("nonce", "01.2", 0, {})
    ended, missing = (json.loads(shown["text/plain"].removeprefix("nonce")) for shown in told)
    assert ended == [True, False, "exercise 01.2: not yet. It ended with SystemExit."]
    assert missing[:2] == [False, False]


@pytest.mark.parametrize("at, limit, then, left", [
    (3, True, [2, 4, 6], ["01.1", "01.2"]), (4, True, [2, 6], ["01.1", "01.2"]),
    (4, False, [2, 4, 6], ["01.1", "01.2"]),
    ("01.1", False, [2, 4, 6], ["01.1", "01.2"]), ("01.1", True, [2, 3, 4, 5, 6, 7], ["01.2"]),
    (None, False, [2, 3, 4, 5, 6, 7], ["01.1", "01.2"]),
])  # fmt: skip
def test_what_stopped_a_try_is_left_out_of_the_next(monkeypatch, tmp_path, at, limit, then, left):
    """A kernel that dies may do so later than the cell that ended it: the first time no cell is blamed."""
    tries = []

    def attempt(cells, ask, *_):
        tries.append(([place for place, _ in cells], ask))
        if len(tries) == 1:
            return marking.Try(at=at, ended="it stopped", limit=limit)
        return marking.Try({name: exercises.Outcome(name, True, True, "") for name in ask})

    monkeypatch.setattr(marking, "attempt", attempt)
    small.write(tmp_path / "ada.ipynb", cells(before=["x = 1"]))
    made = marking.mark(submissions.find(tmp_path)[0], 0, marking.Limits(), threading.Event())
    assert tries == [([2, 3, 4, 5, 6, 7], ["01.1", "01.2"]), (then, left)]
    assert made.word("01.2") == RIGHT and len(made.wrong) == 1
    assert made.word("01.1") == (NOT_YET if "01.1" not in left else RIGHT)


@pytest.fixture()
def no_kernel(monkeypatch):
    """Nothing is run: every exercise is done and right."""
    def attempt(cells, ask, cohort, limits, stop):
        return marking.Try({name: exercises.Outcome(name, True, True, f"exercise {name}: right.") for name in ask})

    monkeypatch.setattr(marking, "attempt", attempt)


def test_the_command_prints_a_summary_and_where_the_marks_are(no_kernel, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    small.write(tmp_path / "all" / "ada.ipynb", cells())
    cli.main(["grade", "all", "--cohort", "3", "--notebook", "01", "--out", "marks"])
    out = capsys.readouterr().out
    assert "1 notebook (01) marked with cohort 3" in out and "2 right, 0 not yet" in out
    assert f"Marks: {Path('marks') / 'marks.csv'}" in out and (tmp_path / "marks" / "marks.html").is_file()


def test_what_a_notebook_does_to_others_files_is_said(no_kernel, tmp_path, monkeypatch):
    paths = [small.write(tmp_path / "all" / f"{name}.ipynb", cells()) for name in ("ada", "bob")]
    (tmp_path / "kit").mkdir()
    monkeypatch.setattr(grading, "PACKAGE", tmp_path / "kit")
    whole = marking.mark

    def mark(of, *rest):
        if of.name == "ada":
            paths[1].unlink()
            paths[1].mkdir()
        else:
            (tmp_path / "kit" / "losses.py").touch()
        return whole(of, *rest)

    monkeypatch.setattr(grading, "mark", mark)
    made = grading.grade(tmp_path / "all")
    assert row(made.table, "ada")["went wrong"].endswith("by it or by one beside it: bob.ipynb")
    assert "lnlkit itself changed while it ran" in row(made.table, "bob")["went wrong"]
    assert "it could not be put back (Is a directory)" in row(made.table, "bob")["went wrong"]
    assert (row(made.table, "ada")["right"], row(made.table, "bob")["right"]) == (2, 2)


def test_a_failure_of_the_marking_costs_one_mark(no_kernel, tmp_path, monkeypatch):
    for name in ("ada", "bob"):
        small.write(tmp_path / "all" / f"{name}.ipynb", cells())
    whole = marking.mark
    monkeypatch.setattr(grading, "mark", lambda of, *rest: 1 / 0 if of.name == "ada" else whole(of, *rest))
    made = grading.grade(tmp_path / "all")
    assert "ZeroDivisionError" in row(made.table, "ada")["went wrong"] and row(made.table, "bob")["right"] == 2


def test_a_marking_that_is_stopped_leaves_no_process_and_no_marks(tmp_path, monkeypatch):
    small.write(tmp_path / "all" / "hangs.ipynb", cells(before=["import time\ntime.sleep(10**6)"]))
    began = threading.Event()
    whole = marking.beyond

    def looked(scratch, pid, limits, deadline):
        if json.loads((scratch / "job.json").read_text()):
            began.set()
        return whole(scratch, pid, limits, deadline)

    def interrupted(futures):
        assert began.wait(LIMIT_S)
        raise KeyboardInterrupt

    monkeypatch.setattr(marking, "beyond", looked)
    monkeypatch.setattr(grading, "as_completed", interrupted)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "t"))
    with pytest.raises(KeyboardInterrupt):
        grading.grade(tmp_path / "all")
    assert list((tmp_path / "all-marks").iterdir()) == []
    assert threading.active_count() < 10
