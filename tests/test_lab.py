"""`show` opens the code that runs; `assert_same` lets nothing pass that differs in value or gradient."""

import functools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import threadpoolctl
import torch
from torch.nn import functional as F

from lnlkit import lab, noise, records

LOGITS, TARGETS = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 3, 0, 1])


def package(logits, y):
    return F.cross_entropy(logits, y, reduction="none")


def derived(logits, y):
    return -torch.log(torch.softmax(logits, 1).gather(1, y[:, None]).squeeze(1))


def detached(logits, y):
    return derived(logits.detach(), y)


def half_detached(logits, y):
    return logits.detach().logsumexp(1) - logits.gather(1, y[:, None]).squeeze(1)


def wrong_sign(logits, y):
    return -derived(logits, y)


def swapped(logits, y):
    return derived(logits, y).flip(0)


def wrong_shape(logits, y):
    return derived(logits, y)[:, None]


# ---- show


def test_show_prints_source_file_and_line(capsys):
    lab.show(noise.corrupt)
    where, first, *_ = capsys.readouterr().out.splitlines()
    line = int(where.removeprefix("lnlkit/noise.py, line "))
    assert first.startswith("def corrupt(")
    with open(noise.__file__, encoding="utf-8") as file:
        assert file.read().splitlines()[line - 1] == first


def test_show_looks_through_wrappers(capsys):
    lab.show(functools.partial(derived, y=TARGETS))
    lab.show(functools.lru_cache(derived))
    printed = capsys.readouterr().out
    assert printed.count("def derived(") == 2 and "test_lab.py, line" in printed


@pytest.mark.parametrize("obj", [len, 3, np.array])
def test_show_says_what_it_cannot_show(obj):
    with pytest.raises(TypeError, match="pass the function itself"):
        lab.show(obj)


# ---- assert_same


def test_equal_functions_pass_with_one_line(capsys):
    lab.assert_same(derived, package, LOGITS, TARGETS, names=["logits", "targets"])
    assert capsys.readouterr().out == "same values and gradients on logits, targets: derived\n"


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        (wrong_sign, "output 1: wrong_sign and the package's package differ by up to"),
        (swapped, "output 1: swapped"),
        (wrong_shape, r"output 1: wrong_shape has shape \(6, 1\), but package \(6,\)"),
        (detached, "gradient by logits: detached .* Was a tensor detached?"),
        (half_detached, "gradient by logits: half_detached"),
    ],
)
def test_differences_are_named(mine, message):
    with pytest.raises(AssertionError, match=message):
        lab.assert_same(mine, package, LOGITS, TARGETS, names=["logits", "targets"])


def test_a_gradient_in_the_wrong_example_is_seen():
    """The sum over examples of both outputs has the same gradient: only entries weighed one by one tell them apart."""
    def mine(x):
        return torch.stack([x[0].detach() * 0 + x[0].detach() + (x[1] - x[1].detach()),
                            x[1].detach() + (x[0] - x[0].detach())])  # fmt: skip

    with pytest.raises(AssertionError, match="gradient by argument 1"):
        lab.assert_same(mine, lambda x: x * 1, torch.tensor([1.0, 2.0]))


def test_gradients_by_the_parameters_of_a_network_are_compared(capsys):
    net, x = torch.nn.Linear(3, 2), torch.randn(4, 3)
    lab.assert_same(lambda net, x: net(x), lambda net, x: x @ net.weight.T + net.bias, net, x, names=["net", "x"])
    assert capsys.readouterr().out.startswith("same values and gradients on net, x")
    with pytest.raises(AssertionError, match="gradient by net"):
        lab.assert_same(lambda net, x: net(x) + net.bias.detach() - net.bias, lambda net, x: net(x), net, x,
                        names=["net", "x"])  # fmt: skip


def test_a_missing_gradient_equals_a_gradient_of_zero(capsys):
    lab.assert_same(lambda x, y: x * 1, lambda x, y: x + 0 * y, torch.ones(2), torch.ones(2), names=["x", "y"])
    assert "same values and gradients on x, y" in capsys.readouterr().out


def test_functions_of_arrays_are_compared_by_value(capsys):
    S, y = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), np.array([0, 1])

    def mine(S, y):
        others = S.copy()
        others[np.arange(len(y)), y] = -np.inf
        return others.argmax(1), others.max(1)

    lab.assert_same(mine, noise.mislabelling_scores, S, y, names=["S", "y"])
    assert capsys.readouterr().out == "same values on S, y: mine\n"
    with pytest.raises(AssertionError, match="output 2"):
        lab.assert_same(lambda S, y: (mine(S, y)[0], S.max(1)), noise.mislabelling_scores, S, y)
    with pytest.raises(AssertionError, match="returns 1 tensors, but mislabelling_scores 2"):
        lab.assert_same(lambda S, y: mine(S, y)[0], noise.mislabelling_scores, S, y)


def test_both_functions_draw_the_same_numbers():
    def draw(generator, rng):
        return torch.randn(3), torch.randn(3, generator=generator), rng.random(3)

    before = torch.random.get_rng_state()
    lab.assert_same(draw, draw, torch.Generator().manual_seed(3), np.random.default_rng(0))
    assert torch.equal(before, torch.random.get_rng_state())


def test_arguments_stay_as_they_are():
    def overwrites(x):
        return x.mul(2) if x.requires_grad else x.mul_(2)

    ints, floats = torch.arange(3), torch.ones(3)
    lab.assert_same(overwrites, overwrites, ints)
    lab.assert_same(overwrites, overwrites, floats)
    assert ints.tolist() == [0, 1, 2] and not floats.requires_grad


def test_names_must_match_the_arguments():
    with pytest.raises(ValueError, match=r"one name per argument \(2\)"):
        lab.assert_same(derived, package, LOGITS, TARGETS, names=["logits"])


def test_lab_needs_no_torch_to_show_code(root):
    code = "import sys; from lnlkit import lab, noise; lab.show(noise.corrupt); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "False", done.stderr


# ---- begin and end of a notebook ----


def begin(tmp_path, **changes):
    given = {"scale": "smoke", "seeds": [0], "device": "cpu", "out_dir": tmp_path, "RATE": 0.3} | changes
    return lab.begin("01_cvae_augmentation", **given)


def test_begin_says_scale_data_network_and_device_in_one_line(tmp_path, capsys):
    session = begin(tmp_path, seeds=(3, 4))
    said = capsys.readouterr().out
    assert said == "scale smoke: digits, network idn_cnn, 3 epochs, on cpu; seeds 3, 4; RATE 0.3\n"
    assert session.settings == session.paper.scale("smoke") and session.seeds == [3, 4] and session.device == "cpu"


@pytest.mark.parametrize("change, message", [
    ({"scale": "smok"}, "Did you mean 'smoke'"), ({"RATE": 30}, "`RATE` must be a fraction .* Did you mean 0.3"),
    ({"seeds": []}, "`SEEDS` must hold at least one seed"), ({"seeds": [-1]}, "`SEEDS` must be"),
    ({"device": "gpu"}, "`device` must be auto"),
])  # fmt: skip
def test_begin_refuses_a_typing_error_with_its_cure(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        begin(tmp_path, **change)


def test_a_session_writes_the_record_of_its_notebook(tmp_path):
    session = begin(tmp_path)
    path = session.save(config={"a": 1}, metrics={"m": [0.5]}, claims=[], comparison=[], described="made up")
    record = records.read_notebook(path)
    assert path == tmp_path / "01_cvae_augmentation.json" and record["described"] == "made up"
    assert (record["notebook"], record["scale"], record["seeds"]) == ("01_cvae_augmentation", "smoke", [0])
    assert record["seconds"] >= 0 and record["metrics"] == {"m": [0.5]}


def test_a_session_judges_the_recorded_runs_and_saves_the_verdicts(tmp_path):
    session = begin(tmp_path)
    shipped = session.recorded("lab")
    verdicts = session.verdicts(shipped)
    assert {v.scale for v in verdicts} == {"lab"} and [v.id for v in verdicts] == [c.id for c in session.paper.claims]
    assert all(v.yours is None or v.decided_by == "algebra" or v.yours == pytest.approx(v.value) for v in verdicts)
    record = records.read_notebook(session.save(config={}, claims=verdicts, comparison=[]))
    assert record["metrics"] == {v.id: v.value for v in verdicts} and len(record["claims"]) == len(verdicts)


def test_a_session_hands_out_the_shipped_runs_of_a_scale(tmp_path):
    table = begin(tmp_path).recorded("lab")
    assert table.scale == "lab" and table.notebook == "01_cvae_augmentation" and not list(tmp_path.iterdir())


def test_runs_are_kept_where_the_runner_says(tmp_path, monkeypatch):
    from lnlkit.recorded import making

    asked = []
    monkeypatch.setattr(making, "obtain", lambda paper, scale, folder, *_: asked.append((scale, folder)))
    session = begin(tmp_path)
    session.recorded()
    monkeypatch.setenv("LNLKIT_RUNS", str(tmp_path / "kept"))
    session.recorded("paper")
    assert asked == [("smoke", tmp_path / "runs"), ("paper", tmp_path / "kept")]


def test_a_notebook_computes_with_one_thread_wherever_it_is_opened(tmp_path):
    torch.set_num_threads(2)
    begin(tmp_path)
    assert torch.get_num_threads() == 1 == records.environment()["threads"]
    assert {library["num_threads"] for library in threadpoolctl.threadpool_info()} == {1}


def without_a_copy(y, wrong):
    y[wrong] = 0
    return y


def scaled_in_place(x, factor):
    x *= factor
    return x


@pytest.mark.parametrize("mine, theirs, arguments", [
    (without_a_copy, lambda y, wrong: np.where(wrong, 0, y), (np.arange(4), np.arange(4) > 1)),
    (scaled_in_place, lambda x, factor: x * factor, (np.ones(3), 2.0)),
    (scaled_in_place, lambda x, factor: x * factor, (torch.ones(3), 2.0)),  # torch itself would speak of a leaf
    (scaled_in_place, lambda x, factor: x * factor, (torch.arange(3), 2)),
], ids=["positions", "array", "tensor", "whole numbers"])  # fmt: skip
def test_a_function_that_changes_what_it_is_given_is_told(mine, theirs, arguments):
    with pytest.raises(AssertionError, match=rf"{mine.__name__} changes what it is given: work on a copy, .*\.$"):
        lab.assert_same(mine, theirs, *arguments)


def test_arrays_turned_round_and_tables_are_values(capsys):
    x = np.array([2.0, 1.0, 3.0])
    lab.assert_same(lambda x: np.argsort(x)[::-1], lambda x: np.array([2, 0, 1]), x)
    lab.assert_same(lambda x: pd.DataFrame({"a": x}, index=[5, 6, 7]), lambda x: x[:, None], x)
    lab.assert_same(lambda x: pd.Series(x, index=[5, 6, 7]), lambda x: np.broadcast_to(x, (3,)), x)
    assert capsys.readouterr().out.count("same values") == 3
