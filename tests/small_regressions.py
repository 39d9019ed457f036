"""Small real regressions for the tests of methods: a function of one input, a small network, well below a second."""

import torch

from lnlkit import models
from lnlkit.data import targets
from lnlkit.training import Recipe


def curve(n: int = 96, rate: float = 0.3, seed: int = 0, function: str = "cosexp") -> targets.NoisyTargets:
    """n points of a function, a share `rate` of them replaced by uniform outliers."""
    return targets.sample(function, n, rate, seed)


def recipe(**changes) -> Recipe:
    def make_net(n_outputs=None):
        return models.regression_mlp(1, n_outputs or 1, hidden=32)

    settings = {"make_optimizer": lambda p: torch.optim.Adam(p, lr=1e-2), "epochs": 3, "batch_size": 32}
    return Recipe(**{"make_net": make_net} | settings | changes)


def constant_recipe(**changes) -> Recipe:
    """A network that is one number when its input is 0: what a loss makes of the targets alone."""

    def make_net(n_outputs=None):
        net = torch.nn.Linear(1, n_outputs or 1)
        torch.nn.init.zeros_(net.bias)
        return net

    return recipe(**{"make_net": make_net} | changes)
