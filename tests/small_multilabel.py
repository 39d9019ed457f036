"""Small real data with several labels an example for the tests of methods: digits of scikit-learn, tiny networks."""

import numpy as np
import torch

from lnlkit import data, models, noise
from lnlkit.data.label_vectors import NoisyLabelVectors
from lnlkit.training import Recipe


def _noisy(x, clean, rate, seed) -> NoisyLabelVectors:
    y = noise.permute_labels(clean, rate, np.random.default_rng(seed))
    return NoisyLabelVectors(x, y, clean, clean.shape[1])


def digits(n: int = 200, rate: float = 0.0, seed: int = 0, test: bool = False) -> NoisyLabelVectors:
    """The first n digits, uint8 (n, 8, 8), with one-hot labels (n, 10), each permuted with probability `rate`."""
    images = data.load("digits")
    x, y = (images.x_test, images.y_test) if test else (images.x_train, images.y_train)
    return _noisy(x[:n], np.eye(10, dtype=np.uint8)[y[:n]], rate, seed)


def pairs(n: int = 200, rate: float = 0.0, seed: int = 0, test: bool = False) -> NoisyLabelVectors:
    """n pairs of digits side by side, uint8 (n, 8, 16), with one or two labels each, (n, 10)."""
    images = data.load("digits")
    x, y = (images.x_test, images.y_test) if test else (images.x_train, images.y_train)
    left, right = np.random.default_rng(seed).integers(0, len(x), (2, n))
    one_hot = np.eye(10, dtype=np.uint8)
    return _noisy(np.concatenate([x[left], x[right]], 2), one_hot[y[left]] | one_hot[y[right]], rate, seed)


def features(examples: NoisyLabelVectors) -> NoisyLabelVectors:
    """The same examples as float32 features (N, d)."""
    x = (examples.x.reshape(len(examples.x), -1) / 255).astype(np.float32)
    return NoisyLabelVectors(x, examples.y, examples.y_clean, examples.n_classes)


def recipe(examples: NoisyLabelVectors, network: str = "mlp", **changes) -> Recipe:
    """Adam and a small network for these examples: by name for images, one hidden layer for features."""
    n_classes, shape = examples.n_classes, examples.x.shape[1:]

    def make_net(n_outputs=None):
        if len(shape) > 1:
            return models.build(network, (1, *shape), n_outputs or n_classes)
        layers = torch.nn.Linear(shape[0], 64), torch.nn.ReLU(), torch.nn.Linear(64, n_outputs or n_classes)
        return torch.nn.Sequential(*layers)

    settings = {"make_optimizer": lambda p: torch.optim.Adam(p, lr=3e-3), "epochs": 3, "batch_size": 32}
    return Recipe(**{"make_net": make_net} | settings | changes)
