"""What every entry of METHODS promises, checked on small real digits."""

import dataclasses
import functools
import importlib.util
import json

import pytest

from lnlkit.methods import METHODS, Method, contract, hyperparameters, make

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


@functools.cache
def subject(name: str) -> contract.Subject:
    return contract.Subject(lambda: small(name))


@pytest.mark.parametrize("promise", contract.PROMISES, ids=lambda promise: promise.__name__)
@EVERY_CLASSIFIER
def test_every_method_keeps_every_promise(name, promise):
    promise(subject(name))


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
