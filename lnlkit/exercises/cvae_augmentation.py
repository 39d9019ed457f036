"""Exercises of notebook 01."""

import numpy as np

from lnlkit import noise
from lnlkit.exercises.asking import ask, expect, expect_close
from lnlkit.exercises.checking import exercise


def noisy_classes(rng, n=400, n_classes=5):
    """Labels (n,) of classes that are not equally large, and scores (n, K) whose rows sum to 1."""
    y = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 5.0)))
    return y, rng.dirichlet(np.ones(n_classes), n)


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
