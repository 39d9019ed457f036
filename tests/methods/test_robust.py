import numpy as np
import pytest
import torch
from small_runs import digits, recipe, sgd, untrained, weights

from lnlkit.methods.base import CE
from lnlkit.methods.robust import DMI, GCE, IMAE, SL, BootstrapClassification, ChoiceLoss
from lnlkit.training import Batch, TrainingSet, fit, predict_outputs


def test_gce_at_q_zero_is_the_ce_run_bit_for_bit():
    gce, ce = GCE(q=0.0), CE()
    assert fit(gce, digits(), recipe()) == fit(ce, digits(), recipe())
    assert torch.equal(weights(gce), weights(ce))


def test_gce_reports_the_loss_of_the_paper():
    """One full batch: the logged loss is the mean of (1 - p_y^0.7) / 0.7 before the update."""
    data, one_batch = digits(), recipe(epochs=1, batch_size=200)
    p_y = untrained(GCE(), data, recipe()).predict(data.x).double().numpy()[np.arange(200), data.y]
    history = fit(GCE(), data, one_batch)
    assert history[0]["loss"] == pytest.approx(np.mean((1 - p_y**0.7) / 0.7), rel=1e-5)


def test_choice_loss_reports_eq_9_with_one_component():
    """One full batch: mean of 0.05 log sum exp(logits) - p_y in NumPy, before the update."""
    data = digits()
    before = untrained(ChoiceLoss(lambda_reg=0.05), data, recipe())
    logits = predict_outputs(before.nets_[0], data.x).double().numpy()
    p_y = np.exp(logits[np.arange(200), data.y]) / np.exp(logits).sum(1)
    history = fit(ChoiceLoss(lambda_reg=0.05), data, recipe(epochs=1, batch_size=200))
    assert history[0]["loss"] == pytest.approx(np.mean(0.05 * np.log(np.exp(logits).sum(1)) - p_y), rel=1e-5)


def test_choice_loss_without_regularisation_is_gce_at_q_one():
    """-p_y and 1 - p_y have the same gradient."""
    choice, gce, ce = ChoiceLoss(lambda_reg=0.0), GCE(q=1.0), CE()
    for method in (choice, gce, ce):
        fit(method, digits(), recipe(make_optimizer=sgd(0.1)))
    torch.testing.assert_close(weights(choice), weights(gce), atol=1e-6, rtol=0)
    assert (weights(ce) - weights(gce)).abs().max() > 1e-3


def test_choice_loss_has_no_lower_bound():
    """All logits 1,000 lower: the same probabilities, a loss that is lower by lambda_reg * 1,000."""
    method, batch = ChoiceLoss(lambda_reg=1e-2), next(TrainingSet.of(digits()).batches(50, torch.Generator()))
    fit(method, digits(), recipe(epochs=1))
    before, p = method.loss(batch).item(), method.nets_[0](batch.x).softmax(1)
    method.nets_[0][-1][-1].bias.data -= 1000
    torch.testing.assert_close(method.nets_[0](batch.x).softmax(1), p, atol=1e-3, rtol=0)
    assert method.loss(batch).item() == pytest.approx(before - 10, abs=1e-2)


def test_dmi_starts_from_the_ce_run_bit_for_bit():
    dmi, ce = DMI(lr=0.0, warmup_epochs=2), CE()
    fit(dmi, digits(), recipe(epochs=1), seed=3)
    fit(ce, digits(), recipe(epochs=2), seed=3)
    assert torch.equal(weights(dmi), weights(ce))


def test_dmi_warms_up_as_long_as_the_run_unless_told():
    dmi, ce = DMI(lr=0.0), CE()
    fit(dmi, digits(), recipe(epochs=3))
    fit(ce, digits(), recipe(epochs=3))
    assert torch.equal(weights(dmi), weights(ce))


def test_dmi_step_is_gradient_descent_on_the_determinant():
    """One full batch from the CE weights: w - lr (dL/dw + 1e-4 w), L through torch.det, the recipe's Adam unused."""
    data = digits()
    dmi, ce = DMI(lr=0.1, warmup_epochs=40), CE()
    fit(dmi, data, recipe(epochs=1, batch_size=200))
    fit(ce, data, recipe(epochs=40, batch_size=200))
    net = ce.nets_[0].double()
    p = net(torch.from_numpy(data.x[:, None]).double() / 255).softmax(1)
    joint = torch.zeros(10, 10, dtype=torch.float64).index_add(0, torch.from_numpy(data.y), p)
    gradients = torch.autograd.grad(-(torch.det(joint).abs() + 0.001).log(), list(net.parameters()))
    before = torch.cat([w.detach().flatten() for w in net.parameters()])
    update = torch.cat([w.detach().flatten().double() for w in dmi.nets_.parameters()]) - before
    expected = -0.1 * (torch.cat([g.flatten() for g in gradients]) + 1e-4 * before)
    assert expected.norm() > 0.01 and (update - expected).norm() < 1e-3 * expected.norm()
    assert dmi.optimizer_.param_groups[0]["momentum"] == 0.9


def test_dmi_skips_the_batch_that_is_not_full():
    sizes = []

    class Spy(DMI):
        def loss(self, batch):
            sizes.append(len(batch.y))
            return super().loss(batch)

    fit(Spy(warmup_epochs=1), digits(100), recipe(epochs=2, batch_size=30))
    assert sizes == [30] * 6


def test_dmi_refuses_a_class_that_never_occurs_before_its_warm_up():
    """The determinant would be 0 in every batch: cross-entropy and nothing else, in silence."""
    with pytest.raises(ValueError, match="`y` must hold every class for DMI, but class 9 never occurs"):
        fit(DMI(), digits(y=digits().y.clip(max=8)), recipe(), after_epoch=lambda method: pytest.fail("it trained"))


@pytest.mark.parametrize("batch_size", [9, 201])
def test_dmi_names_a_batch_size_that_cannot_work(batch_size):
    with pytest.raises(ValueError, match=r"`batch_size` must be between the number of classes \(10\).*\(200\)"):
        fit(DMI(), digits(), recipe(batch_size=batch_size, make_optimizer=sgd(0.1)))


def test_dmi_names_a_warm_up_of_no_epochs():
    with pytest.raises(ValueError, match="`warmup_epochs` must be at least 1"):
        DMI(warmup_epochs=0)


def one_full_batch(method):
    """p of the training digits before the first step, in NumPy, their labels, and the loss that step logs."""
    data = digits()
    p = untrained(type(method)(), data, recipe()).predict(data.x).double().numpy()
    return p, data.y, fit(method, data, recipe(epochs=1, batch_size=200))[0]["loss"]


@pytest.mark.parametrize("hard, beta", [(True, 0.8), (False, 0.95)])
def test_bootstrapping_reports_the_loss_with_the_authors_beta(hard, beta):
    """Reed et al.'s targets, mixed in NumPy."""
    p, y, loss = one_full_batch(BootstrapClassification(hard=hard))
    t = np.eye(10)[p.argmax(1)] if hard else p
    assert loss == pytest.approx(-((beta * np.eye(10)[y] + (1 - beta) * t) * np.log(p)).sum(1).mean(), rel=1e-5)


@pytest.mark.parametrize("method", [BootstrapClassification(beta=1.0), BootstrapClassification(hard=False, beta=1.0),
                                    SL(alpha=1.0, beta=0.0)], ids=["hard", "soft", "sl"])  # fmt: skip
def test_what_trusts_the_label_alone_is_the_ce_run(method):
    ce = CE()
    fit(method, digits(), recipe())
    fit(ce, digits(), recipe())
    torch.testing.assert_close(weights(method), weights(ce), rtol=1e-4, atol=1e-5)


def test_sl_reports_both_cross_entropies_with_the_label_clipped_as_the_authors_do():
    p, y, loss = one_full_batch(SL())
    e = np.eye(10)[y]
    ce, reverse = -(e * np.log(p)).sum(1), -(p * np.log(e.clip(1e-4, 1))).sum(1)
    assert loss == pytest.approx((0.1 * ce + reverse).mean(), rel=1e-5)


def test_sl_without_cross_entropy_learns_as_gce_at_q_one():
    """Both are 1 - p_y, up to the factor -A beta."""
    sl, gce, ce = SL(alpha=0.0, beta=0.5, A=-2.0), GCE(q=1.0), CE()
    for method in (sl, gce, ce):
        fit(method, digits(), recipe(make_optimizer=sgd(0.1)))
    torch.testing.assert_close(weights(sl), weights(gce), atol=1e-6, rtol=0)
    assert (weights(ce) - weights(gce)).abs().max() > 1e-3


def test_imae_takes_a_step_of_norm_one_split_by_its_weights():
    """The gradients of a batch's logits have L1 norms that sum to 1 and are the weights' shares, in NumPy."""
    data = digits()
    method = untrained(IMAE(), data, recipe())
    logits = predict_outputs(method.nets_[0], data.x).requires_grad_()
    method.nets_[0] = torch.nn.Identity()
    batch = Batch(logits, torch.from_numpy(data.y), None)
    gradient = torch.autograd.grad(method.loss(batch), logits)[0].double().numpy()
    p_y = logits.detach().double().softmax(1).numpy()[np.arange(200), data.y]
    weight = np.exp(8 * p_y * (1 - p_y))
    np.testing.assert_allclose(np.abs(gradient).sum(1), weight / weight.sum(), rtol=1e-4)
    assert np.abs(gradient).sum() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("hparams, says", [
    ({"A": 0.1}, "`A` must be a number in"), ({"A": -1e5}, "`A` must be a number in"),
    ({"alpha": -1}, "`alpha` must be"),
])  # fmt: skip
def test_sl_names_a_wrong_hyperparameter(hparams, says):
    with pytest.raises(ValueError, match=says):
        SL(**hparams)
