"""Exercises of notebook 03."""

import functools
import math

import numpy as np
import torch
from torch.nn import functional as F

from lnlkit import augment, data, losses, noise
from lnlkit.exercises.asking import Mistake, NotDone, ask, expect, expect_close
from lnlkit.exercises.checking import exercise
from lnlkit.methods.robust_features import progressive_alpha


def numbers(rng, *shape):
    """Standard normal numbers, a float32 tensor."""
    return torch.from_numpy(rng.standard_normal(shape)).float()


def expect_told(found, wanted, slips, said, tol=1e-4):
    """As `expect_close`, but where one of `slips`, {words: value}, gives what was found, its words are the mistake."""
    got = found.detach() if isinstance(found, torch.Tensor) else found
    for words, value in slips.items():
        if np.shape(got) == np.shape(value) and np.allclose(got, value, atol=tol) and not np.allclose(value, wanted):
            said = words
            break
    expect_close(found, wanted, said, tol=tol)


def gradients(answer, *inputs):
    """Gradients of the summed answer by its inputs that are float tensors, in their order; zero without one."""
    inputs = [part.clone().requires_grad_(part.is_floating_point()) if isinstance(part, torch.Tensor) else part
              for part in inputs]  # fmt: skip
    leaves = [part for part in inputs if isinstance(part, torch.Tensor) and part.requires_grad]
    found = ask(functools.partial(answer, *inputs))
    if not getattr(found, "requires_grad", False):
        return [torch.zeros_like(leaf) for leaf in leaves]
    parts = torch.autograd.grad(found.sum(), leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if part is None else part for leaf, part in zip(leaves, parts, strict=True)]


# ---- warm-up

WARM_UP = {  # number of the question: the answer, slips, what helps otherwise
    1: (0.2, {0.8: "that is the share of wrong labels", 0.1: "the right class is not one among ten equal ones"},
        "all classes being equally common, it is the share of right labels"),
    2: (0.8 / 9, {0.8: "that is all nine wrong classes together", 0.08: "the right class takes no part of the 80 %",
                  0.2: "that is the probability of the right class"},
        "the wrong classes share the wrong labels equally"),
    3: (math.log(10), {math.log2(10): "that is in bits", 1.0: "that is the logarithm to base ten",
                       -math.log(10): "an entropy has a minus in front of its sum",
                       math.log(10) / 10: "that is one of ten summands"},
        "it is minus the sum of p log p, with the natural logarithm"),
}  # fmt: skip


@exercise("03.0", answer="guesses", title="warm-up", minutes=3)
def warm_up(answer, rng):
    """Three numbers; they are not told."""
    given = answer() if callable(answer) else answer
    if given is None or given is ...:
        raise NotDone
    if not isinstance(given, dict) or set(given) != set(WARM_UP):
        raise Mistake(f"got {given!r:.60}, wanted a number for each question: {{1: ..., 2: ..., 3: ...}}")
    given = {question: value for question, value in given.items() if value is not None and value is not ...}
    for question, value in given.items():
        wanted, slips, said = WARM_UP[question]
        value = _number(f"question {question}", value)
        near = functools.partial(math.isclose, value, rel_tol=0.02)
        said = next((words for slip, words in slips.items() if near(slip)), said)
        if question < 3 and near(100 * wanted):
            said = "give a probability from 0 to 1, not per cent"
        expect(near(wanted), f"question {question}: got {value:.4g}: {said}")
    if len(given) < len(WARM_UP):
        raise NotDone
    return "the right class is still the likeliest one, by far"


def _number(where, value):
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Mistake(f"{where}: got {type(value).__name__}, wanted a number") from None


# ---- information


def as_printed(logits):
    """Eq. (10) minus Eq. (11), as printed: one value an image, (B,)."""
    p = logits.softmax(1)
    return -(p * (p.shape[1] * p).log()).sum(1) + (p * p.log()).sum(1)


@exercise("03.1", answer="largest_gradient", title="no gradient", minutes=5)
def no_gradient(answer, rng):
    """The largest |gradient| of the sum of a function of the logits."""
    logits, weights = numbers(rng, 32, 5), torch.from_numpy(rng.uniform(-1, 1, (32, 5))).float()
    weights[rng.integers(32), rng.integers(5)] = -3.0

    def weighed(z):
        return (weights * z).sum(1)

    said = "the largest entry in size of the gradient of the sum, for information = (w z).sum(1)"
    found = ask(answer, weighed, logits)
    expect_told(found, 3.0, {
        "gradients may be negative: take the absolute value first": weights.max().item(),
        "that is the gradient of the mean: sum over the images": 3 / 32,
        "that is the mean size of the entries, asked is the largest": weights.abs().mean().item(),
        "that is the length of the gradient, asked is its largest entry": weights.norm().item(),
        "that is a value of the function: it is asked for its gradient": weighed(logits).abs().max().item()}, said)
    by_hand, over = max(g.abs().max() for g in gradients(losses.mutual_information, logits)), "over a batch"
    printed, batch = ask(answer, as_printed, logits), ask(answer, losses.mutual_information, logits)
    expect_close(printed, 0.0, "as printed it is a constant", tol=1e-5)
    expect_close(batch, by_hand, f"information may be a scalar too, as it is {over}", tol=1e-5)
    return f"as printed {float(printed):.0e}, {over} {float(batch):.3f}"


def _two_terms(logits):
    """KL(mean p || uniform), KL(uniform || mean p), mean H(p), mean KL(p || uniform): floats."""
    p = logits.softmax(1)
    mean, C, entropy = p.mean(0), p.shape[1], -(p * p.log()).sum(1).mean()
    parts = (mean * (C * mean).log()).sum(), -(C * mean).log().mean(), entropy, math.log(C) - entropy
    return [part.item() for part in parts]


@exercise("03.2", answer="information_loss", title="one KL and one entropy", minutes=10)
def one_kl(answer, rng):
    """KL(mean p || uniform) + mean H(p) = log C - I."""
    B, C = int(rng.integers(40, 80)), int(rng.integers(4, 9))
    logits = 2 * numbers(rng, B, C) + torch.linspace(-1.5, 1.5, C)  # clusters of unequal size
    kl, other_way, entropy, single = _two_terms(logits)
    mi = losses.mutual_information(logits).item()
    expect_told(ask(answer, logits), kl + entropy, {
        "the KL must be that of the mean assignment, not the mean of single ones": single + entropy,
        "the entropy must be added: each image is to be sure": kl - entropy,
        "that is the mutual information, which is to be as large as possible": mi,
        "that is -I: KL(mean p || uniform) holds a constant more": -mi,
        "the KL is the other way round: KL(uniform || mean p)": other_way + entropy,
        "the entropy must be the mean over the images, not the sum": kl + B * entropy,
        "that is in bits: take the natural logarithm": (kl + entropy) / math.log(2)},
        "KL(mean p || uniform) plus the mean over the images of H(p)")  # fmt: skip
    sure = 12 * torch.eye(C)[torch.from_numpy(rng.permutation(B * C) % C)]
    expect_close(ask(answer, sure), 0.0, "all images sure, all clusters used: nothing is lost", tol=1e-2)
    expect_close(gradients(answer, logits)[0], -gradients(losses.mutual_information, logits)[0],
                 "the gradient is not that of -I: nothing may be detached", tol=1e-5)  # fmt: skip
    return f"it is the constant log C, here {math.log(C):.3f}, minus the mutual information"


# ---- bootstrapping


@exercise("03.3", answer="soft_bootstrap", title="a target without gradient", minutes=10)
def detached_target(answer, rng):
    """Soft bootstrapping whose target has no gradient: alpha times the gradient of cross-entropy."""
    z, y, alpha = numbers(rng, 32, 5), torch.from_numpy(rng.integers(0, 5, 32)), round(float(rng.uniform(0.2, 0.4)), 2)
    log_p = z.log_softmax(1)
    ce, own = -log_p[torch.arange(32), y], -(log_p.exp() * log_p).sum(1)
    wanted, hard = alpha * ce + (1 - alpha) * own, losses.bootstrap_classification(z, y, alpha)
    expect_told(ask(answer, z, y, alpha), wanted, {
        "that is the mean: one value an image is asked": wanted.mean(),
        "alpha is the weight of the given label, 1 - alpha that of the prediction": (1 - alpha) * ce + alpha * own,
        "that is the hard target, the likeliest class alone": hard,
        "that is cross-entropy: the prediction has no part in it": ce,
        "the term of the prediction has the other sign": alpha * ce - (1 - alpha) * own},
        "cross-entropy against alpha e_y + (1 - alpha) p, one value an image")  # fmt: skip
    (mine,), (of_ce,) = gradients(answer, z, y, alpha), gradients(lambda z: F.cross_entropy(z, y, reduction="sum"), z)
    expect(mine.abs().max() > 1e-6, "no gradient at all: detach the target p alone, and not its logarithm")
    expect_told(mine, alpha * of_ce, {}, "the gradient also flows through the target: detach it", tol=1e-5)
    expect_close(ask(answer, z, y, 1.0), ce, "at alpha = 1 it must be cross-entropy")
    return f"the gradient is {alpha:g} times that of cross-entropy"


@exercise("03.4", answer="my_alpha", title="a schedule for alpha", minutes=5)
def schedule(answer, rng):
    """1 up to the share `start`, then a line to 0."""
    done, starts = np.linspace(0, 1, 11), (0.0, 0.5, round(float(rng.uniform(0.2, 0.4)), 2))
    ask(answer, 0.0, starts[-1])
    for start in starts:
        found = np.array([_value(answer, float(share), start) for share in done])
        line, wanted = (1 - done) / (1 - start), np.array([progressive_alpha(share, start=start) for share in done])
        expect_told(found, wanted, {
            "before `start` it must stay at 1": line,
            "it must begin to fall at `start`, not at 0": 1 - done,
            "it is upside down: alpha, the weight of the given label, falls": 1 - wanted,
            "it must fall on a line and not at once": (done <= start).astype(float),
            "it must reach 0 at the end": np.where(done <= start, 1, 1 - (done - start))},
            f"1 up to start = {start:g}, then a straight line to 0 at the end; done = 0, 0.1, ..., 1", tol=1e-6)
    return f"half way down when {100 * (1 + starts[-1]) / 2:.0f} % of the training is over, for start = {starts[-1]:g}"


def _value(answer, done, start):
    where = f"done = {done:g}, start = {start:g}"
    try:
        return _number(where, ask(answer, done, start))
    except NotDone:
        raise Mistake(f"{where}: it returns nothing, a branch has no return") from None


# ---- restoration, clusters


@exercise("03.5", answer="error_inside", title="what a decoder must know", minutes=5)
def inside_the_square(answer, rng):
    """Mean squared error where a square was blanked."""
    images = data.load("digits").x_train
    x = torch.from_numpy(images[rng.permutation(len(images))[:32]]).float().div(255)[:, None]
    blanked = augment.cutout(x, torch.Generator().manual_seed(int(rng.integers(2**31))), 0.5)
    square, changed = (blanked - x).square(), blanked != x
    each = torch.stack([of[where].mean() for of, where in zip(square, changed, strict=True) if where.any()])
    whole, wanted = square.mean().item(), square[changed].mean().item()
    expect_told(ask(answer, x, blanked), wanted, {
        "that is the mean over all pixels, asked is that inside": whole,
        "that is the sum, asked is the mean": square.sum().item(),
        "those are differences: square them": (blanked - x)[changed].abs().mean().item(),
        "that is the root of it": wanted**0.5,
        "black pixels that were black before do not differ": square[blanked == 0].mean().item(),
        "all pixels that differ count the same, whatever their image": each.mean().item()},
        "the mean of (blanked - x)^2 over the pixels where blanked != x", tol=1e-5)
    return f"{wanted:.3f} inside, {whole:.3f} over all pixels"


@exercise("03.6", answer="cluster_loss", title="the whole cluster loss", minutes=10)
def all_of_clusters(answer, rng):
    """Eq. (7): R of Eq. (9) minus lam times the mutual information of the clean view."""
    B, C, lam = 48, int(rng.integers(4, 8)), round(float(rng.uniform(0.3, 0.8)), 2)
    clean, augmented = 2 * numbers(rng, B, C), 2 * numbers(rng, B, C)

    def wanted(clean, augmented, lam, target=None):
        target = clean.detach() if target is None else target
        return losses.soft_cross_entropy(augmented, target.softmax(1)).mean() - lam * losses.mutual_information(clean)

    R, mi = wanted(clean, augmented, 0.0), losses.mutual_information(clean)
    swapped = wanted(augmented, clean, 0.0)
    expect_told(ask(answer, clean, augmented, lam), R - lam * mi, {
        "the information must be large: it has a minus": R + lam * mi,
        "the views are swapped: the logarithm stands at the augmented one": swapped - lam * mi,
        "R must be the mean over the images, not the sum": B * R - lam * mi,
        "R must be the mean over the images, not over clusters too": R / C - lam * mi,
        "the information must be that of the clean view": R - lam * losses.mutual_information(augmented),
        "lam is missing, the weight of the information": R - mi,
        "that is R alone: the information is missing": R},
        "R averaged over the images, minus lam I(x; c)")  # fmt: skip
    target, student = gradients(answer, clean, augmented, 0.0)
    expect(target.abs().max() < 1e-7, "the clean view is the teacher: detach it in R")
    expect(student.abs().max() > 1e-7, "the augmented view has no gradient: the clean one is to be detached")
    found, right = (torch.stack(gradients(of, clean, augmented, lam)) for of in (answer, wanted))
    expect_close(found, right, "detach the clean view in R alone, the information needs its gradient", tol=1e-5)
    sure = 20 * torch.eye(C)[torch.arange(8 * C) % C]
    ends = [float(ask(answer, of, of, 1.0)) + 0.0 for of in (sure, sure[:1].repeat(8 * C, 1))]
    return f"both views sure, lam = 1: all {C} clusters used {ends[0]:.2f} = -log {C}, all in one {abs(ends[1]):.2f}"


# ---- training


def noisy_digits(rng, n=500, rate=0.5, hidden=128):
    """An untrained network, inputs (n, 64) around 0, true labels, and those with symmetric noise."""
    images = data.load("digits")
    index = rng.permutation(len(images.x_train))[:n]
    x = torch.from_numpy(images.x_train[index].reshape(n, -1) / 255).float()
    y_clean = images.y_train[index]
    y = noise.corrupt(y_clean, noise.symmetric(10, rate), rng)
    net = torch.nn.Sequential(torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))
    return net, 2 * (x - x.mean(0)), torch.from_numpy(y_clean), torch.from_numpy(y)


@exercise("03.7", answer="train", title="train it: by heart or not", minutes=15)
def by_heart(answer, rng):
    """At alpha = 1 a network learns wrong labels by heart, with a falling alpha it finds the true ones."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        net, x, y_clean, y = noisy_digits(rng)
        wrong, epochs = y != y_clean, 60
        falling = [min(1.0, max(0.0, (15 - epoch) / 13)) for epoch in range(epochs)]
        plain = _classes(ask(answer, net, x, y, [1.0] * epochs), net, x)[wrong]
        own = _classes(ask(answer, net, x, y, falling), net, x)[wrong]
    known, fewer, found = (100 * float((of == what[wrong]).float().mean()) for of, what in (
        (plain, y), (own, y), (own, y_clean)))  # fmt: skip
    expect(known > 40, f"got {known:.0f} % of the wrong labels learned with alpha = 1 throughout, wanted most: alpha "
                       "weighs the given label, and each alpha is an epoch of ten batches")  # fmt: skip
    expect(fewer < 30, f"got {fewer:.0f} % of the wrong labels learned though alpha falls, wanted few: each epoch has "
                       "its own alpha, and 1 - alpha weighs the network's own class")  # fmt: skip
    expect(found > 55, f"got {found:.0f} % of the wrongly labelled images called by their true class, wanted most, "
                       "when alpha falls: the own class is that of the batch at hand")  # fmt: skip
    return (f"wrong labels learned: {known:.0f} % with alpha = 1, {fewer:.0f} % when it falls; then {found:.0f} % of "
            "those images are called by their true class")  # fmt: skip


def _classes(trained, net, x):
    """The class of each image by the trained network, (N,)."""
    expect(isinstance(trained, torch.nn.Module), f"got {type(trained).__name__}, wanted the trained net: return it")
    expect(not all(map(torch.equal, trained.parameters(), net.parameters())),
           "the weights are as they were: after loss.backward() comes optimizer.step(), with the weights of net")
    with torch.no_grad():
        return trained.eval()(x).argmax(1)
