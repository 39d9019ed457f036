"""The 14 operations of RandAugment (Cubuk et al. 2020) on a batch, one an image, as torchvision computes each.

Pixels (B, C, H, W) are whole numbers 0..255 in float32, rounded wherever torchvision rounds. What is drawn stays on the
CPU, so nothing waits for a GPU. Arguments are checked in `lnlkit.augment`.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
BLENDS = ("Brightness", "Color", "Contrast", "Sharpness")
OPERATIONS = ("Identity", *MOVES, *BLENDS, "Posterize", "Solarize", "AutoContrast", "Equalize")
"""What RandAugment may do to an image, in torchvision's words and order."""

BINS = 31
"""Magnitudes are 0 to 30: evenly spaced from nothing to the most that an operation does."""


def strengths(magnitude: int, c: int, h: int, w: int) -> dict[str, float]:
    """What a magnitude means for each operation that has one, on images (c, h, w): degrees, pixels, shares, bits."""
    most = {"ShearX": 0.3, "ShearY": 0.3, "TranslateX": 150 / 331 * w, "TranslateY": 150 / 331 * h, "Rotate": 30.0}
    most |= {"Brightness": 0.9, "Color": 0.9 if c == 3 else 0.0, "Contrast": 0.9,
             "Sharpness": 0.9 if min(h, w) > 2 else 0.0}  # fmt: skip
    found = {name: torch.linspace(0, top, BINS)[magnitude].item() for name, top in most.items()}
    return found | {"Posterize": 8 - round(magnitude / 7.5), "Solarize": 255 - 8.5 * magnitude}


def one_each(pixels: Tensor, operations: Tensor, strength: dict[str, float]) -> Tensor:
    """Pixels after one operation an image, numbered as in OPERATIONS, below 0 for its other direction (B,).

    Images are sorted by operation, so that those of a kind lie side by side and go as one batch.
    """
    kinds, order = operations.abs().sort(stable=True)
    back = (operations[order] < 0).long()
    counts = kinds.bincount(minlength=len(OPERATIONS)).tolist()
    same, moves, blends = counts[0], sum(counts[1:6]), sum(counts[6:10])
    moving, blending = slice(same, same + moves), slice(same + moves, same + moves + blends)
    place = put(order, pixels.device)
    unchanged, moved, blended, *others = pixels[place].split([same, moves, blends, *counts[10:]])
    posterized, solarized, stretched, equalized = others
    out = torch.empty_like(pixels)
    out[place] = torch.cat([
        unchanged,
        _moved(moved, kinds[moving] - 1, back[moving], strength) if moves else moved,
        _blended(blended, counts[6:10], back[blending], strength) if blends else blended,
        _posterized(posterized, strength["Posterize"]),
        torch.where(solarized >= strength["Solarize"], 255 - solarized, solarized),
        _stretched(stretched) if len(stretched) else stretched,
        _equalized(equalized) if len(equalized) else equalized,
    ])  # fmt: skip
    return out


def put(values: Tensor, device: torch.device) -> Tensor:
    """Values drawn on the CPU, on a device that need not have finished its work."""
    return values.to(device, non_blocking=device.type == "cuda")


def _moved(pixels: Tensor, kinds: Tensor, back: Tensor, strength: dict[str, float]) -> Tensor:
    """Sheared, shifted or turned: each pixel is the nearest one to where it comes from, or black."""
    h, w = pixels.shape[2:]
    maps = torch.tensor([[_origin(name, sign * strength[name], h, w) for sign in (1, -1)] for name in MOVES])
    maps = maps / torch.tensor([[w / 2], [h / 2]])  # half an image is 1 in a grid
    a = put(maps[kinds, back], pixels.device)[..., None, None]  # (B, 2, 3, 1, 1)
    right = torch.arange(w, device=pixels.device) - (w - 1) / 2
    down = torch.arange(h, device=pixels.device)[:, None] - (h - 1) / 2
    grid = a[:, :, 0] * right + a[:, :, 1] * down + a[:, :, 2]  # (B, 2, H, W)
    return F.grid_sample(pixels, grid.permute(0, 2, 3, 1), mode="nearest", align_corners=False)


def _origin(name: str, m: float, h: int, w: int) -> list[list[float]]:
    """Where a pixel comes from: the map (2, 3) of its place, in pixels right of and below the middle."""
    cos, sin = math.cos(math.radians(m)), math.sin(math.radians(m))
    return {
        "ShearX": [[1, m, m * h / 2], [0, 1, 0]],                                  # the upper border stays
        "ShearY": [[1, 0, 0], [m, 1, m * w / 2]],                                  # the left border stays
        "TranslateX": [[1, 0, -int(m)], [0, 1, 0]],
        "TranslateY": [[1, 0, 0], [0, 1, -int(m)]],
        "Rotate": [[cos, -sin, 0], [sin, cos, 0]],
    }[name]  # fmt: skip


def _blended(pixels: Tensor, counts: list[int], back: Tensor, strength: dict[str, float]) -> Tensor:
    """Towards black (Brightness), gray (Color), the mean gray (Contrast), the blurred image (Sharpness), or away."""
    bright, colored, contrast, sharp = pixels.split(counts)
    other = torch.cat([torch.zeros_like(bright), _gray(colored).expand_as(colored),
                       _gray(contrast).mean((1, 2, 3), keepdim=True).expand_as(contrast), _blurred(sharp)])  # fmt: skip
    m = torch.tensor([strength[name] for name in BLENDS], dtype=torch.float64)
    ratio = 1 + m.repeat_interleave(torch.tensor(counts)) * (1 - 2 * back)
    own, rest = put(torch.stack([ratio, 1 - ratio]).float(), pixels.device)[..., None, None, None]
    return (own * pixels + rest * other).clamp(0, 255).floor()


def _gray(pixels: Tensor) -> Tensor:
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels.split(1, 1)
    return (0.2989 * red + 0.587 * green + 0.114 * blue).floor()


def _blurred(pixels: Tensor) -> Tensor:
    """The mean of each pixel, counted five times, and its eight neighbours; the border as it is."""
    out = pixels.clone()
    if len(pixels) and min(pixels.shape[2:]) > 2:
        inner = pixels[:, :, 1:-1, 1:-1]
        out[:, :, 1:-1, 1:-1] = ((F.avg_pool2d(pixels, 3, 1, divisor_override=1) + 4 * inner) / 13).round()
    return out


def _posterized(pixels: Tensor, bits: int) -> Tensor:
    step = 2 ** (8 - bits)
    return (pixels / step).floor() * step


def _stretched(pixels: Tensor) -> Tensor:
    """Each channel from 0 to 255 (AutoContrast); one of a single value as it is."""
    low, high = pixels.amin((2, 3), keepdim=True), pixels.amax((2, 3), keepdim=True)
    scaled = ((pixels - low) * (255 / (high - low).clamp(min=1))).clamp(0, 255).floor()
    return torch.where(high > low, scaled, pixels)


def _equalized(pixels: Tensor) -> Tensor:
    """Each channel's histogram flattened; one with fewer than 255 pixels below its brightest value as it is."""
    values = pixels.flatten(2).flatten(0, 1).long()  # (B C, H W)
    histogram = values.new_zeros(len(values), 256).scatter_add_(1, values, torch.ones_like(values))
    brightest = histogram.gather(1, values.amax(1, keepdim=True))
    step = (values.shape[1] - brightest) // 255  # pixels a value
    darker = histogram.cumsum(1) - histogram
    table = ((darker + step // 2) // step.clamp(min=1)).clamp(max=255)
    return torch.where(step > 0, table.gather(1, values), values).view(pixels.shape).to(pixels.dtype)
