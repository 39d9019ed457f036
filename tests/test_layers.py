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
    _checks seeds
    noise
    _sources
    _voc
    data targets scenes
    _multilabel_sources
    multilabel
    models losses augment
    training
    methods
    corruption
    evaluation quality
    records
    papers
    report
    regression multilabel_runs
    sweep
    recording
    viz
    widgets
    lab
    executed _job
    runner
    cli
    __main__
"""
LEVEL = {name: level for level, line in enumerate(LAYERS.split("\n")) for name in line.split()}

ABOVE_VIZ = {"viz", "widgets", "lab", "executed", "_job", "runner", "cli"}
ALLOWED = {
    "matplotlib": ABOVE_VIZ, "seaborn": set(), "pandas": set(), "ipywidgets": {"widgets"},
    "papermill": {"runner", "_job"}, "click": {"cli"}, "nbconvert": {"executed"},
}  # fmt: skip

TORCH_FREE = ["", "seeds", "noise", "data", "targets", "scenes", "multilabel", "papers", "records", "report",
              "regression", "viz", "widgets", "executed", "runner", "cli"]  # fmt: skip


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
    path.write_text("def f():\n    from . import data\n    from lnlkit.viz import show\n    import lnlkit._checks\n")
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
    heavy |= set() if name else {"numpy", "sklearn", "seaborn"}
    if found := heavy & sys.modules.keys():
        sys.exit(f"importing lnlkit.{name} loads {sorted(found)}")
"""
    done = subprocess.run([sys.executable, "-c", code, *TORCH_FREE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
