"""What every entry of METHODS promises, checked on small real digits."""

import dataclasses
import functools
import importlib.util
import json

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, weights

from lnlkit import data, noise
from lnlkit.methods import METHODS, Method, hyperparameters, make
from lnlkit.training import fit

SMALL = {  # hyper-parameters that fit runs of a few epochs; everything else at its published default
    "coteaching": {"num_gradual": 2},
    "codis": {"num_gradual": 2},
    "sigua": {"num_gradual": 2},
    "bltm": {"warmup_epochs": 6, "transition_epochs": 2},
    "dac": {"learn_epochs": 1},
    "seal": {"iterations": 2},
    "cvae_augmentation": {"hidden": 64, "cvae_epochs": 4},
    "mentornet": {"percentile": 0.9},
    "dividemix": {"warmup_epochs": 1},
}
EXTRAS = {"confident_learning": "cleanlab"}  # packages without which a method cannot be trained


def needing_its_extra(name: str):
    """The method's name as a parameter, whose tests are skipped where its extra is not installed."""
    missing = name in EXTRAS and importlib.util.find_spec(EXTRAS[name]) is None
    return pytest.param(name, marks=pytest.mark.skipif(missing, reason=f"needs the extra {EXTRAS.get(name)}"))


CLASSIFIERS = [needing_its_extra(name) for name, cls in METHODS.items() if cls.task == "classification"]
EVERY_CLASSIFIER = pytest.mark.parametrize("name", CLASSIFIERS)
EVERY_METHOD = pytest.mark.parametrize("name", METHODS)  # the contract of regressions: test_contract_regression


def small(name: str) -> Method:
    return make(name, **SMALL.get(name, {}))


def noisy_digits(n: int = 160) -> data.NoisyData:
    """160 digits, 30 % of the labels wrong."""
    return digits(n, noise.corrupt(digits(n).y, noise.symmetric(10, 0.3), np.random.default_rng(0)))


def trained(name: str, examples: data.NoisyData, seed: int = 0) -> Method:
    method = small(name)
    fit(method, examples, recipe("small_cnn", epochs=2), seed=seed)
    return method


@functools.cache
def on_noisy_digits(name: str) -> Method:
    return trained(name, noisy_digits())


@EVERY_CLASSIFIER
def test_predicts_probabilities(name):
    x = noisy_digits().x[:77]
    p = on_noisy_digits(name).predict(x)
    assert p.shape == (77, 10) and p.dtype == torch.float32 and p.device.type == "cpu" and not p.requires_grad
    assert (p >= 0).all()
    torch.testing.assert_close(p.sum(1), torch.ones(77))
    torch.testing.assert_close(on_noisy_digits(name).predict(x[:5]), p[:5])  # no statistics of the batch in it


@EVERY_CLASSIFIER
def test_same_seed_same_weights_bit_for_bit_and_never_reads_the_truth(name):
    """The second run has garbage for clean labels, and leaves its data as they are."""
    examples = noisy_digits()
    garbage = dataclasses.replace(examples, y_clean=np.random.default_rng(9).integers(0, 10, len(examples)))
    before = [array.copy() for array in (garbage.x, garbage.y, garbage.y_clean)]
    torch.manual_seed(123)  # the global state must not matter
    assert torch.equal(weights(trained(name, garbage)), weights(on_noisy_digits(name)))
    for array, copy in zip((garbage.x, garbage.y, garbage.y_clean), before, strict=True):
        assert np.array_equal(array, copy)


@EVERY_CLASSIFIER
def test_another_seed_gives_other_weights_and_a_used_method_starts_afresh(name):
    """A second fit forgets the first: schedules, soft labels, prices."""
    method = trained(name, noisy_digits(), seed=1)
    assert not torch.equal(weights(method), weights(on_noisy_digits(name)))
    fit(method, noisy_digits(), recipe("small_cnn", epochs=2), seed=0)
    assert torch.equal(weights(method), weights(on_noisy_digits(name)))


@EVERY_CLASSIFIER
def test_learns_clean_digits(name):
    """Chance is 10 %. Most end above 90 % on unseen digits; Co-teaching, told to drop a fifth of them, at 84 %."""
    method = small(name)
    history = fit(method, digits(600), recipe(epochs=12))
    unseen = data.load("digits")
    accuracy = float((method.predict(unseen.x_test).argmax(1).numpy() == unseen.y_test).mean())
    assert len(history) == 12 and all(np.isfinite(row["loss"]) for row in history)
    assert accuracy > 0.75


@EVERY_METHOD
def test_hyperparameters_survive_json_and_come_back(name):
    """The published defaults, and others: equal as methods, equal in print, none left out."""
    for method in (make(name), small(name)):
        stored = json.loads(json.dumps(hyperparameters(method)))
        again = make(name, **stored)
        assert again == method and repr(again) == repr(method)
        shown = {f.name for f in dataclasses.fields(method) if f.repr}
        assert stored == {field: value for field, value in dataclasses.asdict(method).items() if field in shown}


@EVERY_METHOD
def test_says_what_it_needs_and_where_it_is_from(name):
    method = METHODS[name]
    assert isinstance(method.needs, tuple) and all(isinstance(what, str) for what in method.needs)
    assert isinstance(method.source, str) and method.source
    assert method.__doc__ and not method.__doc__.startswith(method.__name__ + "(")  # not the one dataclass writes


@EVERY_METHOD
def test_unknown_hyperparameter_names_the_allowed_ones(name):
    with pytest.raises(ValueError) as error:
        make(name, learning_ratio=1)
    says = str(error.value)
    assert "learning_ratio" in says and name in says and "\n" not in says
    assert all(field in says for field in hyperparameters(METHODS[name]()))


def test_unknown_method_suggests_a_near_one():
    with pytest.raises(ValueError, match="Did you mean 'coteaching'"):
        make("co-teaching")
