"""Every notebook keeps the contract of its source, and runs at smoke in little memory, with a readable page."""

import ast
import json
import re
import symtable
from pathlib import Path

import pytest

from lnlkit import papers
from lnlkit.run import executed, report, runner

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAPERS = [path for path in NOTEBOOKS if path.stem in papers.KEYS]
TAGS = {"setup", "parameters", "derive", "check", "widget", "train", "claims", "exercise", "solution", "hint",
        "instructor", "quiz", "manual", "remove-input", "hide-input"}  # fmt: skip

# Each is part of a second-level heading, in this order; further ones, the paper's sections, stand between them.
HEADINGS = ["objectives", "setup", "parameters", "warm-up", "training run", "claims", "against ours",
            "where it breaks", "exercises", "summary", "references", "errata"]  # fmt: skip
WORDS, CODE = 3750, 330  # what 90 minutes hold

FORBIDDEN = {
    r"\binteract(ive)?(_output|_manual)?\(": "hangs headless runs: use an explorer of lnlkit.widgets",
    r"\bOutput\(": "swallows errors: use a display handle",
    r"%matplotlib\s+(widget|notebook)": "needs a live front end",
    r"plt\.show\(": "has no alt text: use viz.show(fig, 'a sentence')",
    r"\.drive\(": "is a test and no lesson: tours of explorers are in tests/",
    r"[\"'](/\w+/|[A-Z]:\\\\)": "is a path of one machine",
}

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
of_a_paper = pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.stem)


def cells(path: Path, kind: str | None = None, tag: str | None = None) -> list[dict]:
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        {**cell, "source": "".join(cell["source"]), "tags": cell["metadata"].get("tags", [])}
        for cell in found
        if kind in (None, cell["cell_type"]) and (tag is None or tag in cell["metadata"].get("tags", []))
    ]


def test_every_paper_has_its_notebook():
    assert {path.stem for path in PAPERS} == set(papers.KEYS)


@every
def test_the_source_has_no_outputs_and_the_common_kernel(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "widgets" not in notebook["metadata"]
    for cell in cells(path, "code"):
        assert cell["outputs"] == [] and cell["execution_count"] is None
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))


@every
def test_cells_are_short_and_tagged_with_known_words(path):
    for cell in cells(path, "code"):
        lines = cell["source"].splitlines()
        assert len(lines) <= (15 if "derive" in cell["tags"] else 25), cell["source"]
        assert not [line for line in lines if len(line) > 88], cell["source"]
        assert set(cell["tags"]) <= TAGS, cell["tags"]


@every
def test_only_public_names_are_used(path):
    for cell in cells(path, "code"):
        for node in ast.walk(ast.parse(cell["source"])):
            aliases = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            names = [part for alias in aliases for part in alias.name.split(".")]
            names += [getattr(node, "attr", None) or "", *(getattr(node, "module", None) or "").split(".")]
            private = [name for name in names if name.startswith("_") and not name.endswith("__")]
            assert not private, f"{private} in\n{cell['source']}"


@of_a_paper
def test_the_setup_the_parameters_and_the_beginning_are_a_cell_each(path):
    first, second, third = cells(path, "code")[:3]
    assert "setup" in first["tags"] and "parameters" in second["tags"]
    assert "session = lab.begin(" in third["source"]
    assert len(cells(path, tag="setup")) == len(cells(path, tag="parameters")) == 1


@every
def test_nothing_that_hangs_hides_or_belongs_to_one_machine(path):
    for cell in cells(path):
        for pattern, why in FORBIDDEN.items():
            assert not re.search(pattern, cell["source"]), f"{why}:\n{cell['source']}"
    installs = [cell for cell in cells(path, "code") if re.search(r"pip\b.*\binstall", cell["source"])]
    assert all("setup" in cell["tags"] and "colab" in cell["source"].lower() for cell in installs)


@every
def test_there_is_one_parameters_cell_and_its_names_are_the_common_ones(path):
    import papermill

    assert len(cells(path, "code", "parameters")) == 1
    known = papermill.inspect_notebook(str(path))
    common = {name: known[name]["inferred_type_name"] for name in ("SCALE", "SEEDS", "DEVICE", "OUT_DIR")}
    assert common == {"SCALE": "str", "SEEDS": "list", "DEVICE": "str", "OUT_DIR": "str"}
    unknown = "None"  # papermill's word for a parameter without a type
    assert unknown not in {parameter["inferred_type_name"] for parameter in known.values()}


@every
def test_errors_of_widgets_stop_the_notebook_at_its_end(path):
    if any("widgets" in cell["source"] for cell in cells(path, "code")):
        assert "ERRORS" in cells(path, "code")[-1]["source"]


@of_a_paper
def test_the_headings_are_those_of_every_notebook(path):
    text = "\n".join(cell["source"] for cell in cells(path, "markdown"))
    headings = re.findall(r"^(#+) +(.*)$", text, flags=re.M)
    assert [level for level, _ in headings].count("#") == 1 and headings[0][0] == "#"
    levels = [len(level) for level, _ in headings]
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False)), "a level of headings is skipped"
    second = [title.lower() for level, title in headings if level == "##"]
    at = [next((i for i, title in enumerate(second) if heading in title), None) for heading in HEADINGS]
    missing = [heading for heading, place in zip(HEADINGS, at, strict=True) if place is None]
    assert not missing, f"no heading {missing}"
    assert at == sorted(at), "the headings are in another order"


@of_a_paper
def test_the_outcome_comes_first_and_a_summary_last(path):
    """A picture within the first five cells; five lines at the end."""
    first = cells(path)[:5]
    assert any("viz.show(" in cell["source"] for cell in first if cell["cell_type"] == "code")
    told = [cell["source"] for cell in cells(path, "markdown")]
    (summary,) = [text for text in told if re.search(r"^## .*summary", text, re.I)]
    assert len([line for line in summary.splitlines()[1:] if line.strip()]) == 5


@of_a_paper
def test_it_fits_into_ninety_minutes(path):
    """Words of text and lines of code, exercises included, but for their solutions: the student edition has none."""
    read = [cell for cell in cells(path) if "solution" not in cell["tags"]]
    text = " ".join(cell["source"] for cell in read if cell["cell_type"] == "markdown")
    lines = [line for cell in read if cell["cell_type"] == "code" for line in cell["source"].splitlines()]
    code = [line for line in lines if line.strip()]
    assert len(text.split()) <= WORDS and len(code) <= CODE, (len(text.split()), len(code))


@of_a_paper
def test_what_the_notebook_derives_is_what_the_package_runs(path):
    """Executes only the cells tagged setup, derive and check: the checks compare values and gradients."""
    namespace: dict = {"__name__": "notebook"}
    tagged = [(cell, set(cell["tags"])) for cell in cells(path, "code")]
    wanted = [cell for cell, tags in tagged if {"setup", "derive", "check"} & tags and "exercise" not in tags]
    derived = {
        node.name
        for cell in wanted
        if "derive" in cell["tags"]
        for node in ast.parse(cell["source"]).body
        if isinstance(node, ast.FunctionDef)
    }
    compared = set()
    for cell in wanted:
        for node in ast.walk(ast.parse(cell["source"])):
            if isinstance(node, ast.Call) and "assert_same" in ast.unparse(node.func):
                compared.add(ast.unparse(node.args[0]))
        exec(compile(cell["source"], f"{path.name}:{cell['id']}", "exec"), namespace)
    assert derived, "nothing is derived"
    assert derived <= compared, f"never compared with the package: {sorted(derived - compared)}"


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def smoke(request, tmp_path_factory):
    """The result of a notebook at the small scale; the runner checks widgets, alt texts, size and record."""
    return runner.run(request.param, "smoke", out_dir=tmp_path_factory.mktemp(request.param.stem))


def test_smoke_fits_a_small_machine(smoke):
    """The goal is a gigabyte (`benchmarks/`); the limit leaves room for another build of PyTorch, half of it all."""
    assert smoke.record["peak_memory_mb"] < 1200


def test_what_is_printed_at_smoke_fits_the_page(smoke):
    outputs = [output for cell in cells(smoke.executed, "code") for output in cell["outputs"]]
    assert "<DisplayHandle" not in json.dumps(outputs)
    printed = "\n".join("".join(output.get("text", "")) for output in outputs)
    assert printed.strip()
    assert not [line for line in printed.splitlines() if len(line) > 113]  # at 1,366 pixels longer ones are broken


def test_smoke_judges_every_claim_of_its_paper_and_compares_with_it(smoke):
    if smoke.notebook not in papers.KEYS:
        pytest.skip("no paper")
    paper = papers.load(smoke.notebook)
    assert [claim["id"] for claim in smoke.record["claims"]] == [claim.id for claim in paper.claims]
    assert report.claims(smoke.record).count("[") >= len(paper.claims)
    assert any(row["ours"] is not None for row in smoke.record["comparison"])


def test_no_path_of_this_machine_is_in_the_record(smoke):
    text = smoke.record_path.read_text(encoding="utf-8")
    assert str(smoke.record_path.parent) not in text and str(ROOT) not in text


def test_code_on_a_page_has_no_scroll_bar(tmp_path):
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1\n" * 25)])
    nbformat.write(notebook, tmp_path / "long.ipynb")
    page = executed.write_html(tmp_path / "long.ipynb", tmp_path / "long.html").read_text(encoding="utf-8")
    assert ".highlight pre { overflow-y: hidden; }" in page.partition("<body")[0]


@every
def test_what_a_cell_takes_from_others_comes_from_one(path):
    """So that a cell which is run again, in whatever order, finds what it found before."""
    made, taken = {}, {}  # name -> numbers of cells; an exercise and its solution make the same
    for place, cell in enumerate(cells(path, "code")):
        table = symtable.symtable(cell["source"], path.stem, "exec")
        own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
        if "setup" not in cell["tags"] and cell["tags"] != ["exercise"]:
            for name in own:
                made.setdefault(name, []).append(place)
        for name in _read(table, table) - own:
            taken.setdefault(name, []).append(place)
    assert not {name: (made[name], taken[name]) for name in made if len(made[name]) > 1 and name in taken}


@every
def test_what_a_control_draws_later_is_not_changed_by_another_cell(path):
    """Lambdas and functions behind sliders and buttons read names when they are moved: one cell gives these a value."""
    made, read = {}, {}
    for place, cell in enumerate(cells(path, "code")):
        table = symtable.symtable(cell["source"], path.stem, "exec")
        for symbol in table.get_symbols():
            if symbol.is_assigned() and cell["tags"] != ["exercise"]:
                made.setdefault(symbol.get_name(), []).append(place)
        if "widgets." in cell["source"]:
            for name in set().union(*(_read(inner, table) for inner in table.get_children())):
                read.setdefault(name, []).append(place)
    assert not {name: (made[name], read[name]) for name in made if len(made[name]) > 1 and name in read}


def _read(scope, cell):
    """Names that a cell reads in itself, and in what it defines as global ones."""
    names = {symbol.get_name() for symbol in scope.get_symbols()
             if symbol.is_referenced() and (scope is cell or symbol.is_global())}  # fmt: skip
    return names.union(*(_read(inner, cell) for inner in scope.get_children()))
