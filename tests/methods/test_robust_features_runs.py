"""Paper 03: whole runs, and what a trained method can be asked."""

import numpy as np
import pytest
import torch
from refusals import check_refusal
from small_runs import digits, recipe, untrained, weights
from torch.testing import assert_close

from lnlkit import data, evaluation, models
from lnlkit.augment import crop_flip, rand_augment
from lnlkit.methods import hyperparameters, make
from lnlkit.training import AT_ONCE, TrainingSet, fit, to_unit

PLAIN = {"alpha_end": 1.0, "rec_weight": 0.0, "cluster_weight": 0.0}  # without all three terms
SMALL = {"decoder_width": 16}


def colour(n: int = 12, side=(9, 7)) -> data.NoisyData:
    y = np.arange(n) % 3
    return data.NoisyData(np.random.default_rng(0).integers(0, 256, (n, *side, 3), dtype=np.uint8), y, y, 3)


@pytest.fixture(scope="module")
def trained():
    method = make("robust_features", **SMALL)
    fit(method, digits(64), recipe("small_cnn", epochs=2))
    return method


# ---- runs ----


@pytest.mark.parametrize("changes", [{}, {"view": "augmented", "n_ops": 0, "cutout": 0.0}], ids=["clean", "augmented"])
@pytest.mark.parametrize("network, amp", [("mlp", False), ("small_cnn", False), ("small_cnn", True)])
def test_without_its_terms_it_is_the_ce_run_bit_for_bit(network, amp, changes):
    """Weights, statistics of batch norm and history, in batches that are augmented."""
    examples, run = digits(100), recipe(network, amp=amp, augment=crop_flip)
    track = evaluation.tracker(examples, examples, examples.clean())
    plain, ce = make("robust_features", **PLAIN | changes), make("ce")
    assert fit(plain, examples, run, after_epoch=track) == fit(ce, examples, run, after_epoch=track)
    assert torch.equal(weights(plain), weights(ce)) and len(plain.nets_) == 1
    assert torch.equal(plain.predict(examples.x), ce.predict(examples.x))


@pytest.mark.parametrize("changes", [{"alpha_end": 0.9}, {"rec_weight": 0.1}, {"cluster_weight": 0.1},
                                     {"view": "augmented"}])  # fmt: skip
def test_each_term_changes_the_run(changes):
    method, ce = make("robust_features", **SMALL | PLAIN | changes), make("ce")
    for each in (method, ce):
        fit(each, digits(64), recipe("small_cnn", epochs=2))
    assert not torch.equal(weights(method, net=0), weights(ce))


SETTINGS = [
    {"n_ops": 0}, {"magnitude": 20}, {"cutout": 0.2}, {"lambda_mi": 2.0}, {"n_clusters": 5}, {"detach": False},
    {"decoder_width": 8}, {"rec_weight": 2.0}, {"cluster_weight": 2.0}, {"alpha_end": 0.5}, {"alpha_shape": "cosine"},
    {"alpha_start": 0.4}, {"alpha_until": 0.5}, {"view": "augmented"},
]  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_every_hyperparameter_counts(setting):
    assert {name for each in SETTINGS for name in each} == set(hyperparameters(make("robust_features")))
    method, other = make("robust_features", **SMALL), make("robust_features", **SMALL | setting)
    for each in (method, other):
        fit(each, digits(48), recipe(epochs=4))
    assert not torch.equal(weights(method, net=0), weights(other, net=0))


def test_batch_norm_learns_nothing_before_the_run():
    """The heads are built after a look at two images, in evaluation mode."""
    method = untrained(make("robust_features", **SMALL), digits(20), recipe("small_cnn"))
    ce = untrained(make("ce"), digits(20), recipe("small_cnn"))
    assert torch.equal(weights(method, net=0), weights(ce)) and method.nets_.training


@pytest.mark.parametrize("make_net, examples", [
    (lambda n_outputs=None: models.build("small_cnn", (3, 9, 7), n_outputs or 3), colour()),
    (lambda n_outputs=None: models.build("resnet18", (1, 8, 8), n_outputs or 10), digits(9)),
    (lambda n_outputs=None: models.build("mlp", (1, 8, 8), n_outputs or 10), digits(1)),
], ids=["odd colour images, last batch of one", "a map of one pixel", "one image"])  # fmt: skip
def test_other_images_networks_and_last_batches(make_net, examples):
    method = make("robust_features", **SMALL)
    history = fit(method, examples, recipe(make_net=make_net, epochs=1, batch_size=11))
    t, restored = method.restore(examples.x)
    assert np.isfinite(history[0]["loss"]) and t.shape == restored.shape == TrainingSet.of(examples).x.shape


def test_in_bfloat16_heads_and_losses_stay_in_float32():
    method, dtypes = make("robust_features", **SMALL), set()

    def watch(method):
        for head in method.nets_[1:]:
            head.register_forward_hook(lambda layer, args, out: dtypes.add((args[0].dtype, out.dtype)))

    history = fit(method, digits(48), recipe("small_cnn", epochs=2, amp=True), after_epoch=watch)
    assert dtypes == {(torch.float32, torch.float32)} and np.isfinite(history[-1]["loss"])


def test_rows_of_features_are_refused_before_anything_is_trained():
    """There is no image to restore or to augment."""
    rows = data.Labelled(np.random.default_rng(0).normal(size=(20, 6)), np.arange(20) % 3, 3)
    run = recipe(make_net=lambda n_outputs=None: models.features_mlp((6,), n_outputs or 3, (4,)))
    check_refusal(lambda: fit(make("robust_features"), rows, run), "image_shape")


# ---- what it can be asked ----


def test_prediction_is_that_of_the_classifier_alone(trained):
    x = digits(64).x
    with torch.no_grad():
        expected = trained.nets_[0].eval()(to_unit(torch.from_numpy(x)[:, None])).softmax(1)
    trained.nets_[0].train()
    assert len(trained.nets_) == 3
    assert_close(trained.predict(x), expected)


def test_a_look_at_many_images_is_a_look_at_each(trained):
    """In evaluation mode, in parts; logits, features and maps belong together."""
    x, before = data.load("digits").x_train[: AT_ONCE + 5], weights(trained)
    seen = trained.look(x)
    assert [part.shape for part in seen] == [(AT_ONCE + 5, 10), (AT_ONCE + 5, 256), (AT_ONCE + 5, 64, 2, 2)]
    for part, of_few in zip(seen, trained.look(x[-3:]), strict=True):
        assert_close(part[-3:], of_few)
    assert_close(seen.logits.softmax(1), trained.predict(x))
    assert torch.equal(weights(trained), before) and all(net.training for net in trained.nets_)
    assert not any(part.requires_grad for part in seen)


def test_restorations_are_of_the_augmented_images_and_repeat_themselves(trained):
    x, before = data.load("digits").x_train[: AT_ONCE + 5], weights(trained)
    t, restored = trained.restore(x, seed=3)
    draws = torch.Generator().manual_seed(3)
    assert torch.equal(t, rand_augment(to_unit(torch.from_numpy(x)[:, None]), draws, 2, 9, 0.5))
    assert restored.min() >= 0 and restored.max() <= 1 and not restored.requires_grad
    trained.nets_.eval()
    with torch.no_grad():
        assert_close(restored, trained.decoder_(trained.views_.look(t).map))
    trained.nets_.train()
    assert all(torch.equal(a, b) for a, b in zip(trained.restore(x, seed=3), (t, restored), strict=True))
    assert not torch.equal(trained.restore(x)[0], t) and torch.equal(weights(trained), before)


def test_without_a_decoder_there_are_no_restorations():
    method = make("robust_features", rec_weight=0)
    fit(method, digits(20), recipe(epochs=1))
    check_refusal(lambda: method.restore(digits(4).x), "rec_weight")
    with_one = untrained(make("robust_features", **SMALL), digits(20), recipe())
    check_refusal(lambda: with_one.restore(digits(4).x, seed=-1), "seed")
    check_refusal(lambda: with_one.restore(digits(4).x[:, :5]), "x")
    check_refusal(lambda: with_one.look(digits(4).x[:, :5]), "x")


def test_images_are_restored_better_than_they_were_augmented():
    """On training images, after a short run of the restoration alone; an image of the mean pixel is worse."""
    method, x = make("robust_features", **PLAIN | {"rec_weight": 10.0}), digits(200).x
    fit(method, digits(200), recipe("mlp", epochs=25))
    wanted, (t, restored) = to_unit(TrainingSet.of(digits(200)).x), method.restore(x)
    errors = [(images - wanted).square().mean().item() for images in (restored, t, wanted.mean(0).expand_as(t))]
    assert errors[0] < 0.8 * errors[1] and errors[0] < 0.8 * errors[2]
