"""Claims' measures against numbers that are easy to work out by hand."""

import dataclasses
import math

import pandas as pd
import pytest

from lnlkit import papers, recorded
from lnlkit.recorded import judging, measures

PAPER = papers.load("01")


def table(*runs, **more) -> recorded.Recorded:
    """Runs given as (row, noise rate, seed, numbers), on mnist with model_idn noise unless they say otherwise."""
    rows = [{"row": row, "dataset": "mnist", "noise": "model_idn", "noise_rate": rate, "seed": seed,
             "key": f"{row} {rate} {seed} {numbers.get('schedule', '')}", **numbers}
            for row, rate, seed, numbers in runs]  # fmt: skip
    return recorded.tidy({"notebook": PAPER.key, "scale": "lab", "made": {}, "runs": rows, **more})


def accuracies(by_row: dict[str, list[float]], rate: float = 0.1, **more) -> list[tuple]:
    return [(row, rate, seed, {"best_val": value, **more}) for row, values in by_row.items()
            for seed, value in enumerate(values)]  # fmt: skip


def measured(of: str, found: recorded.Recorded, **asked) -> papers.Measured:
    return measures.measure(PAPER, found, {"of": of, **asked})


BY_ROW = {"cvae_augmentation": [0.90, 0.92, 0.91], "ce": [0.80, 0.95, 0.80], "seal": [0.88, 0.88, 0.88]}


def test_a_lead_is_over_the_row_with_the_best_mean_and_not_the_best_of_each_seed():
    found = measured("lead", table(*accuracies(BY_ROW)), row="cvae_augmentation", over=["ce", "seal"], noise_rate=0.1)
    assert found.values == pytest.approx([2, 4, 3])  # seal has the best mean, ce the best seed 1
    assert (found.least, found.most) == pytest.approx((-88, 12)) and len(found.runs) == 9


def test_what_rivals_leave_is_what_a_lead_can_reach():
    near = {"cvae_augmentation": [0.99] * 3, "ce": [0.97] * 3}
    assert measured("lead", table(*accuracies(near)), row="cvae_augmentation", over=["ce"]).most == pytest.approx(3)


def test_of_errors_less_is_more_and_none_is_below_zero():
    errors = {"a": 0.1, "b": 0.3, "c": 0.2}
    runs = [(row, 0.6, seed, {"mae": value}) for row, value in errors.items() for seed in range(3)]
    found = measured("lead", table(*runs), row="a", over=["b", "c"], value="mae", unit=1.0, lower=True, noise_rate=0.6)
    assert found.values == pytest.approx([-0.1] * 3) and found.least == pytest.approx(-0.2)
    assert found.most == math.inf


def test_over_a_list_it_is_averaged_with_the_best_rival_of_each():
    both = table(*accuracies({"cvae_augmentation": [0.9] * 3, "ce": [0.8] * 3, "seal": [0.7] * 3}, 0.1),
                 *accuracies({"cvae_augmentation": [0.6] * 3, "ce": [0.2] * 3, "seal": [0.5] * 3}, 0.2))  # fmt: skip
    asked = {"row": "cvae_augmentation", "over": ["ce", "seal"]}
    assert measured("lead", both, noise_rate=[0.1, 0.2], **asked).values == pytest.approx([10, 10, 10])
    assert measured("lead", both, noise_rate=[0.1, 0.2, 0.3], **asked).values == ()  # one of them was not run


def test_seeds_without_a_rival_are_left_out_and_a_rate_that_prints_equal_is_the_same():
    runs = accuracies({"cvae_augmentation": [0.9, 0.9, 0.9], "ce": [0.8, 0.8]}, 0.1 * 3)
    asked = {"row": "cvae_augmentation", "over": ["ce"], "noise_rate": 0.3}
    assert measured("lead", table(*runs), **asked).values == pytest.approx([10, 10])


def test_a_schedule_picks_from_the_checks_and_nothing_else_does():
    found = table(*accuracies({"ce": [0.5]}), *accuracies({"ce": [0.9]}, schedule="long"))
    assert measured("mean", found, row="ce").values == pytest.approx([50])
    assert measured("mean", found, row="ce", schedule="long").values == pytest.approx([90])
    assert list(found.runs["key"]) == ["ce 0.1 0 "] and list(found.checks["schedule"]) == ["long"]
    assert "schedule" not in found.runs


def test_a_mean_less_a_constant_knows_its_reach():
    found = measured("mean", table(*accuracies({"ce": [0.55, 0.56]})), row="ce", minus=55.0)
    assert found.values == pytest.approx([0, 1]) and (found.least, found.most) == (-55, 45)


def test_two_values_of_one_run():
    runs = [("ce", 0.1, seed, {"best_val": 0.9, "last": 0.6 + seed / 100}) for seed in range(3)]
    found = measured("between", table(*runs), row="ce", value="best_val", other="last")
    assert found.values == pytest.approx([30, 29, 28])


def test_a_contrast_is_a_difference_a_ratio_or_a_share():
    runs = [("ce", rate, seed, {"kl": kl, "total": total}) for seed in (0, 1)
            for rate, kl, total in ((0.0, 10.0, 100.0), (0.4, 12.0, 108.0))]  # fmt: skip
    asked = {"row": "ce", "value": "kl", "a": {"noise_rate": 0.4}, "b": {"noise_rate": 0.0}}
    found = table(*runs)
    assert measured("contrast", found, **asked).values == pytest.approx([2, 2])
    assert measured("contrast", found, ratio=True, **asked).values == pytest.approx([1.2, 1.2])
    assert measured("contrast", found, share_of="total", **asked).values == pytest.approx([0.25, 0.25])
    assert len(measured("contrast", found, **asked).runs) == 4
    back = asked | {"a": asked["b"], "b": asked["a"]}
    assert all(map(math.isnan, measured("contrast", found, share_of="total", **back).values))  # no rise, no share


def test_a_trend_is_spearmans():
    runs = [("ce", rate, seed, {"loss": loss}) for seed, losses in enumerate([(1, 2, 3), (3, 2, 1), (1, 3, 2)])
            for rate, loss in zip((0.1, 0.2, 0.3), losses, strict=True)]  # fmt: skip
    assert measured("trend", table(*runs), row="ce", value="loss").values == pytest.approx([1, -1, 0.5])


def test_the_lead_of_a_published_table_is_arithmetic():
    asked, any_table = {"row": "cvae_augmentation", "published": "table-1"}, table(*accuracies(BY_ROW))
    for columns, least in ([0.1], 0.27), ([0.1, 0.2], -5.1):
        assert measured("published lead", any_table, columns=columns, **asked).values == pytest.approx([least])
    found = measured("published lead", any_table, columns=[0.1, 0.2], over_median=True, **asked)
    assert found.values == pytest.approx([88.53 - 86.71])  # of 85.62, 85.39, 91.07, 86.71, 85.63, 87.02, 93.63


def test_neighbours_are_compared_with_those_of_clean_labels_seed_by_seed():
    agreement = [{"seed": seed, "noise": "model_idn", "noise_rate": rate, "knn_agreement": 0.9 - rate,
                  "knn_agreement_clean": 0.9 + seed / 100}
                 for seed in range(3) for rate in (0.1, 0.2, 0.4)]  # fmt: skip
    drawn = {"x": [], "y_clean": [], "noisy": [], "knn_agreement_clean": 0.9, "agreement": agreement}
    found = table(*accuracies(BY_ROW), embedding=drawn)
    asked = {"noise": "model_idn", "noise_rate": [0.1, 0.2]}
    assert measured("neighbours", found, **asked).values == pytest.approx([-15, -16, -17])
    assert measured("neighbours", table(*accuracies(BY_ROW)), **asked).values == ()


# ---- claims


def test_a_verdict_names_its_runs_and_has_yours_beside_it():
    yours = table(*accuracies({"cvae_augmentation": [0.5], "ce": [0.4]}))
    by_id = {v.id: v for v in judging.verdicts(PAPER, table(*accuracies(BY_ROW)), yours)}
    assert by_id["best-at-10"].yours == pytest.approx(10) and len(by_id["best-at-10"].runs) == 9
    assert by_id["loss-grows"].verdict == "not tested" and by_id["loss-grows"].yours is None


def test_yours_is_measured_on_what_a_smaller_table_has():
    on_digits = {"dataset": "digits", "noise_rate": 0.2}
    runs = [(row, 0.2, 0, {"best_val": value} | on_digits) for row, value in (("cvae_augmentation", 0.7), ("ce", 0.5))]
    small = table(*runs)
    asked = {"of": "lead", "row": "cvae_augmentation", "over": ["ce"], "dataset": "mnist", "noise_rate": [0.1, 0.2]}
    small = dataclasses.replace(small, scale="smoke")
    as_run = judging.as_run(PAPER, small, asked)
    assert as_run == asked | {"dataset": "digits", "noise_rate": [0.2]}
    assert measures.measure(PAPER, small, as_run).values == pytest.approx([20])
    assert judging.as_run(PAPER, small, asked | {"dataset": "cifar10"})["dataset"] == "cifar10"  # nothing stands for it
    assert measures.measure(PAPER, small, asked).values == ()


@pytest.mark.parametrize("oracle, word", [(0.99, "holds"), (0.80, "not tested")])
def test_where_the_oracle_is_no_help_the_claim_is_not_tested(oracle, word):
    rows = {"cvae_augmentation": [0.95, 0.951, 0.952], "ce": [0.90, 0.901, 0.902], "ce_long": [0.9, 0.9, 0.9],
            "cvae_oracle": [oracle, oracle + 0.001, oracle + 0.002]}  # fmt: skip
    found = {v.id: v for v in judging.verdicts(PAPER, table(*accuracies(rows)))}["improves-at-10"]
    assert found.verdict == word and found.value == pytest.approx(5)
    assert ("clean labels are no help" in found.why) == (word == "not tested")


def test_a_table_of_another_paper_is_refused():
    with pytest.raises(ValueError, match="`table` must be a table of 05_choicenet, but it is one of 01"):
        judging.verdicts(papers.load("05"), table(*accuracies(BY_ROW)))


def test_ours_beside_a_published_table():
    rows = judging.beside(PAPER, table(*accuracies(BY_ROW)), "table-1")
    (ce,) = [row for row in rows if row["row"] == "ce" and row["column"] == 0.1]
    assert ce["ours"] == pytest.approx(85) and ce["n"] == 3 and ce["paper"] == 94.07
    with pytest.raises(ValueError, match="`published` must be a table with `ours`"):
        judging.beside(papers.load("02"), recorded.load("02"), "table-2")


@pytest.mark.parametrize("key", papers.KEYS)
def test_every_claim_is_measured_in_the_shipped_runs(key):
    """Each measure and condition finds runs at lab, and what its TOML calls published follows from its tables."""
    paper, shipped = papers.load(key), recorded.load(key)
    for claim in paper.claims:
        found = measures.measure(paper, shipped, claim.measure)
        assert found.values, claim.id
        assert found.runs or claim.measure["of"] in ("neighbours", "published lead"), claim.id  # a map; arithmetic
        assert set(found.runs) <= set(shipped.runs["key"]) | set(shipped.checks["key"])
        if claim.only_if:
            spec = {name: value for name, value in claim.only_if.items() if name not in ("at_least", "says")}
            assert measures.measure(paper, shipped, spec).values, claim.id


@pytest.mark.parametrize("key", papers.KEYS)
def test_no_verdict_rests_on_a_bound_that_could_not_be_missed_or_reached(key):
    paper, shipped = papers.load(key), recorded.load(key)
    for claim, verdict in zip(paper.claims, judging.verdicts(paper, shipped), strict=True):
        if verdict.verdict != "not tested" and claim.decided_by != "algebra":
            found, (least, most) = measures.measure(paper, shipped, claim.measure), claim.bounds
            assert found.least <= most and least <= found.most, claim.id
            assert found.least < least or most < found.most, claim.id
            assert verdict.n >= 3 or verdict.verdict == "undecided"


def test_frames_of_an_empty_table_have_the_columns_of_runs():
    empty = recorded.tidy({"notebook": PAPER.key, "scale": "lab", "made": {}})
    assert set(recorded.RUN) <= set(empty.runs) and isinstance(empty.checks, pd.DataFrame)
    assert all(v.verdict == "not tested" or v.decided_by == "algebra" for v in judging.verdicts(PAPER, empty))
