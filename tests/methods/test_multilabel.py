import numpy as np
import pytest
import torch
from small_multilabel import digits, pairs, recipe
from small_runs import untrained, weights
from torch.testing import assert_close

from lnlkit.data.label_vectors import NoisyLabelVectors
from lnlkit.evaluation import mean_average_precision
from lnlkit.methods.multilabel import BCE, Bootstrap
from lnlkit.training import Batch, fit


def trained(method, train, **changes):
    fit(method, train, recipe(train, **changes))
    return method


@pytest.mark.parametrize("method, beta, hard", [
    (Bootstrap(), 0.95, False), (Bootstrap(hard=True), 0.8, True), (Bootstrap(beta=0.3), 0.3, False),
    (Bootstrap(beta=0.0, hard=True), 0.0, True),
], ids=repr)  # fmt: skip
def test_beta_is_the_authors_for_each_form_unless_given(method, beta, hard):
    train = pairs(30, 0.3)
    trained(method, train, epochs=1)
    x, y = torch.from_numpy(train.x[:, None]) / 255, torch.from_numpy(train.y).float()
    logits = method.classifier_(x)
    p = logits.sigmoid()
    targets = beta * y + (1 - beta) * ((p > 0.5).float() if hard else p)
    expected = torch.nn.functional.binary_cross_entropy(p, targets, reduction="none").sum(1).mean()
    assert_close(method.loss(Batch(x, y, torch.arange(30))), expected, rtol=1e-4, atol=0)


def test_bce_reports_its_loss_of_the_untrained_network():
    """One full batch: summed over the labels, averaged over the examples, before the update."""
    train = pairs(40, 0.3)
    p = untrained(BCE(), train, recipe(train)).predict(train.x).double().numpy()
    slow = -np.where(train.y == 1, np.log(p), np.log(1 - p)).sum(1).mean()
    assert fit(BCE(), train, recipe(train, epochs=1, batch_size=40))[0]["loss"] == pytest.approx(slow, rel=1e-5)


@pytest.mark.parametrize("hard", [False, True])
def test_beta_1_is_plain_training_bit_for_bit(hard):
    """No other beta is, neither form is the other."""
    train = pairs(100, 0.3)
    plain = weights(trained(BCE(), train))
    assert torch.equal(weights(trained(Bootstrap(hard=hard, beta=1.0), train)), plain)
    soft, other = (weights(trained(Bootstrap(hard=form), train)) for form in (hard, not hard))
    assert not torch.equal(soft, plain) and not torch.equal(soft, other)


@pytest.mark.parametrize("hard", [False, True])
def test_beta_0_does_not_look_at_the_labels(hard):
    train = digits(60)
    other = NoisyLabelVectors(train.x, 1 - train.y, 1 - train.y, 10)
    a, b = (weights(trained(Bootstrap(hard=hard, beta=0.0), examples)) for examples in (train, other))
    assert torch.equal(a, b)


def test_soft_form_makes_predictions_surer():
    """The entropy of the prediction is part of the loss, with weight 1 - beta."""
    train = pairs(200, 0.3)

    def entropy(method):
        p = trained(method, train, epochs=8).predict(train.x)
        return torch.distributions.Bernoulli(p).entropy().mean()

    assert entropy(Bootstrap(beta=0.6)) < 0.8 * entropy(BCE())


def test_learns_from_permuted_digits():
    """40 % of the label vectors permuted: mAP on unseen digits, where chance is 0.1."""
    train, unseen = digits(600, 0.4), digits(200, test=True)
    for method in (BCE(), Bootstrap(), Bootstrap(hard=True)):
        trained(method, train, epochs=10)
        assert mean_average_precision(method.predict(unseen.x), unseen.y_clean) > 0.8


@pytest.mark.parametrize("beta, cure", [(95.0, "Did you mean 0.95?"), (-0.1, "but got -0.1"), (1.5, "but got 1.5")])
def test_wrong_beta_is_named(beta, cure):
    with pytest.raises(ValueError, match=r"`beta` must be a fraction in \[0, 1\]") as error:
        Bootstrap(beta=beta)
    assert cure in str(error.value)


def test_predicts_the_sigmoid_of_each_logit():
    train = pairs(30)
    method = trained(Bootstrap(), train)
    with torch.no_grad():
        logits = method.classifier_.eval()(torch.from_numpy(train.x[:, None]) / 255)
    assert_close(method.predict(train.x), logits.sigmoid())
