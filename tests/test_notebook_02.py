"""What notebook 02 derives is what the package runs, on other numbers than its checks; what it tells was recorded."""

import numpy as np
import pytest
import torch
from derived import cells_of, names_derived_in, outcome_told_in, with_gradients

from lnlkit import lab, losses, papers, recorded, viz, widgets
from lnlkit.methods import quality_embedding
from lnlkit.recorded import judging


@pytest.fixture(scope="module")
def derived():
    return names_derived_in("02_quality_embedding")


def draws(n, shape=(7, 4)):
    generator = torch.Generator().manual_seed(11)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(n)]


@pytest.mark.parametrize("tau", [0.3, 0.5, 1.0])
def test_the_draws_are_the_packages(derived, tau):
    logits, noise, mu, log_var, zeta = draws(5)
    pairs = [derived["binary_concrete"], quality_embedding.binary_concrete]
    mine, theirs = (with_gradients(lambda a, b, f=f: f(a, b, tau), logits, noise) for f in pairs)
    torch.testing.assert_close(mine, theirs)
    pairs = [derived["reparameterise"], quality_embedding.reparameterise]
    mine, theirs = (with_gradients(f, mu, log_var, zeta) for f in pairs)
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("name", ["bernoulli_kl", "gaussian_kl"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_the_closed_forms_are_the_packages(derived, name, weight):
    a, b = draws(2)
    mine, theirs = (
        with_gradients(lambda a, b, f=f: f(a, b, weight), 3 * a, b) for f in (derived[name], getattr(losses, name))
    )
    torch.testing.assert_close(mine, theirs)


def test_the_annealing_is_the_packages(derived):
    for step in (0, 1, 23_104, 23_106, 10**6):
        for floor in (0.0, 0.5, 1.0):
            assert derived["annealed"](step, 3e-5, floor) == quality_embedding.annealed(step, 3e-5, floor)


@pytest.mark.parametrize(
    ("scale", "sets"), [("smoke", "scenes, network features_mlp"), ("lab", "scenes, mnist, cifar10n, network")]
)
def test_the_first_line_names_the_sets_with_several_labels(scale, sets, tmp_path, capsys):
    lab.begin("02_quality_embedding", scale=scale, seeds=[0], device="cpu", out_dir=tmp_path, RATE=0.4)
    assert capsys.readouterr().out.startswith(f"scale {scale}: {sets}")


# ---- what it tells is what was recorded


NOISES, OTHERS = (0.2, 0.4, 0.6, 0.8), ["bce", "learnq", "icnm", "bootstrap"]
SETS = ("scenes", "mnist")


@pytest.fixture(scope="module")
def table():
    return recorded.load("02")


@pytest.fixture(scope="module")
def verdicts(table):
    return {verdict.id: verdict for verdict in judging.verdicts(papers.load("02"), table)}


def seeds(table, row, dataset, rate=0.4, column="best_val", **other):
    """Per cent, one value a seed, of the main runs of a row, or of those with another size or lambda."""
    runs, wanted = table.runs, {"row": row, "dataset": dataset, "noise_rate": rate, "size": 1.0} | other
    if "lambda_mi" not in other:
        runs = runs[runs["lambda_mi"].isna()]
    for name, value in wanted.items():
        runs = runs[runs[name] == value]
    return 100 * runs.set_index("seed")[column]


def of_check(table, schedule, dataset, column):
    runs = table.checks.query("schedule == @schedule and dataset == @dataset and row == 'can' and noise_rate == 0.4")
    return 100 * runs[column].mean()


def ahead(table, dataset, rate, others):
    """How far CAN is ahead of the best of the others, the mean over the seeds that both have."""
    best = max(others, key=lambda row: seeds(table, row, dataset, rate).mean())
    return (seeds(table, "can", dataset, rate) - seeds(table, best, dataset, rate)).mean()


def span(values):
    return f"{min(values):.1f} to {max(values):.1f}".replace("-0.0", "0.0").replace("-", "−")


def told_in(cell):
    return next("".join(of["source"]) for of in cells_of("02_quality_embedding") if of["id"] == cell)


def test_the_outcome_is_told_as_it_was_recorded(table, verdicts):
    told, known = outcome_told_in("02_quality_embedding"), {
        name: seeds(table, "can", "mnist", column=name).mean()
        for name in ("corrected", "spoiled", "latent_right", "prior_right", "distance_auc", "loss_auc")}  # fmt: skip
    plain, best = verdicts["ahead-of-plain"], verdicts["ahead-under-noise"]
    apart = f"level with training on the noisy labels themselves ({plain.value:.1f} points of mAP ahead on average"
    assert f"{apart}, 95 % interval {plain.low:.1f} to {plain.high:.1f})".replace("-", "−") in told
    behind = f"not ahead of the best other method ({best.value:.1f} points, {best.low:.1f} to {best.high:.1f})"
    assert behind.replace("-", "−") in told and plain.low <= 0 <= plain.high and best.low <= 0
    assert f"{known['corrected']:.0f} % of the wrong labels right and spoils {known['spoiled']:.1f} %" in told
    assert f"(AUC {known['distance_auc'] / 100:.2f}; a coin" in told and f"(AUC {known['loss_auc'] / 100:.2f})" in told
    assert f"({known['prior_right']:.0f} % against {known['latent_right']:.0f} %)" in told
    corrected = seeds(table, "can", "scenes", column="corrected").mean()
    assert f"On scenes the latent label corrects {corrected:.0f} %" in told


def test_table_6_is_told_as_it_was_recorded(table):
    told = told_in("table6-text")
    for name in SETS:
        assert span([ahead(table, name, rate, ["bce"]) for rate in NOISES]) in told
        assert span([ahead(table, name, rate, OTHERS) for rate in NOISES]) in told
    assert max(NOISES, key=lambda rate: ahead(table, "scenes", rate, ["bce"])) == 0.8  # "the most at 80 %"
    for rate in (0.6, 0.8):
        lost = {row: (seeds(table, row, "mnist", rate) - seeds(table, row, "mnist", rate, "last")).mean()
                for row in (*OTHERS, "can")}  # fmt: skip
        last = {row: seeds(table, row, "mnist", rate, "last").mean() for row in lost}
        assert min(lost.values()) > 0 and max(last, key=last.get) == "learnq"


def test_what_acts_is_told_as_it_was_recorded(table):
    told = told_in("controls-text")
    controls = ("can_rho1", "can_no_quality")
    apart = {name: [(seeds(table, "can", name) - seeds(table, row, name)).mean() for row in controls] for name in SETS}
    assert f"({max(abs(of[0]) for of in apart.values()):.1f} points apart at most)" in told
    assert max(abs(of[1]) for of in apart.values()) < 0.5  # "without s mAP is the same, too"
    assert f"as much ({seeds(table, 'can_rho1', 'mnist', column='corrected').mean():.0f} %)" in told
    assert f"corrects {of_check(table, 'fast noise network', 'mnist', 'corrected'):.0f} % of MNIST" in told
    costs = seeds(table, "can", "scenes").mean() - of_check(table, "fast noise network", "scenes", "best_val")
    assert f"costs {costs:.1f} points on scenes" in told
    assert f"it is {of_check(table, 'amt', 'mnist', 'corrected'):.0f} %" in told
    assert of_check(table, "amt", "mnist", "predicted") < 10  # "the classifier itself says the wrong label"
    for name in SETS:  # "rho to 0 is CAN itself"
        assert seeds(table, "can_rho0", name).equals(seeds(table, "can", name))


def test_the_studies_are_told_as_they_were_recorded(table):
    told = told_in("studies-text")
    assert told.startswith("<details>")  # it is asked for before
    for value in (10.0, 0.2):
        scenes, mnist = (seeds(table, "can", name, lambda_mi=value).mean() for name in SETS)
        words = f"{scenes:.1f} % on scenes and {mnist:.1f} %" if value == 10 else f"{scenes:.1f} and {mnist:.1f} %"
        assert words in told
    small = [seeds(table, row, "scenes", size=0.2).mean() for row in ("can", "bce")]
    assert "CAN has {:.1f} % on scenes, plain training {:.1f} %".format(*small) in told


def test_what_it_knows_is_told_as_it_was_recorded(table):
    told, each = told_in("known-text"), seeds(table, "can", "mnist", column="corrected")
    assert f"corrects {each.min():.0f} to {each.max():.0f} % of the wrong labels" in told
    mean = {(name, column): seeds(table, "can", name, column=column).mean()
            for name in SETS for column in ("predicted", "spoiled", "distance_auc", "loss_auc")}  # fmt: skip
    assert f"has {mean['mnist', 'predicted']:.0f} % of them right" in told
    assert f"spoils {mean['scenes', 'spoiled']:.0f} %" in told
    for column, words in {"distance_auc": "{:.2f} on MNIST, {:.2f} on scenes", "loss_auc": "{:.2f}, {:.2f}"}.items():
        assert words.format(mean["mnist", column] / 100, mean["scenes", column] / 100) in told


def test_the_claims_and_the_comparison_are_told_as_they_were_recorded(table, verdicts):
    word = {name: verdict.verdict for name, verdict in verdicts.items()}
    assert word["latent-label-corrects"] == word["embedding-identifies"] == "holds"
    assert word["posterior-beats-prior"] == word["two-clusters"] == "does not hold"
    assert f"(AUC {verdicts['two-clusters'].value:.2f})" in told_in("claims-text")
    lie = [np.ptp([seeds(table, row, name).mean() for row in (*OTHERS, "can")]) for name in SETS]
    assert "lie within {:.1f} points on scenes and {:.1f} on MNIST".format(*lie) in told_in("compare-text")
    theirs = papers.load("02").tables
    for name, points in {"table-6-v07": "6.1", "table-6-sd4": "3.6"}.items():
        others = max(theirs[name].cell(row, 0.4)[0] for row in OTHERS)
        assert f"{theirs[name].cell('can', 0.4)[0] - others:.1f}" == points and points in told_in("compare-text")
    for name, ours in {"table-6-v07": "scenes", "table-6-sd4": "mnist"}.items():  # "our networks lose less"
        lost = theirs[name].cell("bce", 0.0)[0] - theirs[name].cell("bce", 0.4)[0]
        assert seeds(table, "bce", ours, 0.0).mean() - seeds(table, "bce", ours).mean() < lost


def test_the_summary_has_five_lines_and_their_numbers(table):
    told = told_in("summary")
    assert [line[:2] for line in told.splitlines() if line[:1].isdigit()] == ["1.", "2.", "3.", "4.", "5."]
    known = {name: seeds(table, "can", "mnist", column=name).mean()
             for name in ("corrected", "spoiled", "distance_auc", "loss_auc")}  # fmt: skip
    assert f"{known['corrected']:.0f} % of the wrong labels and spoils {known['spoiled']:.1f} %" in told
    assert f"(AUC {known['distance_auc'] / 100:.2f})" in told and f"({known['loss_auc'] / 100:.2f})" in told


# ---- copy or explain


def test_the_costs_of_copying_and_explaining_are_those_of_the_objective():
    """`costs` against expectations over all labels, with the kit's own divergence and a decoder that knows T."""
    namespace = {"__name__": "notebook"}
    for name in ("colab", "entropies", "costs-code"):
        exec(compile(told_in(name), name, "exec"), namespace)
    K, P = 10, 0.4
    for confidence in (0.5, 0.64, 0.9):
        p = torch.full((1, K), (1 - confidence) / (K - 1), dtype=torch.float64)
        p[0, 0] = confidence
        chance = torch.full((K,), P / K, dtype=torch.float64)
        chance[0] += 1 - P  # of each label, where the first is the true one
        sure = 40 * (2 * torch.eye(K, dtype=torch.float64) - 1)
        kl = torch.stack([losses.bernoulli_kl(z[None], p.logit())[0] for z in sure])
        unknown = torch.distributions.Bernoulli(chance).entropy().sum()
        found = namespace["costs"](confidence, K, P)
        assert found["copy"] == pytest.approx(float(chance @ kl)) and found["explain"] == pytest.approx(
            float(kl[0] + unknown))  # fmt: skip
    assert 0.86 < namespace["even"] < 0.87 and "but at 86 %" in told_in("costs-answer")
    for rate, percent in ((0.2, "93 %"), (0.8, "71 %")):
        cost = {c: namespace["costs"](c, p_noise=rate) for c in np.arange(0.3, 0.99, 0.001)}
        even = min(cost, key=lambda c: abs(cost[c]["copy"] - cost[c]["explain"]))
        assert f"{even:.0%}".replace("%", " %") == percent and percent in told_in("ex3-solution")


def test_a_noise_network_corrects_only_behind_a_sure_classifier():
    """What the first half of the notebook says of its own experiment: it copies at 64 %, corrects at 92 %."""
    namespace = {"__name__": "notebook"}
    for name in ("colab", "alone-code"):
        exec(compile(told_in(name), name, "exec"), namespace)
    calibrated, sure = (namespace["noise_network_alone"](confidence) for confidence in (0.64, 0.92))
    assert calibrated["copied"] > 0.95 and calibrated["spread of mu"] < 0.05
    assert sure["corrected"] > 0.95 and sure["spoiled"] < 0.01 and sure["spread of mu"] > 0.2


# ---- predicted, then revealed


def prediction(name, cells, **known):
    """The prediction that a cell shows, in a namespace where other cells were executed."""
    namespace = {"__name__": "notebook", **known}
    for cell in (*cells, name):
        exec(compile(told_in(cell), cell, "exec"), namespace)
    return next(value for value in namespace.values() if isinstance(value, widgets.Prediction))


@pytest.fixture
def the_break_even():
    return prediction("costs-guess", ["colab", "entropies", "costs-code"])


@pytest.fixture
def the_studies(table):
    return prediction("studies", ["colab"], shipped=table)


def test_the_break_even_is_asked_for_before_it_is_told(the_break_even):
    fig = the_break_even.draw({"even": 70}, False)
    assert "86" not in viz.description(fig) and max(len(line.get_xdata()) for line in fig.axes[0].lines) <= 2
    before = "".join("".join(cell["source"]) for cell in cells_before("costs-guess"))
    assert "86 %" not in before and "break-even" not in before.split("## Copy or explain")[1]
    assert "up to a confidence of 86 %. Your guess: 70 %" in viz.description(the_break_even.draw({"even": 70}, True))
    assert the_break_even.drive() == 2 * (3 + 1) and the_break_even.revealed and not widgets.ERRORS


def test_the_studies_are_asked_for_before_they_are_told(table, the_studies):
    guesses = {"mnist lambda_mi": 50, "scenes size": 70}
    fig = the_studies.draw(guesses, False)
    truth = [f"{seeds(table, 'can', name, **at).mean():.1f} %" for name, at in (
        ("mnist", {"lambda_mi": 10.0}), ("scenes", {"size": 0.2}))]  # fmt: skip
    assert not [number for number in truth if number in viz.description(fig)]
    before = "".join("".join(cell["source"]) for cell in cells_before("studies"))
    assert not [number for number in truth if number in before]
    told = viz.description(the_studies.draw(guesses, True))
    assert all(number in told for number in truth)
    assert the_studies.drive() == 2 * (2 * 3 + 1) and the_studies.revealed and not widgets.ERRORS


def cells_before(name):
    found = cells_of("02_quality_embedding")
    return found[: next(place for place, cell in enumerate(found) if cell["id"] == name)]
