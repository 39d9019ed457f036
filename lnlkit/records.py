"""Run records: every number that a table or a sentence shows comes from one of these JSON files.

A record is a dict of JSON values with `schema`. It is written to a temporary name in the same folder and renamed,
so that a killed run leaves the old file or none, never half a one.
"""

import contextlib
import functools
import importlib.metadata
import json
import math
import os
import platform
import re
import statistics
import sys
import time
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from lnlkit import checks, processes, versions

SCHEMA = 1
TIMINGS = frozenset({"made_at", "seconds", "cpu_seconds", "together", "calibration_seconds", "peak_memory_mb"})
"""Keys that differ between two runs of the same thing; `same_result` looks past them, at any depth."""

NOTEBOOK_KEYS = {"notebook": str, "scale": str, "seeds": list, "metrics": dict, "claims": list, "comparison": list,
                 "environment": dict, "seconds": (int, float)}  # fmt: skip
"""What the record of a notebook holds at least; `claims` are verdicts, `comparison` the paper-against-ours rows."""


def _plain(value):
    """The value as JSON has it: arrays as lists, numbers as Python's, dataclasses and named tuples as dicts."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if hasattr(value, "__dataclass_fields__") and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy scalars and arrays, torch tensors: without importing either
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON knows neither nan nor infinity
    if isinstance(value, Path):
        return str(value)
    return value


def write(path, record: dict, *, compact: bool = False) -> Path:
    """Path of the record, written whole or not at all; nan and infinity become null.

    compact: all on one line, for tables of many runs, which take half the space then.

    Raises TypeError for a value that JSON has no word for, ValueError for a foreign `schema`; nothing is written then.
    """
    path = checks.path(path)
    checks.instance(record, "record", dict)
    if record.get("schema", SCHEMA) != SCHEMA:
        raise ValueError(f"`record` has schema {record['schema']!r}, but this lnlkit writes schema {SCHEMA}.")
    layout = {"separators": (",", ":")} if compact else {"indent": 1}
    try:
        text = json.dumps({"schema": SCHEMA, **_plain(record)}, allow_nan=False, **layout) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"`record` must hold what JSON has words for, but got another value ({error}).") from None
    with whole_file(path) as file:
        file.write(text)
    return path


@contextlib.contextmanager
def whole_file(path, mode: str = "w"):
    """An open file that takes its name when the block ends well; a block that fails, or is killed, leaves none of it.

    mode: "w" for text in UTF-8, "wb" for bytes. Who may read the file is what the umask says of any new file.
    """
    path, mode = checks.path(path), checks.one_of(mode, "mode", ("w", "wb"))
    if path.is_dir():
        raise ValueError(f"`path` must be a file's, but {path} is a folder.")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Same folder, so that the renaming is atomic. The name is hidden and its end foreign: who lists `*.json` or `*.npz`
    # never meets a file in the making, and `remove_scraps` knows those of killed processes.
    temporary = path.with_name(f".{path.name}.{processes.me()}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with open(temporary, mode.replace("w", "x"), encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_scraps(folder) -> None:
    """Removes files in the making whose process has ended, and those of other machines that rest for an hour."""
    for scrap in checks.path(folder, "folder").glob(".*.tmp"):
        made = re.fullmatch(r"\..+\.(\d+-\d+-\w+)\.[0-9a-f]{8}\.tmp", scrap.name)  # by `whole_file`, not by the user
        with contextlib.suppress(OSError):  # another process may have removed it, or own it
            if made and (processes.gone(made[1]) or time.time() - scrap.stat().st_mtime > 3600):
                scrap.unlink()


def read(path) -> dict:
    """The record in a file. Raises FileNotFoundError, or ValueError naming a broken file or an unknown schema."""
    path = checks.path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_no_constant)
    except FileNotFoundError:
        raise FileNotFoundError(f"No record at `{path}`: make it with `lnlkit run`.") from None
    except OSError as error:
        raise ValueError(f"`{path}` can't be read as a record: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # neither text nor JSON
        raise ValueError(f"`{path}` is not a whole JSON record ({error}): delete it and run again.") from None
    if not isinstance(record, dict) or "schema" not in record:
        raise ValueError(f"`{path}` is not a record of lnlkit: it has no `schema`.")
    if record["schema"] != SCHEMA:
        raise ValueError(
            f"`{path}` has schema {record['schema']!r}, but this lnlkit reads schema {SCHEMA}: "
            "use the lnlkit that wrote it, or run again."
        )
    return record


def _no_constant(name: str):
    raise ValueError(f"{name} is no number of JSON")


def read_notebook(path) -> dict:
    """The record of a notebook; raises ValueError naming what is missing (see NOTEBOOK_KEYS)."""
    record = read(path)
    missing = [key for key in NOTEBOOK_KEYS if key not in record]
    if missing:
        raise ValueError(f"`{path}` is not the record of a notebook: it has no {', '.join(map(repr, missing))}.")
    broken = [key for key, kind in NOTEBOOK_KEYS.items() if not isinstance(record[key], kind)]
    if broken:
        raise ValueError(f"`{path}` is damaged: its {broken[0]!r} is {record[broken[0]]!r:.80}. Run it again.")
    return record


def for_notebook(notebook, scale, seeds, *, config, metrics, claims, comparison, started, **more) -> dict:
    """The record of a notebook, ready for `write`: what was run, what came out, where and how long.

    started: `time.perf_counter()` at the top of the notebook; claims: verdicts of `papers.judge`;
    comparison: rows of `papers.compare`.
    """
    found = {"notebook": notebook, "scale": scale, "seeds": checks.seed_list(seeds), "config": config,
             "metrics": metrics, "claims": claims, "comparison": comparison}  # fmt: skip
    for name, value in found.items():
        checks.instance(value, name, NOTEBOOK_KEYS.get(name, dict))
    checks.not_negative(started, "started")
    return {
        **found, **more,
        "environment": versions.watched() | environment(),
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time(), 2),
        "peak_memory_mb": peak_memory_mb(),
        "calibration_seconds": round(calibration(), 4),  # last: its own time is not the notebook's
    }  # fmt: skip


def _version(package: str):
    module = sys.modules.get(package)
    if module is not None and hasattr(module, "__version__"):
        return str(module.__version__)
    names = {"sklearn": "scikit-learn"}
    try:
        return importlib.metadata.version(names.get(package, package))
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _device() -> str:
    torch = sys.modules.get("torch")  # who has not imported torch has not used a GPU
    return torch.cuda.get_device_name(0) if torch is not None and torch.cuda.is_available() else "cpu"


def environment() -> dict:
    """Versions and machine of this process, and the threads that torch computes with here: None without torch.

    Imports nothing heavy: torch's version comes from its metadata.
    """
    affinity, torch = getattr(os, "sched_getaffinity", None), sys.modules.get("torch")
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in ("lnlkit", "numpy", "torch", "torchvision", "sklearn")},
        "device": _device(),
        "cpu": _cpu(),
        "cores": len(affinity(0)) if affinity else os.cpu_count(),
        "threads": torch.get_num_threads() if torch is not None else None,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def peak_memory_mb():
    """Largest resident memory of this process so far, in MB (2**20 bytes); None where the system does not tell."""
    try:  # not getrusage: its maximum is handed down from the process that started this one
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


CALIBRATION_S = 0.1
"""What `calibration` gives on the machine that the goals for processor time are meant for."""


@functools.cache
def calibration() -> float:
    """Processor seconds of a fixed piece of work: how slow this machine is just now, as one number.

    Processor times of two machines, or of a quiet and a busy one, compare once they are divided by it.
    """
    return statistics.median(_piece_of_work() for _ in range(3))


def _piece_of_work(rounds: int = 110) -> float:
    """Processor seconds of sorting, arithmetic, small matrix products (NumPy, one thread) and plain Python."""
    import numpy as np

    x, a = np.linspace(0, 1, 2**14), np.eye(60) + 1 / 60
    began = time.process_time()
    for _ in range(rounds):
        x = np.sort(np.sin(1000 * x))
        np.exp(-x).sum()
        for _ in range(60):
            a @ a
        sum(i * i for i in range(1000))
    return time.process_time() - began


def at_reference(cpu_seconds: float, calibration_seconds: float | None) -> float:
    """Processor seconds as they would be where `calibration` gives CALIBRATION_S; as they are when it is not known."""
    checks.not_negative(cpu_seconds, "cpu_seconds")
    checks.not_negative(calibration_seconds or 0, "calibration_seconds")
    return cpu_seconds * CALIBRATION_S / calibration_seconds if calibration_seconds else cpu_seconds


def _without_timings(value):
    if isinstance(value, dict):
        return {key: _without_timings(item) for key, item in value.items() if key not in TIMINGS}
    return [_without_timings(item) for item in value] if isinstance(value, list) else value


def same_result(a: dict, b: dict) -> bool:
    """True when two records are equal apart from time stamps, timings and memory."""
    return _without_timings(_plain(a)) == _without_timings(_plain(b))


class MeanSd(NamedTuple):
    """Mean and standard deviation (n - 1) over n seeds; sd is None for n = 1, where there is none."""

    mean: float
    sd: float | None
    n: int

    def text(self, digits: int = 2) -> str:
        """`97.02 ± 0.11 (n = 3)`; n is always printed."""
        spread = "" if self.sd is None else f" ± {self.sd:.{digits}f}"
        return f"{self.mean:.{digits}f}{spread} (n = {self.n})"


def mean_sd(values) -> MeanSd:
    """Mean, standard deviation and n of a number or of one value per seed; nan when any value is not finite."""
    found = _plain(values)
    values = [float("nan") if value is None else value for value in (found if isinstance(found, list) else [found])]
    if not values:
        raise ValueError("`values` must hold at least one number, but is empty.")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"`values` must be a number, or one number per seed, but got {value!r}.")
    if len(values) == 1:
        return MeanSd(math.fsum(values), None, 1)
    unit = 2.0**600 if max(map(abs, values)) > 1e150 else 1.0  # the squares of a loss that diverged overflow
    scaled = [value / unit for value in values]
    mean = math.fsum(scaled) / len(scaled)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in scaled) / (len(scaled) - 1))
    return MeanSd(unit * mean, unit * sd, len(scaled))
