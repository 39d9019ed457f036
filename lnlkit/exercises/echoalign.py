"""Exercises of notebook 04."""

import numpy as np

from lnlkit import data, noise
from lnlkit.exercises.asking import Mistake, NotDone, ask, expect, expect_close
from lnlkit.exercises.checking import exercise

# ---- the warm-up: numbers, so nothing is asked of a function


@exercise("04.0", answer="guesses", title="warm-up: three numbers", minutes=5)
def warm_up(answer, rng):
    """Purity 480 / 500; 480 + 0.9 * 500 pairs that fit; a cosine of 1. Each missing number leaves it undone."""
    if answer is None or answer is ... or callable(answer):
        raise NotDone
    expect(isinstance(answer, dict) and set(answer) == {1, 2, 3}, "guesses must be {1: ..., 2: ..., 3: ...}")
    for question, guess in answer.items():
        if guess is not None and guess is not ...:
            _of_warm_up(question, guess)
    if any(guess is None or guess is ... for guess in answer.values()):
        raise NotDone
    return "and nobody needed to know which labels were wrong"


ASKED = {  # question: the number, what is said of any other, and of those that a likely mistake leads to
    1: (0.96, "of those that it keeps, which share is right?", {
        0.48: "of the images that it keeps, not of all", 96: "give it as a share, from 0 to 1",
        0.5: "that is the share that it keeps", 480 / 700: "that is the share of all right labels that it keeps"}),
    2: (930, "add what is right among both halves", {
        950: "not all of the originals that it keeps have right labels",
        980: "not all replaced images show their labels", 450: "and those that it keeps?",
        0.93: "how many, not which share"}),
    3: (1, "what does Eq. (1) do with the lengths?", {
        3: "it divides by both lengths", 1 / 3: "it divides by both lengths", 0: "that is a right angle"}),
}  # fmt: skip


def _of_warm_up(question, guess):
    """Raises Mistake unless the guess is right, with the mistake that it looks like."""
    wanted, said, likely = ASKED[question]
    try:
        guess = float(guess)
    except (TypeError, ValueError):
        raise Mistake(f"question {question}: got {guess!r}, wanted a number") from None
    if not abs(guess - wanted) < 2e-3 * wanted:
        said = next((why for number, why in likely.items() if abs(guess - number) < 2e-3 * max(number, 0.5)), said)
        raise Mistake(f"question {question}: {guess:g} is not right: {said}")


# ---- selection


def sorted_by_chance(rng, n):
    """Similarities (n,) without ties, in no order, and flags (n,): the second most similar one is wrong."""
    s = rng.permutation(np.linspace(0.2, 0.99, n) + rng.uniform(0, 0.3 / n, n))
    order = np.argsort(-s)
    right = np.empty(n, bool)
    right[order] = rng.random(n) < np.linspace(1.0, 0.3, n)
    right[order[:6]] = True, False, True, True, True, True
    return s, right


@exercise("04.1", answer="largest_kept", title="the most one can keep", minutes=10)
def the_most_one_can_keep(answer, rng):
    """The last place at which the share of right ones reaches the purity, by a slow loop."""
    for n, purity in ((30, 0.793), (50, 0.683), (200, 0.813)):
        s, right = sorted_by_chance(rng, n)
        order = sorted(range(n), key=lambda i: -s[i])  # noqa: B023
        enough = [k for k in range(1, n + 1) if sum(right[i] for i in order[:k]) > purity * k]
        got = ask(answer, s, right, purity)
        expect(np.ndim(got) == 0, f"got {type(got).__name__} of shape {np.shape(got)}, wanted one number")
        expect(got != 1, "got 1: that is where the purity is first missed, but further down it is reached again")
        expect(got != enough[-1] - 1, f"got {got}, one less than wanted: places are counted from 0")
        expect(not 0 < got < 1, f"got {got:.2f}: how many, not which share")
        expect(got != sum(right[i] for i in order[: enough[-1]]), f"got {got}, the right ones: count all that are kept")
        expect_close(got, enough[-1], "sort by similarity, the largest first; then the last place that reaches the "
                                      "purity", tol=0)  # fmt: skip
    expect_close(ask(answer, np.array([0.6, 0.9, 0.8, 0.7]), np.array([True, True, False, True]), 0.75), 4,
                 "3 right ones of 4 are a purity of 0.75, and that is enough", tol=0)  # fmt: skip
    none = np.array([False, True, False, False])
    expect_close(ask(answer, np.array([0.9, 0.8, 0.7, 0.6]), none, 0.75), 0,
                 "where nothing reaches the purity, nothing is kept", tol=0)  # fmt: skip
    return f"{got} of {n} can be kept so that {100 * purity:.1f} % of them are right, of all {100 * right.mean():.0f} %"


@exercise("04.2", answer="group_weights", title="groups of equal weight", minutes=5)
def groups_of_equal_weight(answer, rng):
    """Equal weights inside a group, equal sums of both, N in all."""
    import torch

    for n in (4, 30, 101):
        flags = np.arange(n) < max(1, round(n * rng.uniform(0.55, 0.8)))
        flags = rng.permutation(flags)
        weights = ask(answer, torch.from_numpy(flags))
        expect_close(np.shape(weights), (n,), "one weight an example", tol=0)
        weights = np.asarray(weights, float)
        sums = weights[flags].sum(), weights[~flags].sum()
        expect_close(sums[0], sums[1], "modified images and originals must weigh the same in all, so the weight of "
                                       "each shrinks with the size of its group")  # fmt: skip
        expect(np.ptp(weights[flags]) + np.ptp(weights[~flags]) < 1e-4, "inside a group all must weigh the same")
        expect_close(sum(sums), n, f"the sum of all weights must be N = {n}, so N / 2 for each group", tol=1e-3)
    return f"{flags.sum()} modified images weigh {weights[flags][0]:.2f} each, {(~flags).sum()} originals " \
           f"{weights[~flags][0]:.2f}"  # fmt: skip


# ---- the theorem, and what it leaves out


@exercise("04.3", answer="transformation", title="break the theorem yourself", minutes=10)
def break_the_theorem(answer, rng):
    """More information about the noisy label than X has, and no image of X."""
    from sklearn.metrics import mutual_info_score

    Y = rng.integers(0, 10, 5000)
    Y_noisy = noise.corrupt(Y, noise.symmetric(10, round(float(rng.uniform(0.3, 0.5)), 2)), rng)
    X = rng.permutation(30)[3 * Y + rng.integers(0, 3, len(Y))]  # another numbering of the images
    made = np.asarray(ask(answer, X, Y_noisy))
    expect(made.shape == X.shape, f"got shape {made.shape}, wanted {X.shape}: an image for each")
    expect(np.issubdtype(made.dtype, np.number) and (made == np.round(made)).all(), "images are whole numbers here")
    before, after = (mutual_info_score(of, Y_noisy) for of in (X, made))
    common = len(np.intersect1d(made, X))
    expect(after > 1e-3, "it tells nothing of the noisy label (I = 0): what decides must be Y_noisy")
    expect(after > before + 1e-3, f"it must tell more of the noisy label than X, but I = {before:.2f} before and "
                                  f"{after:.2f} now: a new name for each image is not enough")  # fmt: skip
    expect(not common, f"{common} of its images occur in X, so there a classifier has seen them: move all away")
    return f"I = {before:.2f} nats before, {after:.2f} now, and not one image that occurs in X"


@exercise("04.4", answer="preview", title="where it is heading", minutes=5)
def where_it_is_heading(answer, rng):
    """x_t and what is left of the time at the guided velocity: the image itself on the straight way."""
    import torch

    x, noise, free, led = torch.from_numpy(rng.standard_normal((4, 3, 1, 4, 4))).float()
    t, g = round(float(rng.uniform(0.15, 0.4)), 2), round(float(rng.uniform(1.5, 4)), 1)
    x_t = (1 - t) * noise + t * x
    straight = ask(answer, x_t, t, x - noise, x - noise, g)
    for image, said in ((x_t + x - noise, "it goes for the whole time, but at t only a part is left"),
                        (x_t + t * (x - noise), "it goes for the time t, which is behind it"),
                        (noise, "it arrives at the noise: that is the way back")):  # fmt: skip
        expect(not _near(straight, image), f"on the straight way at t = {t:g} {said}")
    expect_close(straight, x, "on the straight way, whose velocity is x - noise, it must arrive at x", tol=1e-3)
    plain, unled = (ask(answer, x_t, t, free, led, of) for of in (1.0, 0.0))
    expect(not (_near(plain, x_t + (1 - t) * free) and _near(unled, x_t + (1 - t) * led)),
           "g = 1 must follow the velocity with the label, g = 0 the one without: it is the other way round")
    expect_close(plain, x_t + (1 - t) * led, "with g = 1 it must follow the velocity with the label", tol=1e-3)
    expect_close(unled, x_t + (1 - t) * free, "with g = 0 it must follow the velocity without a label", tol=1e-3)
    expect_close(ask(answer, x_t, t, free, led, g), x_t + (1 - t) * (free + g * (led - free)),
                 f"with g = {g:g} it must go beyond the velocity with the label", tol=1e-3)  # fmt: skip
    return "on the straight way it sees the image from any t; a net's velocity bends, so one step is not enough"


def _near(got, wanted):
    return np.shape(got) == tuple(wanted.shape) and np.allclose(np.asarray(got, float), wanted, atol=1e-3)


@exercise("04.5", answer="shift_of_means", title="a test for a shift", minutes=10)
def a_test_for_a_shift(answer, rng):
    """Nothing for the same features, no units, the largest dimension, down as well as up."""
    import torch

    z = torch.from_numpy(rng.standard_normal((500, 4))).float()
    expect_close(ask(answer, z, z), 0, "the same features have no shift", tol=1e-3)
    place, by = int(rng.integers(4)), float(rng.uniform(1.5, 2.5))
    moved = z.clone()
    moved[:, place] += by
    scale = torch.ones(4)
    scale[place] = 50.0
    spread = torch.cat([z, moved])[:, place].std().item()
    once, in_units = ask(answer, z, moved), ask(answer, z * scale, moved * scale)
    expect(np.ndim(once) == 0, f"got shape {np.shape(once)}, wanted one number: the largest of all dimensions")
    once, in_units = float(once), float(in_units)
    expect(abs(once - in_units) < 0.02, f"units must not matter, but {once:.2f} becomes {in_units:.2f} where a "
                                        "dimension is 50 times as large: divide by its standard deviation")  # fmt: skip
    expect(abs(once - by / z[:, place].std().item()) > 0.02, f"got {once:.2f}, with the spread of one group: take "
                                                             "that of both together")  # fmt: skip
    expect(abs(once - by / spread / 4) > 0.02, f"got {once:.2f}, the mean over the dimensions: take the largest")
    expect_close(once, by / spread, "|difference of means| / standard deviation of both groups together", tol=0.01)
    expect_close(float(ask(answer, moved, z)), by / spread, "a mean that moves down is a shift, too: take the absolute "
                                                            "difference", tol=0.01)  # fmt: skip
    return f"{once:.2f} standard deviations for means that are {by:.2f} apart"


# ---- Algorithm 1, trained

ENOUGH = 0.75  # of the test images; usual classifiers get 0.82 and more from the refined set, 0.55 from any other


def _wrong_label(y):
    """The next class of the three that it belongs with."""
    return y // 3 * 3 + (y + 1) % 3


def refined_digits(rng, n_test=200):
    """Digits of six classes, for which both parts of the method are needed.

    Of the first three classes, `known`, each label is wrong; the generator draws them as they are. Of the others half
    of the labels are right; it draws them in another style. Similarities are above 0.7 where the label is right.
    Returns x, x_modified (N, 64) in [0, 1], y, S, x_test, y_test, known (6,) bool.
    """
    digits = data.load("digits")
    x_train, x_test = (x.reshape(len(x), -1) / 255 for x in (digits.x_train, digits.x_test))
    chosen, known = rng.permutation(10)[:6], np.arange(6) < 3
    of = [x_train[rng.permutation(np.flatnonzero(digits.y_train == c))] for c in chosen]
    x, y_clean = np.concatenate([images[:90] for images in of]), np.repeat(np.arange(6), 90)
    wrong = known[y_clean] | (rng.random(len(x)) < 0.5)
    y = np.where(wrong, _wrong_label(y_clean), y_clean)
    copies = np.stack([of[k][90 + rng.integers(len(of[k]) - 90)] for k in y])  # of what the generator has learned from
    copies = np.where(known[y][:, None], copies, copies[:, rng.permutation(64)])
    S = np.where(wrong, rng.uniform(0.2, 0.68, len(x)), rng.uniform(0.72, 0.99, len(x)))
    order, test = rng.permutation(len(x)), np.flatnonzero(np.isin(digits.y_test, chosen))[:n_test]
    y_test = np.argsort(chosen)[np.searchsorted(np.sort(chosen), digits.y_test[test])]
    return x[order], copies[order], y[order], S[order], x_test[test], y_test, known


@exercise("04.6", answer="learn", title="Algorithm 1, trained", minutes=20)
def algorithm_1_trained(answer, rng):
    """Any sound training on the refined set is right for nearly all test images, on any part of it for half of them."""
    x, x_modified, y, S, x_test, y_test, known = refined_digits(rng)
    found = np.asarray(ask(answer, x, x_modified, y, S, 0.7, x_test))
    expect(found.shape == y_test.shape, f"got shape {found.shape}, wanted {y_test.shape}: a label for each test image, "
                                        "and no scores")  # fmt: skip
    right, of_known = found == y_test, known[y_test]
    if right.mean() < ENOUGH:
        got = f"{100 * right.mean():.0f} % of the test images are right, {100 * ENOUGH:.0f} % wanted: "
        raise Mistake(got + _likely_of(right, of_known, np.mean(found[of_known] == _wrong_label(y_test[of_known]))))
    text = f"{100 * right.mean():.0f} % of the test images are right"
    try:
        alone = [np.asarray(ask(answer, x, x_modified, y, S, tau, x_test)) == y_test for tau in (-1.0, 2.0)]
    except (Mistake, NotDone):  # nothing is asked of it there
        return text
    return text + "; all originals alone {:.0f} %, all copies alone {:.0f} %".format(*(100 * of.mean() for of in alone))


def _likely_of(right, of_known, wrong_labels):
    """The mistake of a training that failed, from who is right: classes without a right label, or the others."""
    if wrong_labels > 0.4:
        return "it has learned the wrong labels; where S < threshold the copy goes in, and the original must not stay"
    if right[~of_known].mean() > 0.75 and right[of_known].mean() < 0.5:
        return "some classes it never says; no original of them has a right label, so the copies must go in"
    if right[of_known].mean() > 0.75 and right[~of_known].mean() < 0.5:
        return "it does not know the originals; those with S >= threshold must stay, since copies look otherwise"
    return "are images and labels in the same order, and does it train for long enough?"
