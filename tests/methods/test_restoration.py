"""What a network sees of an image, and a decoder that makes the image of it again."""

import copy
import gc
import weakref

import pytest
import torch
from small_runs import recipe
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

from lnlkit import models
from lnlkit.methods.restoration import Decoder, Views

GRAY, COLOUR = (1, 8, 8), (3, 16, 16)
SHAPES = [  # network, image, its last feature map, features
    ("small_cnn", GRAY, (64, 2, 2), 256), ("small_cnn", (1, 28, 28), (64, 7, 7), 256),
    ("resnet18", GRAY, (512, 1, 1), 512), ("resnet18", COLOUR, (512, 2, 2), 512),
    ("resnet34", GRAY, (512, 1, 1), 512), ("wrn22_4", GRAY, (256, 2, 2), 256), ("wrn22_4", COLOUR, (256, 4, 4), 256),
    ("idn_cnn", GRAY, (50, 1, 1), 500), ("idn_cnn", (1, 28, 28), (50, 4, 4), 500),
    ("mlp", GRAY, (128, 1, 1), 128), ("features_mlp", (3, 9, 7), (30, 1, 1), 30),
    ("resnet34_imagenet", (3, 32, 32), (512, 1, 1), 512),
]  # fmt: skip
EVERY_NETWORK = pytest.mark.parametrize("name, shape, map_shape, Q", SHAPES, ids=[f"{s[0]}-{s[1][1]}" for s in SHAPES])


def build(name: str, shape) -> nn.Module:
    if name == "resnet34_imagenet":  # without its weights, which it would download
        return models.resnet34_imagenet(shape, 10, weights=None)
    return models.build(name, shape, 10)


def last_linear(net: nn.Module) -> nn.Linear:
    return [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]


# ---- views ----


def test_every_network_is_looked_into_below():
    assert {name for name, *_ in SHAPES} == set(models.NETWORKS)


@EVERY_NETWORK
def test_a_look_gives_map_features_and_logits_and_leaves_the_network_as_it_is(name, shape, map_shape, Q):
    net, x = build(name, shape), torch.rand(3, *shape)
    plain, state = copy.deepcopy(net), net.state_dict().keys()
    seen = Views(net).look(x)
    assert seen.map.shape == (3, *map_shape) and seen.features.shape == (3, Q) and seen.logits.shape == (3, 10)
    assert torch.equal(seen.logits, plain(x)) and torch.equal(net(x), plain(x))
    assert net.state_dict().keys() == state == plain.state_dict().keys() and net.training
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), plain.state_dict().values(), strict=True))
    assert_close(last_linear(net)(seen.features), seen.logits)


@EVERY_NETWORK
def test_features_are_what_follows_from_the_map(name, shape, map_shape, Q):
    """Pooled, except after the hidden layer of idn_cnn; without convolutions the map is the features."""
    net, x = build(name, shape).eval(), torch.rand(2, *shape)
    seen = Views(net).look(x)
    if name == "idn_cnn":
        expected = net[1][7:9](seen.map.flatten(1))
    else:
        expected = F.adaptive_avg_pool2d(seen.map, 2 if name == "small_cnn" else 1).flatten(1)
    assert_close(seen.features, expected)


def test_the_map_is_that_of_the_batch_that_is_looked_at():
    """Also between other passes, of other sizes; gradients reach the network through map and features."""
    net = build("small_cnn", GRAY).eval()
    views, x = Views(net), torch.rand(4, *GRAY)
    first = views.look(x)
    net(torch.rand(7, *GRAY))
    for a, b in zip(views.look(x[:2]), first, strict=True):
        assert_close(a, b[:2])
    for part in (first.map, first.features):
        net.zero_grad()
        part.sum().backward(retain_graph=True)
        assert net[1][0].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["small_cnn", "mlp"])
def test_nothing_of_a_batch_outlives_its_look(name):
    """Its graph would keep the activations of all layers until the next batch has made its own."""
    views = Views(build(name, GRAY))
    seen = views.look(torch.rand(4, *GRAY))
    kept = [weakref.ref(part) for part in seen]
    assert all(ref() is not None for ref in kept)
    del seen
    gc.collect()
    assert all(ref() is None for ref in kept)


@pytest.mark.parametrize("name", ["small_cnn", "mlp"])
def test_what_is_seen_in_half_precision_is_float32(name):
    views = Views(recipe(name, amp=True).network(10))
    seen = views.look(torch.rand(4, *GRAY))
    assert {part.dtype for part in seen} == {torch.float32}


def test_a_network_without_a_linear_layer_is_refused():
    with pytest.raises(ValueError, match="`net` must end in a linear layer, but Conv2d has none"):
        Views(nn.Conv2d(1, 1, 3))


# ---- decoder ----


@EVERY_NETWORK
def test_the_decoder_restores_images_from_the_map_of_every_network(name, shape, map_shape, Q):
    restored = Decoder(map_shape, shape, 16)(torch.randn(2, *map_shape))
    assert restored.shape == (2, *shape) and 0 <= restored.min() and restored.max() <= 1


@pytest.mark.parametrize("side", [(8, 8), (9, 7), (1, 1), (28, 28), (32, 32), (33, 31), (5, 40)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("small", [(1, 1), (2, 2), (7, 7), (3, 5)])
def test_the_decoder_gives_images_of_any_size(side, channels, small):
    """Also smaller ones than the map; large activations saturate at 0 and 1 and do not leave them."""
    decoder = Decoder((6, *small), (channels, *side), 8)
    decoder.last.weight.data *= 1e4
    restored = decoder(torch.randn(3, 6, *small))
    assert restored.shape == (3, channels, *side) and 0 <= restored.min() and restored.max() <= 1
    assert max(side) == 1 or restored.max() > 0.99


@pytest.mark.parametrize("image, small, width, widths, sides", [
    ((3, 32, 32), (512, 4, 4), 64, [64, 32, 16], [[8, 8], [16, 16], [32, 32]]),
    ((1, 28, 28), (64, 7, 7), 64, [64, 32], [[14, 14], [28, 28]]),
    ((1, 8, 8), (128, 1, 1), 8, [8, 8, 8], [[2, 2], [4, 4], [8, 8]]),
    ((1, 8, 8), (4, 8, 8), 32, [32], [[8, 8]]),
    ((1, 9, 7), (4, 1, 1), 32, [32, 16, 16, 16], [[2, 1], [3, 2], [5, 4], [9, 7]]),
])  # fmt: skip
def test_each_block_doubles_the_side_and_halves_the_channels(image, small, width, widths, sides):
    decoder, seen = Decoder(small, image, width), []
    for block in decoder.blocks:
        block.register_forward_hook(lambda layer, args, out: seen.append(tuple(out.shape[1:])))
    decoder(torch.randn(2, *small))
    assert seen == [(c, *side) for c, side in zip(widths, sides, strict=True)]


def test_the_decoder_learns_to_restore_four_images():
    """From maps that are a code of two numbers; a decoder blind to its map would stay at their mean's error."""
    code, x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]).view(4, 2, 1, 1), torch.rand(4, *GRAY).round()
    decoder = Decoder((2, 1, 1), GRAY, 32)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=0.02)
    for _ in range(120):
        error = (decoder(code) - x).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert error.item() < 0.3 * (x - x.mean(0)).square().mean().item()
