"""What is told of versions: nothing while they are as declared and tested, else one line."""

import importlib.metadata
import json
import os
import subprocess
import sys

import pytest
from packaging.version import Version

from lnlkit import lab, versions

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib


@pytest.fixture()
def with_versions(monkeypatch, tmp_path):
    """Sets the versions that are installed, and those that were tested."""
    monkeypatch.setattr(versions, "TESTED", tmp_path / "tested.json")

    def _set(tested=None, **found):
        real = importlib.metadata.version
        known = {"torch": "2.14.1+cu130", "ipywidgets": "8.1.9", "jupyterlab": "4.6.6", "pandas": "3.1.1",
                 "matplotlib": "3.11.2"}  # fmt: skip
        versions.TESTED.write_text(json.dumps(known if tested is None else tested))
        monkeypatch.setattr(versions, "installed", lambda name: {**known, **found}.get(name, None) if name in known
                            else real(name))  # fmt: skip

    return _set


def test_the_declared_versions_are_those_of_pyproject(root, monkeypatch, tmp_path):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = dict(line.split(">=") for line in [*project["dependencies"], f"python{project['requires-python']}"])
    assert versions.declared() == wanted
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "lnlkit" / "versions.py"))  # installed, without a checkout
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: Installed(project))
    assert versions.declared() == wanted


class Installed(dict):
    """The metadata that an installed package carries."""

    def __init__(self, project):
        super().__init__({"Requires-Python": project["requires-python"]})
        extras = [f"{line}; extra == {name!r}" for name, of in project["optional-dependencies"].items() for line in of]
        self.lines = [*project["dependencies"], *extras]

    def get_all(self, _):
        return self.lines


@pytest.mark.parametrize("low, high", [
    ("2.4", "2.14.1+cu130"), ("2.4", "2.4.0"), ("2.4.0", "2.4"), ("3.9", "3.10.0"), ("7.7", "8.0.0rc1"),
    ("0.13.2", "0.14"),
])  # fmt: skip
def test_versions_are_compared_as_packaging_does(low, high):
    assert (versions.numbers(low) < versions.numbers(high)) == (Version(low) < Version(high))
    assert not versions.older("torch", high, {"torch": low}) and not versions.older("torch", "0.1", {})
    assert versions.older("torch", low, {"torch": "99"})


def test_nothing_is_said_of_what_was_tested_or_newer_in_the_small(with_versions):
    with_versions()
    assert versions.differences() == ""
    with_versions(torch="2.99", ipywidgets="7.7.1", pandas="2.2.2")  # declared, so meant to work
    assert versions.differences() == ""


@pytest.mark.parametrize("package, version, words", [
    ("torch", "2.3.1", 'torch 2.3.1 is too old: pip install -U "torch>=2.4"'),
    ("torch", "3.0.0+cu140", "torch 3.0.0+cu140 is newer than tested (2.14.1+cu130)"),
    ("ipywidgets", "7.6", "ipywidgets 7.6 is too old"), ("ipywidgets", "9.0a1", "newer than tested (8.1.9)"),
    ("jupyterlab", "3.6.1", "jupyterlab 3.6.1 is too old"), ("jupyterlab", "5.0", "newer than tested (4.6.6)"),
    ("pandas", "1.5", "pandas 1.5 is too old"), ("pandas", "4.0", "newer than tested (3.1.1)"),
    ("matplotlib", "3.7.9", "matplotlib 3.7.9 is too old"), ("matplotlib", "4.0", "newer than tested (3.11.2)"),
])  # fmt: skip
def test_a_version_that_is_older_than_declared_or_newer_than_tested_is_told(with_versions, package, version, words):
    with_versions(**{package: version})
    said = versions.differences()
    assert words in said and said.startswith("Versions: ") and "\n" not in said and said.count(";") == 0


def test_what_is_not_installed_or_not_known_is_left_out(with_versions):
    with_versions(tested={"torch": "2.14.1"}, jupyterlab=None, pandas="9.0")
    assert versions.differences() == ""
    versions.TESTED.write_text("{half")
    assert versions.tested() == {}
    versions.TESTED.unlink()
    assert versions.tested() == {}


def test_a_notebook_begins_with_that_line_and_is_quiet_otherwise(with_versions, tmp_path, capsys):
    settings = {"scale": "smoke", "seeds": [0], "device": "cpu", "out_dir": tmp_path}
    with_versions()
    lab.begin("00_playground", **settings)
    assert "Versions" not in (quiet := capsys.readouterr().out)
    with_versions(pandas="4.0", torch="2.2")
    lab.begin("00_playground", **settings)
    first, rest = capsys.readouterr().out.split("\n", 1)
    assert first.startswith("Versions: torch 2.2 is too old") and "pandas 4.0" in first and rest == quiet


def test_looking_costs_little_and_imports_nothing():
    """0.1 s is the goal; the limit is wide since other programs may be at work."""
    code = """import sys, time
from lnlkit import versions
began = time.process_time()
versions.differences()
took = time.process_time() - began
heavy = sorted({"torch", "pandas", "matplotlib", "ipywidgets", "jupyterlab", "numpy"} & sys.modules.keys())
sys.exit(f"{took:.2f} s, {heavy}" if took > 1 or heavy else 0)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert done.returncode == 0, done.stderr
