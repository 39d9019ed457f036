"""Records as text: what stands above the columns, old records, and the screen that a run ends with."""

import html
import ntpath
import os
from pathlib import Path

import pytest

from lnlkit import papers, recorded
from lnlkit.papers import reading
from lnlkit.recorded import judging
from lnlkit.run import report, runner, screen


def paper_with(columns, columns_as="percent"):
    row = {"label": "CE", "method": "ce", "says": ""}
    return reading.paper_of("x", {
        "paper": {"title": "t", "authors": ["a"], "year": 1, "venue": "v", "summary": "s"},
        "rows": [{"id": "ce", "published": "own", **row}, {"id": "ce_long", "published": "no", **row, "label": "CE*"}],
        "tables": [{"id": "t", "place": "Table 1", "caption": "", "unit": "%", "column_label": "", "columns": columns,
                    "columns_as": columns_as, "rows": [{"id": "ce", "mean": [float(i) for i in range(len(columns))]}]}],
        "claims": [], "scales": {"smoke": {}, "lab": {}, "paper": {}}, "errata": [],
    })  # fmt: skip


def record(columns, columns_as="percent") -> dict:
    ours = {("ce", columns[-1]): [3.0, 4.0], ("ce_long", columns[0]): 5.0}
    rows = papers.compare(paper_with(columns, columns_as), "t", ours)
    return {"scale": "lab", "comparison": rows, "claims": [], "config": {}, "described": "As run",
            "environment": {"cores": 2, "device": "cpu", "torch": "2"}}  # fmt: skip


KINDS = [
    ([0.0, 0.4, 1.0], "percent", ["0%", "40%", "100%"]),
    ([0.0, 0.2, 10.0], "plain", ["0", "0.2", "10"]),
    (["aer", "tv", "mAP"], "percent", ["aer", "tv", "mAP"]),
]


@pytest.mark.parametrize(("columns", "columns_as", "headings"), KINDS)
def test_the_comparison_heads_its_columns_as_the_table_says(columns, columns_as, headings):
    lines = report.comparison(record(columns, columns_as)).splitlines()
    assert lines[1].split() == headings
    assert lines[3].split() == ["CE", "ours", "3.50", "±", "0.71"]
    assert lines[4].split() == ["paper", "0.00", "1.00", "2.00"]
    assert lines[5].split() == ["gap", "+1.50"]
    assert lines[6].split() == ["CE*", "+", "ours", "5.00"]


@pytest.mark.parametrize(("columns", "columns_as", "headings"), KINDS)
def test_the_markdown_heads_its_columns_as_the_table_says(columns, columns_as, headings):
    lines = report.markdown_table(record(columns, columns_as)["comparison"])
    assert lines[0] == f"| Table 1, %, n = 1, 2 | | {' | '.join(headings)} |"
    assert lines[2] == "| CE | ours<br>paper<br>gap | –<br>0.00<br>– | –<br>1.00<br>– | 3.50 ± 0.71<br>2.00<br>+1.50 |"
    assert lines[3].startswith("| CE\\* + | ours | 5.00 | ")


def test_a_method_that_is_told_more_is_marked_in_the_markdown():
    rows = record([0.1, 0.4])["comparison"]
    for row in rows:
        row["needs"] = ["noise rate"] if row["row"] == "ce" else []
    lines = report.markdown_table(rows)
    assert lines[2].startswith(f"| CE{report.TOLD} | ours") and lines[3].startswith("| CE\\* + | ours")
    assert "CE is told: noise rate  " in lines and "\\+ a control of this kit, not in the paper's table  " in lines


@pytest.mark.parametrize("text", ["+ a", "- a", "# a", "a | b", "<b>a</b>", "*a*", "_a_ `b`", "[a](b)", "a\\b"])
def test_a_text_is_shown_letter_by_letter(text):
    import mistune

    shown = mistune.create_markdown(escape=False, plugins=["table"])(report.escaped(text))
    assert html.unescape(shown) == f"<p>{text}</p>\n"


def test_a_record_without_headings_holds_noise_rates():
    old = record([0.1, 0.4])
    for row in old["comparison"]:
        del row["heading"]
    assert report.comparison(old).splitlines()[1].split() == ["10%", "40%"]
    assert report.markdown_table(old["comparison"])[0].endswith("| 10% | 40% |")


def test_the_cost_stands_beside_its_goal_and_the_speed_of_the_machine():
    run = {"scale": "smoke", "cpu_seconds": 31.6, "calibration_seconds": 0.21, "peak_memory_mb": 500.2}
    assert report.cost(run) == (
        "32 s of processor time (goal 60 at 0.10 s a calibration loop, here 0.21 s), 500 MB (goal 1024)")  # fmt: skip
    assert report.cost({"scale": "lab", "cpu_seconds": 700.0}) == "700 s of processor time"
    assert report.cost({"scale": "lab"}) == "What it took was not recorded."


def finished(notebook, scale, **changes) -> runner.RunResult:
    """A run of a paper's notebook whose claims are those of the recorded runs."""
    claims = [vars(verdict) for verdict in judging.verdicts(papers.load(notebook), recorded.load(notebook))]
    record = {"notebook": notebook, "scale": scale, "seeds": [0], "claims": claims, "cpu_seconds": 30.0, **changes}
    out = Path("artifacts") / scale
    return runner.RunResult(notebook, scale, out / f"{notebook}.ipynb", out / f"{notebook}.json",
                            out / f"{notebook}.html", record, 39.0)  # fmt: skip


@pytest.mark.parametrize("scale", papers.SCALES)
@pytest.mark.parametrize("notebook", papers.KEYS)
def test_a_run_ends_with_what_is_known_of_the_claims_on_one_screen(notebook, scale):
    result = finished(notebook, scale)
    lines, claims = screen.after_run(result).splitlines(), result.record["claims"]
    assert len(lines) <= screen.LINES and max(map(len, lines)) <= screen.WIDTH
    assert papers.load(notebook).title in " ".join(lines)
    page = lines.index(f"Open in a browser:  artifacts/{scale}/{notebook}.html")
    heading = next(i for i, line in enumerate(lines) if line.startswith("Runs at lab say of the paper's"))
    said, marks = " ".join(lines[heading : heading + 2]), [line[:3] for line in lines if line.startswith("[")]
    assert report.counts(result.record) in said
    assert page < heading and marks == sorted(marks, key=list(report.MARKS.values()).index)
    left = len(claims) - len(marks)
    assert left == 0 or any(line.startswith(f"({left} more, ") for line in lines)


def test_a_notebook_of_no_paper_ends_without_claims():
    result = finished("01_cvae_augmentation", "smoke")
    own = runner.RunResult("00_playground", "smoke", Path("a"), Path("b"), None,
                           {**result.record, "notebook": "00_playground"}, 1.0)  # fmt: skip
    assert "claims" not in screen.after_run(own)


def test_a_claim_in_text_has_its_number_its_bound_and_yours():
    claim = {"says": "It is ahead.", "place": "Table 1", "decided_by": "mechanism", "scale": "lab", "verdict": "holds",
             "why": "", "wanted": "at least 1", "unit": "points", "value": 3.5, "low": 2.26, "high": 4.74, "n": 3,
             "passed": None, "yours": 1.25}  # fmt: skip
    text = report.claims({"scale": "smoke", "claims": [claim, claim | {"verdict": "undecided", "yours": None}]})
    assert text.splitlines()[0] == "Claims of the paper: 1 holds, 1 undecided"
    assert "[+] It is ahead." in text and "[?] It is ahead." in text
    assert "holds at lab: 3.5 points [2.26, 4.74], n = 3, wanted at least 1  (Table 1)" in text
    assert text.count("yours, at smoke: 1.25") == 1
    assert report.claims_table([claim])[2] == (
        "| It is ahead. (Table 1) | mechanism | holds at lab | 3.5 points [2.26, 4.74], n = 3 | at least 1 |")


def test_a_path_on_another_drive_is_shown_whole(monkeypatch):
    monkeypatch.setattr(os.path, "relpath", lambda path: ntpath.relpath(str(path), "C:\\course"))
    assert screen.near("D:\\results\\01.json") == "D:\\results\\01.json"
    assert screen.near("C:\\course\\results\\01.json") == "results\\01.json"
