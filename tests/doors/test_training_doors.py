"""Training against kinds of bad input: each is refused before the first step; see `refusals`."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from refusals import BAD, NAN, Door, cases, check_refusal
from small_runs import digits, recipe

from lnlkit import methods, models, training
from lnlkit.data import Labelled, label_vectors, targets

X = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
Y = np.array([0, 1, 2, 1])


def labelled(y=Y, x=X, n_classes=3):
    """What `Labelled` holds, unchecked: data of one's own come in such a thing too."""
    return SimpleNamespace(x=x, y=y, n_classes=n_classes)


KINDS = BAD | {
    "function": {"nothing": None, "text": "affine", "number": 3, "list": [print]},
    "device": {"text": "tpu", "nothing": None, "number": 0, "too many": "cuda:99", "half": "cuda:", "empty": ""},
    "data": {
        "nothing": None, "text": "digits", "arrays": (X, Y), "empty": labelled(Y[:0], X[:0]),
        **{f"labels {what}": labelled(y) for what, y in BAD["labels"].items()},
        "no classes": labelled(n_classes=0), "classes in words": labelled(n_classes="10"),
        "float images": labelled(x=X / 255), "nan features": labelled(x=np.full((4, 2), NAN)),
        "infinite features": labelled(x=np.full((4, 2), np.inf)), "huge features": labelled(x=np.full((4, 2), 1e300)),
        "huge targets": SimpleNamespace(x=np.zeros((4, 1)), y=np.full((4, 1), 1e300)),
        "text features": labelled(x=np.full((4, 2), "a")),
        "half vectors": labelled(y=np.full((4, 3), 0.5)), "ragged images": labelled(x=[[0], [0, 1], [0], [0]]),
        "nan targets": SimpleNamespace(x=np.zeros((4, 1)), y=np.full((4, 1), NAN)),
        "flat targets": SimpleNamespace(x=np.zeros((4, 1)), y=np.zeros(4)),
    },
    "images": {"nothing": None, "text": "x", "floats": X / 255, "channels": X[:, None, None], "flat": X[:, 0, 0],
               "tensor of floats": torch.zeros(4, 1, 8, 8), "channels first": X[:, None], "one image": X[0],
               "channels last": torch.zeros(4, 8, 8, 3).byte(), "with alpha": np.zeros((4, 8, 8, 4), np.uint8),
               "nan": np.full((4, 3), NAN), "words": np.full((4, 3), "a")},
    "method": {"nothing": None, "text": "ce", "class": methods.METHODS["ce"], "for numbers": methods.make("l2"),
               "for vectors": methods.make("bce")},
    "net": {"nothing": None, "text": "mlp"},
    "seen": {"other sizes": X[:, :4], "colour": np.zeros((4, 8, 8, 3), np.uint8)},
    "settings": {"nothing": None, "text": "sgd", "empty": {}, "unknown": {"name": "adma"},
                 "typo": {"name": "sgd", "rl": 1}, "words": {"name": "adam", "lr": "0.1"},
                 "negative": {"name": "adam", "lr": -1.0}},
}  # fmt: skip
NET = models.build("mlp", (1, 8, 8), 10)
FIT = {"method": methods.make("ce"), "data": digits(20), "recipe": recipe(epochs=1)}
RECIPE = {"make_net": recipe().make_net, "make_optimizer": recipe().make_optimizer, "epochs": 1, "batch_size": 8}
NO_TRAINING = {"nothing": None, "text": "recipe", "mapping": {"epochs": 1}}

DOORS = [
    Door(training.Recipe, RECIPE | {"augment": None, "device": "cpu", "make_schedule": None, "amp": False},
         {"make_net": "function", "make_optimizer": "function", "epochs": "count", "batch_size": "count",
          "augment": "function", "make_schedule": "function", "device": "device"},
         also={"make_net": {"network": NET}, "amp": {"text": "yes", "nothing": None}},
         spared={"augment": {"nothing"}, "make_schedule": {"nothing"}}),
    Door(training.fit, FIT | {"seed": 0, "after_epoch": None, "progress": None},
         {"method": "method", "data": "data", "seed": "seed", "after_epoch": "function", "progress": "function"},
         also={"recipe": NO_TRAINING}, spared={"after_epoch": {"nothing"}, "progress": {"nothing"}}),
    Door(training.average_predictions, FIT | {"seed": 0}, {"method": "method", "data": "data", "seed": "seed"},
         also={"recipe": NO_TRAINING}),
    Door(training.TrainingSet.of, {"data": labelled(), "device": "cpu"}, {"data": "data", "device": "device"}),
    Door(training.as_images, {"x": X}, {"x": "images"}),
    Door(training.as_inputs, {"x": X}, {"x": "images"}),
    Door(training.predict, {"net": NET, "x": X, "batch_size": 2}, {"net": "net", "x": "images", "batch_size": "count"},
         also={"x": KINDS["seen"]}),
    Door(training.predict_outputs, {"net": NET, "x": X, "batch_size": 2},
         {"net": "net", "x": "images", "batch_size": "count"}),
    Door(training.optimizer_of, {"settings": {"name": "sgd", "lr": 0.1}}, {"settings": "settings"},
         called={"settings": "settings"}),
    Door(training.decay_of, {"settings": {"at": [0.5], "factor": 0.1}, "epochs": 2}, {"epochs": "count"},
         also={"settings": {"nothing": None, "text": "step", "empty": {}, "half": {"at": [0.5]},
                            "numbers for names": {1: 2}}}),
    Door(training.pick_device, {"device": "auto"}, {"device": "device"}),
]  # fmt: skip
CALLED = ("x", "y", "n_classes")  # of data, the part that is wrong is named


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence_before_anything_is_trained(door, argument, value):
    trained = {"after_epoch": lambda method: pytest.fail("it trained")} if door.function is training.fit else {}
    names = (argument, *CALLED) if argument == "data" else (argument, "optimizer")
    check_refusal(lambda: door.function(**door.good | trained | {argument: value}), *names)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_call_works_otherwise(door):
    door.function(**door.good)


def test_a_batch_size_of_none_is_refused_by_the_batches():
    batches = training.TrainingSet.of(labelled()).batches
    for size in BAD["count"].values():
        check_refusal(lambda: next(batches(size, torch.Generator())), "batch_size")  # noqa: B023
    check_refusal(lambda: next(batches(2, None)), "generator")  # the global state would shuffle


FORMS = {"column": Y[:, None], "uint8": Y.astype(np.uint8), "list": Y.tolist(), "tensor": torch.tensor(Y)}


@pytest.mark.parametrize("y", FORMS.values(), ids=FORMS)
def test_labels_of_every_welcome_form_are_the_same_labels(y):
    seen = training.TrainingSet.of(labelled(y))
    assert seen.y.tolist() == Y.tolist() and seen.y.dtype == torch.int64 and seen.task == "classification"


@pytest.mark.parametrize("name, seen", [
    ("ce", label_vectors.NoisyLabelVectors(X, np.eye(3, dtype=np.uint8)[Y], None, 3)),
    ("ce", targets.sample("step", 9, 0)), ("choicenet_regression", Labelled(X, Y, 3)), ("bce", Labelled(X, Y, 3)),
    ("l2", Labelled(X, Y, 3)),
])  # fmt: skip
def test_a_method_of_another_task_is_refused(name, seen):
    said = check_refusal(lambda: training.fit(methods.make(name), seen, recipe()), "method")
    assert training.TrainingSet.of(seen).task in said and methods.METHODS[name].task in said


def test_a_network_that_does_not_fit_the_data_is_refused_before_it_trains():
    """Too few outputs end in an assertion on a GPU; all of a regression's would be compared with its one target."""
    small, wide = (models.build("mlp", shape, n) for shape, n in (((1, 8, 8), 9), ((1, 9, 9), 10)))
    for net in (small, wide):
        made = recipe(make_net=lambda n_outputs=None, net=net: net)
        check_refusal(lambda: training.fit(**FIT | {"recipe": made}), "make_net")  # noqa: B023
