"""Paper 02 as data: published differences follow from its tables, errata say what the printed numbers say."""

import math

import numpy as np
import pytest

from lnlkit import papers, recorded

OTHERS = ("bce", "learnq", "icnm", "bootstrap")


@pytest.fixture(scope="module")
def paper():
    return papers.load("02")


def lead(table, column, row="can", others=OTHERS) -> float:
    """One row's number minus the best of the others."""
    return table.cell(row, column)[0] - max(table.cell(other, column)[0] for other in others)


def published_leads(paper) -> dict:
    """What the claims call published, from the printed tables."""
    t = paper.tables
    several, one = t["table-6-v07"], t["table-6-sd4"]
    under_noise = [(table, rate) for table in (several, one) for rate in (0.2, 0.4, 0.6, 0.8)]
    by_lambda = [t["table-5-v07"], t["table-5-sd4"]]
    return {
        "ahead-under-noise": np.mean([lead(*at) for at in under_noise]),
        "ahead-of-plain": np.mean([lead(*at, others=("bce",)) for at in under_noise]),
        "best-human": lead(t["table-4"], "mAP"),
        "clean-labels": np.mean([lead(table, 0.0, "bce", (*OTHERS[1:], "can")) for table in (several, one)]),
        "weight-of-the-regulariser": np.mean([
            of.cell("can", 0.2)[0] - of.cell("can", 10.0)[0] for of in by_lambda]),
    }


def erratum(paper, printed: str):
    return next(each for each in paper.errata if printed in each.printed)


def test_the_published_differences_follow_from_the_published_tables(paper):
    claims = {claim.id: claim.published for claim in paper.claims if claim.published is not None}
    assert claims == pytest.approx(published_leads(paper), abs=0.05)


def test_the_claims_quote_the_printed_tables(paper):
    claims, t = {claim.id: claim for claim in paper.claims}, paper.tables
    ahead = [lead(t["table-6-v07"], rate) for rate in (0.2, 0.4, 0.6, 0.8)]
    assert f"{min(ahead):.1f} to {max(ahead):.1f} points on V07TE" in claims["ahead-under-noise"].place
    plain = [lead(table, rate, others=("bce",)) for table in (t["table-6-v07"], t["table-6-sd4"])
             for rate in (0.2, 0.4, 0.6, 0.8)]  # fmt: skip
    assert f"are {min(plain):.1f} to {max(plain):.1f}" in claims["ahead-of-plain"].bound
    assert f"{plain[1]:.1f} points at 0.4" in claims["ahead-of-plain"].place
    human = [t["table-4"].cell(row, "mAP")[0] for row in (*OTHERS, "can")]
    assert f"{human[-1]} against {max(human[:-1])}" in claims["best-human"].place


def test_every_claim_measures_the_main_runs_of_the_paper(paper):
    """No claim is decided by a check of our own settings; the others are always the paper's own rows."""
    for claim in paper.claims:
        assert "schedule" not in claim.measure and claim.measure["row"] in ("can", "bce")
        assert set(claim.measure.get("over", [])) <= {*OTHERS, "can"}


def test_eight_errata_matter_and_the_first_gradient_is_among_them(paper):
    shown = [each for each in paper.errata if each.matters]
    assert len(shown) == 8
    words = " ".join(each.right for each in shown)
    for what in ("never falls below 1/2", "Nothing is propagated", "is the same for all images", "H(Z, S)",
                 "lambda < 1", "mu + sigma * zeta", "never gets there", "the best ranking without it"):  # fmt: skip
        assert what in words


def test_the_printed_means_are_those_of_the_printed_classes_but_for_two(paper):
    odd = {}
    for name in ("table-2", "table-3", "table-4"):
        for row, values in paper.tables[name].mean.items():
            mean = float(np.mean(values[:-1]))
            assert mean == pytest.approx(values[-1], abs=0.1), "more than rounding can explain"
            if abs(mean - values[-1]) > 0.05 + 1e-9:
                odd[name, row] = mean
    assert odd == pytest.approx({("table-2", "icnm"): 80.24, ("table-2", "can"): 83.86})
    assert "80.24 and 83.86" in erratum(paper, "ICNM 80.3, CAN 83.8").why


def test_the_schedules_of_the_errata_are_those_of_the_printed_numbers(paper):
    """rho = max(0.5, exp(-3e-5 step)), batches of 50, 90 epochs."""
    steps = {n: 90 * math.ceil(n / 50) for n in (97836, 7354, 5011, 11540, 628)}
    rho = {n: max(0.5, math.exp(-3e-5 * count)) for n, count in steps.items()}
    never = erratum(paper, "progressively anneals").why
    assert f"{math.log(2) / 3e-5:,.0f}" in never and f"{steps[97836]:,}" in never and f"{steps[7354]:,}" in never
    assert f"{math.log(2) / 3e-5 / steps[97836]:.0%}".replace("%", " %") in never and f"{rho[7354]:.2f}" in never
    assert f"{rho[628]:.4f}" in never and f"{rho[5011]:.2f}" in never and f"{rho[11540]:.2f}" in never
    assert f"628 images and {steps[628]:,} steps" in never
    table = paper.tables["table-6-sd4"]
    assert f"{table.cell('can', 0.8)[0]} against {table.cell('bce', 0.8)[0]} at P_noise 0.8" in never
    assert rho[628] > 0.965 and min(rho[n] for n in (628, 5011, 11540)) > 0.5


def test_the_errata_on_table_6_count_the_table(paper):
    tables = [paper.tables[f"table-6-{name}"] for name in ("v07", "v12", "sd4")]
    clean = [table.cell("can", 0.0)[0] - table.cell("bce", 0.0)[0] for table in tables]
    heavy = [lead(table, 0.8, "bce", OTHERS[1:]) for table in tables]
    found = erratum(paper, "CAN shows advantages in different noise levels")
    assert "by 1.5, 2.4 and 2.1 behind plain" in found.right and clean == pytest.approx([-1.5, -2.4, -2.1])
    assert "by 3.3, 1.5 and 1.9" in found.why and heavy == pytest.approx([3.3, 1.5, 1.9])
    assert all(table.cell("can", 0.0)[0] == min(row[-1] for row in table.mean.values()) for table in tables)
    assert all(lead(table, rate) > 0 for table in tables for rate in (0.2, 0.4, 0.6, 0.8))
    assert sorted(row[0] for row in tables[0].mean.values())[1] == tables[0].cell("can", 1.0)[0]


def test_the_errata_on_lambda_read_table_5(paper):
    with_03 = {"v07": ("table-2", 0.5), "v12": ("table-3", 0.2), "sd4": ("table-4", 0.3)}
    for name, (table, best) in with_03.items():
        by_lambda = paper.tables[f"table-5-{name}"]
        found = {value: by_lambda.cell("can", value)[0] for value in by_lambda.columns}
        found[0.3] = paper.tables[table].cell("can", "mAP")[0]
        assert max(found, key=found.get) == best
    none = paper.tables["table-5-sd4"].cell("can", 0.0)[0]
    assert [none < paper.tables["table-4"].cell(row, "mAP")[0] for row in OTHERS] == [False, True, True, True]


def test_chance_under_permuted_vectors_is_above_the_share_of_a_class(paper):
    """The example of the erratum, by simulation: one to four of ten labels, a ranking by their number."""
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    m = rng.choice([1, 2, 3, 4], 100_000, p=(0.4, 0.3, 0.2, 0.1))
    y = rng.random(len(m)) < m / 10
    assert y.mean() == pytest.approx(0.20, abs=0.005)
    assert average_precision_score(y, m + rng.random(len(m))) == pytest.approx(0.32, abs=0.005)
    why = erratum(paper, "close to randomness").why
    assert "a share of 20 %" in why and "an mAP of 32" in why


def test_where_more_is_spoiled_than_corrected_is_said(paper):
    """The latent labels against the given ones on MNIST at each P_noise, as the claim on them tells."""
    can = recorded.load("02").runs.query("row == 'can' and dataset == 'mnist' and size == 1 and noise_rate > 0")
    can = can[can["lambda_mi"].isna()]
    gain = (can["latent_right"] - can["given_right"]).groupby(can["noise_rate"]).mean()
    (claim,) = [claim for claim in paper.claims if claim.id == "latent-label-corrects"]
    assert "At P_noise 0.2 and 0.8 more is spoiled than corrected." in claim.measured
    assert gain[0.4] > 0 and gain[0.2] < 0 and gain[0.8] < 0
