"""The doors of the real generator and extractor against kinds of bad input; see `refusals`. Works without the extra."""

import numpy as np
import pytest
import small_diffusion
import torch
from refusals import BAD, Door, cases, refuses

from lnlkit.methods.clip_features import ClipFeatures
from lnlkit.methods.controlnet import ControlNetEcho, canny_edges
from lnlkit.methods.distillation import BLTM

X = np.zeros((4, 8, 8), np.uint8)
Y = np.array([0, 1, 2, 1])
NO_MODEL = {"nothing": None, "number": 3, "list": ["a"], "empty": "", "network": torch.nn.Linear(2, 2)}
KINDS = BAD | {
    "images": {"text": "x", "nothing": None, "floats": X / 255, "two channels": np.zeros((4, 8, 8, 2), np.uint8),
               "one image": X[0], "channels first": np.zeros((4, 3, 8, 8), np.uint8)},
    "model": NO_MODEL,
    "weights": {"nothing": None, "number": 3, "list": ["a"], "empty": ""},
    "device": {"unknown": "tpu", "nothing": None, "number": 3},
    "text": {"nothing": None, "number": 3, "list": ["a photo of {label}"], "without a label": "a photo"},
    "names": {"nothing": None, "text": "cat", "numbers": [1, 2], "empty": []},
}  # fmt: skip
ECHO = {"class_names": ["a", "b", "c"], "model": "some/weights", "device": "cpu"}

DOORS = [
    Door(canny_edges, {"x": X, "size": 16, "low": 75, "high": 75, "enlarge": "nearest"},
         {"x": "images", "size": "count", "low": "not negative", "high": "not negative", "enlarge": "name"}),
    Door(ControlNetEcho, ECHO | {"folder": "made", "size": 64, "batch_size": 2},
         {"class_names": "names", "model": "model", "controlnet": "weights", "canny_low": "not negative",
          "canny_high": "not negative", "enlarge": "name", "steps": "count", "size": "count", "prompt": "text",
          "guidance": "not negative", "control": "positive", "batch_size": "count", "device": "device",
          "folder": "folder"}, also={"size": {"of 8": 100}, "progress": {"text": "bar"}}),
    Door(ControlNetEcho(**ECHO).modify, {"x": X, "y": Y, "seed": 0}, {"x": "images", "y": "labels", "seed": "seed"}),
    Door(ClipFeatures, {"model": "some/weights", "batch_size": 2, "device": "cpu"},
         {"model": "model", "batch_size": "count", "device": "device"}),
    Door(ClipFeatures("some/weights", device="cpu").__call__, {"x": X}, {"x": "images"}),
]  # fmt: skip


@pytest.mark.parametrize("door, argument, value", cases(DOORS, KINDS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    refuses(door, argument, value)


def test_the_calls_work_otherwise():
    small_diffusion.packages("cv2", "diffusers", "transformers")
    for door in DOORS[:2] + DOORS[3:4]:
        door.function(**door.good)
    made = ControlNetEcho(**ECHO | {"model": small_diffusion.pipeline(), "steps": 1, "size": 64}).modify(X, Y)
    assert made.shape == X.shape and ClipFeatures(small_diffusion.clip(), device="cpu")(X).shape == (4, 6)


def test_bltm_selects_after_a_training_only():
    for ask in ("select", "transitions"):
        refuses(Door(getattr(BLTM(), ask), {}, called={"x": "BLTM"}), "x", X)
