"""Exercises of notebook 02: right answers in two ways, and mistakes that are told by name."""

import math

import numpy as np
import pytest
import torch
from exercise_cases import standard_tests
from sklearn.metrics import average_precision_score

from lnlkit import exercises, losses, noise

bce = losses.binary_cross_entropy
F = torch.nn.functional


# ---- 02.1


def by_formula(n, batch, alpha, floor):
    return math.ceil(math.log(1 / floor) / alpha / math.ceil(n / batch))


def by_counting_steps(n, batch, alpha, floor):
    step = epochs = 0
    while math.exp(-alpha * step) > floor:
        step, epochs = step + math.ceil(n / batch), epochs + 1
    return epochs


# ---- 02.2


def by_masks(latent, y, clean):
    wrong, right = (y != clean).any(1), (latent == clean).all(1)
    return right[wrong].mean(), 1 - right[~wrong].mean()


def one_by_one(latent, y, clean):
    corrected, spoiled = [], []
    for z, given, true in zip(latent, y, clean, strict=True):
        if np.array_equal(given, true):
            spoiled.append(not np.array_equal(z, given))
        else:
            corrected.append(np.array_equal(z, true))
    return torch.tensor([np.mean(corrected), np.mean(spoiled)])


def entry_by_entry(latent, y, clean):
    wrong, right = y != clean, latent == clean
    return right[wrong].mean(), 1 - right[~wrong].mean()


def of_all(latent, y, clean):
    wrong, right = (y != clean).any(1), (latent == clean).all(1)
    return (wrong & right).mean(), (~wrong & ~right).mean()


def changed(latent, y, clean):
    wrong = (y != clean).any(1)
    return (latent != y).any(1)[wrong].mean(), by_masks(latent, y, clean)[1]


# ---- 02.3


def at_each_positive(score, y):
    ranked = y[np.argsort(-score)]
    return (np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked == 1].mean()


def precision(score, y):
    ranked = y[np.argsort(-score)]
    return ranked, np.cumsum(ranked) / np.arange(1, len(ranked) + 1)


def shares_above(score, y):
    ranked, _ = precision(score, y)
    return ((np.cumsum(ranked) - 1) / np.arange(1, len(ranked) + 1))[ranked == 1].mean()


# ---- 02.4 and 02.5


def gradient(loss):
    """The gradient in the logits of the sum of a loss of (logits, *rest)."""

    def answer(logits, *rest):
        leaf = logits.clone().requires_grad_()
        return torch.autograd.grad(loss(leaf, *rest).sum(), leaf)[0]

    return answer


def mixed(logits, q_logits, y, rho):
    return bce(logits, (1 - rho) * q_logits.detach().sigmoid() + rho * y)


def two_losses(logits, q_logits, y, rho):
    return (1 - rho) * losses.bernoulli_kl(q_logits.detach(), logits) + rho * bce(logits, y)


# ---- 02.6


def by_bayes(p, y, absent, present):
    on, off = np.where(y == 1, present, 1 - present), np.where(y == 1, absent, 1 - absent)
    return p * on / (p * on + (1 - p) * off)


def by_log_odds(p, y, absent, present):
    p, y, absent, present = (torch.as_tensor(value, dtype=torch.float64) for value in (p, y, absent, present))
    evidence = y * (present / absent).log() + (1 - y) * ((1 - present) / (1 - absent)).log()
    return torch.sigmoid(p.logit() + evidence)


# ---- 02.7


def trained(x, y, hidden=0, steps=200, target=lambda p, y, done: y, lr=0.02, T=None):
    """Probabilities of a linear classifier, or of one hidden layer, after so many steps on all images."""
    x, y = torch.tensor(x), torch.tensor(y).float()
    torch.manual_seed(0)
    layers = [torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10)]
    net = torch.nn.Sequential(*layers) if hidden else torch.nn.Linear(64, 10)
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    for step in range(steps):
        logits = net(x)
        if T is None:
            loss = bce(logits, target(logits.detach().sigmoid(), y, step / steps)).mean()
        else:
            loss = -((logits.softmax(1) @ T).log() * y).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    logits = net(x).detach()
    return logits.sigmoid() if T is None else logits.softmax(1)


def sharpened(p, power=4):
    return p**power / (p**power).sum(1, keepdims=True)


def bootstrapped(x, y):
    return trained(x, y, target=lambda p, y, done: y if done < 0.3 else 0.2 * y + 0.8 * sharpened(p))


def behind_the_noise(x, y):
    return trained(x, y, T=0.6 * torch.eye(10) + 0.04)


def noise_taken_out(x, y):
    p = ((trained(x, y) - 0.04) / 0.6).clamp(0, 1)
    return (p / p.sum(1, keepdim=True)).numpy()


RIGHT = {
    "02.0": {"the three": {1: 0.36, 2: 0.6, 3: 0.5}, "rounded": {1: np.float64(0.358), 2: 0.6, 3: 1 / 2}},
    "02.1": {"by formula": by_formula, "counting steps": by_counting_steps},
    "02.2": {"masks": by_masks, "one by one": one_by_one},
    "02.3": {"cumulative counts": at_each_positive,
             "scikit-learn": lambda score, y: average_precision_score(y, score)},
    "02.4": {"by hand": lambda logits, y, beta: beta * (logits.sigmoid() - y),
             "by autograd": gradient(lambda a, y, beta: bce(a, beta * y + (1 - beta) * a.detach().sigmoid())),
             "in NumPy": lambda logits, y, beta: beta * (1 / (1 + np.exp(-logits.numpy())) - y.numpy())},
    "02.5": {"a mixed target": mixed, "two losses": two_losses},
    "02.6": {"by Bayes' rule": by_bayes, "by log-odds": by_log_odds},
    "02.7": {"sharpened afterwards": lambda x, y: sharpened(trained(x, y)), "sharp bootstrap": bootstrapped,
             "behind the noise": behind_the_noise, "noise taken out": noise_taken_out},
}  # fmt: skip
WRONG = {
    "02.0": {"permuted is wrong": ({1: 0.4, 2: 0.6, 3: 0.5}, "Question 1: 0.4 is the share that is permuted"),
             "right ones": ({1: 0.64, 2: None, 3: None}, "Question 1: that is the share of right ones"),
             "the label alone": ({1: 0.36, 2: 1, 3: 0.5}, "Question 2: 1 is the label alone"),
             "as low as a sigmoid": ({1: 0.36, 2: 0.6, 3: 0}, "Question 3: a sigmoid comes near 0"),
             "somewhere": ({1: 0.36, 2: 0.6, 3: 0.3}, "smallest number that leaves a ReLU"),
             "per cent": ({1: 36, 2: 0.6, 3: 0.5}, "not per cent"),
             "a word": ({1: "few", 2: 0.6, 3: 0.5}, "Question 1: got 'few', wanted a number"),
             "no dict": ([0.36, 0.6, 0.5], "must stay {1: ..."),
             "one open": ({1: 0.36, 2: 0.6, 3: None}, "still open: question 3")},
    "02.1": {"steps": (lambda n, batch, alpha, floor: math.ceil(-math.log(floor) / alpha), "which is steps"),
             "sign": (lambda *of: -by_formula(*of), "logarithm of a floor below 1 is negative"),
             "a step an item": (lambda n, batch, alpha, floor: math.ceil(-math.log(floor) / alpha / n), "once a step"),
             "no smaller batch": (lambda n, batch, alpha, floor: math.ceil(-math.log(floor) / alpha / (n // batch)),
                                  "the last, smaller batch is a step, too"),
             "rounded down": (lambda *of: by_formula(*of) - 1, "still above"),
             "not rounded": (lambda n, batch, alpha, floor: -math.log(floor) / alpha / math.ceil(n / batch),
                             "wanted a whole number")},
    "02.2": {"single entries": (entry_by_entry, "shares of single entries"),
             "mean over all instead of inside": (of_all, "shares of all label vectors"),
             "all that is changed": (changed, "counts all that is changed"),
             "spoiled of all": (lambda z, y, clean: (by_masks(z, y, clean)[0], (z != clean).any(1).mean()),
                                "a share of the right labels alone"),
             "exchanged": (lambda *of: by_masks(*of)[::-1], "the other way round"),
             "one number": (lambda *of: by_masks(*of)[0], "wanted (2,)")},
    "02.3": {"upside down": (lambda score, y: at_each_positive(-score, y), "the largest score comes first"),
             "mean over all instead of inside": (lambda score, y: precision(score, y)[1].mean(), "over all images"),
             "divided by all": (lambda score, y: np.prod(precision(score, y), axis=0).mean(), "divided by all images"),
             "without itself": (shares_above, "the image itself belongs to it"),
             "not ranked": (lambda score, y: at_each_positive(-np.arange(len(y)), y), "down to there")},
    "02.4": {"forgotten detach": (gradient(lambda a, y, beta: losses.bootstrap(a, y, beta)), "p is detached"),
             "downhill": (lambda a, y, beta: beta * (y - a.sigmoid()), "sign of a step downhill"),
             "weights exchanged": (lambda a, y, beta: (1 - beta) * (a.sigmoid() - y), "are exchanged"),
             "plain training": (lambda a, y, beta: a.sigmoid() - y, "plain training"),
             "a mean": (lambda a, y, beta: beta * (a.sigmoid() - y) / y.numel(), "gradient of a mean")},
    "02.5": {"forgotten detach": (lambda a, b, y, rho: bce(a, (1 - rho) * b.sigmoid() + rho * y), "detach it"),
             "weights exchanged": (lambda *of: mixed(*of[:3], 1 - of[3]), "rho is the weight of the noisy label"),
             "logits as target": (lambda a, b, y, rho: F.binary_cross_entropy_with_logits(
                 a, (1 - rho) * b.detach() + rho * y, reduction="none").sum(1), "q is their sigmoid"),
             "mean over labels": (lambda *of: mixed(*of) / 5, "they are summed"),
             "one number": (lambda *of: mixed(*of).mean(), "Got shape ()"),
             "its own prediction": (lambda a, b, y, rho: bce(a, (1 - rho) * a.detach().sigmoid() + rho * y),
                                    "without a noise model"),
             "nothing learns": (lambda a, *of: mixed(a.detach(), *of), "No gradient reaches the logits"),
             "in NumPy": (lambda *of: mixed(*of).detach().numpy(), "wanted a tensor")},
    "02.6": {"prior forgotten": (lambda p, *of: by_bayes(np.full_like(p, 0.5), *of), "The classifier is left out"),
             "not divided": (lambda p, y, a, b: p * np.where(y, b, 1 - b), "divide by P(y)"),
             "every label a 1": (lambda p, y, a, b: by_bayes(p, np.ones_like(y), a, b), "taken for a 1"),
             "exchanged": (lambda p, y, a, b: by_bayes(p, y, b, a), "are exchanged"),
             "the noisy label": (lambda p, y, a, b: p * np.where(y, b, 1 - b) + (1 - p) * np.where(y, a, 1 - a),
                                 "Got P(y | x)"),
             "the prior": (lambda p, *of: p, "Bayes' rule")},
    "02.7": {"calibrated to the noise": (trained, "calibrated to the noisy labels"),
             "learned by heart": (lambda x, y: sharpened(trained(x, y, 128, 600)), "by heart"),
             "the labels": (lambda x, y: y.astype(float), "by heart"),
             "not trained": (lambda x, y: sharpened(trained(x, y, steps=0), 50), "not learned enough"),
             "logits": (lambda x, y: trained(x, y).logit(), "are these logits"),
             "classes": (lambda x, y: trained(x, y).argmax(1), "wanted (1000, 10)")},
}  # fmt: skip

test_right, test_wrong, test_all, test_stub = standard_tests("02", RIGHT, WRONG)


def test_the_warm_up_asks_for_what_simulation_and_the_loss_give():
    one_hot = np.eye(10, dtype=np.uint8)[np.arange(100_000) % 10]
    permuted = noise.permute_labels(one_hot, 0.4, np.random.default_rng(0))
    grid = torch.linspace(0.001, 0.999, 999)
    settled = grid[bce(grid.logit()[:, None], torch.full((999, 1), 0.5 * 0.2 + 0.5)).argmin()]
    smallest = torch.sigmoid(torch.relu(torch.linspace(-9, 9, 99))).min()
    answer = {1: (permuted != one_hot).any(1).mean(), 2: settled.item(), 3: smallest.item()}
    assert exercises.check("02.0", answer).right


@pytest.mark.parametrize("guess", [0.4, 0.64, 0.3, 36, "few", -1])
def test_the_warm_up_reveals_no_number(guess):
    for question, number in {1: "0.36", 2: "0.6", 3: "0.5"}.items():
        said = exercises.check("02.0", {1: None, 2: None, 3: None} | {question: guess}).said
        assert f"Question {question}" in said and (str(guess) == number or f" {number}" not in said.replace("0.64", ""))


def test_a_warm_up_without_numbers_is_not_done_yet():
    assert not exercises.check("02.0", {1: None, 2: None, 3: None}).done


def test_what_is_told_of_right_answers_is_what_the_notebook_says():
    told = {name: exercises.check(name, next(iter(answers.values()))).said for name, answers in RIGHT.items()}
    assert "1,778 epochs" in told["02.1"] or "1,777 epochs" in told["02.1"]
    assert "+0.90 at rho = 1, +0.87 at SD4TR's 0.97, -0.05 at 0" in told["02.5"]
