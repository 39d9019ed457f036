"""Papers: every door refuses what it cannot use, and a TOML that describes no paper is named with its key."""

import dataclasses
import typing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refusals import BAD, Door, check_refusal, standard_tests

from lnlkit import papers
from lnlkit.papers import reading

PAPER = papers.load("01")
CLAIM, MEASURED = PAPER.claims[1], papers.Measured((1.0, 2.0, 3.0))
OURS = {("ce", 0.1): [94.0, 95.0], ("cvae_oracle", 0.4): 80.0}
NO_MAPPING = {"series": pd.Series([1.0]), "frame": pd.DataFrame({"ce": [1.0]}), "array": np.ones(2), "nothing": None,
               "list": [1.0], "text": "ce", "number": 3}
NO_NUMBERS = {"text": "high", "nested": [[1.0], [2.0, 3.0]], "none at all": [], "mapping": {"a": 1}}
KINDS = BAD | {
    "paper": {"nothing": None, "text": "01", "number": 1, "mapping": {}},
    "claim": {"nothing": None, "text": "best-at-10", "mapping": {}},
    "ours": NO_MAPPING | {f"of {what}": {("ce", 0.1): value} for what, value in NO_NUMBERS.items()} | {
        "unknown row": {("cee", 0.1): 94.0}, "row number": {(0, 0.1): 94.0}, "per cent": {("ce", 10): 94.0},
        "other per cent": {("ce", 45): 94.0}, "nan": {("ce", float("nan")): 94.0}, "truth": {("ce", True): 94.0},
        "a cell twice": {("ce", 0.3): 94.0, ("ce", 0.1 * 3): 90.0}, "text for a number": {("ce", "10%"): 94.0},
        "no column": {"ce": 94.0}, "column none": {("ce", None): 94.0},
        "three": {("ce", 0.1, 0): 94.0}},
}  # fmt: skip

DOORS = [
    Door(papers.load, {"name": "01"}, {"name": "name"}, {"name": {"other": "99", "folder": "notebooks/01"}},
         called={"name": "paper"}),
    Door(papers.key_of, {"name": "01"}, {"name": "name"}, called={"name": "paper"}),
    Door(PAPER.scale, {"name": "lab"}, {"name": "name"}, {"name": {"capitals": "LAB"}}, called={"name": "scale"}),
    Door(papers.judge, {"claim": CLAIM, "scale": "lab", "measured": MEASURED}, {"claim": "claim", "scale": "name"}),
    Door(papers.interval, {"values": (1.0, 2.0, 3.0)}, {}, {"values": NO_NUMBERS}),
    Door(papers.compare, {"paper": PAPER, "table": "table-1", "ours": OURS},
         {"paper": "paper", "table": "name", "ours": "ours"}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


def test_the_cure_is_said():
    assert "Did you mean 0.1?" in check_refusal(lambda: papers.compare(PAPER, "table-1", {("ce", 10): 94.0}))
    assert "Did you mean 'ce'?" in check_refusal(lambda: papers.compare(PAPER, "table-1", {("cee", 0.1): 94.0}))


def test_a_rate_that_prints_equal_is_the_same_column():
    (row,) = [row for row in papers.compare(PAPER, "table-1", {("ce", 0.1 * 3): [90.0]}) if row["ours"]]
    assert (row["column"], row["paper"]) == (0.3, PAPER.tables["table-1"].cell("ce", 0.3)[0])
    assert PAPER.tables["table-1"].cell("ce", 0.1 * 3) == PAPER.tables["table-1"].cell("ce", 0.3) != (None, None)


def test_a_number_that_the_table_does_not_print_is_passed_over():
    assert papers.compare(PAPER, "table-1", {("ce", 0.0): 98.0}) == papers.compare(PAPER, "table-1", {})


def test_rows_of_texts_take_texts_alone():
    paper, ours = papers.load("02"), {("can", "mAP"): 80.0}
    assert [row["ours"] for row in papers.compare(paper, "table-2", ours) if row["ours"]] == [80.0]
    for column in ("map", 0.4):
        assert "Table" in check_refusal(lambda column=column: papers.compare(paper, "table-2", {("can", column): 1}),
                                        "ours")  # fmt: skip


# ---- files


def written(key: str) -> bytes:
    return (Path(papers.__file__).parent / f"{key}.toml").read_bytes()


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.77, 0.9])
@pytest.mark.parametrize("key", papers.KEYS)
def test_half_a_file_is_named(key, share):
    text = written(key)
    said = check_refusal(lambda: reading.parsed(key, text[: int(share * len(text))]))
    assert f"`{key}.toml`" in said


@pytest.mark.parametrize("text", [b"", b"\x89PNG\r\n", b"{}", '[paper]\ntitle = "é"'.encode("latin-1")],
                         ids=["empty", "picture", "json", "latin-1"])  # fmt: skip
def test_a_foreign_file_is_named(text):
    assert "`05_x.toml`" in check_refusal(lambda: reading.parsed("05_x", text))


def minimal() -> dict:
    return {
        "paper": {"title": "t", "authors": ["a"], "year": 1, "venue": "v", "summary": "s"},
        "rows": [{"id": "ce", "label": "CE", "method": "ce", "says": "", "published": "own"}],
        "tables": [{"id": "t", "place": "Table 1", "caption": "", "unit": "%", "column_label": "",
                    "columns": [0.1], "rows": [{"id": "ce", "mean": [1.0], "sd": [0.1]}]}],
        "claims": [{"id": "c", "says": "", "place": "", "measured": "", "decided_by": "mechanism",
                    "measure": {"of": "lead"}, "unit": "points", "bound": "b", "since": "2026-11-20",
                    "at_most": 1.0}],
        "scales": {"smoke": {}, "lab": {}, "paper": {}},
        "errata": [{"place": "p", "printed": "x", "right": "y", "why": "z"}],
    }  # fmt: skip


def places(value, path=()):
    """The path of every key in nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def parent(raw, path):
    """The table that holds the last key of a path, and that key."""
    *way, last = path
    for key in way:
        raw = raw[key]
    return raw, last


OPTIONAL = {"sd"}
PATHS = list(places(minimal()))


@pytest.mark.parametrize("path", [path for path in PATHS if isinstance(path[-1], str) and path[-1] not in OPTIONAL],
                         ids=str)  # fmt: skip
def test_a_missing_key_is_named(path):
    raw = minimal()
    table, last = parent(raw, path)
    del table[last]
    if path[-1] == "at_most":
        last = "a bound"
    said = check_refusal(lambda: reading.paper_of("05_x", raw))
    assert "`05_x.toml`" in said and last in said, said


@pytest.mark.parametrize("value", [None, 3, "a", [], [3], {}, {"a": 1}, True, float("nan"), ["a", 3]], ids=repr)
@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_value_of_another_type_is_refused_with_the_file_or_welcome(path, value):
    """None foreign; a paper that is read holds only what its annotations say."""
    raw = minimal()
    table, last = parent(raw, path)
    table[last] = value
    try:
        paper = reading.paper_of("05_x", raw)
    except ValueError as error:
        assert str(error).startswith("`05_x.toml` does not describe a paper: ") and len(str(error)) < 300
        return
    for item in (paper, *paper.rows.values(), *paper.tables.values(), *paper.claims, *paper.errata):
        hints = typing.get_type_hints(type(item))
        for of in dataclasses.fields(item):
            if of.name not in ("rows", "tables", "claims", "errata"):
                assert reading._fits(getattr(item, of.name), hints[of.name]), (of.name, getattr(item, of.name))


WRONG = [
    (("paper", "title"), 3), (("paper", "title"), ["t"]), (("paper", "year"), "2020"), (("paper", "year"), True),
    (("paper", "year"), 2020.5), (("paper", "authors"), "a"), (("paper", "authors"), [3]), (("rows", 0, "label"), None),
    (("rows", 0, "needs"), "clean labels"), (("rows", 0, "oracle"), "yes"), (("rows", 0, "passes"), "2"),
    (("rows", 0, "hparams"), []), (("tables", 0, "unit"), 3), (("tables", 0, "rows", 0, "mean"), ["1"]),
    (("tables", 0, "columns"), [True]), (("claims", 0, "published"), "0.5"), (("claims", 0, "at_most"), "0.5"),
    (("claims", 0, "measure"), "lead"), (("claims", 0, "not_tested"), {"smoke": 1}), (("claims", 0, "by_run"), 1),
    (("claims", 0, "says"), []),
    (("scales", "lab"), []), (("live",), {"lab": "mnist"}), (("errata", 0, "why"), None),
]  # fmt: skip


@pytest.mark.parametrize("path, value", WRONG, ids=str)
def test_a_value_of_another_type_is_named_with_its_key(path, value):
    raw = minimal()
    table, last = parent(raw, path)
    table[last] = value
    with pytest.raises(ValueError, match="`05_x.toml` does not describe a paper: ") as error:
        reading.paper_of("05_x", raw)
    assert f"`{last if isinstance(last, str) and path[0] != 'scales' else path[0]}`" in str(error.value)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda raw: raw["rows"][0].update(published="maybe"), "published of the row ce` must be one of"),
        (lambda raw: raw["rows"][0].update(draw=["#000000", "o", "dashed"]), "draw of the row ce` must be one of"),
        (lambda raw: raw["rows"][0].update(draw=["#000000"]), "`draw` of `rows` 'ce' must be"),
        (lambda raw: raw["rows"][0].update(lable="CE"), "unknown key 'lable'"),
        (lambda raw: raw["rows"].append(raw["rows"][0]), "'ce' is there twice among `rows`"),
        (lambda raw: raw["tables"].append(raw["tables"][0]), "'t' is there twice among `tables`"),
        (lambda raw: raw["tables"][0]["rows"].append({"id": "ce", "mean": [2.0]}), "is there twice"),
        (lambda raw: raw["tables"][0]["rows"][0].update(mean=["1.0"]), "must be numbers"),
        (lambda raw: raw["tables"][0]["rows"].append({"id": "gce", "mean": [2.0]}), "'gce' that is not among the rows"),
        (lambda raw: raw["tables"][0]["rows"][0].update(var=[2.0]), "unknown key 'var'"),
        (lambda raw: raw["tables"][0]["rows"][0].pop("mean"), "'ce' of Table 1 has no `mean`"),
        (lambda raw: raw["scales"].update(smoke=3), "`scales` of `paper` must be"),
    ],
)  # fmt: skip
def test_what_a_paper_says_of_its_parts_must_hold(spoil, sentence):
    raw = minimal()
    spoil(raw)
    with pytest.raises(ValueError, match=sentence) as error:
        reading.paper_of("05_x", raw)
    assert "`05_x.toml`" in str(error.value)


def test_the_minimal_description_is_a_paper():
    assert reading.paper_of("05_x", minimal()).errata[0].right == "y"
