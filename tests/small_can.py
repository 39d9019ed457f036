"""A CAN small enough to enumerate its latent labels and integrate over its quality: for tests."""

import itertools

import torch
from torch import nn
from torch.distributions import Bernoulli, Normal

from lnlkit.methods.quality_embedding import (
    NoiseNetwork,
    QualityEmbedding,
)
from lnlkit.training import Batch

K, B = 2, 6
S = torch.linspace(-12, 12, 4001, dtype=torch.float64)  # where the quality is looked at, D = 1
EVERY_Z = torch.tensor(list(itertools.product([0.0, 1.0], repeat=K)), dtype=torch.float64)  # (4, K)


def can(quality_dim: int = 1, **hparams) -> QualityEmbedding:
    """A CAN before training, in float64, its random weights tripled so that its noise network is far from linear.

    All but those of the last layer for s, whose mean and deviation must fit the grid.
    """
    method = QualityEmbedding(quality_dim=quality_dim, hidden=16, **hparams)
    method.nets_ = nn.ModuleList([nn.Linear(4, K), NoiseNetwork(K, quality_dim, 16)]).double()
    method.step_ = 0
    with torch.no_grad():
        for name, p in method.nets_.named_parameters():
            p.mul_(1 if "to_quality" in name else 3)
    return method


def batch() -> Batch:
    y = EVERY_Z.repeat(2, 1)[:B]
    return Batch(torch.randn(B, 4, dtype=torch.float64), y, torch.arange(B))


def prior_and_posterior(method, examples):
    """Logits of P(z | x), without gradient, and what the encoder says."""
    prior = method.classifier_(examples.x).detach()
    return prior, method.noise_.encode(examples.y, prior.sigmoid())


def log_p_y(method, y):
    """ln P(y | z, s) for every z and every s of the grid, (B, 4, |S|)."""
    z, s = EVERY_Z.repeat_interleave(len(S), 0), S.repeat(len(EVERY_Z))[:, None]
    given = Bernoulli(logits=method.noise_.decode(z, s))
    return torch.stack([given.log_prob(row).sum(1) for row in y]).view(len(y), len(EVERY_Z), len(S))


def log_q_z(logits):
    """ln q(z) for every z, (B, 4)."""
    return torch.stack([Bernoulli(logits=logits).log_prob(z).sum(1) for z in EVERY_Z], 1)


def log_q_s(mu, log_var):
    """ln q(s) on the grid, (B, 1, |S|)."""
    return Normal(mu, torch.exp(0.5 * log_var)).log_prob(S)[:, None]


def integral(values):
    """Sum over z, integral over s, (B,)."""
    return torch.trapezoid(values, S).sum(1)


def log_p_y_given_x(method, y, prior):
    """ln P(y | x), Eq. (1)."""
    return integral((log_p_y(method, y) + log_q_z(prior)[:, :, None] + Normal(0.0, 1.0).log_prob(S)).exp()).log()


def exact_reconstruction(method, y, found):
    """The first term of Eq. (4) without drawing anything."""
    q = (log_q_z(found.q_logits)[:, :, None] + log_q_s(found.mu, found.log_var)).exp()
    return -integral(q * log_p_y(method, y))


def gradients(value, parameters, weights=None):
    return torch.autograd.grad(value, list(parameters), weights, retain_graph=True)


def parts(noise):
    """The weights of decoder, latent label and quality: W_N, W_L and W_Q of Eq. (6)."""
    latent = nn.ModuleList([noise.from_label, noise.from_prediction, noise.to_latent])
    quality = nn.ModuleList([noise.shared, noise.to_quality])
    return [list(module.parameters()) for module in (noise.decoder, latent, quality)]


def watch_draws(method, monkeypatch):
    """A list that will hold the z and s of every draw."""
    drawn, decode = [], method.noise_.decode
    monkeypatch.setattr(method.noise_, "decode", lambda z, s: drawn.append((z, s)) or decode(z, s))
    return drawn
