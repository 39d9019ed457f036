import dataclasses

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, untrained, weights

from lnlkit import noise
from lnlkit.methods.base import CE
from lnlkit.methods.curriculum import MentorNet, source_features, train_mentor
from lnlkit.training import fit

KEEP_ALL = {"dropout_burn_in": 0.0, "dropout": 0.0}


def started(epochs=10, **hparams):
    method = untrained(MentorNet(**hparams), digits(), recipe(epochs=epochs))
    method.on_epoch_start(epochs - 1, None)
    return method


def noisy_digits():
    return digits(300, noise.corrupt(digits(300).y, noise.symmetric(10, 0.4), np.random.default_rng(0)))


# ---- predefined ----


def test_percentile_one_without_average_and_dropout_is_the_ce_run_bit_for_bit():
    mentornet, ce = MentorNet(percentile=1.0, decay=0.0, **KEEP_ALL), CE()
    assert fit(mentornet, digits(), recipe()) == fit(ce, digits(), recipe())
    assert torch.equal(weights(mentornet), weights(ce))


def test_weight_is_one_up_to_the_moving_percentile():
    """Losses 1..9 and then 11..19: medians 5 and 15, moving average 0.25 * 5 + 0.75 * 15 = 12.5."""
    method = started(percentile=0.5, decay=0.25, **KEEP_ALL)
    values = torch.arange(1.0, 10.0)
    assert method.weights(values).tolist() == [1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert method.weights(values + 10).tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert method.threshold_.item() == pytest.approx(12.5)


def test_loss_is_the_sum_over_small_losses_divided_by_the_batch_size():
    """One full batch at the start; percentile and selection in NumPy."""
    data, hparams = digits(), {"percentile": 0.6, **KEEP_ALL}
    before = untrained(MentorNet(**hparams), data, recipe())
    values = -np.log(before.predict(data.x).double().numpy()[np.arange(200), data.y])
    history = fit(MentorNet(**hparams), data, recipe(epochs=1, batch_size=200))
    small = values[values <= np.percentile(values, 60)]
    assert len(small) == 120
    assert history[0]["loss"] == pytest.approx(small.sum() / 200, rel=1e-5)


def test_dropout_is_strong_in_the_burn_in_and_weak_afterwards():
    """Of 100 equal losses: int(0.5 * 100) stay in the first 17 % of the epochs, int(0.95 * 100) afterwards."""
    method, kept = started(epochs=12), []
    for epoch in range(12):
        method.on_epoch_start(epoch, None)
        kept.append(int(method.weights(torch.ones(100)).sum()))
    assert kept == [50, 50, 50] + [95] * 9
    assert MentorNet(burn_in=0.0).burn_in == 0.0 and started(burn_in=0.0)._drop(torch.ones(1), 0.5).tolist() == [1.0]


def test_dropout_draws_from_the_generator_of_the_run():
    method = started()
    state = method.generator_.get_state()
    first, second = (method.weights(torch.ones(100)) for _ in range(2))
    method.generator_.set_state(state)
    assert torch.equal(method.weights(torch.ones(100)), first) and not torch.equal(first, second)


def test_names_a_percentile_in_per_cent():
    with pytest.raises(ValueError, match=r"`percentile` must be a fraction in \[0, 1\], but got 75. Did you mean 0.75"):
        MentorNet(percentile=75)


def test_unknown_mentor_suggests_a_near_one():
    with pytest.raises(ValueError, match="Did you mean 'learned'"):
        MentorNet(mentor="learnt")


# ---- learned ----


@pytest.fixture(scope="module")
def mentor():
    return train_mentor(0.2, 8, 0.75, 0.5, seed=0)


def test_source_run_is_plain_cross_entropy_with_known_corruption():
    """Losses of 1,400 or so digits in each of 2 epochs; the share of wrong labels is the one asked for."""
    x, right = source_features(0.3, 2, 0.75, 0.5, seed=0)
    assert x.shape == (2 * (len(right) // 2), 3) and set(right.unique().tolist()) == {0.0, 1.0}
    assert 1 - right.mean() == pytest.approx(0.3, abs=0.03)
    assert sorted(x[:, 2].unique().tolist()) == [0.0, 0.5] and (x[:, 0] > 0).all()
    late = x[:, 2] == 0.5
    assert x[late & (right == 1), 0].mean() + 1 < x[late & (right == 0), 0].mean()


def test_mentor_depends_on_its_seed_alone():
    """Whatever the global random state is, and it is left as it was."""
    mentors = []
    for seed, state in ((0, 1), (0, 2), (3, 2)):
        torch.manual_seed(state)
        before = torch.get_rng_state()
        mentors.append(torch.cat([v.flatten() for v in train_mentor(0.2, 1, 0.75, 0.5, seed).state_dict().values()]))
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(mentors[0], mentors[1]) and not torch.equal(mentors[0], mentors[2])


def test_learned_mentor_tells_right_from_wrong_labels_of_another_run(mentor):
    """Other labels, other network. Chance is 1/2; with the sign turned round it would be near 0."""
    x, right = source_features(0.4, 8, 0.75, 0.5, seed=5)
    p = mentor(x).sigmoid()
    order = torch.randperm(len(p), generator=torch.Generator().manual_seed(0))
    p, right = p[order], right[order]
    n = int(min(right.sum(), (1 - right).sum()))
    assert (p[right == 1][:n] > p[right == 0][:n]).float().mean() > 0.9
    assert not any(w.requires_grad for w in mentor.parameters())


def test_learned_weights_favour_small_losses_and_are_one_in_the_burn_in(mentor):
    method = started(mentor="learned", source_epochs=1, **KEEP_ALL)
    method.mentor_ = mentor
    v = method.weights(torch.tensor([0.01, 1.0, 8.0]))
    assert 1 > v[0] > v[1] > v[2] > 0 and v[0] > 0.9 and v[2] < 0.3
    method.on_epoch_start(0, None)
    assert method.weights(torch.tensor([0.01, 8.0])).tolist() == [1.0, 1.0]


def test_learned_mentor_in_its_burn_in_is_the_ce_run_bit_for_bit():
    """Training it takes no draw from the run and leaves the first weights of the network alone."""
    mentornet, ce = MentorNet(mentor="learned", burn_in=1.0, source_epochs=1, **KEEP_ALL), CE()
    assert fit(mentornet, digits(), recipe()) == fit(ce, digits(), recipe())


def test_learned_run_repeats_and_never_reads_the_runs_own_truth():
    examples, runs = noisy_digits(), []
    garbage = dataclasses.replace(examples, y_clean=np.zeros(300, dtype=np.int64))
    for seen in (examples, garbage):
        runs.append(MentorNet(mentor="learned", source_epochs=2))
        fit(runs[-1], seen, recipe())
    assert torch.equal(weights(runs[0]), weights(runs[1]))
