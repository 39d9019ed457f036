"""A new kind of label is two modules (ordinal_labels, ordinal_task) and one line in TASKS: nothing else changes."""

import dataclasses

import ordinal_task
import pytest

from lnlkit import cli, papers, recorded, records, sweep, tasks
from lnlkit.recorded import making
from lnlkit.run import report

ORDINAL = {"n_train": 80, "rows": ["l2", "l1"], "noise_rates": [0.0, 0.4], "seeds": [0, 1]}


@pytest.fixture
def paper(monkeypatch):
    """A paper with one more kind of runs, and the one line that makes the kind known."""
    monkeypatch.setitem(tasks.TASKS, "ordinal", ordinal_task)
    known = papers.load("05")
    table = papers.Table("levels", "Table 9", "made up", "%", "rate", (0.0, 0.4), {"l2": (90.0, 80.0)}, {})
    scales = {"smoke": known.scale("smoke") | {"sweep": [], "regression": {"sweep": []}, "ordinal": ORDINAL}}
    made = dataclasses.replace(known, scales=scales, tables={"levels": table}, claims=())
    monkeypatch.setattr(papers, "load", lambda name: made)
    return made


def test_sweep_table_and_report_take_it_without_any_change(paper, tmp_path, capsys):
    configs = tasks.grid(paper, "smoke")
    assert len(configs) == 8 and all(tasks.of(config) is ordinal_task for config in configs)

    cli.main(["sweep", "05", "--scale", "smoke", "--out", str(tmp_path / "runs"), "--table", str(tmp_path / "t.json")])
    assert "8 runs" in capsys.readouterr().out
    record = records.read(tmp_path / "runs" / making.code_digest() / f"{sweep.key(configs[0])}.json")
    assert record["config"] == configs[0] and record["n"] == {"train": 80, "test": 80} and record["hparams"] == {}

    table = recorded.tidy(records.read(tmp_path / "t.json"))
    assert set(table.runs["task"]) == {"ordinal"} and table.made["ordinal"] == {"n_train": 80}
    assert table.runs["key"].tolist() == [sweep.key(config) for config in configs]
    noisy, clean = table.runs.query("noise_rate == 0.4"), table.runs.query("noise_rate == 0")
    assert noisy["realised_rate"].between(0.2, 0.5).all() and (clean["realised_rate"] == 0).all()
    assert clean["right"].mean() > 0.5 and len(table.epochs) == 8 * 20
    assert table.runs.groupby(["row", "noise_rate"]).size().tolist() == [2] * 4

    rows = papers.compare(paper, "levels", recorded.values(table.runs, "right"))
    text = report.comparison({"comparison": rows, "scale": "lab", "claims": []})
    ours = 100 * clean.query("row == 'l2'")["right"].mean()
    assert "Table 9" in text and f"{ours:.2f}" in text and "90.00" in text


def test_its_runs_are_made_again_where_no_table_of_the_scale_is_shipped(paper, tmp_path):
    table = making.obtain(paper, "smoke", tmp_path)
    assert len(table.runs) == 8 and table.runs["right"].notna().all()


def test_without_its_line_the_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="`task` must be one of .*'classification'.*, but got 'ordinal'"):
        tasks.of({"task": "ordinal"})
