"""Networks against kinds of bad input; see `refusals`."""

import pytest
import torch
from refusals import BAD, Door, check_refusal, standard_tests

from lnlkit import data, models

SHAPE = (1, 32, 32)
FACTS = data.images.DATASETS["digits"]
KINDS = BAD | {
    "shape": {"text": "1x8x8", "nothing": None, "number": 8, "empty": (), "two": (8, 8), "zero": (1, 0, 8),
              "halves": (1, 8.5, 8), "words": ("1", "8", "8")},
    "numbers": {"text": "0.5", "nothing": None, "words": ["0.5"], "too many": [0.1, 0.2], "nan": [float("nan")]},
    "net": {"nothing": None, "text": "mlp", "number": 3},
}  # fmt: skip
SIZES = {"image_shape": "shape", "n_outputs": "count"}
GOOD = {"image_shape": SHAPE, "n_outputs": 10}

DOORS = [
    Door(models.mlp, GOOD | {"hidden": 8}, SIZES | {"hidden": "count"}),
    Door(models.small_cnn, GOOD | {"width": 4}, SIZES | {"width": "count"}, also={"image_shape": {"tiny": (1, 3, 3)}}),
    Door(models.idn_cnn, GOOD, SIZES, also={"image_shape": {"tiny": (1, 7, 8)}}),
    Door(models.resnet, GOOD | {"blocks": (1,), "width": 4}, SIZES | {"width": "count"},
         also={"blocks": {"nothing": None, "number": 2, "zero": (0,), "empty": ()}}),
    Door(models.wide_resnet, GOOD | {"depth": 10, "widen": 1}, SIZES | {"depth": "count", "widen": "count"},
         also={"depth": {"eleven": 11}}),
    Door(models.features_mlp, {"shape": (6,), "n_outputs": 3, "hidden": (4,)}, {"n_outputs": "count"},
         also={"shape": {"text": "6", "nothing": None, "zero": (0,)}, "hidden": {"number": 4, "zero": (0,)}}),
    Door(models.build, GOOD | {"name": "mlp", "mean": [0.5], "std": [0.2]},
         SIZES | {"name": "name", "mean": "numbers", "std": "numbers"},
         also={"std": {"zero": [0.0], "negative": [-1.0]}}, called={"name": "network"}),
    Door(models.of_images, {"name": "mlp", "facts": FACTS, "n_outputs": 3}, {"name": "name", "n_outputs": "count"},
         spared={"n_outputs": {"nothing"}}, called={"name": "network"}),
    Door(models.regression_mlp, {"n_inputs": 1, "n_outputs": 1, "hidden": 4},
         {"n_inputs": "count", "n_outputs": "count", "hidden": "count"}),
    Door(models.split_head, {"net": torch.nn.Linear(2, 2)}, {"net": "net"}, also={"net": {"no head": torch.nn.ReLU()}}),
    Door(models.ConditionalVAE, {"image_shape": (1, 8, 8), "n_classes": 3, "latent": 2, "hidden": 4},
         {"image_shape": "shape", "n_classes": "count", "latent": "count", "hidden": "count"}),
]  # fmt: skip


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


@pytest.mark.parametrize("make", [models.resnet18, models.resnet34, models.resnet34_imagenet])
def test_the_big_networks_refuse_their_sizes_before_they_are_built(make):
    for shape, n_outputs in (((3, 0, 8), 10), ((3, 8, 8), "10"), ((3, 8, 8), 0)):
        check_refusal(lambda: make(shape, n_outputs), "image_shape", "n_outputs")  # noqa: B023 (called at once)
    check_refusal(lambda: models.resnet34_imagenet((3, 8, 8), 10, weights="imagenet"), "weights")


def test_a_generator_of_images_refuses_classes_that_it_does_not_have():
    cvae = models.ConditionalVAE((1, 8, 8), 3, 2, 4)
    for y in (torch.tensor([3]), torch.tensor([-1]), torch.tensor([0.5])):
        check_refusal(lambda: cvae.sample(y), "y")  # noqa: B023
