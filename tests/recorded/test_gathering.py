"""Folders of run records: whose they are, which of them compare, and what is no record at all."""

import pytest
from small_records import configs, record, write

from lnlkit import papers, records, sweep, tasks
from lnlkit.recorded import gathering, protocols


@pytest.fixture
def folder(tmp_path):
    """CE and GCE for one epoch, and for two: the same methods, noise, rates and seeds."""
    write(tmp_path, [record(config, 0.5 + 0.1 * config["epochs"]) for config in configs() + configs(epochs=2)])
    return tmp_path


def test_runs_of_different_settings_are_parts_of_their_own(folder):
    (table,), left_out, _ = gathering.gather(folder)
    parts = protocols.parts(table)
    assert not left_out and [len(part.runs) for part in parts] == [12, 12]
    assert protocols.headings(parts) == ["digits, epochs 1", "digits, epochs 2"]
    for part, epochs in zip(parts, (1, 2), strict=True):
        assert set(part.runs["best_val"].round(6)) == {0.5 + 0.1 * epochs}
        assert f"{epochs} epoch{'s' * (epochs > 1)}, batches of 64, adam (lr 0.003)" in part.settings
        assert part.settings.startswith("90 training examples, 10 for noisy validation, 50 for the test; network mlp")


@pytest.mark.parametrize("changed", [
    {"n_train": 50}, {"network": "small_cnn"}, {"batch_size": 32}, {"val_fraction": 0.2}, {"amp": True},
    {"optimizer": {"name": "sgd", "lr": 0.1}}, {"decay": {"at": [0.5], "factor": 0.1}}, {"n_test": 10},
])  # fmt: skip
def test_any_setting_keeps_runs_apart(tmp_path, changed):
    write(tmp_path, [record(config, 0.5) for config in configs() + configs(**changed)])
    (table,), _, _ = gathering.gather(tmp_path)
    parts = protocols.parts(table)
    assert [len(part.runs) for part in parts] == [12, 12]
    assert len(set(protocols.headings(parts))) == 2


def test_noise_rates_seeds_and_what_a_method_is_told_keep_nothing_apart(tmp_path):
    found = configs(methods=["ce", "coteaching", {"method": "gce", "q": [0.3, 0.7]}], noise=["symmetric", "pairflip"])
    write(tmp_path, [record(config, 0.5) for config in found])
    (table,), _, _ = gathering.gather(tmp_path)
    (part,) = protocols.parts(table)
    assert len(part.runs) == 48 and set(part.runs["row"]) == {"ce", "coteaching", "gce, q 0.3", "gce, q 0.7"}
    rows = protocols.rows_of(table)
    assert [row.label for row in rows.values()] == ["CE", "Co-teaching", "GCE, q 0.3", "GCE, q 0.7"]


def test_two_versions_of_a_method_of_ones_own_are_two_rows(tmp_path):
    """A second version of mine.py is another method; that it has the same name must not average the two."""
    own = [config | {"row": "mine.py:Mine", "method": "mine.py:Mine", "method_file": digest}
           for digest in ("aa", "bb") for config in configs(methods=["ce"])]  # fmt: skip
    write(tmp_path, [record(config, 0.9 if config["method_file"] == "aa" else 0.1, needs=["noise rate"])
                     for config in own])  # fmt: skip
    (table,), _, _ = gathering.gather(tmp_path)
    rows = protocols.rows_of(table)
    assert set(rows) == {"mine.py:Mine, version 1", "mine.py:Mine, version 2"}
    assert all(row.needs == ("noise rate",) and row.label.startswith("Mine, v") for row in rows.values())
    assert (table.runs.groupby("row")["best_val"].nunique() == 1).all()


def test_a_run_that_saw_the_clean_labels_is_one_that_is_told_them(tmp_path):
    found = [config | {"row": "peeks", "oracle": True} for config in configs(methods=["ce"])]
    write(tmp_path, [record(config, 0.5) for config in found + configs(methods=["ce"])])
    (table,) = gathering.gather(tmp_path).tables
    assert {name: row.needs for name, row in protocols.rows_of(table).items()} == {"ce": (), "peeks": ("clean labels",)}


def test_what_is_no_record_is_named_and_the_others_count(folder):
    good = record(configs(seeds=[7])[0], 0.5)
    name = sweep.key(good["config"])
    (folder / "notes.txt").write_text("mine")
    (folder / "broken.json").write_text("{")
    (folder / f".{name}.json.123.tmp").write_text("{")
    records.write(folder / "other_name.json", good)
    records.write(folder / "table.json", {"notebook": "x", "made": {}})
    for seed, changes in {1: {"summary": {"last": 0.5, "best_val": "high"}}, 2: {"environment": None, "n": None},
                          3: {"history": []}, 4: {"seconds": "2"}}.items():  # fmt: skip
        config = good["config"] | {"seed": 10 + seed}
        lacking = {name: value for name, value in (record(config, 0.5) | changes).items() if value is not None}
        records.write(folder / f"{sweep.key(config)}.json", lacking)
    (table,), left_out, _ = gathering.gather(folder)
    assert len(table.runs) == 24 and len(left_out) == 8
    assert left_out["notes.txt"] == "no record: its name does not end with .json"
    assert "not a whole JSON record" in left_out["broken.json"] and "no `config`" in left_out["table.json"]
    assert name in left_out["other_name.json"] and any("'best_val'" in why for why in left_out.values())


def test_a_folder_with_the_folder_of_a_code_is_that_folder_and_two_are_refused(folder, tmp_path_factory):
    top = tmp_path_factory.mktemp("runs")
    folder.rename(top / "code1")
    assert gathering.gather(top).folder == top / "code1"
    write(top / "code2", [record(configs()[0], 0.5)])
    with pytest.raises(ValueError, match="`what` must be one folder of run records, but .*code1, .*code2"):
        gathering.gather(top)


def test_runs_of_a_papers_grid_are_its_table_and_stand_beside_ones_own_too(tmp_path):
    """A method of one's own in the paper's setting stands beside the paper's rows of that setting."""
    planned = [config for config in tasks.grid(papers.load("01"), "smoke") if config["row"] == "ce"]
    mine = [config | {"row": "mine.py:Mine", "method": "mine.py:Mine", "method_file": "aa"} for config in planned]
    write(tmp_path, [record(config, 0.5) for config in [*planned, *mine, *configs()]])
    paper, own = gathering.gather(tmp_path).tables
    assert (paper.notebook, paper.scale, len(paper.runs)) == ("01_cvae_augmentation", "smoke", len(planned))
    assert paper.embedding is None and len(own.runs) == 2 * len(planned) + 12
    part = next(part for part in protocols.parts(own) if "mine.py:Mine" in set(part.runs["row"]))
    assert set(part.runs["row"]) == {"ce", "mine.py:Mine"}


def test_an_empty_folder_is_refused_with_what_was_left_out(tmp_path):
    (tmp_path / "notes.json").write_text("[]")
    with pytest.raises(FileNotFoundError, match="`what` must be a folder of run records.*notes.json: .*not a record"):
        gathering.gather(tmp_path)
