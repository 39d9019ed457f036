"""Paper 03: each term of Eq. (14) against its formula, what its gradient reaches, and what is left without it."""

import math

import pytest
import torch
from refusals import check_refusal
from small_runs import digits, recipe, untrained
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from lnlkit import losses
from lnlkit.augment import rand_augment
from lnlkit.methods import make
from lnlkit.methods.robust_features import progressive_alpha
from lnlkit.training import Batch, TrainingSet, fit

SMALL = {"decoder_width": 16}
N = 24
EVERY_VIEW = pytest.mark.parametrize("view", ["clean", "augmented"])


def batch(n: int = N) -> Batch:
    examples = digits(n)
    return Batch(torch.from_numpy(examples.x)[:, None] / 255, torch.from_numpy(examples.y), torch.arange(n))


def started(network: str = "mlp", alpha: float = 0.5, **hparams):
    """The method before its first step, in training mode."""
    method = untrained(make("robust_features", **SMALL | hparams), digits(N), recipe(network))
    method.alpha_ = alpha
    return method


def parts_and_view(method, of: Batch) -> tuple[dict[str, Tensor], Tensor]:
    """The terms of a batch, and T(x) as it was drawn for them."""
    state = method.generator_.get_state()
    parts = method.parts(of)
    return parts, rand_augment(of.x, torch.Generator().set_state(state), 2, 9, 0.5)


def reached(value: Tensor, module) -> list[bool]:
    """Of each parameter whether the gradient of a value reaches it."""
    found = torch.autograd.grad(value, list(module.parameters()), retain_graph=True, allow_unused=True)
    return [slope is not None and bool(slope.abs().sum() > 0) for slope in found]


# ---- Eq. (13): from the label to the prediction ----


@pytest.mark.parametrize("shape", ["linear", "cosine"])
@pytest.mark.parametrize("end", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("start, until", [(0.0, 1.0), (0.2, 0.7), (0.5, 1.0), (0.0, 0.4)])
def test_alpha_falls_from_one_to_its_end(shape, end, start, until):
    done = [i / 40 for i in range(41)]
    alpha = [progressive_alpha(d, end, shape, start, until) for d in done]
    assert alpha[0] == 1 and alpha[-1] == end and all(a >= b for a, b in zip(alpha, alpha[1:], strict=False))
    assert all(a == 1 for a, d in zip(alpha, done, strict=True) if d <= start)
    assert all(a == end for a, d in zip(alpha, done, strict=True) if d >= until)
    early, middle = (start + part * (until - start) for part in (0.25, 0.5))
    assert progressive_alpha(middle, end, shape, start, until) == pytest.approx((1 + end) / 2)
    fallen = 0.25 if shape == "linear" else math.sin(math.pi / 8) ** 2
    assert progressive_alpha(early, end, shape, start, until) == pytest.approx(1 - (1 - end) * fallen)


def test_alpha_that_falls_at_once():
    """start = until: a step, down from that share on."""
    assert [progressive_alpha(done, 0.2, start=0.5, until=0.5) for done in (0, 0.49, 0.5, 1)] == [1, 1, 0.2, 0.2]
    assert progressive_alpha(0, 0.2, start=0, until=0) == 0.2 and progressive_alpha(1, 0.2, start=1, until=1) == 0.2
    assert check_refusal(lambda: progressive_alpha(0.5, start=0.6, until=0.5), "start")


@pytest.mark.parametrize("epochs, expected", [(1, [1.0]), (2, [1.0, 0.0]), (5, [1.0, 0.75, 0.5, 0.25, 0.0])])
def test_the_first_epoch_learns_from_labels_and_the_last_from_predictions(epochs, expected):
    seen = []
    fit(make("robust_features", rec_weight=0, cluster_weight=0), digits(40), recipe(epochs=epochs),
        after_epoch=lambda method: seen.append(method.alpha_))  # fmt: skip
    assert seen == expected


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_each_hyperparameter_of_alpha_reaches_it(shape):
    hparams = {"alpha_end": 0.4, "alpha_shape": shape, "alpha_start": 0.25, "alpha_until": 0.5}
    method, seen = make("robust_features", rec_weight=0, cluster_weight=0, **hparams), []
    fit(method, digits(40), recipe(epochs=9), after_epoch=lambda method: seen.append(method.alpha_))
    middle = progressive_alpha(3 / 8, 0.4, shape, 0.25, 0.5)
    assert seen == [1, 1, 1, middle, 0.4, 0.4, 0.4, 0.4, 0.4] and middle == pytest.approx(0.7)


@EVERY_VIEW
def test_bootstrapping_is_cross_entropy_with_the_label_then_with_the_own_prediction(view):
    """Values and gradients; at alpha = 0 the target is the argmax as a number, through which nothing flows."""
    for alpha in (1.0, 0.0, 0.3):
        method, of = started(alpha=alpha, view=view), batch()
        parts, t = parts_and_view(method, of)
        logits = method.nets_[0](t if view == "augmented" else of.x)
        own = logits.detach().argmax(1)
        assert (own != of.y).any()
        expected = alpha * F.cross_entropy(logits, of.y) + (1 - alpha) * F.cross_entropy(logits, own)
        assert_close(parts["bootstrap"], expected)
        learned = list(method.nets_[0].parameters())
        for got, wanted in zip(*(torch.autograd.grad(v, learned) for v in (parts["bootstrap"], expected)), strict=True):
            assert_close(got, wanted)


# ---- Eq. (4), (7) and (9) ----


@pytest.mark.parametrize("network", ["mlp", "small_cnn"])
def test_restoration_compares_what_the_decoder_makes_of_the_augmented_view_with_the_image(network):
    method, of = started(network, rec_weight=3.0, cluster_weight=0, view="augmented"), batch()
    parts, t = parts_and_view(method, of)
    restored = method.decoder_(method.views_.look(t).map)
    assert_close(parts["rec"], 3 * (restored - of.x).square().mean())
    assert (restored - t).square().mean() != (restored - of.x).square().mean()


@EVERY_VIEW
def test_the_cluster_term_is_eq_7_on_both_views(view):
    method, of = started(cluster_weight=2.0, lambda_mi=0.7, view=view, n_clusters=6), batch()
    parts, t = parts_and_view(method, of)
    p, q = (method.clusters_(method.views_.look(images).features).softmax(1) for images in (of.x, t))
    mean = p.mean(0)
    information = -(mean * mean.log()).sum() + (p * p.log()).sum(1).mean()
    assert p.shape == (N, 6)
    assert_close(parts["cluster"], 2 * (-(p * q.log()).sum(1).mean() - 0.7 * information))


@pytest.mark.parametrize("detach", [True, False])
def test_only_without_detach_the_clean_view_follows_the_augmented_one(detach):
    """The consistency term alone, lambda_mi = 0; the augmented view follows the clean one in any case."""
    method = started(detach=detach, lambda_mi=0)
    clean, augmented = torch.randn(2, N, 10).requires_grad_()
    slopes = torch.autograd.grad(method._cluster_loss(clean, augmented), (clean, augmented))
    q, p = augmented.softmax(1), clean.softmax(1)
    log_q = q.log()
    through = torch.zeros_like(p) if detach else -p * (log_q - (p * log_q).sum(1, keepdim=True)) / N
    assert_close(slopes[0], through)
    assert_close(slopes[1], (q - p) / N)
    assert slopes[0].abs().max() == 0 if detach else slopes[0].abs().max() > 1e-3


def test_only_the_clean_view_is_asked_to_be_informative():
    """With detach its whole gradient is that of the mutual information."""
    method = started(lambda_mi=0.6)
    clean, augmented = torch.randn(2, N, 10).requires_grad_()
    slope = torch.autograd.grad(method._cluster_loss(clean, augmented), clean)[0]
    assert_close(slope, -0.6 * torch.autograd.grad(losses.mutual_information(clean), clean)[0])


# ---- Eq. (14): the sum, and what is there of it ----


@EVERY_VIEW
@pytest.mark.parametrize("rec_weight, cluster_weight", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (2.0, 0.5)])
def test_a_term_of_weight_zero_is_left_out_and_has_no_head(rec_weight, cluster_weight, view):
    method, of = started("small_cnn", rec_weight=rec_weight, cluster_weight=cluster_weight, view=view), batch()
    state = method.generator_.get_state()
    parts, loss = method.parts(of), method.generator_.set_state(state) and method.loss(of)
    wanted = ["bootstrap", *["rec"] * (rec_weight > 0), *["cluster"] * (cluster_weight > 0)]
    assert list(parts) == wanted and len(method.nets_) == len(wanted)
    assert torch.equal(loss, sum(parts.values())) and all(term.shape == () for term in parts.values())
    before = [p.clone() for p in method.nets_.parameters()]
    method.step(of)
    assert not any(torch.equal(p, was) for p, was in zip(method.nets_.parameters(), before, strict=True))


@EVERY_VIEW
@pytest.mark.parametrize("network", ["mlp", "small_cnn"])
def test_each_term_reaches_the_backbone_and_its_own_head_alone(network, view):
    method = started(network, view=view)
    net, clusters, decoder = method.nets_
    assert clusters is method.clusters_ and decoder is method.decoder_
    *backbone, weight, bias = range(len(list(net.parameters())))
    for name, heads in {"bootstrap": (True, False, False), "rec": (False, False, True),
                        "cluster": (False, True, False)}.items():  # fmt: skip
        value = method.parts(batch())[name]
        of_net = reached(value, net)
        assert all(of_net[i] for i in backbone) and of_net[weight] == of_net[bias] == heads[0]
        assert set(reached(value, clusters)) == {heads[1]} and set(reached(value, decoder)) == {heads[2]}


@pytest.mark.parametrize("hparams, views", [
    ({}, {"clean", "augmented"}), ({"view": "augmented"}, {"clean", "augmented"}),
    ({"cluster_weight": 0}, {"clean", "augmented"}), ({"cluster_weight": 0, "view": "augmented"}, {"augmented"}),
    ({"rec_weight": 0}, {"clean", "augmented"}), ({"rec_weight": 0, "cluster_weight": 0}, {"clean"}),
    ({"rec_weight": 0, "cluster_weight": 0, "view": "augmented"}, {"augmented"}),
])  # fmt: skip
def test_the_network_sees_of_each_image_what_it_says(hparams, views):
    """The images of an epoch, counted at the door of the network, and how many of them are no training images."""
    method, images = started(**hparams), []
    method.nets_[0].register_forward_pre_hook(lambda net, args: images.extend(args[0]))
    method.run_epoch(TrainingSet.of(digits(N)))
    known = {image.numpy().tobytes() for image in batch().x}
    plain = [image.numpy().tobytes() in known for image in images]
    assert set(method.seen_views) == views and len(images) == N * len(views)
    assert (sum(plain) >= N) == ("clean" in views) and all(plain) == ("augmented" not in views)
