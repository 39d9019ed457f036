"""From a folder of run records, a paper's or anybody's, to recorded tables; what is no record is named."""

import dataclasses
from numbers import Real
from pathlib import Path
from typing import NamedTuple

from lnlkit import checks, papers, records, tasks
from lnlkit.recorded import Recorded, checked, making, protocols, tidy
from lnlkit.sweep import key

OWN = "own runs"


class Gathered(NamedTuple):
    """The tables of a folder, a paper's before one of all other runs; {file that was left out: why}; the folder."""

    tables: list[Recorded]
    left_out: dict[str, str]
    folder: Path


def gather(path) -> Gathered:
    """The runs in a folder that `lnlkit sweep` filled, or in the one folder of runs in it.

    A run of a paper's grid goes to the table of that paper; all others, with those of their protocol, to a table of
    their own. Raises FileNotFoundError where there is no run, ValueError where two folders in it hold some.
    """
    folder = _folder(path)
    found, left_out = {}, {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):  # in the making, or a claim
            continue
        try:
            record, row = _whole(file)
            found[file.stem] = record, row
        except (ValueError, TypeError, KeyError, OSError) as error:
            left_out[file.name] = " ".join(str(error).split())
    if not found:
        raise FileNotFoundError(f"`what` must be a folder of run records, as `lnlkit sweep` leaves them, but {path} "
                                f"has none{_examples(left_out)}.")  # fmt: skip
    of_papers = _of_papers(found, folder)
    claimed = {name for _, names in of_papers for name in names}
    rest = {key(protocols.protocol(found[name][0]["config"])) for name in found.keys() - claimed}
    own = [of for of in found.values() if key(protocols.protocol(of[0]["config"])) in rest]
    tables = [table for table, _ in of_papers] + ([_own(own)] if own else [])
    return Gathered(tables, left_out, folder)


def _folder(path) -> Path:
    """The folder itself where it holds files, else the one folder in it that does."""
    folder = checks.path(path, "what")
    below = sorted({file.parent for file in folder.glob("*/*.json")})
    if any(folder.glob("*.json")) or not below:
        return folder
    if len(below) > 1:
        raise ValueError(f"`what` must be one folder of run records, but {path} has several, made by different code: "
                         f"choose one of {', '.join(map(str, below))}.")  # fmt: skip
    return below[0]


def _examples(left_out: dict[str, str]) -> str:
    return f" (left out: {'; '.join(f'{name}: {why}' for name, why in list(left_out.items())[:2])})" if left_out else ""


def _whole(file: Path) -> tuple[dict, dict]:
    """A record and its row of the table; raises with the reason for all that is no whole record of a run."""
    if file.suffix != ".json":
        raise ValueError("no record: its name does not end with .json")
    record = records.read(file)
    if not isinstance(record.get("config"), dict):
        raise ValueError("a record, but of no run: it has no `config`")
    if key(record["config"]) != file.stem:
        raise ValueError(f"its name must be that of its configuration, {key(record['config'])}")
    task = tasks.of(record["config"])
    row = making.row_of(record, file.parent)
    checked({"notebook": OWN, "scale": "", "made": {}, task.PARTS[0]: [row]})
    for name in {*task.METRICS, *making.COST, "seconds"} & row.keys():
        if not (row[name] is None or (isinstance(row[name], Real) and not isinstance(row[name], bool))):
            raise ValueError(f"its {name!r} must be a number, but is {checks.brief(row[name])}")
    return record, row


def _of_papers(found: dict, folder: Path) -> list[tuple[Recorded, set[str]]]:
    """The table of each paper and scale of whose grid there are runs, without maps, and the names of these runs."""
    tables = []
    for name in papers.KEYS:
        for scale in papers.SCALES:
            paper = papers.load(name)
            names = {key(config) for config in tasks.grid(paper, scale)} & found.keys()
            if names:
                plain = {of: value for of, value in paper.scale(scale).items() if of != "embedding"}  # minutes of t-SNE
                paper = dataclasses.replace(paper, scales=paper.scales | {scale: plain})
                raw = making.collect(paper, scale, folder)
                del raw["made"]["command"]  # which makes the kit's own table
                tables.append((tidy(raw), names))
    return tables


def _own(found: list[tuple[dict, dict]]) -> Recorded:
    """A table of runs of nobody's grid, whose rows have one method each, in an order that no file's name decides."""
    found = sorted(found, key=_place)
    names = _names([record for record, _ in found])
    renamed = [record | {"config": record["config"] | {"row": name}}
               for (record, _), name in zip(found, names, strict=True)]  # fmt: skip
    rows = [{of: value for of, value in row.items() if of != "schedule"} | {"row": name}  # it is part of the protocol
            for (_, row), name in zip(found, names, strict=True)]  # fmt: skip
    rows, of_protocols = protocols.named(renamed, rows)
    parts: dict[str, list[dict]] = {}
    for record, row in zip(renamed, rows, strict=True):
        parts.setdefault(tasks.of(record["config"]).PARTS[0], []).append(row)
    made = {"runs": len(found), "protocols": of_protocols} | making.about(renamed)
    return tidy({"notebook": OWN, "scale": "", "made": made, **parts})


def _place(of: tuple[dict, dict]) -> tuple:
    config = of[0]["config"]
    settings = protocols.words(protocols.protocol(config))
    return config["dataset"], settings, config["noise"], config["noise_rate"], config["row"], config["seed"]


def _names(found: list[dict]) -> list[str]:
    """The name of each run's row, with a number where different methods have the same one, as two versions of a file.

    A method that is told the noise rate has it among its hyper-parameters, which differ by that alone.
    """
    seen: dict[str, list[str]] = {}
    names = []
    for record in found:
        config = record["config"]
        hparams = {of: value for of, value in config.get("hparams", {}).items()
                   if not (of == "forget_rate" and value == config["noise_rate"])}  # fmt: skip
        own = {"method": config.get("method"), "hparams": hparams, "file": config.get("method_file"),
               "oracle": config.get("oracle")}  # fmt: skip
        versions = seen.setdefault(config["row"], [])
        if key(own) not in versions:
            versions.append(key(own))
        names.append((config["row"], versions.index(key(own)) + 1))
    return [f"{row}, version {version}" if len(seen[row]) > 1 else row for row, version in names]
