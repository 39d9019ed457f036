"""Exercises of notebook 05."""

import math

import numpy as np
import torch

from lnlkit import losses
from lnlkit.exercises.asking import Mistake, NotDone, ask, expect, expect_close
from lnlkit.exercises.checking import exercise

WARM_UP = {  # question: its answer, the mistake of a number, what else may have gone wrong
    1: (0.6, {0.36: "the square is the share of the variance, asked is the correlation itself",
              0.8: "that is the correlation with z", 0.75: "divide by both deviations, and compute that of the sum"},
        "divide the covariance with w by both deviations"),
    2: (0.55, {0.5: "a label drawn from all ten classes may hit its own again", 0.45: "that share is wrong",
               0.05: "the labels that nobody touched are right as well"},
        "count the untouched ones, and those redrawn that hit their own class"),
    3: (0.8, {1.0: "training accuracy is counted on the labels as given, wrong ones included",
              0.6: "zeros are half of the set, and all labels of ones are right",
              0.2: "that is the share of errors"},
        "on which training images does it disagree with the label as given?"),
}  # fmt: skip

OUTLIERS = 0.4  # of the outputs in the last exercise


def _numbers(found, count, what):
    """So many finite numbers as floats."""
    try:
        values = [float(value) for value in found]
    except (TypeError, ValueError):
        raise Mistake(f"got {type(found).__name__}, wanted {count} numbers: {what}") from None
    expect(len(values) == count, f"got {len(values)} values, wanted {count}: {what}")
    expect(np.isfinite(values).all(), f"got {values[0]:g} and {values[-1]:g}, wanted finite numbers: {what}")
    return values


@exercise("05.0", answer="guesses", title="warm-up", minutes=5)
def warm_up(answer, rng):
    """Three numbers, a wrong one first of all, then those that are missing."""
    if not isinstance(answer, dict):  # the stub of another exercise, or nothing at all
        raise NotDone
    for question, (right, mistakes, otherwise) in WARM_UP.items():
        guess = answer.get(question)
        if guess is None or guess is ...:
            continue
        expect(isinstance(guess, (int, float, np.number)) and 0 <= guess <= 1,
               f"question {question}: got {str(guess):.20}, wanted a number between 0 and 1")  # fmt: skip
        told = [word for number, word in mistakes.items() if abs(guess - number) < 5e-3]
        expect(abs(guess - right) < 5e-3, f"question {question}: {guess:g} is not it: {(told or [otherwise])[0]}")
    if any(answer.get(question) in (None, ...) for question in WARM_UP):
        raise NotDone
    return "number 2 is the paper's 'expected true ratio', and number 3 comes back at its Fig. 5"


@exercise("05.1", answer="correlated", title="the plain construction", minutes=10)
def plain_construction(answer, rng):
    """Mean rho mu_w, deviation sigma_z and correlation rho, from draws whose own moments are exact."""
    draws = np.linalg.qr(np.column_stack([np.ones(40_000), rng.normal(size=(40_000, 2))]))[0][:, 1:] * 200
    e_w, e_z = torch.from_numpy(draws).T
    mu_w, sigma_w, sigma_z = rng.uniform(1.2, 2), rng.uniform(0.3, 0.6), rng.uniform(1.2, 1.8)
    for rho in (rng.uniform(0.5, 0.75), -rng.uniform(0.5, 0.75)):
        made = ask(answer, mu_w + sigma_w * e_w, sigma_z * e_z, torch.tensor(rho), mu_w, sigma_w, sigma_z)
        expect(np.shape(made) == (40_000,), f"got shape {np.shape(made)}, wanted (40000,): one value a draw")
        made = torch.as_tensor(made).double()
        mean, sd, r = made.mean().item(), made.std().item(), torch.corrcoef(torch.stack([e_w, made]))[0, 1].item()
        expect(abs(sd - math.sqrt(1 - rho**2) * sigma_z) > 0.02, f"got deviation {sd:.2f}, wanted {sigma_z:.2f}: this "
               "is Eq. (5), which shrinks the variance; here it is the same for every rho")  # fmt: skip
        expect_close(mean, rho * mu_w, f"the mean at rho = {rho:.2f}; does it hold w as a deviation from mu_w?",
                     tol=0.03)  # fmt: skip
        expect_close(r, rho, "the correlation with w; mix two independent variables of deviation 1, whose squared "
                             "shares add up to 1", tol=0.03)  # fmt: skip
        expect_close(sd, sigma_z, "the deviation; w - mu_w has deviation sigma_w, z has sigma_z already", tol=0.03)
    return f"at rho {rho:.2f}: mean {mean:.2f}, deviation {sd:.2f}, correlation {r:.2f}"


@exercise("05.2", answer="responsibilities", title="who is responsible?", minutes=15)
def responsible(answer, rng):
    """The posterior of the components: minus the gradient of the likelihood by the log weights."""
    B, K, D = 8, int(rng.integers(3, 6)), int(rng.integers(2, 4))
    mu, y = (torch.from_numpy(rng.normal(size=shape)) for shape in ((B, K, D), (B, D)))
    var = torch.from_numpy(rng.uniform(0.1, 1.1, (B, K, D)))
    log_pi = torch.log(torch.from_numpy(rng.dirichlet(np.ones(K), B)))
    free = log_pi.clone().requires_grad_()
    wanted = -torch.autograd.grad(losses.mixture_nll(y, free, mu, var).sum(), free)[0]
    found = torch.as_tensor(ask(answer, y, log_pi, mu, var))
    expect(found.shape == (B, K), f"got shape {tuple(found.shape)}, wanted {(B, K)}: a share of each component")
    log_density = -0.5 * ((y[:, None] - mu) ** 2 / var + torch.log(2 * math.pi * var)).sum(2)
    mistakes = {
        "these are logarithms, whose exponentials would be right": wanted.log(),
        "the weights pi are missing in the joint density": log_density.softmax(1),
        "Sigma is missing before the exponential: a wide component has a low density": (
            log_pi + log_density + 0.5 * var.log().sum(2)).softmax(1),
    }  # fmt: skip
    for said, made in mistakes.items():
        expect(not torch.allclose(found.double(), made, atol=1e-6), said)
    expect_close(found.sum(1), torch.ones(B), "the sum of a row: the components of one example share the whole of it")
    expect_close(found, wanted, "joint log density log pi + log N, the exponent summed over the D outputs, var the "
                                "variance; then normalise")  # fmt: skip
    far = torch.as_tensor(ask(answer, y + 1e4, log_pi, mu, var))
    expect(far.isfinite().all(), "far from all components every density underflows, and 0 is divided by 0: normalise "
                                 "while they are logarithms")  # fmt: skip
    return _outliers_found(answer, rng)


def _outliers_found(answer, rng):
    """What an answer flags among points of which half are outliers, as a sentence."""
    f, outlier = rng.uniform(-1, 1, 500), rng.random(500) < 0.5
    y = torch.from_numpy(np.where(outlier, rng.uniform(-1.5, 2.5, 500), f + rng.normal(0, 0.1, 500)))[:, None]
    mu = torch.stack([torch.from_numpy(f), torch.full((500,), 0.5, dtype=torch.float64)], 1)[:, :, None]
    var = torch.tensor([0.01, 1.3], dtype=torch.float64).expand(500, 2)[:, :, None]
    first = torch.as_tensor(ask(answer, y, torch.full((500, 2), 0.5, dtype=torch.float64).log(), mu, var))[:, 0]
    flagged = (first < 0.5).numpy()
    return (f"of 500 points, half of them outliers, it flags {flagged.sum()}: {np.mean(outlier[flagged]):.0%} of these "
            f"are outliers, and {np.mean(flagged[outlier]):.0%} of the outliers are among them")  # fmt: skip


@exercise("05.3", answer="right_logits", title="right side up, or upside down?", minutes=5)
def whose_logit(answer, rng):
    """Shares of the images whose largest and whose smallest logit is that of their class."""
    n, D = 400, int(rng.integers(5, 11))
    y = rng.integers(0, D, n)
    logits = rng.normal(size=(n, D)) - 12 * (rng.random((n, 1)) < 0.7)  # the same for all classes: it tells nothing
    up, down = np.split(rng.permutation(n), [int(rng.integers(220, 260))])
    down = down[: int(rng.integers(90, 120))]
    logits[up, y[up]] = logits[up].max(1) + 1
    logits[down, y[down]] = logits[down].min(1) - 1
    wanted = np.mean(logits.argmax(1) == y), np.mean(logits.argmin(1) == y)
    mu_1 = torch.from_numpy(logits)
    found = _numbers(ask(answer, mu_1, torch.from_numpy(y)), 2, "the shares of the largest and of the smallest logit")
    expect(max(found) <= 1, f"got {found[0]:g} and {found[1]:g}, wanted shares between 0 and 1: divide by the number "
                            "of images, and not into per cent")  # fmt: skip
    expect(not np.allclose(found, wanted[::-1]), "the two have changed places: the largest logit comes first")
    expect_close(found[0], wanted[0], "the first share: count the images whose largest logit is at y", tol=1e-6)
    expect(not np.isclose(found[1], 1 - wanted[0]), "an image whose largest logit is wrong need not have its smallest "
                                                    "one at y: there are other classes")  # fmt: skip
    expect_close(found[1], wanted[1], "the second share: the smallest logit is the most negative one of an image, not "
                                      "the one nearest to 0", tol=1e-6)  # fmt: skip
    turned = _numbers(ask(answer, -mu_1, torch.from_numpy(y)), 2, "two shares")
    expect_close(turned, wanted[::-1], "with all signs changed the two must change places", tol=1e-6)
    return (f"right by the largest logit {wanted[0]:.0%}, by the smallest {wanted[1]:.0%}; "
            "with -mu_1 they change places")  # fmt: skip


@exercise("05.4", answer="redrawn", title="Eq. (9) under redrawn labels", minutes=10)
def under_redrawn_labels(answer, rng):
    """The mean of 1 - p at the redrawn label is a + b (1 - p) at the true one."""
    said = "the numbers a and b"
    for D in rng.choice(np.arange(3, 12), 2, replace=False).tolist():
        rate = float(rng.uniform(0.2, 0.6))
        a, b = _numbers(ask(answer, rate, D), 2, said)
        loss = 1 - rng.dirichlet(np.ones(D), 20)  # (predictions, labels)
        wanted = (1 - rate) * loss[:, 0] + rate * loss.mean(1)  # the true class is 0
        other = (1 - rate) * loss[:, 0] + rate * loss[:, 1:].mean(1)
        at = f"{D} classes, rate {rate:.2f}: "
        expect(not np.allclose(a + b * loss[:, 0], other), at + "this is for labels that become another class; one "
               "redrawn from all classes may hit its own again")  # fmt: skip
        expect(not np.allclose(b + a * loss[:, 0], wanted), at + "a and b have changed places: b is before the loss")
        expect(abs(b - rate) > 1e-9 or abs(b - 1 + rate) < 1e-9, at + "b belongs to the labels that nobody touched, "
               "and the rate is the share of the others")  # fmt: skip
        expect(abs(a) > 1e-9, at + "a redrawn label has a loss as well, which is all that a holds")
        expect_close(a + b * loss[:, 0], wanted, at + "average 1 - p over all D labels: p adds up to 1, what does "
                                                      "1 - p add up to?", tol=1e-6)  # fmt: skip
    return "noise shifts and shrinks this loss: whichever network has the smaller one on clean labels keeps it"


def corrupted(rng, n=800, share=OUTLIERS):
    """Inputs in [-3, 3], outputs of a function, a share of them replaced by draws from [-1.5, 2.5], and this function.

    Returns x (n, 1), y (n, 1), float32 tensors, and the function, of arrays.
    """
    phase, bend = rng.uniform(-0.5, 0.5), rng.uniform(1.3, 1.7)

    def function(x):
        return np.cos(bend * x + phase) * np.exp(-((x / 3) ** 2))

    x = np.sort(rng.uniform(-3, 3, n))
    y = np.where(rng.random(n) < share, rng.uniform(-1.5, 2.5, n), function(x) + rng.normal(0, 0.05, n))
    return *(torch.from_numpy(values).float()[:, None] for values in (x, y)), function


@exercise("05.5", answer="fit", title="a small ChoiceNet", minutes=25)
def small_choicenet(answer, rng):
    """A mean absolute error far below that of a squared error, whichever way it was trained."""
    x, y, function = corrupted(rng)
    x_new = torch.linspace(-2.7, 2.7, 109)[:, None]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        found = ask(answer, x, y, x_new)
    found = torch.as_tensor(found).detach().double().numpy()
    expect(found.size == len(x_new), f"got shape {found.shape}, wanted {tuple(x_new.shape)}: a value for each of x_new")
    found = found.ravel()
    expect(np.isfinite(found).all(), "got values that are not finite: a variance near 0, or too large a learning rate")
    truth = function(x_new.double().numpy().ravel())

    def error(to):
        return np.abs(found - to).mean()

    got, of_zero = error(truth), np.abs(truth).mean()
    if got > 0.1:
        said = f"mean absolute error {got:.2f}, wanted below 0.1: "
        near_mean = error((1 - OUTLIERS) * truth + OUTLIERS * 0.5) < 0.7 * got
        either_way = np.minimum(np.abs(found - truth), np.abs(found + truth)).mean()
        expect(either_way > 0.1, said + "it is upside down, near minus the function on the whole or in part: may your "
                                        "correlations be negative?")  # fmt: skip
        expect(np.ptp(found) > 0.5 * np.ptp(truth), said + "it hardly bends: train longer, or faster")
        expect(not near_mean, said + "it is near the mean of all outputs, outliers included: return the target alone, "
                                     "and no squared error")  # fmt: skip
        raise Mistake(f"{said}a constant 0 has {of_zero:.2f}; is it mu_1 that is returned, and is its correlation with "
                      "the other kept away from 0?")  # fmt: skip
    return f"mean absolute error {got:.3f} under {OUTLIERS:.0%} outliers, a constant 0 has {of_zero:.2f}"
