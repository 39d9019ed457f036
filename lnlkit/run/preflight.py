"""`lnlkit check`: whether this machine can run the labs, a line a question with its cure, and what each will take."""

import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lnlkit import versions
from lnlkit.run import probes

OK, WARNING, PROBLEM = "ok", "warning", "problem"
HOSTS = ("jupyterlab", "papermill")
"""Declared packages that open and run notebooks: those of another Jupyter, such as Colab's, do as well."""
WIDGETS_IN_LAB_4 = {7: ((1, 1, 11), (2,)), 8: ((3, 0, 8), (4,))}
"""By ipywidgets' major version: from and below which jupyterlab_widgets shows its sliders in JupyterLab 4."""
SCALES = ("smoke", "lab")
DISK_MB, LITTLE_DISK_MB = 100, 1000
BUSY = 1.5
"""How much longer a notebook may take for other programs' sake before it is said."""
MB = 2**20
NOTE = "Minutes are of a processor that does nothing else; memory is the kernel's, without browser and JupyterLab."


class Line(NamedTuple):
    """An answer: ok, warning or problem; what was looked at; what was found; what to do about it."""

    state: str
    what: str
    found: str
    cure: str = ""


@dataclass(frozen=True)
class Need:
    """What a recorded run of a notebook took, and the data sets that it reads from files."""

    notebook: str
    scale: str
    cpu_seconds: float | None
    calibration_seconds: float | None
    memory_mb: float | None
    data_sets: tuple[str, ...] = ()


def guarded(what: str, check: Callable[[], list[Line]]) -> list[Line]:
    """The lines of a check; one that fails itself is a problem and no traceback."""
    try:
        return check()
    except Exception as error:
        said = f"{(str(error).strip().splitlines() or [''])[0]:.120}"
        return [Line(PROBLEM, what, f"can't be looked at ({type(error).__name__}: {said})", "cure that first")]


def needs(notebooks: list[str]) -> tuple[list[Need], list[Line]]:
    """What the recorded runs of notebooks in results/ took, and a line for each record that is broken or missing."""
    from lnlkit.run import runner

    found, odd = [], []
    for name in notebooks:
        for scale in SCALES:
            path = runner.root() / "results" / name / f"{scale}.json"
            try:
                found.append(_need(path, name, scale))
            except (ValueError, FileNotFoundError) as error:
                odd.append(Line(WARNING, f"results of {name[:2]}", str(error), "it is left out below"))
    return found, odd


def _need(path: Path, name: str, scale: str) -> Need:
    from lnlkit import data
    from lnlkit.run import runner, shape

    record = shape.read_notebook(path)
    sets = tuple(of for of in runner.data_sets(name, scale) if data.files(of))
    costs = (record.get(key) for key in ("cpu_seconds", "calibration_seconds", "peak_memory_mb"))
    return Need(name, scale, *costs, sets)


def python() -> list[Line]:
    """Python's version."""
    version, lowest = ".".join(map(str, sys.version_info[:3])), versions.declared()
    if versions.older("python", version, lowest):
        return [Line(PROBLEM, "Python", f"{version} is too old", f"use Python {lowest['python']} or newer")]
    return [Line(OK, "Python", f"{version} ({sys.executable})")]


def packages() -> list[Line]:
    """Versions of the declared packages; newer ones than tested are none the worse for it."""
    lowest = {name: bound for name, bound in versions.declared().items() if name != "python"}
    found, lines = {name: versions.installed(name) for name in lowest}, []
    for name, version in found.items():
        cure = f'{sys.executable} -m pip install -U "{name}>={lowest[name]}"'
        if version is None:
            use = "; only `make lab` and `lnlkit run` need it" if name in HOSTS else ""
            lines.append(Line(WARNING if name in HOSTS else PROBLEM, name, f"is not installed{use}", cure))
        elif versions.older(name, version, lowest):
            lines.append(Line(PROBLEM, name, f"{version} is too old", cure))
    shown = ", ".join(f"{name} {found[name]}" for name in ("torch", *HOSTS) if found.get(name))
    return lines or [Line(OK, "packages", f"all {len(found)} are there and new enough ({shown})")]


def widgets() -> list[Line]:
    """Whether JupyterLab shows the sliders of this ipywidgets."""
    found = {name: versions.installed(name) for name in ("ipywidgets", "jupyterlab", "jupyterlab_widgets")}
    of, lab, shower = (versions.numbers(version) if version else None for version in found.values())
    said = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    if not of or not lab:
        return [Line(OK, "widgets", f"{said or 'none'}: nothing to match here")]
    first, end = WIDGETS_IN_LAB_4.get(of[0], ((0,), (999,)))
    if lab[0] < 4 or (shower and first <= shower < end):
        return [Line(OK, "widgets", said)]
    cure = f'{sys.executable} -m pip install -U "ipywidgets>=8" jupyterlab_widgets, then restart JupyterLab'
    return [Line(PROBLEM, "widgets", f"JupyterLab won't show sliders ({said})", cure)]


def memory(wanted: list[Need]) -> list[Line]:
    """Free memory against the largest notebook at the scale."""
    free = probes.free_memory() / MB
    short = [need for need in wanted if (need.memory_mb or 0) > free]
    most = max((need.memory_mb or 0 for need in wanted), default=0)
    if not short:
        return [Line(OK, "memory", f"{free:.0f} MB free; a notebook takes up to {most:.0f}")]
    names = ", ".join(need.notebook[:2] for need in short)
    return [Line(PROBLEM, "memory", f"{free:.0f} MB free, too little for {names} (up to {most:.0f} MB)",
                 "close other programs and kernels, or use --scale smoke")]  # fmt: skip


def disk(folder: Path) -> list[Line]:
    """Room where results are written."""
    free = shutil.disk_usage(_existing(folder)).free / MB
    if free >= LITTLE_DISK_MB:
        return [Line(OK, "disk", f"{free / 1000:.0f} GB free")]
    return [Line(PROBLEM if free < DISK_MB else WARNING, "disk", f"{free:.0f} MB free in {_existing(folder)}",
                 "make room: a gigabyte is enough for results and data")]  # fmt: skip


def processors() -> list[Line]:
    """How many there are, and whether others use them."""
    count = probes.processors()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    found = f"{count}; each notebook computes with one thread"
    if (longer := (load + 1) / count) > BUSY:
        cure = f"close other programs, or expect about {longer:.1f} times the minutes below"
        return [Line(WARNING, "processors", f"{found}; others keep them busy (load {load:.1f})", cure)]
    return [Line(OK, "processors", found)]


def data_sets(wanted: list[Need]) -> list[Line]:
    """Whether the files that the notebooks read at the scale are here."""
    from lnlkit import data
    from lnlkit.data import bundles

    names = list(dict.fromkeys(name for need in wanted for name in need.data_sets))
    states = {row["name"]: row["state"] for row in data.available()}
    lines = []
    for name in names:
        if states[name].startswith("broken"):
            lines.append(Line(PROBLEM, f"data set {name}", "is damaged", states[name].removeprefix("broken: ")))
        elif states[name].startswith("not here"):
            by = ", ".join(need.notebook[:2] for need in wanted if name in need.data_sets)
            file = next(path for path in data.files(name) if not path.exists())
            cure = f"`lnlkit data prepare {name}` with internet, or copy {file.name} into {file.parent}"
            state, then = (PROBLEM, "LNLKIT_OFFLINE is set") if bundles.offline() else (WARNING, "will be downloaded")
            lines.append(Line(state, f"data set {name}", f"is not here, and {then}; needed by {by}", cure))
    where = f" in {data.default_dir()}" if names else ""
    return lines or [Line(OK, "data sets", f"{', '.join(names) or 'none'} needed from files, all here{where}")]


def writable(folders: list[Path]) -> list[Line]:
    """Whether results and notebooks can be written."""
    for folder in map(_existing, folders):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            return [Line(PROBLEM, "folder", f"{folder} can't be written ({error.strerror})",
                         "copy the kit to a folder of your own")]  # fmt: skip
    return [Line(OK, "folder", f"{_existing(folders[0])} can be written")]


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def torch() -> list[Line]:
    """Whether torch works, and with what."""
    try:
        found = probes.torch()
    except probes.Broken as error:
        cure = f"{sys.executable} -m pip install --force-reinstall torch torchvision; notebook 00 can do without"
        return [Line(PROBLEM, "torch", f"does not work ({error})", cure)]
    if found["gpu"] is None:
        return [Line(OK, "GPU", "none; only the scale `paper` needs one")]
    return [Line(OK, "GPU", f"{found['gpu']}, {found['gpu_memory'] / MB / 1000:.0f} GB free")]


def kernel() -> list[Line]:
    """Whether Jupyter's kernel starts and moves a slider."""
    try:
        return [Line(OK, "kernel", f"python3 started and moved a slider, {probes.kernel():.0f} s")]
    except probes.Broken as error:
        cure = f"{sys.executable} -m ipykernel install --user; `jupyter kernelspec list` shows what else has the name"
        return [Line(PROBLEM, "kernel", f"python3: {error}", cure)]


def answers(scale: str, found: list[Need], folder: Path) -> Iterator[Line]:
    """The answers to all questions, for the notebooks at a scale. The two slow ones are asked side by side."""
    wanted = [need for need in found if need.scale == scale]
    quick = {"Python": python, "packages": packages, "widgets": widgets, "memory": partial(memory, wanted),
             "disk": partial(disk, folder / "artifacts"), "processors": processors,
             "data sets": partial(data_sets, wanted),
             "folder": partial(writable, [folder / "artifacts", folder / "notebooks"])}  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(guarded, what, check) for what, check in (("torch", torch), ("kernel", kernel))]
        for what, check in quick.items():
            yield from guarded(what, check)
        for future in waiting:
            yield from future.result()
    yield Line(OK, "internet", "not needed once the data sets are here")


def table(found: list[Need], here: float | None) -> list[str]:
    """What each notebook takes here: recorded processor time, times the speed of this machine against that of then."""
    from lnlkit.run import report

    rows = [[need.notebook, need.scale, minutes(need, here), "?" if need.memory_mb is None else f"{need.memory_mb:.0f}",
             ", ".join(need.data_sets) or "built in"] for need in found]  # fmt: skip
    return report.grid([["notebook", "scale", "minutes here", "memory, MB", "data sets"], *rows])


def minutes(need: Need, here: float | None) -> str:
    """Minutes of processor time of a notebook here, such as "2.7"; as recorded where a speed is not known."""
    if need.cpu_seconds is None:
        return "?"
    known = here and need.calibration_seconds
    return f"{need.cpu_seconds * (here / need.calibration_seconds if known else 1) / 60:.1f}"


def _speed() -> float | None:
    """What the calibration loop takes here; None where it can't run."""
    from lnlkit import records

    try:
        return records.calibration()
    except Exception:  # NumPy is broken: a line says so
        return None


def check(notebooks: list[str], scale: str, say: Callable[[str], None]) -> bool:
    """Says all lines and the table; True when there is no problem. notebooks: such as "01", none for all of them."""
    try:
        from lnlkit import checks
        from lnlkit.run import runner
    except Exception as error:  # NumPy is missing, or the like
        said = [*guarded("Python", python), *guarded("packages", packages),
                Line(PROBLEM, "lnlkit", f"can't be imported ({type(error).__name__}: {error})", "see above")]
        return _verdict(list(_told(said, say)), scale, say)
    checks.one_of(scale, "scale", SCALES)
    names = [runner.find(name).stem for name in notebooks]
    results = runner.root() / "results"
    here = _speed()  # before anything else is at work
    found, odd = needs(names or sorted(path.name for path in results.glob("[0-9]*") if path.is_dir()))
    if not found and not odd:
        odd = [Line(WARNING, "results", f"no recorded runs in {results}", "call this in a checkout of lnlkit")]
    said = [*_told(odd, say), *_told(answers(scale, found, runner.root()), say)]
    if found:
        say("\n" + "\n".join([*table(found, here), NOTE]))
    return _verdict(said, scale, say)


def _told(lines: Iterable[Line], say: Callable[[str], None]) -> Iterator[Line]:
    for line in lines:
        say(text(line))
        yield line


def _verdict(said: list[Line], scale: str, say: Callable[[str], None]) -> bool:
    bad = [line.what for line in said if line.state == PROBLEM]
    say(f"\nProblems: {', '.join(bad)}." if bad else f"\nNo problem: this machine can run the notebooks at {scale}.")
    return not bad


def text(line: Line) -> str:
    """A line as it is printed; its cure stands below."""
    first = f"{line.state:8}{line.what}: {line.found}"
    return "\n".join([first, *textwrap.wrap(f"-> {line.cure}", 110, initial_indent=" " * 8, subsequent_indent=" " * 11)]
                     if line.cure else [first])  # fmt: skip
