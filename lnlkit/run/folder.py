"""The folder that runs publish into: who is at work there, and how a finished set of files takes its place.

A run works in a hidden scratch folder whose name says which process owns it: it is the claim on the notebook, too. What
was made and checked becomes the hidden folder of a publication in one renaming; its files then move to their places one
by one. Whoever comes next, to run or to read, ends a publication that was cut short: the set is the old one or the new.
"""

import contextlib
import hashlib
import os
import random
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from lnlkit import checks, processes, records
from lnlkit.run import shape
from lnlkit.run.job import end_all

SCRATCH, PUBLISHED = ".scratch", ".published"
SET = (".ipynb", ".html", ".files", ".json", ".run")
"""Ends of the names of what a run publishes: the executed notebook, its page, what else the notebook wrote, its record,
and the stamp of the checks, which comes last."""


class RunError(RuntimeError):
    """A run that was refused or failed: one sentence, and where the executed part and the log of a failed one are."""


class Claim(NamedTuple):
    """A scratch folder, the notebook that is run in it, and the process that runs it."""

    scratch: Path
    stem: str
    owner: str


def claims(out_dir) -> list[Claim]:
    """Everyone at work in a folder of results, those whose process has ended among them."""
    found = [path for path in Path(out_dir).glob(f".*{SCRATCH}") if path.is_dir()]
    parts = [(path, path.name[1 : -len(SCRATCH)].rsplit(".", 2)) for path in found]
    return [Claim(path, part[0], part[1]) for path, part in parts if len(part) == 3]


def sweep_up(out_dir: Path) -> None:
    """Ends what killed runs left: their processes, scratch folders, files in the making, and their publications."""
    for claim in claims(out_dir):
        if processes.gone(claim.owner):
            end_all(claim.scratch)
            shutil.rmtree(claim.scratch, ignore_errors=True)
    records.remove_scraps(out_dir)
    for publication in out_dir.glob(f".*{PUBLISHED}"):
        settle(out_dir, publication.name[1 : -len(PUBLISHED)])


@contextlib.contextmanager
def scratch_for(out_dir: Path, stem: str) -> Iterator[Path]:
    """The scratch folder of the one run of a notebook into a folder; raises RunError while another is at it."""
    mine = out_dir / f".{stem}.{processes.me()}.{uuid.uuid4().hex[:8]}{SCRATCH}"
    try:
        checks.writable_folder(out_dir, "out_dir")
        sweep_up(out_dir)
        _claim(mine, stem)
        complete(out_dir, stem)
        yield mine
    finally:
        try:
            shutil.rmtree(mine, ignore_errors=True)
        finally:  # a signal may end the first one in the middle; `cli.main` lets no second one through
            shutil.rmtree(mine, ignore_errors=True)


def _claim(mine: Path, stem: str) -> None:
    """Makes the scratch folder, and looks for others after that: of two runs at once, never both see none.

    Both may see each other: each then steps back and tries again a little later. (One file as a lock would have to be
    taken away from a dead owner, and two runs that do so at once would take it from each other.)
    """
    for _ in range(5):
        try:
            mine.mkdir()
        except OSError as error:  # the folder can be written to: it is the name
            raise ValueError(f"`notebook` must have a name that its folder of results can take, but got {stem:.60} of "
                             f"{len(stem)} letters ({error.strerror}).") from None  # fmt: skip
        others = [claim for claim in claims(mine.parent) if claim.stem == stem and claim.scratch != mine]
        if not others:
            return
        mine.rmdir()
        time.sleep(random.uniform(0, 0.3))
    _, _, owner = others[0]
    pid, started, host = owner.split("-", 2)
    since = datetime.fromtimestamp(int(started)).isoformat(" ", "minutes")
    raise RunError(
        f"{stem} is being run into {mine.parent} by process {pid} on {host}, started {since}: wait until it has ended, "
        f"or name another `out_dir` (if that process is gone, delete {others[0].scratch.name} there)."
    )


def keep_apart(source: Path, out_dir: Path) -> None:
    """Raises ValueError where results would replace a folder, the notebook itself or those of a namesake elsewhere."""
    for suffix in SET:
        if suffix != ".files" and (out_dir / f"{source.stem}{suffix}").is_dir():
            raise ValueError(f"`out_dir` must have room for {source.stem}{suffix}, but {out_dir} holds a folder of "
                             "that name: move it away.")  # fmt: skip
    place = out_dir / f"{source.stem}.ipynb"
    if place.exists() and place.samefile(source):
        raise ValueError(f"`out_dir` must be another folder than the one of the notebook, but got {out_dir}: the "
                         "executed notebook would take the place of yours.")  # fmt: skip
    try:
        way = records.read(out_dir / f"{source.stem}.run").get("source")
    except (FileNotFoundError, ValueError):  # nothing there, or nothing that passed its checks
        return
    other = out_dir.resolve() / str(way)
    if other.is_file() and not other.samefile(source):
        raise ValueError(f"`out_dir` must be another folder than {out_dir}, which holds the results of "
                         f"{os.path.normpath(other)}: those of {source} would take their place.")  # fmt: skip


def seen_from(out_dir: Path, source: Path) -> str:
    """The way from a folder of results to a notebook, so that both may be moved together."""
    try:
        return os.path.relpath(source.resolve(), out_dir.resolve())
    except ValueError:  # on another drive
        return str(source.resolve())


def publish(finished: Path, out_dir: Path, stem: str, stamp: dict) -> None:
    """Puts a finished set of files, with its stamp, in place of the last one."""
    suffixes = [suffix for suffix in SET if (finished / f"{stem}{suffix}").exists()]
    digests = {"record": digest(finished / f"{stem}.json"), "executed": digest(finished / f"{stem}.ipynb")}
    records.write(finished / f"{stem}.run", {**stamp, **digests, "set": [*suffixes, ".run"]})
    os.replace(finished, _publication(out_dir, stem))
    complete(out_dir, stem)


def _publication(out_dir: Path, stem: str) -> Path:
    return out_dir / f".{stem}{PUBLISHED}"


def complete(out_dir: Path, stem: str) -> None:
    """Moves the files of a publication to their places, those that are not there yet, the stamp last."""
    publication = _publication(out_dir, stem)
    if not publication.is_dir():
        return
    with contextlib.suppress(FileNotFoundError):  # another process is completing the same, and was faster
        try:
            suffixes = checks.sequence(records.read(publication / f"{stem}.run").get("set"), "set")
        except (ValueError, TypeError):  # a broken stamp: nobody can say what belongs to the set
            return _remove(publication)
        for suffix in SET:
            new, place = publication / f"{stem}{suffix}", out_dir / f"{stem}{suffix}"
            if suffix not in suffixes or new.is_dir():
                _remove(place)
            if new.exists():
                os.replace(new, place)
    _remove(out_dir / f"{stem}.failed")
    with contextlib.suppress(OSError):
        publication.rmdir()


def settle(out_dir: Path, stem: str) -> None:
    """`complete` for anyone else: while its run is at it, or where nothing can be written, all stays as it is."""
    if not any(claim.stem == stem and not processes.gone(claim.owner) for claim in claims(out_dir)):
        with contextlib.suppress(OSError):
            complete(out_dir, stem)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def checked(path) -> tuple[dict, dict]:
    """A published record and the stamp of its checks. Raises ValueError for one that has none, or another's."""
    path = Path(path)
    for left in (1, 0):
        settle(path.parent, path.stem)
        record = shape.read_notebook(path)
        with contextlib.suppress(FileNotFoundError):
            stamp = records.read(path.with_suffix(".run"))
            if stamp.get("record") == digest(path):
                return record, stamp
        time.sleep(0.2 * left)  # a run may have been publishing between one look and the other
    raise ValueError(f"`{path}` has not passed the checks of a run, or was changed since: make it with `lnlkit run`.")


def digest(path) -> str:
    """Hash of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
