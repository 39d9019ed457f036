"""What the documentation repeats from code and records is what they say now."""

import ast
import importlib.util
import json
import re
from pathlib import Path

import pytest

from lnlkit import papers, recorded
from lnlkit.recorded import judging

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


def test_equations_page_is_what_the_docstrings_say():
    assert (ROOT / "docs" / "equations.md").read_text(encoding="utf-8") == build.equations()


def test_results_page_is_what_the_recorded_runs_say():
    assert (ROOT / "docs" / "results.md").read_text(encoding="utf-8") == build.results.page()


@pytest.mark.parametrize("key", papers.KEYS)
def test_every_number_of_the_results_traces_to_the_names_of_runs(key):
    """A measured claim names its runs, which are in the recorded table; so does every table of our own."""
    paper, table = papers.load(key), recorded.load(key)
    lines = build.results.of_paper(paper)
    known, text = {*table.runs["key"], *table.checks["key"]}, "\n".join(lines)
    names = set(re.findall(r"\b[0-9a-f]{16}\b", text))
    assert names == known
    for claim, verdict in zip(paper.claims, judging.verdicts(paper, table), strict=True):
        runs = build.results.measured(claim, verdict)[-1]
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
