"""The formats in which labels come, against every public door that takes labels: as good as plain ones, or refused."""
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from refusals import check_refusal

from lnlkit import data, evaluation, noise, training, viz
from lnlkit.data import label_vectors, scenes
from lnlkit.tasks import corruption

K, N = 10, 20
Y = np.tile(np.arange(K), 2)
X = np.random.default_rng(0).integers(0, 256, (N, 8, 8), dtype=np.uint8)
P = np.random.default_rng(1).random((N, K), dtype=np.float32)
T = noise.symmetric(K, 0.4)
V = np.eye(K, dtype=np.uint8)[Y]
JUDGE = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, K))


def rng():
    return np.random.default_rng(2)


def as_objects(y):
    mixed = y.astype(object)
    mixed[3] = str(mixed[3])
    return mixed


def with_nan(y):
    holed = y.astype(float)
    holed[1] = np.nan
    return holed


SAME = {
    "int64": lambda y: y, "int32": np.int32, "int8": np.int8, "uint8": np.uint8, "uint64": np.uint64,
    "big-endian": lambda y: y.astype(">i4"), "list": np.ndarray.tolist, "tuple": lambda y: tuple(y.tolist()),
    "tensor": torch.from_numpy, "uint8 tensor": lambda y: torch.from_numpy(y).byte(), "Series": pd.Series,
    "Series with another index": lambda y: pd.Series(y, index=np.arange(N) + 5), "Index": pd.Index,
    "column": lambda y: y[:, None], "column of a tensor": lambda y: torch.from_numpy(y)[:, None],
    "DataFrame of one column": lambda y: pd.DataFrame({"label": y}),
    "every other of an array": lambda y: np.repeat(y, 2)[::2],
    "nullable Series": lambda y: pd.Series(y, dtype="Int64"), "categories": lambda y: pd.Series(y).astype("category"),
    "masked array without a mask": np.ma.array, "read-only": lambda y: np.broadcast_to(y, y.shape),
}  # fmt: skip
REFUSED = {
    "text": lambda y: y.astype(str), "bytes": lambda y: y.astype("S"), "floats": np.float64, "halves": lambda y: y / 2,
    "float tensor": lambda y: torch.from_numpy(y).float(), "NaN": with_nan, "truths": lambda y: y > 0,
    "row": lambda y: y[None], "one-hot": lambda y: np.eye(K, dtype=int)[y], "objects": as_objects,
    "from one": lambda y: y + 1, "negative": lambda y: y - 1, "short": lambda y: y[:-1],
    "long": lambda y: np.append(y, 0),
    "empty": lambda y: y[:0], "one number": lambda y: 3, "none": lambda y: None, "a text": lambda y: "0123456789" * 2,
    "dict": lambda y: dict(enumerate(y)), "ragged": lambda y: [[label] * (1 + label % 2) for label in y.tolist()],
    "masked": lambda y: np.ma.array(y, mask=y == 3),
    "nullable Series with NA": lambda y: pd.Series(y, dtype="Int64").shift(),
    "complex": lambda y: y + 0j, "dates": lambda y: y.astype("datetime64[s]"),
}  # fmt: skip
UNKNOWN_K = {"from one"}  # of doors that can't know how many classes there are
ALONE = {"short", "long", "empty"}  # of doors that take labels and nothing beside


def holder(y, n_classes=K):
    return SimpleNamespace(x=X, y=y, n_classes=n_classes)


def image_data(y_train=Y, y_test=Y):
    return data.ImageData("mine", X, y_train, X, y_test, K, "here", tuple("0123456789"))


def drawn(y_noisy=Y, y_clean=Y):
    ax = Figure().subplots()
    viz.embedding(P[:, :2], y_noisy, y_clean, ax)
    return np.concatenate([np.ma.getdata(points.get_offsets()) for points in ax.collections])


DOORS = {
    "noise.corrupt": (lambda y: noise.corrupt(y, T, rng()), ALONE),
    "noise.corrupt, exact": (lambda y: noise.corrupt(y, T, rng(), exact=True), ALONE),
    "noise.measured_rate, clean": (lambda y: noise.measured_rate(y, Y), UNKNOWN_K),
    "noise.measured_rate, noisy": (lambda y: noise.measured_rate(Y, y), UNKNOWN_K),
    "noise.measured_T, clean": (lambda y: noise.measured_T(y, Y, K), ()),
    "noise.measured_T, noisy": (lambda y: noise.measured_T(Y, y, K), ()),
    "noise.mislabelling_scores": (lambda y: noise.mislabelling_scores(P, y), ()),
    "noise.flip_hardest": (lambda y: noise.flip_hardest(y, P, 0.4), ()),
    "noise.part_dependent": (lambda y: noise.part_dependent(X, y, 0.4, rng(), n_classes=K)[0], ()),
    "corruption.corrupt_labels": (lambda y: corruption.corrupt_labels(X, y, "symmetric", 0.4, 0, n_classes=K), ()),
    "corruption.corrupt_labels, part_dependent":
        (lambda y: corruption.corrupt_labels(X, y, "part_dependent", 0.4, 0, n_classes=K), ()),
    "corruption.make_noisy": (lambda y: corruption.make_noisy(image_data(y), "pairflip", 0.4).y, ()),
    "data.Labelled": (lambda y: data.Labelled(X, y, K).y, {"one-hot"}),      # label vectors are welcome there
    "data.NoisyData, y": (lambda y: data.NoisyData(X, y, Y, K).y, ()),
    "data.NoisyData, y_clean": (lambda y: data.NoisyData(X, Y, y, K).y_clean, ()),
    "data.ImageData, y_train": (lambda y: image_data(y).y_train, ()),
    "data.ImageData, y_test": (lambda y: image_data(Y, y).y_test, ()),
    "data.subset": (lambda y: data.subset(X, y, 10, 0), UNKNOWN_K),
    "label_vectors.as_vectors": (lambda y: label_vectors.as_vectors(image_data(y)).y_train, ()),
    "scenes.compose": (lambda y: scenes.compose(X, y, 5, rng())[1], ()),
    "training.TrainingSet.of": (lambda y: training.TrainingSet.of(holder(y)).y, {"one-hot"}),
    "evaluation.accuracy": (lambda y: evaluation.accuracy(P, y), ()),
    "evaluation.knn_agreement": (lambda y: evaluation.knn_agreement(P, y, 3), UNKNOWN_K),
    "evaluation.fidelity": (lambda y: evaluation.fidelity(JUDGE, X, y), ()),
    "viz.embedding, y_noisy": (lambda y: drawn(y_noisy=y), UNKNOWN_K),
    "viz.embedding, y_clean": (lambda y: drawn(y_clean=y), UNKNOWN_K),
}  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_good_labels_are_as_good_as_int64_whatever_their_format(door):
    call, _ = DOORS[door]
    expected = call(Y)
    for form in SAME.values():
        np.testing.assert_array_equal(np.asarray(call(form(Y))), np.asarray(expected))


@pytest.mark.parametrize("form", REFUSED)
@pytest.mark.parametrize("door", DOORS)
def test_other_labels_are_refused_in_one_sentence(door, form):
    call, spared = DOORS[door]
    if form not in spared:
        check_refusal(lambda: call(REFUSED[form](Y)), "y", "y_clean", "y_noisy", "y_train", "y_test", "labels")


# ---- label vectors ----------------------------------------------------------------------------------------------

SAME_VECTORS = {
    "uint8": lambda v: v, "int64": np.int64, "truths": lambda v: v > 0, "floats": np.float32, "list": np.ndarray.tolist,
    "tensor": torch.from_numpy, "float tensor": lambda v: torch.from_numpy(v).float(), "DataFrame": pd.DataFrame,
}  # fmt: skip
REFUSED_VECTORS = {
    "class numbers": lambda v: v.argmax(1), "column": lambda v: v.argmax(1)[:, None], "text": lambda v: v.astype(str),
    "twos": lambda v: 2 * v, "halves": lambda v: v / 2, "minus ones": lambda v: 2.0 * v - 1,
    "NaN": lambda v: np.where(v, np.nan, 0), "row": lambda v: v[None], "short": lambda v: v[:-1],
    "none": lambda v: None, "too few classes": lambda v: v[:, :-1],
    "objects": lambda v: np.where(v, "yes", None), "transposed": lambda v: v.T,
}  # fmt: skip
CLASSES = {"class numbers", "column"}  # of doors that take these, too


def noisy_vectors(y=V, y_clean=V):
    return label_vectors.NoisyLabelVectors(X, y, y_clean, K)


def vectors(**change):
    arrays = dict(name="mine", x_train=X, y_train=V, x_test=X, y_test=V, n_classes=K, source="here")
    return label_vectors.LabelVectorData(**arrays | dict(class_names=tuple("0123456789")) | change)


VECTOR_DOORS = {
    "noise.permute_labels": (lambda v: noise.permute_labels(v, 0.5, rng()), {"short", "too few classes", "transposed"}),
    "noise.measured_transitions, latent": (lambda v: noise.measured_transitions(v, V), ()),
    "noise.measured_transitions, noisy": (lambda v: noise.measured_transitions(V, v), ()),
    "data.Labelled": (lambda v: data.Labelled(X, v, K).y, CLASSES),
    "LabelVectorData, y_train": (lambda v: vectors(y_train=v).y_train, ()),
    "LabelVectorData, y_test": (lambda v: vectors(y_test=v).y_test, ()),
    "LabelVectorData, y_noisy": (lambda v: vectors(y_noisy=v).y_noisy, {"none"}),
    "NoisyLabelVectors, y": (lambda v: noisy_vectors(v).y, ()),
    "NoisyLabelVectors, y_clean": (lambda v: noisy_vectors(V, v).y_clean, {"none"}),
    "label_vectors.make_noisy": (lambda v: label_vectors.make_noisy(vectors(y_train=v), "permutation", 0.5, 0).y, ()),
    "training.TrainingSet.of": (lambda v: training.TrainingSet.of(holder(v)).y, CLASSES),
    "evaluation.average_precision": (lambda v: evaluation.average_precision(P, v), ()),
}  # fmt: skip


@pytest.mark.parametrize("door", VECTOR_DOORS)
def test_good_label_vectors_are_as_good_as_uint8_whatever_their_format(door):
    call, _ = VECTOR_DOORS[door]
    expected = call(V)
    for form in SAME_VECTORS.values():
        np.testing.assert_array_equal(np.asarray(call(form(V))), np.asarray(expected))


@pytest.mark.parametrize("form", REFUSED_VECTORS)
@pytest.mark.parametrize("door", VECTOR_DOORS)
def test_other_label_vectors_are_refused_in_one_sentence(door, form):
    call, spared = VECTOR_DOORS[door]
    if form not in spared:
        check_refusal(lambda: call(REFUSED_VECTORS[form](V)))
