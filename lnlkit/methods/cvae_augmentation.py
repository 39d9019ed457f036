"""Paper 01: add class-balanced images drawn from a conditional VAE that was trained on the noisy labels."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from lnlkit import checks, evaluation, losses, seeds
from lnlkit.methods.base import CE
from lnlkit.methods.domains import Count, CountFromZero, NotNegative, Positive
from lnlkit.models import ConditionalVAE
from lnlkit.training import Batch, Recipe, TrainingSet, fit, torch_defaults


def cvae_terms(cvae: ConditionalVAE, batch: Batch) -> tuple[Tensor, Tensor]:
    """Reconstruction and KL, (B,) each, in nats: the two terms of the loss. Paper 01, Eq. (2), corrected.

    -log P(x | z, y) + KL(Q(z | x, y) || N(0, I)), with one draw of z. The paper prints the decoder as P(X, c | z),
    which would model the class as well; what a CVAE bounds is log P(X | c).
    """
    logits, mu, log_var = cvae(batch.x, batch.y)
    return losses.reconstruction(logits, batch.x), losses.gaussian_kl(mu, log_var)


@torch_defaults()
def train_cvae(data, *, latent: int = 20, hidden: int = 400, epochs: int = 20, batch_size: int = 16, lr: float = 4e-4,
               kl_weight: float = 1.0, seed: int = 0, device: str = "cpu",
               progress: Callable[[str], None] | None = None) -> tuple[ConditionalVAE, list[dict]]:  # fmt: skip
    """A CVAE trained on the images and labels of `data`, and its history: total, reconstruction, KL an epoch.

    Learning rate, batch size and epochs are the paper's (Section 3.2); latent size, widths, the Bernoulli
    likelihood and the Adam optimiser are not given there and are this kit's choice. Numbers are nats per image.
    """
    data, history = TrainingSet.of(data, device), []
    for name, count in {"epochs": epochs, "batch_size": batch_size}.items():
        checks.positive_int(count, name)
    checks.positive(lr, "lr")
    checks.not_negative(kl_weight, "kl_weight")
    checks.function(progress, "progress", optional=True)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seeds.derive(seed, "CVAE"))
        generator = torch.Generator().manual_seed(seeds.derive(seed, "CVAE batches"))
        cvae = ConditionalVAE(data.image_shape, data.n_classes, latent, hidden).to(data.device)
        optimizer = torch.optim.Adam(cvae.parameters(), lr=lr, fused=True)
        for epoch in range(epochs):
            sums = torch.zeros(2, device=data.device)
            for batch in data.batches(batch_size, generator):
                reconstruction, kl = cvae_terms(cvae, batch)
                loss = (reconstruction + kl_weight * kl).mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                sums += torch.stack([reconstruction.detach().sum(), kl.detach().sum()])
            reconstruction, kl = (sums / len(data)).tolist()
            history.append({"epoch": epoch, "total": reconstruction + kl, "reconstruction": reconstruction, "kl": kl})
            if progress:
                progress(f"CVAE epoch {epoch + 1}/{epochs}  loss {reconstruction + kl:.1f}")
    return cvae.eval(), history


def generate(cvae: ConditionalVAE, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """n uint8 images (n, C, H, W) and their intended classes (n,), as balanced over the classes as n allows."""
    device = checks.instance(cvae, "cvae", ConditionalVAE).to_mu.weight.device
    checks.count(n, "n")
    y = (torch.arange(n) % cvae.n_classes).to(device)
    draw = torch.Generator().manual_seed(seeds.derive(seed, "generated images"))
    z = torch.randn(n, cvae.latent, generator=draw).to(device)
    chunks = [cvae.sample(y_part, z_part) for y_part, z_part in zip(y.split(2048), z.split(2048), strict=True)]
    return (torch.cat(chunks) * 255).round().to(torch.uint8), y


@dataclass
class CVAEAugmentation(CE):
    """Cross-entropy on the noisy set plus as many images drawn from a CVAE that was trained on the noisy set.

    `cvae`: a trained generator to use instead, for example one trained on clean labels (the oracle of notebook 01).
    `n_generated`: images to draw; None draws as many as the set has (the paper: 42,000 and 42,000).
    """

    source: ClassVar[str] = "Kim, CVAE data augmentation for robustness to instance-dependent noise (Paper 01)"

    latent: Count = 20
    hidden: Count = 400
    cvae_epochs: Count = 20
    cvae_batch_size: Count = 16
    cvae_lr: Positive = 4e-4
    kl_weight: NotNegative = 1.0
    n_generated: CountFromZero | None = None
    cvae: ConditionalVAE | None = field(default=None, repr=False, compare=False)

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        self.seed_ = generator.initial_seed()
        if self.cvae is not None and (self.cvae.image_shape, self.cvae.n_classes) != (data.image_shape, data.n_classes):
            raise ValueError(f"`cvae` must make images {data.image_shape} of {data.n_classes} classes as the data are, "
                             f"but makes {self.cvae.image_shape} of {self.cvae.n_classes}.")  # fmt: skip
        super().start(recipe, data, generator)
        seed = self.seed_  # not a draw: without generated images this is the CE run, bit for bit
        self.cvae_, self.cvae_history_ = self.cvae, []
        if self.cvae_ is None:
            self.cvae_, self.cvae_history_ = self.train_cvae(data, seed=seed, device=recipe.device)
        n = len(data) if self.n_generated is None else self.n_generated
        images, labels = generate(self.cvae_, n, seed)
        self.extended_ = TrainingSet(torch.cat([data.x, images]), torch.cat([data.y, labels]), data.n_classes)

    def run_epoch(self, data: TrainingSet) -> dict[str, float]:
        return super().run_epoch(self.extended_)

    def diagnose(self, splits) -> dict[str, float]:
        """Fidelity of the generated images, and the generator's loss in nats an image.

        fidelity: share of the images in which a classifier trained on the clean labels of the same images, which no
        method has, sees the class asked for. judge: how often it is right about the clean test images. cvae_total,
        its two terms: in the last epoch of training; cvae_val_total: on the noisy validation set.
        """
        generated, judge, data = self.extended_, CE(), TrainingSet.of(splits.train.clean(), self.recipe_.device)
        fit(judge, data, self.recipe_, seed=seeds.derive(self.seed_, "judge"))
        n = len(generated) - len(data)
        found = {"judge": evaluation.accuracy(judge.predict(splits.test.x), splits.test.y)}
        if n:
            found["fidelity"] = evaluation.accuracy(judge.predict(generated.x[-n:]), generated.y[-n:].cpu())
        last = self.cvae_history_[-1] if self.cvae_history_ else {}
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seeds.derive(self.seed_, "held-out loss"))
            held_out = TrainingSet.of(splits.noisy_val, data.device).batches(512, torch.Generator(), shuffle=False)
            terms = torch.cat([sum(cvae_terms(self.cvae_, batch)) for batch in held_out])
        found["cvae_val_total"] = terms.mean().item()
        return found | {f"cvae_{name}": last[name] for name in ("total", "reconstruction", "kl") if last}

    def train_cvae(self, data, **options) -> tuple[ConditionalVAE, list[dict]]:
        """`train_cvae` with this method's settings; options: seed, device, progress."""
        return train_cvae(
            data, latent=self.latent, hidden=self.hidden, epochs=self.cvae_epochs, lr=self.cvae_lr,
            batch_size=self.cvae_batch_size, kl_weight=self.kl_weight, **options)  # fmt: skip

    def consult_oracle(self, clean, *, seed: int, device: str = "cpu") -> None:
        """Trains the generator on clean labels, which no method has: for rows that are marked as an oracle."""
        self.cvae = self.train_cvae(clean, seed=seed, device=device)[0]
