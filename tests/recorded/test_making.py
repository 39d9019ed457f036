"""From the records of a sweep to the recorded table; and whose code made them."""

import shutil

import pytest
from test_layers import LEVEL, PACKAGE

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
    assert found.made["codes"] == ["this code"] and record["code"] == "this code"
    assert record["environment"]["threads"] == 1


def test_runs_of_an_earlier_table_are_kept_where_they_are_planned_and_not_made_again(paper):
    names = {"dataset": "digits", "noise": "model_idn", "noise_rate": 0.2, "seed": 0}
    of = {"notebook": "x", "scale": "lab"}
    new = {**of, "runs": [{**names, "row": "ce", "key": "a", "best_val": 0.9}], "matrices": [{**names, "T": [[1.0]]}],
           "made": {"runs": 1, "environments": [{"torch": "2"}], "codes": ["c"], "rows": {"ce": {"hparams": {"q": 1}}}}}
    earlier = {**of, "embedding": {"x": []}, "matrices": [{**names, "T": [[0.0]]}, {**names, "seed": 1, "T": [[0.5]]},
                                                         {**names, "seed": 7, "T": [[0.5]]}],
               "runs": [{**names, "row": "ce", "key": "a", "best_val": 0.1}, {**names, "row": "gce", "key": "b"},
                        {**names, "seed": 1, "row": "ce", "key": "c"}, {**names, "seed": 7, "row": "ce", "key": "d"}],
               "made": {"runs": 4, "environments": [{"torch": "1"}], "codes": ["b"],
                        "rows": {"ce": {"hparams": {"q": 0}}, "gce": {"hparams": {}}}}}  # fmt: skip
    table = making._with_earlier(new, earlier, {"a", "b", "c"})
    assert [(run["key"], run.get("best_val")) for run in table["runs"]] == [("a", 0.9), ("b", None), ("c", None)]
    assert [matrix["T"] for matrix in table["matrices"]] == [[[1.0]], [[0.5]]] and table["embedding"] == {"x": []}
    made = table["made"]
    assert (made["runs"], made["kept"], made["codes"]) == (3, 2, ["c", "b"]) and len(made["environments"]) == 2
    assert made["rows"] == {"ce": {"hparams": {"q": 1}}, "gce": {"hparams": {}}}
    with pytest.raises(ValueError, match="`earlier` must be a table of x at lab, but it is of x at smoke"):
        making._with_earlier(new, {**earlier, "scale": "smoke"}, {"a"})


def test_only_whole_records_of_the_grid_are_collected(paper, tmp_path):
    config = tasks.grid(paper, "smoke")[0]
    for text in ("", '{"schema": 1, "config": {}}'):
        (tmp_path / f"{sweep.key(config)}.json").write_text(text)
        with pytest.raises(FileNotFoundError, match="has none of the 6"):
            making.collect(paper, "smoke", tmp_path)


def test_records_in_a_folder_below_are_pointed_out(paper, tmp_path):
    config = tasks.grid(paper, "smoke")[0]
    records.write(tmp_path / "code" / f"{sweep.key(config)}.json", {"config": config})
    with pytest.raises(FileNotFoundError, match=f"has none of the 6: some lie in {tmp_path}/code.$"):
        making.collect(paper, "smoke", tmp_path)


def test_a_record_that_lacks_a_part_is_named(paper, tmp_path):
    config = tasks.grid(paper, "smoke")[0]
    path = records.write(tmp_path / f"{sweep.key(config)}.json", {"config": config, "environment": {}})
    with pytest.raises(ValueError, match=f"`{path}` must hold all of a run, but .* 'n': delete it, and sweep again"):
        making.collect(paper, "smoke", tmp_path)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The package's source in a folder where it can be changed."""
    shutil.copytree(PACKAGE, tmp_path / "lnlkit", ignore=shutil.ignore_patterns("*.json", "__pycache__"))
    monkeypatch.setattr(making.lnlkit, "__file__", str(tmp_path / "lnlkit" / "__init__.py"))
    return tmp_path / "lnlkit"


def test_code_is_told_by_what_a_run_depends_on_and_by_nothing_else(copied):
    """All modules below the recorded tables count; pictures, commands, and the texts of papers do not."""
    digest = making.code_digest.__wrapped__
    code = digest()
    for path in sorted(copied.rglob("*.py")):
        kept, top = path.read_bytes(), path.relative_to(copied).parts[0].removesuffix(".py")
        path.write_bytes(kept + b"# changed")
        assert (digest() != code) == (LEVEL.get(top, 99) < LEVEL["recorded"]), path
        path.write_bytes(kept)
    for path in (copied / "papers").glob("*.toml"):
        path.write_text("")
    assert digest() == code


def test_a_worker_with_later_code_makes_no_runs_of_the_earlier(monkeypatch):
    monkeypatch.setattr(tasks, "records_together", lambda configs, device: pytest.fail("it ran"))
    with pytest.raises(RuntimeError, match="the code was changed while the sweep ran: call it again"):
        making._records([{}], "cpu", "earlier")
