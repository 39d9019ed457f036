"""Recorded tables: what is no such table, or is asked for rows, columns and numbers that are not there, is refused."""

import copy
import json

import numpy as np
import pandas as pd
import pytest
import synthetic
from refusals import BAD, Door, check_refusal, standard_tests

from lnlkit import papers, recorded, records, viz, widgets
from lnlkit.recorded import judging
from lnlkit.viz import cvae_augmentation

RUNS = pd.DataFrame({"row": ["ce", "ce", "seal", "seal"], "seed": [0, 1, 0, 1], "noise_rate": [0.2] * 4,
                     "dataset": ["mnist"] * 4, "best_val": [0.9, 0.8, 0.7, 0.6]})  # fmt: skip
NO_FRAME = {"nothing": None, "list": [1, 2], "dict": {"row": ["ce"]}, "text": "runs", "series": RUNS["row"],
            "no columns": pd.DataFrame(), "without rows' names": RUNS.drop(columns="row")}  # fmt: skip


def raw(**changes) -> dict:
    run = {"row": "ce", "dataset": "mnist", "noise": "symmetric", "noise_rate": 0.2, "seed": 0, "key": "a",
           "best_val": 0.9, "history": {"loss": [1.0, 0.5], "val_acc": [0.5, 0.6]}}  # fmt: skip
    return {"schema": 1, "notebook": "01_cvae_augmentation", "scale": "lab", "made": {}, "runs": [run]} | changes


def of_run(**changes) -> dict:
    (run,) = raw()["runs"]
    return raw(runs=[{name: value for name, value in (run | changes).items() if value is not ...}])


KINDS = BAD | {
    "runs": NO_FRAME,
    "column": {"unknown": "best_vall", "nothing": 3, "list": ["best_val"], "empty": ""},
    "rows": {"text": "ce", "nothing": None, "none at all": [], "unknown": ["cee"], "number": [3], "nested": [["ce"]],
             "itself": ["seal", "ce"]},
    "raw": {
        "nothing": None, "list": [], "text": "01", "empty": {}, "record": {"schema": 1, "config": {}},
        "runs no list": raw(runs={"a": 1}), "runs of texts": raw(runs=["ce"]), "twice": raw(runs=2 * raw()["runs"]),
        "no row": of_run(row=...), "no key": of_run(key=...), "no rate": of_run(noise_rate=...),
        "half a history": of_run(history={"loss": [1.0, 0.5], "val_acc": [0.5]}), "flat": of_run(history={"loss": 1.0}),
        "listed": of_run(history=[1.0]),
        "no map": raw(embedding=[[0, 1]]), "half a map": raw(embedding={"x": [[0, 1]]}),
        "a map of nothing": raw(embedding=dict.fromkeys(recorded.MAP, [{}])), "matrices": raw(matrices={}),
        "made of text": raw(made="by hand"), "of no notebook": raw(notebook=None),
    },
}  # fmt: skip

PAPER = papers.load("01")
DOORS = [
    Door(judging.verdicts, {"paper": PAPER, "table": recorded.load("01"), "yours": None}, {},
         {"paper": {"nothing": None, "text": "01"}, "yours": {"runs": RUNS, "other": recorded.load("05")},
          "table": {"nothing": None, "runs": RUNS, "other": recorded.load("05")}}),
    Door(judging.beside, {"paper": PAPER, "table": recorded.load("01"), "published": "table-1"},
         {"published": "name"}, {"paper": {"nothing": None, "text": "01"}}),
    Door(recorded.load, {"notebook": "01"}, {"notebook": "name"}),
    Door(recorded.load_raw, {"notebook": "05_choicenet"}, {"notebook": "name"}, {"notebook": {"other": "99"}}),
    Door(recorded.tidy, {"raw": raw()}, {"raw": "raw"}),
    Door(recorded.values, {"runs": RUNS, "metric": "best_val", "columns": "noise_rate", "unit": 100},
         {"runs": "runs", "metric": "column", "columns": "column", "unit": "positive"},
         {"metric": {"text": "dataset"}}, called={"metric": "runs", "columns": "runs"}),
    Door(recorded.lead, {"runs": RUNS, "row": "ce", "others": ["seal"], "metric": "best_val", "unit": 100},
         {"runs": "runs", "row": "name", "others": "rows", "metric": "column", "unit": "positive"},
         {"runs": {"two settings": pd.concat([RUNS, RUNS])}, "metric": {"text": "dataset"}},
         called={"metric": "runs"}),
    Door(recorded.frame, {"table": RUNS, "name": "table"}, {"table": "runs"}, {"table": {"no rows": RUNS[:0]}},
         spared={"table": {"without rows' names"}}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


def test_a_rate_of_a_run_is_a_fraction():
    for rate in (20, "0.2", None, True, float("nan")):
        check_refusal(lambda rate=rate: recorded.tidy(of_run(noise_rate=rate)), "noise_rate")


@pytest.mark.parametrize("content", [b"", b'{"schema": 1, "runs": [', b"[]", b'{"schema": 99}', b"\x00\xff"])
def test_a_table_in_a_broken_file_is_named(tmp_path, content):
    path = tmp_path / "01_cvae_augmentation.json"
    path.write_bytes(content)
    assert str(path) in check_refusal(lambda: recorded.tidy(records.read(path)))


def test_a_misspelt_row_is_no_row_that_was_not_run():
    assert recorded.lead(RUNS, "ce", ["dmi"]) == []
    assert "Did you mean 'seal'?" in check_refusal(lambda: recorded.lead(RUNS, "ce", ["saal"]), "others")
    assert recorded.lead(RUNS.replace("ce", "mine"), "mine", ["seal"]) == pytest.approx([20, 20])


def test_a_notebook_has_the_names_that_its_paper_has():
    names = ("05", "05_choicenet", "choicenet", "05_choicenet.json")
    assert {recorded.load_raw(name)["notebook"] for name in names} == {"05_choicenet"}
    for name in ("5", "05_", "0", "05_choice", "CHOICENET", "../05"):
        assert "05_choicenet" in check_refusal(lambda name=name: recorded.load_raw(name), "notebook")


def test_a_run_that_diverged_does_not_vanish_from_a_lead():
    for row in ("ce", "seal"):
        runs = RUNS.assign(best_val=RUNS["best_val"].mask((RUNS["row"] == row) & (RUNS["seed"] == 1)))
        assert recorded.lead(runs, "ce", ["seal"]) == pytest.approx([20, np.nan], nan_ok=True)
    assert recorded.lead(RUNS.assign(seed=np.nan)[1:3], "ce", ["seal"]) == []  # nobody knows what belongs together
    assert recorded.lead(RUNS[:3], "ce", ["seal"]) == pytest.approx([20])  # seed 1 of it was not run


def test_a_selection_without_runs_has_no_values():
    assert recorded.values(RUNS[:0]) == {} and recorded.lead(RUNS[:0], "ce", ["seal"]) == []


# ---- rates that print equal


def almost_equal():
    """The table of the tests, seed 1 of rate 0.3 recorded at 0.1 * 3, in every place that has a rate."""
    made = copy.deepcopy(recorded.load_raw("01"))
    for entry in [*made["runs"], *made["matrices"]]:
        if entry["noise_rate"] == 0.3 and entry["seed"] == 1:
            entry["noise_rate"] = 0.1 * 3
    for entry in made["embedding"]["noisy"]:
        if entry["noise_rate"] == 0.3:
            entry["noise_rate"] = 0.1 * 3
    return made


def test_seeds_of_rates_that_print_equal_are_one_row_one_stop_and_one_column():
    as_written, table = recorded.load("01"), recorded.tidy(almost_equal())
    for name in ("runs", "epochs", "matrices"):
        pd.testing.assert_frame_equal(getattr(table, name), getattr(as_written, name))
    assert table.embedding == as_written.embedding
    picture = cvae_augmentation.pictures(table)["noise"]
    stops = [text for text, _ in widgets.Explorer(picture).controls["noise_rate"].options]
    assert len(set(stops)) == len(stops)
    idn = recorded.values(table.runs.query("noise == 'model_idn'"))
    assert len(idn["ce", 0.3]) == 3 and json.dumps(sorted(idn)).count("0.3,") == 0


def test_a_frame_of_ones_own_is_grouped_as_its_rates_print():
    runs = RUNS.assign(noise_rate=[0.3, 0.1 * 3, 0.3, 0.1 * 3])
    assert {key: len(of) for key, of in recorded.values(runs).items()} == {("ce", 0.3): 2, ("seal", 0.3): 2}
    fig = viz.tables.heat_table(runs, "01")
    assert len(fig.axes[0].get_xticklabels()) == 1
    paper = papers.load("01")
    ours = [row for row in papers.compare(paper, "table-1", recorded.values(runs)) if row["ours"]]
    assert [(row["row"], row["n"], row["column"]) for row in ours] == [("ce", 2, 0.3), ("seal", 2, 0.3)]
    assert runs["noise_rate"].nunique() == 2  # the argument is left as it was


def test_whole_rates_stay_as_they_are():
    table = synthetic.table(rates=(0.1, 0.4))
    assert recorded.same_rates(table.runs) is table.runs
    assert recorded.same_rates(pd.DataFrame({"noise_rate": [0, 1]}))["noise_rate"].tolist() == [0, 1]
    assert np.isnan(recorded.same_rates(pd.DataFrame({"noise_rate": [0.1 * 3, np.nan]}))["noise_rate"].iloc[1])
