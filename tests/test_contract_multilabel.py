"""What every multi-label entry of METHODS promises, checked on small real digits; hyper-parameters: `test_contract`."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_multilabel import digits, features, pairs, recipe
from small_runs import untrained, weights

from lnlkit.data import Labelled
from lnlkit.data.label_vectors import NoisyLabelVectors
from lnlkit.evaluation import mean_average_precision
from lnlkit.methods import METHODS, Method, hyperparameters, make
from lnlkit.training import fit

SMALL = {  # hyper-parameters that fit runs of two epochs; everything else at its published default
    "icnm": {"warmup_epochs": 1},
    "learnq": {"warmup_epochs": 1},
    "quality_embedding": {"alpha": 3e-2},
}
EVERY_MULTILABEL = pytest.mark.parametrize("name", [n for n, cls in METHODS.items() if cls.task == "multilabel"])


def small(name: str) -> Method:
    return make(name, **SMALL.get(name, {}))


def trained(name: str, examples, seed: int = 0, **changes) -> Method:
    method = small(name)
    fit(method, examples, recipe(examples, **{"network": "small_cnn", "epochs": 2} | changes), seed=seed)
    return method


def noisy_pairs() -> NoisyLabelVectors:
    """120 images of two digits, of whose label vectors 30 % are permuted."""
    return pairs(120, 0.3)


@functools.cache
def on_noisy_pairs(name: str) -> Method:
    return trained(name, noisy_pairs())


def are_probabilities(p: torch.Tensor, shape) -> bool:
    right_kind = p.shape == shape and p.dtype == torch.float32 and p.device.type == "cpu" and not p.requires_grad
    return right_kind and bool(((p >= 0) & (p <= 1)).all())  # nan is neither


@EVERY_MULTILABEL
def test_predicts_probabilities(name):
    """Of each label by itself: they need not sum to 1. Nothing is drawn, and no statistics of the batch enter."""
    x = noisy_pairs().x[:77]
    p = on_noisy_pairs(name).predict(x)
    assert are_probabilities(p, (77, 10)) and (p.sum(1) - 1).abs().max() > 0.01
    assert torch.equal(on_noisy_pairs(name).predict(x), p)
    torch.testing.assert_close(on_noisy_pairs(name).predict(x[:5]), p[:5])


@EVERY_MULTILABEL
def test_same_seed_same_weights_bit_for_bit(name):
    """The global random state does not matter, and the data stay as they are."""
    examples = noisy_pairs()
    before = {field: value.copy() for field, value in vars(examples).items() if isinstance(value, np.ndarray)}
    torch.manual_seed(123)
    method = trained(name, examples)
    method.predict(examples.x)
    assert torch.equal(weights(method), weights(on_noisy_pairs(name)))
    assert set(before) == {"x", "y", "y_clean"}
    for field, copy in before.items():
        assert np.array_equal(getattr(examples, field), copy)


class Sealed(SimpleNamespace):
    """Noisy examples that fall apart when anybody looks at the truth."""

    def visible(self):
        return Labelled(self.x, self.y, self.n_classes)

    @property
    def y_clean(self):
        raise AssertionError("a method asked for the clean labels")


@EVERY_MULTILABEL
def test_never_reads_the_truth(name):
    """The first run has no clean labels at all, the second may not ask for any."""
    examples = noisy_pairs()
    sealed = Sealed(x=examples.x, y=examples.y, n_classes=10)
    for other in (examples.visible(), sealed):
        assert torch.equal(weights(trained(name, other)), weights(on_noisy_pairs(name)))


@EVERY_MULTILABEL
def test_a_used_method_starts_afresh(name):
    """A second fit forgets the first: weights, schedules, the noise it had learned. Hyper-parameters stay as given."""
    method = trained(name, noisy_pairs(), seed=1)
    assert not torch.equal(weights(method), weights(on_noisy_pairs(name)))
    fit(method, noisy_pairs(), recipe(noisy_pairs(), "small_cnn", epochs=2), seed=0)
    assert torch.equal(weights(method), weights(on_noisy_pairs(name)))
    assert hyperparameters(method) == hyperparameters(small(name))


@EVERY_MULTILABEL
@pytest.mark.parametrize("examples, least", [(digits, 0.9), (pairs, 0.8)], ids=["one_label", "two_labels"])
def test_learns_clean_labels(name, examples, least):
    """mAP on unseen images. Chance, and the untrained network, is the share of positives: 0.1 or 0.2."""
    train, unseen = examples(600), examples(200, test=True)

    def score(method):
        return mean_average_precision(method.predict(unseen.x), unseen.y_clean)

    method = make(name)
    history = fit(method, train, recipe(train, epochs=12))
    assert len(history) == 12 and all(np.isfinite(row["loss"]) for row in history)
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert score(method) > least and score(untrained(make(name), train, recipe(train))) < 0.35


@EVERY_MULTILABEL
def test_learns_from_features(name):
    """The same digits as rows of numbers (N, d)."""
    train, unseen = features(digits(600)), features(digits(200, test=True))
    method = make(name)
    fit(method, train, recipe(train, epochs=12))
    p = method.predict(unseen.x)
    assert are_probabilities(p, (200, 10))
    assert mean_average_precision(p, unseen.y_clean) > 0.9


@EVERY_MULTILABEL
def test_survives_examples_without_a_label_and_classes_without_an_example(name):
    """A third of the vectors all 0, and class 3 in none of them; then all vectors 0; then all 1."""
    clean = digits(120)
    y = clean.y.copy()
    y[::3], y[:, 3] = 0, 0
    for labels, mean in ((y, 0.05), (0 * y, 0), (0 * y + 1, 1)):
        examples = NoisyLabelVectors(clean.x, labels, labels, 10)
        method = make(name)
        history = fit(method, examples, recipe(examples, epochs=12))
        p = method.predict(clean.x)
        assert all(np.isfinite(row["loss"]) for row in history) and are_probabilities(p, (120, 10))
        assert p[:, 3].mean().item() == pytest.approx(mean, abs=0.12)


@EVERY_MULTILABEL
def test_a_last_batch_of_one_and_a_single_class(name):
    """33 examples in batches of 32, and one label an example, there or not."""
    clean = digits(33)
    examples = NoisyLabelVectors(clean.x, clean.y[:, :1], clean.y[:, :1], 1)
    assert are_probabilities(trained(name, examples, network="mlp").predict(clean.x), (33, 1))


@EVERY_MULTILABEL
def test_runs_in_half_precision_and_with_a_schedule(name):
    """bfloat16 in the network; the schedule multiplies the learning rate of everything that is learned."""
    lr = []

    def make_schedule(optimizer):
        lr.append(optimizer)
        return torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)

    p = trained(name, noisy_pairs(), network="mlp", amp=True, make_schedule=make_schedule).predict(noisy_pairs().x)
    assert are_probabilities(p, (120, 10))
    assert [group["lr"] for group in lr[0].param_groups] == pytest.approx([3e-5] * len(lr[0].param_groups))


def test_the_baselines_of_the_paper_are_there():
    """Paper 02, Table VI: no test above can pass for want of entries."""
    there = {name for name, cls in METHODS.items() if cls.task == "multilabel"}
    assert {"bce", "bootstrap", "learnq", "icnm", "quality_embedding"} <= there
