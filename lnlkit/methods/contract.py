"""What every classification method promises, checked on small real digits in seconds.

    lnlkit methods --check mine.py:Mine

asks it of a method of your own. A promise is a function of a `Subject` that raises `Broken` with one line.
"""

import contextlib
import dataclasses
import functools
import json
import math
from collections.abc import Callable

import numpy as np
import torch

from lnlkit import data, models, noise
from lnlkit.methods import find, hyperparameters, make
from lnlkit.methods.base import Method
from lnlkit.training import Recipe, fit

WRONG, LEARNS = 0.3, 0.75  # share of wrong labels; accuracy on unseen digits after a training on right ones


class Broken(AssertionError):
    """A promise that a method does not keep, and what it does instead."""


class Subject:
    """A method under examination: `new()` makes it anew, `trained` is one that was trained with seed 0."""

    def __init__(self, new: Callable[[], Method]):
        self.new = new

    @functools.cached_property
    def trained(self) -> Method:
        return self.train(noisy_digits())

    def train(self, examples, seed: int = 0, method: Method | None = None) -> Method:
        method = self.new() if method is None else method
        fit(method, examples, recipe("small_cnn", 2), seed=seed)
        return method


def recipe(network: str, epochs: int) -> Recipe:
    """Adam on a small network for digits."""
    def make_net(n_outputs=None):
        return models.build(network, (1, 8, 8), n_outputs or 10)

    return Recipe(make_net, lambda parameters: torch.optim.Adam(parameters, lr=3e-3), epochs=epochs, batch_size=32)


def noisy_digits(n: int = 160) -> data.NoisyData:
    """The first training digits, 30 % of the labels wrong."""
    images = data.load("digits")
    x, clean = images.x_train[:n], images.y_train[:n]
    return data.NoisyData(x, noise.corrupt(clean, noise.symmetric(10, WRONG), np.random.default_rng(0)), clean, 10)


def weights(method: Method) -> torch.Tensor:
    """All weights and buffers of a method's networks in one vector."""
    return torch.cat([value.detach().flatten().double() for value in method.nets_.state_dict().values()])


def gives_probabilities(of: Subject) -> None:
    """`predict` gives class probabilities for images, each by itself."""
    x = noisy_digits().x[:77]
    p = of.trained.predict(x)
    if not isinstance(p, torch.Tensor) or p.shape != (77, 10) or p.dtype != torch.float32 or p.requires_grad:
        raise Broken("predict(x) must give a float32 tensor (77, 10) without gradient for 77 images, but gave "
                     f"{_is(p)}.")  # fmt: skip
    if p.device.type != "cpu":
        raise Broken(f"predict(x) must give probabilities on the CPU, but they are on {p.device}.")
    if (p < 0).any() or not torch.allclose(p.sum(1), torch.ones(77), atol=1e-4):
        raise Broken("predict(x) must give probabilities, at least 0 and 1 in sum, but a row has the sum "
                     f"{p.sum(1)[(p.sum(1) - 1).abs().argmax()]:.2f} and the least is {p.min():.2f}.")  # fmt: skip
    if not torch.allclose(of.trained.predict(x[:5]), p[:5], atol=1e-5):
        raise Broken("predict(x) must not depend on what else is in x, but 5 images alone get other probabilities.")


def _is(value) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__


def draws_from_its_seed_alone(of: Subject) -> None:
    """The same seed gives the same weights, bit for bit, whatever else is drawn; clean labels are not read."""
    examples = noisy_digits()
    garbage = dataclasses.replace(examples, y_clean=np.random.default_rng(9).integers(0, 10, len(examples)))
    before = [array.copy() for array in (garbage.x, garbage.y)]
    with _other_global_draws():
        second = weights(of.train(garbage))
    if not torch.equal(second, weights(of.trained)):
        raise Broken("the same seed must give the same weights, but a second training gave others: does something draw "
                     "without `generator`, or read clean labels?")  # fmt: skip
    if not all(np.array_equal(*pair) for pair in zip((garbage.x, garbage.y), before, strict=True)):
        raise Broken("training must leave images and labels as they are, but it changed them: copy them first.")
    if torch.equal(weights(of.train(examples, seed=1)), weights(of.trained)):
        raise Broken("another seed must give other weights, but it gave the same.")


@contextlib.contextmanager
def _other_global_draws():
    """The global random states of torch and NumPy are others inside, and as they were afterwards."""
    state = np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(123)
        np.random.seed(123)
        yield
    np.random.set_state(state)


def starts_afresh(of: Subject) -> None:
    """A second training of the same object forgets the first: schedules, soft labels, prices."""
    method = of.train(noisy_digits(), seed=1)
    if not torch.equal(weights(of.train(noisy_digits(), method=method)), weights(of.trained)):
        raise Broken("a second training must start afresh, but it depends on the first: make all state in `start`.")


def learns(of: Subject) -> None:
    """It learns clean digits: chance is 10 %, and most end above 90 % on unseen ones."""
    images, method = data.load("digits"), of.new()
    history = fit(method, data.Labelled(images.x_train[:600], images.y_train[:600], 10), recipe("mlp", 12))
    accuracy = float((method.predict(images.x_test).argmax(1).numpy() == images.y_test).mean())
    if len(history) != 12 or not all(math.isfinite(row.get("loss", math.nan)) for row in history):
        raise Broken("every epoch must have a finite `loss` in its log, but some have none.")
    if accuracy <= LEARNS:
        raise Broken(f"600 digits with right labels must teach it {LEARNS:.0%} of unseen ones, but it has "
                     f"{accuracy:.0%}.")  # fmt: skip


def survives_json(of: Subject) -> None:
    """Its hyper-parameters can be written down and give the same method again."""
    method = of.new()
    try:
        stored = json.loads(json.dumps(hyperparameters(method)))
    except TypeError as error:
        raise Broken(f"hyper-parameters must be numbers, texts, lists or None, but {error}.") from None
    if type(method)(**stored) != method:
        raise Broken(f"hyper-parameters must give the same method again, but {stored} give another.")


PROMISES = (gives_probabilities, draws_from_its_seed_alone, starts_afresh, learns, survives_json)


def check(name: str, **hparams) -> dict[str, str]:
    """What a method breaks, {promise: why}: empty for one that keeps all. name: of METHODS or "mine.py:Mine"."""
    if (task := find(name).task) != "classification":
        raise ValueError(f"`method` must be one for classification, but {name} is one for {task}.")
    of, broken = Subject(lambda: make(name, **hparams)), {}
    for promise in PROMISES:
        try:
            promise(of)
        except Broken as error:
            broken[promise.__name__] = str(error)
        except Exception as error:  # of the method: whatever it is, it is the answer
            broken[promise.__name__] = f"it says {type(error).__name__}: {error}"
    return broken
