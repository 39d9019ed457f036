import numpy as np
import pytest
import torch

from lnlkit import data, models, seeds
from lnlkit.data import label_vectors, targets
from lnlkit.methods.base import CE
from lnlkit.methods.regression import L2
from lnlkit.training import (
    Recipe,
    TrainingSet,
    as_images,
    as_inputs,
    average_predictions,
    fit,
    optimizer_of,
    predict,
    predict_outputs,
    to_unit,
)


@pytest.fixture
def digits():
    images = data.load("digits")
    y = images.y_train[:200]
    return data.NoisyData(images.x_train[:200], y, y, 10)


def recipe(**changes):
    settings = dict(
        make_net=lambda n_outputs=None: models.build("mlp", (1, 8, 8), n_outputs or 10),
        make_optimizer=lambda parameters: torch.optim.Adam(parameters, lr=3e-3), epochs=3, batch_size=32)  # fmt: skip
    return Recipe(**settings | changes)


def weights(method):
    return torch.cat([p.detach().flatten() for p in method.nets_.parameters()])


def test_same_seed_same_weights_and_history_bit_for_bit(digits):
    runs = []
    for seed in (0, 0, 1):
        method = CE()
        history = fit(method, digits, recipe(), seed=seed)
        runs.append((history, weights(method)))
    assert runs[0][0] == runs[1][0] and torch.equal(runs[0][1], runs[1][1])
    assert not torch.equal(runs[0][1], runs[2][1])


def test_global_random_state_is_left_as_it_was(digits):
    before = torch.get_rng_state()
    fit(CE(), digits, recipe(), seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_one_epoch_of_plain_sgd_is_gradient_descent_by_hand(digits):
    """One full batch, one step: w - lr * dL/dw, with the gradient taken from torch's own cross-entropy."""
    one_step = recipe(make_optimizer=lambda p: torch.optim.SGD(p, lr=0.1), epochs=1, batch_size=len(digits))
    method = CE()
    fit(method, digits, one_step, seed=0)
    torch.manual_seed(seeds.derive(0, "initialisation"))
    net = one_step.network()
    x = torch.from_numpy(digits.x[:, None]).float() / 255
    torch.nn.functional.cross_entropy(net(x), torch.from_numpy(digits.y)).backward()
    expected = torch.cat([(p - 0.1 * p.grad).detach().flatten() for p in net.parameters()])
    torch.testing.assert_close(weights(method), expected, atol=1e-6, rtol=1e-5)


def test_the_method_sees_no_clean_label(digits):
    seen = []

    class Spy(CE):
        def start(self, recipe, data, generator):
            seen.append(data)
            super().start(recipe, data, generator)

    fit(Spy(), digits, recipe(epochs=1))
    assert isinstance(seen[0], TrainingSet) and set(vars(seen[0])) == {"x", "y", "n_classes"}


def test_every_example_is_seen_once_an_epoch_in_shuffled_order(digits):
    training_set = TrainingSet.of(digits)
    index = torch.cat([b.index for b in training_set.batches(32, torch.Generator().manual_seed(0))])
    assert not torch.equal(index, torch.arange(200)) and torch.equal(index.sort().values, torch.arange(200))
    batch = next(training_set.batches(32, torch.Generator().manual_seed(0)))
    torch.testing.assert_close(batch.x * 255, training_set.x[batch.index].float())
    assert torch.equal(batch.y, training_set.y[batch.index])
    assert sum(len(b.y) for b in training_set.batches(32, torch.Generator(), drop_last=True)) == 192


def test_schedule_is_stepped_once_an_epoch(digits):
    method = CE()
    def halve(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)

    fit(method, digits, recipe(make_schedule=halve, epochs=3))
    assert method.optimizer_.param_groups[0]["lr"] == pytest.approx(3e-3 / 8)


def test_average_predictions_is_the_mean_over_epochs(digits):
    each = []
    fit(CE(), digits, recipe(), seed=2, after_epoch=lambda m: each.append(m.predict(digits.x)) or {})
    S = average_predictions(CE(), digits, recipe(), seed=2)
    torch.testing.assert_close(S, torch.stack(each).mean(0))
    torch.testing.assert_close(S.sum(1), torch.ones(200))


def test_predict_uses_evaluation_mode_and_gives_the_mode_back():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.Dropout(0.9))
    x = np.zeros((7, 8, 8), dtype=np.uint8)
    assert torch.equal(predict(net, x, batch_size=3), predict(net, x)) and net.training


def test_bfloat16_run_stays_close_to_float32(digits):
    losses = [fit(CE(), digits, recipe(amp=amp), seed=0)[-1]["loss"] for amp in (False, True)]
    assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], abs=0.05)


def test_a_diverging_run_stops_with_the_cure(digits):
    wild = recipe(make_optimizer=lambda p: torch.optim.SGD(p, lr=1e30), epochs=5)
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        fit(CE(), digits, wild)


def test_images_must_be_uint8():
    with pytest.raises(ValueError, match="uint8"):
        as_images(np.zeros((3, 8, 8)))
    assert as_images(np.zeros((3, 32, 32, 3), np.uint8)).shape == (3, 3, 32, 32)


# ---- regression ----


def regression_recipe(**changes):
    def make_net(n_outputs=None):
        return models.regression_mlp(1, n_outputs, hidden=8)

    return recipe(**{"make_net": make_net} | changes)


def test_a_regression_set_shows_inputs_and_noisy_targets_as_floats():
    noisy = targets.sample("linear", 100, 0.3)
    seen = TrainingSet.of(noisy)
    assert set(vars(seen)) == {"x", "y", "n_classes"} and seen.n_classes is None
    assert seen.n_outputs == 1 and len(seen) == 100 and seen.x.dtype == seen.y.dtype == torch.float32
    assert np.array_equal(seen.x, noisy.x) and np.array_equal(seen.y, noisy.y)
    wide = TrainingSet.of(targets.Targets(np.zeros((5, 3)), np.zeros((5, 2))))
    assert wide.n_outputs == 2 and wide.x.dtype == wide.y.dtype == torch.float32
    seen.y.zero_()
    assert noisy.y.any()  # a method that writes into its targets does not reach the caller's


def test_batches_of_a_regression_hold_pairs_unscaled():
    """Inputs are not pixels: nothing is divided by 255."""
    training_set = TrainingSet.of(targets.sample("linear", 100, 0, sd=0))
    batches = list(training_set.batches(32, torch.Generator().manual_seed(0)))
    assert [len(b.y) for b in batches] == [32, 32, 32, 4]
    for batch in batches:
        assert batch.y.shape == batch.x.shape and batch.x.abs().max() > 1
        torch.testing.assert_close(batch.y, 0.5 * batch.x)
        assert torch.equal(batch.x, training_set.x[batch.index])


def test_one_step_of_a_regression_is_gradient_descent_by_hand():
    """The network has as many outputs as targets have dimensions, and comes from the seed of the initialisation."""
    noisy = targets.sample("cosexp", 64, 0.3)
    pairs = targets.Targets(noisy.x, np.concatenate([noisy.y, -2 * noisy.y], 1))
    one_step = regression_recipe(make_optimizer=lambda p: torch.optim.SGD(p, lr=0.1), epochs=1, batch_size=64)
    method = L2()
    history = fit(method, pairs, one_step)
    torch.manual_seed(seeds.derive(0, "initialisation"))
    net = models.regression_mlp(1, 2, hidden=8)
    loss = torch.nn.functional.mse_loss(net(torch.from_numpy(pairs.x)), torch.from_numpy(pairs.y))
    loss.backward()
    expected = torch.cat([(p - 0.1 * p.grad).detach().flatten() for p in net.parameters()])
    torch.testing.assert_close(weights(method), expected, atol=1e-6, rtol=1e-5)
    assert history[0]["loss"] == pytest.approx(loss.item(), rel=1e-5)


def test_outputs_of_a_regression_do_not_depend_on_the_batch_size():
    net = models.regression_mlp(2, 3, hidden=8)
    x = np.random.default_rng(0).normal(size=(50, 2))
    got = predict_outputs(net, x, batch_size=7)
    assert got.shape == (50, 3) and not got.requires_grad and net.training
    torch.testing.assert_close(got, predict_outputs(net, x))
    torch.testing.assert_close(got, net(torch.tensor(x, dtype=torch.float32)).detach())


def test_inputs_are_images_or_rows_of_numbers():
    x = np.arange(6).reshape(3, 2)  # whole numbers too become floats
    assert torch.equal(as_inputs(x), torch.tensor([[0.0, 1], [2, 3], [4, 5]])) and as_inputs(x).dtype == torch.float32
    assert torch.equal(to_unit(as_inputs(x)), as_inputs(x)) and torch.equal(as_inputs(as_inputs(x)), as_inputs(x))
    assert as_inputs(x[:, ::-1])[0].tolist() == [1, 0]  # a reversed view, which torch cannot share
    images = np.full((3, 8, 8), 255, np.uint8)
    assert torch.equal(as_inputs(images), as_images(images)) and to_unit(as_inputs(images)).max() == 1
    for wrong in (np.zeros(3), np.zeros((3, 8, 8))):
        with pytest.raises(ValueError, match="`x` must be uint8 images"):
            as_inputs(wrong)


# ---- several labels an example ----


def vectors(n=90, K=4):
    rng = np.random.default_rng(0)
    y = (rng.random((n, K)) < 0.4).astype(np.uint8)
    return label_vectors.NoisyLabelVectors(rng.integers(0, 256, (n, 8, 8)).astype(np.uint8), y, 1 - y, K)


def test_label_vectors_are_floats_and_class_numbers_stay_whole(digits):
    noisy = vectors()
    for given in (noisy, noisy.visible()):
        seen = TrainingSet.of(given)
        assert set(vars(seen)) == {"x", "y", "n_classes"} and len(seen) == 90
        assert seen.y.shape == (90, 4) and seen.y.dtype == torch.float32 and np.array_equal(seen.y, noisy.y)
        assert seen.x.dtype == torch.uint8 and seen.n_classes == seen.n_outputs == 4
    seen.y.zero_()
    assert noisy.y.any()  # a method that writes into its labels does not reach the caller's
    assert TrainingSet.of(digits).y.dtype == TrainingSet.of(digits.visible()).y.dtype == torch.int64
    one = label_vectors.NoisyLabelVectors(noisy.x, noisy.y[:, :1], noisy.y[:, :1], 1)
    assert TrainingSet.of(one).y.shape == (90, 1) and TrainingSet.of(one).y.dtype == torch.float32


def test_batches_of_label_vectors_hold_pixels_and_labels_of_the_same_examples():
    noisy = vectors()
    batches = list(TrainingSet.of(noisy).batches(32, torch.Generator().manual_seed(0)))
    assert [batch.y.shape for batch in batches] == [(32, 4), (32, 4), (26, 4)]
    for batch in batches:
        assert np.array_equal(batch.y, noisy.y[batch.index])
        torch.testing.assert_close(batch.x[:, 0] * 255, torch.from_numpy(noisy.x[batch.index]).float())


def test_features_with_label_vectors_are_not_pixels():
    noisy = vectors()
    rows = label_vectors.NoisyLabelVectors(3 * noisy.x.reshape(90, -1).astype(np.float32), noisy.y, noisy.y, 4)
    seen = TrainingSet.of(rows)
    assert seen.x.dtype == torch.float32 and seen.image_shape == (64,)
    batch = next(seen.batches(5, torch.Generator(), shuffle=False))
    assert np.array_equal(batch.x, rows.x[:5])


def test_an_optimiser_is_made_from_its_settings_and_an_unknown_one_is_named():
    settings = {"name": "sgd", "lr": 0.3, "momentum": 0.5}
    optimizer = optimizer_of(settings)([torch.zeros(2, requires_grad=True)])
    assert type(optimizer) is torch.optim.SGD and settings["name"] == "sgd"
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]) == (0.3, 0.5)
    with pytest.raises(ValueError, match="`optimizer` must be one of .*, but got 'adma'. Did you mean 'adam'"):
        optimizer_of({"name": "adma", "lr": 1.0})
