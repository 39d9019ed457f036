"""EchoMod, EchoSelect and what is learned from both (Paper 04)."""

import dataclasses

import numpy as np
import pytest
import torch
from small_runs import digits, recipe, sgd, weights
from torch import nn

from lnlkit import data, noise
from lnlkit.methods import echo_select, echoalign, make
from lnlkit.methods.base import CE
from lnlkit.methods.echo_mod import FlowEcho
from lnlkit.methods.echoalign import EchoAlign
from lnlkit.methods.flow import FlowNet
from lnlkit.methods.pretrained import FOLDER, read_flow
from lnlkit.tasks.running import Splits
from lnlkit.training import TrainingSet, fit

PAIRS = noise.pairflip(10, 0.45)


def noisy(n=300, T=PAIRS) -> data.NoisyData:
    """Digits of the half that the generator has not seen."""
    return digits(n, noise.corrupt(digits(n).y, T, np.random.default_rng(0)))


def run(examples=None, epochs=4, **fields) -> EchoAlign:
    method = EchoAlign(**{"strength": 0.5, "early_epochs": 2} | fields)
    fit(method, noisy() if examples is None else examples, recipe(epochs=epochs))
    return method


class Negative:
    """A generator whose images are the negatives of what goes in, and features that see the difference."""

    def modify(self, x, y, seed=0):
        return 255 - x


def halves(x):
    """Features by which every second image is like its negative: (1, 0) for all, against the mean and what lacks."""
    bright = torch.as_tensor(x).float().flatten(1).mean(1) / 255
    same = torch.arange(len(bright)) % 2 == 0
    return torch.stack([torch.where(same, 1.0, bright - 0.5), torch.where(same, 0.0, 1e-3)], dim=1)


# ---- EchoMod


def test_a_modified_image_shows_its_label_and_keeps_more_of_itself_where_the_label_was_right():
    """Judged by a network that was trained on other digits with their clean labels."""
    images, judge, echo = data.load("digits"), CE(), FlowEcho(read_flow(FOLDER / "flow_digits.safetensors"), 0.5)
    fit(judge, data.Labelled(images.x_train[800:], images.y_train[800:], 10), recipe(epochs=25))
    x, y = images.x_train[:300], images.y_train[:300]
    wrong = (y + 1 + np.arange(300) % 9) % 10
    assert (judge.predict(x).argmax(1).numpy() == wrong).mean() < 0.05
    made, same = echo.modify(x, wrong), echo.modify(x, y)
    assert made.dtype == np.uint8 and made.shape == x.shape
    assert (judge.predict(made).argmax(1).numpy() == wrong).mean() > 0.9
    change = [np.abs(of.astype(int) - x).mean() for of in (same, made)]
    assert change[0] < 0.7 * change[1]


def test_images_come_back_as_they_came_and_by_the_seed():
    echo, x, y = FlowEcho(read_flow(FOLDER / "flow_digits.safetensors"), 0.5, steps=2), digits(9).x, digits(9).y
    a, b, c = (echo.modify(x, y, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    tensor = torch.from_numpy(x[:, None])
    assert torch.equal(echo.modify(tensor, torch.from_numpy(y), seed=1)[:, 0], torch.from_numpy(a))
    colour = FlowEcho(FlowNet((3, 8, 8), 10, width=8), steps=1)
    assert colour.modify(np.zeros((2, 8, 8, 3), np.uint8), [1, 2]).shape == (2, 8, 8, 3)


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"`x` must be images \(1, 8, 8\)"):
        FlowEcho(FlowNet((1, 8, 8), 10, width=8)).modify(np.zeros((2, 9, 9), np.uint8), [0, 1])


# ---- EchoSelect


def test_similarity_is_the_cosine():
    """Eq. (1), by NumPy."""
    a, b = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    wanted = [np.dot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v)) for u, v in zip(a.numpy(), b.numpy(), strict=True)]
    assert echo_select.similarity(a, b).tolist() == pytest.approx(wanted, abs=1e-6)
    torch.testing.assert_close(echo_select.similarity(a, 3 * a), torch.ones(7))


def test_what_lies_at_the_threshold_stays():
    assert echo_select.select(torch.tensor([0.39, 0.4, 0.41]), 0.4).tolist() == [False, True, True]


def test_features_are_what_goes_into_the_last_layer():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 3))
    x = digits(6).x
    wanted = net[:3](torch.from_numpy(x / 255).float()).detach()
    torch.testing.assert_close(echo_select.NetworkFeatures(net)(x), wanted)


def test_small_loss_keeps_the_authors_share_of_each_class_and_mostly_right_labels():
    examples = noisy(600, noise.symmetric(10, 0.3))
    data = TrainingSet.of(examples)
    kept = echo_select.small_loss(echo_select.mean_losses(data, recipe(), 5, seed=0), data, noise_rate=0.3).numpy()
    for label in range(10):
        members = examples.y == label
        assert kept[members].sum() == int(0.63 * members.sum() + 1e-9)  # min(1 - 0.36, 0.9 * 0.7)
    right = examples.y == examples.y_clean
    assert right[kept].mean() > 0.9 > right.mean() + 0.1


def test_reading_a_generator_draws_nothing_so_that_the_first_run_of_a_process_is_like_the_others():
    before = torch.get_rng_state()
    read_flow.__wrapped__(FOLDER / "flow_digits.safetensors")
    assert torch.equal(torch.get_rng_state(), before)


# ---- the whole


def test_where_every_original_stays_it_is_the_learners_own_run():
    """tau = -1, bit for bit: nothing is drawn from the run's own stream."""
    for learner in ("ce", "gce"):
        own = make(learner)
        fit(own, noisy(), recipe(epochs=4))
        assert torch.equal(weights(run(threshold=-1.0, learner=learner)), weights(own))


def test_the_refined_set_is_algorithm_1():
    """Every second image is like its negative and stays, for the others the negative goes in."""
    examples = noisy(40)
    method = run(examples, echo=Negative(), features=halves, threshold=0.5)
    refined, x = method.sets_["refined"], torch.from_numpy(examples.x[:, None])
    assert torch.equal(refined.x[::2], x[::2]) and torch.equal(refined.x[1::2], 255 - x[1::2])
    assert refined.y.tolist() == examples.y.tolist()
    assert method.selected_.tolist() == [True, False] * 20
    assert torch.equal(method.sets_["originals"].x, x[::2])


@pytest.mark.parametrize("fields, n_originals, n_modified", [
    ({"modified": "none"}, 20, 0), ({"modified": "all"}, 20, 40), ({"originals": "none", "modified": "all"}, 0, 40)])
def test_the_other_sets_are_those_of_table_3_and_of_the_authors_code(fields, n_originals, n_modified):  # fmt: skip
    method = run(noisy(40), echo=Negative(), features=halves, threshold=0.5, **fields)
    refined = method.sets_["refined"]
    assert len(refined) == n_originals + n_modified and int(method.is_modified_.sum()) == n_modified
    x, negative = torch.from_numpy(noisy(40).x[:, None]), 255 - torch.from_numpy(noisy(40).x[:, None])
    assert torch.equal(refined.x, torch.cat([x[::2][:n_originals], negative[:n_modified]]))


def test_groups_weigh_the_same():
    """n_mod w_mod = n_orig w_orig: 0.8 for the one fifth of originals, 0.2 for the others."""
    method = run(noisy(40), echo=Negative(), features=halves, threshold=0.5, modified="all", group_weights=True)
    weight, changed = method.learner_.weights, method.is_modified_
    assert float(weight[changed].sum()) == pytest.approx(float(weight[~changed].sum()))
    assert weight.unique().tolist() == pytest.approx([1 / 3, 2 / 3])
    plain = run(noisy(40), echo=Negative(), features=halves, threshold=0.5, modified="all")
    assert not torch.equal(weights(method), weights(plain))


def test_the_last_epochs_see_the_originals_alone():
    """With 5 epochs and a share of 0.4, the last two; what they see decides the end."""
    method = EchoAlign(echo=Negative(), features=halves, threshold=0.5, fine_tune=0.4)
    sizes = []
    fit(method, noisy(40), recipe(epochs=5), after_epoch=lambda m: sizes.append(len(m.now_)))
    assert sizes == [40, 40, 40, 20, 20]


def test_wrong_labels_are_left_out_and_learning_gets_better():
    """Pair flips at 45 % on digits, as in Table 3: mostly right originals stay, and cross-entropy is beaten."""
    examples, test = noisy(600), data.load("digits")
    ce, settings = CE(), {"epochs": 30, "make_optimizer": sgd(0.05, momentum=0.9)}
    fit(ce, examples, recipe("idn_cnn", **settings))
    method = EchoAlign(threshold=0.9, strength=0.5)
    fit(method, examples, recipe("idn_cnn", **settings))
    kept, right = method.selected_.numpy(), examples.y == examples.y_clean
    assert right[kept].mean() > right.mean() + 0.3 and kept.mean() > 0.2
    accuracy = [float((m.predict(test.x_test).argmax(1).numpy() == test.y_test).mean()) for m in (ce, method)]
    assert accuracy[1] > accuracy[0] + 0.2


def test_the_papers_own_generator_and_features_stand_behind_the_same_doors(monkeypatch, tmp_path):
    """What is made of them: ControlNet with the names of the classes and a folder that other rows share, and CLIP."""
    asked = {}

    def generator(names, **settings):
        asked.update(names=names, **settings)
        return Negative()

    monkeypatch.setenv("LNLKIT_DATA", str(tmp_path))
    monkeypatch.setattr(echoalign, "ControlNetEcho", generator)
    monkeypatch.setattr(echoalign, "ClipFeatures", lambda device: halves)
    names, real = list("abcdefghij"), {"generator": "controlnet", "extractor": "clip"}
    method = run(noisy(40), threshold=0.5, class_names=names, **real)
    assert torch.equal(method.modified_, 255 - torch.from_numpy(noisy(40).x[:, None]))
    assert method.selected_.tolist() == [True, False] * 20
    first = asked["folder"]
    assert asked["names"] == names and first.parent == tmp_path / "controlnet"
    run(noisy(40), threshold=0.5, class_names=names, modified="none", **real)
    assert asked["folder"] == first
    run(noisy(41), threshold=0.5, class_names=names, **real)
    assert asked["folder"] != first


def test_a_generator_can_learn_from_the_noisy_labels_alone():
    method = run(noisy(80), knows="noisy labels", flow_epochs=1)
    assert method.echo_.net is not read_flow(FOLDER / "flow_digits.safetensors")
    x = method.modified_
    assert x.dtype == torch.uint8 and x.shape == (80, 1, 8, 8)


@pytest.mark.parametrize("fields, says", [
    ({"originals": "none"}, "`modified` must be 'all'"),
    ({"group_weights": True, "learner": "gce"}, "`learner` must be 'ce'"),
    ({"generator": "controlnet"}, "`class_names` must be"),
    ({"threshold": 1.0, "modified": "none", "echo": Negative(),
      "features": lambda x: torch.randn(len(x), 4, generator=torch.Generator().manual_seed(int(x[0, 0, 0, 0])))},
     "`threshold` must leave something"),
])  # fmt: skip
def test_choices_that_contradict_each_other_are_refused(fields, says):
    with pytest.raises(ValueError, match=says):
        run(noisy(40), **fields)


def test_without_a_generator_for_such_images_the_cure_is_named():
    examples = dataclasses.replace(noisy(40), x=noisy(40).x[:, :7, :7])
    with pytest.raises(ValueError, match="`knows` must be 'noisy labels'"):
        run(examples)


def test_the_small_loss_variant_says_that_it_needs_the_noise_rate():
    method = make("echoalign_small_loss", forget_rate=0.45, loss_epochs=3, strength=0.5)
    fit(method, noisy(), recipe(epochs=2))
    assert method.needs == ("noise rate",) and 0 < float(method.selected_.float().mean()) <= 0.46


def test_the_small_loss_variant_can_be_recorded_like_the_others():
    examples = noisy(600, noise.symmetric(10, 0.3))
    method, splits = make("echoalign_small_loss", forget_rate=0.3, loss_epochs=5), Splits(examples, examples, digits())
    fit(method, examples, recipe(epochs=2))
    judged = method.diagnose(splits)
    assert judged["auc"] > 0.9 and judged["purity"] > 0.9
    assert method.illustrate(splits) == {}
