"""The lecturer's guide says what notebooks, records, exercises and commands say."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import test_readme

from lnlkit import exercises, papers, records
from lnlkit.run import preflight

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("docs_lecturer", ROOT / "docs" / "lecturer.py")
lecturer = importlib.util.module_from_spec(spec)
spec.loader.exec_module(lecturer)

GUIDE = (ROOT / "docs" / "lecturer.md").read_text(encoding="utf-8")


def test_both_pages_are_what_notebooks_records_and_exercises_say():
    assert GUIDE == lecturer.page()
    assert (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8") == lecturer.mistakes()


def test_every_lab_has_ninety_minutes_and_every_notebook_its_place():
    sections = re.split(r"^## ", GUIDE, flags=re.M)
    labs = [section for section in sections if section.startswith(("First", "Second", "Third"))]
    used = set()
    for lab in labs:
        rows = re.findall(r"^\| (\d\d): (.+?) \| (\d+) \| (.*)\|$", lab, re.M)
        assert sum(int(minutes) for _, _, minutes, _ in rows) == 90 and "(90 minutes)" in lab.splitlines()[0]
        assert all(len(say) > 5 or "exercises" in name for _, name, _, say in rows)
        used |= {number for number, *_ in rows}
    assert used == {key[:2] for key in (*papers.STUDIES, *papers.KEYS)}


@pytest.mark.parametrize("key", [*papers.STUDIES, *papers.KEYS])
def test_the_parts_of_a_notebook_are_read_whole(key):
    """Twenty or ninety minutes in all, and as many parts as numbers are said."""
    text = (ROOT / "notebooks" / f"{key}.ipynb").read_text(encoding="utf-8")
    parts = lecturer.parts(key[:2])
    assert sum(parts.values()) == (20 if key in papers.STUDIES else 90)
    for name, minutes in parts.items():
        assert re.search(rf"{re.escape(json.dumps(name, ensure_ascii=False)[1:-1])}( \|)? {minutes}\b", text), name


@pytest.mark.parametrize("text, wanted", [
    ("**Ninety minutes**: warm-up 8, own run (2, 3) 10, exercises 12 (all: 80). You need 5 more.",
     {"warm-up": 8, "own run (2, 3)": 10, "exercises": 12}),
    ("Ninety minutes: Sections 3.1 to 3.3 40, rest 50.", {"Sections 3.1 to 3.3": 40, "rest": 50}),
    ("| part | minutes |\n|---|---|\n| a, b | 12 |\n| c: choose, 60 in all | 3 |\n\n| x | 1 |",
     {"a, b": 12, "c: choose, 60 in all": 3}),
])  # fmt: skip
def test_tables_and_sentences_of_minutes(monkeypatch, tmp_path, text, wanted):
    (tmp_path / "notebooks").mkdir()
    cells = [{"cell_type": "markdown", "source": [text]}, {"cell_type": "code", "source": ["| part | minutes |"]}]
    (tmp_path / "notebooks" / "07_x.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.setattr(lecturer, "ROOT", tmp_path)
    assert lecturer.parts.__wrapped__("07") == wanted
    (tmp_path / "notebooks" / "07_x.ipynb").write_text(json.dumps({"cells": []}))
    with pytest.raises(ValueError, match="07_x.ipynb says nowhere"):
        lecturer.parts.__wrapped__("07")


@pytest.mark.parametrize("word", ["Section 99", "section"])
def test_a_part_that_is_gone_or_not_the_only_one_is_told(word):
    with pytest.raises(ValueError, match=rf"notebook 01 must have one part with '{word}'.*lecturer.template"):
        lecturer.part("01", word)


def test_the_costs_are_those_of_the_records():
    rows = re.findall(r"^\| (\d\d_\w+) \| ([\d.]+) \| ([\d.]+) \| (\d+) MB \|$", GUIDE, re.M)
    assert len(rows) == 1 + len(papers.KEYS)
    for name, smoke, lab, memory in rows:
        of = {scale: records.read(ROOT / "results" / name / f"{scale}.json") for scale in preflight.SCALES}
        assert (smoke, lab) == tuple(f"{of[scale]['cpu_seconds'] / 60:.1f}" for scale in preflight.SCALES)
        assert memory == f"{of['lab']['peak_memory_mb']:.0f}" and of["lab"]["environment"]["cpu"] in GUIDE


def test_every_exercise_is_listed_with_its_minutes_and_its_wrong_answers():
    page = (ROOT / "docs" / "mistakes.md").read_text(encoding="utf-8")
    for name in exercises.names():
        one = exercises.find(name)
        assert f"{name} {one.title} ({one.minutes})" in GUIDE
        section = page.split(f"## {name}: {one.title} ({one.minutes} min)")[1].split("\n## ")[0]
        assert section.count("\n| ") - 1 == len(lecturer.wrong()[name]) >= 3
    assert set(lecturer.wrong()) == set(exercises.names())
    assert f"which wrong answers, {page.count(' ... |')} in all" in GUIDE


def test_its_commands_exist_and_its_links_lead_somewhere():
    lines = [code.split() for code in re.findall(r"`((?:lnlkit|make) [^`]*)`", GUIDE)]
    assert len(lines) >= 7
    assert [found for words in lines if (found := test_readme.problem(words))] == []
    assert test_readme.problem("lnlkit check --scael lab".split())
    links = set(re.findall(r"\]\(([^)#]+)", GUIDE))
    assert links and [link for link in links if not (ROOT / "docs" / link).exists()] == []
    scripts = re.findall(r"`python (\S+)`", GUIDE)
    assert scripts and all((ROOT / script).exists() for script in scripts)


def test_it_is_two_pages():
    assert len(re.findall(r"\w+", GUIDE)) <= 1450
