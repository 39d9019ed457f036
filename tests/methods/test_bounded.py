"""APL, PCE, AUL and CELC: their limits are other methods' runs, they log their loss, and wrong labels pull less."""

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, sgd, untrained, weights
from torch.testing import assert_close

from lnlkit import noise
from lnlkit.methods.base import CE
from lnlkit.methods.bounded import APL, AUL, CELC, PCE
from lnlkit.methods.robust import GCE, SL
from lnlkit.training import fit, predict_outputs


@pytest.mark.parametrize("method", [PCE(tau=1e6), CELC(tau=1e6)], ids=["pce", "celc"])
def test_without_a_limit_it_is_the_ce_run_bit_for_bit(method):
    ce = CE()
    assert fit(method, digits(), recipe()) == fit(ce, digits(), recipe())
    assert torch.equal(weights(method), weights(ce))


@pytest.mark.parametrize("method, other", [
    (APL(alpha=0.0, beta=2.0), SL(alpha=0.0, beta=2.0)), (PCE(tau=1.0), GCE(q=1.0)), (AUL(a=3.0, q=1.0), GCE(q=1.0)),
], ids=["apl", "pce", "aul"])  # fmt: skip
def test_at_its_other_limit_it_is_an_older_method(method, other):
    ce = CE()
    for trained in (method, other, ce):
        fit(trained, digits(), recipe(make_optimizer=sgd(0.05)))
    assert_close(weights(method), weights(other), atol=1e-5, rtol=0)
    assert (weights(ce) - weights(other)).abs().max() > 1e-3


def first_loss(method) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """What it logs for one full batch, and the logits, probabilities and p_y before the update, in float64."""
    data = digits()
    logits = predict_outputs(untrained(method, data, recipe()).nets_[0], data.x).double().numpy()
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    logged = fit(method, data, recipe(epochs=1, batch_size=200))[0]["loss"]
    return logged, logits, p, p[np.arange(200), data.y]


def test_they_report_the_loss_of_their_papers_with_the_defaults_for_cifar_10():
    logged, _, p, p_y = first_loss(APL())
    assert logged == pytest.approx(np.mean(np.log(p_y) / np.log(p).sum(1) + 4 * np.log(10) * (1 - p_y)), rel=1e-5)
    logged, _, _, p_y = first_loss(PCE())
    assert p_y.max() < 1 / 2 and logged == pytest.approx(np.mean(np.log(2) + 1 - 2 * p_y), rel=1e-5)
    logged, _, _, p_y = first_loss(AUL())
    assert logged == pytest.approx(np.mean((5.5 - p_y) ** 3 - 4.5**3) / 3, rel=1e-5)
    logged, logits, _, _ = first_loss(CELC(tau=0.1))
    z = 0.1 * logits / np.linalg.norm(logits, axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
    assert np.linalg.norm(logits, axis=1).min() > 0.1
    assert logged == pytest.approx(-log_p[np.arange(200), digits().y].mean(), rel=1e-5)


def test_the_accuracy_of_celc_is_that_of_its_clipped_logits():
    method = CELC()
    fit(method, digits(), recipe(epochs=8))
    p, logits = method.predict(digits().x), predict_outputs(method.nets_[0], digits().x)
    assert_close(p, logits.softmax(1))
    assert logits.norm(dim=1).median() > 1 / 1.5  # most are clipped in the loss


def memorised(method, **changes) -> float:
    """Share of 200 wrong labels among 500 that it predicts after 40 epochs, in which there is time to learn them."""
    data = digits(500, noise.corrupt(digits(500).y, noise.symmetric(10, 0.4), np.random.default_rng(0)))
    wrong = data.y != data.y_clean
    fit(method, data, recipe(epochs=40, **changes))
    return float((method.predict(data.x[wrong]).argmax(1).numpy() == data.y[wrong]).mean())


def test_fewer_wrong_labels_are_learned_by_heart():
    ce = memorised(CE())
    assert ce > 0.5 and max(memorised(method) for method in (APL(), PCE(), AUL())) < ce / 3


def test_celc_learns_fewer_by_heart_where_gradients_that_shrink_take_smaller_steps():
    """SGD. Adam rescales them, and CELC memorises as CE does."""
    steps = {"make_optimizer": sgd(0.05, momentum=0.9)}
    assert memorised(CELC(), **steps) < 0.6 * memorised(CE(), **steps)
    assert memorised(CELC()) > 0.5


@pytest.mark.parametrize("make, hparams, says", [
    (APL, {"beta": -1}, "`beta` must be"), (PCE, {"tau": 0.5}, "`tau` must be a number in"),
    (AUL, {"a": 1.0}, "`a` must be above 1"), (AUL, {"q": 0.0}, "`q` must be a finite number above 0"),
    (CELC, {"tau": 0}, "`tau` must be a finite number above 0"),
])  # fmt: skip
def test_a_wrong_hyperparameter_is_named(make, hparams, says):
    with pytest.raises(ValueError, match=says):
        make(**hparams)
