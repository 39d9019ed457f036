"""A recipe makes a network, an optimiser and a schedule for each run, and says what is wrong with its functions."""

import copy
import re

import pytest
import torch
from refusals import check_refusal
from small_runs import digits, recipe, sgd

from lnlkit import models
from lnlkit.methods import make
from lnlkit.training import decay_of, fit

DATA = digits(40)


def net(n_outputs=None):
    return models.build("mlp", (1, 8, 8), n_outputs or 10)


SHARED, OTHER = net(), net()
WRONG = {
    "a network twice": ("make_net", lambda n_outputs=None: SHARED, "of its own at each call"),
    "a shared body": ("make_net", lambda n_outputs=None: torch.nn.Sequential(SHARED), "of its own at each call"),
    "nothing to learn": ("make_net", lambda n_outputs=None: torch.nn.Flatten(), "Flatten has no weights"),
    "no argument": ("make_net", lambda: net(), r"a function of \(n_outputs\), but got one of \(\)"),
    "no optimiser": ("make_optimizer", lambda parameters: None, "It must return an optimiser"),
    "another's optimiser": ("make_optimizer", lambda parameters: torch.optim.SGD(OTHER.parameters(), lr=0.1),
                            "its optimiser has others"),
    "no schedule": ("make_schedule", lambda optimizer: None, "but got NoneType"),
    "a schedule with a measure": ("make_schedule", torch.optim.lr_scheduler.ReduceLROnPlateau, "need no measure"),
    "augment without generator": ("augment", lambda x: x, r"a function of \(x, generator\), but got one of \(x\)"),
    "augment to bytes": ("augment", lambda x, generator: x.byte(), "but got torch.uint8 of shape"),
    "augment to nothing": ("augment", lambda x, generator: None, "but got NoneType"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_function_that_does_not_do_is_named_before_anything_is_learned(what):
    name, function, message = WRONG[what]
    fresh = {name: function, "epochs": 1}

    def run():
        for _ in range(2):
            fit(make("ce"), DATA, recipe(**fresh), after_epoch=lambda method: trained.append(method))

    trained = []
    said = check_refusal(run, name)
    assert re.search(message, said), said
    assert len(trained) <= (1 if "of its own" in message else 0)


def test_two_networks_of_one_method_are_two():
    once = net()
    check_refusal(lambda: fit(make("coteaching"), DATA, recipe(make_net=lambda n_outputs=None: once)), "make_net")


def test_copies_of_a_network_and_a_frozen_body_are_welcome():
    start, body = net(), torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8)).requires_grad_(False)
    first, second = (fit(make("ce"), DATA, recipe(make_net=lambda n_outputs=None: copy.deepcopy(start)))
                     for _ in range(2))  # fmt: skip
    assert first == second
    for _ in range(2):
        fit(make("ce"), DATA, recipe(make_net=lambda n_outputs=None: torch.nn.Sequential(body, torch.nn.Linear(8, 10))))


def test_after_epoch_returns_a_dict_or_nothing():
    seen = []
    assert fit(make("ce"), DATA, recipe(epochs=2), after_epoch=seen.append) and len(seen) == 2
    check_refusal(lambda: fit(make("ce"), DATA, recipe(), after_epoch=lambda method: [1]), "after_epoch")
    check_refusal(lambda: fit(make("ce"), DATA, recipe(), after_epoch=lambda method, epoch: {}), "after_epoch")


def rates(settings, epochs):
    """The learning rate of each epoch of a run, from 1."""
    method, seen = make("ce"), []
    method.on_epoch_start = lambda epoch, data: seen.append(method.optimizer_.param_groups[0]["lr"])
    fit(method, digits(10), recipe(epochs=epochs, make_optimizer=sgd(1.0), make_schedule=decay_of(settings, epochs)))
    return seen


@pytest.mark.parametrize("epochs, at, expected", [
    (8, [0.5, 0.75], [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]), (4, [0.5, 0.75], [1, 1, 0.1, 0.01]),
    (4, [0.75, 0.5], [1, 1, 0.1, 0.01]), (5, [0.8], [1, 1, 1, 1, 0.1]), (2, [0.5, 0.75], [1, 0.1]),
    (1, [0.5, 0.75], [1]), (3, [0.1], [1, 0.1, 0.1]), (2, [0.0], [0.1, 0.1]),
])  # fmt: skip
def test_the_learning_rate_falls_at_its_shares_of_the_epochs(epochs, at, expected):
    """[0.5, 0.75] is Paper 03's. However short the run, its first epoch has the full rate, unless told otherwise."""
    assert rates({"at": at, "factor": 0.1}, epochs) == pytest.approx(expected)


def test_paper_03_lowers_the_rate_at_epochs_150_and_225_of_300():
    optimizer = torch.optim.SGD(net().parameters(), lr=0.1)
    schedule, seen = decay_of({"at": [0.5, 0.75], "factor": 0.1}, 300)(optimizer), []
    for _ in range(300):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert seen == pytest.approx([0.1] * 150 + [0.01] * 75 + [0.001] * 75)


@pytest.mark.parametrize("settings, name", [
    ({}, "settings"), ({"at": [0.5]}, "settings"), ({"at": [0.5], "factor": 0.1, "every": 2}, "settings"),
    ({"at": 0.5, "factor": 0.1}, "at"), ({"at": [], "factor": 0.1}, "at"), ({"at": [150, 225], "factor": 0.1}, "at"),
    ({"at": [1.0], "factor": 0.1}, "at"), ({"at": ["0.5"], "factor": 0.1}, "at"), ({"at": [-0.5], "factor": 1}, "at"),
    ({"at": [0.5], "factor": 0}, "factor"), ({"at": [0.5], "factor": -0.1}, "factor"),
    ({"at": [0.5], "factor": "0.1"}, "factor"), ({"at": [0.5], "factor": None}, "factor"),
])  # fmt: skip
def test_settings_of_a_decay_that_are_none_are_named(settings, name):
    check_refusal(lambda: decay_of(settings, 8), name)


def in_doubles(run):
    torch.set_default_dtype(torch.float64)
    try:
        history = run()
        assert torch.get_default_dtype() == torch.float64
        return history
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ["ce", "seal", "cvae_augmentation"])
def test_what_torch_was_set_to_around_a_run_changes_nothing(name):
    options = {"seal": {"iterations": 1}, "cvae_augmentation": {"cvae_epochs": 1}}.get(name, {})

    def run():
        return fit(make(name, **options), DATA, recipe(epochs=2))

    expected = run()
    for around in (torch.no_grad(), torch.inference_mode(), torch.device("meta")):
        with around:
            assert run() == expected
    assert in_doubles(run) == expected


def test_hyperparameters_that_were_set_later_are_checked():
    method = make("coteaching")
    method.forget_rate = 40
    check_refusal(lambda: fit(method, DATA, recipe()), "forget_rate")


@pytest.mark.parametrize("ask", ["predict", "mixture"])
def test_examples_of_another_size_are_refused_and_the_network_goes_on_learning(ask):
    method = make("choicenet")
    fit(method, DATA, recipe(epochs=1))
    method.nets_.train()
    check_refusal(lambda: getattr(method, ask)(DATA.x[:, :5]), "x")
    assert all(part.training for part in method.nets_)
