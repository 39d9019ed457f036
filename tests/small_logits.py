"""Logits, labels and gradients for the tests of losses: 12 examples, 4 classes."""

import torch
from torch import Tensor

B, K = 12, 4


def some_logits(dtype=torch.float64, seed: int = 1, scale: float = 2.0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(B, K, generator=g, dtype=torch.float64)).to(dtype).requires_grad_()


def labels() -> Tensor:
    return torch.arange(B) % K


def gradient(value: Tensor, z: Tensor) -> Tensor:
    return torch.autograd.grad(value.sum(), z)[0]
