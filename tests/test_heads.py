"""The network of a regression, and a network without its head."""

import copy

import pytest
import torch
from torch import nn

from lnlkit import models
from lnlkit.training import HalfPrecision


def test_regression_mlp_has_three_hidden_relu_layers_of_64():
    """Paper 05, Section 4.1."""
    net = models.regression_mlp(13, 2)
    assert [tuple(p.shape) for p in net.parameters() if p.ndim > 1] == [(64, 13), (64, 64), (64, 64), (2, 64)]
    assert [type(layer) for layer in net] == [nn.Linear, nn.ReLU] * 3 + [nn.Linear]
    assert net(torch.randn(5, 13)).shape == (5, 2) and net(torch.randn(500, 13)).min() < 0


@pytest.mark.parametrize("name", models.NETWORKS)
def test_features_times_the_head_are_the_network(name):
    if name == "resnet34_imagenet":  # colour images, and weights from the internet unless told otherwise
        net, x = models.resnet34_imagenet((3, 40, 40), 7, weights=None).eval(), torch.rand(3, 3, 40, 40)
    else:
        net, x = models.build(name, (1, 8, 8), 7, (0.3,), (0.4,)).eval(), torch.rand(3, 1, 8, 8)
    whole = copy.deepcopy(net)
    head = [layer for layer in whole.modules() if isinstance(layer, nn.Linear)][-1]
    body, n_features = models.split_head(net)
    assert head.out_features == 7 and body(x).shape == (3, n_features)
    torch.testing.assert_close(head(body(x)), whole(x))


def test_split_regression_mlp_and_a_network_in_half_precision():
    body, n_features = models.split_head(models.regression_mlp(3, 2, hidden=16))
    assert n_features == 16 and body(torch.randn(5, 3)).shape == (5, 16) and (body(torch.randn(5, 3)) >= 0).all()
    body, n_features = models.split_head(HalfPrecision(models.regression_mlp(3, 2)))
    h = body(torch.randn(5, 3))
    assert n_features == 64 and h.shape == (5, 64) and h.dtype == torch.float32


def test_a_network_without_linear_layer_is_named():
    with pytest.raises(ValueError, match="`net` must end in a linear layer, but Conv2d has none"):
        models.split_head(nn.Conv2d(1, 1, 3))
