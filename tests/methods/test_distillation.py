import types

import numpy as np
import pytest
import torch
from refusals import check_refusal
from small_runs import digits, recipe, untrained, weights
from torch.testing import assert_close

from lnlkit import noise
from lnlkit.methods.base import CE
from lnlkit.methods.distillation import BLTM, TransitionNetwork, distil, matrices
from lnlkit.training import Batch, TrainingSet, fit, predict, to_unit

SMALL = {"warmup_epochs": 12, "transition_epochs": 15}
EXAMPLES = digits(400, noise.corrupt(digits(400).y, noise.symmetric(10, 0.3), np.random.default_rng(0)))


@pytest.fixture(scope="module")
def trained():
    method = BLTM(**SMALL)
    fit(method, EXAMPLES, recipe(), seed=3)
    return method


def test_what_is_more_probable_than_noise_could_make_it_is_distilled():
    found = distil([[0.56, 0.44], [0.55, 0.45], [0.2, 0.8], [0.5, 0.5]], rho=0.1)
    assert found.kept.tolist() == [True, False, True, False] and found.labels.tolist()[:3] == [0, 0, 1]
    assert distil([[0.56, 0.44], [0.2, 0.8]], rho=0.6).kept.tolist() == [False, False]  # 0.8 is not above 0.8


def test_what_is_distilled_is_the_bayes_label_when_rho_bounds_the_noise():
    """1,000 draws of clean posteriors and of matrices whose wrong labels have at most 30 %: the theorem, by trial."""
    rng, K, rho = np.random.default_rng(0), 3, 0.3
    clean = rng.dirichlet(np.full(K, 0.5), 1000)
    T = rho * rng.random((1000, K, K)) * (1 - np.eye(K))
    T += (1 - T.sum(2))[:, :, None] * np.eye(K)
    found = distil(np.einsum("ni,nij->nj", clean, T), rho)
    kept = found.kept.numpy()
    assert 100 < kept.sum() < 900 and (found.labels.numpy()[kept] == clean.argmax(1)[kept]).all()
    loose = distil(np.einsum("ni,nij->nj", clean, T), 0.0)
    assert (loose.labels.numpy() != clean.argmax(1))[loose.kept.numpy()].any()  # a rho that is too small is a guess


def test_it_distils_what_the_ce_run_of_the_warm_up_is_sure_of(trained):
    ce = CE()
    fit(ce, EXAMPLES, recipe(epochs=12), seed=3)
    p = ce.predict(EXAMPLES.x)
    assert torch.equal(trained.distilled_.kept, p.max(1).values > 0.55)
    assert torch.equal(trained.distilled_.labels, p.argmax(1))
    again = trained.select(EXAMPLES.x[:50])
    assert torch.equal(again.kept, trained.distilled_.kept[:50]) and again.kept.any() and not again.kept.all()


def test_bayes_labels_are_right_more_often_than_the_labels_given(trained):
    kept = trained.distilled_.kept.numpy()
    said = trained.diagnose(types.SimpleNamespace(train=EXAMPLES))
    given = (EXAMPLES.y == EXAMPLES.y_clean)[kept].mean()
    assert said["distilled"] == kept.sum() and said["distilled_share"] == kept.mean()
    labels = trained.distilled_.labels.tolist()
    right = [label == truth for label, truth, k in zip(labels, EXAMPLES.y_clean, kept, strict=True) if k]
    assert said["distilled_accuracy"] == sum(right) / len(right) > given + 0.05
    p = predict(trained.warm_net_, EXAMPLES.x)
    sure_first = (p.argmax(1).numpy() == EXAMPLES.y_clean)[(-p.max(1).values).argsort(stable=True).numpy()]
    most = max(n for n in range(1, 401) if sure_first[:n].mean() >= 0.96)
    assert said["kept_at_96"] == most / 400


def test_transition_network_fits_the_row_of_the_bayes_label():
    """-log T(x)[bayes, y], one example at a time."""
    data = TrainingSet.of(EXAMPLES)
    bayes = torch.arange(400) % 10
    method = untrained(TransitionNetwork(bayes, untrained(CE(), EXAMPLES, recipe()).nets_[0]), EXAMPLES, recipe())
    index = torch.arange(103, 143)
    batch = Batch(to_unit(data.x[index]), data.y[index], index)
    T = matrices(method.nets_[0](batch.x)).softmax(2).detach().double().numpy()
    assert T.shape == (40, 10, 10) and T.sum(2) == pytest.approx(np.ones((40, 10)))
    expected = np.mean([-np.log(T[b, bayes[i], EXAMPLES.y[i]]) for b, i in enumerate(index.tolist())])
    assert method.loss(batch).item() == pytest.approx(expected, rel=1e-5)


def test_transition_network_starts_from_the_classifier_but_for_its_last_layer():
    classifier = untrained(CE(), EXAMPLES, recipe(), seed=8).nets_[0].state_dict()
    first = untrained(CE(), EXAMPLES, recipe(), seed=8).nets_[0]
    method = untrained(TransitionNetwork(torch.zeros(400, dtype=torch.int64), first), EXAMPLES, recipe(), seed=9)
    own = method.nets_[0].state_dict()
    same = [name for name, value in own.items() if value.shape == classifier[name].shape]
    assert all(torch.equal(own[name], classifier[name]) for name in same) and len(own) - len(same) == 2


def test_transitions_learn_how_labels_got_noisy(trained):
    """Labels kept with 70 %: where something is distilled, the matrix of an image gives its own label about that."""
    kept = trained.distilled_.kept
    T = trained.transitions(EXAMPLES.x)
    assert T.shape == (400, 10, 10) and T.dtype == torch.float32
    assert_close(T.sum(2), torch.ones(400, 10))
    stays = T[torch.arange(400), trained.distilled_.labels, trained.distilled_.labels][kept].mean().item()
    share = (EXAMPLES.y == trained.distilled_.labels.numpy())[kept.numpy()].mean()
    assert stays == pytest.approx(share, abs=0.1)


def test_the_loop_only_nudges_the_warmed_up_network_at_the_authors_rate(trained):
    moved = weights(trained, 0) - torch.cat([v.flatten().double() for v in trained.warm_net_.state_dict().values()])
    steps = 3 * 13
    assert 0 < moved.abs().max() <= 5e-7 * steps * 1.1


def test_loss_is_that_of_the_corrected_prediction(trained):
    data, index = TrainingSet.of(EXAMPLES), torch.arange(40)
    batch = Batch(to_unit(data.x[index]), data.y[index], index)
    p = trained.nets_[0].train()(batch.x).softmax(1).detach().double()
    noisy = torch.einsum("bi,bij->bj", p, trained.transitions(EXAMPLES.x[:40]).double())
    assert trained.loss(batch).item() == pytest.approx(-noisy[index, batch.y].log().mean().item(), rel=1e-5)


def test_a_rho_that_leaves_nothing_is_refused():
    said = check_refusal(lambda: fit(BLTM(rho=1.0, **SMALL), EXAMPLES, recipe()), "rho")
    assert "0 of 400" in said and "warmup_epochs" in said
