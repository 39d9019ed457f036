"""Checks of tensors, in the words of `checks`. Values are looked at on the CPU alone: a GPU would be waited for.

B examples in a batch, K classes.
"""

import numpy as np
import torch
from torch import Tensor

from lnlkit import checks


def tensors(**named) -> None:
    """Raises unless all are tensors."""
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"`{name}` must be a tensor, but got {type(value).__name__}. Use torch.as_tensor.")


def same_shape(**named) -> None:
    """Raises unless all are tensors (B, ...) of one shape."""
    tensors(**named)
    (first, a), *others = named.items()
    if a.ndim < 2:
        raise ValueError(f"`{first}` must have one row per example, but got shape {tuple(a.shape)}.")
    for name, b in others:
        if b.shape != a.shape:
            raise ValueError(f"`{first}` and `{name}` must have the same shape, but got {tuple(a.shape)} and "
                             f"{tuple(b.shape)}.")  # fmt: skip


def labels(y, n_classes: int, name: str = "y") -> Tensor:
    """The class numbers as int64 (B,), each below K; a column (B, 1) too."""
    if not isinstance(y, Tensor):
        return torch.from_numpy(checks.labels(y, name, n_classes))
    y = y.squeeze(1) if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1 or y.is_floating_point() or y.is_complex() or y.dtype == torch.bool:
        checks.labels(y.detach().cpu(), name, n_classes)  # says why not
    if y.is_cpu and y.numel():
        if y.min().item() < 0 or y.max().item() >= n_classes:
            checks.labels(y, name, n_classes)
    return y.long()


def within(x: Tensor, name: str, low: float, high: float = float("inf"), cure: str = "") -> None:
    """Raises if something in it, as far as that is known, lies outside of [low, high], give or take a rounding.

    NaN passes: what a diverging network computes is named by `training.fit`.
    """
    if not (x.is_cpu and x.numel()):
        return
    least, most = (value.item() for value in x.detach().aminmax())
    if least < low - 1e-4 or most > high + 1e-4:
        span = f"at least {low:g}" if high == float("inf") else f"in [{low:g}, {high:g}]"
        raise ValueError(f"`{name}` must hold numbers {span}, but got {least:g} to {most:g}.{cure and ' ' + cure}")


def above_zero(x: Tensor, name: str, what: str) -> None:
    """Raises if one of these, as far as that is known, is not above 0; NaN passes."""
    if x.is_cpu and x.numel() and (least := x.min().item()) <= 0:
        raise ValueError(f"`{name}` must hold {what} above 0, but got {least:g}.")


def transition(T: Tensor, name: str, n_classes: int) -> None:
    """Raises if a matrix that is being learned is none of so many classes, or its rows do not sum to 1; NaN passes."""
    tensors(**{name: T})
    if T.shape != (n_classes, n_classes):
        raise ValueError(f"`{name}` must have shape {(n_classes, n_classes)}, but got {tuple(T.shape)}.")
    if T.is_cpu and (T.min().item() < 0 or (T.sum(1) - 1).abs().max().item() > 1e-4):
        checks.transition_matrix(T.detach(), name)


def scores(p, name: str = "p") -> np.ndarray:
    """Scores or probabilities (N, K) as an array: finite, of at least one example."""
    if isinstance(p, Tensor):
        p = p.detach().cpu()
        p = p.float() if p.dtype == torch.bfloat16 else p                    # which NumPy doesn't know
    p = checks.array(p, name)
    if p.ndim != 2 or not p.size:
        raise ValueError(f"`{name}` must be probabilities (N, K) of at least one example, but got shape {p.shape}.")
    return checks.numbers(p, name)


def generator(rng, name: str = "generator") -> torch.Generator:
    """The torch generator, so that no draw depends on a hidden global state."""
    if not isinstance(rng, torch.Generator):
        raise TypeError(f"`{name}` must be a torch.Generator, but got {checks.brief(rng)}. "
                        "Did you mean torch.Generator().manual_seed(seed)?")  # fmt: skip
    return rng


def distributions(p: Tensor, name: str) -> None:
    """Raises unless rows (B, K) are distributions, as far as that is known; NaN passes."""
    within(p, name, 0, 1)
    if p.is_cpu and p.numel() and (off := (p.detach().float().sum(1) - 1).abs().max().item()) > 1e-2:
        raise ValueError(f"`{name}` must have rows that sum to 1, but one is off by {off:g}.")


def probabilities(p, name: str = "p") -> np.ndarray:
    """Probabilities (N, K) as an array, of at least one example; scores of another kind are none."""
    p = scores(p, name)
    if p.min() < 0 or p.max() > 1 + 1e-4:
        raise ValueError(f"`{name}` must hold probabilities, but got {p.min():g} to {p.max():g}. Are they logits?")
    return p


def wide(x: Tensor) -> Tensor:
    """The tensor in float32, or in float64 if it already was."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()
