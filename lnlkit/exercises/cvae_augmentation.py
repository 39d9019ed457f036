"""Exercises of notebook 01."""

import numpy as np

from lnlkit import data, noise
from lnlkit.exercises.asking import NotDone, ask, expect, expect_close
from lnlkit.exercises.checking import exercise

WARM_UP = {  # question: its answer, and the likely mistake of another one
    1: (0.2 / 9, "the 20 % are shared by the other classes alone; give a share, not per cent"),
    2: (143, "take the share of all 1,437 labels, then round down"),
    3: (0.5, "with equal variances only the means differ, and their squared distance is not yet the divergence"),
}


def noisy_classes(rng, n=400, n_classes=5):
    """Labels (n,) of classes that are not equally large, and scores (n, K) whose rows sum to 1."""
    y = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 5.0)))
    return y, rng.dirichlet(np.ones(n_classes), n)


@exercise("01.0", answer="guesses", title="warm-up", minutes=5)
def warm_up(answer, rng):
    """A share, a count and a divergence; the same for every cohort."""
    if answer is None or answer is ... or callable(answer):
        raise NotDone
    expect(isinstance(answer, dict), f"guesses must be a dict with the questions 1, 2, 3, but is "
                                     f"{type(answer).__name__}")  # fmt: skip
    asked = {question: answer.get(question) for question in WARM_UP}
    missing = [question for question, guess in asked.items() if guess is None or guess is ...]
    if len(missing) == len(asked):
        raise NotDone
    for question in asked.keys() - missing:
        wanted, mistake = WARM_UP[question]
        expect(_near(asked[question], wanted), f"question {question}, got {asked[question]!r:.30}: {mistake}")
    expect(not missing, f"no number yet for question {', '.join(map(str, missing))}; the others are right")
    return "all three numbers"


def _near(guess, wanted, tol=1e-3):
    try:
        return not isinstance(guess, bool) and abs(float(guess) - wanted) < tol
    except (TypeError, ValueError):
        return False


@exercise("01.1", answer="flip_hardest_per_class", title="fair shares", minutes=10)
def fair_shares(answer, rng):
    """In each class the floor(p n_k) images of largest score get their candidate."""
    y, S = noisy_classes(rng)
    rate = round(float(rng.uniform(0.2, 0.5)), 2)
    y_noisy = np.asarray(ask(answer, y, S, rate))
    expect(y_noisy.shape == y.shape, f"got {y_noisy.shape}, wanted {y.shape}: one label an image")
    candidate, score = noise.mislabelling_scores(S, y)
    for k in np.unique(y):
        flipped, of = (y_noisy != y)[y == k], score[y == k]
        wanted = int(np.floor(rate * len(of) + 1e-9))
        expect(flipped.sum() == wanted, f"class {k} has {flipped.sum()} flips, wanted {wanted}: floor(p n_k) of each "
                                        "class, and not of the whole set")  # fmt: skip
        expect(of[flipped].min() >= of[~flipped].max(), f"in class {k} an easier image was flipped than one that kept "
                                                        "its label: take those of largest score")  # fmt: skip
    expect((y_noisy[y_noisy != y] == candidate[y_noisy != y]).all(), "a flip must go to the image's own candidate")
    whole = np.bincount(noise.flip_hardest(y, S, rate), minlength=S.shape[1])
    return f"images per label, whole set {whole}, per class {np.bincount(y_noisy, minlength=S.shape[1])}"


@exercise("01.2", answer="label_purity", title="purity from the transition matrix", minutes=10)
def purity(answer, rng):
    """P(y = c | noisy label = c) by Bayes' rule."""
    y, S = noisy_classes(rng)
    labels = noise.flip_hardest(y, S, 0.4)
    T, sizes = noise.measured_T(y, labels, S.shape[1]), np.bincount(y, minlength=S.shape[1])
    found = ask(answer, T, sizes)
    counted = np.array([np.mean(y[labels == k] == k) for k in range(S.shape[1])])
    expect(np.shape(found) != counted.shape or not np.allclose(found, np.diag(T)),
           "got P(noisy = c | clean = c), the diagonal: it is asked the other way round, given the noisy label")
    expect_close(found, counted, "of all that carry the label c, sum_k n_k T_kc, the share n_c T_cc is right", tol=1e-6)
    return f"purity {100 * counted.min():.0f} to {100 * counted.max():.0f} %"


@exercise("01.3", answer="reported_accuracy", title="the number in the table", minutes=5)
def number_in_the_table(answer, rng):
    """Clean test accuracy at the first epoch of the best noisy validation accuracy."""
    val, test = rng.permutation(np.linspace(0.5, 0.8, 12)), rng.permutation(np.linspace(0.6, 0.95, 12))
    first, second = np.sort(rng.choice(np.arange(1, 11), 2, replace=False))
    val[[first, second]] = 0.85  # two epochs tie, the last one is neither of them
    test[test.argmax()], test[0] = test[0], 0.99  # best of all at an epoch that validation does not choose
    found = _scalar(ask(answer, val, test), "one accuracy")
    for value, mistake in ((test.max(), "the best epoch on the test set: no choice may look at it"),
                           (test[-1], "that is the last epoch, whatever validation says"),
                           (val.max(), "that is the validation accuracy, measured on noisy labels"),
                           (test[second], "of epochs that tie, take the first")):  # fmt: skip
        expect(abs(found - value) > 1e-9, f"got {found:.3f}, wanted {test[first]:.3f}: {mistake}")
    expect_close(found, test[first], "the test accuracy of that epoch in which noisy validation is best", tol=1e-6)
    return f"with the test set as judge it would be {100 * (test.max() - found):.0f} points more, and mean nothing"


def _scalar(value, what):
    value = np.asarray(value, float)
    expect(value.ndim == 0 or value.shape == (1,), f"got shape {value.shape}, wanted {what}")
    expect(np.isfinite(value).all(), f"got {value}, wanted {what}")
    return float(value.reshape(-1)[0])


@exercise("01.4", answer="same_matrix_twin", title="a twin with the same matrix", minutes=10)
def twin(answer, rng):
    """Noisy labels shuffled within each clean class: the same counts, other images."""
    y, S = noisy_classes(rng, 2000)
    labels, K = noise.flip_hardest(y, S, 0.4), S.shape[1]
    draws = [np.random.default_rng(seed) for seed in rng.integers(2**31, size=2)]
    first, second = (np.asarray(ask(answer, y, labels, draw)) for draw in draws)
    expect(first.shape == y.shape, f"got {first.shape}, wanted {y.shape}: one label an image")
    expect(np.isin(first, range(K)).all(), "a label is none of the classes")
    T, found = noise.measured_T(y, labels, K), noise.measured_T(y, first.astype(int), K)
    near = np.abs(T - found).max() < 0.2
    expect_close(found, T, "not exactly the same matrix, " + (
        "as where labels are drawn from its rows: hand on the labels that are there" if near
        else "labels went from one clean class to another: stay inside each"), tol=1e-9)  # fmt: skip
    expect((first != labels).any(), "no label has changed: the same images are wrong, which is not chance")
    wrong, before = first != y, labels != y
    share = [np.mean(wrong[before]), sum(wrong[y == k].mean() * before[y == k].sum() for k in range(K)) / before.sum()]
    expect(abs(share[0] - share[1]) < 0.1, f"of the images wrong before {share[0]:.0%} are wrong again, by chance "
                                           f"{share[1]:.0%}: nothing of the image may count")  # fmt: skip
    expect((first != second).any(), "another rng gave the same labels: draw from the one given")
    return f"of the images wrong before {share[0]:.0%} are wrong again, as chance has it"


@exercise("01.5", answer="log_likelihood", title="a tighter bound", minutes=10)
def tighter_bound(answer, rng):
    """log of the mean weight over the codes of an image, by log-sum-exp."""
    import torch

    for m, B in ((9, 9), (1, 4), (50, 7)):
        log_w = torch.tensor(rng.normal(-120, 1.5, (m, B)) - rng.exponential(2, (1, B)), dtype=torch.float32)
        exact = log_w.double().numpy()
        wanted = np.logaddexp.reduce(exact, 0) - np.log(m)
        found = ask(answer, log_w)
        found = np.asarray(found.detach() if hasattr(found, "detach") else found, float)
        expect(found.shape == wanted.shape, f"got shape {found.shape}, wanted {wanted.shape}: one number an image, "
                                            "from all of its codes")  # fmt: skip
        expect(np.isfinite(found).all(), "got an infinity: exp(-120) is 0 in float32; take the largest log weight out "
                                         "of the sum, as torch.logsumexp does")  # fmt: skip
        others = {"the mean of the logs, which is Eq. (2) again: take the log of the mean": exact.mean(0),
                  "the sum over the codes: their mean is asked, so log m less": wanted + np.log(m),
                  "the codes of other images: the mean goes over dim 0": np.logaddexp.reduce(exact, 1) - np.log(m)}
        for mistake, other in others.items():
            same = other.shape == found.shape and np.allclose(found, other, atol=1e-3, rtol=0)
            expect(m == 1 or not same, f"got {found[0]:.2f}, wanted {wanted[0]:.2f}: {mistake}")
        expect_close(found, wanted, "log of (1/m) sum over the codes of exp(log_w), each image by itself", tol=1e-5)
    return f"with 50 codes the bound rises by {(wanted - exact.mean(0)).mean():.1f} nats over Eq. (2) on this data"


@exercise("01.6", answer="draw_balanced", title="a balanced generator", minutes=15)
def balanced_generator(answer, rng, n_classes=5, n_each=40):
    """Images of a CVAE trained on small digits: each class equally often, and seen in four of five images."""
    import torch

    x, y, judge = _digits(rng, n_classes)
    images = torch.tensor(x[:, None] / 16, dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**31)))
        found = ask(answer, images, torch.tensor(y), n_classes, n_each)
    drawn, labels = _images_and_labels(found, (n_classes * n_each, 1, 8, 8))
    _new_and_balanced(drawn, labels, images.numpy(), n_classes, n_each)
    seen = judge.predict(drawn.reshape(len(drawn), -1))
    fidelity, place = np.mean(seen == labels), np.arange(len(seen))
    ordered = max(np.mean(seen == place % n_classes), np.mean(seen == place // n_each)) > 0.8
    expect(fidelity > 0.8 or not ordered, f"{fidelity:.0%} show the class asked for, though every class is "
                                          "there: images and labels are not in the same order")  # fmt: skip
    expect(fidelity > 0.8, f"{fidelity:.0%} of the images show the class asked for, wanted 80 %: is the label on both "
                           "sides, the KL divergence in the loss, the training long enough?")  # fmt: skip
    return f"a judge sees the class asked for in {100 * fidelity:.0f} % of the images"


def _new_and_balanced(drawn, labels, known, n_classes, n_each):
    """Raises Mistake unless the images are in [0, 1], as many of each class, new ones, and not all the same."""
    counts = np.bincount(labels, minlength=n_classes)
    expect((counts == n_each).all(), f"got {counts} images a class, wanted {n_each} of each: ask for every class "
                                     "equally often, whatever its share of the set")  # fmt: skip
    expect(np.isfinite(drawn).all(), "some pixels are no finite numbers: a smaller learning rate?")
    low, high = drawn.min(), drawn.max()
    expect(low > -1e-5 and high < 1 + 1e-5, f"pixels from {low:.1f} to {high:.1f}, wanted 0 to 1: the decoder gives "
                                            "logits, a sigmoid is missing")  # fmt: skip
    near = [np.abs(known - each).max(axis=(1, 2, 3)).min() < 1e-3 for each in drawn]
    expect(np.mean(near) < 0.5, "these are images of the training set: draw new ones from codes z")
    spread = min(np.ptp(drawn[labels == k], axis=0).max() for k in range(n_classes))
    expect(spread > 1e-4, "all images of a class are the same: draw a code z of its own for each")


def _digits(rng, n_classes):
    """Digits (n, 8, 8) from 0 to 16 of classes not equally large, 10 % of the labels wrong, and a judge of images."""
    from sklearn.svm import SVC

    of = data.load("digits")
    classes = np.sort(rng.choice(of.n_classes, n_classes, replace=False))
    x, y = np.concatenate([of.x_train, of.x_test]), np.concatenate([of.y_train, of.y_test])
    x, y = x[np.isin(y, classes)].astype(float), np.searchsorted(classes, y[np.isin(y, classes)])
    x *= 16 / x.max()
    judge = SVC().fit(x.reshape(len(x), -1) / 16, y)
    sizes = rng.permutation(np.linspace(80, 160, n_classes).astype(int))
    kept = np.concatenate([rng.choice(np.flatnonzero(y == k), size, replace=False) for k, size in enumerate(sizes)])
    return x[kept], noise.corrupt(y[kept], noise.symmetric(n_classes, 0.1), rng, exact=True), judge


def _images_and_labels(found, shape):
    expect(isinstance(found, (tuple, list)) and len(found) == 2, "return two things, the images and their labels")
    drawn, labels = (np.asarray(each.detach().cpu() if hasattr(each, "detach") else each) for each in found)
    expect(drawn.shape == shape, f"got images {drawn.shape}, wanted {shape}")
    expect(labels.shape == shape[:1] and np.issubdtype(labels.dtype, np.integer) and labels.min() >= 0,
           f"got labels {labels.shape} of {labels.dtype}, wanted the whole numbers of {shape[0]} classes")
    return drawn.astype(float), labels
