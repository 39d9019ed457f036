"""Imports point one way, heavy packages stay where they belong, and exploring recorded runs never pays for torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lnlkit

PACKAGE = Path(lnlkit.__file__).parent

# From the ground up: a module imports from lines above its own, or from its own package.
LAYERS = """
    checks versions
    seeds tensors processes pools packing
    noise records
    sweep papers
    sweep_groups
    data
    models losses augment
    recipe
    training
    evaluation
    methods
    stacking
    tasks
    recorded
    viz
    exercises
    widgets lab
    run
    cli
    __main__
"""
LEVEL = {name: level for level, line in enumerate(LAYERS.split("\n")) for name in line.split()}

ABOVE_VIZ = {"viz", "widgets", "lab", "run", "cli"}
ALLOWED = {
    "matplotlib": ABOVE_VIZ, "seaborn": ABOVE_VIZ, "pandas": {"recorded", *ABOVE_VIZ}, "ipywidgets": {"widgets"},
    "papermill": {"run"}, "nbclient": {"run"}, "nbconvert": {"run"}, "mistune": {"run"}, "click": {"cli"},
}  # fmt: skip

TORCH_FREE = ["", "versions", "seeds", "processes", "pools", "packing", "noise", "data", "records", "papers", "sweep",
              "tasks", "recorded", "viz", "recorded.making", "widgets", "lab", "run.report", "run.executed",
              "run.runner", "run.cluster", "run.pages", "run.measured", "run.preflight", "run.student", "run.grading",
              "recorded.gathering",
              "cli"]  # fmt: skip

# A kind of label is known by its modules alone: data sets of it, and the task that trains on them.
KINDS = {"images", "label_vectors", "targets", "classification", "regression"}
KNOW_KINDS = {"data", "tasks"}


def modules() -> dict[str, Path]:
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path: Path, module: str) -> set[str]:
    """Full names of what a file imports, those inside functions too, `from . import x` resolved."""
    package = ["lnlkit", *module.split(".")[:-1]]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def upward(module: str, imported: set[str]) -> set[str]:
    """The imports of a module that do not point to a lower layer."""
    own = module.split(".")[0]
    targets = {name.split(".")[1] for name in imported if name.startswith("lnlkit.")} & LEVEL.keys()
    return {target for target in targets - {own} if LEVEL[target] >= LEVEL[own]}


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_point_one_way(module):
    if module == "__init__":
        assert imports(modules()[module], module) == set()
        return
    assert module.split(".")[0] in LEVEL, f"give lnlkit.{module} its place in LAYERS"
    assert upward(module, imports(modules()[module], module)) == set()


def test_an_import_that_points_up_is_seen(tmp_path):
    path = tmp_path / "noise.py"
    path.write_text("def f():\n    from . import data\n    from lnlkit.viz import show\n    import lnlkit.checks\n")
    assert upward("noise", imports(path, "noise")) == {"data", "viz"}
    assert upward("methods.base", {"lnlkit.training.fit", "lnlkit.methods.robust"}) == set()


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_a_heavy_package_is_used_only_where_it_belongs(package):
    users = {
        module.split(".")[0]
        for module, path in modules().items()
        if any(name.split(".")[0] == package for name in imports(path, module))
    }
    assert users <= ALLOWED[package]


def test_exploring_needs_no_torch():
    code = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(f"lnlkit.{name}".rstrip("."))
    heavy = {"torch", "torchvision", "papermill", "nbconvert"}
    heavy |= set() if name else {"numpy", "sklearn", "pandas", "seaborn"}
    if found := heavy & sys.modules.keys():
        sys.exit(f"importing lnlkit.{name} loads {sorted(found)}")
"""
    done = subprocess.run([sys.executable, "-c", code, *TORCH_FREE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def names_in(path: Path) -> set[str]:
    """Every whole string of a file's code, docstrings aside, and every attribute of a module that it asks for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.parametrize("module", sorted(modules()))
def test_nothing_above_the_tasks_asks_which_kind_of_label_it_has(module):
    """Neither by importing a kind's module nor by comparing with a task's name; a paper's own pictures may."""
    from lnlkit.papers import KEYS
    from lnlkit.tasks import TASKS

    top, *rest = module.split(".")
    its_paper = rest and rest[0] in {key[3:] for key in KEYS}
    if LEVEL.get(top, 0) <= LEVEL["tasks"] or its_paper:
        return
    path = modules()[module]
    kinds = {f"lnlkit.{wing}.{kind}" for wing in KNOW_KINDS for kind in KINDS}
    assert not {name for name in imports(path, module) if name.startswith(tuple(kinds))}
    assert not names_in(path) & {*TASKS, "task"} - {"task" if top == "recorded" else ""}


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_paper_is_named_by_its_own_modules_alone(module):
    """No other module holds a paper's key, short or long, or imports the method or the pictures of one."""
    from lnlkit.papers import KEYS

    own = {key[3:] for key in KEYS}
    parts = module.split(".")
    if own & set(parts) or parts[0] == "methods" or parts == ["papers", "families"]:
        return  # METHODS lists the methods, families sorts them, and one method may build on another
    path = modules()[module]
    said = {text for text in names_in(path) for key in KEYS if text in (key, key[3:])}
    seen = {name for name in imports(path, module) for key in own if f".{key}" in name}
    assert not said and not seen
