import dataclasses

import numpy as np
import pytest
import torch

from lnlkit import data, models
from lnlkit.methods import make
from lnlkit.methods.base import CE
from lnlkit.methods.cvae_augmentation import cvae_terms, generate, train_cvae
from lnlkit.tasks.running import Splits
from lnlkit.training import Batch, Recipe, TrainingSet, fit


@pytest.fixture(scope="module")
def digits():
    images = data.load("digits")
    return TrainingSet.of(data.Labelled(images.x_train[:400], images.y_train[:400], 10))


def recipe(epochs=2):
    return Recipe(
        lambda n_outputs=None: models.build("mlp", (1, 8, 8), n_outputs or 10),
        lambda parameters: torch.optim.Adam(parameters, lr=3e-3), epochs=epochs, batch_size=64)  # fmt: skip


def small_cvae(**changes):
    return models.ConditionalVAE((1, 8, 8), 10, **dict(latent=4, hidden=32) | changes)


def test_terms_are_minus_the_bound_of_torch_distributions(digits):
    """Eq. (2): E log P(x | z, y) - KL(Q || N(0, I)), from torch.distributions with the same draw of z."""
    cvae = small_cvae()
    batch = next(digits.batches(32, torch.Generator().manual_seed(0)))
    torch.manual_seed(7)
    reconstruction, kl = cvae_terms(cvae, batch)
    torch.manual_seed(7)
    mu, log_var = cvae.encode(batch.x, batch.y)
    posterior = torch.distributions.Normal(mu, (0.5 * log_var).exp())
    z = mu + posterior.stddev * torch.randn_like(mu)
    pixels = torch.distributions.Bernoulli(logits=cvae.decode(z, batch.y), validate_args=False)
    torch.testing.assert_close(reconstruction, -pixels.log_prob(batch.x).sum((1, 2, 3)))
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    torch.testing.assert_close(kl, torch.distributions.kl_divergence(posterior, prior).sum(1))


def test_training_lowers_both_sum_and_reconstruction_and_repeats(digits):
    cvae, history = train_cvae(digits, epochs=8, hidden=64, latent=8, lr=2e-3)
    assert history[-1]["total"] < 0.8 * history[0]["total"]
    assert history[-1]["reconstruction"] < history[0]["reconstruction"]
    for row in history:
        assert row["total"] == pytest.approx(row["reconstruction"] + row["kl"])
    again, same = train_cvae(digits, epochs=8, hidden=64, latent=8, lr=2e-3)
    assert same == history
    assert all(torch.equal(a, b) for a, b in zip(cvae.parameters(), again.parameters(), strict=True))


def test_generated_sets_are_balanced_uint8_and_seeded():
    cvae = small_cvae()
    images, y = generate(cvae, 53, seed=1)
    assert images.dtype == torch.uint8 and images.shape == (53, 1, 8, 8)
    assert y.bincount(minlength=10).tolist() == [6, 6, 6, 5, 5, 5, 5, 5, 5, 5]
    assert torch.equal(images, generate(cvae, 53, seed=1)[0])
    assert not torch.equal(images, generate(cvae, 53, seed=2)[0])


def test_the_classifier_sees_the_real_images_and_as_many_generated(digits):
    method = make("cvae_augmentation", cvae_epochs=1, latent=4, hidden=32)
    fit(method, digits, recipe(1))
    extended = method.extended_
    assert len(extended) == 2 * len(digits)
    assert torch.equal(extended.x[: len(digits)], digits.x) and torch.equal(extended.y[: len(digits)], digits.y)
    assert extended.y[len(digits) :].bincount().tolist() == [40] * 10


def test_without_generated_images_it_is_plain_cross_entropy(digits):
    plain, augmented = CE(), make("cvae_augmentation", cvae=small_cvae(), n_generated=0)
    fit(plain, digits, recipe(), seed=3)
    fit(augmented, digits, recipe(), seed=3)
    assert all(torch.equal(a, b) for a, b in zip(plain.nets_.parameters(), augmented.nets_.parameters(), strict=True))


def test_a_given_generator_is_used_and_not_trained(digits):
    cvae = small_cvae()
    before = [p.clone() for p in cvae.parameters()]
    method = make("cvae_augmentation", cvae=cvae)
    fit(method, digits, recipe(1))
    assert method.cvae_ is cvae and method.cvae_history_ == []
    assert all(torch.equal(a, b) for a, b in zip(before, cvae.parameters(), strict=True))
    assert "cvae" not in repr(dataclasses.replace(method, cvae=cvae)).replace("cvae_", "")


def test_defaults_are_the_papers():
    method = make("cvae_augmentation")
    assert (method.cvae_lr, method.cvae_batch_size, method.cvae_epochs) == (4e-4, 16, 20)


# ---- what it says of itself


@pytest.fixture(scope="module")
def splits():
    """Digits of which a third of the labels are the next class, with noisy validation and clean test images."""
    images = data.load("digits")
    y_clean = images.y_train[:600]
    y = np.where(np.arange(600) % 3 == 0, (y_clean + 1) % 10, y_clean)
    noisy = data.NoisyData(images.x_train[:600], y, y_clean, 10)
    test = data.Labelled(images.x_test[:200], images.y_test[:200], 10)
    return Splits(noisy.take(np.arange(500)), noisy.take(np.arange(500, 600)).visible(), test)


class FixedGenerator(models.ConditionalVAE):
    """Draws for a class a real image that shows what `draws` says of the class."""

    draws = staticmethod(lambda y: y)

    def sample(self, y, z):
        images = data.load("digits")
        of = {k: torch.tensor(images.x_train[images.y_train == k][0])[None] / 255 for k in range(10)}
        return torch.stack([of[self.draws(int(label))] for label in y])


@pytest.mark.parametrize(("draws", "fidelity"), [(lambda y: y, 1.0), (lambda y: y - y % 2, 0.5), (lambda y: 9 - y, 0)])
def test_fidelity_is_the_share_of_images_in_which_a_judge_with_clean_labels_sees_the_class(splits, draws, fidelity):
    torch.manual_seed(0)
    cvae = FixedGenerator((1, 8, 8), 10, latent=4, hidden=32)
    cvae.draws = draws
    method = make("cvae_augmentation", cvae=cvae)
    fit(method, splits.train.visible(), recipe(12))
    said = method.diagnose(splits)
    assert said["judge"] > 0.85  # it was trained on the clean labels: a third of those given are wrong
    assert said["fidelity"] == pytest.approx(fidelity, abs=0.11)  # at most one of the ten images is misread
    assert not {"cvae_total", "cvae_reconstruction", "cvae_kl"} & set(said)  # it trained no generator


def test_the_losses_are_those_of_the_last_epoch_and_of_the_noisy_validation_images(splits):
    method = make("cvae_augmentation", cvae_epochs=2, latent=4, hidden=32, n_generated=0)
    fit(method, splits.train.visible(), recipe(1))
    state = torch.random.get_rng_state()
    said = method.diagnose(splits)
    assert torch.equal(state, torch.random.get_rng_state())
    last = method.cvae_history_[-1]
    assert {name: said[f"cvae_{name}"] for name in ("total", "reconstruction", "kl")} == {
        name: last[name] for name in ("total", "reconstruction", "kl")}  # fmt: skip
    assert "fidelity" not in said  # nothing was generated
    x = torch.tensor(splits.noisy_val.x)[:, None] / 255
    with torch.no_grad():
        draws = [sum(cvae_terms(method.cvae_, Batch(x, torch.tensor(splits.noisy_val.y), torch.arange(len(x)))))
                 for _ in range(200)]  # fmt: skip
    every = torch.stack(draws).mean(1)
    assert abs(said["cvae_val_total"] - every.mean()) < 5 * every.std()
    turned = data.Labelled(splits.noisy_val.x, splits.noisy_val.y[::-1].copy(), 10)
    other = dataclasses.replace(splits, noisy_val=turned)
    same, changed = (method.diagnose(of)["cvae_val_total"] for of in (splits, other))
    assert same != changed  # it reads the noisy labels


def test_what_a_method_says_of_itself_changes_nothing_in_it(splits):
    method = make("cvae_augmentation", cvae_epochs=1, latent=4, hidden=32)
    fit(method, splits.train.visible(), recipe(1))
    before = method.predict(splits.test.x)
    assert method.diagnose(splits) == method.diagnose(splits)
    assert torch.equal(before, method.predict(splits.test.x))
