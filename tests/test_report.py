"""Records as text: what stands above the columns, old records, and the screen that a run ends with."""

import ntpath
import os
from pathlib import Path

import pytest

from lnlkit import papers
from lnlkit.papers import reading
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
    lines = report.markdown(record(columns, columns_as)).splitlines()
    assert lines[2] == f"| Table 1, %: ours, n = 1, 2 (paper) | {' | '.join(headings)} |"
    assert lines[4] == "| CE | not run (0.00) | not run (1.00) | 3.50 ± 0.71 (2.00) |"
    assert lines[5].startswith("| CE\\* + | 5.00 | ")


def test_a_record_without_headings_holds_noise_rates():
    old = record([0.1, 0.4])
    for row in old["comparison"]:
        del row["heading"]
    assert report.comparison(old).splitlines()[1].split() == ["10%", "40%"]
    assert "| 10% | 40% |" in report.markdown(old)


def test_the_cost_stands_beside_its_goal_and_the_speed_of_the_machine():
    run = {"scale": "smoke", "cpu_seconds": 31.6, "calibration_seconds": 0.21, "peak_memory_mb": 500.2}
    assert report.cost(run) == (
        "32 s of processor time (goal 60 at 0.10 s a calibration loop, here 0.21 s), 500 MB (goal 1024)")  # fmt: skip
    assert report.cost({"scale": "lab", "cpu_seconds": 700.0}) == "700 s of processor time"
    assert report.cost({"scale": "lab"}) == "What it took was not recorded."


def finished(notebook, scale, **changes) -> runner.RunResult:
    """A run whose record is the one at lab of its notebook, with other verdicts at smoke."""
    record = {**runner.recorded_at_lab(notebook), "scale": scale, **changes}
    if scale == "smoke":
        record["claims"] = [{**claim, "verdict": "not tested"} for claim in record["claims"]]
    out = Path("artifacts") / scale
    return runner.RunResult(notebook, scale, out / f"{notebook}.ipynb", out / f"{notebook}.json",
                            out / f"{notebook}.html", record, 39.0)  # fmt: skip


@pytest.mark.parametrize("notebook", papers.KEYS)
def test_a_smoke_run_ends_with_what_the_recorded_runs_say_on_one_screen(notebook):
    at_lab = runner.recorded_at_lab(notebook)
    lines = screen.after_run(finished(notebook, "smoke"), at_lab).splitlines()
    assert len(lines) <= screen.LINES and max(map(len, lines)) <= screen.WIDTH
    assert papers.load(notebook).title in " ".join(lines)
    page = lines.index(f"Open in a browser:  artifacts/smoke/{notebook}.html")
    heading = next(i for i, line in enumerate(lines) if line.endswith(report.counts(at_lab)))
    marks = [line[:3] for line in lines[heading + 1 :] if line.startswith("[")]
    assert page < heading and marks == sorted(marks, key=list(report.MARKS.values()).index)
    shown = marks.count("[+]"), len(marks)
    assert shown[0] == sum(claim["verdict"] == "reproduced" for claim in at_lab["claims"])
    left = len(at_lab["claims"]) - shown[1]
    assert left == 0 or f"({left} more, " in lines[heading + 1 + len(marks)]
    smoke = f"At smoke, which only shows that every line runs: 0 reproduced, 0 not reproduced, {len(at_lab['claims'])} "
    assert any(line.startswith(smoke) for line in lines[heading + 1 + len(marks) :])


def test_a_larger_run_shows_its_own_claims_and_the_recorded_ones_as_counts():
    notebook = papers.KEYS[0]
    at_lab = runner.recorded_at_lab(notebook)
    own = finished(notebook, "paper", claims=[{**claim, "verdict": "reproduced"} for claim in at_lab["claims"]])
    text = screen.after_run(own, at_lab)
    assert text.count("[+]") == len(at_lab["claims"]) and "These runs at paper say" in text
    assert text.endswith(f"lnlkit report artifacts/paper/{notebook}.json")
    assert f"Recorded at lab: {report.counts(at_lab)}" in text
    assert "No runs at lab are recorded yet" in screen.after_run(finished(notebook, "smoke"), None)
    of_no_paper = runner.RunResult("00_playground", "smoke", Path("a"), Path("b"), None,
                                    {**own.record, "notebook": "00_playground"}, 1.0)
    assert "reproduced" not in screen.after_run(of_no_paper, None)


def test_a_path_on_another_drive_is_shown_whole(monkeypatch):
    monkeypatch.setattr(os.path, "relpath", lambda path: ntpath.relpath(str(path), "C:\\course"))
    assert screen.near("D:\\results\\01.json") == "D:\\results\\01.json"
    assert screen.near("C:\\course\\results\\01.json") == "results\\01.json"
