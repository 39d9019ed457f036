"""The student edition: what the tags say, nothing of a solution, and it runs to its end with every exercise undone."""

import json
import re
import symtable
from pathlib import Path

import nbformat
import pytest
import small_submissions
from small_submissions import cell

from lnlkit import cli
from lnlkit.run import runner, student

ROOT = Path(__file__).resolve().parents[1]
MASTERS = student.masters()

every = pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.stem)


def cells_of(text: str) -> list[dict]:
    return json.loads(text)["cells"]


def made(path: Path) -> list[dict]:
    return cells_of(student.edition(path, ROOT / student.FOLDER))


def read_in(scope, cell) -> set[str]:
    """Names that a cell reads in itself, and in what it defines as global ones."""
    names = {symbol.get_name() for symbol in scope.get_symbols()
             if symbol.is_referenced() and (scope is cell or symbol.is_global())}  # fmt: skip
    return names.union(*(read_in(inner, cell) for inner in scope.get_children()))


def made_and_read(cell: dict) -> tuple[set[str], set[str]]:
    table = symtable.symtable(student.source(cell), cell["id"], "exec")
    own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return own, read_in(table, table)


def only_solutions_make(cells: list[dict]) -> dict[str, list[str]]:
    """{name: cells that read it} for names that cells of the master make, but none of the student edition."""
    made = {True: set(), False: set()}
    reads: dict[str, list[str]] = {}
    for one in (one for one in cells if one["cell_type"] == "code"):
        left_out = bool(student.tags(one) & student.LEFT_OUT)
        own, read = made_and_read(one)
        made[left_out] |= own
        for name in set() if left_out else read:
            reads.setdefault(name, []).append(one["id"])
    return {name: reads[name] for name in made[True] - made[False] if name in reads}


def test_generating_changes_nothing():
    assert student.differences() == []


@every
def test_the_edition_is_a_notebook_in_the_format_of_the_masters(path):
    text = student.edition(path, ROOT / student.FOLDER)
    nbformat.validate(nbformat.reads(text, as_version=4))
    assert json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n" == text
    assert not [cell for cell in cells_of(text) if cell.get("outputs") or cell.get("execution_count")]
    ids = [cell["id"] for cell in cells_of(text)]
    assert len(ids) == len(set(ids))


@every
def test_nothing_of_a_solution_is_left(path):
    solved = [cell for cell in student.read(path)["cells"] if student.tags(cell) & student.LEFT_OUT]
    kept = student.edition(path, ROOT / student.FOLDER)
    for one in solved:
        assert json.dumps(student.source(one), ensure_ascii=False)[1:-1] not in kept
        assert f'"id": "{one["id"]}"' not in kept
    shown = lines(one for one in cells_of(kept) if "derive" not in student.tags(one))  # answers may use what is derived
    stubs = lines(one for one in student.read(path)["cells"] if student.tags(one) == {"exercise"})
    assert not {line for line in (lines(solved) - stubs) & shown if len(line) > 25}


def lines(cells) -> set[str]:
    """The lines of code of cells."""
    return {line.strip() for one in cells if one["cell_type"] == "code" for line in student.source(one).splitlines()}


@every
def test_no_cell_needs_a_solution(path):
    assert only_solutions_make(student.read(path)["cells"]) == {}


def test_a_cell_that_needs_a_solution_is_seen():
    cells = [cell("def f(): ...", "exercise", id="stub"), cell("def f(): return g\ng = h = 1", "solution", id="own"),
             cell("f()", "check", id="check"), cell("def k():\n    return g", id="reads")]  # fmt: skip
    assert only_solutions_make(cells) == {"g": ["reads"]}


@every
def test_all_else_stays_in_its_order(path):
    """Tags alone decide: what is not left out is there, text and tags, below the title, but for links."""
    kept = [cell for cell in student.read(path)["cells"] if not student.tags(cell) & student.LEFT_OUT]
    there = [cell for cell in made(path) if "answer" not in student.tags(cell)]
    assert [(cell["id"], cell["metadata"]) for cell in kept] == [(cell["id"], cell["metadata"]) for cell in there]
    assert [student.source(cell) for cell in kept if cell["cell_type"] == "code"] == [
        student.source(cell) for cell in there if cell["cell_type"] == "code"]  # fmt: skip
    first = student.source(there[0]).splitlines()
    assert first[0] == student.source(kept[0]).splitlines()[0] and first[2] == student.NOTICE


@every
def test_links_lead_somewhere_and_open_the_edition(path):
    text = "\n".join(student.source(cell) for cell in made(path) if cell["cell_type"] == "markdown")
    local = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (ROOT / student.FOLDER / link).is_file()] == []
    hosted = re.findall(r"https://(?:colab\.research\.google\.com|mybinder\.org)/[^)\s]*", text)
    assert hosted and all(f"notebooks/student/{path.name}" in link for link in hosted)


MASTER = [
    cell("# 07 · Small\n\nSee [results](../docs/results.md#a), [the next](01_next.ipynb#b), <img src=\"../p.png\">, "
         "[there](https://a.b/notebooks/01_next.ipynb), [below](#c).", kind="markdown", id="title"),
    cell("[Colab](https://colab.research.google.com/github/O/l/blob/main/notebooks/01_next.ipynb) "
         "[Binder](https://mybinder.org/v2/gh/O/l/main?urlpath=lab%2Ftree%2Fnotebooks%2F01_next.ipynb)",
         kind="markdown", id="hosted"),
    cell("def f():\n    ...", "exercise", id="stub"), cell("<details>", "hint", kind="markdown", id="hint"),
    cell("*Solution.*", "solution", kind="markdown", id="told"), cell("f = 1", "solution", id="solved"),
    cell("lab.check('01.1', f)", "exercise", "check", id="check"), cell("secret", "instructor", id="teacher"),
    cell("Why?", "manual", kind="markdown", id="why"), cell("Because.", "solution", kind="markdown", id="because"),
]  # fmt: skip


@pytest.fixture()
def checkout(tmp_path, monkeypatch):
    """A folder with a small master and its sibling, as if it were the repository."""
    small_submissions.write(tmp_path / "notebooks" / "07_small.ipynb", MASTER)
    small_submissions.write(tmp_path / "notebooks" / "01_next.ipynb", [MASTER[0]])
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_tags_decide_what_stays_and_links_are_seen_from_the_folder(checkout):
    paths = student.write()
    assert [path.name for path in paths] == ["01_next.ipynb", "07_small.ipynb"]
    cells = cells_of(paths[1].read_text(encoding="utf-8"))
    assert [cell["id"] for cell in cells] == ["title", "hosted", "stub", "hint", "check", "why", "why-answer"]
    title, hosted = (student.source(cell) for cell in cells[:2])
    assert title.startswith(f"# 07 · Small\n\n{student.NOTICE}\n\nSee")
    assert "(../../docs/results.md#a)" in title and "(01_next.ipynb#b)" in title and 'src="../../p.png"' in title
    assert "(https://a.b/notebooks/01_next.ipynb)" in title and "(#c)" in title
    assert "/blob/main/notebooks/student/01_next.ipynb)" in hosted
    assert "notebooks%2Fstudent%2F01_next.ipynb)" in hosted
    assert cells[-1] == cell(student.PLACEHOLDER, "answer", kind="markdown", id="why-answer")


def test_the_check_says_what_differs_and_ends_with_1(checkout, capsys):
    def check() -> tuple[int, str]:
        with pytest.raises(SystemExit) as end:
            cli.main(["student", "--check"])
        return end.value.code, capsys.readouterr().out

    assert check()[0] == 1
    cli.main(["student"])
    assert capsys.readouterr().out.split() == ["notebooks/student/01_next.ipynb", "notebooks/student/07_small.ipynb"]
    assert check() == (0, "")
    path = checkout / "notebooks" / "07_small.ipynb"
    small_submissions.write(path, [*MASTER[:2], cell("def g():\n    ...", "exercise", id="other"), *MASTER[3:]])
    (checkout / "notebooks" / "student" / "01_next.ipynb").unlink()
    code, out = check()
    assert code == 1 and "01_next.ipynb is missing" in out
    assert "07_small.ipynb is out of date, from cell 3 (`other`) on" in out


def test_the_edition_never_takes_its_masters_place(checkout):
    before = (checkout / "notebooks" / "07_small.ipynb").read_bytes()
    with pytest.raises(ValueError, match="`out` must be another folder"):
        student.write(["07_small"], checkout / "notebooks")
    assert (checkout / "notebooks" / "07_small.ipynb").read_bytes() == before


@pytest.mark.parametrize("cells, metadata", [([], {}), ([cell("x = 1", id="x")], {}), ("text", {})])
def test_what_is_no_master_is_refused_by_name(checkout, cells, metadata):
    path = small_submissions.write(checkout / "bad.ipynb", cells, **metadata)
    with pytest.raises(ValueError, match=r"bad.ipynb` must b"):
        student.write([path])
    assert not (checkout / "notebooks" / "student").exists()


@pytest.mark.parametrize("name", ["01", pytest.param("all", marks=pytest.mark.slow)])
def test_it_runs_to_its_end_with_every_exercise_undone(name, tmp_path):
    paths = MASTERS if name == "all" else student.masters([name])
    for path in paths:
        result = runner.run(ROOT / student.FOLDER / path.name, out_dir=tmp_path / path.stem)
        printed = json.dumps([cell.get("outputs") for cell in cells_of(result.executed.read_text(encoding="utf-8"))])
        assert "not done yet" in printed or not re.search("exercise", path.read_text(encoding="utf-8"))
