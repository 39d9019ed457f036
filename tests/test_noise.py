"""Noise: what was asked for is what is measured, nothing is changed in place, and the edges hold."""
import itertools
import math

import numpy as np
import pytest

from lnlkit import noise

K = 10
Y = np.random.default_rng(7).integers(0, K, 20_000)
MATRICES = {
    "exclusive": noise.symmetric(K, 0.4),
    "inclusive": noise.symmetric(K, 0.4, "inclusive"),
    "pairflip": noise.pairflip(K, 0.45),
    "mnist": noise.asymmetric("mnist", K, 0.3),
    "cifar10": noise.asymmetric("cifar10", K, 0.4),
    "nearly one": noise.symmetric(K, 0.99),
}


def rng(seed=0):
    return np.random.default_rng(seed)


def softmax_scores(n=300, k=K, seed=1):
    """S (n, k): rows of a random softmax, and labels to go with it."""
    logits = rng(seed).normal(size=(n, k))
    S = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return S, rng(seed + 1).integers(0, k, n)


# ---- transition matrices ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("r", [0, 0.2, 0.5, 0.99])
def test_symmetric_diagonals(r):
    np.testing.assert_allclose(np.diag(noise.symmetric(K, r)), 1 - r)
    np.testing.assert_allclose(np.diag(noise.symmetric(K, r, "inclusive")), 1 - r + r / K)
    np.testing.assert_array_equal(noise.symmetric(K, r, "exact"), noise.symmetric(K, r, "exclusive"))


def test_inclusive_symmetric_measures_less_than_its_rate():
    y_noisy = noise.corrupt(Y, noise.symmetric(K, 0.5, "inclusive"), rng())
    assert noise.measured_rate(Y, y_noisy) == pytest.approx(0.45, abs=0.012)         # DivideMix's "50 %"


def test_pairflip_moves_to_the_next_class():
    np.testing.assert_allclose(noise.pairflip(3, 0.3), [[0.7, 0.3, 0], [0, 0.7, 0.3], [0.3, 0, 0.7]])
    np.testing.assert_allclose(noise.pairflip(3, 0.9)[0], [0.1, 0.9, 0])             # beyond 0.5 is allowed


def test_named_maps_are_those_of_the_literature():
    names = "airplane automobile bird cat deer dog frog horse ship truck".split()
    cifar10 = {(names[i], names[j]) for i, j in zip(*np.nonzero(noise.asymmetric("cifar10", K, 0.4)), strict=True)
               if i != j}
    assert cifar10 == {("truck", "automobile"), ("bird", "airplane"), ("deer", "horse"), ("cat", "dog"), ("dog", "cat")}
    assert noise.MNIST_MAP == {7: 1, 2: 7, 3: 8, 5: 6, 6: 5}


@pytest.mark.parametrize("build", [
    lambda r: noise.symmetric(K, r), lambda r: noise.symmetric(K, r, "inclusive"), lambda r: noise.pairflip(K, r),
    lambda r: noise.asymmetric("mnist", K, r), lambda r: noise.asymmetric({0: 1}, K, r)])
def test_matrices_sum_to_one_and_are_the_identity_at_rate_0(build):
    np.testing.assert_array_equal(build(0), np.eye(K))
    np.testing.assert_allclose(build(0.99).sum(axis=1), 1)


@pytest.mark.parametrize("call, error, message", [
    (lambda: noise.symmetric(K, 40), ValueError, "Did you mean 0.4"),
    (lambda: noise.symmetric(1, 0.4), ValueError, "with one class no label can be wrong"),
    (lambda: noise.symmetric(K, 0.4, "exclusiv"), ValueError, "Did you mean 'exclusive'"),
    (lambda: noise.asymmetric("cifar100", 100, 0.4), ValueError, "`mapping` must be one of"),
    (lambda: noise.asymmetric({0: 12}, K, 0.4), ValueError, "0 to 9, but got 0 -> 12"),
    (lambda: noise.asymmetric({3: 3}, K, 0.4), ValueError, "but got 3 -> 3"),
    (lambda: noise.corrupt(Y, np.eye(3), rng()), ValueError, "`y` must hold class numbers 0 to 2"),
    (lambda: noise.corrupt(Y, np.eye(K), 0), TypeError, "default_rng"),
    (lambda: noise.measured_rate(Y, Y[1:]), ValueError, "but got 20000 and 19999"),
])
def test_wrong_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- drawing labels --------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", MATRICES)
def test_measured_T_lies_within_the_binomial_error_of_T(name):
    T, n = MATRICES[name], np.bincount(Y, minlength=K)[:, None]
    measured = noise.measured_T(Y, noise.corrupt(Y, T, rng(3)), K)
    assert (np.abs(measured - T) <= 4.5 * np.sqrt(T * (1 - T) / n)).all()            # where T is 0 or 1: exactly


def test_swapped_classes_do_not_flip_back():
    """A loop that edits labels in place turns cats into dogs and 40 % of these back: 0.244 instead of 0.4."""
    measured = noise.measured_T(Y, noise.corrupt(Y, noise.asymmetric("cifar10", K, 0.4), rng(), exact=True), K)
    assert measured[3, 5] == pytest.approx(0.4, abs=5e-4)
    assert measured[5, 3] == pytest.approx(0.4, abs=5e-4)


@pytest.mark.parametrize("name", MATRICES)
def test_exact_counts_are_within_one_of_the_share(name):
    T, n = MATRICES[name], np.bincount(Y, minlength=K)[:, None]
    counts = noise.measured_T(Y, noise.corrupt(Y, T, rng(), exact=True), K) * n
    assert np.abs(counts - T * n).max() < 1 and (counts[T == 0] == 0).all()


@pytest.mark.parametrize("r, n, wrong", [(0.1, 30, 3), (0.29, 100, 29), (0.07, 100, 7), (0.4, 5, 2)])
def test_exact_counts_survive_floating_point(r, n, wrong):
    y = np.repeat([0, 1], n)
    flipped = noise.corrupt(y, noise.symmetric(2, r), rng(), exact=True) != y
    assert flipped[:n].sum() == flipped[n:].sum() == wrong


@pytest.mark.parametrize("n, rate", [(4, 0.2), (9, 0.2), (1, 0.2), (3, 0.5), (7, 0.01)])
@pytest.mark.parametrize("build", [noise.symmetric, noise.pairflip])
def test_many_small_classes_together_have_the_exact_rate(build, n, rate):
    """20 % of 4 labels is no whole number: if each class rounded alone, all would round alike, to 0 or to 25 %."""
    y = np.repeat(np.arange(100), n)
    y_noisy = noise.corrupt(y, build(100, rate), rng(), exact=True)
    assert abs(noise.measured_rate(y, y_noisy) * len(y) - rate * len(y)) <= 0.5
    wrong = np.bincount(y[y_noisy != y], minlength=100)
    assert set(wrong) <= {np.floor(n * rate), np.ceil(n * rate)}                     # no class is spared or singled out


def test_small_classes_that_round_up_and_wrong_labels_that_they_get_are_drawn_at_random():
    y, T = np.repeat(np.arange(5), 3), noise.symmetric(5, 0.2)
    draws = np.array([noise.corrupt(y, T, rng(s), exact=True) for s in range(4_000)])
    assert ((draws != y).sum(axis=1) == 3).all()
    np.testing.assert_allclose((draws != y).mean(axis=0), 0.2, atol=0.03)            # 4.5 sigma, every position
    T_drawn = noise.measured_T(np.tile(y, 4_000), draws.ravel(), 5)
    np.testing.assert_allclose(T_drawn, T, atol=0.017)


def test_exact_draw_picks_examples_and_leftover_classes_at_random():
    """Ties among the remainders must not favour low class numbers, nor flips the first examples of a class."""
    T = noise.symmetric(K, 0.4)
    draws = np.array([noise.corrupt(np.zeros(10, int), T, rng(s), exact=True) for s in range(2_000)])
    assert (np.sum(draws != 0, axis=1) == 4).all()
    np.testing.assert_allclose((draws != 0).mean(axis=0), 0.4, atol=0.05)            # 4.5 sigma, every position
    np.testing.assert_allclose([(draws == k).mean() for k in range(1, K)], 0.4 / 9, atol=0.007)


@pytest.mark.parametrize("exact", [False, True])
def test_corrupt_is_pure_and_repeats_with_the_generator(exact):
    y, T = Y.copy(), noise.symmetric(K, 0.4)
    y.flags.writeable = T.flags.writeable = False
    a, b, c = (noise.corrupt(y, T, rng(s), exact) for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    np.testing.assert_array_equal(noise.corrupt(y, noise.symmetric(K, 0), rng(), exact), y)
    assert a.dtype == np.int64 and not np.shares_memory(noise.corrupt(y, np.eye(K), rng(), exact), y)


def test_measured_rate_takes_a_column_for_labels():
    assert noise.measured_rate(Y[:, None], Y) == 0.0                                 # not a table of N x N comparisons
    assert noise.measured_rate([], []) == 0.0


def test_measured_T_of_an_absent_class_is_its_identity_row():
    T = noise.measured_T([0, 0, 0, 2], [0, 0, 1, 2], 4)
    np.testing.assert_allclose(T, [[2 / 3, 1 / 3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert noise.measured_rate([0, 0, 0, 2], [0, 0, 1, 2]) == 0.25
    assert noise.measured_rate([], []) == 0


# ---- model-based instance-dependent noise ----------------------------------------------------------------------

def test_scores_equal_the_loop_of_the_paper():
    S, y = softmax_scores()
    candidate, score = noise.mislabelling_scores(S, y)
    for i in range(len(y)):
        wrong = [k for k in range(K) if k != y[i]]
        assert score[i] == max(S[i, k] for k in wrong)
        assert candidate[i] == max(wrong, key=lambda k: S[i, k])


@pytest.mark.parametrize("r, n, flips", [(0.1, 30, 3), (0.29, 100, 29), (0.07, 100, 7), (0.57, 100, 57), (0.15, 30, 4),
                                         (0.333, 100, 33), (0, 30, 0), (0.99, 30, 29)])
def test_exactly_floor_of_rate_times_n_labels_flip(r, n, flips):
    S, y = softmax_scores(n)
    y_noisy = noise.flip_hardest(y, S, r)
    assert (y_noisy != y).sum() == flips                                             # so no flip kept its clean label


def test_the_flipped_are_the_highest_scores_of_the_whole_set():
    S, y = softmax_scores()
    candidate, score = noise.mislabelling_scores(S, y)
    y_noisy = noise.flip_hardest(y, S, 0.2)
    flipped = y_noisy != y
    assert score[flipped].min() >= score[~flipped].max()
    np.testing.assert_array_equal(y_noisy[flipped], candidate[flipped])


def test_flips_are_nested_even_among_ties():
    S, y = softmax_scores()
    S = np.round(S, 1)                                                               # many ties
    flips = [set(np.flatnonzero(noise.flip_hardest(y, S, r) != y)) for r in (0, 0.1, 0.2, 0.3, 0.4, 0.9)]
    assert all(a < b for a, b in itertools.pairwise(flips))
    score = noise.mislabelling_scores(S, y)[1]
    expected = set(sorted(range(300), key=lambda i: (-score[i], i))[:120])           # the earlier example goes first
    assert flips[4] == expected


def test_flip_hardest_is_pure():
    S, y = softmax_scores()
    S.flags.writeable = y.flags.writeable = False
    np.testing.assert_array_equal(noise.flip_hardest(y, S, 0), y)
    assert not np.shares_memory(noise.flip_hardest(y, S, 0), y)


@pytest.mark.parametrize("S", [np.full((300, K), np.nan), np.ones(300), np.ones((300, 1)), np.ones((299, K))])
def test_flip_hardest_refuses_broken_scores(S):
    with pytest.raises(ValueError, match="`S`"):
        noise.flip_hardest(np.zeros(300, int), S, 0.1)


# ---- several labels an example ---------------------------------------------------------------------------------

def label_vectors(n=20_000, k=6, n_labels=(1, 2, 4), seed=5):
    """Label vectors (n, k), each with one of the given numbers of labels, and that number (n,)."""
    m = rng(seed).choice(n_labels, n)
    return (rng(seed + 1).random((n, k)).argsort(axis=1) < m[:, None]).astype(np.uint8), m


@pytest.mark.parametrize("rate", [0.1, 0.4, 0.8, 1])
def test_permuted_vectors_are_wrong_as_often_as_the_formulas_say(rate):
    y, m = label_vectors()
    noisy = noise.permute_labels(y, rate, rng())
    np.testing.assert_array_equal(noisy.sum(axis=1), m)                              # the number of labels is kept
    wrong = (noisy != y).any(axis=1)
    for labels in (1, 2, 4):
        expected = rate * (1 - 1 / math.comb(6, labels))
        assert wrong[m == labels].mean() == pytest.approx(expected, abs=0.02)
        for clean in (0, 1):                                                         # E[noisy | clean]
            entries = noisy[m == labels][y[m == labels] == clean]
            assert entries.mean() == pytest.approx((1 - rate) * clean + rate * labels / 6, abs=0.02)


def test_permuted_one_hot_vectors_are_inclusive_symmetric_noise():
    """A second formulation: the transition matrix that they follow is the one of this module."""
    noisy = noise.permute_labels(np.eye(K)[Y], 0.6, rng()).argmax(axis=1)
    np.testing.assert_allclose(noise.measured_T(Y, noisy, K), noise.symmetric(K, 0.6, "inclusive"), atol=0.04)
    assert noise.measured_rate(Y, noisy) == pytest.approx(0.6 * 9 / 10, abs=0.012)


def test_each_vector_is_permuted_on_its_own_and_every_order_is_equally_likely():
    y = np.tile(np.array([[1, 1, 0, 0]], np.uint8), (12_000, 1))
    rows, counts = np.unique(noise.permute_labels(y, 1, rng()), axis=0, return_counts=True)
    assert len(rows) == 6                                                            # C(4, 2) vectors
    np.testing.assert_allclose(counts / 12_000, 1 / 6, atol=0.016)


def test_permute_labels_is_pure_repeats_and_nests():
    y, _ = label_vectors(500)
    y.flags.writeable = False
    low, again, high, other = (noise.permute_labels(y, r, rng(s)) for r, s in ((0.3, 0), (0.3, 0), (0.7, 0), (0.3, 1)))
    np.testing.assert_array_equal(low, again)
    assert (low != other).any() and low.dtype == np.uint8 and low.shape == y.shape
    wrong = (low != y).any(axis=1)
    np.testing.assert_array_equal(high[wrong], low[wrong])
    untouched = noise.permute_labels(y, 0, rng())
    np.testing.assert_array_equal(untouched, y)
    assert not np.shares_memory(untouched, y)


def test_measured_transitions_of_one_hot_vectors_are_the_transition_matrix():
    clean, noisy = np.eye(K)[Y], noise.corrupt(Y, MATRICES["mnist"], rng())
    np.testing.assert_allclose(noise.measured_transitions(clean, np.eye(K)[noisy]), noise.measured_T(Y, noisy, K))


def test_measured_transitions_count_what_occurs_together():
    latent = np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]])
    noisy = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]])
    np.testing.assert_allclose(noise.measured_transitions(latent, noisy),
                               [[1 / 4, 2 / 4, 0, 1 / 4], [1 / 2, 1 / 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    T = noise.measured_transitions(latent, latent)                                   # no noise, and yet no identity
    np.testing.assert_allclose(T, [[2 / 3, 1 / 3, 0, 0], [1 / 2, 1 / 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    many = np.ones((300, 2), np.uint8)                                               # 300 is more than a uint8 holds
    np.testing.assert_allclose(noise.measured_transitions(many, many), 0.5)


@pytest.mark.parametrize("call, error, message", [
    (lambda: noise.permute_labels(Y, 0.4, rng()), ValueError, r"`y` must be one vector.*\(20000,\).*one-hot"),
    (lambda: noise.permute_labels(np.eye(3) * 2, 0.4, rng()), ValueError, "`y` must hold 0 and 1 only, but got 2"),
    (lambda: noise.permute_labels(np.full((2, 2), np.nan), 0.4, rng()), ValueError, "but got nan"),
    (lambda: noise.permute_labels(np.array([["0", "1"]]), 0.4, rng()), TypeError, "must hold 0 and 1, but got dtype"),
    (lambda: noise.permute_labels(np.zeros((2, 0)), 0.4, rng()), ValueError, r"shape \(N, K\), but got shape \(2, 0\)"),
    (lambda: noise.permute_labels(np.eye(3), 1.01, rng()), ValueError, r"`rate` must be a fraction in \[0, 1\]"),
    (lambda: noise.permute_labels(np.eye(3), 0.4, 0), TypeError, "default_rng"),
    (lambda: noise.measured_transitions(np.eye(3), np.eye(4)), ValueError, r"`noisy` must have .* shape \(N, 3\)"),
    (lambda: noise.measured_transitions(np.eye(3), np.eye(3)[:2]), ValueError, "`latent` and `noisy` .*3 and 2"),
])
def test_wrong_label_vectors_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
