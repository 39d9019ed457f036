"""What the parts of a table are: settings in words, columns, rows and what they are told."""

import dataclasses

import pytest
from small_records import configs, record, write

from lnlkit import papers, recorded, tasks
from lnlkit.recorded import gathering, making, protocols


@pytest.mark.parametrize("key", [*papers.STUDIES, *papers.KEYS])
def test_every_shipped_run_is_in_one_part_whose_settings_are_known(key):
    table = recorded.load(key)
    parts = protocols.parts(table)
    names = [name for part in parts for name in part.runs["key"]]
    assert sorted(names) == sorted([*table.runs["key"], *table.checks["key"]])
    assert all(" epochs" in part.settings and "network " in part.settings for part in parts)
    assert len(set(protocols.headings(parts))) == len(parts)


def test_a_schedule_has_its_own_settings():
    parts = {part.schedule: part for part in protocols.parts(recorded.load("03"))}
    assert "30 epochs" in parts[""].settings and "10 epochs" in parts["10 epochs"].settings


def test_figures_and_ranks_are_of_whole_data_and_the_methods_own_lambda():
    part = next(part for part in protocols.parts(recorded.load("02")) if part.columns == ["noise_rate", "size",
                                                                                          "lambda_mi"])  # fmt: skip
    assert 0 < len(part.main) < len(part.runs)
    assert set(part.main["size"]) == {1.0} and part.main["lambda_mi"].isna().all()


def test_a_study_with_two_protocols_for_a_data_set_keeps_them_apart_in_its_table(tmp_path):
    raw = {"methods": ["ce"], "noise_rates": [0.2], "grid": [{"epochs": 1}, {"epochs": 2}]}
    study = papers.study.study("mine", raw, papers.rows_by_method())
    write(tmp_path, [record(config, config["epochs"] / 10) for config in tasks.grid(study, "lab")])
    table = recorded.tidy(making.collect(study, "lab", tmp_path))
    parts = protocols.parts(table)
    assert [(len(part.runs), part.runs["best_val"].mean()) for part in parts] == [
        (3, pytest.approx(0.1)), (3, pytest.approx(0.2))]  # fmt: skip
    assert protocols.headings(parts) == ["digits, epochs 1", "digits, epochs 2"]


def test_rows_of_a_table_are_the_papers_and_an_oracle_is_told_the_clean_labels():
    rows = protocols.rows_of(recorded.load("01"))
    assert rows["cvae_oracle"].needs == ("clean labels",) and rows["ce"].needs == ()
    assert rows["coteaching"].needs == ("noise rate",) and rows["dac"].label == "DAC"


def test_rows_of_an_old_table_of_ones_own_are_told_what_their_methods_are():
    made = {"rows": {"coteaching": {"method": "coteaching"}, "mine.py:Mine": {"method": "mine.py:Mine"}}}
    table = recorded.tidy({"notebook": "mine", "scale": "lab", "made": made, "runs": [
        {"row": row, "dataset": "digits", "noise": "symmetric", "noise_rate": 0.2, "seed": 0, "key": row,
         "best_val": 0.5} for row in made["rows"]]})  # fmt: skip
    rows = protocols.rows_of(table)
    assert rows["coteaching"].needs == ("noise rate",)
    assert rows["mine.py:Mine"].needs == ("it is not known what",)
    (part,) = protocols.parts(table)
    assert part.settings == "Their settings were not recorded." and list(part.metrics) == ["best_val"]


def test_words_name_every_setting_but_the_usual():
    of = protocols.protocol(configs(n_train=100)[0])
    assert protocols.words(of) == "100 training examples; network mlp, 1 epoch, batches of 64, adam (lr 0.003)."
    more = protocols.words(of | {"amp": True, "half": "first", "decay": {"at": [0.5], "factor": 0.1}})
    assert more.endswith("adam (lr 0.003), amp, half first, decay at: [0.5], factor: 0.1.")


def test_parts_that_differ_in_nothing_that_was_recorded_are_numbered():
    part = protocols.parts(recorded.load("00"))[0]
    assert protocols.headings([part, dataclasses.replace(part)]) == ["digits, settings 1", "digits, settings 2"]


def test_a_label_that_a_study_gives_a_row_is_that_of_its_table(tmp_path):
    study = papers.study.study("mine", {"methods": [{"method": "elr", "label": "My ELR"}]}, papers.rows_by_method())
    write(tmp_path, [record(config, 0.5) for config in tasks.grid(study, "lab")])
    table = recorded.tidy(making.collect(study, "lab", tmp_path))
    assert [row.label for row in protocols.rows_of(table).values()] == ["My ELR"]


def test_runs_kept_from_a_table_of_before_are_of_the_protocol_of_their_configuration(tmp_path):
    """Three seeds from an old table and three new ones, in one part."""
    study = papers.study.study("mine", {"noise_rates": [0.2], "seeds": [0, 1, 2, 3, 4, 5]}, papers.rows_by_method())
    configs = tasks.grid(study, "lab")
    write(tmp_path / "old", [record(config, 0.5) for config in configs[:3]])
    write(tmp_path / "new", [record(config, 0.5) for config in configs[3:]])
    old = making.collect(study, "lab", tmp_path / "old")
    old["made"].pop("protocols")
    old["runs"] = [{name: value for name, value in run.items() if name != "protocol"} for run in old["runs"]]
    (part,) = protocols.parts(recorded.tidy(making.collect(study, "lab", tmp_path / "new", earlier=old)))
    assert len(part.runs) == 6 and part.settings.startswith("90 training examples")


def test_two_methods_of_one_name_are_told_apart(tmp_path):
    found = [config | {"row": f"{file}.py:Mine", "method": f"{file}.py:Mine", "method_file": file}
             for file in "ab" for config in configs(methods=["ce"])]  # fmt: skip
    write(tmp_path, [record(config, 0.5) for config in found])
    (table,) = gathering.gather(tmp_path).tables
    assert [row.label for row in protocols.rows_of(table).values()] == ["Mine (a.py:Mine)", "Mine (b.py:Mine)"]
