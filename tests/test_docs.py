"""What the documentation repeats from code and records is what they say now."""

import importlib.util
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


def test_equations_page_is_what_the_docstrings_say():
    assert (ROOT / "docs" / "equations.md").read_text(encoding="utf-8") == build.equations()


def test_readme_shows_the_stored_results():
    assert (ROOT / "README.md").read_text(encoding="utf-8") == build.readme()


def test_every_equation_of_a_notebook_has_tested_code():
    tagged = {(paper, place) for paper, place, _ in build.tags()}
    for notebook in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        text = " ".join("".join(cell["source"]) for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"])
        used = set(re.findall(r"Eq\. \(\d+\)", text))
        assert {(notebook.stem[:2], place) for place in used} <= tagged
    assert all(build.tests_of(where) for _, place, where in build.tags() if place.startswith("Eq"))
