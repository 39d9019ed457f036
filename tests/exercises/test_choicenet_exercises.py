"""Exercises of notebook 05: right answers, and mistakes that are told by name."""

import math

import numpy as np
import pytest
import torch
from exercise_cases import standard_tests

from lnlkit import exercises, losses
from lnlkit.exercises.choicenet import WARM_UP, corrupted

NUMBERS = {question: right for question, (right, *_) in WARM_UP.items()}


def shares(mu_1, y):
    return (mu_1.argmax(1) == y).double().mean(), (mu_1.argmin(1) == y).double().mean()


def by_sorting(mu_1, y):
    order = mu_1.numpy().argsort(axis=1)
    return [float(np.mean(order[:, place] == y.numpy())) for place in (-1, 0)]


def made(root=torch.sqrt, outer=1.0, mean=True, centred=True, standard=True, flip=1.0, size=lambda rho: rho):
    """A construction with one thing in it changed."""
    def correlated(w, z, rho, mu_w, sigma_w, sigma_z):
        shared = size(rho) * (sigma_z / sigma_w if standard else sigma_z) * (w - mu_w * centred)
        own = root(1 - rho**2)
        return mean * rho * mu_w + (own if outer is None else outer) * (shared + flip * own * z)
    return correlated  # fmt: skip


def posterior(y, log_pi, mu, var, weigh=1.0, wide=1.0, squared=False, dim=1):
    var = var**2 if squared else var
    log_density = -0.5 * ((y[:, None] - mu) ** 2 / var + wide * torch.log(2 * math.pi * var)).sum(2)
    return torch.softmax(weigh * log_pi + log_density, dim)


def by_gradient(y, log_pi, mu, var):
    free = log_pi.clone().requires_grad_()
    return -torch.autograd.grad(losses.mixture_nll(y, free, mu, var).sum(), free)[0]


def by_dividing(y, log_pi, mu, var):
    density = (-0.5 * (y[:, None] - mu) ** 2 / var).exp() / torch.sqrt(2 * math.pi * var)
    joint = log_pi.exp() * density.prod(2)
    return joint / joint.sum(1, keepdim=True)


def trained(x, outputs, loss, steps=300):
    net = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 32), torch.nn.Tanh(),
                              torch.nn.Linear(32, outputs))  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(net(x)).backward()
        optimizer.step()
    return net


def mixture_of(out):
    """Log weights (N, 2), means and variances (N, 2, 1) of a target and a component whose correlation is above 0."""
    mu_1, rho, s, raw = out[:, :1], out[:, 1:2].sigmoid(), out[:, 2:3], out[:, 3:]
    mu = torch.stack([mu_1, rho * mu_1], 1)
    var = torch.stack([torch.full_like(mu_1, 0.01), (1 - rho**2) * s.exp() + 0.01], 1)
    return raw.log_softmax(1), mu, var


def small_choicenet(x, y, x_new):
    net = trained(x, 5, lambda out: losses.mixture_nll(y, *mixture_of(out)).mean())
    return net(x_new)[:, :1]


def robust_loss(x, y, x_new):
    """No mixture at all: a loss that is bounded."""
    net = trained(x, 1, lambda out: (1 - torch.exp(-((y - out) ** 2) / 0.5)).mean())
    return net(x_new).detach().numpy().ravel()


def squared_error(x, y, x_new):
    return trained(x, 1, lambda out: ((y - out) ** 2).mean())(x_new)


RIGHT = {
    "05.0": {"the numbers": NUMBERS, "of numpy": {key: np.float64(value) for key, value in NUMBERS.items()}},
    "05.1": {"without the root": made(), "z the other way round": made(flip=-1.0)},
    "05.2": {"a softmax": posterior, "the gradient": by_gradient},
    "05.3": {"argmax and argmin": shares, "by sorting": by_sorting},
    "05.4": {"on paper": lambda rate, D: (rate * (1 - 1 / D), 1 - rate),
             "from two cases": lambda rate, D: np.array([rate * (D - 1) / D, 1 - rate])},
    "05.5": {"the block in the mean": small_choicenet, "a bounded loss": robust_loss},
}  # fmt: skip
WRONG = {
    "05.0": {"the variance": (NUMBERS | {1: 0.36}, "1: 0.36 is not it: the square"),
             "no own class": (NUMBERS | {2: 0.5}, "may hit its own again"),
             "against the truth": (NUMBERS | {3: 1.0}, "labels as given"),
             "per cent": (NUMBERS | {2: 55}, "a number between 0 and 1"),
             "half done": ({1: 0.6, 2: None, 3: 0.7}, "3: 0.7 is not it: on which"),
             "a text": (NUMBERS | {1: "0.6 or so"}, "got 0.6 or so, wanted a number")},
    "05.1": {"Eq. (5)": (made(outer=None), "this is Eq. (5)"),
             "no mean": (made(mean=False), "the mean at rho"),
             "not centred": (made(centred=False), "as a deviation from mu_w"),
             "not standardised": (made(standard=False), "the correlation with w"),
             "no root": (made(root=lambda value: value), "squared shares add up to 1"),
             "the sign lost": (made(size=abs), "the correlation with w"),
             "double": (lambda *of: 2 * made(mean=False)(*of) + of[2] * of[3], "the deviation"),
             "a number": (lambda *of: 0.5, "one value a draw")},
    "05.2": {"no weights": (lambda *of: posterior(*of, weigh=0.0), "weights pi are missing"),
             "no normaliser": (lambda *of: posterior(*of, wide=0.0), "Sigma is missing"),
             "deviations": (lambda *of: posterior(*of, squared=True), "var the variance"),
             "over the batch": (lambda *of: posterior(*of, dim=0), "the sum of a row"),
             "logarithms": (lambda *of: posterior(*of).log(), "are logarithms, whose"),
             "underflow": (by_dividing, "normalise while they are logarithms"),
             "the first alone": (lambda *of: posterior(*of)[:, 0], "a share of each component")},
    "05.3": {"swapped": (lambda mu, y: shares(mu, y)[::-1], "changed places"),
             "the others": (lambda mu, y: (shares(mu, y)[0], 1 - shares(mu, y)[0]), "there are other classes"),
             "nearest to 0": (lambda mu, y: (shares(mu, y)[0], shares(mu.abs(), y)[1]), "not the one nearest to 0"),
             "counts": (lambda mu, y: [len(y) * share for share in shares(mu, y)], "divide by the number"),
             "one share": (lambda mu, y: shares(mu, y)[0], "wanted 2 numbers"),
             "over the images": (lambda mu, y: (mu.argmax(0) == y, 0), "raised RuntimeError")},
    "05.4": {"another class": (lambda rate, D: (rate, 1 - rate - rate / (D - 1)), "may hit its own again"),
             "swapped": (lambda rate, D: (1 - rate, rate * (1 - 1 / D)), "changed places"),
             "no loss": (lambda rate, D: (0, 1 - rate), "has a loss as well"),
             "one of D": (lambda rate, D: (rate / D, 1 - rate), "what does 1 - p add up to"),
             "the rate": (lambda rate, D: (rate * (1 - 1 / D), rate), "nobody touched"),
             "one number": (lambda rate, D: 1 - rate, "wanted 2 numbers")},
    "05.5": {"a squared error": (squared_error, "it is near the mean of all outputs"),
             "upside down": (lambda *of: -small_choicenet(*of), "it is upside down"),
             "upside down in part": (lambda x, y, x_new: x_new.sign() * small_choicenet(x, y, x_new), "or in part"),
             "not trained": (lambda x, y, x_new: 0 * x_new, "it hardly bends"),
             "of the training set": (lambda x, y, x_new: y, "a value for each of x_new"),
             "not finite": (lambda x, y, x_new: x_new / 0, "not finite")},
}  # fmt: skip

test_right, test_wrong, test_all, test_stub = standard_tests("05", RIGHT, WRONG)


def test_a_warm_up_with_a_number_missing_is_not_done_and_no_number_is_told():
    assert not exercises.check("05.0", NUMBERS | {2: None}).done and not exercises.check("05.0", {}).done
    for question, (right, mistakes, _) in WARM_UP.items():
        for guess in (*mistakes, 0.123):
            said = exercises.check("05.0", {question: guess}).said
            assert f"question {question}" in said.lower() and f"{right:g}" not in said.partition("not it:")[2], said


@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_of_the_fit_is_far_from_both_sides(seed):
    x, y, function = corrupted(np.random.default_rng(seed))
    torch.manual_seed(seed)
    truth, error = torch.from_numpy(function(x.double().numpy())), {}
    for answer in (small_choicenet, robust_loss, squared_error):
        found = torch.as_tensor(answer(x, y, x)).detach().reshape(-1, 1)
        error[answer] = (found - truth).abs().mean().item()
    assert max(error[small_choicenet], error[robust_loss]) < 0.06 and error[squared_error] > 0.17, error
