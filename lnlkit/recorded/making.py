"""From the records of a sweep to the recorded table of a paper."""

import contextlib
import functools
import hashlib
from pathlib import Path

import lnlkit
from lnlkit import checks, data, records, tasks
from lnlkit.papers import Paper
from lnlkit.recorded import Recorded, load_raw, protocols, runs_of, tidy
from lnlkit.sweep import key, whole_record
from lnlkit.sweep_groups import sweep_groups
from lnlkit.tasks.running import distinct, one_thread

ABOVE_A_RUN = {"__init__", "__main__", "cli", "exercises", "lab", "recorded", "run", "viz", "widgets"}
"""Modules that no number of a run depends on."""
COST = ("cpu_seconds", "together")  # of a run beside its `seconds`, in records that hold them
LOAD_IT = "Use papers.load(...)."


def collect(paper: Paper, scale: str, out_dir, device: str = "cpu", earlier: dict | None = None) -> dict:
    """The recorded table of a scale, from the run records in `out_dir`, as it is written.

    earlier: a table of the same scale whose runs are kept where the grid has them and `out_dir` has no record of them.
    A paper says itself which of its rows compare; the runs of a study carry the name of their `protocol`.
    """
    from lnlkit.training import pick_device

    checks.instance(paper, "paper", Paper, LOAD_IT)
    folder, device = checks.path(out_dir, "out_dir"), pick_device(device)
    planned = {key(config): config for config in tasks.grid(paper, scale)}
    found = [record for name in planned if (record := whole_record(folder / f"{name}.json"))]
    command = f"lnlkit sweep {paper.number} --scale {scale} --table lnlkit/recorded/{paper.key}.json"
    if not found:
        below = {str(path.parent) for name in planned for path in folder.glob(f"*/{name}.json")}
        cure = f"some lie in {' and in '.join(sorted(below))}" if below else f"make them with `{command}`"
        raise FileNotFoundError(f"`out_dir` must hold records of {paper.key} at {scale}, but {out_dir} has none of the "
                                f"{len(planned)}: {cure}.")  # fmt: skip
    rows = [row_of(record, folder) for record in found]
    made = {"command": command, "runs": len(found), "planned": len(planned), **about(found, paper)}
    if paper.is_study:
        rows, made["protocols"] = protocols.named(found, rows)
        earlier = None if earlier is None else protocols.named_later(earlier, planned)
    parts = {}
    for task in tasks.TASKS.values():
        own = [(record, row) for record, row in zip(found, rows, strict=True) if tasks.of(record["config"]) is task]
        of_task, its_rows = [record for record, _ in own], [row for _, row in own]
        made |= task.shared(of_task)
        with one_thread():
            parts |= task.fold(of_task, its_rows, paper, scale, device)
    table = {"schema": records.SCHEMA, "notebook": paper.key, "scale": scale, "made": made, **parts}
    return table if earlier is None else _with_earlier(table, earlier, set(planned))


def about(found: list[dict], paper: Paper | None = None) -> dict:
    """What a table says of its records: machines, codes, and of each row its method, label and what it is told."""
    methods = {}
    for record in found:
        config, row = record["config"], record["config"]["row"]
        of = {"method": config["method"], "needs": record.get("needs"), "oracle": config.get("oracle"),
              "label": paper.rows[row].label if paper and row in paper.rows else None}  # fmt: skip
        methods.setdefault(row, {name: value for name, value in of.items() if value is not None})
    return {"environments": distinct(record["environment"] for record in found),
            "codes": distinct(record.get("code", "unknown") for record in found), "methods": methods}  # fmt: skip


def _with_earlier(table: dict, earlier: dict, planned: set[str]) -> dict:
    """The table with those runs of an earlier one that are planned and not in it, and what is said of them."""
    if (earlier["notebook"], earlier["scale"]) != (table["notebook"], table["scale"]):
        raise ValueError(f"`earlier` must be a table of {table['notebook']} at {table['scale']}, but it is of "
                         f"{earlier['notebook']} at {earlier['scale']}.")  # fmt: skip
    there, kept = {run["key"] for _, run in runs_of(table)}, 0
    for part in {part for task in tasks.TASKS.values() for part in task.PARTS} & set(earlier):
        rows = [run for run in earlier[part] if run["key"] in planned - there]
        kept += len(rows)
        if rows:
            table[part] = table.get(part, []) + rows
    if not kept:
        return table
    names = ("dataset", "noise", "noise_rate", "seed")
    seen = [tuple(matrix[name] for name in names) for matrix in table.get("matrices", [])]
    own = {tuple(run[name] for name in names) for _, run in runs_of(table)}
    more = [matrix for matrix in earlier.get("matrices", []) if (which := tuple(matrix[name] for name in names))
            not in seen and which in own]  # fmt: skip
    table["matrices"] = table.get("matrices", []) + more
    table.setdefault("embedding", earlier.get("embedding"))
    made, before = table["made"], earlier["made"]
    made |= {"runs": made["runs"] + kept, "kept": kept,
             **{name: distinct([*made[name], *before.get(name, ["unknown"])]) for name in ("environments", "codes")}}
    made |= {name: _filled(made.get(name, {}), settings) for name, settings in before.items()
             if isinstance(settings, dict)}  # fmt: skip
    return table


def _filled(new: dict, old: dict) -> dict:
    """The new settings with what only the old ones have."""
    deeper = {name for name in set(new) & set(old) if isinstance(new[name], dict) and isinstance(old[name], dict)}
    return {**old, **new, **{name: _filled(new[name], old[name]) for name in deeper if name not in ("n", "hparams")}}


def row_of(record: dict, folder: Path) -> dict:
    """A record as one row of the table; it must hold all that a run writes down."""
    name = key(record["config"])
    try:
        for part in ("environment", "n", "hparams"):
            record[part]
        return tasks.of(record["config"]).row(record, name) | {of: record[of] for of in COST if of in record}
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError(f"`{folder / name}.json` must hold all of a run, but lacks or has another {error}: delete it, "
                         "and sweep again.") from None  # fmt: skip


def runs_in_table(path, paper: Paper, scale: str) -> int:
    """Number of runs in the table that may be written anew to a path: 0 for no file; any other file is refused."""
    path = checks.writable_file(path, "table")
    if not path.exists() or path.stat().st_size == 0:
        return 0
    with contextlib.suppress(ValueError, KeyError, TypeError):
        old = records.read(path)
        if (old["notebook"], old["scale"]) == (paper.key, scale):
            return int(old["made"]["runs"])
    raise ValueError(f"`table` must be a new file, or a recorded table of {paper.key} at {scale}, but {path} holds "
                     "something else: choose another name, or delete it.")  # fmt: skip


def obtain(paper: Paper, scale: str, out_dir, device: str = "cpu", progress=None) -> Recorded:
    """The recorded runs of a scale: the shipped ones where they are of this scale, else swept now (and resumable).

    Runs made by another version of the code are not taken up (see `make`).
    Raises ValueError when the shipped table was made with other settings than the scale has now.
    """
    checks.instance(paper, "paper", Paper, LOAD_IT)
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
    return tidy(collect(paper, scale, make(configs, out_dir, device, progress=progress), device))


def make(configs: list[dict], out_dir, device: str = "cpu", *, other_code: bool = False, executor=None,
         progress=None) -> Path:  # fmt: skip
    """The folder with the record of every configuration: `<out_dir>/<code_digest()>`; what is there is not made again.

    Runs that other versions of the code made lie beside it, or in `out_dir` itself: they are made again, which
    `progress` is told; `other_code` takes them up instead. Each record says which `code` made it.
    """
    from lnlkit.training import pick_device

    configs = checks.sequence(configs, "configs")
    pick_device(device)  # is there; workers of other machines look for themselves
    code, say = code_digest(), progress or (lambda line: None)
    folder = checks.writable_folder(folder_of(out_dir), "out_dir")
    top = folder.parent
    records.remove_scraps(top)
    others = made_by_other_code(configs, top, code)
    if others and other_code:
        for path in others:
            records.write(folder / path.name, records.read(path))
        say(f"{len(others)} runs that other versions of the code made are taken up")
    elif others:
        where = ", ".join(sorted({str(path.parent) for path in others}))
        say(f"{len(others)} of these runs were made by other versions of the code ({where}) and are made again: "
            "--other-code takes them up instead.")
    fn, groups = functools.partial(_records, device=device, code=code), tasks.groups(configs)
    sweep_groups(fn, groups, folder, executor, progress)
    return folder


def folder_of(out_dir) -> Path:
    """Where the records of this code lie: in `out_dir`, or `out_dir` itself if it is what `make` returned."""
    top = checks.path(out_dir, "out_dir")
    return top if top.name == code_digest() else top / code_digest()


def made_by_other_code(configs: list[dict], top: Path, code: str) -> list[Path]:
    """The newest record by other code of every configuration that this code has not run yet."""
    found = []
    for name in dict.fromkeys(f"{key(config)}.json" for config in configs):
        if not (top / code / name).exists():
            old = sorted([*top.glob(f"*/{name}"), *top.glob(name)], key=lambda path: path.stat().st_mtime)
            found += [path for path in old if whole_record(path)][-1:]
    return found


def _records(configs: list[dict], device: str, code: str) -> list[dict]:
    if code_digest() != code:  # in a worker that was started after the others
        raise RuntimeError("the code was changed while the sweep ran: call it again, so that one code makes all runs.")
    for config in configs:
        check_files(config)
    return [{**record, "code": code} for record in tasks.records_together(configs, device)]


def check_files(config: dict) -> None:
    """Raises where a file of the reader's, method or data set, is not the one that the configuration is of."""
    from lnlkit import methods

    for name, digest in (("method", methods.own.digest), ("dataset", data.own.digest)):
        planned = config.get(f"{name}_file")
        if planned is not None and digest(config[name]) != planned:
            raise RuntimeError(f"{config[name]} has been changed since the sweep began, or is another file on this "
                               "machine: call it again, so that one file makes all runs.")  # fmt: skip


@functools.cache
def code_digest() -> str:
    """Hash of the modules that a run depends on, comments and all: names the folder of the runs that they make.

    It is that of the code which this process has read: what is changed in a file later does not count.
    """
    package = Path(lnlkit.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package)
        if name.parts[0].removesuffix(".py") not in ABOVE_A_RUN:
            digest.update(name.as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]
