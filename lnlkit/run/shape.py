"""What the record of a notebook must look like before anything is printed from it."""

from numbers import Real

from lnlkit import papers, records

NUMBER, MAYBE = (Real,), (Real, type(None))
OPTIONAL = {"config": dict, "described": str, "made_at": str, "cpu_seconds": NUMBER, "calibration_seconds": MAYBE,
            "peak_memory_mb": MAYBE}  # fmt: skip
CLAIM = {"says": str, "place": str, "decided_by": str, "scale": str, "verdict": str, "why": str, "wanted": str,
         "unit": str, "value": MAYBE, "low": MAYBE, "high": MAYBE, "n": NUMBER, "passed": MAYBE, "yours": MAYBE,
         "published": MAYBE}  # fmt: skip
ROW = {"place": str, "unit": str, "row": str, "label": str, "needs": list, "published": str, "n": MAYBE,
       "column": (str, Real), "ours": MAYBE, "ours_sd": MAYBE, "paper": MAYBE, "paper_sd": MAYBE,
       "gap": MAYBE}  # fmt: skip


def read_notebook(path) -> dict:
    """The record of a notebook, every field of its type; raises ValueError naming the file and the field."""
    record = records.read_notebook(path)
    if found := fault(record):
        raise ValueError(f"`{path}` is a damaged record, {found}: delete it and run again.")
    return record


def fault(record: dict) -> str | None:
    """What is wrong with the first field that is not as it must be, None if all are."""
    found = _fault(record, records.NOTEBOOK_KEYS | {key: kind for key, kind in OPTIONAL.items() if key in record}, "")
    for part, fields in (("claims", CLAIM), ("comparison", ROW)):
        for i, entry in enumerate([] if found else record[part]):
            found = found or _fault(entry, fields, f"{part}[{i}].")
    if found:
        return found
    for row in record["comparison"]:
        if not all(isinstance(what, str) for what in row["needs"]):
            return f"with a row that needs {row['needs']!r:.60}"
        if not isinstance(row.get("heading") or row["column"], str if "heading" in row else Real):
            return f"with a column {row['column']!r} of no heading"
    if record["scale"] not in papers.SCALES:
        return f"whose `scale` is {record['scale']!r}"
    odd = next((claim["verdict"] for claim in record["claims"] if claim["verdict"] not in papers.VERDICTS), None)
    return None if odd is None else f"with a verdict {odd!r}"


def _fault(entry, fields: dict, where: str) -> str | None:
    if not isinstance(entry, dict):
        return f"whose `{where[:-1]}` is no mapping but {entry!r:.60}"
    for name, kind in fields.items():
        if name not in entry:
            return f"which has no `{where}{name}`"
        value = entry[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            return f"whose `{where}{name}` is {value!r:.60}"
    return None
