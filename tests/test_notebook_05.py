"""What notebook 05 derives is what the package runs, and what it says of the runs is what was recorded."""

import json

import numpy as np
import pytest
import torch
from derived import NOTEBOOKS, cells_of, names_derived_in, with_gradients

from lnlkit import exercises, losses, papers, recorded, viz, widgets
from lnlkit.methods import choicenet
from lnlkit.viz.choicenet.classifiers import SETTINGS, WALK

HALF = {"dataset": "mnist", "noise": "symmetric_inclusive", "noise_rate": 0.5}
FREE = ("choicenet_tanh", "choicenet_printed")  # rows whose sign is free
FUNCTIONS = ("cosexp", "linear", "step")


@pytest.fixture(scope="module")
def derived():
    return names_derived_in("05_choicenet")


def draws(*shapes):
    generator = torch.Generator().manual_seed(11)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize("rho", [-0.99, -0.3, 0.0, 0.7])
def test_the_transform_is_the_packages(derived, rho):
    w, z, mu = draws(5, 5, 5)
    arguments = (w, z, torch.full((5,), rho, dtype=torch.float64), mu, mu.abs() + 0.3, mu**2 + 0.1)
    both = derived["cholesky_transform"], choicenet.cholesky_transform
    mine, theirs = (with_gradients(f, *arguments) for f in both)
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("minus", [False, True])
def test_equation_4_is_the_packages(derived, minus):
    first, second, raw = draws(6, 6, 6)
    arguments = (first, second, torch.tensor([1.0, -1.0] * 3).double(), raw.sigmoid())
    mine, theirs = (with_gradients(lambda *of, f=f: f(*of, minus), *arguments)  # noqa: B023
                    for f in (derived["weighted_scores"], losses.weighted_scores))  # fmt: skip
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("K", [1, 4])
def test_the_losses_are_the_packages(derived, K):
    raw, mu, logits, rho, target = draws((6, K), (6, K, 3), (6, K, 3), (6, K), (6, 3))
    log_pi, y = raw.log_softmax(1), torch.tensor([0, 2, 1, 1, 0, 2])
    inputs = {"mixture_nll": (target, log_pi, mu, mu.abs() + 0.2), "rho_kl": (rho.tanh(), log_pi)}
    for name, arguments in inputs.items():
        mine, theirs = (with_gradients(f, *arguments) for f in (derived[name], getattr(losses, name)))
        torch.testing.assert_close(mine, theirs)
    for weight in (0.0, 0.3):
        mine, theirs = (
            with_gradients(lambda a, b, f=f: f(a, y, b, weight), logits, log_pi)  # noqa: B023
            for f in (derived["choice"], losses.choice)
        )
        torch.testing.assert_close(mine, theirs)


# ---- predictions and exercises


def code_of(*wanted):
    """The code cells of these ids, or of this tag, compiled."""
    return [compile("".join(cell["source"]), cell["id"], "exec") for cell in cells_of("05_choicenet")
            if cell["cell_type"] == "code"
            and {cell["id"], *cell["metadata"].get("tags", [])} & set(wanted)]  # fmt: skip


@pytest.fixture
def predictions(derived, errors_start_empty):
    found = dict(derived, full=recorded.load("05"))
    for cell in code_of("pulls", "walk", "taken-apart"):
        exec(cell, found)
    return found


@pytest.mark.parametrize("name, pictures", [("pull", 14), ("upside_down", 14),
                                             pytest.param("apart", 20, marks=pytest.mark.slow)])  # fmt: skip
def test_every_guess_is_drawn_and_revealed(predictions, name, pictures):
    prediction = predictions[name]
    hidden = viz.description(prediction.draw(prediction.guesses, False))
    assert "Your guess: " in hidden and set(prediction.guesses.values()) == {50}
    assert prediction.drive() == pictures and prediction.revealed and not widgets.ERRORS
    assert prediction.places.now[0]["text/plain"] != hidden


def test_nothing_of_the_truth_is_drawn_before_it_is_revealed(predictions):
    pull, walk, apart = (predictions[name].draw(predictions[name].guesses, False)
                         for name in ("pull", "upside_down", "apart"))  # fmt: skip
    assert [len(line.get_xdata()) for line in pull.axes[0].lines if np.isfinite(line.get_ydata()).all()
            and len(line.get_xdata()) > 1] == [100]  # cross-entropy's, which the text tells of
    assert {float(y) for ax in walk.axes for line in ax.lines if line.get_marker() in "oX"
            for y in line.get_ydata()} == {0}  # ChoiceNet's
    numbers = [text for ax in apart.axes for text in ax.texts if text.get_text()]
    assert {text.get_text() for text in numbers if text.get_position()[1] < 8} == {"◇ 50"}


def test_the_pull_of_an_unlikely_label_is_what_is_told(predictions):
    curves = predictions["by_loss"]
    said = [f"{100 * float(curves[name][0]):.1f} % under {text}" for name, text in (
        ("Eq. (9), K = 1", "Eq. (9)"), ("GCE, q = 0.7", "GCE"))]  # fmt: skip
    (told,) = ["".join(cell["source"]) for cell in cells_of("05_choicenet") if cell["id"] == "pulls-read"]
    assert " and ".join(said) in told


@pytest.mark.parametrize("cohort", [0, 5])
def test_the_solutions_are_right_and_the_stubs_not_done(derived, cohort):
    for tag, right in (("exercise", False), ("solution", True)):
        found = dict(derived)
        for cell in code_of(tag):
            if "check" not in cell.co_filename:
                exec(cell, found)
        for name in exercises.names("05"):
            outcome = exercises.check(name, found[exercises.find(name).answer], cohort)
            assert (outcome.done, outcome.right) == (right, right), outcome.said


def test_every_exercise_has_its_stub_hint_solution_and_check_in_this_order():
    cells = [(cell["id"], cell["metadata"].get("tags", []), "".join(cell["source"]))
             for cell in cells_of("05_choicenet")]  # fmt: skip
    for name in exercises.names("05"):
        exercise = exercises.find(name)
        (place,) = [i for i, (_, _, text) in enumerate(cells) if text == f'lab.check("{name}", {exercise.answer})']
        assert cells[place][1] == ["exercise", "check"]
        before = [tags for _, tags, _ in cells[place - 4 : place]]
        hint = [["hint"]] if name != "05.0" else []
        assert before[-3 - len(hint):] == [["exercise"], *hint, ["solution"], ["solution"]]
        title = cells[place - 4 - len(hint)][2]
        number = name.partition(".")[2]
        assert number == "0" or f"### Exercise {number}: " in title and f"({exercise.minutes} min)" in title


# ---- what it says of the runs


def at(runs, row, **where):
    """The runs of a row that have these values; there must be some."""
    for name, value in {"row": row, **where}.items():
        runs = runs[np.isclose(runs[name], value) if isinstance(value, float) else runs[name] == value]
    assert len(runs), (row, where)
    return runs


def span(values, unit=100, digits=0):
    """'92 to 95', or '92' where both ends print equal."""
    ends = dict.fromkeys(f"{unit * value:.{digits}f}" for value in (min(values), max(values)))
    return " to ".join(ends)


def turned(runs):
    """'4 of 12': the runs whose target's smallest logit is right more often than its largest."""
    return f"{(runs['smallest_right'] > runs['largest_right']).sum()} of {len(runs)}"


def compared(table, row, other, name, rate=0.6):
    """'ahead of', 'level with' or 'behind' by the interval of the difference of the errors over the seeds."""
    of = [at(table.runs, who, dataset=name, noise="uniform", noise_rate=rate).set_index("seed")["mae"]
          for who in (row, other)]  # fmt: skip
    low, high = papers.interval((of[0] - of[1]).tolist())
    return "ahead of" if high < 0 else "behind" if low > 0 else "level with"


def of_the_outcome(table):
    runs = table.runs
    last = {row: at(runs, row, **HALF)["last"] for row in ("choicenet", "ce", "ce_slow", "choice_loss")}
    train = {row: 100 * at(runs, row, **HALF)["last_train_acc"].mean() for row in ("choicenet", "ce", "choice_loss")}
    wrong = at(runs, "ce", **HALF)["last_memorised"]
    lead = 100 * (last["choicenet"].to_numpy() - last["ce"].to_numpy()).mean()
    return {
        "ours": f"keeps {span(last['choicenet'])} %", "ce": f"falls to {span(last['ce'])} %",
        "slow": f"CE with a smaller learning rate has {span(last['ce_slow'])} %",
        "loss": f"Eq. (9) on a plain last layer has {span(last['choice_loss'])} %",
        "train": f"noisy training labels, {train['choicenet']:.0f} %",
        "both": f"loss (9) has {train['choice_loss']:.1f} %, ChoiceNet {train['choicenet']:.1f} %",
        "wrong": f"{span(wrong)} % of the wrong labels",
        "lead": f"{lead:.0f} points (the paper's: 42)"}  # fmt: skip


def of_digits(table):
    where = HALF | {"dataset": "digits"}
    ours, ce = (at(table.runs, row, **where) for row in ("choicenet", "ce"))
    return {
        "digits": f"on digits {span(ours['last'])} and {span(ce['last'])} %",
        "digits train": f"{span(ce['last_train_acc'])} % of its training labels"}  # fmt: skip


def walked(table):
    return table.runs[(table.runs["noise"] == "symmetric_inclusive") & table.runs["row"].isin(WALK)]


def of_the_walk(table):
    runs = walked(table)
    fixed, tanh, printed = runs[~runs["row"].isin(FREE)], at(runs, "choicenet_tanh"), at(runs, "choicenet_printed")
    half, fifth = (fixed.loc[np.isclose(fixed["noise_rate"], rate), "largest_right"] for rate in (0.5, 0.2))
    best = fixed.groupby(["dataset", "noise_rate", "row"])["best_val"].mean().unstack()
    apart = 100 * best.sub(best["choicenet"], axis=0)
    whole = printed[printed["smallest_right"] > printed["largest_right"]]
    return {
        "fixed": f"right for {span(half)} % of the images at 50 % and for {span(fifth)} % at 20 %",
        "harmless": f"means at the best epoch: {apart.min(axis=None):.1f} to {apart.max(axis=None):+.1f} points from "
                 "ChoiceNet's".replace("-", "−"),
        "tanh": f"right for {span(tanh['largest_right'])} % of the images and the smallest for "
                f"{span(tanh['smallest_right'])} %, together {span(tanh['largest_right'] + tanh['smallest_right'])} %",
        "whole": f"As printed {turned(printed)} runs are upside down as a whole, the smallest logit right for "
                 f"{span(whole['smallest_right'])} %",
        "printed": f"{turned(printed)} runs come out **upside down**"}  # fmt: skip


def in_the_body(table, row):
    return at(table.checks, row, schedule="no batch norm in the body")


def of_the_body(table):
    printed = in_the_body(table, "choicenet_printed")
    both = printed["largest_right"] + printed["smallest_right"]
    return {"body": f"from image to image (largest and smallest together {span(both)} %)"}


def of_fig_4(table):
    runs = table.runs
    of_k2 = {kind: at(runs, "choicenet_regression_k2", noise=f"{kind}_part") for kind in ("flipped", "uniform")}
    errors = [*of_k2["flipped"]["mae"], *of_k2["uniform"]["mae"]]
    return {
        "fig4": f"the error is {span(errors, 1, 2)} in all {len(errors)} runs",
        "minus one": f"below −0.9 in {(of_k2['flipped']['rho_inside'] <= -0.9).sum()} of "
                     f"{len(of_k2['flipped'])} runs",
        "falls": f"it falls from 0 to 2 in {(of_k2['uniform']['rho_trend'] < 0).sum()} of "
                 f"{len(of_k2['uniform'])}"}  # fmt: skip


def of_fig_5(table):
    ours, printed = (
        at(table.checks, row, schedule="zeros and ones") for row in ("choicenet_k2", "choicenet_printed_k2")
    )
    both, bad = [*ours["second_says_1_of_0"], *printed["second_says_1_of_0"]], printed[printed["last"] < 0.7]
    return {
        "binary": f"has {span(ours['last'], digits=1)} % on test images and {span(ours['last_train_acc'], digits=1)} % "
                  "on the noisy labels",
        "binary printed": f"{len(bad)} of {len(printed)} runs end at {span(bad['last'], digits=1)} %",
        "roles": f"all but {100 * bad['second_says_1_of_0'].max():.0f} % of them",
        "half": f"in {sum(0.25 <= share <= 0.75 for share in both)} of {len(both)} runs"}  # fmt: skip


def of_regression(table):
    runs = table.runs
    error = {(row, rate): {name: at(runs, row, dataset=name, noise="uniform", noise_rate=rate)["mae"].mean()
                           for name in FUNCTIONS}
             for row in ("choicenet_regression", "choicenet_regression_printed", "mdn", "tukey", "l2")
             for rate in (0.2, 0.6)}  # fmt: skip
    words = {name: compared(table, "choicenet_regression", "mdn", name) for name in FUNCTIONS}
    listed = {row: ", ".join(f"{error[row, 0.6][name]:.2f}" for name in FUNCTIONS)
              for row in ("choicenet_regression", "choicenet_regression_printed", "mdn")}  # fmt: skip
    low = ", ".join(f"{error['choicenet_regression', 0.2][name]:.2f}" for name in FUNCTIONS)
    best = ", ".join(f"{min(error[row, 0.2][name] for row in ('mdn', 'tukey', 'l2')):.2f}" for name in FUNCTIONS)
    grouped = [(word, [name for name in FUNCTIONS if words[name] == word]) for word in dict.fromkeys(words.values())]
    upside = at(runs, "choicenet_regression_nll", dataset="step", noise="uniform", noise_rate=0.0)["mae"]
    ours = at(runs, "choicenet_regression", dataset="step", noise="uniform", noise_rate=0.0)["mae"]
    return {
        "against mdn": ", ".join(f"{word} it on {' and '.join(f'*{name}*' for name in of)}" for word, of in grouped),
        "fig6": f"{listed['choicenet_regression']}, the MDN {listed['mdn']}, and as printed "
                f"{listed['choicenet_regression_printed']}",
        "low": f"ChoiceNet has {low} and the best other {best}",
        "step": f"above 0.3 in {(upside > 0.3).sum()} of {len(upside)} runs",
        "step ours": f"the authors' configuration has {span(ours, 1, 2)}"}  # fmt: skip


def of_table_1(table):
    runs, labels = table.runs, viz.row_labels("05")
    table_1 = runs[(runs["dataset"] == "friedman1") & runs["noise_rate"].between(0.1, 0.4)]
    rmse = table_1.groupby("row")["rmse"].mean().sort_values()
    at(table_1, "choicenet_regression")
    return {"table1": "; ".join(f"{labels[row]} {value:.2f}" for row, value in rmse.items() if row != "leaky_tukey")}


def of_the_controls(table):
    rows = ("ce", "ce_slow", "choice_loss", "choice_loss_slow", "choicenet_rho0", "choicenet")
    best = {row: f"{100 * at(table.runs, row, **HALF)['best_val'].mean():.1f}" for row in rows}
    return {"apart": f"ChoiceNet {best['choicenet']} %, with ρ = 0 {best['choicenet_rho0']}, loss (9) "
                     f"{best['choice_loss']} or {best['choice_loss_slow']}, CE {best['ce']} or "
                     f"{best['ce_slow']}"}  # fmt: skip


def of_pair_flips(table):
    flips = {(row, name): at(table.runs, row, dataset=name, noise="pairflip").set_index("seed")["best_val"]
             for row in ("choicenet", "choice_loss", "coteaching") for name in ("digits", "mnist")}  # fmt: skip
    mean = {which: f"{100 * runs.mean():.0f}" for which, runs in flips.items()}
    ahead = {name: f"{(flips['choicenet', name] > flips['choice_loss', name]).sum()} of 3"
             for name in ("digits", "mnist")}  # fmt: skip
    return {"flips": f"in {ahead['digits']} runs on digits ({mean['choicenet', 'digits']} against "
                     f"{mean['choice_loss', 'digits']} %) and {ahead['mnist']} on MNIST ({mean['choicenet', 'mnist']} "
                     f"against {mean['choice_loss', 'mnist']} %); Co-teaching has {mean['coteaching', 'mnist']} % "
                     "there"}  # fmt: skip


TOLD = (of_the_outcome, of_digits, of_the_walk, of_the_body, of_fig_4, of_fig_5, of_regression, of_table_1,
        of_the_controls, of_pair_flips)  # fmt: skip


@pytest.mark.parametrize("part", TOLD, ids=lambda part: part.__name__)
def test_what_is_said_of_the_runs_is_what_was_recorded(part):
    table = recorded.load("05")
    if table.made["runs"] < table.made["planned"]:
        pytest.skip("the recorded runs are not whole")
    cells = json.loads((NOTEBOOKS / "05_choicenet.ipynb").read_text(encoding="utf-8"))["cells"]
    text = "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")
    assert [said for said in part(table).values() if said not in text] == []


def test_the_walk_has_every_choice_on_both_sets_at_both_rates():
    runs = walked(recorded.load("05"))
    seeds = runs.groupby(["dataset", "noise_rate", "row"])["seed"].nunique().unstack()
    assert sorted(seeds.index) == sorted(SETTINGS) and set(seeds.columns) == set(WALK)
    assert (seeds == 3).all(axis=None) and runs[["largest_right", "smallest_right"]].notna().all(axis=None)


def test_without_batch_norm_the_sign_matters_as_much():
    table = recorded.load("05")
    ours, printed, absolute = (in_the_body(table, row)["largest_right"]
                               for row in ("choicenet", "choicenet_printed", "choicenet_printed_abs_tanh"))  # fmt: skip
    assert min(*ours, *absolute) > 0.9 > max(printed)
