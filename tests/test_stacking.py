"""Runs trained together are what each is alone; and what can't be stacked is refused."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, sgd, weights
from torch import nn

from lnlkit import augment, evaluation, methods, noise, seeds, stacking
from lnlkit.data import label_vectors, targets
from lnlkit.training import TrainingSet, fit

OF = {"dac": {"learn_epochs": 1}, "mentornet": {"percentile": 0.9}, "forward": {"warmup_epochs": 1}}
STACKED = [name for name, method in methods.METHODS.items()
           if method.task == "classification" and stacking.stackable(method)]  # fmt: skip
SEEDS = [3, 0, 5]
OPTIMIZERS = {"SGD": sgd(0.05, momentum=0.9, weight_decay=1e-3), "Nesterov": sgd(0.02, momentum=0.8, nesterov=True),
              "Adam": lambda p: torch.optim.Adam(p, lr=3e-3),
              "AdamW": lambda p: torch.optim.AdamW(p, lr=3e-3, weight_decay=0.1)}  # fmt: skip


def noisy(rate: float, n: int = 150):
    return digits(n, noise.corrupt(digits(n).y, noise.symmetric(10, rate), np.random.default_rng(int(10 * rate))))


SETS = [noisy(rate) for rate in (0.0, 0.3, 0.6)]


def both(runs, sets=SETS, track=True, **changes):
    """(histories, methods) of the runs trained together, and one by one; `runs`: functions that make a method."""
    of = recipe(**{"epochs": 2} | changes)
    trackers = [evaluation.tracker(each, each, each.clean()) if track else None for each in sets]
    together, alone = [run() for run in runs], [run() for run in runs]
    histories = stacking.fit_together(together, sets, of, seeds=SEEDS, after_epoch=trackers if track else None)
    single = [fit(*run, of, seed=seed, after_epoch=tracker)
              for *run, seed, tracker in zip(alone, sets, SEEDS, trackers, strict=True)]  # fmt: skip
    return (histories, together), (single, alone)


def assert_equal(found, wanted):
    for history, other in zip(found[0], wanted[0], strict=True):
        assert [list(row) for row in history] == [list(row) for row in other]
        for row, its in zip(history, other, strict=True):
            assert row == pytest.approx(its, rel=1e-4, abs=1e-6)
    for method, other in zip(found[1], wanted[1], strict=True):
        torch.testing.assert_close(weights(method), weights(other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", STACKED)
def test_a_run_among_others_is_the_run_alone(name):
    """Three noise rates and seeds, two epochs with a last batch that is not full; accuracies and all."""
    found, wanted = both([lambda: methods.make(name, **OF.get(name, {}))] * 3)
    assert_equal(found, wanted)
    assert found[0][0][-1]["loss"] != found[0][1][-1]["loss"]
    torch.testing.assert_close(found[1][2].predict(SETS[0].x), wanted[1][2].predict(SETS[0].x), rtol=1e-4, atol=1e-5)


def test_most_methods_can_be_stacked_and_those_that_do_more_can_not():
    assert {"ce", "forward", "gce", "sl", "imae", "apl", "pce", "aul", "celc", "bootstrap_classification"} <= {*STACKED}
    assert not {"coteaching", "dmi", "mixup", "cvae_augmentation", "t_revision", "choicenet"} & {*STACKED}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisers_schedules_augmentation_and_other_settings_are_those_of_each_run(name):
    """Different methods and hyper-parameters in one stack; images move differently in each run."""
    runs = [lambda: methods.make("gce", q=0.3), lambda: methods.make("gce", q=0.9), lambda: methods.make("imae")]
    changes = {"make_optimizer": OPTIMIZERS[name], "augment": augment.AUGMENTATIONS["affine"], "epochs": 3,
               "make_schedule": lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.3)}  # fmt: skip
    found, wanted = both(runs, **changes)
    assert_equal(found, wanted)
    moved, _ = both(runs, **changes | {"make_schedule": None})
    assert moved[0] != found[0]


def test_several_labels_and_regressions_are_stacked_too():
    """Their predictions are no softmax, so they are asked one by one."""
    rng = np.random.default_rng(0)
    y = (rng.random((60, 4)) < 0.4).astype(np.uint8)
    vectors = [label_vectors.NoisyLabelVectors(digits(60).x, noise.permute_labels(y, rate, rng), y, 4)
               for rate in (0.1, 0.2, 0.5)]  # fmt: skip
    asked = [evaluation.multilabel_tracker(each, each.clean()) for each in vectors]
    of = recipe(epochs=2)
    for name in ("bce", "bootstrap"):
        together, alone = ([methods.make(name) for _ in SEEDS] for _ in range(2))
        found = stacking.fit_together(together, vectors, of, seeds=SEEDS, after_epoch=asked)
        wanted = [fit(*run, of, seed=seed, after_epoch=ask)
                  for *run, seed, ask in zip(alone, vectors, SEEDS, asked, strict=True)]  # fmt: skip
        assert [[row["val_map"] for row in of] for of in found] == [
            [pytest.approx(row["val_map"], abs=1e-3) for row in of] for of in wanted]
        torch.testing.assert_close(weights(together[2]), weights(alone[2]), rtol=1e-4, atol=1e-5)
    points = [targets.sample("cosexp", 60, rate, seed) for rate, seed in ((0.0, 1), (0.2, 2), (0.4, 3))]
    net = lambda n_outputs=None: nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, n_outputs or 1))  # noqa: E731
    assert_equal(*both([methods.METHODS["l1"], methods.METHODS["l2"], methods.METHODS["l1"]], points, track=False,
                       make_net=net))  # fmt: skip


def test_a_function_of_ones_own_sees_each_method_as_it_is_after_the_epoch():
    seen = []

    def look(method):
        seen.append(weights(method).clone())
        return {"norm": weights(method).norm().item()}

    together = [methods.make("ce") for _ in SEEDS]
    found = stacking.fit_together(together, SETS, recipe(epochs=2), seeds=SEEDS, after_epoch=[look, None, look])
    assert ["norm" in row for history in found for row in history] == [True] * 2 + [False] * 2 + [True] * 2
    assert not torch.equal(seen[0], seen[2]) and torch.equal(seen[3], weights(together[2]))


def test_afterwards_each_method_has_weights_of_its_own_and_the_global_state_is_as_it_was():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    together = [methods.make("ce") for _ in SEEDS]
    stacking.fit_together(together, SETS, recipe(epochs=1), seeds=SEEDS)
    assert torch.equal(torch.get_rng_state(), before)
    other = weights(together[1])
    for weight in together[0].nets_.parameters():
        assert weight.untyped_storage().nbytes() == 4 * weight.numel()
        weight.data.zero_()
    assert torch.equal(weights(together[1]), other) and other.abs().sum() > 1


def test_a_loss_that_is_no_number_ends_the_group_as_it_ends_a_run():
    with pytest.raises(FloatingPointError, match="the loss of CE became (nan|inf) in epoch 0: lower the learning rate"):
        stacking.fit_together([methods.make("ce")], SETS[:1], recipe(make_optimizer=sgd(1e30)), seeds=[0])


def dropout(n_outputs=None):
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, n_outputs or 10))


def no_bias(n_outputs=None):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, n_outputs or 10, bias=False))


def twice(n_outputs=None):
    layer = nn.Linear(64, 64)
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer, nn.Linear(64, n_outputs or 10))


class Growing:
    """Each network that it builds has one unit more."""

    def __init__(self):
        self.units = 5

    def __call__(self, n_outputs=None):
        self.units += 1
        return nn.Sequential(nn.Flatten(), nn.Linear(64, self.units), nn.Linear(self.units, n_outputs or 10))


TWO = {"methods": lambda: [methods.make("ce"), methods.make("gce")], "sets": SETS[:2], "seeds": [0, 1]}
ONE_BY_ONE = "Train these runs one by one, with fit.$"
REFUSED = {  # what only `fit` can train
    "a method that does more": ({"methods": lambda: [methods.make("ce"), methods.make("dmi")]}, "but DMI does more"),
    "two networks": ({"methods": lambda: [methods.make("ce"), methods.make("coteaching")]}, "CoTeaching does more"),
    "sets of other length": ({"sets": [SETS[0], noisy(0.3, 149)]}, r"same number of examples.* \(149, .* \(150, "),
    "batch norm": ({"recipe": recipe("small_cnn")}, "of linear layers and activations, but it has Conv2d"),
    "dropout": ({"recipe": recipe(make_net=dropout)}, "but it has Dropout"),
    "half precision": ({"recipe": recipe(amp=True)}, "but it has HalfPrecision"),
    "no bias": ({"recipe": recipe(make_net=no_bias)}, "of linear layers with a bias"),
    "a layer twice": ({"recipe": recipe(make_net=twice)}, "weights of their own, but some share"),
    "other networks": ({"recipe": recipe(make_net=Growing())}, "the same network for all runs"),
    "an optimiser of the whole": ({"recipe": recipe(make_optimizer=lambda p: torch.optim.LBFGS(p))},
                                  "must return one of SGD, .*, but returned LBFGS"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_only_fit_can_train_is_refused_in_a_sentence(what):
    changes, said = REFUSED[what]
    call = {"recipe": recipe(epochs=1)} | TWO | changes
    with pytest.raises(stacking.NotStackable, match=f"{said}.*{ONE_BY_ONE}"):
        stacking.fit_together(**call | {"methods": call["methods"]()})


@pytest.mark.parametrize("changes, said", [
    ({"seeds": [0]}, "`seeds`"), ({"seeds": [0, -1]}, "`seeds` must be"), ({"recipe": None}, "`recipe` must be"),
    ({"methods": lambda: [methods.make("ce"), "gce"]}, "`methods` must be"),
    ({"after_epoch": [None, 3]}, "`after_epoch` must be"),
    ({"methods": lambda: [methods.make("l2"), methods.make("l1")]}, "`methods` must be for classification"),
    ({"methods": lambda: [methods.make("ce")] * 2}, "one of them is there twice"),
])  # fmt: skip
def test_arguments_are_checked(changes, said):
    call = {"recipe": recipe(epochs=1)} | TWO | changes
    with pytest.raises((ValueError, TypeError), match=said) as error:
        stacking.fit_together(**call | {"methods": call["methods"]()})
    assert not isinstance(error.value, stacking.NotStackable)


def test_a_stack_gives_what_its_networks_give_value_and_gradient():
    of, data = recipe(), TrainingSet.of(SETS[1])
    nets = [of.network(10) for _ in range(3)]
    alone, x = copy.deepcopy(nets), torch.rand(3, 7, *data.image_shape)
    stack = stacking.Stack(nets)
    stack(x).square().sum().backward()
    for k, net in enumerate(alone):
        torch.testing.assert_close(stack(x)[k], net(x[k]))
        net(x[k]).square().sum().backward()
        grads = [weight.grad[k].squeeze(0) if weight.dim() == 3 and weight.shape[1] == 1 else weight.grad[k]
                 for weight in stack.parameters()]  # fmt: skip
        for mine, weight in zip(grads, net.parameters(), strict=True):
            torch.testing.assert_close(mine, weight.grad)


def test_seeds_start_each_run_as_fit_does():
    """No epoch is needed to see it: the initial weights, before the first step."""
    start = []
    method = methods.make("ce")
    stacking.fit_together([method], SETS[:1], recipe(epochs=1, make_optimizer=sgd(0.0)), seeds=[7])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive(7, "initialisation"))
        start.append(torch.cat([p.detach().flatten() for p in recipe().network(10).parameters()]))
    assert torch.equal(torch.cat([p.detach().flatten() for p in method.nets_.parameters()]), start[0])


def test_runs_never_read_the_truth():
    garbage = [dataclasses.replace(each, y_clean=np.zeros_like(each.y)) for each in SETS]
    found = [[methods.make("ce") for _ in SEEDS] for _ in range(2)]
    for sets, those in zip((SETS, garbage), found, strict=True):
        stacking.fit_together(those, sets, recipe(epochs=1), seeds=SEEDS)
    assert all(torch.equal(weights(a), weights(b)) for a, b in zip(*found, strict=True))
