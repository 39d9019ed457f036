"""What shapes features without labels: restored images, and clusters that tell something (Paper 03)."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lnlkit import losses

B, C = 24, 4


def some_logits(scale: float = 2.0, dtype=torch.float64) -> Tensor:
    g = torch.Generator().manual_seed(1)
    return (scale * torch.randn(B, C, generator=g, dtype=torch.float64)).to(dtype).requires_grad_()


def as_printed(logits: Tensor) -> Tensor:
    """H(c) - H(c | x) of each example, (B,), with Eq. (10) and Eq. (11) read word for word."""
    p = logits.softmax(1)
    H_c = -(p * (p / (1 / C)).log()).sum(1)  # Eq. (10): -KL of the clusters of one example against equal shares
    H_c_given_x = -(p * p.log()).sum(1)  # Eq. (11)
    return H_c - H_c_given_x


def test_mutual_information_equals_a_formula_in_numpy():
    """The sum over examples and clusters of p(x, c) log p(x, c) / (p(x) p(c)), each example as likely as any other."""
    z = some_logits().detach().numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    joint = p / B
    expected = (joint * np.log(joint / (1 / B * joint.sum(0)))).sum()
    assert losses.mutual_information(some_logits()).item() == pytest.approx(expected, rel=1e-12)
    assert expected > 0.1


def test_examples_that_are_all_alike_tell_nothing_of_their_clusters():
    for row in ([0.0] * C, [3.0, -1.0, 0.5, 0.0], [60.0, 0.0, 0.0, 0.0]):
        alike = torch.tensor([row] * B, dtype=torch.float64)
        assert losses.mutual_information(alike).item() == pytest.approx(0, abs=1e-12)


def test_sure_examples_in_equal_shares_tell_all_that_there_is():
    """log C, and less where shares differ: then it is the entropy of the shares."""
    sure = 60 * torch.eye(C, dtype=torch.float64)
    assert losses.mutual_information(sure.repeat(6, 1)).item() == pytest.approx(math.log(C))
    uneven = losses.mutual_information(sure[[0, 0, 0, 1]]).item()
    assert uneven == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))


def test_it_has_a_gradient_and_the_formula_as_printed_has_none():
    """Each example on its own gives -log C, whatever its logits: nothing can be learned from it."""
    z = some_logits()
    assert_close(as_printed(z), torch.full((B,), -math.log(C), dtype=torch.float64))
    assert torch.autograd.grad(as_printed(z).sum(), z)[0].abs().max() < 1e-14
    slope = torch.autograd.grad(losses.mutual_information(z), z)[0]
    assert slope.abs().amax(1).min() > 1e-4  # every example is pulled
    assert torch.autograd.gradcheck(losses.mutual_information, (some_logits(),))
    of_one = torch.stack([losses.mutual_information(row[None]) for row in z])  # the mean of a batch of one is itself
    assert of_one.abs().max() < 1e-14


def test_its_gradient_points_to_more_of_it():
    z = some_logits(0.1).detach()
    values = []
    for _ in range(60):
        z.requires_grad_()
        value = losses.mutual_information(z)
        values.append(value.item())
        z = z.detach() + 10 * torch.autograd.grad(value, z)[0]
    assert all(a < b for a, b in zip(values, values[1:], strict=False)) and values[-1] > 0.9 * math.log(C)


@pytest.mark.parametrize("logits", [1e4 * torch.eye(C).repeat(6, 1), -1e4 * torch.eye(C).repeat(6, 1),
                                    1e4 * torch.eye(C)[:1].repeat(B, 1)])  # fmt: skip
def test_saturated_logits_stay_finite(logits):
    z = logits.clone().requires_grad_()
    value = losses.mutual_information(z)
    assert value.isfinite() and -1e-6 <= value <= math.log(C) + 1e-6
    assert torch.autograd.grad(value, z)[0].isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened(dtype):
    z, x = some_logits(dtype=dtype).detach(), torch.rand(B, 1, 4, 4).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        values = losses.mutual_information(z), losses.restoration(x, 1 - x)
    assert [value.dtype for value in values] == [torch.float32] * 2
    assert_close(values[0], losses.mutual_information(z.double()).float())
    assert_close(values[1], losses.restoration(x.double(), (1 - x).double()).float())
    assert losses.mutual_information(some_logits()).dtype == torch.float64


def test_restoration_is_the_mean_squared_error_of_each_image():
    """Eq. (4) prints the squared norm: this times the number of values."""
    restored, x = torch.rand(2, 5, 3, 7, 4, dtype=torch.float64)
    values = losses.restoration(restored, x)
    assert values.shape == (5,)
    for a, b, value in zip(restored.numpy(), x.numpy(), values.tolist(), strict=True):
        assert value == pytest.approx(np.linalg.norm(a - b) ** 2 / (3 * 7 * 4))
    assert torch.equal(losses.restoration(x, x), torch.zeros(5, dtype=torch.float64))
    assert torch.autograd.gradcheck(losses.restoration, (restored.requires_grad_(), x))


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"`logits` must be \(B, C\)"):
        losses.mutual_information(torch.zeros(C))
    with pytest.raises(ValueError, match="`restored` and `x` must have the same shape"):
        losses.restoration(torch.zeros(2, 1, 4, 4), torch.zeros(2, 4, 4))
