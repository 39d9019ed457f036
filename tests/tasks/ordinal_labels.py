"""A kind of label that the package does not know: ordered levels 0 .. 4, wrong by one level. The data module of it."""

from dataclasses import dataclass

import numpy as np

from lnlkit import checks, seeds
from lnlkit.data.targets import Targets

LEVELS = 5


@dataclass(frozen=True, eq=False)
class NoisyLevels:
    """Inputs (N, 2), observed levels and clean ones, both float32 (N, 1)."""

    x: np.ndarray
    y: np.ndarray
    y_clean: np.ndarray

    def __len__(self):
        return len(self.y)

    def visible(self):
        """What a method may see."""
        return Targets(self.x, self.y)


def sample(n: int, rate: float, seed: int) -> NoisyLevels:
    """n inputs in a square, their level the diagonal that they lie on; a share `rate` is seen one level off."""
    rate = checks.fraction(rate, "rate")
    draw, noise = (np.random.default_rng(seeds.derive(seed, what)) for what in ("subset", "one level off"))
    x = draw.random((n, 2))
    level = np.floor(x.mean(1) * LEVELS)
    off = (noise.random(n) < rate) * noise.choice([-1, 1], n)
    return NoisyLevels(np.float32(x), np.float32(np.clip(level + off, 0, LEVELS - 1)[:, None]),
                       np.float32(level[:, None]))  # fmt: skip
