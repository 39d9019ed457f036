"""Records are whole or absent, refused by name when foreign, and equal when only timings differ."""

import importlib.metadata
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lnlkit import recorded, records


def test_what_is_written_is_read_back_as_plain_json(tmp_path):
    @dataclass
    class Point:
        x: int

    record = {"a": np.float32(0.5), "b": np.arange(3), "c": (1, 2), "d": Point(7), "e": Path("x/y"),
              "f": [float("nan"), float("inf")], "g": records.MeanSd(1.0, None, 1), 4: "é"}  # fmt: skip
    path = records.write(tmp_path / "deep" / "r.json", record)
    assert records.read(path) == {
        "schema": 1, "a": 0.5, "b": [0, 1, 2], "c": [1, 2], "d": {"x": 7}, "e": "x/y", "f": [None, None],
        "g": {"mean": 1.0, "sd": None, "n": 1}, "4": "é"}  # fmt: skip


def test_a_record_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path):
    path = records.write(tmp_path / "r.json", {"a": 1})
    with pytest.raises(TypeError):
        records.write(path, {"a": object()})
    with pytest.raises(ValueError, match="schema 2, but this lnlkit writes schema 1"):
        records.write(path, {"schema": 2})
    assert records.read(path)["a"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_killed_in_the_middle_of_writing_the_old_record_stays_whole(tmp_path):
    path = records.write(tmp_path / "r.json", {"a": "old"})
    code = f"""
import os, time
from lnlkit import records
def stuck(handle):
    print("in the middle", flush=True)
    time.sleep(3600)
os.fsync = stuck
records.write({str(path)!r}, {{"a": "new" * 100_000}})
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "in the middle\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert records.read(path)["a"] == "old"
    assert [p.name for p in tmp_path.glob("*.json")] == ["r.json"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"schema": 1, "a": [1, 2', "is not a whole JSON record"),
        ("\x00\x01", "is not a whole JSON record"),
        ('{"schema": 1, "a": NaN}', "is not a whole JSON record .NaN is no number of JSON"),
        ('{"schema": 1, "a": [-Infinity]}', "-Infinity is no number of JSON"),
        ('{"schema": 7}', "has schema 7, but this lnlkit reads schema 1"),
        ('{"a": 1}', "has no `schema`"),
        ("[1]", "has no `schema`"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_by_name(tmp_path, text, sentence):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence) as error:
        records.read(path)
    assert str(path) in str(error.value)


def test_a_missing_record_says_how_to_make_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="lnlkit run"):
        records.read(tmp_path / "r.json")
    with pytest.raises(FileNotFoundError, match="lnlkit sweep 77"):
        recorded.load("77")


def test_the_record_of_a_notebook_names_what_is_missing(tmp_path):
    record = records.for_notebook("n", "smoke", [0], config={}, metrics={}, claims=[], comparison=[], started=0.0)
    path = records.write(tmp_path / "n.json", record)
    read = records.read_notebook(path)
    assert read["scale"] == "smoke" and read["calibration_seconds"] == round(records.calibration(), 4) > 0
    del record["claims"], record["metrics"]
    with pytest.raises(ValueError, match="no 'metrics', 'claims'"):
        records.read_notebook(records.write(path, record))


def test_same_result_looks_past_timings_and_nothing_else():
    a = {"made_at": "x", "seconds": 1.0, "acc": [0.5, 0.6], "runs": [{"seconds": 3, "n": 1}], "peak_memory_mb": 5.0,
         "environment": {"torch": "2.4"}}  # fmt: skip
    b = {**a, "made_at": "y", "seconds": 2.0, "runs": [{"seconds": 4, "n": 1}], "peak_memory_mb": 6.0}
    b |= {"cpu_seconds": 1.0, "calibration_seconds": 0.2}
    assert records.same_result(a, b)
    assert records.same_result(a, {**b, "acc": np.array([0.5, 0.6])})
    assert not records.same_result(a, {**b, "acc": [0.5, 0.61]})
    assert not records.same_result(a, {**b, "runs": [{"seconds": 4, "n": 2}]})
    assert not records.same_result(a, {**b, "environment": {"torch": "2.5"}})


def test_processor_time_is_told_at_the_speed_that_goals_are_meant_for(monkeypatch):
    speed = records.CALIBRATION_S
    assert records.at_reference(60, 2 * speed) == 30 and records.at_reference(60, speed) == 60
    assert records.at_reference(60, None) == 60  # records of before carry none
    pieces = iter([0.3, 9.0, 0.2])  # one of three was disturbed
    monkeypatch.setattr(records, "_piece_of_work", lambda: next(pieces))
    assert records.calibration.__wrapped__() == 0.3


def test_mean_and_sd_over_seeds_are_numpys_and_n_is_always_told():
    values = [93.1, 94.7, 92.2]
    got = records.mean_sd(values)
    assert got.mean == pytest.approx(np.mean(values)) and got.sd == pytest.approx(np.std(values, ddof=1))
    assert got.text() == "93.33 ± 1.27 (n = 3)"
    assert records.mean_sd(np.float64(5)).text(1) == "5.0 (n = 1)"
    assert np.isnan(records.mean_sd([1.0, None]).mean)
    with pytest.raises(ValueError, match="at least one"):
        records.mean_sd([])


def test_environment_tells_torchs_version_without_importing_it():
    code = "import sys; from lnlkit import records; print(records.environment()['torch'], 'torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert out == [importlib.metadata.version("torch"), "False"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's own account of the peak")
def test_peak_memory_is_that_of_this_process_not_of_the_one_that_started_it():
    peak = "records.peak_memory_mb()"
    child = f"from lnlkit import records; a = {peak}; x = bytearray(2**26); del x; print(a, {peak})"
    parent = f"import subprocess, sys; x = bytearray(2**28); subprocess.run([sys.executable, '-c', {child!r}])"
    out = subprocess.run([sys.executable, "-c", parent], capture_output=True, text=True, check=True).stdout
    before, after = map(float, out.split())
    assert before < 128
    assert 63 <= after - before <= 80


def test_a_compact_record_is_the_same_record_on_one_line(tmp_path):
    record = {"runs": [{"row": "ce", "history": [0.5, None, 1]}] * 3}
    plain = records.write(tmp_path / "a.json", record)
    compact = records.write(tmp_path / "b.json", record, compact=True)
    assert records.read(plain) == records.read(compact)
    assert len(compact.read_text().splitlines()) == 1 < len(plain.read_text().splitlines())


def test_scraps_of_ended_processes_go_at_once_and_those_of_living_ones_stay(tmp_path):
    code = """
import os, sys
from lnlkit import records
with records.whole_file(sys.argv[1], "wb") as file:
    file.write(b"half")
    os._exit(9)
"""
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.npz")])
    assert len(list(tmp_path.iterdir())) == 2
    with records.whole_file(tmp_path / "b.json") as file:
        file.write("mine")
        records.remove_scraps(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b.json"]


def test_losses_that_diverged_have_a_mean_and_a_deviation():
    assert records.mean_sd([1e200, -1e200]) == (0.0, pytest.approx(2**0.5 * 1e200), 2)
    assert records.mean_sd([1.7e308, 1.7e308]) == (1.7e308, 0.0, 2)


def test_scraps_of_another_machine_go_after_an_hour(tmp_path):
    scrap = tmp_path / ".a.json.1-1700000000-elsewhere.01234567.tmp"
    scrap.write_text("half")
    records.remove_scraps(tmp_path)
    assert scrap.exists()
    os.utime(scrap, (0, 0))
    records.remove_scraps(tmp_path)
    assert not scrap.exists()


def test_a_record_says_how_many_threads_computed_it():
    import torch

    assert records.environment()["threads"] == torch.get_num_threads()


@pytest.mark.parametrize("key, value", [("claims", {}), ("seconds", "12"), ("metrics", None), ("seeds", 3)])
def test_a_damaged_record_of_a_notebook_is_named(tmp_path, key, value):
    record = records.for_notebook("n", "smoke", [0], config={}, metrics={}, claims=[], comparison=[], started=0.0)
    path = records.write(tmp_path / "n.json", record | {key: value})
    with pytest.raises(ValueError, match=f"n.json` is damaged: its '{key}' is"):
        records.read_notebook(path)
