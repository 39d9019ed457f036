"""One place names the repository's owner, and every link follows it."""

import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("docs_links", ROOT / "docs" / "links.py")
links = importlib.util.module_from_spec(spec)
spec.loader.exec_module(links)

NAMED = 'Repository = "https://github.com/OWNER/lnlkit"'
WORDS = ("OWNER/lnlkit", links.REMARK)


@pytest.fixture()
def copy(tmp_path):
    """The files with links, a student's notebook and a README with a badge, as they are while no owner is known."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert links.owner(project)
    for pattern in links.FILES:
        for path in ROOT.glob(pattern):
            (tmp_path / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, tmp_path / path.relative_to(ROOT))
    (tmp_path / "pyproject.toml").write_text(NAMED, encoding="utf-8")
    (tmp_path / "notebooks" / "student").mkdir(exist_ok=True)
    shutil.copy(tmp_path / "notebooks" / "00_playground.ipynb", tmp_path / "notebooks" / "student" / "00.ipynb")
    with open(tmp_path / "README.md", "a", encoding="utf-8", newline="") as file:
        file.write("[b](https://mybinder.org/v2/gh/OWNER/lnlkit/main)\r\n[c](https://github.com/OWNER/lnlkit-fork)\n")
    links.main([], tmp_path)
    return tmp_path


def texts(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_every_link_leads_to_the_owner_that_pyproject_names():
    assert links.differing(ROOT) == {}


def test_another_owner_changes_every_link_and_nothing_else(copy):
    before = texts(copy)
    (copy / "pyproject.toml").write_text(NAMED.replace("OWNER", "a-school"), encoding="utf-8")
    assert links.main([], copy) == 0
    after = texts(copy)
    changed = {name for name in after if after[name] != before[name]} - {"pyproject.toml"}
    assert {name for name in changed if name.startswith("notebooks/")} == {
        name for name in before if name.endswith(".ipynb")}  # fmt: skip
    assert {"README.md", "CITATION.cff", "notebooks/student/00.ipynb"} <= changed and len(after) == len(before)
    for name in changed:
        old, new = before[name].decode(), after[name].decode()
        assert new == old.replace("OWNER/lnlkit-fork", "\0").replace("OWNER/lnlkit", "a-school/lnlkit").replace(
            links.REMARK, "").replace("\0", "OWNER/lnlkit-fork"), name  # fmt: skip
        assert not any(word in new.replace("OWNER/lnlkit-fork", "") for word in WORDS)


def test_the_check_names_what_differs_and_changes_nothing(copy, capsys):
    assert links.main(["--check"], copy) == 0 and capsys.readouterr().out == ""
    (copy / "pyproject.toml").write_text(NAMED.replace("OWNER", "a-school"), encoding="utf-8")
    before = texts(copy)
    assert links.main(["--check"], copy) == 1 and texts(copy) == before
    said = capsys.readouterr().out
    assert "notebooks/03_robust_features.ipynb links to another owner: python docs/links.py" in said
    links.main([], copy)
    assert links.main(["--check"], copy) == 0


def test_a_third_owner_follows_the_second(copy):
    for owner in ("a-school", "OWNER"):
        before = texts(copy)
        (copy / "pyproject.toml").write_text(NAMED.replace("OWNER", owner), encoding="utf-8")
        links.main([], copy)
    after = texts(copy)
    assert before["CITATION.cff"] != after["CITATION.cff"]
    assert all(after[name] == old.replace(b"a-school/lnlkit", b"OWNER/lnlkit") for name, old in before.items())


@pytest.mark.parametrize("line", ["", 'Repository = "https://example.org/x"', 'Repository = "https://github.com//lnlkit"'])
def test_a_project_without_an_owner_is_told(copy, line, capsys):
    (copy / "pyproject.toml").write_text(line, encoding="utf-8")
    before = texts(copy)
    assert links.main([], copy) == 2 and texts(copy) == before
    assert "project.urls" in capsys.readouterr().out
