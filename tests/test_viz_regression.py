"""Figures of regression draw what they are given; the table is made up, and its curves are formulas."""

import numpy as np
import pytest

from lnlkit import regression, targets, viz

X = regression.GRID[:, 0]
RATES, SEEDS = (0.0, 0.2, 0.6), (0, 1, 2)
ROWS = {"l2": 0.5, "mdn": 0.7, "choicenet_regression": 0.1, "choicenet_regression_k2": 0.12}  # error per rate


def entry(row, dataset, noise, rate, seed):
    """One invented run: the fit is shrunk by the rate, correlations fall along x."""
    error = 0.02 + ROWS[row] * rate * (1 + 0.1 * seed)
    curves = {}
    if dataset in targets.FUNCTIONS and seed == 0:
        K = {"mdn": 5, "choicenet_regression": 5, "choicenet_regression_k2": 2}.get(row, 0)
        curves["fit"] = ((1 - ROWS[row] * rate) * targets.FUNCTIONS[dataset](X) + ROWS[row] * rate * 0.5).tolist()
        if K:
            falling = np.cos(np.arange(K) * (X[:, None] + 3) / 4)
            curves["rho"] = (falling if row != "mdn" else 0 * falling).tolist()
            weights = np.exp(np.sin(np.arange(K) + X[:, None]))
            curves["pi"] = (weights / weights.sum(1, keepdims=True)).tolist()
    part = 1 / 6 if noise.endswith("_part") else 1
    return {
        "row": row, "dataset": dataset, "noise": noise, "noise_rate": rate, "seed": seed, "key": "invented",
        "realised_rate": part * rate, "mae": error, "rmse": 1.3 * error, "seconds": 1.0, "curves": curves,
    }  # fmt: skip


def made_up(datasets=("diabetes", "cosexp", "step"), noises=("uniform", "flipped_part"), seeds=SEEDS, rows=ROWS,
            rates=RATES):  # fmt: skip
    """A table of the recorded structure; diabetes has uniform outliers only."""
    runs = [
        entry(row, dataset, noise, rate, seed)
        for row in rows for dataset in datasets for noise in noises for rate in rates for seed in seeds
        if dataset in targets.FUNCTIONS or noise == "uniform"
    ]  # fmt: skip
    return {"runs": [], "regression": runs, "made": {"regression": {"n_train": 400, "sd": 0.05}}}


@pytest.fixture
def ax():
    return viz.panels()[1]


@pytest.fixture(scope="module")
def table():
    return made_up()


def words(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def line(ax, label):
    """x and y of the line with this label."""
    return next(drawn for drawn in ax.lines if drawn.get_label() == label).get_data()


def errors(ax, label):
    """Rates, means and half widths of the line with error bars that has this label."""
    handles, labels = ax.get_legend_handles_labels()
    drawn, _, (bars,) = handles[labels.index(label)].lines
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    return np.array(drawn.get_xdata(), float), np.array(drawn.get_ydata(), float), np.diff(ends, axis=1)[:, 0] / 2


# ---- parts


def test_points_curves_and_target_are_drawn_where_they_are(ax):
    data = targets.sample("step", 100, 0.3, seed=1)
    fit = 5 * X
    assert viz.fitted(ax, data, {"mdn": fit}, targets.FUNCTIONS["step"], title="step") is ax
    np.testing.assert_array_equal(line(ax, "outliers"), [data.x[data.outlier, 0], data.y[data.outlier, 0]])
    np.testing.assert_array_equal(line(ax, "other points"), [data.x[~data.outlier, 0], data.y[~data.outlier, 0]])
    np.testing.assert_array_equal(line(ax, "MDN"), [X, fit])
    at, truth = line(ax, "target function")
    np.testing.assert_array_equal(truth, np.where((at >= -1) & (at < 1), 1, -1))
    low, high = ax.get_ylim()
    assert data.y.min() - 1 < low < data.y.min() and data.y.max() < high < data.y.max() + 1  # not that of the fit, 15
    assert ax.lines[0].get_marker() != ax.lines[1].get_marker()


def test_the_strip_shows_every_component_but_the_first(ax):
    rho = np.stack([np.ones(61), np.linspace(-1, 1, 61), -X / 3], 1)
    pi = np.stack([np.full(61, 0.2), np.full(61, 0.3), np.full(61, 0.5)], 1)
    assert viz.correlation_strip(ax, X, rho, pi) is ax
    mesh = ax.collections[0]
    np.testing.assert_allclose(np.reshape(mesh.get_array(), (2, 61)), rho[:, 1:].T)
    assert mesh.get_clim() == (-1, 1) and mesh.get_cmap().name == "PuOr"
    assert list(ax.get_yticks()) == [2, 3]
    weights = [drawn.get_ydata() for drawn in ax.lines if len(drawn.get_xdata()) == 61]
    np.testing.assert_allclose([w[0] for w in weights], [1.55 + 0.9 * 0.3, 2.55 + 0.9 * 0.5])
    assert len(ax.figure.axes) == 2 and "weight" in ax.figure.axes[1].get_xlabel()


@pytest.mark.parametrize(("rho", "sentence"), [(np.ones((61, 1)), "one component"), (np.zeros((61, 5)), "independent")])
def test_without_correlations_a_sentence_takes_the_place_of_the_strip(ax, rho, sentence):
    viz.correlation_strip(ax, X, rho)
    assert sentence in words(ax)[0] and not ax.collections


def test_correlations_of_another_length_are_refused(ax):
    with pytest.raises(ValueError, match=r"`rho` must be \(G, K\).*got \(61,\)"):
        viz.correlation_strip(ax, X, np.ones(61))


def test_the_interval_is_that_of_students_distribution():
    from scipy import stats

    values = [0.3, 0.1, 0.25, 0.22]
    mean, half = viz.mean_interval(values)
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    np.testing.assert_allclose([mean - half, mean + half], expected)
    assert viz.mean_interval([0.4]) == (0.4, 0.0)


def test_error_curves_hold_mean_and_interval(ax, table):
    runs = [run for run in table["regression"] if (run["dataset"], run["noise"]) == ("step", "uniform")]
    assert viz.error_curves(ax, runs, ["mdn", "l2"], "rmse", strong="mdn") is ax
    assert ax.get_legend_handles_labels()[1] == ["MDN", "L2"]
    rates, mean, half = errors(ax, "MDN")
    np.testing.assert_allclose(rates, RATES)
    for rate, m, h in zip(rates, mean, half, strict=True):
        own = [run["rmse"] for run in runs if run["row"] == "mdn" and run["noise_rate"] == rate]
        np.testing.assert_allclose((m, h), viz.mean_interval(own), atol=1e-12)
    assert ax.get_ylabel() == "root mean squared error" and ax.get_ylim()[0] == 0


def test_error_curves_take_all_rows_in_the_order_of_the_paper(ax, table):
    runs = [run for run in table["regression"] if (run["dataset"], run["noise"]) == ("diabetes", "uniform")]
    viz.error_curves(ax, runs[::-1])
    names = ["L2", "MDN", "ChoiceNet", "ChoiceNet, K = 2"]
    assert ax.get_legend_handles_labels()[1] == names
    with pytest.raises(ValueError, match="Did you mean 'rmse'"):
        viz.error_curves(ax, runs, metric="rmsee")


# ---- the recorded table


def test_choices_and_matching_know_the_data_set(table):
    offered = viz.regression_choices(table)
    assert offered == {"dataset": ["cosexp", "step", "diabetes"], "noise": ["uniform", "flipped_part"],
                       "noise_rate": list(RATES), "row": list(ROWS)}  # fmt: skip
    found = viz.regression_matching(table["regression"], "step", "flipped_part", 0.2, "mdn")
    assert [(run["dataset"], run["noise"], run["noise_rate"], run["seed"]) for run in found] == [
        ("step", "flipped_part", 0.2, seed) for seed in SEEDS]  # fmt: skip
    assert viz.dataset_name("diabetes") == "diabetes (table)" and viz.dataset_name("step") == "step"


def test_at_rate_zero_a_seed_counts_once_whatever_the_outliers(table):
    for noise, of in (("flipped_part", "flipped_part"), ("flipped", "uniform")):
        found = viz.regression_matching(table["regression"], "step", noise, 0.0, "mdn")
        assert [(run["noise"], run["seed"]) for run in found] == [(of, seed) for seed in SEEDS]


def test_a_run_shows_its_fit_over_its_own_points(table):
    fig = viz.regression_run(table, "step", "flipped_part", 0.6, "choicenet_regression_k2")
    above, below, right = fig.axes[:3]
    run, *_ = viz.regression_matching(table["regression"], "step", "flipped_part", 0.6, "choicenet_regression_k2")
    np.testing.assert_allclose(line(above, "ChoiceNet, K = 2")[1], run["curves"]["fit"])
    data = targets.sample("step", 400, 0.6, 0, kind="flipped", region=(0.0, 2.0), sd=0.05)
    np.testing.assert_array_equal(line(above, "outliers")[0], data.x[data.outlier, 0])
    np.testing.assert_allclose(np.ravel(below.collections[0].get_array()), np.array(run["curves"]["rho"])[:, 1])
    assert right.get_ylabel() == "mean absolute error" and list(right.lines[-1].get_xdata()) == [0.6, 0.6]
    title = fig.get_suptitle()
    assert "K = 2 on step, flipped outliers for x in [0, 2], rate 0.6" in title
    assert "realised 0.100 of all points; 3 seeds" in title


@pytest.mark.parametrize(
    ("choice", "sentences"),
    [
        (("diabetes", "uniform", 0.2, "mdn"), ("is a table", "correlations: not recorded")),
        (("cosexp", "uniform", 0.2, "l2"), ("", "L2 is no mixture")),
        (("cosexp", "uniform", 0.2, "mdn"), ("", "independent components")),
        (("cosexp", "uniform", 0.2, "tukey"), ("MDN\nChoiceNet", "not recorded")),
        (("linear", "uniform", 0.2, "mdn"), ("No method is recorded.", "not recorded", "errors: not recorded")),
    ],
)
def test_what_is_not_there_is_said(table, choice, sentences):
    axes = viz.regression_run(table, *choice).axes
    for panel, sentence in zip(axes, sentences, strict=False):
        assert sentence in " ".join(words(panel)), sentence
    missing = choice[3] == "tukey" or choice[0] == "linear"
    assert viz.regression_run_alt(table, *choice).endswith("not recorded.") == missing


def test_words_of_a_run_have_its_numbers(table):
    alt = viz.regression_run_alt(table, "cosexp", "uniform", 0.6, "mdn")
    mean, half = viz.mean_interval([0.02 + 0.42 * (1 + 0.1 * seed) for seed in SEEDS])
    assert f"mean absolute error {mean:.3g} ± {half:.2g} (95 % t-interval)" in alt
    assert "the smallest is 0.086, of ChoiceNet." in alt and "Correlation" not in alt
    alt = viz.regression_run_alt(table, "diabetes", "uniform", 0.6, "choicenet_regression")
    assert "root mean squared error 0.112" in alt and "the smallest of 4 methods." in alt
    rho = np.cos((X + 3) / 4)
    alt = viz.regression_run_alt(table, "step", "uniform", 0.6, "choicenet_regression_k2")
    assert alt.endswith(f"component 2 from {rho.min():.2f} to {rho.max():.2f}.")


# ---- two classifiers


def scores(fig):
    """Signed scores of the two classifiers drawn, kept then flipped labels, (2, n) each; and the mean weights."""
    plane, bars = fig.axes[2:4]
    weights = {
        name.get_text(): bar.get_height() for name, bar in zip(bars.get_xticklabels(), bars.patches, strict=True)
    }
    return np.array(line(plane, "label kept")), np.array(line(plane, "label flipped")), weights


def eq4(pi, first, second, sign):
    """The loss of Paper 05, Eq. (4): sign -1 as it is printed, sign 1 as its conclusion needs it."""
    return -((1 - pi) * first + sign * pi * second)


@pytest.mark.parametrize("rho", [-1.0, -0.5, 0.0, 0.75, 1.0])
def test_the_weights_are_those_that_minimise_the_loss(rho):
    n, sigma = 2000, 0.5
    kept, flipped, weights = scores(viz.two_classifiers(rho, 0.3))
    for points, name in ((kept, "kept"), (flipped, "flipped")):
        share = np.where(np.isclose(points[0], points[1]), 0.5, eq4(1, *points, 1) < eq4(0, *points, 1)).mean()
        assert share == pytest.approx(weights[name], abs=5 * np.sqrt(0.25 / points.shape[1]))
    # The difference of the scores is (1 - rho) y plus Gaussian noise of variance 2 (1 - rho) sigma^2.
    from scipy.stats import norm

    expected = norm.cdf(np.sqrt((1 - rho) / 2) / sigma)
    right = 0.3 * weights["flipped"] + 0.7 * (1 - weights["kept"])
    assert right == pytest.approx(expected, abs=4.5 * np.sqrt(0.25 / n) if -1 < rho < 1 else 0.01)
    assert weights["all"] == pytest.approx(0.3 * weights["flipped"] + 0.7 * weights["kept"])


def test_the_printed_sign_leaves_the_weight_undecided():
    kept, flipped, _ = scores(viz.two_classifiers(-1.0, 0.3))
    for points in (kept, flipped):
        np.testing.assert_allclose(eq4(1, *points, -1), eq4(0, *points, -1))
        assert np.abs(eq4(1, *points, 1) - eq4(0, *points, 1)).mean() > 1


def test_scores_have_the_means_and_the_correlation_asked_for():
    kept, flipped, _ = scores(viz.two_classifiers(-0.5, 0.4))
    for points, y in ((kept, 1), (flipped, -1)):
        n = points.shape[1]
        np.testing.assert_allclose(points.mean(1), [y, -0.5 * y], atol=4.5 * 0.5 / np.sqrt(n))
        np.testing.assert_allclose(points.std(1), 0.5, atol=4.5 * 0.5 / np.sqrt(2 * n))
        assert np.corrcoef(points)[0, 1] == pytest.approx(-0.5, abs=4.5 * 0.75 / np.sqrt(n))
    assert flipped.shape[1] / (kept.shape[1] + flipped.shape[1]) == pytest.approx(0.4, abs=0.1)


def test_densities_are_those_of_the_scores():
    fig = viz.two_classifiers(-0.5, 0.3)
    for panel, mean in zip(fig.axes[:2], (1.0, -0.5), strict=True):
        for drawn, center, share in zip(panel.lines[:2], (mean, -mean), (0.7, 0.3), strict=True):
            at, density = drawn.get_data()
            mass = density.sum() * (at[1] - at[0])
            assert mass == pytest.approx(share, abs=1e-3)
            assert (at * density).sum() * (at[1] - at[0]) / mass == pytest.approx(center, abs=1e-3)


def test_words_about_two_classifiers_have_their_numbers():
    alt = viz.two_classifiers_alt(-0.75, 0.2)
    _, _, pi = scores(viz.two_classifiers(-0.75, 0.2))
    assert (
        f"{pi['flipped']:.2f} for flipped labels, {pi['kept']:.2f} for kept labels and {pi['all']:.2f} over all" in alt
    )
    assert "correlation -0.75, 20 % of the labels flipped" in alt and "true share of flips is 0.20" in alt
    assert "for flipped labels" not in viz.two_classifiers_alt(-0.75, 0.0)


def test_wrong_correlation_and_rate_are_refused():
    with pytest.raises(ValueError, match=r"`rho` must be a correlation in \[-1, 1\], but got 1.5"):
        viz.two_classifiers(1.5, 0.2)
    with pytest.raises(ValueError, match="`corruption` must be a fraction.*Did you mean 0.3"):
        viz.two_classifiers(0.5, 30)


def test_overview_and_fits_have_a_panel_a_function_and_one_legend(table):
    """Panels of the functions that are recorded; every row that is, once in the legend below."""
    overview = viz.regression_overview(table)
    assert [ax.get_title() for ax in overview.axes] == sorted(
        {run["dataset"] for run in table["regression"]} & set(targets.FUNCTIONS), key=list(targets.FUNCTIONS).index)
    names = [text.get_text() for text in overview.legends[0].get_texts()]
    rows = {run["row"] for run in table["regression"] if run["noise"] == "uniform"}
    assert set(names) <= {viz.row_name(row) for row in rows} and len(names) == len(set(names)) >= 2
    assert "ChoiceNet" in viz.regression_overview_alt(table)
    fits = viz.regression_fits(table, 0.2)
    assert len(fits.axes) == len(targets.FUNCTIONS) and len(fits.legends) == 1
    drawn = [line.get_label() for line in fits.axes[0].lines]
    assert {"ChoiceNet", "target function"} <= set(drawn)
