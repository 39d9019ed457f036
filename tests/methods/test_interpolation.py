import numpy as np
import pytest
import torch
from small_runs import digits, recipe, sgd, weights
from torch.testing import assert_close

from lnlkit.methods.base import CE
from lnlkit.methods.interpolation import Mixup
from lnlkit.training import Batch, TrainingSet, fit, to_unit


def started(alpha):
    method, data = Mixup(alpha=alpha), TrainingSet.of(digits())
    method.start(recipe(), data, torch.Generator().manual_seed(0))
    return method, Batch(to_unit(data.x[:40]), data.y[:40], torch.arange(40))


def test_alpha_zero_is_the_ce_run_bit_for_bit():
    mixup, ce = Mixup(alpha=0), CE()
    assert fit(mixup, digits(), recipe()) == fit(ce, digits(), recipe())
    assert torch.equal(weights(mixup), weights(ce))


def test_alpha_to_zero_is_the_ce_run_on_full_batches():
    """lam is 0 or 1: the batch itself or its other order, whose mean loss is the same. At alpha = 1 it is not."""
    full = recipe(batch_size=200, make_optimizer=sgd(0.5))
    limit, ce, mixed = Mixup(alpha=1e-9), CE(), Mixup(alpha=1.0)
    for method in (limit, ce, mixed):
        fit(method, digits(), full)
    assert_close(weights(limit), weights(ce), atol=1e-5, rtol=0)
    assert (weights(mixed) - weights(ce)).abs().max() > 1e-3


def test_loss_is_cross_entropy_on_the_mixed_image_against_the_mixed_label():
    """In NumPy, one example after another, with the draws that the loss itself takes next."""
    method, batch = started(alpha=1.0)
    state = method.generator_.get_state()
    lam, partner = method.draw(40)
    method.generator_.set_state(state)
    assert 0.02 < lam < 0.98 and sorted(partner.tolist()) == list(range(40)) != partner.tolist()
    expected = []
    for i, j in enumerate(partner.tolist()):
        log_p = method.nets_[0](lam * batch.x[i : i + 1] + (1 - lam) * batch.x[j : j + 1])[0].log_softmax(0)
        target = lam * np.eye(10)[batch.y[i]] + (1 - lam) * np.eye(10)[batch.y[j]]
        expected.append(-(target * log_p.detach().double().numpy()).sum())
    assert method.loss(batch).item() == pytest.approx(np.mean(expected), rel=1e-5)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 32.0])
def test_lam_has_the_moments_of_beta(alpha):
    """Mean 1/2, variance 1 / (4 (2 alpha + 1))."""
    method, _ = started(alpha)
    lam = np.array([method.draw(1)[0] for _ in range(2000)])
    assert lam.mean() == pytest.approx(0.5, abs=0.03)
    assert lam.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


@pytest.mark.parametrize("alpha", [-1.0, float("nan")])
def test_names_an_alpha_that_cannot_work(alpha):
    with pytest.raises(ValueError, match="`alpha` must be a finite number of at least 0"):
        Mixup(alpha=alpha)
