"""Average ranks over settings, and how far they must be apart."""

import pandas as pd
import pytest

from lnlkit.recorded import ranks


def runs(accuracies):
    """{row: accuracies over settings} as tidy runs of two seeds, whose mean they are."""
    return pd.DataFrame([
        {"row": row, "dataset": "digits", "noise": "symmetric", "noise_rate": place / 10, "seed": seed,
         "best_val": value + (0.01 if seed else -0.01)}
        for row, of in accuracies.items() for place, value in enumerate(of) for seed in (0, 1) if value is not None
    ])  # fmt: skip


def test_ranks_are_means_over_the_settings_of_all_rows_with_ties_shared():
    found = ranks.average_ranks(runs({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.9, 0.9], "c": [0.8, 0.7, None]}))
    assert found["rank"].to_dict() == {"a": 1.5, "b": (2.5 + 1) / 2, "c": (2.5 + 3) / 2}  # the third lacks c
    assert list(found.index) == ["a", "b", "c"] and found.attrs["n"] == 2
    assert found.attrs["critical_difference"] == ranks.critical_difference(3, 2)


def test_the_critical_difference_is_that_of_the_literature():
    """q of 5 % is 1.960 for 2, 2.343 for 3, 3.164 for 10 methods (Demsar 2006, Table 5a)."""
    for k, q in ((2, 1.960), (3, 2.343), (10, 3.164)):
        assert ranks.critical_difference(k, 14) == pytest.approx(q * (k * (k + 1) / (6 * 14)) ** 0.5, rel=1e-3)
    assert ranks.critical_difference(1, 5) == 0


def test_rows_without_a_common_setting_are_refused():
    with pytest.raises(ValueError, match="`runs` must have a setting in which all of its rows were run"):
        ranks.average_ranks(runs({"a": [0.9, None], "b": [None, 0.8]}))


def test_rows_that_were_run_in_few_settings_leave_the_others_theirs():
    table = runs({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.9, 0.9], "c": [0.8, None, None]})
    assert set(ranks.common(table)["row"]) == {"a", "b"}
    assert ranks.average_ranks(ranks.common(table)).attrs["n"] == 3
    table = runs({"a": [0.9, 0.8, 0.7], "b": [0.8, 0.9, None], "c": [0.8, 0.7, None], "d": [0.1, 0.1, None]})
    assert set(ranks.common(table)["row"]) == {"a", "b", "c", "d"}  # eight ranks, where a alone has three


def test_rows_that_share_no_setting_have_no_ranks():
    table = runs({"a": [0.9, None], "b": [None, 0.8]})
    assert len(ranks.of_all(table)) == 0 and set(ranks.common(table)["row"]) <= {"a", "b"}


def test_where_less_is_better_the_lowest_mean_has_rank_1():
    found = ranks.average_ranks(runs({"a": [0.9, 0.8], "b": [0.8, 0.7]}), lower=True)
    assert found["rank"].to_dict() == {"b": 1.0, "a": 2.0}
