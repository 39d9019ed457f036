"""Augmentation of a batch on the device it lives on, drawn anew for every image."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lnlkit import checks, tensors
from lnlkit.augment.operations import BINS, OPERATIONS, one_each, put, strengths

__all__ = [
    "AUGMENTATIONS", "OPERATIONS", "apply_operations", "crop_flip", "cutout", "draw_operations", "rand_augment",
    "random_affine",
]  # fmt: skip


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


def cutout(x: Tensor, generator: torch.Generator, side: float = 0.5) -> Tensor:
    """Each image (B, C, H, W) with a black square centred on any of its pixels, cut off at the border.

    side: of the square, as a share of the image's shorter side, in whole pixels. The default is the 16 of 32 pixels
    that DeVries and Taylor (2017) take on CIFAR-10.
    """
    _check_images(x, generator)
    return _blanked(x, generator, checks.fraction(side, "side", below_one=False))


def rand_augment(x: Tensor, generator: torch.Generator, n_ops: int = 2, magnitude: int = 9,
                 cutout: float = 0.0) -> Tensor:  # fmt: skip
    """Each image (B, C, H, W) after `n_ops` of the 14 operations of RandAugment (Cubuk et al. 2020); C is 1 or 3.

    The images are those of torchvision's RandAugment: nearest pixels, black where there are none, 8-bit values.
    magnitude: 0 to 30, of all operations. cutout: side of the square that is blanked afterwards, see `cutout`.
    """
    _check_images(x, generator)
    side = checks.fraction(cutout, "cutout", below_one=False)
    changed = apply_operations(x, draw_operations(len(x), generator, n_ops), magnitude)
    return _blanked(changed, generator, side) if side else changed


def draw_operations(n: int, generator: torch.Generator, n_ops: int = 2) -> Tensor:
    """Operations of n images (n_ops, n): places in OPERATIONS, below 0 where one goes in its other direction."""
    shape = checks.count(n_ops, "n_ops"), checks.count(n, "n")
    tensors.generator(generator)
    operations = torch.randint(len(OPERATIONS), shape, generator=generator)
    return torch.where(torch.rand(shape, generator=generator) < 0.5, operations, -operations)


def apply_operations(x: Tensor, operations: Tensor, magnitude: int = 9) -> Tensor:
    """Images (B, C, H, W) after operations (n_ops, B), row by row, on the CPU: see `draw_operations`.

    One draw can serve several inputs. Without operations the images are as they were, otherwise in 8 bits.
    """
    _check_operations(x, operations)
    if checks.count(magnitude, "magnitude") >= BINS:
        raise ValueError(f"`magnitude` must be a whole number of at most {BINS - 1}, but got {magnitude}.")
    if not operations.numel():
        return x.clone()
    pixels, strength = (x.float() * 255).round().clamp(0, 255), strengths(magnitude, *x.shape[1:])
    for row in operations:
        pixels = one_each(pixels, row, strength)
    return pixels.to(x.dtype) / 255


def _blanked(x: Tensor, generator: torch.Generator, side: float) -> Tensor:
    b, _, h, w = x.shape
    size, inside = round(side * min(h, w)), []
    for n in (h, w):
        place = torch.arange(n) - torch.randint(n, (b, 1), generator=generator) + size // 2  # from the square's edge
        inside.append(put((place >= 0) & (place < size), x.device))
    return x.masked_fill(inside[0][:, None, :, None] & inside[1][:, None, None], 0)


def _check_images(x, generator) -> None:
    tensors.generator(generator)
    _check_batch(x)


def _check_batch(x) -> None:
    tensors.tensors(x=x)
    if x.ndim != 4 or not x.is_floating_point():
        raise ValueError(f"`x` must be images (B, C, H, W) of floats in [0, 1], but got {x.dtype} of shape "
                         f"{tuple(x.shape)}. Did you mean training.to_unit(x)?")  # fmt: skip


def _check_operations(x, operations) -> None:
    _check_batch(x)
    tensors.within(x, "x", 0, 1, "Divide pixels by 255, and normalise them afterwards.")
    tensors.tensors(operations=operations)
    if x.shape[1] not in (1, 3):
        raise ValueError(f"`x` must have 1 or 3 channels, but got shape {tuple(x.shape)}. Did you mean (B, C, H, W)?")
    if operations.dtype != torch.int64 or operations.shape[1:] != (len(x),) or not operations.is_cpu:
        raise ValueError(f"`operations` must be int64 of shape (n_ops, {len(x)}) on the CPU, but got "
                         f"{operations.dtype} of shape {tuple(operations.shape)} on {operations.device}. "
                         "Use augment.draw_operations.")  # fmt: skip
    if operations.numel() and (most := operations.abs().max().item()) >= len(OPERATIONS):
        raise ValueError(f"`operations` must be places in augment.OPERATIONS, up to {len(OPERATIONS) - 1}, but got "
                         f"{most}.")  # fmt: skip


AUGMENTATIONS = {"affine": random_affine, "crop_flip": crop_flip, "cutout": cutout, "rand_augment": rand_augment}
