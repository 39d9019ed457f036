"""Exercises of notebook 04: right answers, and mistakes that are told by name."""

import numpy as np
import pytest
import torch
from exercise_cases import standard_tests
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from lnlkit import exercises
from lnlkit.exercises.echoalign import refined_digits
from lnlkit.methods.echo_quality import kept_at
from lnlkit.methods.echoalign import GroupWeightedCE

# ---- 04.0 ----

NUMBERS = {1: 480 / 500, 2: 480 + 0.9 * 500, 3: 1.0}


def but(question, guess):
    return NUMBERS | {question: guess}


# ---- 04.1 ----


def ranked(s, right):
    return np.asarray(right)[np.argsort(-s)]


def by_cumulative_sum(s, right, purity):
    shares = np.cumsum(ranked(s, right)) / np.arange(1, len(s) + 1)
    return int((np.flatnonzero(shares >= purity) + 1).max(initial=0))


def from_the_back(s, right, purity):
    of = ranked(s, right)
    while len(of) and of.mean() < purity:
        of = of[:-1]
    return len(of)


def until_the_first_failure(s, right, purity):
    for n, share in enumerate(np.cumsum(ranked(s, right)) / np.arange(1, len(s) + 1)):
        if share < purity:
            return n
    return len(s)


def more_than(s, right, purity):
    return by_cumulative_sum(s, right, purity + 1e-9)


# ---- 04.2 ----


def halves(flags):
    n, m = len(flags), flags.sum()
    return torch.where(flags, n / (2 * m), n / (2 * (n - m)))


def one_by_one(flags):
    flags = flags.tolist()
    return [len(flags) / 2 / flags.count(flag) for flag in flags]


def other_group(flags):
    share = flags.float().mean()
    return torch.where(flags, 2 * share, 2 * (1 - share))


# ---- 04.4 ----


def preview(x, t, free, led, g):
    return x + (1 - t) * (free + g * (led - free))


def in_small_steps(x, t, free, led, g):
    for _ in range(10):
        x = x + (1 - t) / 10 * ((1 - g) * free + g * led)
    return x


# ---- 04.5 ----


def shift(z, moved, spread=lambda z, moved: torch.cat([z, moved]).std(0), sign=torch.abs, of=torch.max):
    return of(sign(moved.mean(0) - z.mean(0)) / spread(z, moved)).item()


def with_numpy(z, moved):
    both = np.concatenate([z, moved])
    return np.max(np.abs(np.mean(moved.numpy(), 0) - np.mean(z.numpy(), 0)) / both.std(0))


# ---- 04.6 ----


def linear():
    return LogisticRegression(max_iter=1000)


def on(make_set, model=linear):
    """Trains on the set that is made of x, x', y and what is kept."""

    def learn(x, x_modified, y, S, threshold, x_test):
        images, labels = make_set(x, x_modified, y, threshold <= S)
        return model().fit(images, labels).predict(x_test)

    return learn


def refined(x, x_modified, y, kept):
    return np.where(kept[:, None], x, x_modified), y


def in_two_parts(x, x_modified, y, kept):
    return np.concatenate([x[kept], x_modified[~kept]]), np.concatenate([y[kept], y[~kept]])


def with_torch(x, x_modified, y, S, threshold, x_test):
    torch.manual_seed(0)
    images, labels = torch.as_tensor(np.where((threshold <= S)[:, None], x, x_modified)).float(), torch.as_tensor(y)
    net = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 6))
    adam = torch.optim.Adam(net.parameters(), 0.005)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(net(images), labels)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return net(torch.as_tensor(x_test).float()).argmax(1)


RIGHT = {
    "04.0": {"numbers": NUMBERS, "in words of Python": but(3, np.float32(1))},
    "04.1": {"a cumulative sum": by_cumulative_sum, "from the back": from_the_back,
             "the package's": lambda s, right, purity: round(len(s) * kept_of(s, right, purity))},
    "04.2": {"halves": halves, "one by one": one_by_one},
    "04.3": {"another domain, one a label": lambda X, Y_noisy: 100 + Y_noisy,
             "below zero, with the image in it": lambda X, Y_noisy: -1 - (30 * Y_noisy + X)},
    "04.4": {"what is left of the time": preview, "many small steps": in_small_steps},
    "04.5": {"torch": shift, "NumPy, divided by N": with_numpy},
    "04.6": {"logistic regression": on(refined), "in two parts": on(in_two_parts),
             "neighbours": on(refined, KNeighborsClassifier), "a network": with_torch},
}  # fmt: skip
WRONG = {
    "04.0": {"kept ones that are right, of all": (but(1, 0.48), "Question 1: 0.48 is not right: of the"),
             "recall": (but(1, 480 / 700), "share of all right labels"), "per cent": (but(1, 96), "as a share"),
             "all that is kept": (but(2, 950), "Question 2: 950 is not right: not all of the originals"),
             "all that is replaced": (but(2, 980), "not all replaced images"),
             "a share": (but(2, 0.93), "how many"), "length matters": (but(3, 3), "divides by both lengths"),
             "one of three": ({1: 0.5, 2: None, 3: None}, "Question 1"), "a word": (but(2, "many"), "wanted a number"),
             "a list": ([0.96, 930, 1], "Guesses must be")},
    "04.1": {"until the first failure": (until_the_first_failure, "Got 1: that is where"),
             "not sorted": (lambda s, right, purity: by_cumulative_sum(-np.arange(len(s)), right, purity), "sort by"),
             "the least similar first": (lambda s, right, purity: by_cumulative_sum(-s, right, purity), "sort by"),
             "more than the purity": (more_than, "3 right ones of 4"),
             "one less": (lambda s, right, purity: by_cumulative_sum(s, right, purity) - (len(s) > 8), "from 0"),
             "right ones": (lambda s, right, purity: int(ranked(s, right)[: by_cumulative_sum(s, right, purity)].sum())
                            if len(s) > 8 else by_cumulative_sum(s, right, purity), "the right ones"),
             "all where nothing will do": (lambda s, right, purity: by_cumulative_sum(s, right, purity) or len(s),
                                           "nothing is kept")},
    "04.2": {"sum 1": (lambda flags: halves(flags) / len(flags), "must be N"),
             "N for each group": (lambda flags: 2 * halves(flags), "N / 2 for each group"),
             "the package's, whose sum is another": (lambda flags: GroupWeightedCE(flags).weights, "must be N"),
             "all ones": (lambda flags: torch.ones(len(flags)), "must weigh the same"),
             "shares of the other group": (other_group, "must weigh the same"),
             "one for all of a group": (lambda flags: torch.ones(2), "one weight an example"),
             "one example for its group": (lambda flags: halves(flags) * (1 + (torch.arange(len(flags)) % 2) - (
                 torch.arange(len(flags)) % 2).float().mean()), "same")},
    "04.3": {"grey": (lambda X, Y_noisy: np.full_like(X, 99), "I = 0"),
             "prototypes out of X": (lambda X, Y_noisy: 3 * Y_noisy, "occur in X"),
             "X, moved": (lambda X, Y_noisy: X + 100, "a new name for each image"),
             "at random": (lambda X, Y_noisy: 100 + np.random.default_rng(0).permutation(Y_noisy), "more"),
             "one for each label": (lambda X, Y_noisy: 100 + np.arange(10), "an image for each"),
             "some moved": (lambda X, Y_noisy: np.where(Y_noisy > 4, 100 + Y_noisy, Y_noisy), "occur in X")},
    "04.4": {"the whole time": (lambda x, t, free, led, g: preview(x, 0.0, free, led, g), "for the whole time"),
             "the time behind it": (lambda x, t, free, led, g: preview(x, 1 - t, free, led, g), "the time t"),
             "to the noise": (lambda x, t, free, led, g: x - t * (free + g * (led - free)), "the way back"),
             "the other way round": (lambda x, t, free, led, g: preview(x, t, led, free, g), "other way round"),
             "no guidance": (lambda x, t, free, led, g: x + (1 - t) * led, "the velocity without a label"),
             "never beyond": (lambda x, t, free, led, g: preview(x, t, free, led, min(g, 1.0)), "must go beyond"),
             "one further": (lambda x, t, free, led, g: preview(x, t, free, led, g + 1), "with g = 1"),
             "added, no difference": (lambda x, t, free, led, g: x + (1 - t) * (free + g * led), "must arrive at x")},
    "04.5": {"no division": (lambda z, moved: shift(z, moved, lambda z, moved: 1.0), "Units must not matter"),
             "by the originals' spread": (lambda z, moved: shift(z, moved, lambda z, moved: z.std(0)), "one group"),
             "with the sign": (lambda z, moved: shift(z, moved, sign=lambda d: d), "moves down"),
             "the mean": (lambda z, moved: shift(z, moved, of=torch.mean), "take the largest"),
             "by the variance": (lambda z, moved: shift(z, moved, lambda z, moved: torch.cat([z, moved]).var(0)),
                                 "Units must not matter"),
             "all dimensions": (lambda z, moved: (moved.mean(0) - z.mean(0)).abs(), "wanted ()")},
    "04.6": {"the noisy labels": (on(lambda x, m, y, kept: (x, y)), "learned the wrong labels"),
             "the wrong way round": (on(lambda x, m, y, kept: refined(x, m, y, ~kept)), "learned the wrong labels"),
             "nothing left out": (on(lambda x, m, y, kept: (np.concatenate([x, m]), np.tile(y, 2))), "must not stay"),
             "copies alone": (on(lambda x, m, y, kept: (m, y)), "does not know the originals"),
             "originals that stay alone": (on(lambda x, m, y, kept: (x[kept], y[kept])), "the copies must go in"),
             "labels in another order": (on(lambda x, m, y, kept: (in_two_parts(x, m, y, kept)[0], y)), "same order"),
             "untrained": (lambda x, m, y, S, tau, x_test: np.full(len(x_test), 3), "long enough"),
             "scores": (lambda x, m, y, S, tau, x_test: linear().fit(m, y).predict_proba(x_test),
                        "a label for each")},
}  # fmt: skip


def kept_of(s, right, purity):
    """`kept_at`, of the package, at this purity."""
    from unittest import mock

    with mock.patch("lnlkit.methods.echo_quality.PURITIES", (purity,)):
        return next(iter(kept_at(s, right).values()))


test_right, test_wrong, test_all, test_stub = standard_tests("04", RIGHT, WRONG)


@pytest.mark.parametrize("guesses", [{1: None, 2: None, 3: None}, {1: 0.96, 2: None, 3: None}, but(3, ...)])
def test_a_missing_number_leaves_the_warm_up_undone(guesses):
    assert not exercises.check("04.0", guesses).done


@pytest.mark.parametrize("wrong", WRONG["04.0"])
def test_the_warm_up_never_tells_a_number(wrong):
    _, _, told = exercises.check("04.0", WRONG["04.0"][wrong][0]).said.rpartition("right: ")
    assert not any(number in told for number in ("0.96", "930", "1.0", "cosine"))


def test_the_set_of_the_last_exercise_needs_both_parts():
    x, copies, y, S, x_test, y_test, known = refined_digits(np.random.default_rng(3))
    assert len(x) == len(copies) == len(y) == len(S) == 540 and set(y) == set(y_test) == set(range(6))
    kept = S >= 0.7
    assert not known[y[kept]].any() and 0.2 < kept.mean() < 0.3
    assert x.min() == copies.min() == 0 and x.max() == copies.max() == 1


def test_a_right_training_that_cannot_do_without_both_kinds_is_right():
    """The closing remark asks it for all originals and for all copies, which is not part of the exercise."""

    def learn(x, x_modified, y, S, threshold, x_test):
        assert 0 < (threshold <= S).sum() < len(S)
        return on(refined)(x, x_modified, y, S, threshold, x_test)

    outcome = exercises.check("04.6", learn)
    assert outcome.right and "alone" not in outcome.said
    assert "all copies alone" in exercises.check("04.6", on(refined)).said
