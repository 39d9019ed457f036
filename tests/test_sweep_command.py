"""The command `sweep`: it goes on where it stopped, tells old code from new, and names the runs that failed."""

import os
import signal

import pytest

from lnlkit import cli, methods, papers, pools, records, sweep, tasks
from lnlkit.recorded import making
from lnlkit.run import runner


@pytest.fixture()
def swept(tmp_path, monkeypatch):
    """Configurations that were run, in a folder of its own, instead of the training."""
    done = []

    def record(config, device):
        done.append(config)
        return {"config": config, "device": device}

    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tasks, "record", record)
    monkeypatch.setattr(making, "code_digest", lambda: "newcode")
    return done


@pytest.fixture()
def call(capsys):
    """Calls `lnlkit sweep 01 --scale smoke --device cpu` with more options; status, standard output and error."""

    def _call(options: str) -> tuple[int, str, str]:
        status = 0
        try:
            cli.main(["sweep", "01", "--scale", "smoke", "--device", "cpu", *options.split()])
        except SystemExit as end:
            status = end.code
        return (status, *capsys.readouterr())

    return _call


def test_it_goes_on_where_it_stopped_and_collects_a_table(swept, call, tmp_path, monkeypatch):
    made = {"runs": 3, "planned": 6}
    monkeypatch.setattr(making, "collect", lambda paper, scale, out, *_: {"out": str(out), "made": made})
    assert call("--limit 2")[0] == 0 and len(swept) == 2
    status, out, _ = call("--limit 3 --table t.json")
    assert status == 0 and len(swept) == 3
    assert "3 runs in artifacts/smoke/runs/newcode" in out
    assert records.read(tmp_path / "t.json")["out"].endswith("artifacts/smoke/runs/newcode")


def test_runs_of_other_code_are_made_again_unless_they_are_asked_for(swept, call, tmp_path, monkeypatch):
    call("--limit 3 --out runs")
    monkeypatch.setattr(making, "code_digest", lambda: "newer")
    status, out, _ = call("--limit 1 --out runs")
    assert status == 0 and len(swept) == 4
    first = out.splitlines()[1]
    assert first.startswith("1 of these runs were made by other versions of the code (runs/newcode)")
    assert first.endswith("are made again: --other-code takes them up instead.")
    assert out.splitlines()[0].endswith("; 0 are there.")
    status, out, _ = call("--limit 3 --out runs --other-code")
    assert status == 0 and len(swept) == 4
    assert out.splitlines()[0].endswith("; 3 are there (2 made by other versions of the code).")
    assert out.splitlines()[1:3] == ["2 runs that other versions of the code made are taken up", "3 runs in runs/newer"]
    assert sorted(records.read(path)["code"] for path in (tmp_path / "runs/newer").iterdir()) == [
        "newcode", "newcode", "newer"]


def test_the_folder_that_a_sweep_printed_is_the_same_folder(swept, call):
    call("--limit 2 --out runs")
    said = "2 runs in runs/newcode\n4 of the 6 runs of the grid are missing.\n"
    assert call("--limit 2 --out runs/newcode")[1].endswith(said)
    assert len(swept) == 2


def table(runs: int, **changes) -> dict:
    return {"notebook": "01_cvae_augmentation", "scale": "smoke", "made": {"runs": runs, "planned": 6}} | changes


@pytest.mark.parametrize("content", ["# my notes", "[]", '{"cells": []}', table(1, scale="lab"), {"notebook": "01"},
                                     table(1, notebook="05_choicenet"), table(1, made=[])], ids=str)  # fmt: skip
def test_a_file_that_is_no_such_table_is_not_overwritten(swept, call, tmp_path, content):
    path = tmp_path / "t.json"
    records.write(path, content) if isinstance(content, dict) else path.write_text(content)
    before = path.read_bytes()
    status, out, err = call("--table t.json")
    assert status == 2 and err.startswith("lnlkit: `table` must be a new file, or a recorded table of 01_cvae_aug")
    assert path.read_bytes() == before and not swept and not out and err.count("\n") == 1


def test_a_table_says_what_it_holds_and_loses_no_runs(swept, call, tmp_path, monkeypatch):
    (tmp_path / "t.json").touch()  # as mktemp makes one
    monkeypatch.setattr(making, "collect", lambda *_: table(4))
    assert call("--limit 1 --table t.json")[1].endswith("Table: t.json, with 4 of 6 runs\n")
    monkeypatch.setattr(making, "collect", lambda *_: table(2))
    status, _, err = call("--limit 1 --table t.json")
    assert status == 2 and "`table` must not lose runs, but t.json holds 4 and here are 2" in err
    assert records.read(tmp_path / "t.json")["made"]["runs"] == 4


def test_runs_of_a_table_are_kept_on_demand(swept, call, tmp_path, monkeypatch):
    records.write(tmp_path / "t.json", table(4))
    given = []
    monkeypatch.setattr(making, "collect", lambda *arguments: given.append(arguments[-1]) or table(5))
    assert call("--limit 1 --table t.json --keep")[0] == 0 and call("--limit 1 --table t.json")[0] == 0
    assert given[0]["made"]["runs"] == 4 and given[1] is None
    call("--limit 1 --table new.json --keep")
    assert given[2] is None


def test_a_signal_ends_the_command_and_not_a_run_alone(swept, call, tmp_path, monkeypatch):
    def record(config, device):
        swept.append(config)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(tasks, "record", record)
    assert call("--out runs")[0] == 128 + signal.SIGTERM and len(swept) == 1
    assert list((tmp_path / "runs/newcode").iterdir()) == []


def test_no_more_processes_are_started_than_there_are_runs(swept, call, monkeypatch):
    monkeypatch.setattr(pools, "local_pool", lambda jobs: asked.append(jobs))
    asked = []
    assert call("--limit 2 --jobs 1000")[0] == 0 and asked == [2]


def test_runs_of_before_there_were_folders_for_the_code_count_as_other_code(swept, call, tmp_path):
    call("--limit 1 --out runs")
    (tmp_path / "runs/newcode").rename(tmp_path / "old")
    for path in (tmp_path / "old").iterdir():
        path.rename(tmp_path / "runs" / path.name)
    assert "1 of these runs were made by other versions of the code (runs)" in call("--limit 1 --out runs")[1]
    assert len(swept) == 2


def test_runs_that_fail_are_listed_with_status_1(swept, call, monkeypatch):
    monkeypatch.setattr(tasks, "record", lambda config, device: 1 / 0)
    status, out, err = call("--limit 2")
    assert status == 1 and out.count("failed: ZeroDivisionError: division by zero") == 2
    head, *lines = err.splitlines()
    assert head == "lnlkit: 2 of 2 runs failed. A second call tries them again, and only them:" and len(lines) == 2
    first = tasks.grid(papers.load("01"), "smoke")[0]
    assert "ce digits model_idn 0.1 seed 0" in lines[0] and sweep.key(first) in lines[0]


def test_a_file_of_the_readers_that_is_changed_while_a_sweep_runs_makes_no_more_runs(swept, tmp_path):
    (tmp_path / "mine.py").write_text("from lnlkit.methods import CE\nclass Mine(CE):\n    pass\n")
    study = papers.study.study("mine", {"methods": "mine.py:Mine", "seeds": [0, 1]}, None, lambda name: {
        "needs": [], "file_digest": methods.own.digest(name)})  # fmt: skip
    config = tasks.grid(study, "smoke")[0]
    making.check_files(config)
    (tmp_path / "mine.py").write_text("from lnlkit.methods import CE\nclass Mine(CE):\n    share = 0.5\n")
    with pytest.raises(sweep.FailedRuns, match="mine.py:Mine has been changed since the sweep began, or is another"):
        making.make([config], tmp_path / "runs")
    assert not swept
