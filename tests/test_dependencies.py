"""One list of dependencies, seen by pip, conda and Binder alike: lower bounds only."""

import re

import pytest
import yaml

import lnlkit
from lnlkit.run import executed

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib

CONDA_NAMES = {"pytorch": "torch", "pytorch-cpu": "torch"}


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


def bounds(requirements) -> dict[str, str]:
    """{package: lowest version} of lines such as torch>=2.4; anything else than one lower bound fails."""
    found = {}
    for line in requirements:
        match = re.fullmatch(r"([A-Za-z0-9_-]+)>=([0-9.]+)", line)
        assert match, f"{line!r} is not a plain lower bound"
        found[CONDA_NAMES.get(match[1], match[1])] = match[2]
    return found


def conda(path) -> tuple[dict, list]:
    """Bounds of the packages in an environment file, and its other lines."""
    lines = yaml.safe_load(path.read_text())["dependencies"]
    other = [line for line in lines if not isinstance(line, str) or re.match(r"(python|pip)\b", line)]
    return bounds(line for line in lines if line not in other), other


def test_environment_yml_repeats_the_list(root, project):
    packages, other = conda(root / "environment.yml")
    assert packages == bounds(project["dependencies"])
    assert other == [f"python{project['requires-python']}", "pip", {"pip": ["-e ."]}]


def test_binder_repeats_the_list_with_the_cpu_build_and_without_this_package(root, project):
    packages, other = conda(root / "binder" / "environment.yml")
    assert packages == bounds(project["dependencies"])
    assert "pytorch-cpu" in (root / "binder" / "environment.yml").read_text()
    assert re.fullmatch(r"python=3\.\d+", other[0]) and other[1:] == ["pip"]


def test_extras_have_lower_bounds_too(project):
    for extra in project["optional-dependencies"].values():
        bounds(extra)


def test_a_stored_result_knows_the_versions_of_all_that_computes_or_draws(project):
    """All but what hosts the notebooks and what reads weights."""
    assert {*executed.VERSIONS, "jupyterlab", "safetensors"} == set(bounds(project["dependencies"]))


def test_every_file_that_the_package_reads_is_packaged(root):
    globs = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    packed = {path for package, ends in globs.items() for end in ends
              for path in root.joinpath(*package.split(".")).glob(end)}  # fmt: skip
    read = {path for end in ("*.toml", "*.json", "*.safetensors") for path in (root / "lnlkit").rglob(end)}
    assert packed == read != set()


def test_binder_scripts_stop_at_errors_and_hand_over(root):
    post_build, start = (root / "binder" / name for name in ("postBuild", "start"))
    assert "\nset -e\n" in post_build.read_text()
    assert start.read_text().rstrip().endswith('exec "$@"')
    assert all(path.stat().st_mode & 0o111 for path in (post_build, start, root / ".ci" / "run"))
    assert not (root / ".binder").exists()  # both folders together are an error there


def test_there_is_one_version(root, project):
    assert project["version"] == lnlkit.__version__
    assert yaml.safe_load((root / "CITATION.cff").read_text())["version"] == lnlkit.__version__
    assert f"## {lnlkit.__version__}" in (root / "CHANGELOG.md").read_text()


def test_no_file_names_a_package_registry(root):
    hosts = re.compile(r"pypi\.org|pythonhosted\.org|anaconda\.org|conda\.anaconda|--(extra-)?index-url")
    files = [root / "pyproject.toml", root / "Makefile", root / "environment.yml", root / "README.md",
             root / "CONTRIBUTING.md", *(root / "binder").iterdir(), *(root / ".ci").iterdir()]  # fmt: skip
    assert [path.name for path in files if hosts.search(path.read_text())] == []
