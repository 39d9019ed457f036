"""Which process a file belongs to, and whether it still lives: for files in the making, claims and locks."""

import contextlib
import os
import platform
import re
import threading
import time
from pathlib import Path

FRESH, STALE = 60, 900
"""Seconds after which a claim is touched again, and after which one of another machine is nobody's."""


def me() -> str:
    """The name of this process among all of all machines, fit for a file's name: number, start time, machine."""
    return f"{os.getpid()}-{_start(os.getpid()):.0f}-{_machine()}"


def gone(name: str) -> bool:
    """True when the process of that name (see `me`) has ended; False while it lives, or where that can't be told."""
    found = re.fullmatch(r"(\d+)-(\d+)-(\w+)", name)
    if not found or found[3] != _machine():
        return False
    start = _start(int(found[1]))
    return start is None or abs(start - int(found[2])) > 30  # the clock that start times are told by may be set


def claim(path: Path, owner: str) -> bool:
    """True when the work that a claim file stands for is the owner's to do now; the file says so to all others.

    owner: what tells this piece of work from all others; its processes may be on several machines. The file names the
    process that is at it, too: that one must live for the claim to count, and another one of the owner takes it over.
    """
    for _ in range(2):
        try:
            with open(path, "x") as file:
                file.write(f"{me()}.{owner}")
            return True
        except FileExistsError:
            if taken(path, owner):
                return False
            path.unlink(missing_ok=True)  # its process has ended, or lost its machine
    return False


def claimed(path: Path, owner: str) -> bool:
    """Whether a claim file is the owner's, whichever process of his made it."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition(".")[2] == owner
    except OSError:
        return False


@contextlib.contextmanager
def kept_fresh(path: Path):
    """Touches a claim file while the block is at work, so that other machines know that its owner lives."""
    ended = threading.Event()

    def touch():
        while not ended.wait(FRESH):
            with contextlib.suppress(OSError):
                os.utime(path)

    threading.Thread(target=touch, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def taken(path: Path, owner: str = "") -> bool:
    """True when a claim file is another owner's whose process lives; on another machine, while the file is fresh."""
    try:
        said, age = path.read_text(encoding="utf-8", errors="replace"), time.time() - path.stat().st_mtime
    except OSError:
        return False
    if not re.match(r"\d+-\d+-\w", said):  # just being written, or cut off in the middle of it
        return age < 10
    process, _, whose = said.partition(".")
    return whose != owner and not gone(process) and age < STALE


def _machine() -> str:
    return re.sub(r"[^A-Za-z0-9]", "", platform.node())[:40] or "here"


def _start(pid: int) -> float | None:
    """When a process of this machine was started, in seconds since 1970; None when there is none, or a dead one."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None
