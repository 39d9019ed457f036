import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from refusals import check_refusal
from small_runs import digits, last_accuracy, recipe, two_fifths_wrong, weights
from torch.testing import assert_close

from lnlkit import data
from lnlkit.methods import confident
from lnlkit.methods.base import CE
from lnlkit.methods.confident import ConfidentLearning, out_of_sample
from lnlkit.methods.extras import MissingExtra
from lnlkit.training import TrainingSet, fit


@pytest.fixture
def found(monkeypatch):
    """In the place of cleanlab: the labels that it is told to find, and what it was asked."""
    stand_in = SimpleNamespace(issues=np.zeros(200, bool), asked=None)

    def find_label_issues(labels, pred_probs, **options):
        stand_in.asked = labels, pred_probs, options
        return stand_in.issues

    stand_in.filter = SimpleNamespace(find_label_issues=find_label_issues)
    monkeypatch.setitem(sys.modules, "cleanlab", stand_in)
    return stand_in


# ---- without the extra ----


def test_without_the_extra_one_sentence_names_it_before_any_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    monkeypatch.setattr(confident, "out_of_sample", lambda *_: pytest.fail("trained first"))
    with pytest.raises(MissingExtra):
        fit(ConfidentLearning(), digits(), recipe())
    said = check_refusal(lambda: fit(ConfidentLearning(), digits(), recipe()), "cleanlab")
    assert "pip install 'lnlkit[cleanlab]'" in said


# ---- out-of-sample probabilities ----


def test_no_network_is_asked_about_an_example_that_it_was_trained_on(monkeypatch):
    trainings, told = [], []

    class Spy(CE):
        def start(self, recipe, data, generator):
            super().start(recipe, data, generator)
            trainings.append({image.numpy().tobytes() for image in data.x})

        def predict(self, x):
            images = {image.numpy().tobytes() for image in x}
            assert not images & trainings[-1]
            told.append(len(images))
            return super().predict(x)

    monkeypatch.setattr(confident, "CE", Spy)
    out_of_sample(TrainingSet.of(digits()), recipe(epochs=1), folds=4, seed=1)
    assert len(trainings) == 4 and told == [50] * 4 and [len(of) for of in trainings] == [150] * 4


def test_every_example_gets_the_prediction_for_its_own_image():
    """Trained for long on clean digits, the out-of-sample prediction is the example's class nearly always."""
    p = out_of_sample(TrainingSet.of(digits(600)), recipe(epochs=12), folds=3)
    assert_close(p.sum(1), torch.ones(600))
    assert (p.argmax(1).numpy() == digits(600).y).mean() > 0.85


def test_a_class_may_have_fewer_examples_than_there_are_folds():
    y = np.where(np.arange(200) < 2, 1, 0)
    assert out_of_sample(TrainingSet.of(digits(200, y)), recipe(epochs=1), folds=4).shape == (200, 10)


# ---- what is left ----


def test_cleanlab_is_asked_about_out_of_sample_probabilities(found):
    method = ConfidentLearning(folds=3, prune="both", stage_epochs=2)
    fit(method, digits(), recipe(epochs=1), seed=5)
    labels, p, options = found.asked
    assert np.array_equal(labels, digits().y) and options == {"filter_by": "both", "n_jobs": 1}
    assert_close(torch.from_numpy(p).float(), out_of_sample(TrainingSet.of(digits()), recipe(epochs=2), 3, seed=5))


def test_if_no_label_is_found_wrong_it_is_the_ce_run_bit_for_bit(found):
    method, ce = ConfidentLearning(folds=2), CE()
    for of in (method, ce):
        fit(of, digits(), recipe(), seed=3)
    assert torch.equal(weights(method), weights(ce))


def test_it_is_the_ce_run_on_the_labels_that_are_left(found):
    found.issues = np.arange(200) % 3 == 0
    method, ce, every = ConfidentLearning(folds=2), CE(), digits()
    history = fit(method, every, recipe(), seed=3)
    fit(ce, data.Labelled(every.x[~found.issues], every.y[~found.issues], 10), recipe(), seed=3)
    assert torch.equal(weights(method), weights(ce))
    assert [row["kept"] for row in history] == pytest.approx([133 / 200] * 3)


def test_it_says_how_right_the_kept_labels_are(found):
    """The second half is mislabelled, and the first 50 labels are found wrong: of 150 that are kept 50 are right."""
    clean = digits().y
    train = digits(200, np.where(np.arange(200) < 100, clean, (clean + 1) % 10))
    found.issues = np.arange(200) < 50
    method = ConfidentLearning(folds=2)
    fit(method, train, recipe(epochs=1))
    assert method.diagnose(SimpleNamespace(train=train)) == {
        "kept_share": 0.75, "selection_precision": 1 / 3, "selection_recall": 0.5}  # fmt: skip


# ---- with cleanlab ----


def test_cleanlab_finds_what_the_confident_joint_says():
    """C_confusion by hand: an example is out if the likeliest class above its threshold is not its label."""
    pytest.importorskip("cleanlab")
    train = two_fifths_wrong(0)
    method = ConfidentLearning(prune="confident_learning", stage_epochs=10)
    fit(method, train, recipe(epochs=1))
    p, y = method.out_of_sample_.double().numpy(), train.y
    thresholds = np.array([p[y == k, k].mean() for k in range(10)])
    confident_in = np.where(p >= thresholds - 1e-9, p, -1)
    out = (confident_in.max(1) > 0) & (confident_in.argmax(1) != y)
    assert (method.kept_.numpy() == ~out).mean() > 0.99


def test_a_class_without_labels_is_no_obstacle():
    pytest.importorskip("cleanlab")
    y = two_fifths_wrong(0).y
    method = ConfidentLearning(stage_epochs=5)
    fit(method, digits(800, np.where(y == 9, 0, y)), recipe(epochs=1))
    assert 0.3 < method.kept_.float().mean() < 0.8


def test_it_ends_above_ce_and_keeps_right_labels_where_two_fifths_are_wrong():
    """Three seeds, 40 epochs of digits: CE ends at 68 to 74 %, confident learning at 86 to 89 %."""
    pytest.importorskip("cleanlab")
    for seed in range(3):
        assert last_accuracy("confident_learning", seed) > last_accuracy("ce", seed) + 8
    method, train = ConfidentLearning(stage_epochs=10), two_fifths_wrong(0)
    fit(method, train, recipe(epochs=1))
    found = method.diagnose(SimpleNamespace(train=train))
    assert found["selection_precision"] > 0.88 and found["selection_recall"] > 0.85


@pytest.mark.parametrize(("hparams", "says"), [
    ({"folds": 1}, "`folds` must be at least 2, but got 1"), ({"folds": 2.5}, "`folds` must be a whole number"),
    ({"prune": "all"}, "`prune` must be one of"), ({"stage_epochs": 0}, "`stage_epochs` must be at least 1"),
])  # fmt: skip
def test_a_wrong_hyperparameter_is_named(hparams, says):
    with pytest.raises((ValueError, TypeError), match=says):
        ConfidentLearning(**hparams)
