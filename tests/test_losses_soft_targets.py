"""Losses against a network's own targets: a second formulation, values by hand, limits, numbers that break code."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error
from small_logits import B, K, gradient, some_logits
from torch.testing import assert_close

from lnlkit import losses
from lnlkit.losses.soft_targets import P_FLOOR, bounded_probabilities

T = some_logits(seed=3).detach().softmax(1)


def softmax(row: np.ndarray) -> np.ndarray:
    e = np.exp(row - row.max())
    return e / e.sum()


def test_early_learning_by_hand():
    """p = (0.8, 0.2), t = (0.5, 0.25): log(1 - 0.45); with half of t: log(1 - 0.225)."""
    logits = torch.tensor([[math.log(4), 0.0]], dtype=torch.float64)
    t = torch.tensor([[0.5, 0.25]], dtype=torch.float64)
    assert losses.early_learning(logits, t).item() == pytest.approx(math.log(0.55))
    assert losses.early_learning(logits, t / 2).item() == pytest.approx(math.log(0.775))


def test_early_learning_is_the_formula_one_example_at_a_time():
    z, t = some_logits().detach().numpy(), T.numpy()
    slow = [math.log(1 - sum(p * q for p, q in zip(softmax(row), targets, strict=True)))
            for row, targets in zip(z, t, strict=True)]  # fmt: skip
    assert_close(losses.early_learning(some_logits(), T), torch.tensor(slow, dtype=torch.float64))


def test_early_learning_has_the_gradient_of_the_paper():
    z = some_logits()
    p = z.detach().softmax(1)
    agreed = (p * T).sum(1, keepdim=True)
    assert_close(gradient(losses.early_learning(z, T), z), p * (agreed - T) / (1 - agreed))
    assert torch.autograd.gradcheck(lambda logits: losses.early_learning(logits, T), (z,))


def test_early_learning_is_nothing_without_a_past_and_bounded_where_all_agree():
    assert_close(losses.early_learning(some_logits(), torch.zeros(B, K)), torch.zeros(B, dtype=torch.float64))
    sure = 1e4 * torch.eye(K)
    assert_close(losses.early_learning(sure, torch.eye(K)), torch.full((K,), math.log(P_FLOOR)), rtol=1e-3, atol=0)


def test_bounded_probabilities_are_the_softmax_away_from_0_and_1():
    assert_close(bounded_probabilities(some_logits()), some_logits().softmax(1))
    held = bounded_probabilities(1e4 * torch.eye(K))
    assert held.min() == torch.tensor(1e-4) and held.max() == torch.tensor(1 - 1e-4)


def test_squared_error_by_hand():
    """p = (0.8, 0.2) against (0.5, 0.5): (0.09 + 0.09) / 2."""
    logits = torch.tensor([[math.log(4), 0.0]], dtype=torch.float64)
    assert losses.squared_error(logits, torch.tensor([[0.5, 0.5]])).item() == pytest.approx(0.09)


def test_squared_error_is_scikit_learns_mean_over_classes():
    z = some_logits()
    expected = [mean_squared_error(t, softmax(row)) for t, row in zip(T.numpy(), z.detach().numpy(), strict=True)]
    assert_close(losses.squared_error(z, T), torch.tensor(expected, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda logits: losses.squared_error(logits, T), (z,))


def test_squared_error_lies_between_agreement_and_two_kths():
    sure = 1e4 * torch.eye(K)
    assert_close(losses.squared_error(sure, torch.eye(K)), torch.zeros(K))
    assert_close(losses.squared_error(sure, torch.eye(K).roll(1, 0)), torch.full((K,), 2 / K))


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("loss", [losses.early_learning, losses.squared_error])
def test_large_logits_and_half_precision_give_finite_float32(loss, scale):
    z = (scale * some_logits()).detach().bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(z, T.float())
    value.sum().backward()
    assert value.dtype == torch.float32 and value.isfinite().all() and z.grad.isfinite().all()
    assert_close(value, loss(z.detach().float(), T.float()))
