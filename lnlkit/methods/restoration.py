"""Heads beside a classifier: what its last layers see of an image, and a decoder that restores the image from it."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks


class Seen(NamedTuple):
    """What a network sees of a batch."""

    logits: Tensor  # (B, K)
    features: Tensor  # (B, Q) what goes into its last linear layer: f(x)
    map: Tensor  # (B, C, h, w) its last feature map before pooling; (B, Q, 1, 1) of a network without convolutions


class Views:
    """Looks into a network that ends in a linear layer, without changing it: hooks hand over what passes by.

    The last feature map is the last output of four dimensions, adaptive pooling left out.
    """

    def __init__(self, net: nn.Module):
        linear = [layer for layer in checks.instance(net, "net", nn.Module).modules() if isinstance(layer, nn.Linear)]
        if not linear:
            raise ValueError(f"`net` must end in a linear layer, but {type(net).__name__} has none.")
        self.net, self._passed = net, {}
        linear[-1].register_forward_pre_hook(lambda layer, args: self._passed.update(features=args[0]))
        if any(isinstance(layer, nn.Conv2d) for layer in net.modules()):
            for layer in net.modules():
                if not isinstance(layer, nn.AdaptiveAvgPool2d):
                    layer.register_forward_hook(self._keep_map)

    def _keep_map(self, layer: nn.Module, args: tuple, output: Tensor) -> None:
        if output.ndim == 4:
            self._passed["map"] = output

    def look(self, x: Tensor) -> Seen:
        """What the network sees of images (B, C, H, W) in [0, 1], in the mode that it is in."""
        self._passed.clear()
        logits = self.net(x)
        features = self._passed["features"].float()
        seen = self._passed.get("map", features[:, :, None, None]).float()
        self._passed.clear()  # the graph of a batch must not outlive it
        return Seen(logits, features, seen)


class Decoder(nn.Module):
    """Images (B, C, H, W) in [0, 1] from feature maps (B, c, h, w): D_psi of Paper 03, Eq. (3).

    The paper prints none. Here: upsampling to twice the side, 3x3 convolution, batch norm and ReLU until the side is
    that of the image, with `width` channels in the first block, half as many in the next, 16 at least; then a 3x3
    convolution and a sigmoid.
    """

    def __init__(self, map_shape, image_shape, width: int = 64):
        super().__init__()
        (channels, *small), (out, *large) = _shape(map_shape, "map_shape"), _shape(image_shape, "image_shape")
        width = checks.positive_int(width, "width")
        n = max(1, math.ceil(math.log2(max(a / b for a, b in zip(large, small, strict=True)))))
        self.sides = [[math.ceil(side / 2 ** (n - 1 - i)) for side in large] for i in range(n)]
        widths = [channels, *(max(width // 2**i, min(width, 16)) for i in range(n))]
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in zip(widths, widths[1:], strict=False))  # fmt: skip
        self.last = nn.Conv2d(widths[-1], out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        for sides, block in zip(self.sides, self.blocks, strict=True):
            x = block(F.interpolate(x, size=sides, mode="nearest"))
        return torch.sigmoid(self.last(x))


def _shape(shape, name: str) -> list[int]:
    """Channels, height and width."""
    sizes = [checks.positive_int(size, name) for size in checks.sequence(shape, name)]
    if len(sizes) != 3:
        raise ValueError(f"`{name}` must be (C, H, W), because images are restored, but got {tuple(sizes)}.")
    return sizes
