"""The consensus of neighbours' labels: counted and predicted by a second formulation, solved for a T that is known."""

import itertools

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, weights
from torch.testing import assert_close

from lnlkit import noise
from lnlkit.methods.base import CE
from lnlkit.methods.consensus import Consensus, Identifiability, expected, features_of, frequencies, nearest_two, solve
from lnlkit.methods.correction import Forward, estimate_T
from lnlkit.training import as_inputs, fit, to_unit

T = torch.tensor([[0.7, 0.3, 0, 0], [0, 0.9, 0.1, 0], [0.2, 0.2, 0.5, 0.1], [0, 0, 0.4, 0.6]])
PRIOR = torch.tensor([0.1, 0.2, 0.3, 0.4])
K = 4


def some_features(n: int = 300, d: int = 3) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(1))


def pairs_flipped(n: int = 1400, rate: float = 0.4):
    """Digits of which 40 % have the label of the next class, and the matrix."""
    matrix = noise.pairflip(10, rate)
    return digits(n, noise.corrupt(digits(n).y, matrix, np.random.default_rng(0))), matrix


def error(found, matrix) -> float:
    """Mean over the classes of the L1 distance between rows."""
    return float(np.abs(np.asarray(found) - matrix).sum() / len(matrix))


# ---- neighbours and counts ----


def test_neighbours_are_those_of_the_smallest_angle():
    """All angles at once in float64; rows are many enough for several blocks, and their lengths differ."""
    x = some_features() * torch.linspace(0.1, 10, 300)[:, None]
    unit = x.double().numpy() / np.linalg.norm(x.double().numpy(), axis=1, keepdims=True)
    angle = np.arccos(np.clip(unit @ unit.T, -1, 1)) + 10 * np.eye(300)
    assert np.array_equal(nearest_two(x).numpy(), angle.argsort(1)[:, :2])


def test_an_example_with_twins_is_no_neighbour_of_its_own():
    x = torch.eye(3).repeat_interleave(3, 0)
    near = nearest_two(x)
    assert all(set(row.tolist()) == {i // 3 * 3 + j for j in range(3)} - {i} for i, row in enumerate(near))


def test_frequencies_count_labels_one_example_at_a_time():
    x, y = some_features(), torch.randint(K, (300,), generator=torch.Generator().manual_seed(2))
    one, two, three = np.zeros(K), np.zeros((K, K)), np.zeros((K, K, K))
    for label, (b, c) in zip(y.tolist(), nearest_two(x).tolist(), strict=True):
        one[label] += 1 / 300
        two[label, y[b]] += 1 / 300
        three[label, y[b], y[c]] += 1 / 300
    for got, wanted in zip(frequencies(x, y, K), (one, two, three), strict=True):
        np.testing.assert_allclose(got.numpy(), wanted, atol=1e-6)


# ---- equations ----


def test_expected_consensus_is_a_sum_over_the_clean_class():
    one, two, three = expected(T, PRIOR)
    for a, b, c in itertools.product(range(K), repeat=3):
        assert three[a, b, c].item() == pytest.approx(sum(PRIOR[i] * T[i, a] * T[i, b] * T[i, c] for i in range(K)))
    assert_close(three.sum(2), two)
    assert_close(two.sum(1), one)
    assert one.sum().item() == pytest.approx(1)


def test_the_equations_are_solved_for_a_T_and_a_prior_that_are_known():
    found, prior = solve(expected(T, PRIOR))
    assert_close(found, T, atol=1e-2, rtol=0)
    assert_close(prior, PRIOR, atol=1e-2, rtol=0)


def test_pairs_alone_do_not_tell_T_and_threes_do():
    """Another T and prior with the same pairs, found by turning the factor of the second order: threes differ."""
    factor = PRIOR.sqrt()[:, None] * T  # its square, factor' factor, is the second order
    first, c, s = factor.sum(1), np.cos(0.1), np.sin(0.1)
    turned = factor.clone()
    turned[1], turned[2] = c * factor[1] + s * factor[2], c * factor[2] - s * factor[1]
    root = turned.sum(1)
    other_T, other_prior = turned / root[:, None], root**2
    assert (other_T > -0.06).all() and not torch.allclose(root, first, atol=1e-2)
    assert_close(turned.T @ turned, expected(T, PRIOR).second)
    third = torch.einsum("i,ia,ib,ic->abc", other_prior, other_T, other_T, other_T)
    assert (third - expected(T, PRIOR).third).abs().max() > 5e-3


def test_the_best_step_is_returned_and_the_equations_are_left_as_they_are():
    """A learning rate that jumps about: the last step is far worse than the best."""
    seen = expected(T, PRIOR)
    before = [part.clone() for part in seen]

    def distance(found) -> float:
        return sum((a - b).norm() for a, b in zip(seen, expected(*found), strict=True)).item()

    found = [distance(solve(seen, steps=n, lr=3.0)) for n in (1, 5, 20, 60)]
    assert all(a >= b for a, b in itertools.pairwise(found))
    assert all(torch.equal(a, b) for a, b in zip(seen, before, strict=True))


def test_T_is_recovered_from_labels_of_clusters():
    """6,000 examples in four tight groups; three in ten labels and more are wrong."""
    rng = np.random.default_rng(3)
    clean = rng.choice(K, 6000, p=PRIOR.double().numpy() / PRIOR.double().numpy().sum())
    x = torch.eye(K)[torch.from_numpy(clean)] + 0.05 * some_features(6000, K)
    y = torch.from_numpy(noise.corrupt(clean, T.double().numpy(), rng))
    found, prior = solve(frequencies(x, y, K))
    assert error(found, T.numpy()) < 0.12 and (prior - PRIOR).abs().max() < 0.04


# ---- the method ----


@pytest.mark.parametrize("features", ["network", "pixels"])
def test_it_is_forward_correction_with_the_T_that_it_found(features):
    data, _ = pairs_flipped(400)
    method = Identifiability(features=features)
    fit(method, data, recipe(), seed=4)
    if features == "pixels":
        x = to_unit(as_inputs(data.x)).flatten(1)
    else:
        ce = CE()
        fit(ce, data, recipe(epochs=1), seed=4)  # a fifth of 3 epochs, at least one
        x = features_of(ce.nets_[0], data.x)
        assert x.shape == (400, 128)
    found, prior = solve(frequencies(x, torch.from_numpy(data.y), 10))
    assert_close(method.T_, found, atol=1e-4, rtol=1e-3)
    assert_close(method.prior_, prior, atol=1e-4, rtol=1e-3)
    forward = Forward(T=method.T_)
    fit(forward, data, recipe(), seed=4)
    assert_close(weights(method), weights(forward), rtol=1e-3, atol=1e-5)


def test_the_warm_up_is_a_share_of_the_run():
    data, _ = pairs_flipped(200)
    long, short = Identifiability(warmup=0.5, steps=50), Identifiability(warmup=0.0, steps=50)
    fit(long, data, recipe(epochs=4))
    fit(short, data, recipe(epochs=4))
    for method, epochs in ((long, 2), (short, 1)):
        ce = CE()
        fit(ce, data, recipe(epochs=epochs))
        found, _ = solve(frequencies(features_of(ce.nets_[0], data.x), torch.from_numpy(data.y), 10), steps=50)
        assert_close(method.T_, found, atol=1e-4, rtol=1e-3)


def test_neighbours_tell_T_better_than_anchors_and_undo_pair_flips():
    data, matrix = pairs_flipped()
    accuracy, estimates = {}, {}
    for method in (CE(), Identifiability(features="pixels"), Identifiability()):
        fit(method, data, recipe(epochs=12))
        accuracy[repr(method)] = float((method.predict(data.x).argmax(1).numpy() == data.y_clean).mean())
        estimates[repr(method)] = getattr(method, "T_", None)
    ce, *ours = accuracy
    early = CE()
    fit(early, data, recipe(epochs=2))
    anchors = error(estimate_T(early.predict(data.x)), matrix)
    assert all(error(estimates[name], matrix) < min(anchors, 0.35) for name in ours)
    assert all(accuracy[name] > accuracy[ce] + 0.1 for name in ours)


@pytest.mark.parametrize("call, says", [
    (lambda: nearest_two(torch.zeros(2, 3)), r"`features` must be \(N, d\) with at least 3 rows"),
    (lambda: frequencies(some_features(), torch.zeros(299, dtype=torch.int64), K), "same number of examples"),
    (lambda: expected(T, PRIOR[:3]), "`T` must have shape"),
    (lambda: solve(Consensus(*expected(T, PRIOR)), lr=0.0), "`lr` must be a finite number above 0"),
    (lambda: Identifiability(features="simclr"), "`features` must be one of"),
    (lambda: Identifiability(warmup=2.0), r"`warmup` must be a fraction in \[0, 1\]"),
])  # fmt: skip
def test_wrong_arguments_are_named(call, says):
    with pytest.raises(ValueError, match=says):
        call()
