"""A file of one's own with one label an image is a data set like any other, also where its clean labels are unknown."""

import numpy as np
import pytest

from lnlkit import cli, data, papers, tasks
from lnlkit.papers.study import study
from lnlkit.run import runner


@pytest.fixture()
def arrays():
    digits, rng = data.load("digits"), np.random.default_rng(0)
    y = digits.y_train[:200]
    return {"x_train": digits.x_train[:200], "y_train": y, "x_test": digits.x_test[:60], "y_test": digits.y_test[:60],
            "y_noisy": np.where(rng.random(200) < 0.3, (y + 1) % 10, y)}  # fmt: skip


def saved(tmp_path, arrays, *without, **more):
    np.savez(tmp_path / "mine.npz", **{name: of for name, of in (arrays | more).items() if name not in without})
    return str(tmp_path / "mine.npz")


def config(name, noise="given", **more):
    raw = {"dataset": name, "noise": noise, "noise_rates": [0.3], "seeds": [0], "epochs": 2, **more}
    return tasks.grid(study("mine", raw, papers.rows_by_method()), "lab")[0]


def test_its_own_labels_are_noise_of_the_kind_given_and_others_are_drawn_on_clean_ones(tmp_path, arrays):
    name = saved(tmp_path, arrays, class_names=np.array(list("abcdefghij")))
    images = data.load(name)
    assert images.class_names == tuple("abcdefghij") and images.clean_known and images.n_classes == 10
    record = tasks.record(config(name))
    train = tasks.train(config(name)).splits.train
    place = {x.tobytes(): i for i, x in enumerate(arrays["x_train"])}
    index = [place[x.tobytes()] for x in train.x]
    assert np.array_equal(train.y, arrays["y_noisy"][index]) and np.array_equal(train.y_clean, arrays["y_train"][index])
    assert record["realised_rate"] == pytest.approx((train.y != train.y_clean).mean()) and record["realised_rate"] > 0.2
    drawn = tasks.train(config(name, noise="pairflip")).splits.train
    assert (drawn.y != drawn.y_clean).mean() == pytest.approx(0.3, abs=0.03)


def test_without_clean_labels_nothing_is_said_of_them_and_no_noise_can_be_drawn(tmp_path, arrays):
    name = saved(tmp_path, arrays, "y_train")
    record = tasks.record(config(name, methods=["coteaching"]))
    assert record["realised_rate"] is None and record["T"] is None and "diagnosis" not in record
    assert record["hparams"]["forget_rate"] == 0.3  # the rate is what methods are told
    with pytest.raises(ValueError, match="`kind` must be 'given' for mine.npz, which has no clean labels to corrupt"):
        tasks.record(config(name, noise="symmetric"))


def test_a_file_without_noisy_labels_has_no_given_noise_and_other_faults_are_named(tmp_path, arrays):
    with pytest.raises(ValueError, match="which has no y_noisy, but got 'given'"):
        tasks.record(config(saved(tmp_path, arrays, "y_noisy")))
    with pytest.raises(ValueError, match="mine.npz isn't a set of images with one label each: it must hold y_train"):
        data.load(saved(tmp_path, arrays, "y_noisy", "y_train"))
    with pytest.raises(ValueError, match="mine.npz isn't a set of images with one label each: .*y_noisy"):
        data.load(saved(tmp_path, arrays, y_noisy=arrays["y_noisy"][:10]))


def test_facts_are_those_of_the_training_images(tmp_path, arrays):
    facts = data.own.facts_of(data.load(saved(tmp_path, arrays)))
    pixels = arrays["x_train"] / 255
    assert facts.image_shape == (8, 8) and facts.n_classes == 10
    assert facts.mean == pytest.approx((pixels.mean(),)) and facts.std == pytest.approx((pixels.std(),))
    colour = {part: np.repeat(arrays[part][..., None], 3, 3) for part in ("x_train", "x_test")}
    assert len(data.own.facts_of(data.load(saved(tmp_path, arrays | colour))).mean) == 3


def test_another_file_under_the_same_name_makes_other_runs(tmp_path, arrays):
    before = config(saved(tmp_path, arrays))
    assert config(saved(tmp_path, arrays)) == before != config(saved(tmp_path, arrays, y_noisy=arrays["y_train"]))


def test_the_command_sweeps_it(tmp_path, arrays, monkeypatch, capsys):
    saved(tmp_path, arrays, "y_train")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    cli.main("sweep --dataset mine.npz --noise given --rates 0.3 --seeds 0,1 --set epochs=2 --device cpu".split())
    assert "mine.npz" in (out := capsys.readouterr().out) and "2 runs in" in out and "±" in out
