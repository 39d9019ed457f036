"""Small real runs for the tests of methods: a few hundred digits, a small network, seconds on one core."""

import functools

import numpy as np
import torch

from lnlkit import data, models, noise, seeds
from lnlkit.methods import make
from lnlkit.training import Recipe, TrainingSet, fit


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


def two_fifths_wrong(seed: int, n: int = 800) -> data.NoisyData:
    """The first n training digits with 40 % symmetric noise."""
    clean = digits(n).y
    return digits(n, noise.corrupt(clean, noise.symmetric(10, 0.4), np.random.default_rng(seed)))


@functools.cache
def last_accuracy(name: str, seed: int, epochs: int = 40, **hparams) -> float:
    """Accuracy on unseen digits, in per cent, after the last epoch of a run on `two_fifths_wrong`."""
    method, unseen = make(name, **hparams), data.load("digits")
    fit(method, two_fifths_wrong(seed), recipe(epochs=epochs), seed=seed)
    return 100 * float((method.predict(unseen.x_test).argmax(1).numpy() == unseen.y_test).mean())
