"""EchoMod: change an image until it shows what its label says, and keep the rest of it (Paper 04, Section 4.1).

Whatever has `modify(x, y, seed)` can stand here: the small flow below, or `controlnet.ControlNetEcho`.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lnlkit import checks, seeds
from lnlkit.data import bundles
from lnlkit.methods.flow import FlowNet, generate
from lnlkit.training import TrainingSet, as_images, to_unit


class FlowEcho:
    """Images led by a small class-conditional flow from a noised copy of themselves to their label.

    It stands for the Stable Diffusion with ControlNet of the paper. There the edges of an image control what is made
    of it, here what is left of the image itself: of the way to noise it goes the share `strength`.
    """

    def __init__(self, net: FlowNet, strength: float = 0.7, guidance: float = 2.0, steps: int = 10):
        self.net = checks.instance(net, "net", FlowNet)
        self.strength = checks.fraction(strength, "strength", below_one=False)
        self.guidance = checks.not_negative(guidance, "guidance")
        self.steps = checks.positive_int(steps, "steps")

    def modify(self, x, y, seed: int = 0):
        """uint8 images like x, (N, C, H, W) as a tensor or (N, H, W[, 3]) as an array, that show the classes y (N,)."""
        images = as_images(x)
        checks.same_length(x=images, y=y)
        if tuple(images.shape[1:]) != self.net.image_shape:
            raise ValueError(f"`x` must be images {self.net.image_shape}, as this generator makes them, but got "
                             f"{tuple(images.shape[1:])}.")  # fmt: skip
        draws = torch.Generator().manual_seed(seeds.derive(checks.seed(seed), "EchoMod"))
        y = y.cpu() if isinstance(y, Tensor) else torch.from_numpy(checks.labels(y, "y", self.net.n_classes))
        made = generate(self.net, y, draws, x=to_unit(images.cpu()), strength=self.strength, guidance=self.guidance,
                        steps=self.steps)  # fmt: skip
        made = (255 * made).round().byte()
        return made.to(images.device) if isinstance(x, Tensor) else _as_array(made, np.shape(x))


def _as_array(images: Tensor, shape: tuple) -> np.ndarray:
    """uint8 (N, C, H, W) as an array of that shape, (N, H, W) or (N, H, W, C)."""
    return images.permute(0, 2, 3, 1).reshape(shape).numpy()


def folder_of(data: TrainingSet, seed: int) -> Path:
    """Where ControlNet's images of a set with these labels are kept: rows that differ otherwise share them."""
    content = hashlib.sha256(data.x.cpu().numpy().tobytes() + data.y.cpu().numpy().tobytes() + str(seed).encode())
    return bundles.default_dir() / "controlnet" / content.hexdigest()[:16]
