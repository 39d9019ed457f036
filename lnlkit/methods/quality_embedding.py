"""Paper 02: a quality variable decides how far each label is trusted (Contrastive-Additive Noise network, CAN)."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, losses, tensors
from lnlkit.methods import label_quality
from lnlkit.methods.domains import Count, CountFromZero, NotNegative, Positive, Share
from lnlkit.methods.multilabel import MultiLabelMethod
from lnlkit.training import AT_ONCE, Batch, Recipe, TrainingSet, as_inputs, asked, to_unit


def annealed(step: int, alpha: float, floor: float) -> float:
    """rho(t), and the temperature tau(t): max(floor, exp(-alpha t)). Paper 02, Section III-D2 and IV-B.

    The text has rho go to 0, the experiments stop it at 0.5: from step ln(2) / alpha on nothing changes any more.
    """
    checks.fraction(floor, "floor", below_one=False)
    return max(floor, math.exp(-checks.not_negative(alpha, "alpha") * checks.not_negative(step, "step")))


def binary_concrete(logits: Tensor, noise: Tensor, tau: float) -> Tensor:
    """A soft draw in (0, 1) of K Bernoullis, (B, K): sigmoid((logits + noise) / tau). Paper 02, Section III-D1.

    `noise` is standard logistic, the difference of the paper's two Gumbel draws. P(z > 1/2) = sigmoid(logits) at every
    temperature; the smaller tau, the nearer the draws to 0 and 1. Source of the trick: Jang et al. 2017.
    """
    tensors.same_shape(logits=logits, noise=noise)
    tau = tau if isinstance(tau, Tensor) else checks.positive(tau, "tau")  # a tensor may ask for a gradient
    return torch.sigmoid((logits + noise) / tau)


def reparameterise(mu: Tensor, log_var: Tensor, zeta: Tensor) -> Tensor:
    """A draw of N(mu, var) from standard normal zeta, all (B, D): mu + sigma zeta. Paper 02, Section III-D1, corrected.

    The paper prints mu + sigma^2 zeta, which has the variance sigma^4, while its Eq. (8) takes sigma^2 as the variance.
    """
    tensors.same_shape(mu=mu, log_var=log_var, zeta=zeta)
    return mu + torch.exp(0.5 * log_var) * zeta


LOG_VAR = (-20.0, 10.0)  # log sigma^2 is kept in there; only from lambda_mi = 1 on does it ever get so far


class Posterior(NamedTuple):
    """What the encoder says about a batch with its noisy labels."""

    q_logits: Tensor  # (B, K) of q(z | x, y): the latent label
    mu: Tensor  # (B, D) of q(s | x, y): the quality
    log_var: Tensor  # (B, D)


class NoiseNetwork(nn.Module):
    """Encoder and decoder around K labels and D quality dimensions (Paper 02, Section III-C and Fig. 3).

    Contrastive layer: (mu, log sigma^2) = f_t(f_s(y) - f_s(y_hat)), f_s a linear layer with ReLU that both share.
    Additive layer: q(z = 1) = sigmoid(f'_t(f_1(y) + f_2(y_hat))), with layers of its own. Without a nonlinearity
    between its two levels it would be one linear layer, so f_1 and f_2 have a ReLU here; the paper calls the
    combination nonlinear and prints none. Decoder P(y | z, s): two groups of linear and ReLU, then a linear layer for
    the sigmoid. The paper names no linear layer there: a sigmoid right after a ReLU could not go below 1/2, and most
    labels are absent. Widths and D are not printed either. quality_dim 0 leaves s out, for an ablation.
    """

    def __init__(self, n_classes: int, quality_dim: int, hidden: int):
        super().__init__()
        self.quality_dim = quality_dim
        self.shared = nn.Linear(n_classes, hidden)  # f_s
        self.to_quality = nn.Linear(hidden, 2 * quality_dim) if quality_dim else None  # f_t
        self.from_label, self.from_prediction = nn.Linear(n_classes, hidden), nn.Linear(n_classes, hidden)  # f_1, f_2
        self.to_latent = nn.Linear(hidden, n_classes)  # f'_t
        self.decoder = nn.Sequential(
            nn.Linear(n_classes + quality_dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, n_classes))  # fmt: skip

    def contrastive(self, y: Tensor, y_hat: Tensor) -> tuple[Tensor, Tensor]:
        """mu and log sigma^2, (B, D), from labels and predictions (B, K). Equal inputs give f_t(0), always."""
        if self.to_quality is None:
            return y.new_zeros(len(y), 0), y.new_zeros(len(y), 0)
        mu, log_var = self.to_quality(F.relu(self.shared(y)) - F.relu(self.shared(y_hat))).chunk(2, 1)
        return mu, log_var.clamp(*LOG_VAR)

    def additive(self, y: Tensor, y_hat: Tensor) -> Tensor:
        """Logits (B, K) of the latent label from labels and predictions (B, K)."""
        return self.to_latent(F.relu(self.from_label(y)) + F.relu(self.from_prediction(y_hat)))

    def encode(self, y: Tensor, y_hat: Tensor) -> Posterior:
        """Both posteriors from noisy labels and prior predictions (B, K)."""
        return Posterior(self.additive(y, y_hat), *self.contrastive(y, y_hat))

    def decode(self, z: Tensor, s: Tensor) -> Tensor:
        """Logits (B, K) of P(y | z, s) for latent labels (B, K) and qualities (B, D)."""
        return self.decoder(torch.cat([z, s], 1))


class Explained(NamedTuple):
    """What a trained CAN says about N examples and their noisy labels, on the CPU."""

    p: Tensor  # (N, K) prior prediction P(z = 1 | x)
    q: Tensor  # (N, K) latent label q(z = 1 | x, y)
    mu: Tensor  # (N, D) mean of the quality
    sigma: Tensor  # (N, D) its standard deviation
    agreement: Tensor  # (D,) mean of the quality where label and prediction are equal


@dataclass
class QualityEmbedding(MultiLabelMethod):
    """CAN: the classifier learns from a latent label, a quality variable explains why the noisy label differs.

    Objective: Paper 02, Eq. (4) with the regulariser (3), sampled as in Eq. (5), closed forms of Eq. (8). The gradient
    of the classifier is that of Eq. (7): cross-entropy against (1 - rho) q + rho y, q without gradient. That is soft
    bootstrapping with a learned target, because KL(q || P) and BCE(P, q) have the same gradient in P. The prediction
    enters the encoder without gradient, as Eq. (6) has it.

    lambda_mi: the paper's lambda, weight of the entropies of z and s. From 1 on (Table V goes to 10) the loss has no
    minimum in the variance of s: it runs to 0 for most examples and, since the layer behind it is odd in y - y_hat, to
    infinity for others, and is stopped at LOG_VAR. alpha: per step, for rho and tau; the paper's runs on its large set
    (176,000 steps) spend 13 % of the steps above the floors. At this default a run of 1,000 steps keeps rho above 0.97:
    it is plain training beside a noise network. rho_floor: 0.5 in the experiments, 0 in the text, 1 trains on noisy
    labels alone.
    n_samples: N of Eq. (5). quality_dim (D) and hidden are this kit's choice: the paper prints neither. noise_lr:
    learning rate of encoder and decoder in multiples of the classifier's, 1 in the paper; runs far shorter than its
    need more. detach = False stops no gradient and minimises (1 - rho) L + rho BCE(P, y) in all weights: what one gets
    by writing the objective down and calling backward, which is not the paper's Eq. (6).
    """

    source: ClassVar[str] = "Yao et al. 2017, Deep learning from noisy image labels with quality embedding"

    lambda_mi: NotNegative = 0.3
    alpha: NotNegative = 3e-5
    rho_floor: Share = 0.5
    tau_floor: Positive = 0.5
    n_samples: Count = 1
    quality_dim: CountFromZero = 8
    hidden: Count = 64
    noise_lr: Positive = 1.0
    detach: bool = True

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        super().start(recipe, data, generator)
        noise = NoiseNetwork(data.n_outputs, self.quality_dim, self.hidden).to(recipe.device)
        self.nets_.append(noise)
        self.optimizer_ = recipe.optimizer([{"params": list(net.parameters())} for net in self.nets_])
        self.optimizer_.param_groups[1]["lr"] *= self.noise_lr
        self.step_ = 0

    @property
    def noise_(self) -> NoiseNetwork:
        return self.nets_[1]

    @property
    def rho_(self) -> float:
        """The weight of the noisy label in the classifier's target at the present step."""
        return annealed(self.step_, self.alpha, self.rho_floor)

    def loss(self, batch: Batch) -> Tensor:
        """A scalar whose gradients are those of Paper 02, Eq. (6) and Eq. (7)."""
        rho, tau = self.rho_, annealed(self.step_, self.alpha, self.tau_floor)
        self.step_ += 1
        logits = self.classifier_(batch.x)
        if not self.detach:
            whole = self.objective(batch.y, logits, tau)
            return ((1 - rho) * whole + rho * losses.binary_cross_entropy(logits, batch.y)).mean()
        prior = logits.detach()
        found = self.noise_.encode(batch.y, prior.sigmoid())
        target = (1 - rho) * found.q_logits.detach().sigmoid() + rho * batch.y
        return (self.objective(batch.y, prior, tau, found) + losses.binary_cross_entropy(logits, target)).mean()

    def objective(self, y: Tensor, logits: Tensor, tau: float, found: Posterior | None = None) -> Tensor:
        """Minus the evidence lower bound, plus lambda times the entropies of z and s, (B,): to be minimised.

        Paper 02, Eq. (2), Eq. (3) and Eq. (4). y (B, K) noisy labels, logits (B, K) of P(z | x), found: the encoder's
        output for them if it is there already.
        """
        found = self.noise_.encode(y, logits.sigmoid()) if found is None else found
        return (
            self.reconstruction(y, found, tau)
            + losses.bernoulli_kl(found.q_logits, logits, self.lambda_mi)
            + losses.gaussian_kl(found.mu, found.log_var, self.lambda_mi)
        )

    def reconstruction(self, y: Tensor, found: Posterior, tau: float) -> Tensor:
        """-ln P(y | z, s), (B,), averaged over N draws of z and s. Paper 02, Eq. (5)."""
        values = []
        for _ in range(self.n_samples):
            u = torch.rand_like(found.q_logits).clamp(1e-6, 1 - 1e-6)
            z = binary_concrete(found.q_logits, u.logit(), tau)
            s = reparameterise(found.mu, found.log_var, torch.randn_like(found.mu))
            values.append(losses.binary_cross_entropy(self.noise_.decode(z, s), y))
        return torch.stack(values).mean(0)

    @torch.no_grad()
    def log_likelihood(self, y: Tensor, logits: Tensor, n_draws: int = 1000) -> Tensor:
        """ln P(y | x), (B,), from n draws of z from P(z | x) and of s from its prior. Paper 02, Eq. (1).

        y (B, K) noisy labels, logits (B, K) of P(z | x). The logarithm of a mean over draws: too low on average, by
        less the more draws.
        """
        tensors.same_shape(y=y, logits=logits)
        checks.positive_int(n_draws, "n_draws")
        values = []
        for _ in range(n_draws):
            z, s = torch.bernoulli(logits.sigmoid()), torch.randn(len(y), self.noise_.quality_dim, device=y.device)
            values.append(-losses.binary_cross_entropy(self.noise_.decode(z, s.to(logits.dtype)), y))
        return torch.stack(values).logsumexp(0) - math.log(n_draws)

    @torch.no_grad()
    def explain(self, x, y, batch_size: int = AT_ONCE) -> Explained:
        """Prior prediction, latent label and quality of examples x (N, ...) with noisy labels y (N, K)."""
        checks.same_length(x=x, y=y)
        checks.positive_int(batch_size, "batch_size")
        device = next(self.nets_.parameters()).device
        x, y = as_inputs(x), torch.tensor(checks.label_vectors(y, "y"), dtype=torch.float32)
        parts = []
        with asked(self.nets_, x):
            for chunk, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
                p = self.classifier_(to_unit(chunk.to(device))).float().sigmoid()
                found = self.noise_.encode(labels.to(device), p)
                parts.append((p, found.q_logits.sigmoid(), found.mu, torch.exp(0.5 * found.log_var)))
        nothing = torch.zeros(1, y.shape[1], device=device)
        agreement = self.noise_.contrastive(nothing, nothing)[0][0].cpu()
        return Explained(*(torch.cat(columns).cpu() for columns in zip(*parts, strict=True)), agreement)

    def judge_labels(self, noisy, n_embedded: int = 0) -> dict | None:
        """`label_quality.judge` on a training set with known clean labels; and a map of so many of its qualities.

        None where the method has no quality (quality_dim 0).
        """
        if not self.quality_dim:
            return None
        explained = self.explain(noisy.x, noisy.y)
        embedding = label_quality.embed(explained, noisy.y, noisy.y_clean, n_embedded) if n_embedded else None
        return {**label_quality.judge(explained, noisy.y, noisy.y_clean), "embedding": embedding}
