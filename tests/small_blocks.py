"""Cholesky blocks with the same initial weights, and methods before their first step, for the tests of ChoiceNet."""

import torch
from small_runs import recipe
from torch import nn

from lnlkit.methods import make
from lnlkit.methods.choicenet import CholeskyBlock
from lnlkit.training import Batch, TrainingSet

Q, D, B = 6, 4, 8  # features, outputs, batch
LABELS = torch.arange(B) % D
MANY = 20_000  # outputs of a block with independent weights: as many draws


def block(n_outputs: int = D, **changes) -> CholeskyBlock:
    """The same initial weights whatever the settings."""
    torch.manual_seed(1)
    return CholeskyBlock(Q, n_outputs, **dict(K=3, tau_inv=1e-4, sigma_z=0.7) | changes)


def features(n: int = B, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(n, Q, generator=torch.Generator().manual_seed(2))


def sampled(cholesky: CholeskyBlock, h: torch.Tensor):
    torch.manual_seed(3)
    return cholesky.mixture(h, sample=True)


def correlated(a: torch.Tensor, b: torch.Tensor) -> float:
    return torch.corrcoef(torch.stack([a, b]))[0, 1].item()


def started(task: str, x, y, authors: bool = False, n_classes: int = D, **settings):
    """A method before its first step on features x, with a body that passes them on; with the authors' choices or not.

    n_classes: in classification.
    """
    name = ("choicenet" if task == "classification" else "choicenet_regression") + authors * "_authors"
    n_classes = n_classes if task == "classification" else None
    method, run = make(name, **settings), recipe(make_net=lambda n: nn.Sequential(nn.Identity(), nn.Linear(Q, n)))
    method.start(run, TrainingSet(x, y, n_classes), torch.Generator())
    return method, Batch(x, y, torch.arange(len(x)))
