"""What notebook 03 derives is what the package runs, and what it tells is what was recorded."""

import pytest
import torch
from derived import cells_of, names_derived_in, with_gradients

import lnlkit.viz.robust_features
from lnlkit import losses, papers, recorded, viz, widgets

NOTEBOOK = "03_robust_features"


@pytest.fixture(scope="module")
def derived():
    return names_derived_in(NOTEBOOK)


@pytest.fixture(scope="module")
def table():
    return recorded.load("03")


def test_restoration_is_the_packages(derived):
    images = torch.rand(2, 5, 3, 6, 4, generator=torch.Generator().manual_seed(1))
    mine, theirs = (with_gradients(of, *images) for of in (derived["restoration"], losses.restoration))
    torch.testing.assert_close(mine, theirs)


def test_mutual_information_is_the_packages(derived):
    logits = 3 * torch.randn(20, 4, generator=torch.Generator().manual_seed(2))
    mine, theirs = (with_gradients(of, logits) for of in (derived["mutual_information"], losses.mutual_information))
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_bootstrapping_is_the_packages(derived, alpha):
    logits, y = torch.randn(20, 4, generator=torch.Generator().manual_seed(3)), torch.arange(20) % 4
    mine, theirs = (with_gradients(lambda z, of=of: of(z, y, alpha), logits)
                    for of in (derived["bootstrap_classification"], losses.bootstrap_classification))  # fmt: skip
    torch.testing.assert_close(mine, theirs)


# ---- guesses before the truth


def prediction(name, table):
    """The Prediction of this name, made by its cell."""
    found = {"full": table, "widgets": widgets, "viz": viz, "lnlkit": lnlkit}
    source = next("".join(cell["source"]) for cell in cells_of(NOTEBOOK)
                  if cell["metadata"].get("tags") == ["widget"] and f"{name} = widgets.Prediction(" in
                  "".join(cell["source"]))  # fmt: skip
    exec(compile(source, name, "exec"), found)
    return found[name]


PREDICTIONS = {"heart": ["ce", "ce_augmented", "robust_features"], "terms_alone": ["only_a", "only_b", "only_c"],
               "overruled": ["corrected"]}  # fmt: skip


@pytest.mark.usefixtures("errors_start_empty")
@pytest.mark.parametrize("name", PREDICTIONS)
def test_every_guess_is_drawn_and_revealed(name, table):
    told = prediction(name, table)
    assert not told.revealed and list(told.sliders) == PREDICTIONS[name]
    assert told.drive() == 6 * len(PREDICTIONS[name]) + 2 and told.revealed and not widgets.ERRORS


@pytest.mark.parametrize("name", PREDICTIONS)
def test_nothing_that_is_guessed_is_drawn_or_said_before(name, table):
    told = prediction(name, table)
    hidden, shown = told.draw(told.guesses, False), told.draw(told.guesses, True)
    rate, column = (0.6, "corrected") if name == "overruled" else (0.8, "last_memorised")
    rows = ["robust_features"] if name == "overruled" else PREDICTIONS[name]
    for row in rows:
        truth = f"{percent(table, row, rate, column):.0f} %"
        assert truth in viz.description(shown) and truth not in viz.description(hidden)
    asked = hidden.axes[-1:] if name == "overruled" else hidden.axes
    assert len(asked) == len(PREDICTIONS[name])
    for ax in asked:
        assert max([len(drawn.get_xdata()) for drawn in ax.lines], default=0) <= 1
        words = " ".join([ax.get_title(), ax.get_xlabel(), *[text.get_text() for text in ax.texts]])
        assert "your guess: 50 %" in words and words.count("%") == 1


def test_bootstrapping_takes_away_two_thirds_of_what_the_augmentation_leaves(table):
    a, b, c, views = (percent(table, row, 0.8, "last_memorised")
                      for row in ("only_a", "only_b", "only_c", "ce_augmented"))  # fmt: skip
    assert a / views < 0.4 and c < views - 2 and abs(b - views) < 2


# ---- what the text tells of the recorded runs


def percent(table, row, rate, value, noise="symmetric"):
    """Mean over the seeds, in per cent."""
    runs = table.runs[(table.runs["row"] == row) & (table.runs["noise_rate"] == rate) & (table.runs["noise"] == noise)]
    return 100 * runs[value].mean()


def both(table, row, rate):
    """'72 and 72': the best epoch on clean test data and the last one."""
    return " and ".join(f"{percent(table, row, rate, value):.0f}" for value in ("oracle", "last"))


def each(table, row, rate, value="last"):
    """'71, 10 and 40': the runs one by one, by seed."""
    runs = table.runs[(table.runs["row"] == row) & (table.runs["noise_rate"] == rate)].sort_values("seed")
    *others, last = [f"{100 * share:.0f}" for share in runs.loc[runs["noise"] == "symmetric", value]]
    return f"{', '.join(others)} and {last}"


def tried(table, row, schedule, value="last"):
    """'96 and 92': a value of the two runs of a check, at 60 and at 80 %, in per cent."""
    runs = table.checks[(table.checks["row"] == row) & (table.checks["schedule"] == schedule)]
    return " and ".join(f"{100 * share:.0f}" for share in runs.sort_values("noise_rate")[value])


def best_of(table, rows, rate, value="oracle"):
    """The row with the best mean."""
    return max(rows, key=lambda row: percent(table, row, rate, value))


CHOSEN = "weaker T(x), alpha falls from the half"
COMBINATIONS = ("only_a", "only_b", "only_c", "a_b", "a_c", "b_c")
RIVALS = ("ce_slow", "forward", "gce", "bootstrap", "imae", "sl", "joint_optimization", "pencil")


def rivals(table, rate):
    """'Joint Optimization, 87 and 87 %, then SL, 78 and 76 %': the two best of the others, best and last epoch."""
    first = best_of(table, RIVALS, rate)
    second = best_of(table, [row for row in RIVALS if row != first], rate)
    label = {row: papers.load("03").rows[row].label for row in RIVALS}
    return f"{label[first]}, {both(table, first, rate)} %, then {label[second]}, {both(table, second, rate)} %"


def restored(table):
    """Mean squared errors against x at 60 %: of T(x), of restorations, of those with ten times the weight."""

    def error(row, value):
        return f"{percent(table, row, 0.6, value) / 100:.3f}"

    return (f"At 60 % the method's restorations are {error('robust_features', 'restored_error')} away from the image, "
            f"T(x) is {error('robust_features', 'augmented_error')}; with ten times the weight they are "
            f"{error('restore_more', 'restored_error')}")  # fmt: skip


TOLD = {  # cell: sentences, made from the table
    "outcome": [
        lambda t: f"the method has {both(t, 'robust_features', 0.8)} % of the test images right at its best epoch and "
                  f"at the last one, cross-entropy (CE) {both(t, 'ce', 0.8)} %",
        lambda t: f"the best other combination, {papers.load('03').rows[best_of(t, COMBINATIONS, 0.8)].label}, has "
                  f"{both(t, best_of(t, COMBINATIONS, 0.8), 0.8)} %",
        lambda t: rivals(t, 0.8),
        lambda t: "groups of its features have a purity of "
                  f"{percent(t, 'robust_features', 0.6, 'feature_purity'):.0f} %",
        lambda t: f"plain cross-entropy on the same augmented images has {both(t, 'ce_augmented', 0.8)} %, on stronger "
                  f"ones {both(t, 'ce_stronger', 0.8)} %",
        lambda t: f"on those stronger ones the method ends with {tried(t, 'robust_features', 'stronger T(x)')} % at 60 "
                  "and 80 % wrong labels",
    ],
    "memorisation-told": [
        lambda t: f"CE ends with {percent(t, 'ce', 0.8, 'last_memorised'):.0f} % of the wrong labels learned",
        lambda t: f"the method with {percent(t, 'robust_features', 0.8, 'last_memorised'):.0f} %, and CE on augmented "
                  "images, without any of the three terms, with "
                  f"{percent(t, 'ce_augmented', 0.8, 'last_memorised'):.0f} %",
    ],
    "terms-told": [
        lambda t: "A alone ends with {:.0f} % of the wrong labels learned, B with {:.0f} %, C with {:.0f} %".format(
            *[percent(t, row, 0.8, "last_memorised") for row in ("only_a", "only_b", "only_c")]),
        lambda t: f"far from the {percent(t, 'ce', 0.8, 'last_memorised'):.0f} % of CE, but so is the control, CE on "
                  f"$T(x)$, with {percent(t, 'ce_augmented', 0.8, 'last_memorised'):.0f} %",
        lambda t: "All three together end with "
                  f"{percent(t, 'robust_features', 0.8, 'last_memorised'):.0f} %",
    ],
    "alpha-told": [
        lambda t: f"{tried(t, 'robust_features', CHOSEN)} % of the test images",
        lambda t: "with two operations and half the side it ends with "
                  f"{tried(t, 'robust_features', 'stronger T(x)')} %, after "
                  f"{tried(t, 'robust_features', 'stronger T(x)', 'oracle')} % at its best epochs",
    ],
    "table-4-told": [
        lambda t: f"A alone {both(t, 'only_a', 0.8)} %, B alone {both(t, 'only_b', 0.8)} %, "
                  f"C alone {both(t, 'only_c', 0.8)} %",
        lambda t: f"A+B {both(t, 'a_b', 0.8)} %, A+C {both(t, 'a_c', 0.8)} %, B+C {both(t, 'b_c', 0.8)} %",
        lambda t: f"all three {both(t, 'robust_features', 0.8)} %, "
                  f"in the end {each(t, 'robust_features', 0.8)} %, seed by seed",
        lambda t: f"{both(t, 'only_a', 0.6)} %, all three {both(t, 'robust_features', 0.6)} %",
        lambda t: f"{both(t, 'ce_augmented', 0.8)} % at 80 % and {both(t, 'ce_augmented', 0.6)} % at 60 %",
    ],
    "table-1-told": [
        lambda t: f"At 80 % the best are {rivals(t, 0.8)}; at 60 % {rivals(t, 0.6)}",
        lambda t: f"the method has {both(t, 'robust_features', 0.8)} % and {both(t, 'robust_features', 0.6)} %",
        lambda t: f"the method {percent(t, 'robust_features', 0.4, 'oracle', 'pairflip'):.0f} %, Joint Optimization "
                  f"{percent(t, 'joint_optimization', 0.4, 'oracle', 'pairflip'):.0f} %, CE "
                  f"{percent(t, 'ce', 0.4, 'oracle', 'pairflip'):.0f} % at the best epoch and "
                  f"{percent(t, 'ce', 0.4, 'last', 'pairflip'):.0f} % at the last",
    ],
    "figure-1-told": [
        lambda t: f"{percent(t, 'robust_features', 0.6, 'corrected'):.0f} % of the wrongly labelled training images",
    ],
    "breaks": [
        lambda t: f"At 80 % A alone ends at {each(t, 'only_a', 0.8)} %",
        restored,
    ],
}  # fmt: skip


@pytest.mark.parametrize("cell, place", [(cell, i) for cell, told in TOLD.items() for i in range(len(told))])
def test_what_is_told_is_what_was_recorded(table, cell, place):
    text = next("".join(each["source"]) for each in cells_of(NOTEBOOK) if each["id"] == cell)
    assert TOLD[cell][place](table) in text


def test_each_setting_is_the_choice_of_noisy_validation_over_both_rates(table):
    means = table.checks.groupby(["row", "schedule"])["last_val_acc"].agg(["mean", "size"])
    rows, lab = papers.load("03").rows, papers.load("03").scale("lab")
    for row in RIVALS:
        tries = means.loc["ce" if row == "ce_slow" else row]
        tries = tries[tries.index.str.startswith("learning rate")]
        assert len(tries) == 5 and (tries["size"] == 2).all(), row
        assert float(tries["mean"].idxmax().removeprefix("learning rate ")) == rows[row].optimizer["lr"], row
    tries = means.loc["robust_features"]
    tries = tries[tries.index.str.contains("alpha falls")]
    assert len(tries) == 4 and (tries["size"] == 2).all() and tries["mean"].idxmax() == CHOSEN
    assert lab["hparams"] == lab["schedules"][CHOSEN]["hparams"] and not rows["robust_features"].hparams


def test_at_the_scale_of_the_tables_cross_entropy_falls_as_far_as_in_the_paper(table):
    """And with fewer images or epochs it does not, at one of the rates."""
    published = [papers.load("03").tables[f"table-1-symmetric-{epoch}"] for epoch in ("best", "last")]
    wanted = {rate: published[0].cell("ce", rate)[0] - published[1].cell("ce", rate)[0] for rate in (0.6, 0.8)}
    fall = {rate: percent(table, "ce", rate, "oracle") - percent(table, "ce", rate, "last") for rate in wanted}
    assert all(fall[rate] > wanted[rate] for rate in wanted)
    for smaller in ("500 images", "1,000 images", "2,000 images", "10 epochs", "20 epochs"):
        runs = table.checks[table.checks["schedule"] == smaller].set_index("noise_rate")
        assert any(100 * (runs["oracle"] - runs["last"])[rate] < wanted[rate] for rate in wanted), smaller


def test_the_cluster_head_agrees_less_with_the_classes_than_k_means(table):
    runs = table.runs[table.runs["row"] == "robust_features"]
    assert runs["cluster_purity"].mean() < runs["feature_purity"].mean() - 0.1


def test_in_two_seeds_of_five_a_and_c_are_ahead_of_all_three(table):
    runs = table.runs.query("noise == 'symmetric' and noise_rate == 0.8")
    wide = runs.pivot(index="seed", columns="row", values="oracle")
    assert len(wide) == 5 and (wide["a_c"] > wide["robust_features"]).sum() == 2
    assert wide[list(COMBINATIONS)].mean().idxmax() == "a_c" and wide["robust_features"].mean() > wide["a_c"].mean()
    assert wide["robust_features"].max() - wide["robust_features"].min() > 0.1


def test_arithmetic_of_the_paper_is_quoted_right():
    table = papers.load("03").tables["table-4"]
    gains = [table.cell("robust_features", rate)[0] - table.cell("ce", rate)[0] for rate in (0.6, 0.8)]
    assert [f"{gain:.2f}" for gain in gains] == ["22.45", "47.41"]
    erratum = next(of for of in papers.load("03").errata if "12.78%" in of.printed)
    assert "22.45 and 47.41" in erratum.right
