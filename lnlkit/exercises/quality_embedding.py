"""Exercises of notebook 02. Torch is imported by the checks that need it: other notebooks list exercises without it."""

import math

import numpy as np

from lnlkit import noise
from lnlkit.exercises.asking import Mistake, NotDone, ask, expect, expect_close
from lnlkit.exercises.checking import exercise

P_NOISE = 0.4  # share of label vectors that are permuted, where the exercise does not ask for another


def vectors(rng, n=300, n_classes=5):
    """Label vectors (n, K) of one to three labels, and the same permuted with P_noise 0.4."""
    y = np.zeros((n, n_classes), np.uint8)
    for row, m in zip(y, rng.integers(1, 4, n), strict=True):
        row[rng.permutation(n_classes)[:m]] = 1
    return y, noise.permute_labels(y, P_NOISE, rng)


def tensor(values):
    """The values as a float32 tensor."""
    import torch

    return torch.tensor(np.asarray(values), dtype=torch.float32)


def expect_value(found, wanted, mistakes: dict, said: str, tol=1e-4) -> None:
    """Raises Mistake unless the wanted value was found: in the words of `{what is said: its value}`, or in `said`."""
    found = found.detach().cpu().numpy() if hasattr(found, "detach") else found

    def same(value):
        return np.shape(found) == np.shape(value) and np.allclose(np.asarray(found, float), value, atol=tol, rtol=0)

    if not same(wanted):
        for mistake, value in mistakes.items():
            expect(not same(value), mistake)
        expect_close(found, wanted, said, tol=tol)


WARM_UP = {  # question: (its answer, {another number: the likely mistake}, what is said of any other)
    1: (0.36, {0.4: "0.4 is the share that is permuted, and a permuted vector may come out right",
               0.6: "0.6 is the share that is not permuted; asked for are wrong ones",
               0.64: "that is the share of right ones"},
        "of those that are permuted, which share comes out right by chance"),
    2: (0.6, {0.2: "0.2 is the guess alone: half of the target is the label",
              1.0: "1 is the label alone: half of the target is the guess",
              0.1: "that is half of the guess; the label's half is missing",
              0.5: "0.5 is the weight of the label; the guess has one, too"},
        "cross-entropy is linear in its target, so a mixture of targets acts like one target"),
    3: (0.5, {0.0: "a sigmoid comes near 0 far below 0, and what does a ReLU let through from there",
              1.0: "1 is near the largest one"},
        "what is the smallest number that leaves a ReLU, and the sigmoid of it"),
}  # fmt: skip


@exercise("02.0", answer="guesses", title="warm-up", minutes=8)
def warm_up(answer, rng):
    """The three numbers, each within 0.005."""
    if answer is None or answer is ... or callable(answer):
        raise NotDone
    expect(isinstance(answer, dict), "guesses must stay {1: ..., 2: ..., 3: ...}, a number for each question")
    given = {question: answer.get(question) for question in WARM_UP}
    for question, guess in given.items():
        if guess is None or guess is ...:
            continue
        wanted, mistakes, hint = WARM_UP[question]
        expect(_is_number(guess), f"question {question}: got {guess!r:.40}, wanted a number")
        expect(0 <= guess <= 1, f"question {question}: got {guess:g}, wanted a share from 0 to 1, not per cent")
        for mistake, said in mistakes.items():
            expect(abs(guess - mistake) > 1e-9, f"question {question}: {said}")
        expect(abs(guess - wanted) < 5e-3, f"question {question}: got {guess:g}. Ask yourself: {hint}?")
    if open_ones := [question for question, guess in given.items() if guess is None or guess is ...]:
        if len(open_ones) == len(given):
            raise NotDone
        raise Mistake(f"what you have is right; still open: question {' and '.join(map(str, open_ones))}")
    return "a permuted vector may be right, targets mix, and a decoder needs a linear layer before its sigmoid"


def _is_number(value):
    return isinstance(value, (int, float, np.floating, np.integer)) and not isinstance(value, bool)


@exercise("02.1", answer="epochs_until_floor", title="how long annealing lasts", minutes=5)
def how_long_annealing_lasts(answer, rng):
    """The first epoch after which rho(t) is at its floor, held against rho itself."""
    from lnlkit.methods.quality_embedding import annealed

    for _ in range(6):
        n, batch = int(rng.integers(500, 20_000)), int(rng.integers(30, 200))
        n += n % batch == 0  # the last batch is a smaller one
        alpha, floor = round(10 ** rng.uniform(-5, -4), 7), round(float(rng.uniform(0.3, 0.7)), 2)
        steps, found = math.ceil(n / batch), ask(answer, n, batch, alpha, floor)
        expect(_is_number(found), f"got {type(found).__name__}, wanted a number of epochs")
        expect(found > 0, f"got {found:g}: the logarithm of a floor below 1 is negative")
        in_all = -math.log(floor) / alpha
        expect(abs(found - in_all) > 1, f"got {found:g}, which is steps: divide by those of an epoch, {steps} here")
        expect(float(found).is_integer(), f"got {found:g}, wanted a whole number: round up to the end of an epoch")
        before, after = (annealed(int(max(0, epoch)) * steps, alpha, floor) for epoch in (found - 1, found))
        setting = f"{n} items in batches of {batch}"
        expect(after == floor, f"{setting}: after {found:g} epochs rho is {after:.4f}, still above {floor:g}: it falls "
                               "once a step, and the end of the epoch counts")  # fmt: skip
        expect(before > floor, f"{setting}: got {found:g}, one epoch earlier rho is at {floor:g} already: the last, "
                               "smaller batch is a step, too")  # fmt: skip
    return f"SD4TR would need {ask(answer, 628, 50, 3e-5, 0.5):,g} epochs to bring rho to 0.5; the paper runs 90"


@exercise("02.2", answer="corrected_and_spoiled", title="corrected and spoiled", minutes=5)
def corrected_and_spoiled(answer, rng):
    """Shares of wrong label vectors put right, and of right ones changed, against counting one by one."""
    clean, y = vectors(rng)
    kind = rng.random((len(y), 1))
    latent = np.where(kind < 0.4, clean, np.where(kind < 0.7, y, rng.permuted(clean, axis=1)))
    found, counts = ask(answer, latent, y, clean), {True: [], False: []}
    for z, given, true in zip(latent, y, clean, strict=True):
        counts[bool((given == true).all())].append(bool((z == true).all()))
    wanted = np.mean(counts[False]), 1 - np.mean(counts[True])
    wrong, is_true, changed = (y != clean).any(1), (latent == clean).all(1), (latent != y).any(1)
    entries = y != clean
    expect_value(found, wanted, {
        "got shares of single entries: a label vector is right when all its entries are":
            ((latent == clean)[entries].mean(), (latent != clean)[~entries].mean()),
        "got shares of all label vectors: corrected is a share of the wrong ones, spoiled one of the right ones":
            ((wrong & is_true).mean(), (~wrong & ~is_true).mean()),
        "corrected counts all that is changed: changed into another wrong vector is not corrected":
            (changed[wrong].mean(), wanted[1]),
        "spoiled counts all that is not the true vector: it is a share of the right labels alone":
            (wanted[0], 1 - is_true.mean()),
        "got them the other way round: first corrected, then spoiled": wanted[::-1],
    }, "of the wrong vectors the share that becomes true, of the right ones the share that does not stay")  # fmt: skip
    return f"corrected {100 * wanted[0]:.0f} %, spoiled {100 * wanted[1]:.0f} %"


@exercise("02.3", answer="my_average_precision", title="average precision", minutes=10)
def average_precision(answer, rng):
    """Section IV-C's definition: against counting image by image, for several sizes."""
    aps = []
    for n in (300, 40, 5):  # the largest first: with few images several mistakes give one number
        score, y = rng.permutation(n) / n, rng.permutation((np.arange(n) % 3 == 0).astype(int))
        found, wanted = ask(answer, score, y), _by_counting(score, y)
        ranked = y[np.argsort(-score)]
        precision = np.cumsum(ranked) / np.arange(1, n + 1)
        expect_value(found, wanted, {
            "got the ranking upside down: the largest score comes first": _by_counting(-score, y),
            "got the mean of the shares over all images: only those that have the label count": precision.mean(),
            "got the sum divided by all images: divide by those that have the label": (precision * ranked).mean(),
            "got the share above the image: the image itself belongs to it":
                ((np.cumsum(ranked) - 1)[ranked == 1] / np.arange(1, n + 1)[ranked == 1]).mean(),
        }, "at each image with the label, the share of such images down to there; then their mean", 1e-9)  # fmt: skip
        aps.append(wanted)
    expect_close(ask(answer, y + score / 9, y), 1, "all that have the label are in front: that is 1", tol=1e-9)
    return f"a random ranking of 300 images, a third with the label, has AP {aps[0]:.2f}"


def _by_counting(score, y):
    shares = [y[score >= score[i]].mean() for i in np.flatnonzero(y)]
    return float(np.mean(shares))


@exercise("02.4", answer="detached_bootstrap_gradient", title="what a detached bootstrap is", minutes=10)
def detached_bootstrap(answer, rng):
    """The gradient in the logits of BCE against beta y + (1 - beta) p with p detached, against autograd."""
    import torch

    from lnlkit import losses

    logits, y = tensor(rng.normal(0, 2, (6, 5))), tensor(rng.integers(0, 2, (6, 5)))
    beta = round(float(rng.uniform(0.6, 0.9)), 2)
    found = ask(answer, logits, y, beta)

    def by_autograd(detach):
        leaf = logits.clone().requires_grad_()
        p = leaf.sigmoid()
        target = beta * y + (1 - beta) * (p.detach() if detach else p)
        return torch.autograd.grad(losses.binary_cross_entropy(leaf, target).sum(), leaf)[0].numpy()

    wanted, p = by_autograd(True), logits.sigmoid()
    expect_value(found, wanted, {
        "got the gradient through the target, too: p is detached, a constant there": by_autograd(False),
        "got the sign of a step downhill: asked for is the gradient, which points uphill": -wanted,
        "beta and 1 - beta are exchanged: beta is the weight of the label": ((1 - beta) * (p - y)).numpy(),
        "got p - y, the gradient of plain training: put the mixed target in its place": (p - y).numpy(),
        "got the gradient of a mean: the loss is summed, over labels and items": wanted / wanted.size,
    }, "the gradient of BCE in the logits is p minus its target", 1e-5)  # fmt: skip
    return f"it is {beta:g} (p - y): plain training at {beta:g} times the learning rate"


@exercise("02.5", answer="can_classifier_loss", title="the classifier's loss", minutes=10)
def classifier_loss(answer, rng):
    """A loss (B,) with the gradients of Eq. (7): that of the mixed target in the logits, none in q."""
    logits, q_logits = (tensor(rng.normal(0, 2, (6, 5))) for _ in range(2))
    y, rho = tensor(rng.integers(0, 2, (6, 5))), round(float(rng.uniform(0.6, 0.8)), 2)
    in_logits, in_q = _gradients(answer, logits, q_logits, y, rho)
    p, q = logits.sigmoid().numpy(), q_logits.sigmoid().numpy()
    expect(in_logits is not None, "no gradient reaches the logits: these must not be detached")
    wanted = p - (1 - rho) * q - rho * y.numpy()
    expect(in_q is None or not in_q.any(), "a gradient reaches q: it is a fixed target in Eq. (7), so detach it")
    expect_value(in_logits, wanted, {
        "rho and 1 - rho are exchanged: rho is the weight of the noisy label": p - rho * q - (1 - rho) * y.numpy(),
        "the target has q's logits in it: q is their sigmoid": p - (1 - rho) * q_logits.numpy() - rho * y.numpy(),
        "got a mean over the labels: they are summed": wanted / wanted.shape[1],
        "the target has the prediction in it in place of q: that is bootstrapping without a noise model":
            rho * (p - y.numpy()),
    }, "the gradient in the logits must be P - (1 - rho) q - rho y")  # fmt: skip
    fig1 = [tensor([[value]]) for value in (math.log(9), math.log(19), 0.0)]  # P = 0.9, q = 0.95, a wrong label
    sent = [_gradients(answer, *fig1, weight)[0].item() for weight in (1.0, 0.97, 0.0)]
    return "Fig. 1's wrong label sends {:+.2f} at rho = 1, {:+.2f} at SD4TR's 0.97, {:+.2f} at 0".format(*sent)


def _gradients(answer, logits, q_logits, y, rho):
    """Gradients, arrays or None, of the sum of the answer's loss in the logits and in q's logits."""
    import torch

    leaves = logits.clone().requires_grad_(), q_logits.clone().requires_grad_()
    loss = ask(answer, *leaves, y, rho)  # of copies: says what fails, and how the loss must look
    expect(isinstance(loss, torch.Tensor), f"got {type(loss).__name__}, wanted a tensor, so that gradients flow")
    expect(loss.shape == (len(y),), f"got shape {tuple(loss.shape)}, wanted {(len(y),)}: a number an item, summed over "
                                    "its labels")  # fmt: skip
    expect(loss.requires_grad, "no gradient reaches the logits: these must not be detached")
    loss = answer(*leaves, y.clone(), rho)
    return [of if of is None else of.numpy() for of in torch.autograd.grad(loss.sum(), leaves, allow_unused=True)]


@exercise("02.6", answer="latent_posterior", title="when a label is overruled", minutes=10)
def latent_posterior(answer, rng):
    """P(z = 1 | x, y): with it as q the bound of Eq. (2) is the likelihood of Eq. (1)."""
    p, absent, present = rng.uniform(0.05, 0.95, 40), rng.uniform(0.05, 0.4, 40), rng.uniform(0.6, 0.95, 40)
    y = np.arange(40) % 2
    found = ask(answer, p, y, absent, present)
    on, off = np.where(y, present, 1 - present), np.where(y, absent, 1 - absent)  # P(y | z = 1) and P(y | z = 0)
    wanted = p * on / (p * on + (1 - p) * off)
    expect_value(found, wanted, {
        "got P(z = 1, y): divide by P(y), the sum over both values of z": p * on,
        "the classifier is left out: P(z = 1 | x) is the prior, 1/2 only where nothing is known": on / (on + off),
        "every label is taken for a 1: where y is 0 the decoder gives the rest, 1 - P(y = 1 | z)":
            p * present / (p * present + (1 - p) * absent),
        "on_absent and on_present are exchanged": p * off / (p * off + (1 - p) * on),
        "got P(y | x), the probability of the noisy label: asked for is that of the latent one": p * on + (1 - p) * off,
    }, "Bayes' rule: prior times P(y | z), divided by the sum over z", 1e-6)  # fmt: skip
    q = np.asarray(found, float)
    bound = q * np.log(on) + (1 - q) * np.log(off) - q * np.log(q / p) - (1 - q) * np.log((1 - q) / (1 - p))
    expect_close(bound, np.log(p * on + (1 - p) * off), "the bound must be tight")
    grid, flips = np.linspace(0.001, 0.999, 999), round(float(rng.uniform(0.1, 0.3)), 2)
    q = np.asarray(ask(answer, grid, np.ones(999, int), np.full(999, flips), np.full(999, 1 - flips)), float)
    return (f"with {100 * flips:.0f} % flips a label 1 is overruled below P(z = 1 | x) = {grid[q > 0.5][0]:.2f}: the "
            "classifier must be surer than the labels")  # fmt: skip


@exercise("02.7", answer="surer_than_the_labels", title="surer than the labels", minutes=20)
def surer_than_the_labels(answer, rng):
    """A classifier of digits whose latent labels, by Bayes' rule, correct a third of the wrong labels and more.

    Of a plain one 1 to 24 % are corrected, of a sharpened one or one with a model of the noise 47 to 94 %.
    """
    x, y, clean = permuted_digits(rng)
    found = ask(answer, x, y)
    p = np.asarray(found.detach().cpu() if hasattr(found, "detach") else found, float)
    expect(p.shape == y.shape, f"got shape {p.shape}, wanted {y.shape}: a probability an image and class")
    expect((p >= -1e-6).all() and (p <= 1 + 1e-6).all(),  # NaN fails, too
           f"got numbers from {p.min():.2g} to {p.max():.2g}, wanted probabilities: are these logits?")  # fmt: skip
    wrong, said = (y != clean).any(1), p.argmax(1)
    right, copied = (np.mean(said[wrong] == of[wrong].argmax(1)) for of in (clean, y))
    T = (1 - P_NOISE) * np.eye(10) + P_NOISE / 10
    z = (p * T[:, y.argmax(1)].T).argmax(1)  # P(z | x) P(y | z), the largest of ten
    corrected, spoiled = np.mean(z[wrong] == clean[wrong].argmax(1)), np.mean(z[~wrong] != clean[~wrong].argmax(1))
    told = f"the latent label corrects {100 * corrected:.0f} % and spoils {100 * spoiled:.0f} %"
    expect(copied < 0.5, f"{told}: of the wrong labels the classifier has learned {100 * copied:.0f} % by heart: stop "
                         "earlier, or take a smaller network")  # fmt: skip
    expect(right > 0.5 and spoiled < 0.2, f"{told}: the classifier, right on {100 * right:.0f} % of the wrong labels, "
                                          "has not learned enough for how sure it is")  # fmt: skip
    sure = 100 * p.max(1).mean()
    expect(corrected > 0.35, f"{told}; wanted is more than 35 %. The classifier says {sure:.0f} % for its first "
                             "choice, calibrated to the noisy labels: sharpen it, or model the noise")  # fmt: skip
    return f"{told}; the classifier itself is right on {100 * right:.0f} % of the wrong labels"


def permuted_digits(rng):
    """Pixels of 1,000 digits (1000, 64) in [0, 1], their one-hot labels permuted, and the clean ones (1000, 10)."""
    from lnlkit import data

    digits = data.load("digits")
    chosen = rng.permutation(len(digits.x_train))[:1000]
    clean = np.eye(10, dtype=np.uint8)[digits.y_train[chosen]]
    x = digits.x_train[chosen].reshape(1000, -1).astype(np.float32) / 255
    return x, noise.permute_labels(clean, P_NOISE, rng), clean
