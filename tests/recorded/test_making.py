"""From the records of a sweep to the recorded table."""

import pytest

from lnlkit import papers, records, sweep, tasks
from lnlkit.recorded import making


@pytest.fixture(scope="module")
def paper():
    return papers.load("01")


def test_a_table_of_other_settings_is_refused_with_the_command_that_makes_it_again(paper, tmp_path, monkeypatch):
    shipped = {"scale": "lab", "runs": [{"key": "0123"}], "made": {"command": "lnlkit sweep 01"}}
    monkeypatch.setattr(making, "load_raw", lambda notebook: shipped)
    with pytest.raises(ValueError, match="1 of its runs have others: make it again with `lnlkit sweep 01`"):
        making.obtain(paper, "lab", tmp_path)


def test_collect_folds_the_records_into_the_table_that_explorers_read(paper, tmp_path, monkeypatch):
    small = {"embedding": {"n": 60, "perplexity": 5}, "n_train": 200, "epochs": 1, "generator": {"epochs": 1},
             "hparams": {"cvae_augmentation": {"cvae_epochs": 1}}}  # fmt: skip
    monkeypatch.setitem(paper.scales, "smoke", paper.scale("smoke") | small)
    with pytest.raises(FileNotFoundError, match="lnlkit sweep 01 --scale smoke"):
        making.collect(paper, "smoke", tmp_path)
    monkeypatch.setattr(making, "code_digest", lambda: "this code")
    found = making.obtain(paper, "smoke", tmp_path)
    grid = tasks.grid(paper, "smoke")
    folder = tmp_path / "this code"
    table = making.collect(paper, "smoke", folder)
    assert len(found.runs) == len(table["runs"]) == len(grid) == table["made"]["planned"]
    run, record = found.runs.iloc[0], records.read(folder / f"{sweep.key(grid[0])}.json")
    assert run["best_val"] == record["summary"]["best_val"] and run["key"] == sweep.key(grid[0])
    row = found.made["rows"][run["row"]]
    settings = {k: v for k, v in found.made["datasets"]["digits"].items() if k != "n"}
    assert settings | {k: row[k] for k in row if k != "hparams"} == {
        k: v for k, v in grid[0].items() if k not in ("row", "noise", "noise_rate", "seed", "hparams")}
    curve = found.epochs[found.epochs["key"] == run["key"]]
    assert curve["test_acc"].tolist() == pytest.approx([row["test_acc"] for row in record["history"]], abs=1e-4)
    assert curve["epoch"].tolist() == [row["epoch"] + 1 for row in record["history"]]
    names = ["noise", "noise_rate", "seed"]
    assert set(found.matrices[names].itertuples(index=False, name=None)) == {tuple(c[n] for n in names) for c in grid}
    embedding = found.embedding
    assert len(embedding["x"]) == len(embedding["y_clean"]) == 60
    assert all(len(noisy["y"]) == 60 for noisy in embedding["noisy"])
    assert embedding["knn_agreement_clean"] > max(noisy["knn_agreement"] for noisy in embedding["noisy"]) - 0.1
