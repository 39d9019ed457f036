"""docs/playground.md says what the recorded runs of the playground say."""

import re
from pathlib import Path

import pytest

from lnlkit import papers, recorded, tasks
from lnlkit.run import report
from lnlkit.sweep import key

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "playground.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def table():
    return recorded.load("00")


def test_the_record_holds_every_run_of_the_grid_as_it_is_now(table):
    assert set(table.runs["key"]) == {key(config) for config in tasks.grid(papers.load("00"), "lab")}


def test_numbers_and_the_best_of_a_column_are_those_of_the_runs(table):
    runs = table.runs.query("dataset == 'digits' and noise == 'symmetric'")
    means = 100 * runs.groupby(["row", "noise_rate"])["last"].mean().unstack()
    caption = "**symmetric noise**: accuracy on clean test data at the last epoch, %, mean ± sd, n = 3"
    part = TEXT[TEXT.index(caption) :].partition("\n\n**")[0]
    heads = [float(head[:-2]) / 100 for head in re.findall(r"[\d.]+ %", part.splitlines()[2])]
    labels = {row.label: row.id for row in papers.load("00").rows.values()}
    seen = 0
    for line in part.splitlines()[4:]:
        name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        for rate, cell in zip(heads, cells, strict=True):
            mean = means[rate][labels[name.rstrip(report.TOLD)]]
            assert cell.strip("*").startswith(f"{mean:.1f} ±"), (name, rate)
            assert cell.startswith("**") == (round(mean, 1) == round(means[rate].max(), 1)), (name, rate)
            seen += 1
    assert seen == means.size


def test_methods_that_are_told_the_rate_are_marked_wherever_they_stand():
    for row in papers.load("00").rows.values():
        lines = [line for line in TEXT.splitlines() if re.match(rf"\| {re.escape(row.label)}{report.TOLD}? \|", line)]
        assert len(lines) > 8, row.label
        assert all(line.startswith(f"| {row.label}{report.TOLD} |") == bool(row.needs) for line in lines)
        assert (f"- {row.label}{report.TOLD}: noise rate" in TEXT) == bool(row.needs)
