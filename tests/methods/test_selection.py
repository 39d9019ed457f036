import copy

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from small_runs import digits, recipe, sgd, weights
from torch.testing import assert_close

from lnlkit import losses
from lnlkit.methods.base import CE
from lnlkit.methods.selection import DAC, SIGUA, CoDis, CoTeaching
from lnlkit.training import Batch, TrainingSet, fit, to_unit


def started(method, **changes):
    data = TrainingSet.of(digits())
    method.start(recipe(**changes), data, torch.Generator().manual_seed(0))
    return method, Batch(to_unit(data.x[:40]), data.y[:40], torch.arange(40))


# ---- Co-teaching ----


def test_coteaching_leaves_out_nothing_first_and_the_forget_rate_after_the_ramp():
    method = CoTeaching(forget_rate=0.4, num_gradual=10)
    left_out = []
    for epoch in range(12):
        method.on_epoch_start(epoch, None)
        left_out.append(1 - method.keep_rate_)
    assert left_out == pytest.approx([*np.linspace(0, 0.4, 10), 0.4, 0.4])


def test_coteaching_without_ramp_begins_in_the_second_epoch():
    method = CoTeaching(forget_rate=0.4, num_gradual=1)
    method.on_epoch_start(0, None)
    assert method.keep_rate_ == 1
    method.on_epoch_start(1, None)
    assert method.keep_rate_ == pytest.approx(0.6)


@pytest.mark.parametrize(("forget_rate", "batch_size", "kept"), [
    (0.2, 128, 102), (0.4, 128, 76), (0.9, 20, 2), (0.7, 10, 3), (0.0, 33, 33), (0.99, 10, 1),
])  # fmt: skip
def test_coteaching_keeps_the_whole_part_of_the_batch_and_at_least_one(forget_rate, batch_size, kept):
    method = CoTeaching(forget_rate=forget_rate)
    method.on_epoch_start(9, None)
    assert method.n_kept(batch_size) == kept


def test_each_network_learns_from_the_choice_of_the_other():
    method, batch = started(CoTeaching(forget_rate=0.5))
    method.on_epoch_start(9, None)
    p = [net(batch.x).softmax(1).detach().double().numpy() for net in method.nets_]
    a, b = (np.array([-np.log(q[i, y]) for i, y in enumerate(batch.y.tolist())]) for q in p)
    by_a, by_b = (sorted(range(40), key=loss.__getitem__)[:20] for loss in (a, b))
    swapped, own = a[by_b].mean() + b[by_a].mean(), a[by_a].mean() + b[by_b].mean()
    assert abs(swapped - own) > 1e-3  # otherwise the two readings could not be told apart
    assert method.loss(batch).item() == pytest.approx(swapped, rel=1e-5)


def test_coteaching_that_forgets_nothing_is_two_separate_ce_runs():
    """One optimiser over both networks, with momentum and weight decay, and no gradient from one into the other."""
    made = []
    first = recipe(make_optimizer=sgd(0.1, momentum=0.9, weight_decay=1e-3))

    def remember(n_outputs=None):
        net = first.make_net(n_outputs)
        made.append(copy.deepcopy(net))
        return net

    both = CoTeaching(forget_rate=0.0)
    fit(both, digits(), recipe(make_net=remember, make_optimizer=first.make_optimizer), seed=2)
    assert len(made) == 2 and not torch.equal(made[0][1][1].weight, made[1][1][1].weight)
    for i, net in enumerate(made):
        alone = CE()
        fit(alone, digits(), recipe(make_net=lambda _, net=net: net, make_optimizer=first.make_optimizer), seed=2)
        assert_close(weights(both, i), weights(alone, 0), rtol=1e-4, atol=1e-5)


def test_coteaching_predicts_the_mean_of_the_two():
    method, batch = started(CoTeaching())
    x = digits().x[:40]
    both = [net.eval()(batch.x).softmax(1).detach() for net in method.nets_]
    assert_close(method.predict(x), (both[0] + both[1]) / 2)


@pytest.mark.parametrize(("hparams", "says"), [
    ({"forget_rate": 20}, "`forget_rate` must be a fraction.*Did you mean 0.2"),
    ({"forget_rate": None}, "`forget_rate` must be a fraction"),
    ({"num_gradual": 0}, "`num_gradual` must be at least 1"),
])  # fmt: skip
def test_coteaching_names_a_wrong_hyperparameter(hparams, says):
    with pytest.raises((ValueError, TypeError), match=says):
        CoTeaching(**hparams)


# ---- Co-Dis ----


def after_the_ramp(method):
    method, batch = started(method)
    method.on_epoch_start(9, None)
    return method, batch


def test_codis_without_discrepancy_is_coteaching_bit_for_bit():
    found = []
    for method in (CoDis(forget_rate=0.4, num_gradual=2, discrepancy=0.0), CoTeaching(forget_rate=0.4, num_gradual=2)):
        fit(method, digits(), recipe())
        found.append(weights(method))
    assert torch.equal(*found)


def test_codis_chooses_and_learns_by_cross_entropy_minus_the_discrepancy():
    """Example by example with scipy; at this weight the discrepancy changes who is chosen."""
    method, batch = after_the_ramp(CoDis(forget_rate=0.5, discrepancy=50.0))
    p, q = (net(batch.x).softmax(1).detach().double().numpy() for net in method.nets_)
    js = np.array([jensenshannon(*pair) ** 2 for pair in zip(p, q, strict=True)])
    ce = [np.array([-np.log(r[i, y]) for i, y in enumerate(batch.y.tolist())]) for r in (p, q)]
    a, b = (values - 50 * js for values in ce)
    by_a, by_b = (sorted(range(40), key=values.__getitem__)[:20] for values in (a, b))
    assert set(by_a) != set(sorted(range(40), key=ce[0].__getitem__)[:20])
    assert method.loss(batch).item() == pytest.approx(a[by_b].mean() + b[by_a].mean(), rel=1e-4)


def test_codis_pushes_each_network_away_by_its_own_loss_alone():
    """The gradient of the first network is that of its own kept examples; the second one's loss adds nothing to it."""
    method, batch = after_the_ramp(CoDis(forget_rate=0.5, discrepancy=5.0))
    method.loss(batch).backward()
    p, q = (net(batch.x) for net in method.nets_)
    a, b = (torch.nn.functional.cross_entropy(z, batch.y, reduction="none") for z in (p, q))
    js = losses.jensen_shannon(p, q)
    kept = (b - 5 * js).argsort()[:20]
    first = list(method.nets_[0].parameters())
    for parameter, expected in zip(first, torch.autograd.grad((a - 5 * js)[kept].mean(), first), strict=True):
        assert_close(parameter.grad, expected)


# ---- SIGUA ----


@pytest.mark.parametrize(("left_out", "bad_share", "bad"), [
    (51, 0.3, 15), (40, 0.4, 16), (2, 0.3, 1), (1, 0.0, 1), (0, 0.3, 0), (10, 1.0, 10),
])  # fmt: skip
def test_sigua_unlearns_the_whole_part_of_what_is_left_out_and_at_least_one(left_out, bad_share, bad):
    assert SIGUA(bad_share=bad_share).n_bad(left_out) == bad


def test_sigua_learns_the_smallest_losses_and_unlearns_the_next():
    method, batch = after_the_ramp(SIGUA(forget_rate=0.5, ascent=0.2, bad_share=0.3))
    p = method.nets_[0](batch.x).softmax(1).detach().double().numpy()
    ce = sorted(-np.log(p[i, y]) for i, y in enumerate(batch.y.tolist()))
    assert method.loss(batch).item() == pytest.approx(np.mean(ce[:20]) - 0.2 * np.mean(ce[20:26]), rel=1e-5)
    assert np.mean(ce[20:26]) < np.mean(ce[34:]) - 1e-3  # otherwise the largest could have been taken


def test_sigua_that_forgets_nothing_is_the_ce_run():
    """Its order of a batch is another, so the sums are taken in that order: equal but for a rounding."""
    sigua, ce = SIGUA(forget_rate=0.0), CE()
    for method in (sigua, ce):
        fit(method, digits(), recipe(make_optimizer=sgd(0.1)))
    assert_close(weights(sigua), weights(ce), rtol=1e-4, atol=1e-5)


def test_sigua_raises_the_loss_of_what_it_unlearns():
    """One step at a large ascent: the loss of the left out examples grows, beside that of a step without any."""
    losses_after = []
    for ascent in (0.0, 5.0):
        torch.manual_seed(0)
        method, batch = started(SIGUA(forget_rate=0.5, ascent=ascent, bad_share=1.0), make_optimizer=sgd(0.05))
        method.on_epoch_start(9, None)
        before = losses.cross_entropy(method.nets_[0](batch.x), batch.y).detach()
        method.step(batch)
        after = losses.cross_entropy(method.nets_[0](batch.x), batch.y).detach()
        losses_after.append(after[before.argsort()[20:]].mean().item())
    assert losses_after[1] > losses_after[0] + 0.01


# ---- DAC ----


def test_dac_learns_by_cross_entropy_over_all_outputs_first():
    """Until `learn_epochs` are over it is the CE run of a network with one class too many, bit for bit."""
    after = []
    fit(DAC(learn_epochs=2), digits(), recipe(epochs=3), after_epoch=lambda m: after.append(weights(m)) or {})
    ce, wide = CE(), recipe(epochs=2)
    fit(ce, digits(), recipe(epochs=2, make_net=lambda _: wide.make_net(11)))
    assert torch.equal(after[1], weights(ce))


class SpyDAC(DAC):
    """Remembers the logits of every batch and the price in every epoch."""

    def loss(self, batch):
        with torch.no_grad():
            self.seen.append((self.nets_[0](batch.x).double().numpy(), batch.y.numpy()))
        value = super().loss(batch)
        self.prices.append(None if self.alpha_ is None else float(self.alpha_))
        return value


@pytest.mark.parametrize("learn_epochs", [0, 2])
def test_dac_price_starts_at_the_running_loss_and_ends_at_one(learn_epochs):
    method = SpyDAC(learn_epochs=learn_epochs)
    method.seen, method.prices = [], []
    fit(method, digits(), recipe(epochs=learn_epochs + 4))
    per_epoch = 7  # 200 examples in batches of 32
    mean = None
    for logits, y in method.seen[: learn_epochs * per_epoch + 1]:  # up to the first batch that may abstain
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        answered = 1 - p[:, 10]
        now = np.mean(answered * -np.log(p[np.arange(len(y)), y] / answered))
        mean = now if mean is None else 0.05 * now + 0.95 * mean
    expected = np.repeat(np.linspace(mean / 64, 1.0, 4), per_epoch)
    assert method.prices[: learn_epochs * per_epoch] == [None] * (learn_epochs * per_epoch)
    assert method.prices[learn_epochs * per_epoch :] == pytest.approx(expected, rel=1e-5)


def test_dac_with_one_epoch_to_abstain_pays_the_starting_price():
    method = DAC(learn_epochs=2)
    history = fit(method, digits(), recipe(epochs=3))
    assert np.isfinite(history[-1]["loss"]) and method.alpha_ == method.mean_loss_ / 64


def test_dac_predicts_among_the_classes_and_tells_its_abstention():
    method, batch = started(DAC(), epochs=11)
    full = method.nets_[0].eval()(batch.x).softmax(1).detach()
    x = digits().x[:40]
    assert full.shape == (40, 11)
    assert_close(method.abstention(x), full[:, 10])
    assert_close(method.predict(x), full[:, :10] / (1 - full[:, 10:]))


def test_dac_abstains_on_images_whose_labels_are_random():
    """A systematic defect: zeros carry random labels. It abstains on zeros and answers the rest."""
    rng, clean = np.random.default_rng(0), digits(1000).y
    y = np.where(clean == 0, rng.integers(0, 10, 1000), clean)
    method = DAC(learn_epochs=2, alpha_final=0.3)
    fit(method, digits(1000, y), recipe(epochs=8))
    p_a = method.abstention(digits(1000).x).numpy()
    assert p_a[clean == 0].mean() > 0.6 and p_a[clean != 0].mean() < 0.2


def test_dac_names_a_learning_phase_that_fills_the_run():
    with pytest.raises(ValueError, match="`learn_epochs` must be below the 10 epochs of the run, but got 10"):
        fit(DAC(), digits(), recipe(epochs=10))
