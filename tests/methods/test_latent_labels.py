"""LearnQ and ICNM: the projection and the losses by a second formulation, limits, and what they learn from digits."""

import numpy as np
import pytest
import torch
from small_multilabel import digits, pairs, recipe
from small_runs import sgd, untrained
from torch import Tensor
from torch.testing import assert_close

from lnlkit import losses, noise
from lnlkit.methods import make
from lnlkit.methods.latent_labels import (
    ICNM,
    ImageNoiseNetwork,
    LearnQ,
    image_noise_loss,
    linear_noise_loss,
    project_to_simplex,
)
from lnlkit.training import Batch, fit

B, K = 12, 4


def normal(*shape, seed: int = 1, scale: float = 2.0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(*shape, generator=g, dtype=torch.float64)).requires_grad_()


def labels(n: int = B, k: int = K) -> Tensor:
    return (torch.rand(n, k, generator=torch.Generator().manual_seed(5), dtype=torch.float64) < 0.4).double()


def gradients(value: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(value.sum(), inputs, retain_graph=True)


def asymmetric_Q() -> Tensor:
    """Not its own transpose: another direction would give other numbers. Its columns sum to 0.9, 1.4, 1.0 and 0.7."""
    return torch.tensor([[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0.2, 0.5, 0.1], [0, 0, 0.4, 0.6]]).double()


# ---- the simplex ----


def bisected_projection(row: np.ndarray) -> np.ndarray:
    """The minimiser of |q - row|^2 over the simplex: max(row - theta, 0), theta by bisection of the row's sum."""
    low, high = row.min() - 1, row.max()
    for _ in range(200):
        theta = (low + high) / 2
        low, high = (theta, high) if np.maximum(row - theta, 0).sum() > 1 else (low, theta)
    return np.maximum(row - theta, 0)


def test_projection_is_the_nearest_distribution():
    rows = torch.cat([normal(40, 5, scale=s) for s in (0.1, 1.0, 10.0)]).detach()
    projected = project_to_simplex(rows)
    assert_close(projected.numpy(), np.array([bisected_projection(row) for row in rows.numpy()]))
    others = torch.distributions.Dirichlet(torch.ones(5).double()).sample((120, 200))  # none of them is nearer
    distance = ((projected - rows) ** 2).sum(1)
    assert (((others - rows[:, None]) ** 2).sum(2) >= distance[:, None]).all()


def test_projection_leaves_distributions_alone():
    eye = torch.eye(6)
    assert torch.equal(project_to_simplex(eye), eye)
    inside = normal(20, 6).detach().softmax(1)
    assert_close(project_to_simplex(inside), inside)
    assert_close(project_to_simplex(torch.zeros(2, 4)), torch.full((2, 4), 0.25))
    assert project_to_simplex(torch.tensor([[-3.0]])).item() == 1


# ---- LearnQ's loss ----


def circulant_Q() -> Tensor:
    """An asymmetric matrix whose columns sum to 1, too: p Q is a probability whatever p is."""
    row = torch.tensor([0.6, 0.3, 0.1] + [0.0] * (K - 3), dtype=torch.float64)
    return torch.stack([row.roll(i) for i in range(K)])


def test_linear_noise_is_cross_entropy_of_p_Q():
    """Row i is the latent label, column j the noisy one."""
    logits, Q, y = normal(B, K), circulant_Q().requires_grad_(), labels()
    value = linear_noise_loss(logits, y, Q)
    p = logits.sigmoid()
    noisy = torch.stack([sum(p[:, i] * Q[i, j] for i in range(K)) for j in range(K)], 1)
    expected = torch.nn.functional.binary_cross_entropy(noisy, y, reduction="none").sum(1)
    assert value.shape == (B,)
    assert_close(value, expected, rtol=1e-4, atol=1e-4)  # Q is mixed with a millionth of the uniform matrix
    assert_close(gradients(value, logits, Q), gradients(expected, logits, Q), rtol=1e-3, atol=1e-3)


def test_linear_noise_of_the_identity_is_plain_cross_entropy():
    """In float32, and up to probabilities of 1e-4, where a difference 1 - p Q would have lost three digits."""
    logits = torch.linspace(-9, 9, 60).reshape(15, 4).requires_grad_()
    for y in (torch.zeros(15, 4), torch.ones(15, 4), labels(15).float()):
        value, expected = linear_noise_loss(logits, y, torch.eye(4)), losses.binary_cross_entropy(logits, y)
        assert_close(value, expected, rtol=1e-4, atol=0.02)
        assert_close(*gradients(value, logits), *gradients(expected, logits), rtol=0.02, atol=1e-4)


def test_linear_noise_stays_below_one_and_keeps_a_bounded_gradient():
    """Two sure latent labels with the same noisy one: p Q = 2 (1 - 1e-3). A label of 0 must still pull them down."""
    Q = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    logits = torch.tensor([[7.0, 7.0]], requires_grad=True)
    off, on = (linear_noise_loss(logits, torch.tensor([[y, 0.0]]), Q) for y in (0.0, 1.0))
    assert 0 <= on.item() < 1e-3 and 5 < off.item() < 20
    assert (gradients(off, logits)[0] > 0.1).all()
    for a in torch.cat([torch.linspace(-3, 3, 61), torch.linspace(-0.05, 0.05, 201)]):  # p Q = 1 at a = 0
        logits = torch.full((1, 2), a.item(), requires_grad=True)
        (gradient,) = gradients(linear_noise_loss(logits, torch.zeros(1, 2), Q), logits)
        assert (gradient > 0).all() and (gradient <= 10).all()


@pytest.mark.parametrize("Q", [torch.eye(2), torch.full((2, 2), 0.5), torch.tensor([[1.0, 0.0], [1.0, 0.0]]),
                               torch.tensor([[0.0, 1.0], [1.0, 0.0]])])  # fmt: skip
@pytest.mark.parametrize("logits", [(1e4, 1e4), (-1e4, -1e4), (1e4, -1e4), (-60.0, 30.0), (0.0, 0.0)])
def test_linear_noise_is_finite_at_saturated_logits(Q, logits):
    logits = torch.tensor([logits] * 4, requires_grad=True)
    Q = Q.clone().requires_grad_()
    value = linear_noise_loss(logits, torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), Q)
    assert all(part.isfinite().all() for part in (value, *gradients(value, logits, Q)))
    in_logits, in_Q = gradients(value, logits, Q)
    assert in_logits.abs().max() < 100
    assert in_Q.square().sum().isfinite()  # its norm can be limited


def test_the_true_Q_is_the_optimum_when_the_classifier_is_frozen():
    """From the identity, by short steps that are projected as in training, on the exact chances of the noisy labels."""
    true, logits = asymmetric_Q(), normal(60, K).detach() - 3 + 5 * torch.eye(K, dtype=torch.float64).repeat(15, 1)
    expected_labels = logits.sigmoid() @ true
    usable = expected_labels.max(1).values < 0.95  # beyond 1, p Q is no probability
    logits, expected_labels = logits[usable], expected_labels[usable]
    assert usable.sum() > 30

    def mean_loss(Q):
        return linear_noise_loss(logits, expected_labels, Q).mean()

    Q, n_steps = torch.eye(K, dtype=torch.float64), 400
    for step in range(n_steps):
        Q.requires_grad_()
        (gradient,) = torch.autograd.grad(mean_loss(Q), Q)
        gradient = gradient / gradient.norm().clamp_min(1.0)
        Q = project_to_simplex((Q - 0.1 * (1 - step / n_steps) * gradient).detach())
    assert_close(Q, true, atol=0.01, rtol=0)
    assert mean_loss(true) < min(mean_loss(other) for other in (torch.eye(K).double(), project_to_simplex(true.T)))


# ---- LearnQ ----


def permutation_Q(rate: float, k: int = 10) -> Tensor:
    return (1 - rate) * torch.eye(k) + rate / k


def test_permutation_noise_is_linear_in_the_latent_labels():
    """E[y | z] = z Q, for every z: within four standard errors of the noise that the kit draws."""
    rate, n = 0.4, 40_000
    for m in range(6):
        z = np.arange(5) < m
        y = noise.permute_labels(np.tile(z, (n, 1)), rate, np.random.default_rng(m))
        expected = torch.from_numpy(z).float() @ permutation_Q(rate, 5)
        assert (np.abs(y.mean(0) - expected.numpy()) <= 4 * 0.5 / np.sqrt(n)).all()


def test_finds_the_noise_of_permuted_digits():
    """Well nearer to it than the identity, where it began; a larger weight decay makes Q more diffuse."""
    train, true = digits(600, 0.4), permutation_Q(0.4)
    found = {}
    for decay in (0.0, 0.1, 1.0):
        method = LearnQ(weight_decay=decay)
        fit(method, train, recipe(train, epochs=12, make_optimizer=sgd(0.05, momentum=0.9)))
        found[decay] = method.Q_
        assert_close(method.Q_.sum(1), torch.ones(10))
        assert method.Q_.min() >= 0
    assert (found[0.1] - true).norm() < 0.6 * (torch.eye(10) - true).norm()
    assert found[1.0].trace() < found[0.1].trace() < found[0.0].trace() < 10


@pytest.mark.parametrize("name", ["learnq", "icnm"])
def test_the_warm_up_is_plain_training_bit_for_bit(name):
    """After two epochs of warm-up the classifier is that of "bce"; after a third one with noise it is another."""
    train = pairs(150, 0.3)

    def predictions(method):
        steps = []
        fit(method, train, recipe(train, epochs=3), after_epoch=lambda m: steps.append(m.predict(train.x)) or {})
        return steps

    plain, ours = predictions(make("bce")), predictions(make(name, warmup_epochs=2))
    assert torch.equal(plain[0], ours[0]) and torch.equal(plain[1], ours[1])
    assert not torch.equal(plain[2], ours[2])


def test_Q_is_the_identity_until_the_warm_up_ends_and_a_distribution_a_row_then():
    train, seen = digits(200, 0.5), []

    def look(method):
        seen.append(method.Q_.clone())
        return {}

    fit(LearnQ(), train, recipe(train, epochs=6), after_epoch=look)  # a third of 6: two epochs
    assert torch.equal(seen[0], torch.eye(10)) and torch.equal(seen[1], torch.eye(10))
    for before, Q in zip(seen[1:], seen[2:], strict=False):
        assert not torch.equal(Q, before) and Q.min() >= 0
        assert_close(Q.sum(1), torch.ones(10))


def test_the_decay_of_Q_is_that_of_the_method_not_of_the_recipe():
    """With no loss to speak of for Q, plain SGD of the recipe's decay would shrink and so spread it."""
    train = digits(64)
    still = {"make_optimizer": lambda p: torch.optim.SGD(p, lr=1e-12, weight_decay=1e10), "epochs": 2}
    method = LearnQ(warmup_epochs=0, weight_decay=0.0)
    fit(method, train, recipe(train, **still))
    assert_close(method.Q_, torch.eye(10))


def test_one_step_of_Q_is_short_however_wrong_the_classifier_is_of_a_label():
    """p = (1, 0) for sure, label (0, 1): the gradient in Q[0, 1] is in the thousands."""
    method, train = LearnQ(warmup_epochs=0, weight_decay=0.0), digits(20)
    untrained(method, train, recipe(train, make_optimizer=sgd(0.1)))
    head = [layer for layer in method.classifier_.modules() if isinstance(layer, torch.nn.Linear)][-1]
    with torch.no_grad():
        head.weight.zero_()
        head.bias.copy_(torch.tensor([9.0] + [-9.0] * 9))
    batch = Batch(torch.zeros(4, 1, 8, 8), torch.eye(10)[[1, 1, 2, 2]], torch.arange(4))
    assert gradients(method.loss(batch), method.nets_[1].Q)[0].norm() > 1000
    method.step(batch)
    assert 0 < (method.Q_ - torch.eye(10)).norm() <= 0.1 + 1e-6


def test_learnq_predicts_with_the_classifier_alone():
    train = digits(100, 0.5)
    method = LearnQ(warmup_epochs=0)
    fit(method, train, recipe(train))
    p = method.predict(train.x)
    with torch.no_grad():
        method.nets_[1].Q.fill_(0.1)
    assert torch.equal(method.predict(train.x), p)


# ---- ICNM ----


def test_image_noise_is_cross_entropy_of_the_mixture():
    """r(1|1) v + r(1|0) (1 - v), straight from the formula, in value and gradient."""
    v, a, b, y = normal(B, K), normal(B, K, seed=2), normal(B, K, seed=3), labels()
    value = image_noise_loss(v, y, a, b)
    noisy = b.sigmoid() * v.sigmoid() + a.sigmoid() * (1 - v.sigmoid())
    expected = torch.nn.functional.binary_cross_entropy(noisy, y, reduction="none").sum(1)
    assert value.shape == (B,)
    assert_close(value, expected)
    assert_close(gradients(value, v, a, b), gradients(expected, v, a, b))


def test_image_noise_of_the_identity_is_plain_cross_entropy():
    logits, y = normal(B, K, scale=5.0).detach().float().requires_grad_(), labels().float()
    sure = torch.full((B, K), 1e4)
    value, expected = image_noise_loss(logits, y, -sure, sure), losses.binary_cross_entropy(logits, y)
    assert_close(value, expected, rtol=1e-6, atol=1e-6)
    assert_close(gradients(value, logits), gradients(expected, logits), rtol=1e-6, atol=1e-6)
    swapped = image_noise_loss(logits, 1 - y, sure, -sure)  # r(1|0) = 1, r(1|1) = 0: every label is turned round
    assert_close(swapped, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("v", [-1e4, -30.0, 0.0, 30.0, 1e4])
@pytest.mark.parametrize("a, b", [(-1e4, 1e4), (1e4, -1e4), (-3.0, 3.0), (1e4, 1e4)])
def test_image_noise_is_finite_at_saturated_logits(v, a, b):
    v, a, b = (torch.full((2, 1), value, requires_grad=True) for value in (v, a, b))
    value = image_noise_loss(v, torch.tensor([[0.0], [1.0]]), a, b)
    assert all(part.isfinite().all() for part in (value, *gradients(value, v, a, b)))
    assert all((part.abs() <= 1 + 1e-6).all() for part in gradients(value, v, a, b))


def start(method, train):
    return untrained(method, train, recipe(train))


def test_noise_starts_near_the_identity_for_every_image():
    """The authors' biases: -6.58 and -9.87, so 0.964 for a label that is kept and one that is not added."""
    train = pairs(50)
    net = start(ICNM(), train).classifier_
    _, on_absent, on_present = net.noisy(torch.from_numpy(train.x[:, None]).float() / 255)
    assert on_absent.sigmoid().detach().numpy() == pytest.approx(1 - 0.964, abs=2e-3)
    assert on_present.sigmoid().detach().numpy() == pytest.approx(0.964, abs=2e-3)
    assert start(ICNM(log_odds=0.0), train).classifier_.noise.bias.abs().max() == 0


def test_noise_depends_on_the_image_and_is_learned():
    """Its weights and biases move only after the warm-up, and differ then between images."""
    train = pairs(150, 0.3)
    begun = start(ICNM(), train).classifier_.noise.state_dict()
    seen = []

    def look(method):
        seen.append(method.classifier_.noise.weight.detach().clone())
        return {}

    method = ICNM(warmup_epochs=1)
    fit(method, train, recipe(train, epochs=2), after_epoch=look)
    assert torch.equal(seen[0], begun["weight"]) and not torch.equal(seen[1], begun["weight"])
    _, on_absent, _ = method.classifier_.noisy(torch.from_numpy(train.x[:, None]).float() / 255)
    assert on_absent.std(0).min() > 1e-3


@pytest.mark.parametrize("network", ["mlp", "small_cnn"])
def test_icnm_predicts_with_the_visual_classifier_alone(network):
    """The network's own last layer on the body's features; r has no say."""
    train = pairs(100, 0.3)
    method = ICNM(warmup_epochs=1)
    fit(method, train, recipe(train, network))
    p, net = method.predict(train.x), method.classifier_.eval()
    with torch.no_grad():
        h = net.body(torch.from_numpy(train.x[:, None]).float() / 255)
        assert h.shape == (100, net.visual.in_features)
        assert_close(p, (h @ net.visual.weight.T + net.visual.bias).sigmoid())
        net.noise.bias.fill_(9.0)
    assert torch.equal(method.predict(train.x), p)


def test_both_heads_train_the_shared_features():
    train = pairs(20)
    net = start(ICNM(), train).classifier_
    logits, on_absent, on_present = net.noisy(torch.from_numpy(train.x[:, None]).float() / 255)
    for head in (logits, on_absent, on_present):
        assert gradients(head, next(net.body.parameters()))[0].abs().sum() > 0
    assert isinstance(net, ImageNoiseNetwork) and len(list(net.parameters())) == len(set(net.parameters()))


# ---- hyper-parameters ----


@pytest.mark.parametrize("method", [LearnQ(warmup_epochs=3), ICNM(warmup_epochs=5)], ids=repr)
def test_a_warm_up_that_leaves_no_epoch_is_refused(method):
    train, says = digits(40), f"`warmup_epochs` must be below the 3 epochs of the run, but got {method.warmup_epochs}"
    with pytest.raises(ValueError, match=says):
        fit(method, train, recipe(train))
