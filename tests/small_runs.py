"""Small real runs for the tests of methods: a few hundred digits, a small network, seconds on one core."""

import torch

from lnlkit import data, models, seeds
from lnlkit.training import Recipe, TrainingSet


def digits(n: int = 200, y=None) -> data.NoisyData:
    """The first n training digits with their clean labels, or with the labels given as noisy ones."""
    images = data.load("digits")
    clean = images.y_train[:n]
    return data.NoisyData(images.x_train[:n], clean if y is None else y, clean, 10)


def recipe(network: str = "mlp", **changes) -> Recipe:
    def make_net(n_outputs=None):
        return models.build(network, (1, 8, 8), n_outputs or 10)

    settings = {"make_optimizer": lambda p: torch.optim.Adam(p, lr=3e-3), "epochs": 3, "batch_size": 32}
    return Recipe(**{"make_net": make_net} | settings | changes)


def sgd(lr: float, **settings):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, **settings)


def weights(method, net: int | None = None) -> torch.Tensor:
    """All weights and buffers of a method's networks, or of one of them, in one vector."""
    nets = method.nets_ if net is None else method.nets_[net]
    return torch.cat([v.detach().flatten().double() for v in nets.state_dict().values()])


def untrained(method, data, recipe: Recipe, seed: int = 0):
    """The method as `fit` starts it, before its first step."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive(seed, "initialisation"))
        method.start(recipe, TrainingSet.of(data), torch.Generator().manual_seed(seed))
    return method
