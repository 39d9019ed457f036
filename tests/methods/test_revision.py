"""T-Revision: its stages, its weights by a second formulation, and what revises T."""

import functools

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, sgd, weights
from torch.testing import assert_close

from lnlkit import losses, noise
from lnlkit.methods.base import CE
from lnlkit.methods.correction import estimate_T
from lnlkit.methods.revision import TRevision, importance_weight
from lnlkit.training import Batch, fit

B, K = 12, 4
T = torch.tensor([[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0.2, 0.5, 0.1], [0, 0, 0.4, 0.6]], dtype=torch.float64)


def some_logits() -> torch.Tensor:
    g = torch.Generator().manual_seed(1)
    return (2 * torch.randn(B, K, generator=g, dtype=torch.float64)).requires_grad_()


def labels() -> torch.Tensor:
    return torch.arange(B) % K


def noisy_digits(n: int = 600, rate: float = 0.4):
    """Digits of which 40 % have the label of the next class."""
    return digits(n, noise.corrupt(digits(n).y, noise.pairflip(10, rate), np.random.default_rng(0)))


# ---- the weight ----


def test_the_weight_is_the_clean_probability_over_the_noisy_one():
    """A matrix product, one example at a time, in NumPy."""
    z = some_logits()
    expected = []
    for row, y in zip(z.detach().numpy(), labels().tolist(), strict=True):
        p = np.exp(row) / np.exp(row).sum()
        expected.append(p[y] / (T.numpy().T @ p)[y])
    assert_close(importance_weight(z, labels(), T), torch.tensor(expected, dtype=torch.float64))
    assert_close(importance_weight(z, labels(), torch.eye(K)), torch.ones(B, dtype=torch.float64))


def test_the_weight_and_its_gradients_are_finite_at_extreme_logits():
    z = (1e4 * torch.eye(K)[(labels() + 1) % K]).requires_grad_()
    smooth = (0.9 * T.float() + 0.1 / K).requires_grad_()
    value = importance_weight(z, labels(), smooth)
    for gradient in torch.autograd.grad(value.sum(), (z, smooth)):
        assert gradient.isfinite().all()
    assert value.isfinite().all() and (value <= 1 / smooth.diagonal().min()).all()


def test_weights_undo_the_noise_of_a_loss():
    """The mean over noisy labels of weight times loss is the mean over clean ones of the loss: any loss, exact p."""
    z = some_logits()
    p, noisy = z.softmax(1), z.softmax(1) @ T
    each = [torch.full((B,), k) for k in range(K)]
    loss = [losses.cross_entropy(z, y) for y in each]
    reweighted = sum(noisy[:, k] * importance_weight(z, each[k], T) * loss[k] for k in range(K))
    assert_close(reweighted, sum(p[:, k] * loss[k] for k in range(K)))


# ---- stages ----


def test_the_stages_are_shares_of_the_run_and_T_is_estimated_on_the_network_of_the_first():
    """42 epochs: 2 of cross-entropy, 20 reweighted, 20 in which T is revised; stage 1 is the CE run."""
    seen = []

    class Spy(TRevision):
        def run_epoch(self, data):
            before = self.dT_.detach().clone()
            numbers = super().run_epoch(data)
            moved = not torch.equal(before, self.dT_.detach())
            seen.append((self.stage_, moved, self.T_.clone(), type(self.optimizer_)))
            return numbers

    data, ce = noisy_digits(64), CE()
    fit(Spy(percentile=90.0), data, recipe(epochs=42))
    fit(ce, data, recipe(epochs=2))
    assert [stage for stage, *_ in seen] == [1] * 2 + [2] * 20 + [3] * 20
    assert [moved for _, moved, *_ in seen] == [False] * 22 + [True] * 20
    assert torch.equal(seen[0][2], torch.eye(10))
    for _, _, estimated, _ in seen[1:]:
        assert_close(estimated, estimate_T(ce.predict(data.x), 90.0).float())


def test_a_run_of_one_epoch_and_one_of_stage_one_alone_are_the_ce_run():
    for method, epochs in ((TRevision(), 1), (TRevision(stage_1=1.0), 3)):
        ce = CE()
        fit(method, digits(), recipe(epochs=epochs))
        fit(ce, digits(), recipe(epochs=epochs))
        assert torch.equal(weights(method), weights(ce))


def test_a_schedule_of_the_recipe_acts_before_the_revision():
    rates, schedule = [], functools.partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    halved = recipe(epochs=6, make_optimizer=sgd(0.1), make_schedule=schedule)
    method = TRevision(stage_1=1 / 6, stage_2=0.5, lr_revision=1e-4)
    fit(method, digits(), halved, after_epoch=lambda m: rates.append(m.optimizer_.param_groups[0]["lr"]) or {})
    assert rates == pytest.approx([0.05, 0.025, 0.0125, 0.00625, 1e-4, 1e-4])


def test_the_rate_of_the_revision_reaches_as_far_as_the_authors_in_fewer_steps():
    method = TRevision()
    fit(method, digits(), recipe(epochs=4, batch_size=32))  # stages of 1, 1 and 2 epochs of 7 batches
    assert method.optimizer_.param_groups[0]["lr"] == pytest.approx(5e-7 * 70_400 / 14)
    assert 0.001 < method.dT_.abs().max().item() < 1.1 * 0.0352


# ---- what each stage minimises ----


def at_stage(stage: int, z: torch.Tensor) -> tuple[TRevision, Batch]:
    """A method at a stage whose network gives the logits z; its T is the one above, smoothed, and dT is not 0."""
    method = TRevision()
    method.nets_, method.stage_ = torch.nn.ModuleList([torch.nn.Identity()]), stage
    method.T_ = 0.9 * T + 0.1 / K
    method.dT_ = torch.nn.Parameter(0.02 * torch.arange(K * K, dtype=torch.float64).reshape(K, K) / K**2)
    return method, Batch(z, labels(), torch.arange(B))


def revised(method: TRevision) -> torch.Tensor:
    rows = method.T_ + method.dT_
    return rows / rows.sum(1, keepdim=True)


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_stage_has_the_loss_and_the_gradients_of_its_formula(stage):
    z = some_logits()
    method, batch = at_stage(stage, z)
    p, y = z.softmax(1), labels()
    weight = p.gather(1, y[:, None])[:, 0] / (p @ revised(method)).gather(1, y[:, None])[:, 0]
    weight = {1: torch.ones(B), 2: weight.detach(), 3: weight}[stage]
    expected = (weight * torch.nn.functional.cross_entropy(z, y, reduction="none")).mean()
    inputs = (z, method.dT_) if stage == 3 else (z,)
    assert_close(method.loss(batch), expected)
    for got, wanted in zip(torch.autograd.grad(method.loss(batch), inputs),
                           torch.autograd.grad(expected, inputs), strict=True):  # fmt: skip
        assert_close(got, wanted)
        assert got.abs().max() > 1e-4  # the authors' fast loss gives dT none


def test_without_rows_that_sum_to_one_every_entry_of_dT_would_rise():
    """The gradient of the loss as coded is below 0 in each entry; with rows that sum to 1 it is balanced in a row."""
    z = some_logits().detach()
    method, batch = at_stage(3, z)
    p, y = z.softmax(1), labels()
    as_coded = (p.gather(1, y[:, None]) / (p @ (method.T_ + method.dT_)).gather(1, y[:, None]))[:, 0]
    loss = (as_coded * torch.nn.functional.cross_entropy(z, y, reduction="none")).mean()
    assert (torch.autograd.grad(loss, method.dT_)[0] < 0).all()
    gradient = torch.autograd.grad(method.loss(batch), method.dT_)[0]
    assert (gradient < 0).any() and (gradient > 0).any()
    assert_close((gradient * revised(method)).sum(1), torch.zeros(K, dtype=torch.float64), atol=1e-12, rtol=0)


def test_the_estimate_is_normalised_by_rows_and_left_as_it_is():
    """Their `norm` divides columns by the sums of rows, which shows where these differ from 1."""
    method, _ = at_stage(3, some_logits())
    assert_close(method.revised_T_.sum(1), torch.ones(K, dtype=torch.float64))
    method.dT_.data -= 1.0  # far below 0
    assert (method.revised_T_ > 0).all()


def test_reweighting_undoes_a_part_of_pair_flips():
    data = noisy_digits()
    accuracy = {}
    for method in (CE(), TRevision(stage_1=0.2, stage_2=0.5)):
        fit(method, data, recipe(epochs=15))
        accuracy[type(method)] = float((method.predict(data.x).argmax(1).numpy() == data.y_clean).mean())
    assert accuracy[TRevision] > accuracy[CE] + 0.05


@pytest.mark.parametrize("hparams, says", [
    ({"stage_1": 20}, r"`stage_1` must be a fraction in \[0, 1\]"), ({"lr_revision": 0.0}, "`lr_revision` must be"),
    ({"percentile": 101}, r"`percentile` must be a number in \[0, 100\]"),
])  # fmt: skip
def test_a_wrong_hyperparameter_is_named(hparams, says):
    with pytest.raises(ValueError, match=says):
        TRevision(**hparams)
