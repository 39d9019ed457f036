"""Functions that a notebook derives, taken out of its cells."""

import json
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def names_derived_in(notebook: str) -> dict:
    """The names that the cells tagged `setup` and `derive` of a notebook define, executed in a fresh namespace."""
    namespace = {"__name__": "notebook"}
    for cell in json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]:
        if {"setup", "derive"} & set(cell["metadata"].get("tags", [])):
            exec(compile("".join(cell["source"]), cell["id"], "exec"), namespace)
    return namespace
