"""Losses, checks of tensors and augmentation against kinds of bad input; see `refusals`."""

import numpy as np
import pandas as pd
import pytest
import torch
from refusals import BAD, NAN, Door, check_refusal, standard_tests

from lnlkit import augment, losses, tensors
from lnlkit.methods import latent_labels

B, K, D = 4, 3, 2
Y = torch.tensor([0, 1, 2, 1])
LOGITS, P, HARD = torch.zeros(B, K), torch.full((B, K), 0.5), torch.eye(K)[Y]
LOG_PI, MU, VAR, Y_D = torch.zeros(B, K).log_softmax(1), torch.zeros(B, K, D), torch.ones(B, K, D), torch.zeros(B, D)
IMAGES, RNG = torch.rand(B, 1, 8, 8), torch.Generator()
OPERATIONS = torch.zeros(2, B, dtype=torch.int64)
NO_PIXELS = {"0 to 255": 255 * IMAGES, "negative": -IMAGES, "two channels": IMAGES.expand(B, 2, 8, 8),
             "channels last": IMAGES.view(B, 8, 8, 1)}  # fmt: skip

NO_TENSOR = {"nothing": None, "text": "x", "list": [[0.0] * K] * B, "number": 1.0}
KINDS = BAD | {
    "tensor": {**NO_TENSOR, "one row": torch.zeros(1, K), "flat": torch.zeros(B)},
    "class tensor": {
        **NO_TENSOR, "halves": Y / 2, "floats": Y.float(), "nan": torch.full((B,), NAN), "truths": Y > 0,
        "from one": Y + 1, "negative": Y - 1, "row": Y[None], "one-hot": HARD, "short": Y[:3], "empty": Y[:0],
    },
    "T": {"text": "T", "nothing": None, "of ones": torch.ones(K, K), "list of ones": [[1.0] * K] * K, "wide": np.eye(4),
          "flat": torch.ones(K), "nan": torch.full((K, K), NAN), "negative": 2 * torch.eye(K) - 1 / K,
          "transposed": torch.tensor([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1.0]]).T},
    "probabilities": {**NO_TENSOR, "flat": torch.zeros(B), "per cent": 100 * P, "negative": -P, "narrow": P[:, :1]},
    "log weights": {**NO_TENSOR, "weights": LOG_PI.exp(), "narrow": LOG_PI[:, :1]},
    "variances": {**NO_TENSOR, "zero": 0 * VAR, "negative": -VAR, "flat": VAR[:, :, 0]},
    "torch generator": {"seed": 0, "nothing": None, "text": "rng", "NumPy's": np.random.default_rng(0)},
    "images": {**NO_TENSOR, "bytes": (255 * IMAGES).byte(), "flat": torch.zeros(B, 64)},
}  # fmt: skip

CLASSES, VECTORS = {"logits": "tensor", "y": "class tensor"}, {"logits": "tensor", "targets": "probabilities"}
COMPONENTS = {"logits": MU.expand(B, K, D), "y": Y % D, "log_pi": LOG_PI}
OF_COMPONENTS = {"logits": "tensor", "y": "class tensor", "log_pi": "log weights"}

DOORS = [
    Door(losses.cross_entropy, {"logits": LOGITS, "y": Y}, CLASSES),
    Door(losses.soft_cross_entropy, {"logits": LOGITS, "targets": HARD}, VECTORS,
         also={"targets": {"several labels": torch.ones(B, K), "no label": 0 * HARD}}),
    Door(losses.gce, {"logits": LOGITS, "y": Y, "q": 0.7}, {**CLASSES, "q": "fraction"}),
    Door(losses.forward, {"logits": LOGITS, "y": Y, "T": torch.eye(K)}, {**CLASSES, "T": "T"}),
    Door(losses.forward, {"logits": LOGITS, "y": Y, "T": pd.DataFrame(np.eye(K))}),
    Door(losses.dac, {"logits": torch.zeros(B, K + 1), "y": Y, "alpha": 1.0}, {**CLASSES, "alpha": "not negative"}),
    Door(losses.dmi, {"logits": LOGITS, "y": Y}, CLASSES),
    Door(losses.reconstruction, {"logits": LOGITS, "x": P}, {"logits": "tensor", "x": "probabilities"},
         also={"x": {"bytes": HARD.byte()}}),
    Door(losses.gaussian_kl, {"mu": LOGITS, "log_var": LOGITS, "lambda_mi": 0.3},
         {"mu": "tensor", "log_var": "tensor", "lambda_mi": "not negative"}),
    Door(losses.binary_cross_entropy, {"logits": LOGITS, "targets": HARD}, VECTORS),
    Door(losses.bootstrap, {"logits": LOGITS, "y": HARD, "beta": 0.8},
         {"logits": "tensor", "y": "probabilities", "beta": "fraction"}),
    Door(losses.bootstrap_classification, {"logits": LOGITS, "y": Y, "beta": 0.8}, {**CLASSES, "beta": "fraction"}),
    Door(losses.symmetric_cross_entropy, {"logits": LOGITS, "y": Y, "alpha": 0.1, "beta": 1.0, "log_zero": -9.2},
         {**CLASSES, "alpha": "not negative", "beta": "not negative"},
         also={"log_zero": {"positive": 1.0, "text": "-9", "nan": NAN, "infinite": -float("inf")}}),
    Door(losses.imae_weight, {"logits": LOGITS, "y": Y, "T": 8.0}, {**CLASSES, "T": "not negative"}),
    Door(losses.imae, {"logits": LOGITS, "y": Y, "T": 8.0}, {**CLASSES, "T": "not negative"}),
    Door(losses.normalised_cross_entropy, {"logits": LOGITS, "y": Y}, CLASSES),
    Door(losses.active_passive, {"logits": LOGITS, "y": Y, "alpha": 1.0, "beta": 1.0, "log_zero": -9.2},
         {**CLASSES, "alpha": "not negative", "beta": "not negative"},
         also={"log_zero": {"positive": 1.0, "text": "-9", "nan": NAN}}),
    Door(losses.partially_huberised, {"logits": LOGITS, "y": Y, "tau": 2.0}, {**CLASSES, "tau": "positive"}),
    Door(losses.asymmetric_unhinged, {"logits": LOGITS, "y": Y, "a": 5.5, "q": 3.0},
         {**CLASSES, "a": "positive", "q": "positive"}, also={"a": {"one": 1.0}}),
    Door(losses.clip_logits, {"logits": LOGITS, "tau": 1.0}, {"tau": "positive"},
         also={"logits": {**NO_TENSOR, "flat": LOGITS[0]}}),
    Door(losses.clipped_cross_entropy, {"logits": LOGITS, "y": Y, "tau": 1.0}, {**CLASSES, "tau": "positive"}),
    Door(losses.entropy, {"logits": LOGITS}, also={"logits": {**NO_TENSOR, "flat": LOGITS[0]}}),
    Door(losses.prior_kl, {"logits": LOGITS, "prior": P[0] / P[0].sum()}, also={
        "logits": {**NO_TENSOR, "flat": LOGITS[0]},
        "prior": {"list": [1 / K] * K, "text": "uniform", "counts": torch.ones(K), "row": P[:1] / P[0].sum()}}),
    Door(losses.early_learning, {"logits": LOGITS, "targets": HARD}, VECTORS,
         also={"targets": {"several labels": torch.ones(B, K)}}),
    Door(losses.squared_error, {"logits": LOGITS, "targets": HARD}, VECTORS,
         also={"targets": {"several labels": torch.ones(B, K), "no label": 0 * HARD}}),
    Door(losses.label_kl, {"logits": LOGITS, "label_logits": LOGITS}, {"logits": "tensor", "label_logits": "tensor"}),
    Door(losses.jensen_shannon, {"logits": LOGITS, "other": LOGITS}, {"logits": "tensor", "other": "tensor"}),
    Door(losses.instance_forward, {"logits": LOGITS, "y": Y, "transition_logits": torch.zeros(B, K, K)},
         {**CLASSES, "transition_logits": "tensor"}, also={"transition_logits": {"one for all": torch.eye(K)}}),
    Door(losses.bernoulli_kl, {"q_logits": LOGITS, "p_logits": LOGITS, "lambda_mi": 0.3},
         {"q_logits": "tensor", "p_logits": "tensor", "lambda_mi": "not negative"}),
    Door(losses.weighted_scores, {"first": P[:, 0], "second": P[:, 0], "y": P[:, 0], "pi": P[:, 0]},
         also={name: {"nothing": None, "list": [1.0], "number": 0.5} for name in ("first", "second", "y", "pi")}
         | {"pi": {"large": 2 + P[:, 0]}, "y": {"classes": 2 + P[:, 0]}}),
    Door(losses.mixture_nll, {"y": Y_D, "log_pi": LOG_PI, "mu": MU, "var": VAR},
         {"y": "tensor", "log_pi": "log weights", "mu": "tensor", "var": "variances"}),
    Door(losses.rho_kl, {"rho": LOGITS, "log_pi": LOG_PI}, {"rho": "tensor", "log_pi": "log weights"}),
    Door(losses.choice, {**COMPONENTS, "lambda_reg": 1e-4}, {**OF_COMPONENTS, "lambda_reg": "not negative"}),
    Door(losses.mixture_cross_entropy, COMPONENTS, OF_COMPONENTS),
    Door(losses.restoration, {"restored": P, "x": P}, {"restored": "tensor", "x": "tensor"}),
    Door(losses.mutual_information, {"logits": LOGITS}, {"logits": "tensor"}, spared={"logits": {"one row"}}),
    Door(losses.tukey, {"residual": LOGITS, "c": 4.7, "leak": 0.0}, {"c": "positive", "leak": "not negative"},
         also={"residual": NO_TENSOR}),
    Door(tensors.labels, {"y": Y, "n_classes": K}, {"y": "labels"}, spared={"y": {"short"}}),
    Door(tensors.scores, {"p": P}, also={"p": {
        "text": "p", "nothing": None, "flat": P[0], "nan": NAN * P, "empty": P[:0], "ragged": [[1], [1, 2]]}}),
    Door(augment.random_affine, {"x": IMAGES, "generator": RNG, "degrees": 10.0, "shift": 0.1, "scale": 0.1},
         {"x": "images", "generator": "torch generator", "degrees": "not negative", "shift": "not negative",
          "scale": "not negative"}),
    Door(augment.crop_flip, {"x": IMAGES, "generator": RNG, "pad": 2},
         {"x": "images", "generator": "torch generator", "pad": "count"}, spared={"pad": {"zero"}}),
    Door(augment.cutout, {"x": IMAGES, "generator": RNG, "side": 0.5},
         {"x": "images", "generator": "torch generator", "side": "fraction"}),
    Door(augment.rand_augment, {"x": IMAGES, "generator": RNG, "n_ops": 2, "magnitude": 9, "cutout": 0.5},
         {"x": "images", "generator": "torch generator", "n_ops": "count", "magnitude": "count", "cutout": "fraction"},
         also={"x": NO_PIXELS, "magnitude": {"large": 31}},
         spared={"n_ops": {"zero"}, "magnitude": {"zero"}}),
    Door(augment.draw_operations, {"n": B, "generator": RNG, "n_ops": 2},
         {"n": "count", "generator": "torch generator", "n_ops": "count"},
         spared={"n": {"zero"}, "n_ops": {"zero"}}),
    Door(augment.apply_operations, {"x": IMAGES, "operations": OPERATIONS, "magnitude": 9},
         {"x": "images", "magnitude": "count"}, spared={"magnitude": {"zero"}},
         also={"x": NO_PIXELS, "magnitude": {"large": 31}, "operations": {
             **NO_TENSOR, "one row": OPERATIONS[0], "floats": OPERATIONS.float(), "of others": OPERATIONS[:, 1:],
             "unknown": OPERATIONS + 14, "unknown below 0": OPERATIONS - 14, "elsewhere": OPERATIONS.to("meta")}}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


@pytest.mark.parametrize("y", [Y.int(), Y.to(torch.uint8), Y[:, None]], ids=["int32", "uint8", "column"])
def test_whole_numbers_of_any_width_and_a_column_are_labels(y):
    logits = torch.randn(B, K, generator=torch.Generator().manual_seed(0))
    for loss in (losses.cross_entropy, losses.gce, losses.dmi):
        assert torch.equal(loss(logits, y), loss(logits, Y))


def test_what_a_diverging_network_computes_is_left_to_fit():
    """It names the loss, the epoch and the cure."""
    nan = torch.full((B, K), NAN)
    assert losses.cross_entropy(nan, Y).isnan().all() and losses.binary_cross_entropy(nan, HARD).isnan().all()
    assert losses.mixture_nll(Y_D, nan.log_softmax(1), MU, NAN * VAR).isnan().all()


def test_a_column_of_weights_gets_its_cure():
    said = check_refusal(lambda: losses.rho_kl(LOGITS, LOG_PI.exp()), "log_pi")
    assert said.endswith("Did you mean its logarithm?")


def test_values_are_looked_at_on_the_cpu_alone():
    """Tensors of the meta device have none: whoever looks at one, as on a GPU, fails here."""
    logits, y, p, T, log_pi, mu, y_d = (t.to("meta") for t in (LOGITS, Y, P, torch.eye(K), LOG_PI, MU, Y_D))
    for value in (
        losses.gce(logits, y), losses.forward(logits, y, T), losses.dac(logits, y % 2, 1.0), losses.rho_kl(p, log_pi),
        losses.binary_cross_entropy(logits, p), losses.soft_cross_entropy(logits, p), losses.reconstruction(p, p),
        losses.bootstrap(logits, p, 0.8), losses.mixture_nll(y_d, log_pi, mu, mu), losses.choice(mu, y, log_pi),
        latent_labels.linear_noise_loss(logits, p, T), losses.gaussian_kl(p, p),
        losses.bootstrap_classification(logits, y, 0.8), losses.symmetric_cross_entropy(logits, y),
        losses.imae(logits, y), losses.entropy(logits), losses.label_kl(logits, p), losses.active_passive(logits, y),
        losses.partially_huberised(logits, y), losses.asymmetric_unhinged(logits, y),
        losses.clipped_cross_entropy(logits, y),
    ):  # fmt: skip
        assert value.shape == (B,)
