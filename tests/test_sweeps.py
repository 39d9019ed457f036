"""What a sweep prints: plan, time that is left, what is missing."""

from lnlkit import papers, records, tasks
from lnlkit.papers.study import study
from lnlkit.run import sweeps
from lnlkit.sweep import key

RAW = {"methods": ["ce", "gce"], "noise": ["symmetric", "pairflip"], "noise_rates": [0.2], "seeds": [0, 1, 2]}


def made(configs, folder, seconds):
    for config in configs:
        records.write(folder / f"{key(config)}.json", {"config": config, "seconds": seconds[config["row"]]})


def test_the_plan_counts_axes_and_expects_of_a_run_what_its_like_took(tmp_path):
    configs = tasks.grid(study("mine", RAW, papers.rows_by_method()), "lab")
    axes = "Plan: 12 runs (2 methods, 1 data set, 2 kinds of noise, 1 rate, 3 seeds); "
    assert sweeps.plan(configs, tmp_path, 1) == axes + "0 are there."
    of = {row: [config for config in configs if config["row"] == row] for row in ("ce", "gce")}
    made([of["ce"][0], of["gce"][0]], tmp_path, {"ce": 60, "gce": 120})
    assert sweeps.plan(configs, tmp_path, 1) == axes + "2 are there, the others take about 15 min."
    assert sweeps.plan(configs, tmp_path, 3) == axes + "2 are there, the others take about 5 min."
    assert sweeps.missing(configs, tmp_path) == "10 of the 12 runs of the grid are missing."
    made(configs, tmp_path, {"ce": 60, "gce": 120})
    assert sweeps.plan(configs, tmp_path / "new", 1) == axes + "0 are there."
    (tmp_path / "new").mkdir()
    (tmp_path / f"{key(of['ce'][0])}.json").rename(tmp_path / "new" / f"{key(of['ce'][0])}.json")
    said = sweeps.plan(configs, tmp_path / "new", 1, other_code=True)
    assert said == axes + "12 are there (11 made by other versions of the code)."
    (tmp_path / "new" / f"{key(of['ce'][0])}.json").rename(tmp_path / f"{key(of['ce'][0])}.json")
    assert sweeps.plan(configs, tmp_path, 1) == axes + "12 are there." and sweeps.missing(configs, tmp_path) == ""


def test_lines_of_runs_say_how_long_the_others_take_and_others_are_as_they_were():
    now, lines = iter([0, 20, 60, 4000]), []
    say = sweeps.with_time_left(lines.append, clock=lambda: next(now))
    for line in ("1/4  ce: 20 s", "a word", "3/4  gce: 9 s", "4/4  gce: 9 s"):
        say(line)
    assert lines == ["1/4  ce: 20 s; about 60 s left", "a word", "3/4  gce: 9 s; about 20 s left", "4/4  gce: 9 s"]


def test_durations_are_short():
    assert [sweeps.duration(of) for of in (4.4, 89, 600, 7200)] == ["4 s", "89 s", "10 min", "2.0 h"]
