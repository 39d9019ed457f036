"""Exercises of notebook 03: right answers, and mistakes that are told by name."""

import math

import pytest
import torch
from exercise_cases import COHORTS, standard_tests
from torch import nn
from torch.nn import functional as F

from lnlkit import exercises, losses
from lnlkit.methods.robust_features import progressive_alpha


def gradient(information, logits, reduce=torch.sum):
    leaf = logits.clone().requires_grad_()
    return torch.autograd.grad(reduce(information(leaf)), leaf)[0]


def by_backward(information, logits):
    logits.requires_grad_()
    information(logits).sum().backward()
    return float(logits.grad.abs().max())


def entropies(logits):
    """mean p (C,), mean H(p), number of clusters."""
    p = logits.softmax(1)
    return p.mean(0), -(p * p.log()).sum(1).mean(), p.shape[1]


def kl_and_entropy(logits):
    mean, entropy, C = entropies(logits)
    return F.kl_div(torch.full_like(mean, 1 / C).log(), mean, reduction="sum") + entropy


def per_image(logits):
    p = logits.softmax(1)
    return (p * (p.shape[1] * p).log()).sum(1).mean() - (p * p.log()).sum(1).mean()


def kl_the_other_way(logits):
    mean, entropy, C = entropies(logits)
    return -(C * mean).log().mean() + entropy


def soft(logits, y, alpha, target=lambda p: p.detach()):
    log_p = logits.log_softmax(1)
    p = target(log_p.exp())
    return -(alpha * log_p[torch.arange(len(y)), y] + (1 - alpha) * (p * log_p).sum(1))


def scaled(logits, y, alpha):
    """Another way to the same: the term of the prediction has no gradient at all."""
    entropy = torch.distributions.Categorical(logits=logits).entropy().detach()
    return alpha * F.cross_entropy(logits, y, reduction="none") + (1 - alpha) * entropy


def clusters(clean, augmented, lam, detach=True, sign=-1, of=None):
    target = (clean.detach() if detach else clean).softmax(1)
    R = -(target * augmented.log_softmax(1)).sum(1).mean()
    return R + sign * lam * losses.mutual_information(clean if of is None else augmented)


def with_torch(clean, augmented, lam):
    return F.cross_entropy(augmented, clean.detach().softmax(1)) - lam * losses.mutual_information(clean)


def inside(x, blanked):
    changed = blanked != x
    return ((blanked - x)[changed] ** 2).mean().item()


def trained(net, x, y, alphas, *, make=lambda of: torch.optim.Adam(of, 0.003), size=50,
            loss=losses.bootstrap_classification, step=True):  # fmt: skip
    optimizer = make(net.parameters())
    for alpha in alphas:
        for batch in torch.randperm(len(x)).split(size):
            optimizer.zero_grad()
            loss(net(x[batch]), y[batch], alpha).mean().backward()
            if step:
                optimizer.step()
    return net


def with_sgd(net, x, y, alphas):
    return trained(net, x, y, alphas, make=lambda of: torch.optim.SGD(of, 0.1, momentum=0.9), size=40)


def another_net(net, x, y, alphas):
    """A network of one's own, and a loss with a matrix of targets."""
    own = nn.Sequential(nn.Linear(64, 200), nn.ReLU(), nn.Linear(200, 10))

    def loss(z, y, alpha):
        target = alpha * F.one_hot(y, 10) + (1 - alpha) * F.one_hot(z.argmax(1), 10)
        return F.cross_entropy(z, target.float())

    return trained(own, x, y, alphas, loss=loss)


def changed(**numbers):
    """The right guesses with some of them changed: q1=0.8."""
    return {1: 0.2, 2: 0.8 / 9, 3: math.log(10)} | {int(name[1]): value for name, value in numbers.items()}


RIGHT = {
    "03.0": {"numbers": changed(), "rounded": {1: 0.2, 2: 0.089, 3: 2.3},
             "a tensor": changed(q3=torch.tensor(10.0).log())},
    "03.1": {"autograd.grad": lambda f, z: gradient(f, z).abs().max().item(), "backward": by_backward},
    "03.2": {"kl_div": kl_and_entropy, "by a constant": lambda z: math.log(z.shape[1]) - losses.mutual_information(z)},
    "03.3": {"target detached": soft, "whole term detached": scaled},
    "03.4": {"cut off": lambda done, start: min(1.0, (1 - done) / (1 - start)),
             "the package's": lambda done, start: torch.tensor(progressive_alpha(done, start=start))},
    "03.5": {"those that differ": inside,
             "counted": lambda x, b: ((b - x) ** 2).sum().item() / (b != x).sum().item()},
    "03.6": {"by hand": clusters, "with cross_entropy": with_torch},
    "03.7": {"Adam": trained, "SGD with momentum": with_sgd, "a network of one's own": another_net},
}  # fmt: skip
WRONG = {
    "03.0": {"the wrong labels": (changed(q1=0.8), "uestion 1: got 0.8: that is the share of wrong labels"),
             "ten classes share": (changed(q2=0.08), "uestion 2: got 0.08: the right class takes no part"),
             "all wrong ones": (changed(q2=0.8), "uestion 2: got 0.8: that is all nine"),
             "bits": (changed(q3=math.log2(10)), "uestion 3: got 3.322: that is in bits"),
             "sign": (changed(q3=-math.log(10)), "has a minus"), "base ten": (changed(q3=1), "base ten"),
             "per cent": (changed(q1=20, q2=None), "from 0 to 1, not per cent"),
             "words": (changed(q1="20 %"), "uestion 1: got str, wanted a number"),
             "a list": ([0.2, 0.089, 2.3], "wanted a number for each question"),
             "anything": (changed(q3=7), "minus the sum of p log p")},
    "03.1": {"signed": (lambda f, z: gradient(f, z).max().item(), "absolute value"),
             "of the mean": (lambda f, z: gradient(f, z, torch.mean).abs().max().item(), "sum over the images"),
             "mean size": (lambda f, z: gradient(f, z).abs().mean().item(), "asked is the largest"),
             "its length": (lambda f, z: gradient(f, z).norm().item(), "that is the length"),
             "all entries": (lambda f, z: gradient(f, z).abs(), "ot shape (32, 5), wanted ()"),
             "the value": (lambda f, z: f(z).abs().max().item(), "it is asked for its gradient"),
             "logits that ask for none": (lambda f, z: torch.autograd.grad(f(z).sum(), z)[0], "t raised RuntimeError"),
             "always zero": (lambda f, z: 0.0, "ot 0, wanted 3")},
    "03.2": {"single assignments": (per_image, "that of the mean assignment"),
             "minus the entropy": (lambda z: kl_and_entropy(z) - 2 * entropies(z)[1], "must be added"),
             "information itself": (losses.mutual_information, "which is to be as large as possible"),
             "minus information": (lambda z: -losses.mutual_information(z), "a constant more"),
             "KL reversed": (kl_the_other_way, "the other way round"),
             "sum of entropies": (lambda z: kl_and_entropy(z) + (len(z) - 1) * entropies(z)[1], "not the sum"),
             "bits": (lambda z: kl_and_entropy(z) / math.log(2), "in bits"),
             "detached": (lambda z: kl_and_entropy(z.detach()), "nothing may be detached"),
             "a value an image": (lambda z: -(z.softmax(1) * z.log_softmax(1)).sum(1), "wanted ()")},
    "03.3": {"not detached": (lambda z, y, a: soft(z, y, a, lambda p: p), "through the target: detach it"),
             "all detached": (lambda z, y, a: soft(z.detach(), y, a), "o gradient at all"),
             "alpha swapped": (lambda z, y, a: soft(z, y, 1 - a), "weight of the given label"),
             "hard": (losses.bootstrap_classification, "the hard target"),
             "mean": (lambda z, y, a: soft(z, y, a).mean(), "ot shape (), wanted (32,)"),
             "cross-entropy": (lambda z, y, a: F.cross_entropy(z, y, reduction="none"), "has no part in it"),
             "sign": (lambda z, y, a: 2 * a * F.cross_entropy(z, y, reduction="none") - soft(z, y, a), "other sign")},
    "03.4": {"from the beginning": (lambda done, start: 1 - done, "begin to fall at `start`"),
             "above one": (lambda done, start: (1 - done) / (1 - start), "must stay at 1"),
             "upside down": (lambda done, start: 1 - progressive_alpha(done, start=start), "upside down"),
             "at once": (lambda done, start: float(done <= start), "on a line and not at once"),
             "too slow": (lambda done, start: 1 - max(0, done - start), "reach 0 at the end"),
             "cosine": (lambda done, start: progressive_alpha(done, shape="cosine", start=start), "a straight line"),
             "a branch": (lambda done, start: 1.0 if done <= start else None, "a branch has no return")},
    "03.5": {"all pixels": (lambda x, b: ((b - x) ** 2).mean().item(), "over all pixels"),
             "sum": (lambda x, b: ((b - x) ** 2).sum().item(), "that is the sum"),
             "not squared": (lambda x, b: (b - x)[b != x].abs().mean().item(), "square them"),
             "root": (lambda x, b: inside(x, b) ** 0.5, "the root"),
             "all black ones": (lambda x, b: ((b - x)[b == 0] ** 2).mean().item(), "were black before"),
             "image by image": (lambda x, b: sum(inside(*of) for of in zip(x, b, strict=True) if (of[0] != of[1]).any())
                                / ((x != b).flatten(1).any(1).sum().item()), "whatever their image")},
    "03.6": {"plus": (lambda c, a, lam: clusters(c, a, lam, sign=1), "it has a minus"),
             "views swapped": (lambda c, a, lam: with_torch(a, c, 0) - lam * losses.mutual_information(c), "swapped"),
             "not detached": (lambda c, a, lam: clusters(c, a, lam, detach=False), "detach it in R"),
             "both detached": (lambda c, a, lam: with_torch(c, a.detach(), lam), "augmented view has no gradient"),
             "clean detached everywhere": (lambda c, a, lam: with_torch(c.detach(), a, lam), "needs its gradient"),
             "sum": (lambda c, a, lam: len(c) * with_torch(c, a, 0) - lam * losses.mutual_information(c), "the sum"),
             "other view": (lambda c, a, lam: clusters(c, a, lam, of="augmented"), "that of the clean view"),
             "no lam": (lambda c, a, lam: with_torch(c, a, 1), "lam is missing"),
             "R alone": (lambda c, a, lam: with_torch(c, a, 0), "R alone")},
    "03.7": {"alpha ignored": (lambda net, x, y, a: trained(net, x, y, [1.0] * len(a)), "each epoch has its own alpha"),
             "alpha swapped": (lambda net, x, y, a: trained(net, x, y, [1 - of for of in a]), "weighs the given label"),
             "no step": (lambda net, x, y, a: trained(net, x, y, a, step=False), "comes optimizer.step()"),
             "a single epoch": (lambda net, x, y, a: trained(net, x, y, a[:1]), "each alpha is an epoch"),
             "against the labels": (lambda net, x, y, a: trained(
                 net, x, y, a, loss=lambda *of: -losses.bootstrap_classification(*of)), "weighs the given label"),
             "the logits": (lambda net, x, y, a: trained(net, x, y, a[:1])(x), "return it")},
}  # fmt: skip

test_right, test_wrong, test_all, test_stub = standard_tests("03", RIGHT, WRONG)


@pytest.mark.parametrize("lr", [0.002, 0.008])
@pytest.mark.parametrize("cohort", COHORTS)
def test_any_sound_training_passes(lr, cohort):
    def answer(net, x, y, alphas):
        return trained(net, x, y, alphas, make=lambda of: torch.optim.Adam(of, lr))

    outcome = exercises.check("03.7", answer, cohort)
    assert outcome.right, outcome.said


def test_numbers_of_the_warm_up_are_not_told():
    some = exercises.check("03.0", {1: 0.2, 2: None, 3: None})
    assert not some.done and not some.right
    for question in (1, 2, 3):
        for wrong in (0.5, 20.0, -1.0, 0.08, 0.8):
            said = exercises.check("03.0", {1: None, 2: None, 3: None} | {question: wrong}).said
            assert f"question {question}" in said.lower() and not {"0.2", "0.089", "2.3"} & set(said.split())


def test_checks_leave_the_random_numbers_of_the_reader_alone():
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    assert exercises.check("03.7", trained).right and torch.equal(torch.rand(3), wanted)
