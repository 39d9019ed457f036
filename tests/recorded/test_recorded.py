"""Recorded runs as tidy frames: the shipped tables are found again, nothing of them is lost, questions are answered."""

import numpy as np
import pandas as pd
import pytest

from lnlkit import papers, recorded, sweep, tasks
from lnlkit.recorded import making


@pytest.fixture(scope="module", params=papers.KEYS)
def shipped(request):
    """Paper, table as it was written, and the same tidied."""
    raw = recorded.load_raw(request.param)
    return papers.load(request.param), raw, recorded.tidy(raw)


def test_every_shipped_run_is_found_again_under_its_key(shipped):
    """A run is named by the hash of its configuration: restructured code must plan the same runs, no fewer, no others.

    The names were written down when the runs were made; a changed default or a renamed key would change them all.
    """
    paper, raw, table = shipped
    planned = {sweep.key(config) for config in tasks.grid(paper, raw["scale"])}
    shipped = [*table.runs["key"], *table.checks["key"]]
    assert set(shipped) <= planned and len(set(shipped)) == len(shipped) == raw["made"]["runs"]
    assert len(planned) == raw["made"]["planned"]


def test_obtain_takes_the_shipped_table_as_it_is(shipped, tmp_path):
    paper, raw, table = shipped
    found = making.obtain(paper, raw["scale"], tmp_path)
    pd.testing.assert_frame_equal(found.runs, table.runs)
    assert not list(tmp_path.iterdir())  # nothing was trained


def test_a_configuration_says_what_its_run_says(shipped):
    """The configuration under a run's key has the run's own row, data set, noise, rate and seed."""
    paper, raw, table = shipped
    configs = {sweep.key(config): config for config in tasks.grid(paper, raw["scale"])}
    for run in table.runs.to_dict("records"):
        config = configs[run["key"]]
        assert {name: run[name] for name in recorded.RUN[1:]} == {name: config[name] for name in recorded.RUN[1:]}
        assert tasks.TASKS[run["task"]] is tasks.of(config)


def _numbers(value, found):
    """All numbers in a structure, added to `found`."""
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _numbers(item, found)
    if isinstance(value, float):
        found.append(value)
    return found


def test_no_number_is_lost_on_the_way_to_the_frames(shipped):
    _, raw, table = shipped
    for part, rows in ((name, raw[name]) for task in tasks.TASKS.values() for name in task.PARTS if name in raw):
        for row in rows[:: max(1, len(rows) // 20)]:
            runs = table.checks if row.get("schedule") else table.runs
            run = runs[runs["key"] == row["key"]].iloc[0].to_dict()
            row = {name: value for name, value in row.items() if name != "history" or not row.get("schedule")}
            epochs = table.epochs[table.epochs["key"] == row["key"]] if len(table.epochs) else table.epochs
            found = _numbers([run, epochs.to_dict("list"), table.details[row["key"]]], [])
            missing = {number for number in _numbers(row, []) if number not in set(found)}
            assert not missing, (part, row["key"])


def test_the_columns_are_numbers_and_texts_and_gaps_are_nan(shipped):
    _, _, table = shipped
    assert list(table.runs.columns[:1]) == ["task"] and set(recorded.RUN) < set(table.runs.columns)
    for name, column in table.runs.items():
        kinds = {type(value) for value in column}
        assert kinds <= {str, float, int, np.float64, np.int64, bool}, name
    assert not table.runs["key"].duplicated().any()


def test_a_student_asks_with_query():
    runs = recorded.load("05").runs
    found = runs.query("dataset == 'mnist' and noise_rate == 0.5 and row == 'ce'")
    assert sorted(found["seed"]) == [0, 1, 2] and found["noise"].eq("symmetric_inclusive").all()


def test_epochs_count_from_one_and_follow_their_run():
    table = recorded.load("01")
    one = table.epochs[table.epochs["key"] == table.runs["key"][0]]
    raw = recorded.load_raw("01")["runs"][0]
    assert one["epoch"].tolist() == list(range(1, len(one) + 1))
    assert one["val_acc"].tolist() == raw["history"]["val_acc"] and set(one["row"]) == {raw["row"]}
    assert table.runs["best_val"][0] == one["test_acc"].iloc[raw["best_epoch"]]


def test_an_unknown_notebook_is_named_with_the_cure():
    with pytest.raises(FileNotFoundError, match="must be one .* but got '99': make them with `lnlkit sweep 99`"):
        recorded.load("99")


# ---- questions ----


def made_up(*entries):
    return pd.DataFrame([dict(zip(("row", "seed", "best_val"), entry, strict=True)) for entry in entries]).assign(
        noise="symmetric", noise_rate=0.2)  # fmt: skip


def test_lead_is_over_the_best_other_row_of_the_same_seed():
    runs = made_up(("cvae", 0, 0.97), ("ce", 0, 0.94), ("seal", 0, 0.96), ("seal", 1, 0.90), ("ce", 1, 0.95),
                   ("cvae", 1, 0.93), ("cvae", 2, 0.99), ("ce", 2, 0.90))  # fmt: skip
    assert recorded.lead(runs, "cvae", ["ce", "seal"]) == pytest.approx([1.0, -2.0])
    assert recorded.lead(runs, "cvae", ["ce"]) == pytest.approx([3.0, -2.0, 9.0])
    assert recorded.lead(runs, "cvae", ["dmi"]) == []
    assert recorded.lead(runs.assign(mae=runs["best_val"]), "cvae", ["ce"], "mae", unit=1) == pytest.approx(
        [0.03, -0.02, 0.09])


def test_values_are_one_a_seed_in_the_unit_asked_for():
    runs = made_up(("ce", 0, 0.5), ("ce", 1, 0.7), ("gce", 0, 0.4))
    assert recorded.values(runs) == {("ce", 0.2): pytest.approx([50, 70]), ("gce", 0.2): pytest.approx([40])}
