"""What notebook 04 derives is what the package runs, and what it tells is what was recorded."""

import numpy as np
import pytest
import torch
from derived import cells_of, names_derived_in, with_gradients
from sklearn.metrics import mutual_info_score

from lnlkit import noise, papers, recorded, widgets
from lnlkit.methods import echo_select
from lnlkit.methods.flow import FlowNet, generate

NOTEBOOK = "04_echoalign"


@pytest.fixture(scope="module")
def derived():
    return names_derived_in(NOTEBOOK)


@pytest.fixture(scope="module")
def table():
    return recorded.load("04")


def test_similarity_is_the_packages(derived):
    z = torch.randn(2, 20, 6, generator=torch.Generator().manual_seed(1))
    mine, theirs = (with_gradients(of, *z) for of in (derived["similarity"], echo_select.similarity))
    torch.testing.assert_close(mine, theirs)


def test_modified_images_are_the_packages(derived):
    torch.manual_seed(0)
    net, x = FlowNet((1, 8, 8), 3, width=8).eval(), torch.rand(5, 1, 8, 8)
    torch.nn.init.normal_(net.last[-1].weight)
    y, draws = torch.arange(5) % 3, torch.Generator()
    start = torch.randn(x.shape, generator=draws.manual_seed(2))
    with torch.no_grad():
        mine = derived["modify"](net, 2 * x - 1, y, start, 0.6, 3.0, steps=4)
    theirs = generate(net, y, draws.manual_seed(2), x=x, strength=0.6, guidance=3.0, steps=4)
    torch.testing.assert_close((mine / 2 + 0.5).clamp(0, 1), theirs, atol=1e-5, rtol=1e-4)


def test_the_refined_set_is_algorithm_1(derived):
    z = torch.randn(2, 20, 6, generator=torch.Generator().manual_seed(1))
    x, modified = torch.zeros(20, 1, 2, 2), torch.ones(20, 1, 2, 2)
    refined, kept = derived["refine"](x, modified, z[0], z[1], 0.2)
    wanted = echo_select.select(echo_select.similarity(z[1], z[0]), 0.2)
    assert torch.equal(kept, wanted) and 0 < int(kept.sum()) < 20
    assert torch.equal(refined[:, 0, 0, 0] == 0, wanted)


def test_counter_examples_to_the_theorem():
    """In closed form: no information, all of it, and what symmetric noise leaves."""
    rng = np.random.default_rng(0)
    Y = rng.integers(0, 10, 20_000)
    Y_noisy = noise.corrupt(Y, noise.symmetric(10, 0.4), rng)
    left = np.log(10) + 0.6 * np.log(0.6) + 0.4 * np.log(0.4 / 9)
    assert mutual_info_score(np.zeros_like(Y), Y_noisy) == pytest.approx(0, abs=1e-9)
    assert mutual_info_score(Y_noisy, Y_noisy) == pytest.approx(np.log(10), abs=0.01)
    assert mutual_info_score(3 * Y + rng.integers(0, 3, len(Y)), Y_noisy) == pytest.approx(left, abs=0.02)


# ---- predictions


@pytest.fixture(scope="module")
def predictions(table, derived):
    """The predictions by name, from their own cells and the setup alone, of the recorded runs."""
    found = derived | {"full": table}
    cells = [cell for cell in cells_of(NOTEBOOK) if "widgets.Prediction(" in "".join(cell["source"])]
    for cell in cells:
        assert cell["metadata"]["tags"] == ["widget"]
        exec(compile("".join(cell["source"]), cell["id"], "exec"), found)
    return {name: of for name, of in found.items() if isinstance(of, widgets.Prediction)}


def test_guesses_are_set_before_the_truth_is_drawn(predictions):
    assert set(predictions) == {"ends", "by_threshold"}
    assert all(not of.revealed for of in predictions.values())
    axes = predictions["ends"].draw(predictions["ends"].guesses, False).axes
    curves = [sum(len(of.get_xdata()) > 1 for of in ax.lines) for ax in axes]
    assert curves == [2, 1, 1, 1] * 2  # losses, accuracies: of CE, and of EchoAlign under the noise that is known
    assert [sum(len(of.get_xdata()) == 1 for of in ax.lines) for ax in axes] == [0] * 5 + [1] * 3
    (ax,) = predictions["by_threshold"].draw(predictions["by_threshold"].guesses, False).axes
    assert [line.get_label() for line in ax.lines if len(line.get_xdata()) > 1 and line.get_linestyle() != ":"] == [
        "your guess"]  # fmt: skip
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["50 % part-dependent", "your guess"]


@pytest.mark.parametrize("name, pictures", [("ends", 20), ("by_threshold", 14)])
def test_every_guess_is_drawn_and_revealed(predictions, name, pictures, errors_start_empty):
    assert predictions[name].drive() == pictures and predictions[name].revealed and not widgets.ERRORS


@pytest.mark.parametrize("cell, told", [("ends", "figure-6-told"), ("by_threshold", "threshold-told")])
def test_what_happened_stands_folded_below_its_prediction(cell, told):
    cells = cells_of(NOTEBOOK)
    place = next(i for i, of in enumerate(cells) if f"{cell} = widgets.Prediction(" in "".join(of["source"]))
    assert cells[place + 1]["id"] == told
    text = "".join(cells[place + 1]["source"])
    assert text.startswith("<details><summary>What happened</summary>\n\n") and text.endswith("\n\n</details>")


# ---- what the text tells of the recorded runs

RIVALS = ("ce_slow", "apl", "pce", "aul", "celc", "t_revision", "identifiability", "joint_optimization", "coteaching",
          "sigua", "codis")  # fmt: skip
BOUNDED = ("apl", "pce", "aul")
HALF, PAIRS, MODEL = ("part_dependent", 0.5), ("pairflip", 0.45), ("model_idn", 0.5)
SYMMETRIC = ("symmetric", 0.5)


def runs_of(table, row, noise_kind, rate):
    runs = table.runs
    return runs[(runs["row"] == row) & (runs["noise"] == noise_kind) & (runs["noise_rate"] == rate)]


def percent(table, row, setting=HALF, value="best_val"):
    """Mean over the seeds, in per cent."""
    return 100 * runs_of(table, row, *setting)[value].mean()


def one(table, row, setting=HALF, value="best_val"):
    """'95 %'"""
    return f"{percent(table, row, setting, value):.0f} %"


def best_rival(table, setting=HALF):
    """'Co-teaching 82 %'"""
    there = [row for row in RIVALS if len(runs_of(table, row, *setting))]
    row = max(there, key=lambda row: percent(table, row, setting))
    return f"{papers.load('04').rows[row].label} {one(table, row, setting)}"


def least_and_most(table, row, setting):
    """'from 66 to 95 %'"""
    seeds = 100 * runs_of(table, row, *setting)["best_val"]
    return f"from {seeds.min():.0f} to {seeds.max():.0f} %"


def number(table, row, value, setting=HALF, digits=2):
    return f"{runs_of(table, row, *setting)[value].mean():.{digits}f}"


SELECTION = ("part_dependent", 0.3)


def last(table, row):
    return one(table, row, value="last")


def at_threshold(table, threshold, setting=HALF, value="best_val"):
    runs = table.checks[table.checks["schedule"] == f"threshold {threshold:g}"]
    runs = runs[(runs["noise"] == setting[0]) & (runs["noise_rate"] == setting[1])]
    return f"{100 * runs[value].mean():.0f} %"


def on_cifar_10(table):
    checks = table.checks
    return checks[(checks["row"] == "echoalign_noisy") & (checks["schedule"] == "CIFAR-10, noisy labels alone")]


def table_5():
    """The recipe of the scale `paper` in words."""
    of = papers.load("04").scale("paper")
    sgd = of["optimizer"]
    assert of["decay"] == {"at": [0.5, 0.75], "factor": 0.1} and sgd["name"] == "sgd"
    return (f"{of['network']}, {of['epochs']} epochs, batches of {of['batch_size']}, SGD at {sgd['lr']} with momentum "
            f"{sgd['momentum']} and weight decay {sgd['weight_decay']:.4f}, ten times less from half of the epochs on")


TOLD = {  # cell: sentences, made from the table
    "section-5": [lambda t: table_5()],
    "outcome": [
        lambda t: f"EchoAlign has {one(t, 'echoalign')} of the test images right, cross-entropy (CE) {one(t, 'ce')} at "
                  f"its best epoch and {last(t, 'ce')} at the last one, the best rival, {best_rival(t)}",
        lambda t: f"(area under the curve {number(t, 'echoalign', 'auc')})",
        lambda t: f"train a classifier to {one(t, 'generated')}",
        lambda t: f"modified images alone come to {one(t, 'modification_shift')}, below CE",
        lambda t: f"EchoAlign comes to {one(t, 'echoalign_shift')} and keeps it ({last(t, 'echoalign_shift')} at the "
                  "last epoch)",
    ],
    "follows": [
        lambda t: f"it shows the given label on {one(t, 'echoalign', value='shows_label')} of the wrongly labelled",
        lambda t: f"the generator from the other domain on {one(t, 'echoalign_shift', value='shows_label')}, the one "
                  f"that learned the noisy labels alone on {one(t, 'echoalign_noisy', value='shows_label')}",
    ],
    "figure-3-told": [
        lambda t: f"with half of the labels wrong {one(t, 'echoalign', value='kept_at_96')} of the originals can be "
                  f"kept so that 96 % of them are right, {one(t, 'echoalign_shift', value='kept_at_96')} with the "
                  "generator from the other domain",
    ],
    "table-1-told": [
        lambda t: f"EchoAlign {one(t, 'echoalign')}, modification only {one(t, 'modification_only')}, EchoSelect only "
                  f"{one(t, 'select_only')}, generated images alone {one(t, 'generated')}",
        lambda t: f"modification only {one(t, 'modification_shift')}, EchoSelect only {one(t, 'select_shift')}, both "
                  f"{one(t, 'echoalign_shift')} by Algorithm 1 and {one(t, 'echoalign_code_shift')} as coded, "
                  f"generated images alone {one(t, 'generated_shift')}",
        lambda t: f"CE has {one(t, 'ce')} at its best epoch and {last(t, 'ce')} at the last one, EchoAlign "
                  f"{last(t, 'echoalign_shift')}",
        lambda t: f"With GCE in the place of cross-entropy the refined set gives {one(t, 'echoalign_gce')}",
        lambda t: f"At 45 % pair flips EchoAlign has {one(t, 'echoalign', PAIRS)}, {best_rival(t, PAIRS)}",
        lambda t: f"50 % wrong labels it has {one(t, 'echoalign', MODEL)}, modification only "
                  f"{one(t, 'modification_only', MODEL)}",
        lambda t: f"keeps {one(t, 'echoalign', MODEL, 'kept')} of the originals there, "
                  f"{one(t, 'echoalign', MODEL, 'purity')} of them with right labels",
        lambda t: f"At 0.9 it keeps {at_threshold(t, 0.9, MODEL, 'kept')}, {at_threshold(t, 0.9, MODEL, 'purity')} of "
                  f"them right, and has {at_threshold(t, 0.9, MODEL)}, {at_threshold(t, 0.9, MODEL, 'last')} at the "
                  "last epoch",
        lambda t: f"At 50 % symmetric noise it has {one(t, 'echoalign', SYMMETRIC)}, with the small-loss selection of "
                  f"the authors' code {one(t, 'echoalign_small_loss', SYMMETRIC)}, {best_rival(t, SYMMETRIC)}",
        lambda t: f"{least_and_most(t, 'identifiability', PAIRS)}",
    ],
    "table-4-told": [
        lambda t: f"the similarity keeps {one(t, 'echoalign', SELECTION, 'kept_at_96')} of the originals, BLTM's "
                  f"confidence {one(t, 'bltm', SELECTION, 'kept_at_96')}",
        lambda t: f"with half of the labels wrong, and 94 % right ones, {one(t, 'echoalign', value='kept_at_94')} "
                  f"against {one(t, 'bltm', value='kept_at_94')}",
    ],
    "figure-6-told": [
        lambda t: f"{one(t, 'echoalign', PAIRS, 'last')} in the end at pair flips, "
                  f"{one(t, 'echoalign', SYMMETRIC, 'last')} at symmetric noise",
        lambda t: f"it ends at {one(t, 'echoalign', MODEL, 'last')}, CE at {one(t, 'ce', MODEL, 'last')}",
    ],
    "threshold-text": [
        lambda t: f"keeps {at_threshold(t, 0.5, value='kept')} of the originals, $\\tau=0.9$ "
                  f"{at_threshold(t, 0.9, value='kept')}; of these {at_threshold(t, 0.5, value='purity')} and "
                  f"{at_threshold(t, 0.9, value='purity')} have right labels",
    ],
    "threshold-told": [
        lambda t: f"{at_threshold(t, 0.5)} at 0.5, {at_threshold(t, 0.8)} at 0.8, {at_threshold(t, 0.9)} at 0.9, with "
                  "50 % wrong labels",
    ],
    "breaks": [
        lambda t: f"sees the given label in {100 * on_cifar_10(t)['shows_label'].item():.0f} % of the wrongly labelled",
    ],
    "figure-5-told": [
        lambda t: f"from {number(t, 'echoalign', 'information_before')} to "
                  f"{number(t, 'echoalign', 'information')} nats",
        lambda t: f"{number(t, 'echoalign', 'shift')} for the generator that knows MNIST, "
                  f"{number(t, 'echoalign_shift', 'shift')} for the one from the other domain",
    ],
}  # fmt: skip


@pytest.mark.parametrize("cell, place", [(cell, i) for cell, told in TOLD.items() for i in range(len(told))])
def test_what_is_told_is_what_was_recorded(table, cell, place):
    text = next("".join(each["source"]) for each in cells_of(NOTEBOOK) if each["id"] == cell)
    assert TOLD[cell][place](table) in text


def test_each_setting_is_the_choice_of_noisy_validation(table):
    means = table.checks.groupby(["row", "schedule"])["last_val_acc"].mean()
    rows, lab = papers.load("04").rows, papers.load("04").scale("lab")
    for row in (*RIVALS, "bltm"):
        tries = means.loc["ce" if row == "ce_slow" else row]
        tries = tries[[name for name in tries.index if "optimizer" in lab["schedules"][name]]]
        assert len(tries) == (6 if row in BOUNDED else 4), row
        tried = lab["schedules"][tries.idxmax()]["optimizer"]
        assert tried == rows[row].optimizer or tried == lab["optimizer"] | rows[row].optimizer, row
    tries = means.loc["echoalign"]
    own = tries[tries.index.str.startswith("strength")]
    shifted = tries[tries.index.str.startswith("other domain")]
    assert len(own) == len(shifted) == 4
    chosen = lab["hparams"]["echoalign"]
    assert own.idxmax() == f"strength {chosen['strength']}, threshold {chosen['threshold']}"
    other = rows["echoalign_code_shift"].hparams
    assert shifted.idxmax() == f"other domain, as coded, threshold {other['threshold']}"


def test_arithmetic_of_the_paper_is_quoted_right():
    """Modified images alone are below CE in all four columns of Table 3."""
    table = papers.load("04").tables["table-3"]
    assert all(table.cell("modification_only", column)[0] < table.cell("ce", column)[0] for column in table.columns)
