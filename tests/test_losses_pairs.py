"""Losses of two outputs for one example, each against a second formulation, its limits, and numbers that break code."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from torch.testing import assert_close

from lnlkit import losses

B, K = 12, 4
Y = torch.arange(B) % K


def draw(*shape, seed=0, scale=2.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


P, Q, T = draw(B, K), draw(B, K, seed=1), draw(B, K, K, seed=2)


def test_jensen_shannon_is_scipys_distance_squared():
    expected = [jensenshannon(p, q) ** 2 for p, q in zip(P.softmax(1).numpy(), Q.softmax(1).numpy(), strict=True)]
    assert_close(losses.jensen_shannon(P, Q), torch.tensor(expected))


def test_jensen_shannon_lies_between_agreement_and_log_2_and_takes_no_sides():
    assert_close(losses.jensen_shannon(P, P + 3), torch.zeros(B, dtype=torch.float64), atol=1e-12, rtol=0)
    assert_close(losses.jensen_shannon(P, Q), losses.jensen_shannon(Q, P))
    sure = 1e4 * torch.eye(K)
    assert_close(losses.jensen_shannon(sure, sure.roll(1, 0)), torch.full((K,), math.log(2)))


def test_instance_forward_is_the_cross_entropy_of_each_images_own_mixture():
    p, rows = P.softmax(1).numpy(), T.softmax(2).numpy()
    expected = [-np.log(sum(p[b, i] * rows[b, i, y] for i in range(K))) for b, y in enumerate(Y.tolist())]
    assert_close(losses.instance_forward(P, Y, T), torch.tensor(expected))


def test_instance_forward_with_one_matrix_is_forward_and_with_the_identity_cross_entropy():
    assert_close(losses.instance_forward(P, Y, T[:1].expand(B, K, K)), losses.forward(P, Y, T[0].softmax(1)))
    identity = (1e4 * torch.eye(K)).expand(B, K, K)
    assert_close(losses.instance_forward(P, Y, identity), losses.cross_entropy(P, Y))


@pytest.mark.parametrize("loss", [losses.jensen_shannon, lambda p, q: losses.instance_forward(p, Y, q[:, None] * T)])
def test_values_and_gradients_agree_with_finite_differences_and_reach_both(loss):
    assert torch.autograd.gradcheck(loss, (P.clone().requires_grad_(), Q.clone().requires_grad_()))


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("loss", [losses.jensen_shannon,
                                  lambda p, q: losses.instance_forward(p, Y, q[:, None] * torch.eye(K))])  # fmt: skip
def test_large_logits_and_half_precision_give_finite_float32(loss, scale):
    p, q = ((scale * z).bfloat16().requires_grad_() for z in (P, Q))
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(p, q)
    value.sum().backward()
    assert value.dtype == torch.float32 and value.shape == (B,) and value.isfinite().all() and (value >= -1e-6).all()
    assert p.grad.isfinite().all() and q.grad.isfinite().all()
    assert_close(value, loss(p.detach().double(), q.detach().double()).float(), rtol=1e-4, atol=1e-5)
