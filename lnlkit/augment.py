"""Augmentation of a batch on the device it lives on, drawn anew for every image."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lnlkit import checks, tensors


def random_affine(x: Tensor, generator: torch.Generator, degrees: float = 10.0, shift: float = 0.07,
                  scale: float = 0.1) -> Tensor:  # fmt: skip
    """Each image (B, C, H, W) rotated by up to `degrees`, moved by up to `shift` of its side, scaled by 1 +- `scale`.

    The usual augmentation for handwritten digits; nothing is mirrored, because a mirrored 3 is no digit.
    """
    _check_images(x, generator)
    degrees, shift, scale = (checks.not_negative(value, name) for name, value in
                             {"degrees": degrees, "shift": shift, "scale": scale}.items())  # fmt: skip
    u = torch.rand(4, len(x), generator=generator).to(x.device) * 2 - 1
    angle, size = u[0] * math.radians(degrees), 1 + u[1] * scale
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    theta = torch.stack([cos, -sin, 2 * shift * u[2], sin, cos, 2 * shift * u[3]], 1).view(-1, 2, 3)
    grid = F.affine_grid(theta.to(x.dtype), x.shape, align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)


def crop_flip(x: Tensor, generator: torch.Generator, pad: int = 4) -> Tensor:
    """Each image padded with zeros, cropped back at a random place and mirrored with probability 1/2."""
    _check_images(x, generator)
    checks.count(pad, "pad")
    b, _, h, w = x.shape
    top, left = torch.randint(2 * pad + 1, (2, b), generator=generator).to(x.device)
    mirror = torch.rand(b, generator=generator).to(x.device) < 0.5
    rows = (top[:, None] + torch.arange(h, device=x.device)).view(b, 1, h, 1)
    columns = left[:, None] + torch.arange(w, device=x.device)
    columns = torch.where(mirror[:, None], columns.flip(1), columns).view(b, 1, 1, w)
    images = torch.arange(b, device=x.device).view(b, 1, 1, 1)
    channels = torch.arange(x.shape[1], device=x.device).view(1, -1, 1, 1)
    return F.pad(x, (pad,) * 4)[images, channels, rows, columns]


def _check_images(x, generator) -> None:
    tensors.generator(generator)
    tensors.tensors(x=x)
    if x.ndim != 4 or not x.is_floating_point():
        raise ValueError(f"`x` must be images (B, C, H, W) of floats in [0, 1], but got {x.dtype} of shape "
                         f"{tuple(x.shape)}. Did you mean training.to_unit(x)?")  # fmt: skip


AUGMENTATIONS = {"affine": random_affine, "crop_flip": crop_flip}
