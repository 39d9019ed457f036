import pytest
import torch
from small_runs import digits, recipe, weights
from torch.testing import assert_close

from lnlkit.augment import random_affine
from lnlkit.methods.base import CE
from lnlkit.methods.refurbishment import SEAL, OnSoftLabels
from lnlkit.training import fit


def mean_over_epochs(method, **changes) -> torch.Tensor:
    """Softmax of the training set, averaged over the epochs of one run."""
    outputs = []
    fit(method, digits(), recipe(**changes), seed=1, after_epoch=lambda m: outputs.append(m.predict(digits().x)) or {})
    return sum(outputs) / len(outputs)


def on(soft_labels) -> OnSoftLabels:
    method = OnSoftLabels()
    method.soft_labels_ = soft_labels
    return method


def test_seal_hands_the_mean_prediction_of_each_run_to_the_next():
    seal = SEAL(iterations=3)
    fit(seal, digits(), recipe(), seed=1)
    soft_labels = mean_over_epochs(CE())
    for _ in range(2):
        soft_labels = mean_over_epochs(on(soft_labels))
    last = on(soft_labels)
    fit(last, digits(), recipe(), seed=1)
    assert_close(seal.soft_labels_, soft_labels, rtol=1e-3, atol=1e-5)
    assert_close(seal.soft_labels_.sum(1), torch.ones(200))
    assert_close(weights(seal), weights(last), rtol=1e-2, atol=1e-4)


def test_seal_takes_the_length_of_the_earlier_runs():
    seal = SEAL(iterations=1, stage_epochs=2)
    fit(seal, digits(), recipe(epochs=1), seed=1)
    assert_close(seal.soft_labels_, mean_over_epochs(CE(), epochs=2))


def test_seal_augments_every_run_and_predicts_plain_images():
    seal, augmented = SEAL(iterations=1), recipe(augment=random_affine)
    fit(seal, digits(), augmented, seed=1)
    assert_close(seal.soft_labels_, mean_over_epochs(CE(), augment=random_affine))


def test_soft_labels_of_one_class_are_plain_labels():
    """Each example meets its own soft label, although batches are shuffled."""
    one_hot = torch.eye(10)[torch.from_numpy(digits().y)]
    soft, ce = on(one_hot), CE()
    fit(soft, digits(), recipe())
    fit(ce, digits(), recipe())
    assert_close(weights(soft), weights(ce), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("hparams", "says"), [
    ({"iterations": 0}, "`iterations` must be at least 1, but got 0"),
    ({"iterations": 1.5}, "`iterations` must be a whole number"),
    ({"stage_epochs": 0}, "`stage_epochs` must be at least 1, but got 0"),
])  # fmt: skip
def test_seal_names_a_wrong_hyperparameter(hparams, says):
    with pytest.raises((ValueError, TypeError), match=says):
        SEAL(**hparams)
