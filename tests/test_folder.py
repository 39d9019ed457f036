"""Publishing: cut short anywhere, the set is the old or the new one; one run a notebook and folder; scraps go."""

import json
import os
import subprocess
import sys

import psutil
import pytest

from lnlkit import processes, records
from lnlkit.run import folder, runner

NAME = "01_cvae_augmentation"
RECORD = json.loads((runner.root() / "results" / NAME / "smoke.json").read_text())


@pytest.fixture()
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def finished(out, which: str, *more: str):
    """A finished set whose every file says which one it is; `more` are the ends of further files."""
    made = out / f"made {which}"
    made.mkdir()
    for suffix in (".ipynb", *more):
        (made / f"{NAME}{suffix}").write_text(which)
    records.write(made / f"{NAME}.json", {**RECORD, "described": which})
    return made


def whole(out) -> str:
    """Which set is published, once a reader has looked; fails when it is mixed."""
    record, stamp = folder.checked(out / f"{NAME}.json")
    assert stamp["executed"] == folder.digest(out / f"{NAME}.ipynb")
    said = {(out / f"{NAME}{end}").read_text() for end in (".ipynb", ".html") if (out / f"{NAME}{end}").exists()}
    assert said == {record["described"]} == {stamp["which"]}
    return record["described"]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("more", [[".html"], []], ids=["page", "no page"])
@pytest.mark.parametrize("moves", range(7))
def test_a_publication_that_is_cut_short_is_completed_by_whoever_comes_next(out, monkeypatch, moves, more):
    folder.publish(finished(out, "old", ".html"), out, NAME, {"which": "old"})
    new, left = finished(out, "new", *more), [moves]

    def until_killed(source, target, replace=os.replace):
        if str(target).endswith(".run") and str(source).endswith(".tmp"):  # the stamp, written before all moves
            return replace(source, target)
        if not left[0]:
            raise Killed
        left[0] -= 1
        return replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", until_killed)
        try:
            folder.publish(new, out, NAME, {"which": "new"})
        except Killed:
            pass
    if moves % 2:  # the next may be a run of another notebook, too
        folder.sweep_up(out)
        assert not list(out.glob(".*"))
    assert whole(out) == ("old" if moves == 0 else "new")
    assert (out / f"{NAME}.html").exists() == (moves == 0 or bool(more))
    assert not list(out.glob(".*"))


def test_two_complete_the_same_at_once(out, monkeypatch):
    os.replace(finished(out, "new"), out / "made")
    monkeypatch.setattr(folder, "complete", lambda *_: None)
    folder.publish(out / "made", out, NAME, {"which": "new"})
    monkeypatch.undo()
    replace = os.replace

    def after_the_other(source, target):
        monkeypatch.setattr(os, "replace", replace)
        folder.complete(out, NAME)  # the other one is faster
        return replace(source, target)

    monkeypatch.setattr(os, "replace", after_the_other)
    folder.complete(out, NAME)
    assert whole(out) == "new" and not list(out.glob(".*"))


def test_other_files_of_a_notebook_are_published_as_a_set_too(out):
    for which in ("old", "new"):
        made = finished(out, which)
        (made / f"{NAME}.files").mkdir()
        (made / f"{NAME}.files" / f"{which}.csv").write_text(which)
        folder.publish(made, out, NAME, {"which": which})
    assert [path.name for path in (out / f"{NAME}.files").iterdir()] == ["new.csv"]
    folder.publish(finished(out, "newest"), out, NAME, {"which": "newest"})
    assert not (out / f"{NAME}.files").exists()


def test_a_record_that_was_changed_or_never_checked_is_refused(out):
    folder.publish(finished(out, "good"), out, NAME, {"which": "good"})
    path = out / f"{NAME}.json"
    path.write_bytes(path.read_bytes().replace(b"good", b"best"))
    with pytest.raises(ValueError, match=f"`{path}` has not passed the checks of a run, or was changed since"):
        folder.checked(path)
    folder.publish(finished(out, "again"), out, NAME, {"which": "again"})
    assert whole(out) == "again"
    path.with_suffix(".run").unlink()
    with pytest.raises(ValueError, match="has not passed the checks"):
        folder.checked(path)


def test_one_run_a_notebook_and_folder(out, tmp_path):
    with folder.scratch_for(out, NAME) as scratch:
        assert scratch.parent == out and [claim.stem for claim in folder.claims(out)] == [NAME]
        with pytest.raises(folder.RunError, match=f"being run into .* by process {os.getpid()} on .*, started 20"):
            with folder.scratch_for(out, NAME):
                pass
        for other in (f"{NAME}-Copy1", NAME[:-1], "02.x"):
            with folder.scratch_for(out, other):
                assert {claim.stem for claim in folder.claims(out)} == {NAME, other}
        with folder.scratch_for(tmp_path / "elsewhere", NAME):
            pass
    assert not list(out.iterdir())


def test_whoever_looks_last_sees_the_other(out, monkeypatch):
    """Two that make their scratch folders at the same moment: the later one to look gives way, then tries again."""
    other, tries = out / f".{NAME}.{processes.me()}.00000000{folder.SCRATCH}", []

    def wait(_):
        tries.append(sorted(claim.scratch for claim in folder.claims(out)))
        other.rmdir()

    monkeypatch.setattr(folder.time, "sleep", wait)
    other.mkdir()
    with folder.scratch_for(out, NAME):
        pass
    assert tries == [[other]]  # it stepped back before it waited


SLEEPER = "import sys, time; print(1, flush=True); time.sleep(600)"


def test_the_next_run_of_any_notebook_sweeps_up_after_killed_ones(out):
    code = f"""from lnlkit.run import folder
from pathlib import Path
with folder.scratch_for(Path({str(out)!r}), {NAME!r}) as scratch:
    (scratch / "big").write_text("x")
    print(scratch, flush=True)
    input()"""
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    scratch = owner.stdout.readline().strip()
    kernel = subprocess.Popen([sys.executable, "-S", "-c", SLEEPER], stdout=subprocess.PIPE, start_new_session=True,
                              env={**os.environ, "IPYTHONDIR": f"{scratch}/ipython"})  # fmt: skip
    kernel.stdout.readline()
    with folder.scratch_for(out, "02_quality_embedding"):
        assert len(folder.claims(out)) == 2 and kernel.poll() is None  # its owner lives
    owner.kill()
    owner.communicate()
    with folder.scratch_for(out, "02_quality_embedding"):
        assert len(folder.claims(out)) == 1
    assert not psutil.pid_exists(kernel.pid) and not list(out.iterdir())
    kernel.stdout.close()


def test_the_claim_of_another_machine_stands_and_says_how_to_end_it(out):
    (out / f".{NAME}.12345-1700000000-elsewhere.0a1b2c3d{folder.SCRATCH}").mkdir()
    with pytest.raises(folder.RunError, match="process 12345 on elsewhere, .*delete .01_cvae.*scratch there"):
        with folder.scratch_for(out, NAME):
            pass


@pytest.mark.parametrize("stamp", ["", '{"schema": 1}', '{"schema": 1, "set": []}', '{"schema": 1, "set": 3}'])
def test_a_publication_without_a_whole_stamp_stops_nobody(out, stamp):
    folder.publish(finished(out, "good"), out, NAME, {"which": "good"})
    broken = out / f".{NAME}{folder.PUBLISHED}"
    broken.mkdir()
    (broken / f"{NAME}.run").write_text(stamp)
    (broken / f"{NAME}.json").write_text("{}")
    assert whole(out) == "good" and not list(out.glob(".*"))
