"""Losses against those of public packages, each where it is installed: values, and gradients where it has any.

No package that we found has more of them: the others stand on limits and second formulations in their own tests.
"""

import math
import os

import numpy as np
import pytest
import torch
from scipy.spatial import distance
from torch.testing import assert_close

from lnlkit import losses

N, K = 7, 5
ASKED = "compares with a public package: pip install {}"


@pytest.fixture()
def batch():
    """Logits (N, K) that take gradients, some of them certain and some wrong, and labels (N,)."""
    logits = torch.randn(N, K, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    return logits.requires_grad_(), torch.arange(N) % K


def same(ours, theirs, logits) -> None:
    """Equal values (N,) and equal gradients of their sum in the logits."""
    assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    gradients = [torch.autograd.grad(of.sum(), logits, retain_graph=True)[0] for of in (ours, theirs)]
    assert gradients[0].abs().max() > 0.01
    assert_close(*gradients, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("q", [0.2, 0.7, 0.99])
def test_gce_is_that_of_keras(batch, q):
    os.environ.setdefault("KERAS_BACKEND", "torch")  # read when it is imported
    keras = pytest.importorskip("keras", reason=ASKED.format("keras"))
    if keras.backend.backend() != "torch" or not hasattr(keras.losses, "CategoricalGeneralizedCrossEntropy"):
        pytest.skip("needs Keras 3.7 on torch")
    logits, y = batch
    loss = keras.losses.CategoricalGeneralizedCrossEntropy(q=q, reduction="none", dtype="float64")
    with keras.device("cpu"):
        theirs = loss(y, logits.softmax(1))
    same(losses.gce(logits, y, q), theirs, logits)


@pytest.mark.parametrize("alpha, beta", [(0.0, 1.0), (1.0, 0.0), (0.1, 6.0)])
def test_sl_is_that_of_catalyst_but_for_what_that_adds(batch, alpha, beta):
    """It puts 1e-4 in the place of each 0 of a label, as the paper does for its logarithm, in cross-entropy, too."""
    ce = pytest.importorskip("catalyst.contrib.losses.ce", reason=ASKED.format("catalyst"))
    logits, y = batch
    loss = ce.SymmetricCrossEntropyLoss(alpha=alpha, beta=beta)
    theirs = torch.stack([loss(p[None], of[None]) for p, of in zip(logits.softmax(1), y, strict=True)])
    log_p = logits.log_softmax(1)
    added = -1e-4 * alpha * (log_p.sum(1) - log_p[torch.arange(N), y])
    ours = losses.symmetric_cross_entropy(logits, y, alpha, beta, log_zero=math.log(1e-4))
    same(ours + added, theirs, logits)


def test_jensen_shannon_is_that_of_timm(batch):
    jsd = pytest.importorskip("timm.loss.jsd", reason=ASKED.format("timm"))
    logits, y = batch
    other = logits.detach().roll(1, 0)
    theirs = torch.stack([jsd.JsdCrossEntropy(num_splits=2, alpha=1, smoothing=0)(torch.stack(pair), of.repeat(2))
                          for pair, of in zip(zip(logits, other, strict=True), y, strict=True)])  # fmt: skip
    same(losses.jensen_shannon(logits, other), theirs - losses.cross_entropy(logits, y), logits)


def test_jensen_shannon_is_the_square_of_scipys_distance(batch):
    p, q = (of.detach().softmax(1).numpy() for of in (batch[0], batch[0].roll(1, 0)))
    ours = losses.jensen_shannon(batch[0], batch[0].roll(1, 0)).detach().numpy()
    np.testing.assert_allclose(ours, distance.jensenshannon(p, q, axis=1) ** 2, rtol=1e-9)


def test_soft_cross_entropy_is_that_of_timm(batch):
    timm = pytest.importorskip("timm.loss.cross_entropy", reason=ASKED.format("timm"))
    logits, targets = batch[0], batch[0].detach().roll(1, 0).softmax(1)
    theirs = torch.stack([timm.SoftTargetCrossEntropy()(of[None], t[None])
                          for of, t in zip(logits, targets, strict=True)])  # fmt: skip
    same(losses.soft_cross_entropy(logits, targets), theirs, logits)


@pytest.mark.parametrize("c", [1.0, 4.6851])
def test_tukey_and_its_slope_are_those_of_statsmodels(c):
    norms = pytest.importorskip("statsmodels.robust.norms", reason=ASKED.format("statsmodels"))
    residual = torch.linspace(-8, 8, 101, dtype=torch.float64).requires_grad_()
    ours, theirs = losses.tukey(residual, c), norms.TukeyBiweight(c)
    np.testing.assert_allclose(ours.detach(), theirs.rho(residual.detach().numpy()), atol=1e-12)
    slope = torch.autograd.grad(ours.sum(), residual)[0]
    np.testing.assert_allclose(slope, theirs.psi(residual.detach().numpy()), atol=1e-12)
