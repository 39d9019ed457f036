"""Tables for the page: what stands in them, what is bold, and that nothing is read as markup."""

import dataclasses
import html
import re

import numpy as np
import pandas as pd
import pytest
from figures import legible

from lnlkit import papers, viz
from lnlkit.viz.tables import spread

pytestmark = pytest.mark.usefixtures("leaves_no_trace")


def bold(page):
    """Texts of the cells that the style sheet of a table makes bold."""
    rules = re.findall(r"((?:#T_\w+(?:, )?)+) \{\n  font-weight: bold", page)
    ids = [found.strip("# ") for rule in rules for found in rule.split(",")]
    return [re.search(f'id="{found}"[^>]*>([^<]*)<', page)[1] for found in ids]


def test_text_is_shown_as_it_stands_and_numbers_to_their_digits():
    frame = pd.DataFrame({"a_b <i>": ["**x** ~y~ <b>", "p & q"], "value": [1.23456, np.nan], "n": [3, 5]})
    page = viz.tables.rich(frame, "of <all>, n = 3", digits=1).to_html()
    for text in ("**x** ~y~ &lt;b&gt;", "p &amp; q", "a_b &lt;i&gt;", "of &lt;all&gt;, n = 3", ">1.2<", ">3<"):
        assert text in page
    assert "nan" not in page and "<b>" not in page and "row_heading level" not in page


def test_the_best_of_each_column_is_bold():
    frame = pd.DataFrame({"method": ["a", "b"], "accuracy": [0.9, 0.8], "error": [2.0, 1.0], "n": [3, 4]})
    assert bold(viz.tables.rich(frame, "both ways", best="max").to_html()) == ["0.90", "2.00"]
    low = viz.tables.rich(frame, "low is good", best="min", digits={"error": 0})
    assert bold(low.to_html()) == ["0.80", "1"]


def test_only_sentences_wrap():
    page = viz.tables.rich(pd.DataFrame({"name": ["x"], "says": ["a b"]}), "words", text=["says"]).to_html()
    assert re.findall(r"td\.(col\d) \{[^}]*white-space: normal", page) == ["col1"]
    assert re.search(r"td \{[^}]*white-space: nowrap", page)
    page = viz.tables.rich(pd.DataFrame({"says": ["at 10 % noise"]}), "words", text=["says"]).to_html()
    assert "at 10\u00a0% noise" in page.replace("&nbsp;", "\u00a0")


def test_mean_and_deviation_are_written_with_what_there_is():
    assert [spread(97.04, 0.12), spread(97.04, np.nan, 2), spread(None, 1), spread(np.nan, 0)] == [
        "97.0 ± 0.1", "97.04", "", ""]  # fmt: skip


def test_claims_have_their_verdicts_values_and_reasons():
    paper = papers.load("05")
    verdicts = [papers.judge(claim, "lab", papers.Measured((7.0, 7.5, 6.5))) for claim in paper.claims]
    page = viz.tables.claims(verdicts, "Recorded").to_html()
    counts = {name: [v.verdict for v in verdicts].count(name) for name in papers.VERDICTS}
    assert "Recorded: " + ", ".join(f"{n} {name}" for name, n in counts.items() if n) in page
    assert page.count(", n = 3") == sum(v.decided_by != "algebra" and v.passed is None for v in verdicts)
    assert viz.tables.claims([vars(v) for v in verdicts], "Recorded").data.equals(viz.tables.claims(verdicts).data)
    untested = next(v for v in verdicts if v.verdict == "not tested")
    assert untested.why in viz.tables.claims(verdicts).data["wanted"].tolist()


def test_what_the_readers_own_runs_measure_stands_beside_without_a_verdict():
    claim = papers.load("05").claims[0]
    verdict = papers.judge(claim, "lab", papers.Measured((20.0, 21.0, 22.0)))
    assert "yours" not in viz.tables.claims([verdict]).data
    beside = viz.tables.claims([dataclasses.replace(verdict, yours=3.25), verdict]).data
    assert beside["yours"].tolist() == ["3.25", ""] and beside["verdict"].tolist() == ["holds at lab"] * 2


def test_errata_that_matter_are_shown_and_the_others_folded():
    paper = papers.load("05")
    shown, _, rest = viz.tables.errata(paper).data.partition("<details>")
    for erratum in paper.errata:
        text = shown if erratum.matters else rest
        assert erratum.printed.replace(" %", "\u00a0%") in html.unescape(text), erratum.printed
    sizes = [int(n) for n in re.findall(r">(\d+) places<", shown + rest)]
    assert sizes == [8, len(paper.errata) - 8]


@pytest.fixture
def compared():
    ours = {("ce", 0.1): [90.0, 92.0], ("cvae_augmentation", 0.1): [95.0], ("ce_affine", 0.2): [80.0, 81.0]}
    return papers.compare(papers.load("01"), "table-1", ours)


def test_ours_stands_above_the_papers_and_the_best_of_ours_is_bold(compared):
    table = viz.tables.comparison(compared, "Table 1", best="max")
    cell = {key: re.sub("<[^>]*>", "|", text).strip("|") for key, text in table.data.stack().items()}
    assert cell["CE †", "10%"] == "91.0 ± 1.4||94.1 ± 0.3" and cell["CE + affine ‡", "20%"] == "80.5 ± 0.7|||–"
    assert cell["CVAE augmentation", "20%"].startswith("–||")
    assert [key for key, text in table.data.stack().items() if "<b>" in text] == [
        ("CE + affine ‡", "20%"), ("CVAE augmentation", "10%")]  # fmt: skip
    assert list(table.data.columns) == ["10%", "20%", "30%", "40%"]
    assert "<b>95.0</b>" in table.to_html()
    for text in ("Table 1, %", "n\u00a0=\u00a01\u00a0to\u00a02", "† quoted", "‡ not in the paper"):
        assert text in table.caption
    assert "<b>" not in viz.tables.comparison(compared).to_html()


def test_a_wide_comparison_is_turned():
    many = [{**row, "heading": f"class {k}", "column": f"class {k}"} for k in range(9)
            for row in papers.compare(papers.load("01"), "table-1", {}) if row["row"] == "ce"][::4]  # fmt: skip
    assert viz.tables.comparison(many).data.shape == (9, 1)


def test_methods_against_noise_are_a_heat_map_with_the_best_in_bold():
    rates = {"ce": (0.9, 0.8), "gce": (0.7, 0.85), "seal": (0.6, None)}
    cells = [{"row": row, "noise_rate": rate, "seed": seed, "best_val": value + 0.01 * seed}
             for row, values in rates.items() for rate, value in zip((0.1, 0.2), values, strict=True)
             if value for seed in range(1 if row == "seal" else 3)]  # fmt: skip
    fig = viz.tables.heat_table(pd.DataFrame(cells), "01_cvae_augmentation", title="MNIST, accuracy in %")
    (ax,) = fig.axes
    said = {text.get_position(): (text.get_text(), text.get_weight()) for text in ax.texts}
    assert said == {
        (0.5, 0.5): ("91.0 ± 1.0", "bold"), (1.5, 0.5): ("81.0 ± 1.0", "normal"), (0.5, 1.5): ("71.0 ± 1.0", "normal"),
        (1.5, 1.5): ("86.0 ± 1.0", "bold"), (0.5, 2.5): ("60.0", "normal")}  # fmt: skip
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["CE", "GCE", "SEAL"]
    assert viz.description(fig).endswith("3 methods. Best: CE 91.0 at 0.1, GCE 86.0 at 0.2.")
    assert legible(fig)
    low = viz.tables.heat_table(pd.DataFrame(cells), "01", ax=viz.panels()[1], low_is_good=True)
    assert {text.get_text() for text in low.texts if text.get_weight() == "bold"} == {"60.0", "81.0 ± 1.0"}
    one_scale = viz.tables.heat_table(pd.DataFrame(cells), "01", ax=viz.panels()[1], span=(10, 100))
    assert one_scale.collections[0].get_clim() == (10, 100)


def test_a_heat_map_says_how_many_values_it_shows():
    runs = pd.DataFrame({"row": ["ce"] * 3 + ["seal"] * 2, "noise_rate": 0.2, "best_val": [0.9, 0.8, None, 0.7, 0.7]})
    said = viz.description(viz.tables.heat_table(runs, "01", rows=["ce"]))
    assert said.startswith("Table of accuracy, % (mean ± sd, n\u00a0=\u00a02), 1 methods. Best: CE 85.0 at 0.2")
    own = runs.assign(row=runs["row"].astype("category")).convert_dtypes(convert_string=False)
    assert viz.description(viz.tables.heat_table(own[own["row"] == "ce"], "01")) == said
    with pytest.raises(ValueError, match="`runs` must have values of 'best_val' in the rows asked for, but has none"):
        viz.tables.heat_table(runs.assign(best_val=runs["best_val"].where(runs["row"] == "seal")), "01", rows=["ce"])
