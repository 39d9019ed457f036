import pytest
import torch

from lnlkit import models

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 10, 10), (1, 9, 11), (3, 16, 15), (1, 17, 40)]
DOWNLOADED = {"resnet34_imagenet"}  # their weights come from the internet, and they take colour images only: see below


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", [name for name in models.NETWORKS if name not in DOWNLOADED])
def test_every_network_takes_every_image_size(name, shape):
    net = models.build(name, shape, 10)
    logits = net(torch.rand(2, *shape))
    assert logits.shape == (2, 10) and logits.isfinite().all()


def test_idn_cnn_has_the_layers_of_chen_et_al():
    shapes = [tuple(p.shape) for p in models.idn_cnn((1, 28, 28), 10).parameters() if p.ndim > 1]
    assert shapes == [(20, 1, 5, 5), (50, 20, 5, 5), (500, 800), (10, 500)]


@pytest.mark.parametrize("name, millions", [("resnet18", 11.17), ("resnet34", 21.28)])
def test_resnets_have_the_published_size(name, millions):
    """11.17 and 21.28 million parameters: ResNet-18/34 with the CIFAR stem and ten classes."""
    net = models.build(name, (3, 32, 32), 10)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


def wide_resnet_size(depth, widen, c_in, n_outputs):
    """Parameters of a wide ResNet, counted layer by layer from the table of its paper."""
    widths, total = [16] + [16 * widen * 2**g for g in range(3)], 9 * c_in * 16
    for before, width in zip(widths, widths[1:], strict=False):
        for block in range((depth - 4) // 6):
            first = before if block == 0 else width
            total += 9 * first * width + 9 * width * width  # two 3x3 convolutions without bias
            total += 2 * first + 2 * width  # scale and shift of two batch norms
            total += before * width if block == 0 else 0  # the 1x1 convolution where the width changes
    return total + 2 * widths[-1] + widths[-1] * n_outputs + n_outputs


def test_wide_resnet_22_4_has_its_published_size():
    """4.30 million by formula; the same formula gives WRN-28-10 its published 36.5 million."""
    size = sum(p.numel() for p in models.build("wrn22_4", (3, 32, 32), 10).parameters())
    assert size == wide_resnet_size(22, 4, 3, 10) and size / 1e6 == pytest.approx(4.30, abs=0.01)
    assert wide_resnet_size(28, 10, 3, 10) / 1e6 == pytest.approx(36.5, abs=0.05)


def test_wide_resnet_has_22_convolutions_and_activates_before_them():
    """22 = 19 of 3x3 and 3 of 1x1. A block can add negative values, and one that adds nothing hands on its input."""
    net = models.wide_resnet((1, 8, 8), 10)
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in net.modules()) == 22
    block = models.PreActivationBlock(4, 4, 1)
    x = torch.randn(2, 4, 5, 5)
    assert (block(x) - x).min() < 0
    torch.nn.init.zeros_(block.conv2.weight)
    assert torch.equal(block(x), x)


def test_wide_resnet_names_a_depth_that_cannot_work():
    with pytest.raises(ValueError, match="`depth` must be 6n \\+ 4"):
        models.wide_resnet((1, 8, 8), 10, depth=20)


def test_standardise_gives_zero_mean_unit_deviation():
    x = torch.rand(64, 3, 8, 8) * 0.5 + 0.2
    mean, std = x.mean((0, 2, 3)), x.std((0, 2, 3))
    z = models.Standardise(mean.tolist(), std.tolist())(x)
    torch.testing.assert_close(z.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(z.std((0, 2, 3)), torch.ones(3), atol=1e-5, rtol=0)


def test_unknown_network_suggests_a_near_one():
    with pytest.raises(ValueError, match="Did you mean 'resnet18'"):
        models.build("resnet81", (1, 8, 8), 10)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_cvae_returns_an_image_and_a_posterior(shape):
    cvae = models.ConditionalVAE(shape, 10, latent=5, hidden=16)
    x, y = torch.rand(4, *shape), torch.tensor([0, 3, 3, 9])
    logits, mu, log_var = cvae(x, y)
    assert logits.shape == x.shape and mu.shape == log_var.shape == (4, 5)
    images = cvae.sample(y)
    assert images.shape == x.shape and 0 <= images.min() and images.max() <= 1


def test_reparameterised_draws_have_the_stated_mean_and_deviation():
    mu, log_var = torch.tensor([1.5, -2.0]), torch.tensor([0.0, 1.2])
    z = models.ConditionalVAE.reparameterise(mu.expand(200_000, 2), log_var.expand(200_000, 2))
    torch.testing.assert_close(z.mean(0), mu, atol=0.02, rtol=0)
    torch.testing.assert_close(z.std(0), (0.5 * log_var).exp(), atol=0.02, rtol=0)


def test_reparameterised_draws_pass_gradients_to_mean_and_deviation():
    mu, log_var = torch.zeros(3, requires_grad=True), torch.zeros(3, requires_grad=True)
    models.ConditionalVAE.reparameterise(mu, log_var).sum().backward()
    torch.testing.assert_close(mu.grad, torch.ones(3))
    assert log_var.grad.abs().min() > 0


def test_the_class_changes_what_the_decoder_draws():
    cvae = models.ConditionalVAE((1, 8, 8), 10, latent=5, hidden=16)
    z = torch.randn(1, 5)
    assert not torch.equal(cvae.sample(torch.tensor([3]), z), cvae.sample(torch.tensor([9]), z))


# ---- networks of Paper 02 ----


def test_features_mlp_has_the_layers_of_paper_02():
    """5376 features of AMT, four breeds of dogs: 5376-1024-30-4, a ReLU after the first two, none after the last."""
    net = models.build("features_mlp", (5376,), 4)
    linear = [layer for layer in net.modules() if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(5376, 1024), (1024, 30), (30, 4)]
    x = torch.randn(50, 5376)
    a, b, c = linear
    torch.testing.assert_close(net(x), c(torch.relu(b(torch.relu(a(x))))))
    assert net(x).min() < 0


def test_features_mlp_flattens_images_and_takes_other_widths():
    net = models.features_mlp((3, 4, 5), 2, hidden=(7,))
    assert [tuple(p.shape) for p in net.parameters()] == [(7, 60), (7,), (2, 7), (2,)]
    x = torch.rand(6, 3, 4, 5)
    torch.testing.assert_close(net(x), net(x.flatten(1)))


def test_features_are_taken_as_they_are_and_images_are_standardised():
    """Mean and deviation are those of channels, which features have not."""
    for shape, standardised in (((12,), False), ((3, 2, 2), True)):
        torch.manual_seed(0)
        plain = models.build("features_mlp", shape, 4)
        torch.manual_seed(0)
        net = models.build("features_mlp", shape, 4, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
        x = torch.rand(5, *shape)
        expected = plain(models.Standardise((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))(x) if standardised else x)
        torch.testing.assert_close(net(x), expected)
        assert sum(isinstance(layer, models.Standardise) for layer in net.modules()) == standardised


def test_imagenet_resnet_is_that_of_torchvision_with_a_last_layer_of_its_own():
    """21.80 million parameters with the 1,000 classes of ImageNet, 513 for each."""
    net = models.resnet34_imagenet((3, 40, 32), 20, weights=None).eval()
    assert sum(p.numel() for p in net.parameters()) == 21_797_672 - 513 * 980
    x = torch.rand(2, 3, 40, 32)
    logits = net(x)
    assert logits.shape == (2, 20) and logits.isfinite().all()
    features = []
    net[1].fc.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))
    net(x)
    body, n_features = models.split_head(net)
    assert n_features == 512 and torch.equal(body(x), features[0])


def test_imagenet_resnet_starts_from_torchvisions_weights_and_standardises_as_they_want(monkeypatch):
    import torchvision

    asked = []
    made = torchvision.models.resnet18(weights=None)
    monkeypatch.setattr(torchvision.models, "resnet34", lambda weights: asked.append(weights) or made)
    net = models.build("resnet34_imagenet", (3, 224, 224), 7)
    known = torchvision.models.ResNet34_Weights[asked[0]]
    assert made.fc.out_features == 7
    x = torch.rand(1, 3, 4, 4)
    wanted = torchvision.transforms.functional.normalize(x, known.transforms().mean, known.transforms().std)
    torch.testing.assert_close(net[1][0](net[0](x)), wanted)


@pytest.mark.parametrize("shape", [(1, 32, 32), (4, 32, 32), (10,)], ids=str)
def test_imagenet_resnet_wants_colour_images(shape):
    with pytest.raises(ValueError, match="`image_shape` must have 3 channels for resnet34_imagenet, but got"):
        models.build("resnet34_imagenet", shape, 10)
