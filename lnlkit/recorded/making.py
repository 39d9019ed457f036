"""From the records of a sweep to the recorded table of a paper."""

import functools
import hashlib
from pathlib import Path

import lnlkit
from lnlkit import records, tasks
from lnlkit.papers import Paper
from lnlkit.recorded import Recorded, load_raw, runs_of, tidy
from lnlkit.sweep import key, sweep
from lnlkit.tasks.running import distinct


def collect(paper: Paper, scale: str, out_dir, device: str = "cpu") -> dict:
    """The recorded table of a scale, from the run records in `out_dir`, as it is written."""
    planned = {key(config): Path(out_dir) / f"{key(config)}.json" for config in tasks.grid(paper, scale)}
    found = [records.read(path) for path in planned.values() if path.exists()]
    command = f"lnlkit sweep {paper.number} --scale {scale} --table lnlkit/recorded/{paper.key}.json"
    if not found:
        raise FileNotFoundError(f"`out_dir` must hold records of {paper.key} at {scale}, but {out_dir} has none of the "
                                f"{len(planned)}: make them with `{command}`.")  # fmt: skip
    made = {"command": command, "runs": len(found), "planned": len(planned),
            "environments": distinct(record["environment"] for record in found)}  # fmt: skip
    parts = {}
    for task in tasks.TASKS.values():
        own = [record for record in found if tasks.of(record["config"]) is task]
        made |= task.shared(own)
        rows = [task.row(record, key(record["config"])) for record in own]
        parts |= task.fold(own, rows, paper, scale, device)
    return {"schema": records.SCHEMA, "notebook": paper.key, "scale": scale, "made": made, **parts}


def obtain(paper: Paper, scale: str, out_dir, device: str = "cpu", progress=None) -> Recorded:
    """The recorded runs of a scale: the shipped ones where they are of this scale, else swept now (and resumable).

    Runs made by another version of the code are not taken up again: they lie in a folder named after it.
    Raises ValueError when the shipped table was made with other settings than the scale has now.
    """
    try:
        shipped = load_raw(paper.key)
    except FileNotFoundError:
        shipped = {"scale": None}
    configs = tasks.grid(paper, scale)
    if shipped["scale"] == scale:
        stale = {run["key"] for _, run in runs_of(shipped)} - {key(config) for config in configs}
        if stale:
            raise ValueError(
                f"the recorded table of {paper.key} must have the settings of scale {scale}, but {len(stale)} of its "
                f"runs have others: make it again with `{shipped['made']['command']}`.")
        return tidy(shipped)
    folder = Path(out_dir) / code_digest()
    sweep(functools.partial(tasks.record, device=device), configs, folder, progress=progress)
    return tidy(collect(paper, scale, folder, device))


def code_digest() -> str:
    """Hash of the package's source: names the folder of runs that are made on the way."""
    package = Path(lnlkit.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
