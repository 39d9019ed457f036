"""Joint optimisation and PENCIL: labels that are learned beside the network."""

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, sgd, untrained, weights
from torch.testing import assert_close

from lnlkit import noise
from lnlkit.methods.base import CE
from lnlkit.methods.refurbishment import PENCIL, JointOptimization, OnSoftLabels, Relabelling
from lnlkit.training import Batch, TrainingSet, fit


def halved(epochs_of_half: int):
    """A schedule that divides the learning rate by ten every so many epochs."""
    return lambda optimizer: torch.optim.lr_scheduler.StepLR(optimizer, epochs_of_half, 0.1)


def noisy_digits(n: int = 500):
    """Digits of which 40 % have a wrong label."""
    return digits(n, noise.corrupt(digits(n).y, noise.symmetric(10, 0.4), np.random.default_rng(0)))


def accuracy_of_labels(method, data) -> float:
    return float((method.soft_labels_.argmax(1).numpy() == data.y_clean).mean())


# ---- joint optimisation ----


def test_step_one_without_its_terms_and_before_it_relabels_is_the_ce_run():
    step, ce = Relabelling(alpha=0.0, beta=0.0, begin=4, window=2), CE()
    fit(step, digits(), recipe())
    fit(ce, digits(), recipe())
    assert_close(weights(step), weights(ce), rtol=1e-4, atol=1e-5)
    assert torch.equal(step.soft_labels_, torch.eye(10)[torch.from_numpy(digits().y)])


def test_labels_are_the_mean_of_the_last_training_passes():
    """The softmax of each epoch, caught where the network gives it, in its mode, order and weights; a window of two."""
    caught = []

    class Spy(Relabelling):
        def loss(self, batch):
            def catch(net, _, out):
                caught[self.epoch_][batch.index] = out.detach().softmax(1)

            hook = self.nets_[0].register_forward_hook(catch)
            loss = super().loss(batch)
            hook.remove()
            return loss

        def on_epoch_start(self, epoch, data):
            super().on_epoch_start(epoch, data)
            caught.append(torch.zeros(200, 10))
            labels.append(self.soft_labels_)

    labels, step = [], Spy(alpha=1.2, beta=0.8, begin=3, window=2)
    fit(step, digits(), recipe(epochs=5))
    one_hot = torch.eye(10)[torch.from_numpy(digits().y)]
    assert all(torch.equal(given, one_hot) for given in labels[:3])  # epochs 1 to 3 learn from the noisy labels
    assert_close(labels[3], (caught[1] + caught[2]) / 2)
    assert_close(step.soft_labels_, (caught[3] + caught[4]) / 2)
    assert_close(step.soft_labels_.sum(1), torch.ones(200))


def test_a_window_longer_than_the_run_so_far_holds_only_what_was_seen():
    step = Relabelling(alpha=1.2, beta=0.8, begin=1, window=10)
    fit(step, digits(), recipe(epochs=2))
    assert_close(step.soft_labels_.sum(1), torch.ones(200))


def test_step_one_reports_the_three_terms_of_its_loss():
    """One full batch, in NumPy: -sum t log p, KL of the even prior to the mean prediction, and the entropy."""
    data = digits()
    p = untrained(CE(), data, recipe()).predict(data.x).double().numpy()
    step = Relabelling(alpha=1.2, beta=0.8, begin=9, window=1)
    loss = fit(step, data, recipe(epochs=1, batch_size=200))[0]["loss"]
    prior = -np.log(10) - np.log(p.mean(0)).mean()
    assert loss == pytest.approx(-np.log(p[np.arange(200), data.y]).mean() + 1.2 * prior
                                 - 0.8 * (p * np.log(p)).sum(1).mean(), rel=1e-5)  # fmt: skip


def test_joint_optimization_trains_a_fresh_network_on_the_labels_of_step_one():
    """4 epochs: step 1 has 7, relabels from the second on (0.35 of 7) and averages one (0.05 of 7, at least one)."""
    joint, step, last = JointOptimization(), Relabelling(1.2, 0.8, begin=2, window=1), OnSoftLabels()
    history = fit(joint, digits(), recipe(epochs=4), seed=1)
    fit(step, digits(), recipe(epochs=7), seed=1)
    last.soft_labels_ = step.soft_labels_
    assert fit(last, digits(), recipe(epochs=4), seed=1) == history and len(history) == 4
    assert torch.equal(joint.soft_labels_, step.soft_labels_) and torch.equal(weights(joint), weights(last))


def test_a_schedule_acts_in_the_second_step_alone():
    schedule = recipe(epochs=3, make_optimizer=sgd(0.1), make_schedule=halved(1))
    constant = recipe(epochs=3, make_optimizer=sgd(0.1))
    with_schedule, without = JointOptimization(), JointOptimization()
    fit(with_schedule, digits(), schedule)
    fit(without, digits(), constant)
    assert torch.equal(with_schedule.soft_labels_, without.soft_labels_)
    assert not torch.equal(weights(with_schedule), weights(without))
    assert with_schedule.optimizer_.param_groups[0]["lr"] == pytest.approx(0.1 * 0.1**3)


def test_joint_optimization_repairs_labels():
    data, method = noisy_digits(), JointOptimization()
    fit(method, data, recipe("small_cnn", epochs=9, make_optimizer=sgd(0.05, momentum=0.9)))
    assert accuracy_of_labels(method, data) > 0.8 > (data.y == data.y_clean).mean() + 0.1


# ---- PENCIL ----


def test_the_stages_are_shares_of_the_run():
    """32 epochs: 7 of cross-entropy, 13 in which labels move, 12 on labels that stay."""
    stages, kept = [], []

    class Spy(PENCIL):
        def run_epoch(self, data):
            before = self.label_logits_.clone()
            numbers = super().run_epoch(data)
            stages.append(self.stage_)
            kept.append(torch.equal(before, self.label_logits_))
            return numbers

    fit(Spy(), digits(64), recipe(epochs=32))
    assert stages == [1] * 7 + [2] * 13 + [3] * 12
    assert kept == [True] * 7 + [False] * 13 + [True] * 12


def test_a_run_of_one_epoch_and_a_pencil_of_stage_one_alone_are_the_ce_run():
    for method, epochs in ((PENCIL(), 1), (PENCIL(stage_1=1.0), 3)):
        ce = CE()
        fit(method, digits(), recipe(epochs=epochs))
        fit(ce, digits(), recipe(epochs=epochs))
        assert torch.equal(weights(method), weights(ce))


def pencil_on(p, alpha: float, y=None, **hparams) -> PENCIL:
    """A PENCIL in stage 2 whose network says p (N, K), whatever it sees; one step of it moves the labels alone."""
    p = torch.as_tensor(p, dtype=torch.float32)
    method = PENCIL(alpha=alpha, **hparams)
    method.nets_ = torch.nn.ModuleList([torch.nn.Linear(1, 1)])
    method.nets_[0].forward = lambda x: (p + 1e-12).log() + 0 * method.nets_[0].bias
    method.optimizer_ = torch.optim.SGD(method.nets_.parameters(), lr=0.0)
    method.label_logits_ = 10.0 * torch.eye(p.shape[1])[torch.zeros(len(p), dtype=torch.int64) if y is None else y]
    method.stage_ = 2
    return method


def moved(method: PENCIL, steps: int) -> torch.Tensor:
    n = len(method.label_logits_)
    for _ in range(steps):
        method.step(Batch(torch.zeros(n, 1), torch.zeros(n, dtype=torch.int64), torch.arange(n)))
    return method.soft_labels_


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.5])
def test_a_label_comes_to_rest_between_prediction_and_noisy_label(alpha):
    p = torch.tensor([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
    y = torch.eye(3)[[0, 0]]
    assert_close(moved(pencil_on(p, alpha, label_step=1.0), 400), (p + alpha * y) / (1 + alpha), atol=1e-4, rtol=0)


def test_a_step_above_the_bound_does_not_come_to_rest_and_the_default_does():
    """4 / (1 + alpha) = 2.86, where the two classes are level; the authors' 600 / 128 is above it."""
    p = torch.tensor([[0.29, 0.71]])
    at_rest = (p + 0.4 * torch.eye(2)[:1]) / 1.4
    assert_close(moved(pencil_on(p, 0.4), 100), at_rest, atol=1e-3, rtol=0)
    assert (moved(pencil_on(p, 0.4, label_step=600 / 128), 100) - at_rest).abs().max() > 0.05


@pytest.mark.parametrize("alpha, leaves", [(0.1, True), (0.18, True), (0.22, False), (0.4, False)])
def test_as_coded_a_label_leaves_its_class_only_for_a_small_alpha(alpha, leaves):
    """Ten classes and a sure network: 2 / K = 0.2 is the border, and the code's default is 0.4."""
    sure = torch.eye(10)[1:2]
    assert moved(pencil_on(sure, alpha, as_coded=True), 500).argmax(1).item() == leaves
    assert moved(pencil_on(sure, alpha), 50).argmax(1).item() == 1


@pytest.mark.parametrize("as_coded", [False, True])
def test_a_label_step_is_that_of_the_formula_whatever_the_batch(as_coded):
    """The gradient of an example's own loss, in NumPy; the code's, by its own means over batch and classes."""
    p = torch.tensor([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4]])
    alone = moved(pencil_on(p[:1], 0.4, as_coded=as_coded, label_step=1.5), 3)
    assert_close(moved(pencil_on(p, 0.4, as_coded=as_coded, label_step=1.5), 3)[:1], alone)
    logits, y = torch.tensor([[10.0, 0, 0]] * 2, dtype=torch.float64), torch.tensor([0, 0])
    for _ in range(3):
        logits = logits.detach().requires_grad_()
        t = logits.softmax(1)
        kl, compatible = p * (p.log() - t.log()), torch.nn.CrossEntropyLoss()(t if as_coded else logits, y)
        value = (kl.mean() if as_coded else kl.sum(1).mean()) + 0.4 * compatible
        logits = logits - 1.5 * 2 * torch.autograd.grad(value, logits)[0]  # a batch of 2
    assert_close(moved(pencil_on(p, 0.4, as_coded=as_coded, label_step=1.5), 3).double(), logits.softmax(1).detach(),
                 atol=1e-5, rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize("as_coded", [False, True])
def test_the_network_gets_the_loss_of_its_stage(as_coded):
    """Stage 2 with beta, stage 3 without alpha and beta; as coded both parts are means over the three classes."""
    p, t = np.array([[0.1, 0.7, 0.2]]), torch.tensor([[10.0, 0, 0]]).softmax(1).double().numpy()
    method = pencil_on(p, 0.4, as_coded=as_coded)
    batch = Batch(torch.zeros(1, 1), torch.tensor([0]), torch.tensor([0]))
    share = 1 / 3 if as_coded else 1
    kl, entropy = (p * np.log(p / t)).sum(), -(p * np.log(p)).sum()
    compatible = -np.log(np.exp(t[0, 0]) / np.exp(t).sum()) if as_coded else -np.log(t[0, 0])
    assert method.loss(batch).item() == pytest.approx(share * kl + 0.4 * compatible + 0.1 * share * entropy, rel=1e-4)
    method.stage_ = 3
    assert method.loss(batch).item() == pytest.approx(share * kl, rel=1e-4)


def test_pencil_repairs_labels_of_the_examples_that_they_belong_to():
    """Batches are shuffled; a label that met another example's gradient would be lost."""
    data, method = noisy_digits(), PENCIL()
    fit(method, data, recipe("small_cnn", epochs=16, make_optimizer=sgd(0.05, momentum=0.9)))
    assert accuracy_of_labels(method, data) > 0.8 > (data.y == data.y_clean).mean() + 0.1
    assert_close(method.soft_labels_.sum(1), torch.ones(500))


def test_a_schedule_of_the_recipe_runs_through_all_stages():
    method = PENCIL()
    fit(method, digits(), recipe(epochs=4, make_optimizer=sgd(0.1), make_schedule=halved(2)))
    assert method.stage_ == 3 and method.optimizer_.param_groups[0]["lr"] == pytest.approx(0.1 * 0.1**2)


def test_labels_start_as_the_noisy_ones_each_time():
    method = PENCIL()
    fit(method, digits(), recipe())
    seen = TrainingSet.of(digits())
    method.start(recipe(), seen, torch.Generator())
    assert torch.equal(method.label_logits_, 10 * torch.eye(10)[seen.y])
