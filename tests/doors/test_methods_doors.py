"""Every hyper-parameter of every method, and the methods' functions, against kinds of bad input; see `refusals`."""

import dataclasses
import functools
from types import NoneType, SimpleNamespace
from typing import Annotated, get_args, get_origin

import numpy as np
import pytest
import torch
from refusals import BAD, NAN, Door, cases, check_refusal, refuses
from small_runs import digits, recipe

from lnlkit import methods
from lnlkit.methods import (
    METHODS,
    choicenet,
    consensus,
    cvae_augmentation,
    domains,
    feature_quality,
    label_quality,
    latent_labels,
    mixtures,
    restoration,
    robust_features,
)
from lnlkit.methods import quality_embedding as can
from lnlkit.methods.base import smallest_batch
from lnlkit.methods.confident import out_of_sample
from lnlkit.methods.correction import estimate_T
from lnlkit.methods.curriculum import source_features, train_mentor
from lnlkit.methods.distillation import distil
from lnlkit.methods.dividemix import clean_probability, sharpen
from lnlkit.methods.regression import spread
from lnlkit.methods.revision import importance_weight
from lnlkit.methods.selection import judge_selection
from lnlkit.models import ConditionalVAE
from lnlkit.training import TrainingSet, fit

# ---- hyper-parameters, all methods alike ----

ANYTHING = {"text": "a", "list": [1], "nan": NAN, "mapping": {}}
OUTSIDE = {domains.Count: [0, -1, 1.5, True], domains.CountFromZero: [-1, 0.5, True],
           domains.Positive: [0, -1.0, np.inf], domains.NotNegative: [-0.1, np.inf, True],
           domains.Rate: [-0.1, 1, 20], domains.Share: [-0.1, 1.1, 70],
           domains.Percentage: [-1, 101], domains.Correlation: [-1.1, 2], bool: [0, 1, None]}  # fmt: skip


def domain(field):
    """Its domain without the `| None`."""
    return get_args(field.type)[0] if NoneType in get_args(field.type) else field.type


FIELDS = [(name, field) for name, cls in METHODS.items() for field in dataclasses.fields(cls)]
WRONG = [(name, field.name, value) for name, field in FIELDS
         for value in [*ANYTHING.values(), *OUTSIDE.get(domain(field), []),
                       *([None] if NoneType not in get_args(field.type) else [])]]  # fmt: skip


@pytest.mark.parametrize("name, field, value", WRONG, ids=[f"{n}({f}={v!r})" for n, f, v in WRONG])
def test_a_wrong_hyperparameter_is_refused_when_the_method_is_made(name, field, value):
    check_refusal(lambda: methods.make(name, **{field: value}), field)


@pytest.mark.parametrize("name, field", FIELDS, ids=[f"{name}.{field.name}" for name, field in FIELDS])
def test_every_hyperparameter_has_a_domain_which_holds_its_default(name, field):
    """A plain float would let anything through, a plain int what is negative, a str any name."""
    assert domain(field) not in (int, float, str) and METHODS[name]() == methods.make(name)
    assert get_origin(domain(field)) is not Annotated or callable(domain(field).__metadata__[0])


@pytest.mark.parametrize("ask", [feature_quality.judge, feature_quality.illustrate])
def test_features_are_judged_after_a_training(ask):
    said = check_refusal(lambda: ask(methods.make("robust_features"), SimpleNamespace(train=digits(9), test=digits(9))))
    assert "`RobustFeatures` must be trained first" in said


def test_numbers_of_numpy_become_numbers_of_json():
    made = methods.make("gce", q=np.float64(0.5)), methods.make("dmi", warmup_epochs=np.int64(3))
    assert type(made[0].q) is float and type(made[1].warmup_epochs) is int


def test_a_method_of_ones_own_is_held_to_its_annotations():
    @dataclasses.dataclass
    class Mine(methods.Method):
        steps: domains.Count = 3
        name: str = "mine"
        anything: float = 1.0

    assert Mine(steps=2, anything=1).steps == 2
    for field, value in {"steps": 0, "name": 3}.items():
        check_refusal(lambda: Mine(**{field: value}), field)  # noqa: B023


@pytest.mark.parametrize("name", METHODS)
def test_what_only_a_training_gives_is_refused_before_it(name):
    said = check_refusal(lambda: methods.make(name).predict(digits(4).x))
    assert "must be trained first" in said and not hasattr(methods.make(name), "nets_")
    with pytest.raises(AttributeError, match="no attribute 'predictt'"):
        methods.make(name).predictt  # noqa: B018


# ---- functions ----

K, N = 3, 4
Y = np.eye(K, dtype=np.uint8)[[0, 1, 2, 1]]
P, MU = np.full((N, K), 0.4), np.arange(8.0).reshape(N, 2)
ROWS, LABELS, EYE, HALF = torch.zeros(N, K), torch.tensor(Y).float(), torch.eye(K), torch.full((N, 2), 0.5)
EXPLAINED = SimpleNamespace(p=P, q=P, mu=MU, sigma=MU, agreement=np.zeros(2))
CVAE = ConditionalVAE((1, 8, 8), 10, 2, 4)
MENTOR = {"noise_rate": 0.2, "epochs": 1, "percentile": 0.75, "decay": 0.5, "seed": 0}

KINDS = BAD | {
    "scores": {"text": "p", "nothing": None, "flat": P[:, 0], "nan": NAN * P, "empty": P[:0], "words": P.astype(str)},
    "pair of scores": {"text": "p", "nothing": None, "flat": P[:, 0], "nan": NAN * P, "short": P[:3]},
    "vectors": {"text": "y", "nothing": None, "flat": Y[:, 0], "halves": Y / 2, "nan": NAN * P, "short": Y[:3]},
    "tensor": {"text": "x", "nothing": None, "list": [[0.0] * K] * N, "flat": torch.zeros(N)},
    "labels 0 to 1": {"text": "x", "nothing": None, "short": LABELS[:3], "per cent": 100 * LABELS, "negative": -LABELS},
    "Q": {"text": "Q", "nothing": None, "of ones": torch.ones(K, K), "wide": torch.eye(4), "negative": 2 * EYE - 1 / K},
    "data": {"nothing": None, "text": "digits", "vectors": digits(4).x},
}  # fmt: skip

NO_SHAPE = {"text": "1x8x8", "nothing": None, "number": 8, "empty": (), "a row": (8,), "two": (8, 8), "zero": (1, 0, 8),
            "halves": (1, 8.5, 8), "words": ("1", "8", "8")}  # fmt: skip
APART = torch.tensor([[1.0, 0], [0, 1.0], [1.0, 1.0], [1.0, 0.1]])
BLOCK = {"n_features": 4, "n_outputs": 2, "K": 3, "tau_inv": 0.1, "sigma_z": 1.0}
DOORS = [
    Door(methods.make, {"name": "ce"}, {"name": "name"}, called={"name": "method"}),
    Door(methods.hyperparameters, {"method": METHODS["ce"]()}, also={"method": {"text": "ce", "nothing": None}}),
    Door(estimate_T, {"p": P, "percentile": 97}, {"p": "scores"},
         also={"p": {"logits": 5 * P - 3}, "percentile": {"negative": -1, "text": "97"}}),
    Door(distil, {"p": P, "rho": 0.1}, {"p": "scores", "rho": "fraction"}, also={"p": {"logits": 5 * P - 3}}),
    Door(clean_probability, {"values": [0.1, 0.2, 3.0], "seed": 0}, {"seed": "seed"},
         also={"values": {"nothing": None, "text": "low", "one": [0.1], "nan": [NAN, 1.0], "table": P}}),
    Door(sharpen, {"p": HALF, "temperature": 0.5}, {"p": "tensor", "temperature": "positive"},
         also={"p": {"logits": HALF - 1, "no sum": 2 * HALF}}),
    Door(judge_selection, {"kept": [True, False, True], "right": np.array([True, True, False])},
         also={name: {"nothing": None, "text": "all", "halves": [0.5] * 3, "short": [True]}
               for name in ("kept", "right")}),
    Door(out_of_sample, {"data": TrainingSet.of(digits(30)), "recipe": recipe(epochs=1), "folds": 2, "seed": 0},
         {"folds": "count", "seed": "seed"}, also={"data": {"nothing": None, "text": "digits"},
                                                   "recipe": {"nothing": None}, "folds": {"one": 1, "many": 31}}),
    Door(consensus.nearest_two, {"features": APART}, {"features": "tensor"}, also={"features": {"two": APART[:2]}}),
    Door(consensus.frequencies, {"features": APART, "y": torch.tensor([0, 1, 2, 1]), "n_classes": K},
         {"features": "tensor", "n_classes": "count"},
         also={"y": {"one-hot": LABELS, "short": torch.tensor([0]), "from one": torch.tensor([1, 2, 3, 2])}}),
    Door(consensus.expected, {"T": EYE, "prior": torch.full((K,), 1 / K)}, {"T": "Q"},
         also={"prior": {"nothing": None, "list": [1 / K] * K, "text": "even", "matrix": EYE}}),
    Door(consensus.solve, {"seen": consensus.expected(EYE, torch.full((K,), 1 / K)), "steps": 2, "lr": 0.1},
         {"steps": "count", "lr": "positive"}, also={"seen": {"nothing": None, "matrix": EYE, "tuple": (EYE,) * 3}}),
    Door(consensus.features_of, {"net": torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2)),
                                 "x": digits(4).x},
         also={"net": {"nothing": None, "text": "mlp", "no head": torch.nn.ReLU()},
               "x": {"nothing": None, "text": "x", "of another size": np.zeros((4, 9, 9), np.uint8)}}),
    Door(importance_weight, {"logits": ROWS, "y": torch.tensor([0, 1, 2, 1]), "T": EYE}, {"logits": "tensor", "T": "Q"},
         also={"y": {"one-hot": LABELS, "short": torch.tensor([0]), "from one": torch.tensor([1, 2, 3, 2])}}),
    Door(choicenet.cholesky_transform,
         {"w": ROWS, "z": ROWS, "rho": 0.5, "mu_w": 0.0, "sigma_w": 1.0, "sigma_z": 1.0},
         also={"w": {"text": "w", "nothing": None}, "z": {"text": "z", "nothing": None}, "rho": {"two": 2.0},
               "sigma_w": {"zero": 0.0, "negative": -1.0}, "sigma_z": {"negative": -1.0}}),
    Door(choicenet.correlation, {"a": ROWS, "activation": "tanh"}, {"activation": "name"}),
    Door(choicenet.CholeskyBlock, BLOCK | {"rho": "tanh", "outer": "sqrt", "draws": "shared", "rho_first": 1.0},
         {"K": "count", "tau_inv": "positive", "sigma_z": "not negative", "rho": "name", "outer": "name",
          "draws": "name", "rho_first": "fraction"}, also={"fixed_rho": {"two": 2, "text": "0"}}),
    Door(mixtures.IndependentBlock, {"n_features": 4, "n_outputs": 2, "K": 3, "tau_inv": 0.1},
         {"K": "count", "tau_inv": "not negative"}),
    Door(cvae_augmentation.train_cvae,
         {"data": digits(4).visible(), "latent": 2, "hidden": 4, "epochs": 1, "batch_size": 2, "lr": 1e-3,
          "kl_weight": 1.0, "seed": 0, "device": "cpu", "progress": None},
         {"latent": "count", "hidden": "count", "epochs": "count", "batch_size": "count", "lr": "positive",
          "kl_weight": "not negative", "seed": "seed", "device": "name", "data": "data"},
         also={"progress": {"text": "bar"}}),
    Door(cvae_augmentation.generate, {"cvae": CVAE, "n": 2, "seed": 0}, {"n": "count", "seed": "seed"},
         also={"cvae": {"nothing": None, "text": "cvae"}}, spared={"n": {"zero"}}),
    Door(source_features, MENTOR,
         {"noise_rate": "fraction", "epochs": "count", "percentile": "fraction", "decay": "fraction", "seed": "seed"},
         called={"epochs": "source_epochs"}),
    Door(latent_labels.project_to_simplex, {"rows": ROWS}, {"rows": "tensor"}),
    Door(latent_labels.linear_noise_loss, {"logits": ROWS, "y": LABELS, "Q": EYE},
         {"logits": "tensor", "y": "labels 0 to 1", "Q": "Q"}),
    Door(latent_labels.image_noise_loss, {"logits": ROWS, "y": LABELS, "on_absent": ROWS, "on_present": ROWS},
         {"logits": "tensor", "y": "labels 0 to 1", "on_absent": "tensor", "on_present": "tensor"}),
    Door(can.annealed, {"step": 3, "alpha": 0.1, "floor": 0.5},
         {"step": "not negative", "alpha": "not negative", "floor": "fraction"}),
    Door(can.binary_concrete, {"logits": ROWS, "noise": ROWS, "tau": 0.5},
         {"logits": "tensor", "noise": "tensor", "tau": "positive"}),
    Door(can.reparameterise, {"mu": ROWS, "log_var": ROWS, "zeta": ROWS},
         {"mu": "tensor", "log_var": "tensor", "zeta": "tensor"}),
    Door(spread, {"residual": ROWS, "smallest": 1e-6}, {"residual": "tensor", "smallest": "positive"}),
    Door(robust_features.progressive_alpha, {"done": 0.5, "end": 0.0, "shape": "cosine", "start": 0.2, "until": 0.8},
         {"done": "fraction", "end": "fraction", "shape": "name", "start": "fraction", "until": "fraction"},
         also={"start": {"after the end": 0.9}}),
    Door(restoration.Views, {"net": torch.nn.Linear(2, 2)},
         also={"net": {"nothing": None, "text": "mlp", "no head": torch.nn.ReLU()}}),
    Door(restoration.Decoder, {"map_shape": (4, 1, 1), "image_shape": (1, 8, 8), "width": 8}, {"width": "count"},
         also={"map_shape": NO_SHAPE, "image_shape": NO_SHAPE}),
    Door(label_quality.decided, {"probabilities": P, "single": True}, {"probabilities": "scores"}),
    Door(label_quality.disagrees, {"p": P, "y": Y}, {"p": "pair of scores", "y": "vectors"}),
    Door(label_quality.label_loss, {"p": P, "y": Y}, {"p": "pair of scores", "y": "vectors"}),
    Door(label_quality.two_means, {"mu": MU, "p": P, "y": Y, "seed": 0},
         {"p": "pair of scores", "y": "vectors", "seed": "seed"},
         also={"mu": {"nan": NAN * MU, "short": MU[:3], "flat": MU[0]}}),
    Door(label_quality.auc, {"score": [0.1, 0.2, 0.3], "right": [True, False, True]},
         also={"score": {"short": [0.1], "nan": [NAN] * 3, "words": ["a"] * 3},
               "right": {"short": [True], "halves": [0.5] * 3, "words": ["a"] * 3}}),
    Door(label_quality.judge, {"explained": EXPLAINED, "y": Y, "y_clean": Y, "seed": 0},
         {"y": "vectors", "y_clean": "vectors", "seed": "seed"}),
    Door(label_quality.embed, {"explained": EXPLAINED, "y": Y, "y_clean": Y, "n": 4, "seed": 0},
         {"y": "vectors", "y_clean": "vectors", "n": "count"}),
]  # fmt: skip
SLOW = (source_features, label_quality.embed, label_quality.judge)  # their good call trains or draws a map


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    parts = {"data": ("x", "y"), "y_clean": ("y",)}.get(argument, ())  # of data, the part that is wrong is named
    check_refusal(lambda: door.function(**door.good | {argument: value}), door.called.get(argument, argument), *parts)


@pytest.mark.parametrize("door", [door for door in DOORS if door.function not in SLOW], ids=lambda door: door.name)
def test_the_call_works_otherwise(door):
    door.function(**door.good)


def test_a_mentor_is_refused_before_its_source_run():
    for argument in ("seed", "percentile"):
        refuses(Door(train_mentor, MENTOR), argument, "a")


# ---- batch norm and the last batch ----


def batch_sizes(method, n, **changes):
    """The sizes of the batches of one epoch on n digits."""
    sizes, step = [], method.step
    method.step = lambda batch: sizes.append(len(batch.y)) or step(batch)
    fit(method, digits(n), recipe(**{"epochs": 1, "batch_size": 8} | changes))
    return sizes


def one_pixel_norm(n_outputs=None):
    """Ends in batch norm of single values, as ResNet-18 does on 8x8 digits, which cannot take one example."""
    n = n_outputs or 10
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, n), torch.nn.BatchNorm1d(n))


def test_a_last_batch_of_one_joins_the_one_before_it_only_where_batch_norm_needs_two():
    ce = METHODS["ce"]
    assert batch_sizes(ce(), 17, make_net=one_pixel_norm) == [8, 9]
    assert batch_sizes(ce(), 18, make_net=one_pixel_norm) == [8, 8, 2]
    assert batch_sizes(ce(), 17) == batch_sizes(ce(), 17, make_net=recipe("small_cnn").make_net) == [8, 8, 1]
    extended = METHODS["cvae_augmentation"](n_generated=1, cvae=CVAE)  # its own set is a larger one
    assert batch_sizes(extended, 16, make_net=one_pixel_norm) == [8, 9]


def test_batches_of_one_with_batch_norm_are_refused():
    for n, batch_size in ((8, 1), (1, 8)):
        check_refusal(lambda: batch_sizes(METHODS["ce"](), n, make_net=one_pixel_norm, batch_size=batch_size),  # noqa: B023
                      "batch_size")  # fmt: skip


def test_a_network_is_tried_without_a_trace():
    """Neither its statistics nor its mode nor the random state know of it."""
    net, seen, before = one_pixel_norm(), TrainingSet.of(digits(4)), torch.get_rng_state()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    assert smallest_batch(net, seen, 10) == 2 and net.training and torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert not any(layer._forward_hooks for layer in net.modules())


def test_a_generator_of_other_images_or_classes_is_refused_before_anything_is_trained():
    for shape, n_classes in (((1, 9, 9), 10), ((1, 8, 8), 5)):
        foreign = METHODS["cvae_augmentation"](cvae=ConditionalVAE(shape, n_classes, 2, 8))
        check_refusal(functools.partial(batch_sizes, foreign, 16), "cvae")
