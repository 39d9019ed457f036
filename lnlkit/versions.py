"""Versions of packages: what is installed, the lowest that is declared, what was tested. None is imported."""

import importlib.metadata
import json
import re
from pathlib import Path

TESTED = Path(__file__).with_name("tested.json")
"""{package: highest version} of the machines that made results/*/lab.json; `python docs/build.py` writes it."""
WATCHED = ("torch", "ipywidgets", "jupyterlab", "pandas", "matplotlib")
"""Those whose new major versions have broken notebooks before."""


def numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with, to be compared: (2, 14, 1) of "2.14.1+cu130", (2,) of "2.0"."""
    return tuple(map(int, re.findall(r"\d+", re.sub(r"(\.0+)*$", "", re.match(r"[\d.]*", version)[0]))))


def installed(package: str) -> str | None:
    """The version of a package that is installed, None where none is."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def watched() -> dict[str, str | None]:
    """{package: version installed} of WATCHED."""
    return {package: installed(package) for package in WATCHED}


def declared() -> dict[str, str]:
    """{package: lowest version} that the kit declares, "python" among them."""
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    text = project.read_text(encoding="utf-8") if project.is_file() else ""
    if 'name = "lnlkit"' in text:  # a checkout: what was installed from it may be older
        python = re.search(r'^requires-python = "(.*)"', text, re.M)[1]
        lines = re.findall(r'"(.*?)"', re.search(r"^dependencies = \[(.*?)^\]", text, re.M | re.S)[1])
    else:
        found = importlib.metadata.metadata("lnlkit")
        python, lines = found["Requires-Python"], found.get_all("Requires-Dist")
    of = {name: lowest for line in lines if "extra ==" not in line for name, lowest in [_bound(line)]}
    return {"python": _bound(f"python{python}")[1], **of}


def _bound(line: str) -> tuple[str, str]:
    """Name and lowest version of a line such as torch>=2.4."""
    name, lowest = re.match(r"([\w.-]+?)\s*\(?>=\s*([\d.]+)", line).groups()
    return name, lowest


def tested() -> dict[str, str]:
    """{package: highest version that the kit was run with}; empty where that is not known."""
    try:
        return json.loads(TESTED.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def older(package: str, version: str, lowest: dict[str, str]) -> bool:
    """Whether a version is older than the declared one; of a package that is not declared none is."""
    return package in lowest and numbers(version) < numbers(lowest[package])


def differences() -> str:
    """One line on packages that are older than declared, or of a newer major version than was tested; else ""."""
    lowest, known, said = declared(), tested(), []
    for package, version in watched().items():
        if version is None:
            continue
        if older(package, version, lowest):
            said.append(f'{package} {version} is too old: pip install -U "{package}>={lowest[package]}"')
        elif package in known and numbers(version)[:1] > numbers(known[package])[:1]:
            said.append(f"{package} {version} is newer than tested ({known[package]}): look out for odd results")
    return f"Versions: {'; '.join(said)}." if said else ""
