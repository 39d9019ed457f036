"""Records as text: what stands above the columns, and old records."""

import pytest

from lnlkit import papers, report


def paper_with(columns, columns_as="percent"):
    row = {"label": "CE", "method": "ce", "says": ""}
    return papers._paper("x", {
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
