import pytest
import torch

from lnlkit import models

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", models.NETWORKS)
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
