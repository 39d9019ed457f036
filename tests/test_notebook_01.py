"""What notebook 01 derives is what the package runs: values and gradients, on other numbers than its own checks."""

import numpy as np
import pytest
import torch
from derived import cells_of, names_derived_in, outcome_told_in, with_gradients

from lnlkit import losses, models, noise, papers, recorded, training, viz, widgets
from lnlkit.methods import cvae_augmentation


@pytest.fixture(scope="module")
def derived():
    return names_derived_in("01_cvae_augmentation")


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(7)
    x = torch.rand(6, 1, 5, 4, generator=generator)
    return training.Batch(x, torch.tensor([0, 2, 1, 1, 0, 2]), torch.arange(6))


@pytest.mark.parametrize("noise_rate", [0.0, 0.07, 0.29, 0.5, 0.99])
def test_labels_flip_as_in_the_package_also_where_scores_tie(derived, noise_rate):
    rng = np.random.default_rng(1)
    S, y = rng.dirichlet(np.ones(4), size=100).round(1), rng.integers(4, size=100)  # one digit: many ties
    y_before, S_before = y.copy(), S.copy()
    for mine, theirs in zip(derived["mislabelling_scores"](S, y), noise.mislabelling_scores(S, y), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    mine = derived["flip_hardest"](y, S, noise_rate)
    np.testing.assert_array_equal(mine, noise.flip_hardest(y, S, noise_rate))
    assert (mine != y).sum() == round(100 * noise_rate)
    np.testing.assert_array_equal(y, y_before)
    np.testing.assert_array_equal(S, S_before)


@pytest.mark.parametrize(
    ("name", "package"),
    [("reparameterise", models.ConditionalVAE.reparameterise), ("gaussian_kl", losses.gaussian_kl)],
)
def test_the_code_and_its_kl_are_the_packages(derived, name, package):
    mu, log_var = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(with_gradients(derived[name], mu, log_var), with_gradients(package, mu, log_var))


def test_the_reconstruction_is_the_packages(derived, batch):
    logits = 4 * torch.randn(batch.x.shape, generator=torch.Generator().manual_seed(2))
    mine = with_gradients(lambda a: derived["reconstruction"](a, batch.x), logits)
    torch.testing.assert_close(mine, with_gradients(lambda a: losses.reconstruction(a, batch.x), logits))


def test_the_loss_of_the_cvae_is_the_packages_for_every_weight(derived, batch):
    torch.manual_seed(5)
    cvae = models.ConditionalVAE((1, 5, 4), n_classes=3, latent=2, hidden=8)
    gradients = []
    for terms in (derived["cvae_terms"], cvae_augmentation.cvae_terms):
        torch.manual_seed(3)
        reconstruction, kl = terms(cvae, batch)
        weights = torch.linspace(1, 2, len(kl))
        loss = (weights * reconstruction + weights.flip(0) * kl).sum()
        gradients.append([reconstruction, kl, *torch.autograd.grad(loss, list(cvae.parameters()))])
    torch.testing.assert_close(*gradients)


# ---- guesses


@pytest.fixture
def predictions():
    """The predictions of the notebook by the id of their cell, made anew."""
    rates = papers.load("01").tables["table-1"].columns
    found = {"shipped": recorded.load("01"), "rates": rates, "widgets": widgets, "viz": viz}
    made = {}
    for cell in cells_of("01_cvae_augmentation"):
        if "widgets.Prediction(" in (source := "".join(cell["source"])):
            assert cell["metadata"]["tags"] == ["widget"]
            exec(compile(source.rpartition("\n")[0], cell["id"], "exec"), names := dict(found))
            (made[cell["id"]],) = [value for value in names.values() if isinstance(value, widgets.Prediction)]
    return made


@pytest.mark.usefixtures("errors_start_empty")
def test_every_guess_is_drawn_and_revealed(predictions):
    assert {cell: len(of.sliders) for cell, of in predictions.items()} == {
        "fig-2": 2, "same-matrix": 2, "generator-by-rate": 1}  # fmt: skip
    for of in predictions.values():
        assert of.drive() == 2 * (3 * len(of.sliders) + 1) and of.revealed and not widgets.ERRORS


def test_nothing_that_is_asked_is_told_before_it_is_revealed(predictions, runs):
    near = {each["noise_rate"]: each["knn_agreement"] for each in recorded.load("01").embedding["noisy"]
            if each["noise"] == "model_idn"}  # fmt: skip
    parts = [runs[(runs["row"] == "cvae_augmentation") & (runs["noise_rate"] == rate)] for rate in (0.0, 0.4)]
    kl, total = (parts[1][name].mean() - parts[0][name].mean() for name in ("cvae_kl", "cvae_total"))
    ccn, idn = (level(runs, "ce", 0.4, noise=kind) for kind in ("class_conditional", "model_idn"))
    truths = {"fig-2": [f"{100 * near[rate]:.1f} %" for rate in (0.1, 0.4)],
              "same-matrix": [f"{ccn:.1f} %", f"{idn:.1f} %"],
              "generator-by-rate": [f"It has {100 * kl / total:.0f} %"]}  # fmt: skip
    for cell, of in predictions.items():
        for revealed in (False, True):
            said = viz.description(of.draw(of.guesses, revealed))
            assert [truth in said for truth in truths[cell]] == [revealed] * len(truths[cell]), said


def test_what_happened_to_the_neighbours_is_told_as_it_was_recorded():
    drawn = recorded.load("01").embedding
    share = {each["noise_rate"]: round(100 * each["knn_agreement"]) for each in drawn["noisy"]
             if each["noise"] == "model_idn"}  # fmt: skip
    clean = round(100 * drawn["knn_agreement_clean"])
    assert f"With clean labels of MNIST {clean} %." in told("fig-2-text")
    assert f"At 10 % again {share[0.1]} %:" in told("fig-2-answer") and share[0.1] == clean
    assert f"At 20 % {share[0.2]} %, at 40 % {share[0.4]} %." in told("fig-2-answer")


# ---- what the text tells of the recorded runs


@pytest.fixture(scope="module")
def runs():
    return recorded.load("01").runs


def told(cell: str) -> str:
    return next("".join(each["source"]) for each in cells_of("01_cvae_augmentation") if each["id"] == cell)


def level(runs, row, rate, value="best_val", noise="model_idn", seeds=None):
    """Mean over the seeds, in per cent."""
    found = runs[(runs["row"] == row) & (runs["noise_rate"] == rate) & (runs["noise"] == noise)]
    return 100 * found[found["seed"].isin(found["seed"] if seeds is None else seeds)][value].mean()


def lead(runs, row, rate):
    """Points over CE or CE with as many steps, whichever has the better mean; None before all runs are there."""
    at = runs[(runs["noise_rate"] == rate) & (runs["noise"] == "model_idn")]
    wide = at.pivot(index="seed", columns="row", values="best_val").reindex(columns=[row, "ce", "ce_long"]).dropna()
    rivals = wide[["ce", "ce_long"]]
    return 100 * (wide[row] - rivals[rivals.mean().idxmax()]).mean() if len(wide) == 3 else None


def fidelity(runs, rate):
    """In per cent; None before all runs are there."""
    of = runs[(runs["row"] == "cvae_augmentation") & (runs["noise_rate"] == rate)]
    of = of[(of["noise"] == "model_idn") | (rate == 0)].reindex(columns=["fidelity"])["fidelity"].dropna()
    return 100 * of.mean() if len(of) == 3 else None


def test_the_outcome_is_told_as_it_was_recorded(runs):
    text = outcome_told_in("01_cvae_augmentation")
    affine = [level(runs, "ce_affine", rate) - level(runs, "ce", rate) for rate in (0.1, 0.2, 0.3, 0.4)]
    assert f"brings {min(affine):.1f} to {max(affine):.1f} points over cross-entropy" in text
    leads = {rate: [lead(runs, row, rate) for row in ("cvae_augmentation", "cvae_oracle")] for rate in (0.1, 0.2)}
    for pair in zip(*(both for both in leads.values() if None not in both), strict=True):
        assert " and ".join(f"{round(value, 1) + 0:+.1f}".replace("-", "\u2212") for value in pair) in text
    right = fidelity(runs, 0.2)
    assert right is None or f"where 20 % are wrong, {right:.0f} % of its images show the class" in text
    shown = [fidelity(runs, rate) for rate in (0.0, 0.4)]
    assert None in shown or f"{shown[0]:.0f} % with clean labels, {shown[1]:.0f} % at 40 % noise" in text
    quoted = [row for row in papers.load("01").rows.values() if row.published == "quoted"]
    assert len(quoted) == 7 and "seven other methods" in text


def test_the_gap_between_two_noises_of_one_matrix_is_told_as_it_was_recorded(runs):
    at = runs[(runs["row"] == "ce") & (runs["noise_rate"] == 0.4)]
    seeds = set(at.loc[at["noise"] == "class_conditional", "seed"])
    ccn, idn = (level(runs, "ce", 0.4, noise=kind, seeds=seeds) for kind in ("class_conditional", "model_idn"))
    assert f"{ccn:.1f} against {idn:.1f} %, {ccn - idn:.0f} points" in told("same-matrix-text")
    assert f"costs cross-entropy {ccn - idn:.0f} points more" in outcome_told_in("01_cvae_augmentation")


def test_the_price_of_noisy_validation_is_told_as_it_was_recorded(runs):
    price = {rate: level(runs, "ce", rate, "oracle") - level(runs, "ce", rate) for rate in (0.1, 0.4)}
    text = told("breaks")
    assert f"costs CE {price[0.1]:.1f} points against its best epoch" in text and f"at 40 % {price[0.4]:.1f}." in text


def test_the_choice_of_the_code_is_told_as_it_was_recorded():
    tries = recorded.load("01").checks

    def mean(row, schedule, value):
        return 100 * tries[(tries["row"] == row) & (tries["schedule"] == schedule)][value].mean()

    text, of = told("choice-answer"), "choice of the generator"
    rows = {"cvae_z3": 3, "cvae_z6": 6, "cvae_z10": 10, "cvae_augmentation": 20}
    assert {row: papers.load("01").rows[row].hparams.get("latent", 20) for row in rows} == rows
    assert f"With 3 numbers {mean('cvae_z3', of, 'fidelity'):.0f} %" in text
    assert f"with 20 only {mean('cvae_augmentation', of, 'fidelity'):.0f} %" in text
    chosen = max(rows, key=lambda row: mean(row, of, "best_val_acc"))
    assert chosen == "cvae_z3" and "noisy validation chose the shortest" in told("choice-text")
    long, short = (mean(row, of, "best_val") for row in ("cvae_augmentation", "cvae_z3"))
    assert f"does better ({long:.1f} against {short:.1f} %)" in text and long > short
    slow, usual = (f"learning rate {rate}" for rate in ("0.0003", "0.001"))
    assert abs(mean("ce", slow, "best_val_acc") - mean("ce", usual, "best_val_acc")) < 0.25  # "hardly tells"
    reached = [mean("ce", schedule, "best_val") for schedule in (usual, slow)]
    assert "with which it has {:.1f} %, but the slower one reaches {:.1f} %".format(*reached) in text


def test_the_parts_of_the_rise_of_the_loss_are_told_as_they_were_recorded(runs):
    if None in (fidelity(runs, 0.0), fidelity(runs, 0.4)):
        pytest.skip("not all runs are there")
    own = runs[(runs["row"] == "cvae_augmentation") & ((runs["noise"] == "model_idn") | (runs["noise_rate"] == 0))]
    by_seed = own.pivot(index="seed", columns="noise_rate", values=["cvae_total", "cvae_kl"])
    total, kl = (by_seed[name][0.4].sub(by_seed[name][0.0]).mean() for name in ("cvae_total", "cvae_kl"))
    assert f"rises by {total:.1f} nats, of which the KL divergence has {kl:.1f}." in told("fig-4-answer")
