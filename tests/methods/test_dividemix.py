import copy
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_runs import digits, last_accuracy, recipe, sgd, two_fifths_wrong, untrained, weights
from torch.testing import assert_close

from lnlkit import losses
from lnlkit.augment import random_affine
from lnlkit.methods.base import CE
from lnlkit.methods.dividemix import Divided, DivideMix, clean_probability, sharpen
from lnlkit.methods.selection import judge_selection
from lnlkit.training import Batch, TrainingSet, fit, to_unit

SET = TrainingSet.of(digits())


def divided(k: int = 0, n: int = 12, n_unlabelled: int = 8, weight: float = 3.0) -> Divided:
    """The first digits as a labelled batch, with p_clean from 0.5 to 1, the last ones as an unlabelled batch."""
    def batch(at):
        return Batch(to_unit(SET.x[at]), SET.y[at], at)

    other = batch(torch.arange(200 - n_unlabelled, 200)) if n_unlabelled else None
    return Divided(k, batch(torch.arange(n)), torch.linspace(0.5, 1, n), other, weight)


def started(network: str = "mlp", **hparams) -> DivideMix:
    changes = {"make_optimizer": sgd(0.1, momentum=0.9, weight_decay=1e-3), "epochs": 11}
    method = untrained(DivideMix(**hparams), digits(), recipe(network, **changes))
    method.on_epoch_start(0, SET)
    return method


# ---- parts ----


def test_clean_probability_tells_two_clusters_of_losses_apart_whatever_their_scale():
    rng = np.random.default_rng(0)
    low, high = rng.normal(0.5, 0.1, 300), rng.normal(4, 0.4, 100)
    values = np.concatenate([low, high])
    p = clean_probability(values)
    assert (p[:300] > 0.99).all() and (p[300:] < 0.01).all()
    assert_close(clean_probability(10 + 3 * values), p)
    assert_close(clean_probability(values / 100), p)
    assert_close(clean_probability(torch.from_numpy(values)), p)


def test_clean_probability_is_bayes_rule_for_two_gaussians_that_overlap():
    """60 % N(1, 0.3), 40 % N(2, 0.3): with p = 1/2 where 0.6 exp(-(v-1)^2/0.18) = 0.4 exp(-(v-2)^2/0.18), at 1.536."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(1, 0.3, 6000), rng.normal(2, 0.3, 4000)])
    p = clean_probability(values).numpy()
    between = values[(p > 0.45) & (p < 0.55)]
    assert len(between) and abs(between.mean() - 1.536) < 0.06


def test_losses_that_are_all_equal_leave_one_probability_for_all():
    p = clean_probability(np.ones(20))
    assert p.isfinite().all() and p.unique().numel() == 1


def test_sharpen_by_hand_and_in_its_limits():
    p = torch.tensor([[0.8, 0.2], [1.0, 0.0]])
    assert_close(sharpen(p, 0.5), torch.tensor([[0.64 / 0.68, 0.04 / 0.68], [1.0, 0.0]]))
    assert_close(sharpen(p, 1.0), p)
    assert_close(sharpen(p, 1e-3), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))


def test_a_selection_is_judged_by_hand():
    kept, right = np.array([1, 1, 1, 0, 0], bool), np.array([1, 1, 0, 1, 0], bool)
    assert judge_selection(kept, right) == pytest.approx(
        {"kept_share": 0.6, "selection_precision": 2 / 3, "selection_recall": 2 / 3})
    assert judge_selection(~(kept | True), right) == {"kept_share": 0.0, "selection_recall": 0.0}


# ---- warm-up ----


def test_the_warm_up_is_two_separate_ce_runs():
    made, snapshots = [], []
    first = recipe(make_optimizer=sgd(0.1, momentum=0.9, weight_decay=1e-3))

    def remember(n_outputs=None):
        made.append(first.make_net(n_outputs))
        return made[-1]

    def keep(method):
        snapshots.append([weights(method, k) for k in (0, 1)])

    starts = []

    class Spy(DivideMix):
        def start(self, *given):
            super().start(*given)
            starts.extend(copy.deepcopy(net) for net in made)

    fit(Spy(warmup_epochs=2), digits(), recipe(make_net=remember, make_optimizer=first.make_optimizer), seed=2,
        after_epoch=keep)  # fmt: skip
    for k, net in enumerate(starts):
        alone, settings = CE(), {"make_net": lambda _, net=net: net, "make_optimizer": first.make_optimizer}
        fit(alone, digits(), recipe(epochs=2, **settings), seed=2)
        assert_close(snapshots[1][k], weights(alone, 0), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(snapshots[2][k], weights(alone, 0), atol=1e-3)


def test_the_confidence_penalty_takes_the_entropy_off():
    plain, penalised = started(), started(confidence_penalty=2.0)
    batch = divided().labelled
    gap = sum(losses.entropy(net(batch.x)).mean() for net in plain.nets_)
    assert_close(plain.loss(batch) - penalised.loss(batch), 2 * gap)


# ---- division ----


def test_each_network_learns_the_labels_that_the_other_one_takes_for_right():
    method = started(p_threshold=0.5)
    method.p_clean_ = torch.tensor([[0.9, 0.2, 0.6], [0.1, 0.7, 0.5]])
    assert method.kept(0).tolist() == [False, True, False] and method.kept(1).tolist() == [True, False, True]
    method.p_clean_ = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.4, 0.1]])  # none is likely enough: the most likely ones
    assert method.kept(0).tolist() == [True, True, False] and method.kept(1).tolist() == [False, False, True]


@pytest.mark.parametrize("n_kept", [1, 60, 150])
def test_an_epoch_has_every_kept_label_once_and_no_other(n_kept):
    """Labels are told from the pixels; each comes with its own p_clean, and unlabelled images are from the others."""
    method, data = started(warmup_epochs=0), TrainingSet.of(digits())
    p = torch.linspace(0.001, 0.4, 200)
    p[torch.randperm(200)[:n_kept]] += 0.55
    method.p_clean_ = torch.stack([p.flip(0), p])
    where = {image.numpy().tobytes(): i for i, image in enumerate(to_unit(data.x))}
    seen, others = [], []
    for batch in method.divided(0, data):
        at = [where[image.numpy().tobytes()] for image in batch.labelled.x]
        assert torch.equal(batch.labelled.y, data.y[at]) and torch.equal(batch.p_clean, p[at])
        seen += at
        others += [where[image.numpy().tobytes()] for image in batch.unlabelled.x]
    assert sorted(seen) == (p > 0.5).nonzero()[:, 0].tolist()
    assert set(others) <= set((p <= 0.5).nonzero()[:, 0].tolist())


def test_lambda_u_rises_batch_by_batch_and_stays():
    method, data = started(warmup_epochs=2, rampup_epochs=4, lambda_u=25.0), SET
    method.p_clean_ = torch.full((2, 200), 0.9)
    method.p_clean_[:, :72] = 0.1  # 128 labels in batches of 32
    weights_at = {}
    for epoch in (2, 4, 6, 9):
        method.epoch_ = epoch
        weights_at[epoch] = [batch.weight for batch in method.divided(1, data)]
    assert weights_at[2] == pytest.approx([25 * i / 16 for i in range(4)])
    assert weights_at[4] == pytest.approx([25 * (8 + i) / 16 for i in range(4)])
    assert weights_at[6] == weights_at[9] == [25] * 4


def test_where_all_labels_are_kept_nothing_is_unlabelled():
    method = started(warmup_epochs=0)
    method.p_clean_ = torch.full((2, 200), 0.9)
    batches = list(method.divided(0, SET))
    assert len(batches) == 7 and all(batch.unlabelled is None for batch in batches)
    method.loss(batches[0]).backward()


def test_the_division_comes_from_the_losses_of_the_networks_as_they_are():
    method = started(warmup_epochs=0)
    for k, net in enumerate(method.nets_):
        p = net.eval()(to_unit(SET.x)).detach()
        expected = clean_probability(torch.nn.functional.cross_entropy(p, SET.y, reduction="none"))
        assert (method.p_clean_[k] - expected).abs().mean() < 0.01


# ---- the mixed loss ----


def test_with_sure_labels_and_no_mixing_it_is_cross_entropy_and_the_prior():
    method, batch = started(alpha=0.0), divided(n_unlabelled=0)._replace(p_clean=torch.ones(12))
    logits = method.nets_[0](batch.labelled.x)
    expected = losses.cross_entropy(logits, batch.labelled.y).mean() + losses.prior_kl(logits)
    assert_close(method.loss(batch), expected)


@pytest.mark.parametrize("k", [0, 1])
def test_the_loss_is_the_papers_in_numpy(k):
    """Refined and guessed labels, sharpening, mixing, and the three terms, one after the other in float64."""
    method, batch = started(), divided(k)
    for parameter in method.nets_.parameters():  # two networks that are surer, and less of one opinion
        parameter.data *= 2
    drawn = (0.3, torch.randperm(40))
    method.draw = lambda n: drawn
    x, u = batch.labelled.x, batch.unlabelled.x
    p = [[net.eval()(part).detach().double().softmax(1).numpy() for part in (x, u)] for net in method.nets_]
    w, y = batch.p_clean.double().numpy()[:, None], np.eye(10)[batch.labelled.y.numpy()]
    refined, guessed = (w * y + (1 - w) * p[k][0]) ** 2, ((p[0][1] + p[1][1]) / 2) ** 2
    refined, guessed = (t / t.sum(1, keepdims=True) for t in (refined, guessed))
    t, images = np.concatenate([refined, refined, guessed, guessed]), torch.cat([x, x, u, u])
    partner = drawn[1].numpy()
    t = 0.7 * t + 0.3 * t[partner]  # lam is 0.7: the larger share is the image's own
    q = method.nets_[k](0.7 * images + 0.3 * images[partner]).detach().double().softmax(1).numpy()
    labelled = -(t * np.log(q))[:24].sum(1).mean()
    unlabelled = ((t - q)[24:] ** 2).mean()
    prior = -np.log(10 * q.mean(0)).mean()
    assert method.loss(batch).item() == pytest.approx(labelled + 3 * unlabelled + prior, rel=1e-4)


def test_targets_carry_no_gradient_and_one_network_learns_at_a_time():
    """After a step on both, so that momentum and weight decay could move the other one."""
    method = started("small_cnn")
    method.step(divided().labelled)
    for k in (0, 1):
        before = [weights(method, i) for i in (0, 1)]
        method.step(divided(k))
        assert torch.equal(weights(method, 1 - k), before[1 - k]) and not torch.equal(weights(method, k), before[k])
    assert not method.mixed(divided())[1].requires_grad


def test_guesses_leave_modes_and_batch_statistics_alone():
    method = started("small_cnn")
    method.nets_.train()
    before = weights(method)
    method.mixed(divided())
    assert torch.equal(weights(method), before) and all(net.training for net in method.nets_)


@pytest.mark.parametrize("n_views", [1, 2, 3])
def test_every_view_is_an_augmentation_of_its_own(n_views):
    method = started(n_views=n_views, alpha=0.0)
    method.recipe_ = dataclasses.replace(method.recipe_, augment=random_affine)
    x, targets, n_labelled = method.mixed(divided())
    assert len(x) == len(targets) == 20 * n_views and n_labelled == 12 * n_views
    assert len({image.numpy().tobytes() for image in x}) == len(x)
    assert_close(targets[:12].repeat(n_views, 1), targets[:n_labelled])
    method.recipe_ = dataclasses.replace(method.recipe_, augment=None)
    assert len({image.numpy().tobytes() for image in method.mixed(divided())[0]}) == 20


# ---- runs ----


def test_the_log_has_the_share_of_labels_that_are_kept_in_every_epoch():
    history = fit(DivideMix(warmup_epochs=2), two_fifths_wrong(0), recipe(epochs=4))
    assert [row["kept"] == 1 for row in history] == [True, True, False, False]
    assert all(row.keys() == history[0].keys() for row in history)


def test_it_says_how_right_the_kept_labels_are():
    """Known divisions of 200 examples whose second half is mislabelled: one network keeps the first 100, one all."""
    clean = digits().y
    train = digits(200, np.where(np.arange(200) < 100, clean, (clean + 1) % 10))
    method = started()
    method.p_clean_ = torch.stack([(torch.arange(200) < 100).float(), torch.ones(200)])
    assert method.diagnose(SimpleNamespace(train=train)) == {
        "kept_share": 0.75, "selection_precision": 0.75, "selection_recall": 1.0}  # fmt: skip


def test_it_ends_above_ce_and_keeps_right_labels_where_two_fifths_are_wrong():
    """Three seeds, 40 epochs of digits: CE ends at 68 to 74 %, DivideMix at 92 to 96 %."""
    for seed in range(3):
        assert last_accuracy("dividemix", seed) > last_accuracy("ce", seed) + 10
    method, train = DivideMix(warmup_epochs=6), two_fifths_wrong(0)
    fit(method, train, recipe(epochs=8))
    found = method.diagnose(SimpleNamespace(train=train))
    assert found["selection_precision"] > 0.9 and found["selection_recall"] > 0.8


def test_a_warm_up_that_fills_the_run_is_refused():
    with pytest.raises(ValueError, match="`warmup_epochs` must be below the 10 epochs of the run, but got 10"):
        fit(DivideMix(), digits(), recipe(epochs=10))
