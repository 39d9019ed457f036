"""Functions that a notebook derives, taken out of its cells, and what is compared of them."""

import json
from pathlib import Path

import torch

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def cells_of(notebook: str) -> list[dict]:
    return json.loads((NOTEBOOKS / f"{notebook}.ipynb").read_text(encoding="utf-8"))["cells"]


def outcome_told_in(notebook: str) -> str:
    """What a notebook says above its first picture."""
    return "".join(next(cell["source"] for cell in cells_of(notebook) if cell["id"] == "outcome"))


def names_derived_in(notebook: str) -> dict:
    """The names that the cells tagged `setup` and `derive` of a notebook define, executed in a fresh namespace."""
    namespace = {"__name__": "notebook"}
    for cell in cells_of(notebook):
        if {"setup", "derive"} & set(cell["metadata"].get("tags", [])):
            exec(compile("".join(cell["source"]), cell["id"], "exec"), namespace)
    return namespace


def with_gradients(function, *inputs):
    """Outputs of a function and the gradients of their weighted sum; draws start from the same state."""
    leaves = [value.clone().requires_grad_() for value in inputs]
    torch.manual_seed(3)
    outputs = function(*leaves)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total = sum((out * torch.linspace(-1, 2, out.numel()).view_as(out)).sum() for out in outputs)
    return [*outputs, *torch.autograd.grad(total, leaves)]
