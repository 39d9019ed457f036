"""From the TOML of a paper to the checked `Paper`: what is wrong is refused with the names of the file and the key."""

import dataclasses
import re
import types
import typing
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10: the same parser, which comes with JupyterLab there
    import tomli as tomllib

from lnlkit import checks
from lnlkit.papers.description import (
    COLUMNS_AS,
    DECIDED_BY,
    PUBLISHED,
    SCALES,
    Claim,
    Erratum,
    Paper,
    Row,
    Table,
)

LINES = ("-", "--", "-.", ":")


def parsed(key: str, text: bytes) -> Paper:
    """The Paper in the bytes of a TOML file."""
    return paper_of(key, toml_of(key, text))


def toml_of(key: str, text: bytes) -> dict:
    """The table in the bytes of a TOML file."""
    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except ValueError as error:  # half a file, or no TOML at all
        raise ValueError(f"`{key}.toml` is not a whole TOML file: {str(error).rstrip('.')}.") from None


def paper_of(key: str, raw: dict) -> Paper:
    """A checked Paper from the parsed TOML; raises ValueError naming the file and what is wrong."""
    try:
        for part in ("paper", "rows", "tables", "claims", "scales", "errata"):
            if not isinstance(raw.get(part), dict if part in ("paper", "scales") else list):
                raise ValueError(f"{part!r} is missing, or no table of the kind that is wanted there.")
        rows, claims, errata = ([_made(kind, part, entry) for entry in raw[part]]
                                for kind, part in ((Row, "rows"), (Claim, "claims"), (Erratum, "errata")))  # fmt: skip
        paper = _made(
            Paper, "paper", raw["paper"] | {"scales": raw["scales"], "live": raw.get("live", {})}, key=key,
            rows=_by_id("rows", rows), tables=_by_id("tables", map(_table, raw["tables"])),
            claims=tuple(_by_id("claims", claims).values()), errata=tuple(errata))  # fmt: skip
        _check(paper)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`{key}.toml` does not describe a paper: {error}") from None
    return paper


def _made(kind, part: str, raw: dict, **made):
    """An object of a dataclass from a table of the TOML, whose keys and values must be those of its fields."""
    if not isinstance(raw, dict):
        raise TypeError(f"`{part}` must be a table of keys and values, but got {checks.brief(raw)}.")
    who = f"`{part}`" + (f" {raw['id']!r}" if "id" in raw else "")
    fields = {of.name: of for of in dataclasses.fields(kind) if of.name not in made}
    if unknown := [name for name in raw if name not in fields]:
        raise ValueError(f"{who} has an unknown key {unknown[0]!r}; there are {list(fields)}.")
    hints = typing.get_type_hints(kind)
    for name, of in fields.items():
        optional = of.default is not dataclasses.MISSING or of.default_factory is not dataclasses.MISSING
        if name not in raw and not optional:
            raise ValueError(f"{who} has no {name!r}: it is missing.")
        if name in raw and not _fits(raw[name], hints[name]):
            raise TypeError(f"`{name}` of {who} must be {_words(hints[name])}, but got {checks.brief(raw[name])}.")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}, **made)


def _fits(value, hint) -> bool:
    """Whether a value of a TOML is what the annotation of a field says."""
    of, inside = typing.get_origin(hint), typing.get_args(hint)
    if of in (typing.Union, types.UnionType):
        return any(_fits(value, option) for option in inside)
    if of is dict:
        return isinstance(value, dict) and all(_fits(item, inside[1]) for item in value.values())
    if of in (tuple, list):  # tuple[str, ...], tuple[str, str, str], list[str]
        long = of is list or inside[-1] is Ellipsis or (isinstance(value, (list, tuple)) and len(value) == len(inside))
        return isinstance(value, (list, tuple)) and long and all(_fits(item, inside[0]) for item in value)
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return hint is Any or isinstance(value, hint)


def _words(hint) -> str:
    return getattr(hint, "__name__", str(hint)) if not typing.get_args(hint) else str(hint).replace("typing.", "")


def _by_id(part: str, items) -> dict:
    found = {}
    for item in items:
        if item.id in found:
            raise ValueError(f"the id {item.id!r} is there twice among `{part}`.")
        found[item.id] = item
    return found


def _table(raw: dict) -> Table:
    if not isinstance(raw, dict):
        raise TypeError(f"`tables` must hold tables of keys and values, but got {checks.brief(raw)}.")
    raw = dict(raw)
    rows, columns, place = raw.pop("rows", None), raw.pop("columns", None), raw.get("place", "a table")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
        raise ValueError(f"{place} needs a list of `rows`, each with an `id`.")
    alike = any(_fits(columns, tuple[kind, ...]) for kind in (str, float))
    if not columns or not alike or len(set(columns)) != len(columns):
        raise ValueError(f"the `columns` of {place} must be different numbers or different texts, not {columns!r}.")
    values = {"mean": {}, "sd": {}}
    for row in rows:
        if "mean" not in row:
            raise ValueError(f"row {row['id']!r} of {place} has no `mean`.")
        for name, numbers in row.items():
            if name == "id":
                continue
            if name not in values or row["id"] in values[name]:
                raise ValueError(f"row {row['id']!r} of {place} is there twice, or has an unknown key {name!r}.")
            if not _fits(numbers, tuple[float, ...]):
                raise TypeError(f"`{name}` of row {row['id']!r} of {place} must be numbers, not {numbers!r:.60}.")
            if len(numbers) != len(columns):
                raise ValueError(f"{name} of row {row['id']!r} has {len(numbers)} numbers for {len(columns)} columns.")
            values[name][row["id"]] = tuple(numbers)
    return _made(Table, "tables", raw, columns=tuple(columns), **values)


def _check(paper: Paper) -> None:
    """Raises unless what the parts of a paper say of each other holds."""
    if set(paper.scales) != set(SCALES):
        raise ValueError(f"the scales must be {list(SCALES)}, but are {list(paper.scales)}.")
    for row in paper.rows.values():
        checks.one_of(row.published, f"published of the row {row.id}", PUBLISHED)
        checks.one_of(row.draw[2], f"draw of the row {row.id}", LINES)
    for claim in paper.claims:
        _check_claim(claim)
    for table in paper.tables.values():
        checks.one_of(table.columns_as, "columns_as", COLUMNS_AS)
        for row in sorted({*table.mean, *table.sd} - set(paper.rows)):
            raise ValueError(f"{table.place} has a row {row!r} that is not among the rows.")


def _check_claim(claim: Claim) -> None:
    who = f"claim {claim.id!r}"
    checks.one_of(claim.decided_by, f"decided_by of the {who}", DECIDED_BY)
    for name, measure in (("measure", claim.measure), ("only_if", claim.only_if)):
        if (measure or name == "measure") and not isinstance(measure.get("of"), str):
            raise ValueError(f"the `{name}` of {who} must say what it is `of`, but got {checks.brief(measure)}.")
    if not claim.wanted:
        raise ValueError(f"{who} needs a bound, `at_least` or `at_most`.")
    if claim.decided_by == "benchmark" and not claim.not_tested:
        raise ValueError(f"{who} is decided by a benchmark and needs a reason in `not_tested` for smaller scales.")
    if claim.only_if and not ({"says", "at_least"} <= set(claim.only_if)):
        raise ValueError(f"the `only_if` of {who} needs `says` and `at_least`.")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", claim.since):
        raise ValueError(f"`since` of {who} must be a day such as 2026-11-28, but got {claim.since!r}.")
