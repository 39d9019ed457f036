"""Clean labels in, noisy labels out.

N examples, K classes, D pixels of an image. ``T[i, j] = P(noisy = j | clean = i)``: rows sum to 1.
Every function is pure: it changes no argument and draws only from the generator that it is given.
"""
import math
from numbers import Integral

import numpy as np

from lnlkit import checks

KINDS = ("exclusive", "inclusive", "exact")
SCALINGS = ("raw", "unit", "standardised")

MNIST_MAP = {7: 1, 2: 7, 3: 8, 5: 6, 6: 5}
"""Digits that look alike (Patrini et al. 2017): 7 -> 1, 2 -> 7, 3 -> 8, 5 <-> 6."""

CIFAR10_MAP = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}
"""Patrini et al. 2017: truck -> automobile, bird -> airplane, deer -> horse, cat <-> dog."""


# ---- noise that looks only at the class: transition matrices ---------------------------------------------------

def symmetric(n_classes, noise_rate, kind="exclusive"):
    """The transition matrix (K, K) of symmetric noise.

    kind: "exclusive" draws wrong labels from the K-1 other classes: diagonal 1 - r.
    "inclusive" redraws from all K classes, so the true label may return: measured rate r (K-1) / K.
    "exact" has the matrix of "exclusive"; sample it with ``corrupt(..., exact=True)``.
    "exclusive" is the noise of Paper 05, Eq. (2); its Table 3 has "inclusive".
    """
    K, r = _n_classes(n_classes), checks.fraction(noise_rate, "noise_rate")
    checks.one_of(kind, "kind", KINDS)
    if kind == "inclusive":
        return (1 - r) * np.eye(K) + r / K
    return np.where(np.eye(K, dtype=bool), 1 - r, r / (K - 1))


def pairflip(n_classes, noise_rate):
    """The transition matrix (K, K) of pair-flip noise: class i becomes i+1 (mod K) with probability r.

    From r = 0.5 on, the wrong label is at least as frequent as the right one: nothing can be learned from labels alone.
    """
    K = _n_classes(n_classes)
    return asymmetric({i: (i + 1) % K for i in range(K)}, K, noise_rate)


def asymmetric(mapping, n_classes, noise_rate):
    """The transition matrix (K, K) of class-dependent noise: class i becomes mapping[i] with probability r.

    mapping: {from: to}, or "mnist" or "cifar10" for the maps of Patrini et al. 2017.
    The rate counts per mapped class: 0.4 on CIFAR-10, where 5 of 10 classes are mapped, is 0.2 overall.
    """
    K, r = _n_classes(n_classes), checks.fraction(noise_rate, "noise_rate")
    if isinstance(mapping, str):
        mapping = {"mnist": MNIST_MAP, "cifar10": CIFAR10_MAP}[checks.one_of(mapping, "mapping", ["mnist", "cifar10"])]
        if K != 10:
            raise ValueError(f"`n_classes` must be 10 for a mapping known by name, but got {K}.")
    if not isinstance(mapping, dict) or not mapping or any(type(i) is bool or not isinstance(i, Integral)
                                                           for pair in mapping.items() for i in pair):
        cure = " Text, as JSON has keys? Use int(...)." if isinstance(mapping, dict) and "'" in str(mapping) else ""
        raise TypeError(f"`mapping` must be 'mnist', 'cifar10' or a dict {{from: to}} of class numbers, but got "
                        f"{checks.brief(mapping)}.{cure}")
    T = np.eye(K)
    for i, j in mapping.items():
        if not (0 <= i < K and 0 <= j < K) or i == j:
            raise ValueError(f"`mapping` must send a class to another class of 0 to {K - 1}, but got {i} -> {j}.")
        T[i, i], T[i, j] = 1 - r, r
    return T


def corrupt(y, T, rng, exact=False):
    """Noisy labels (N,) drawn from the rows of T.

    exact: each class gets its share T[i, j] n_i as a count, rounded up or down, instead of a draw per example. How many
    labels stay right is rounded over all classes together, so the rate of the set is met as nearly as can be.
    """
    T, _ = checks.transition_matrix(T), checks.generator(rng)
    y = checks.labels(y, "y", len(T))
    y_noisy = y.copy()
    members = [np.flatnonzero(y == k) for k in range(len(T))]                # chosen on the clean labels only
    if exact:
        drawn = [(rng.random(len(T)), rng.permutation(len(index))) for index in members]
        counts = _exact_counts(T, np.bincount(y, minlength=len(T)), np.array([ties for ties, _ in drawn]))
        for index, n, (_, order) in zip(members, counts, drawn, strict=True):
            y_noisy[index] = np.repeat(np.arange(len(T)), n)[order]
    else:
        for index, row in zip(members, T, strict=True):
            y_noisy[index] = rng.choice(len(T), size=len(index), p=row)
    return y_noisy


def _exact_counts(T, sizes, ties):
    """How many labels of each class (K,) become each class: whole numbers (K, K) near T[i, j] n_i."""
    shares = (T * sizes[:, None]).round(9)                                   # or its last bit would decide ties
    kept = np.diag(shares)
    kept = _round_to(kept, round(kept.sum()), np.diag(ties))                 # 100 small classes must not all round up
    np.fill_diagonal(shares, 0)
    counts = np.array([_round_to(*row) for row in zip(shares, sizes - kept, ties, strict=True)])
    np.fill_diagonal(counts, kept)
    return counts


def largest_remainder(shares, rng):
    """Whole numbers near the shares (K,) with the same total; the largest remainders round up, ties at random."""
    shares, _ = checks.numbers(shares, "shares", ndim=1), checks.generator(rng)
    if shares.size and shares.min() < 0:
        raise ValueError(f"`shares` must hold numbers from 0, but got {shares.min():g}.")
    return _round_to(shares, round(shares.sum()), rng.random(len(shares)))


def _round_to(shares, total, ties):
    """The shares (K,) as whole numbers with this total: the largest remainders round up, of equal ones those first in
    `ties`."""
    counts = np.floor(shares).astype(int)
    order = np.lexsort((ties, counts - shares))                              # last key first: largest remainder
    counts[order[:total - counts.sum()]] += 1
    return counts


def measured_rate(y_clean, y_noisy):
    """The share of labels that are wrong (0 for no labels at all)."""
    y_clean, y_noisy = checks.labels(y_clean, "y_clean"), checks.labels(y_noisy, "y_noisy")
    checks.same_length(y_clean=y_clean, y_noisy=y_noisy)
    return float(np.mean(y_clean != y_noisy)) if len(y_clean) else 0.0


def measured_T(y_clean, y_noisy, n_classes):
    """The transition matrix (K, K) counted from labels; the row of a class without examples is that of the identity."""
    K = checks.positive_int(n_classes, "n_classes")
    y_clean, y_noisy = checks.labels(y_clean, "y_clean", K), checks.labels(y_noisy, "y_noisy", K)
    checks.same_length(y_clean=y_clean, y_noisy=y_noisy)
    counts = np.bincount(K * y_clean + y_noisy, minlength=K * K).reshape(K, K)
    n = counts.sum(axis=1, keepdims=True)
    return np.where(n > 0, counts / np.maximum(n, 1), np.eye(K))


# ---- several labels an example ---------------------------------------------------------------------------------

def permute_labels(y, rate, rng):
    """Label vectors (N, K) of which each is permuted with probability ``rate``: all K! orders are equally likely.

    The number m of labels is kept. A permuted vector is right again with probability 1 / C(K, m), so of one-hot
    vectors rate (K-1)/K are wrong, not rate. E[noisy | clean] = (1 - rate) y + rate m / K.
    Rate 1 is allowed: of the labels it leaves nothing to learn but m, which ranks images above chance where m varies.
    At one state of the generator a larger rate permutes what a smaller one does, in the same way.
    Paper 02, Section IV-C4.
    """
    rate, _ = checks.fraction(rate, "rate", below_one=False), checks.generator(rng)
    y = checks.label_vectors(y, "y")
    chosen = rng.random((len(y), 1)) < rate
    return np.where(chosen, rng.permuted(y, axis=1), y)


def measured_transitions(latent, noisy):
    """How often noisy label j is active while label i is active in ``latent``, both (N, K): rows (K, K) sum to 1.

    A row is all 0 where label i never occurs, or never beside a noisy label. For one-hot vectors the rest is the
    transition matrix. With several labels an example those that occur together fill the entries off the diagonal even
    without noise, so compare with ``measured_transitions(y_clean, y_clean)``.   Paper 02, Section IV-D3, Fig. 9.
    """
    latent = checks.label_vectors(latent, "latent")
    noisy = checks.label_vectors(noisy, "noisy", latent.shape[1])
    checks.same_length(latent=latent, noisy=noisy)
    counts = latent.astype(np.float64).T @ noisy                             # (K, K)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


# ---- outliers of a regression ----------------------------------------------------------------------------------

def replace_targets(y, new, rate, rng, where=None):
    """Targets (N, ...) of which exactly floor(rate * n) are replaced by those of ``new``, and which ones (N,).

    where: a mask (N,), True where a target may be replaced; n counts these. None: everywhere.
    """
    rate, _ = checks.fraction(rate, "rate", below_one=False), checks.generator(rng)
    y, new = checks.numbers(y, "y"), checks.numbers(new, "new")
    checks.same_length(y=y)
    where = np.ones(len(y), dtype=bool) if where is None else checks.array(where, "where")
    if new.shape != y.shape:                                                 # (N,) for (N, 1) would give (N, N)
        raise ValueError(f"`new` must have the shape of `y`, {y.shape}, but got {new.shape}.")
    if where.dtype != bool or where.shape != y.shape[:1]:
        raise ValueError(f"`where` must be a mask of booleans, one per target, shape {y.shape[:1]}, "
                         f"but got {where.dtype} of shape {where.shape}.")
    candidates = np.flatnonzero(where)
    chosen = rng.permutation(candidates)[:math.floor(rate * len(candidates) + 1e-9)]
    outlier = np.zeros(len(y), dtype=bool)
    outlier[chosen] = True
    return np.where(outlier.reshape(-1, *[1] * (y.ndim - 1)), new, y), outlier


# ---- noise that looks at the image -----------------------------------------------------------------------------

def mislabelling_scores(S, y):
    """The likeliest wrong label and its probability for each example, two arrays (N,).

    S (N, K) is the softmax of a network trained on clean labels, averaged over its epochs.
    candidate = argmax_{k != y} S[:, k],  score = max_{k != y} S[:, k].   Chen et al. 2021; Paper 01, Section 2.3.
    """
    S = checks.numbers(S, "S", ndim=2).astype(np.float64)
    if S.shape[1] < 2:
        raise ValueError(f"`S` must hold probabilities (N, K) of at least 2 classes, but got shape {S.shape}.")
    if S.size and (S.min() < 0 or S.max() > 1 + 1e-4):                       # logits of two examples can't be compared
        raise ValueError(f"`S` must hold probabilities, but got {S.min():g} to {S.max():g}. Logits? Use a softmax.")
    checks.same_length(S=S, y=(y := checks.labels(y, "y", S.shape[1])))
    S[np.arange(len(y)), y] = -np.inf                                        # S is our own copy
    return S.argmax(axis=1), S.max(axis=1)


def flip_hardest(y, S, noise_rate):
    """Model-based instance-dependent noise: the floor(r N) examples of the whole set with the largest score flip.

    Each takes its likeliest wrong label (see ``mislabelling_scores``). Nothing is drawn: the flips at a small rate
    are among those at a larger one, and ties go to the earlier example.   Chen et al. 2021; Paper 01, Section 2.3.
    """
    r = checks.fraction(noise_rate, "noise_rate")
    candidate, score = mislabelling_scores(S, y)
    n_flips = math.floor(r * len(candidate) + 1e-9)                          # 0.29 * 100 is 29, not 28.999999999999996
    hardest = np.argsort(-score, kind="stable")[:n_flips]                    # from the front: [-0:] would take all
    y_noisy = checks.labels(y, "y").copy()
    y_noisy[hardest] = candidate[hardest]
    return y_noisy


def part_dependent(x, y, noise_rate, rng, *, n_classes, scaling="standardised", temperature=1.0, sd=0.1):
    """Part-dependent noise: labels (N,) and the matrix P (N, K) that they were drawn from (Xia et al. 2020).

    Where to: softmax(x_i W / temperature) over the wrong classes, one W ~ N(0, 1) of shape (D, K) per true class.
    How likely: q_i ~ normal(r, sd) truncated to [0, 1].   P[i] = q_i softmax, P[i, y_i] = 1 - q_i.

    x: uint8 images (N, H, W) or (N, H, W, 3), or features (N, D). scaling decides what W sees: "raw" 0..255, "unit"
    [0, 1] (of images only), "standardised" (mean 0, variance 1 over the set, per colour channel or feature). All pixels
    of a raw image are positive, so W pulls a whole class to one wrong label; standardised, the image decides.
    Published codes differ here. At temperature 1 the softmax is nearly one-hot; sqrt(D) makes it soft.
    """
    K, r = _n_classes(n_classes), checks.fraction(noise_rate, "noise_rate")
    checks.inputs(x, "x")
    x = np.asarray(x)                                                        # features keep their precision
    if checks.one_of(scaling, "scaling", SCALINGS) == "unit" and x.dtype != np.uint8:
        raise ValueError(f"`scaling` must be 'raw' or 'standardised' for features, but got {scaling!r}, "
                         "which divides the pixels of uint8 images by 255.")
    y, _ = checks.labels(y, "y", K), checks.generator(rng)
    checks.same_length(x=x, y=y)
    P = _wrong_class_distribution(x, y, K, rng, scaling, checks.positive(temperature, "temperature"))
    q = _truncated_normal(r, checks.fraction(sd, "sd"), len(y), rng) if r > 0 else np.zeros(len(y))
    P *= q[:, None]
    P[np.arange(len(y)), y] = 1 - q
    cdf = P.cumsum(axis=1)
    return (rng.random((len(y), 1)) >= cdf / cdf[:, -1:]).sum(axis=1), P     # exact at q = 0: the cdf jumps at y


def _wrong_class_distribution(x, y, K, rng, scaling, temperature):
    """P(wrong label | image, label), shape (N, K), 0 at the true class."""
    shift, scale = _shift_and_scale(x, scaling)
    x, P = x.reshape(len(x), -1), np.zeros((len(y), K))                      # (N, D)
    for k in range(K):
        W = rng.standard_normal((x.shape[1], K))                             # (D, K), one per true class
        for part in _thousands(np.flatnonzero(y == k)):
            a = (x[part] - shift) / scale @ W / temperature                  # (1000, K)
            a[:, k] = -np.inf
            p = np.exp(a - a.max(axis=1, keepdims=True))
            P[part] = p / p.sum(axis=1, keepdims=True)
    return P


def _shift_and_scale(x, scaling):
    """The numbers, or one per pixel (D,), that turn x into (x - shift) / scale, which is what W sees."""
    if scaling != "standardised":
        return 0.0, 255.0 if scaling == "unit" else 1.0
    n_channels = x.shape[3] if x.ndim == 4 else 1
    x = x.reshape(len(x), -1)

    def per_channel(v):                                                      # (D,) -> its mean per channel, as (D,)
        return np.tile(v.reshape(-1, n_channels).mean(axis=0), len(v) // n_channels)
    mean = per_channel(x.mean(axis=0, dtype=np.float64))
    squares = sum(np.square(x[part] - mean).sum(axis=0) for part in _thousands(np.arange(len(x))))
    sd = np.sqrt(per_channel(squares / len(x)))
    return mean, np.where(sd > 0, sd, 1.0)


def _thousands(index):
    """The index in parts of about 1,000: 50,000 colour images as floats at once would take 1.2 GB."""
    return np.array_split(index, len(index) // 1000 + 1)


def _truncated_normal(mean, sd, n, rng):
    """n draws of normal(mean, sd) on [0, 1]: those outside are drawn again."""
    q = rng.normal(mean, sd, n)
    while (outside := np.flatnonzero((q < 0) | (q > 1))).size:
        q[outside] = rng.normal(mean, sd, outside.size)
    return q


def _n_classes(n_classes):
    """K as an int of at least 2: with one class no label can be wrong."""
    if checks.positive_int(n_classes, "n_classes") < 2:
        raise ValueError("`n_classes` must be at least 2, but got 1: with one class no label can be wrong.")
    return int(n_classes)
