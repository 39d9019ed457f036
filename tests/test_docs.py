"""What the documentation repeats from code and records is what they say now."""

import ast
import dataclasses
import importlib.util
import json
import re
import types
from pathlib import Path

import pytest

from lnlkit import methods, papers, recorded
from lnlkit.recorded import judging
from lnlkit.run.pages import of_papers

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


def test_equations_page_is_what_the_docstrings_say():
    assert (ROOT / "docs" / "equations.md").read_text(encoding="utf-8") == build.equations()


def test_results_page_is_what_the_recorded_runs_say():
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == build.measured("results").text()


def test_the_tested_versions_are_those_of_the_records():
    assert (ROOT / "lnlkit" / "tested.json").read_text(encoding="utf-8") == build.tested()
    found = [json.loads(path.read_text())["environment"].get("torch") for path in ROOT.glob("results/*/lab.json")]
    assert json.loads(build.tested())["torch"].split("+")[0] in {torch.split("+")[0] for torch in found}


def test_playground_page_is_what_the_recorded_runs_say():
    assert (ROOT / "docs" / "playground.md").read_text(encoding="utf-8") == build.measured("playground").text()


@pytest.mark.parametrize("name", build.RECORDED)
def test_every_picture_of_a_page_is_there(name):
    assert all((ROOT / "docs" / "figures" / file).is_file() for file in build.measured(name).figures)


def test_methods_page_is_what_the_code_says():
    page = build.method_table.page(build.tags(), build.tests_of)
    assert (ROOT / "docs" / "methods.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_method_has_a_line_with_its_paper_family_file_and_tests(name):
    cells = [cell.strip() for cell in build.method_table.line(name, build.tags(), build.tests_of).split("|")[1:-1]]
    named, paper, family, _, needs, file, tests, _ = cells
    cls = methods.METHODS[name]
    assert (named, paper, needs) == (f"`{name}`", cls.source, ", ".join(cls.needs)) and family
    assert re.search(rf"class {cls.__name__}\b", (ROOT / file.strip("`")).read_text(encoding="utf-8"))
    assert tests and all((ROOT / test).exists() for test in re.findall("`(.*?)`", tests))


@pytest.mark.parametrize("key", papers.KEYS)
def test_every_row_of_a_papers_tables_has_a_method_and_a_line(key):
    paper = papers.load(key)
    lines = build.method_table.of_paper(paper)
    compared = {row for table in paper.tables.values() for row in table.mean}
    assert len(lines) == 4 + len(compared) + 1 and "**none**" not in "".join(lines)
    for table in paper.tables.values():
        for row in table.mean:
            method = paper.rows[row].method
            assert method in methods.METHODS and table.place.split(",")[0] in build.method_table.served(method)
            assert any(line.startswith(f"| {paper.rows[row].label} | `{method}`") for line in lines)


def test_a_row_without_a_method_is_listed_as_such():
    paper = papers.load("01")
    table = dataclasses.replace(paper.tables["table-1"], mean={"ce": (1.0,), "unheard of": (2.0,)})
    lines = build.method_table.of_paper(dataclasses.replace(paper, tables={"table-1": table}))
    assert lines[4:6] == ["| CE | `ce` | Table 1 |", "| unheard of | **none** | Table 1 |"]


@pytest.mark.parametrize("name, has", [
    ("ce", ""), ("bootstrap_classification", "03: Eq. (12), Eq. (13)"), ("choice_loss", "05: Eq. (9)"),
    ("cvae_augmentation", "01: Eq. (1), Eq. (2)"), ("quality_embedding", "02: " + ", ".join(
        f"Eq. ({n})" for n in range(1, 9))),
])  # fmt: skip
def test_equations_are_those_of_a_method_and_its_losses_or_all_of_its_own_paper(name, has):
    assert build.method_table.equations(methods.METHODS[name], build.tags()) == has


@pytest.mark.parametrize("page", ["equations", "methods", "results", "playground", "lecturer", "mistakes"])
def test_the_check_names_every_page_that_is_out_of_date(page, tmp_path, monkeypatch, capsys):
    """Each generator is replaced by a text of its own; one page has another."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "lnlkit").mkdir()
    (tmp_path / "lnlkit" / "tested.json").write_text("{}")
    monkeypatch.setattr(build, "tested", lambda: "{}")
    for name in ("equations", "methods", "lecturer", "mistakes", *build.RECORDED):
        (tmp_path / "docs" / f"{name}.md").write_text("old" if name == page else name, encoding="utf-8")
    monkeypatch.setattr(build, "equations", lambda: "equations")
    monkeypatch.setattr(build.method_table, "page", lambda *_: "methods")
    monkeypatch.setattr(build.lecturer, "page", lambda: "lecturer")
    monkeypatch.setattr(build.lecturer, "mistakes", lambda: "mistakes")
    monkeypatch.setattr(build, "measured", lambda name: types.SimpleNamespace(text=lambda: name))
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "tags", lambda: [])
    monkeypatch.setattr(build.sys, "argv", ["build.py", "--check"])
    assert build.main() == 1
    said = capsys.readouterr().out
    assert f"docs/{page}.md is out of date" in said and said.count("out of date") == 1


@pytest.mark.parametrize("key", papers.KEYS)
def test_every_number_of_the_results_traces_to_the_names_of_runs(key):
    """A measured claim names its runs, which are in the recorded table; so does every table of our own."""
    paper, table = papers.load(key), recorded.load(key)
    text = build.pages.page(build.pages.Found([table], "A paper", {}), "Made here.").text()
    known = {*table.runs["key"], *table.checks["key"]}
    names = set(re.findall(r"\b[0-9a-f]{16}\b", text))
    assert names == known
    for claim, verdict in zip(paper.claims, judging.verdicts(paper, table), strict=True):
        runs = of_papers.measured(claim, verdict)[-1]
        assert ("Runs: " in runs) == bool(verdict.runs), claim.id
        assert verdict.runs or verdict.value is None or claim.measure["of"] in ("neighbours", "published lead")


@pytest.mark.parametrize("text, counts", [
    ("from lnlkit import losses\nlosses.gce(1)", True), ("from lnlkit.losses import gce as g\ng(1)", True),
    ("import lnlkit.losses as of\nof.gce", True), ("from lnlkit import losses\ngetattr(losses, 'gce')", True),
    ("gce = 1\ngce", False), ("from lnlkit import noise\nnoise.gce", False), ("'the gce of losses'", False),
    ("from lnlkit import methods\nmethods.gce", False),
])  # fmt: skip
def test_a_test_counts_for_what_it_calls_and_not_for_a_word(text, counts):
    assert ("lnlkit.losses.gce" in build._called(ast.parse(text))) == counts


def test_a_method_counts_with_its_class_alone():
    called = build._called(ast.parse("from lnlkit.methods import make\nmake('cvae_augmentation').diagnose(1)"))
    assert {".diagnose", "lnlkit.methods.cvae_augmentation.CVAEAugmentation"} <= called
    assert "lnlkit.methods.choicenet.ChoiceNet" not in called


def test_every_equation_of_a_notebook_has_tested_code():
    tagged = {(paper, place) for paper, place, _ in build.tags()}
    for notebook in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        text = " ".join("".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"])
        used = set(re.findall(r"Eq\. \(\d+\)", text))
        assert {(notebook.stem[:2], place) for place in used} <= tagged
    assert all(build.tests_of(where) for _, place, where in build.tags() if place.startswith("Eq"))
