"""Grids without a paper: from a few lines of TOML or flags to configurations, and to a table on the screen."""

import pytest

from lnlkit import cli, papers, tasks
from lnlkit.papers.study import DEFAULTS, study
from lnlkit.run import runner


def configs(raw, **more):
    return tasks.grid(study("mine", raw, papers.rows_by_method(), **more), "lab")


def test_a_study_is_the_product_of_its_axes_on_the_settings_it_names():
    raw = {"methods": ["ce", "coteaching"], "noise": ["symmetric", "pairflip"], "noise_rates": [0.1, 0.3],
           "seeds": [0, 1], "epochs": 7}  # fmt: skip
    found = configs(raw)
    assert len(found) == 16 and {config["epochs"] for config in found} == {7}
    assert {(c["row"], c["noise"], c["noise_rate"], c["seed"]) for c in found} == {
        (row, noise, rate, seed) for row in raw["methods"] for noise in raw["noise"] for rate in (0.1, 0.3)
        for seed in (0, 1)}  # fmt: skip
    assert all(config[name] == DEFAULTS[name] for config in found for name in ("dataset", "network", "optimizer"))
    told = [config["hparams"] for config in found if config["row"] == "coteaching" and config["noise_rate"] == 0.3]
    assert told and all(of["forget_rate"] == 0.3 for of in told)  # it needs the noise rate


def test_lists_of_hyper_parameters_are_a_row_each_and_blocks_have_settings_of_their_own():
    found = configs({"methods": ["ce", {"method": "gce", "q": [0.5, 0.7]}], "noise_rates": [0.2], "seeds": [0],
                     "grid": [{}, {"dataset": "mnist", "methods": "ce", "n_train": 500}]})  # fmt: skip
    assert [(c["row"], c["dataset"], c["n_train"]) for c in found] == [
        ("ce", "digits", None), ("gce, q 0.5", "digits", None), ("gce, q 0.7", "digits", None), ("ce", "mnist", 500)]
    assert [config["hparams"] for config in found] == [{}, {"q": 0.5}, {"q": 0.7}, {}]


def test_rows_have_the_label_of_the_papers_and_looks_of_their_own():
    methods = ["ce", "apl", {"method": "gce", "q": 0.7}, {"method": "elr", "label": "ELR"}]
    rows = study("mine", {"methods": methods}, papers.rows_by_method()).rows
    assert [row.label for row in rows.values()] == ["CE", "APL", "GCE, q 0.7", "ELR"]
    assert len({row.draw for row in papers.load("00").rows.values()}) == len(papers.load("00").rows)


@pytest.mark.parametrize("raw, said", [
    ({"method": "ce"}, "`study` must be one of .*methods.*'method'"), ({"grid": [{"title": "x"}]}, "'title'"),
    ({"methods": [{"q": 0.7}]}, "`methods` must be names, or tables with a name under 'method', but got None"),
])  # fmt: skip
def test_what_no_study_can_say_is_refused(raw, said):
    with pytest.raises(ValueError, match=said):
        study("mine", raw)


def test_the_shipped_study_is_loaded_like_a_paper_and_is_none():
    playground = papers.load("00")
    assert playground.is_study and playground.key == "00_playground" and playground.key not in papers.KEYS
    assert not papers.load("04").is_study
    on_digits = [config for config in tasks.grid(playground, "lab") if config["dataset"] == "digits"]
    kinds = {name: {config[name] for config in on_digits} for name in ("row", "noise", "noise_rate", "seed")}
    least = {"row": 12, "noise": 4, "noise_rate": 4, "seed": 3}
    assert all(len(kinds[name]) >= n for name, n in least.items())


def test_a_method_of_ones_own_is_swept_beside_others_and_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text("from dataclasses import dataclass\nfrom lnlkit.methods import CE\n"
                                      "@dataclass\nclass Mine(CE):\n    needs = ('noise rate',)\n"
                                      "    forget_rate: float = 0.0\n")  # fmt: skip
    (tmp_path / "few.toml").write_text('noise_rates = [0.2]\nepochs = 2\nmethods = ["ce", "mine.py:Mine"]')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    cli.main("sweep few.toml --seeds 0,1 --device cpu --set n_train=200".split())
    out = capsys.readouterr().out
    assert "4 runs in artifacts/lab/runs/" in out and "mean ± sd over 2 seeds" in out
    last = out[out.index("last epoch:"):].splitlines()
    cells = {line.split()[0]: line.rpartition("  ")[2] for line in last if line.startswith(("CE", "Mine (told the"))}
    assert cells["CE"] == cells["Mine"] and "±" in cells["CE"]  # the same method under another name


def test_one_seed_has_no_deviation(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    cli.main("sweep --method ce --rates 0.2 --seeds 0 --device cpu --set n_train=100 --set epochs=1".split())
    out = capsys.readouterr().out
    assert "over 1 seed\n" in out and "nan" not in out and "± 0" not in out


def test_a_notebook_has_its_own_grid(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["sweep", "01", "--method", "ce"])
    assert end.value.code == 2 and "01 has a grid of its own: leave out methods" in capsys.readouterr().err


def test_two_settings_of_a_data_set_are_printed_apart(tmp_path, monkeypatch, capsys):
    """Three seeds of each, and not six of both in one column."""
    (tmp_path / "few.toml").write_text("noise_rates = [0.2]\nn_train = 100\n[[grid]]\nepochs = 1\n[[grid]]\nepochs = 2")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    cli.main("sweep few.toml --device cpu".split())
    out = capsys.readouterr().out
    assert "6 runs in artifacts" in out and out.count("digits, epochs 1 digits, epochs 2") == 2
