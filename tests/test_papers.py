"""The papers' numbers, claims and verdicts."""

import pytest

from lnlkit import papers
from lnlkit.papers import reading


@pytest.fixture(scope="module")
def paper():
    return papers.load("01")


def published_metrics(paper) -> dict:
    """The metrics of the accuracy claims, computed from the paper's own Table 1."""
    mean = paper.tables["table-1"].mean
    others = [name for name in mean if name != "cvae_augmentation"]
    at = {rate: i for i, rate in enumerate(paper.tables["table-1"].columns)}
    cvae = mean["cvae_augmentation"]
    best = {rate: cvae[i] - max(mean[name][i] for name in others) for rate, i in at.items()}
    return {
        "cvae_minus_best_other@0.1": best[0.1],
        "cvae_minus_best_other@0.2": best[0.2],
        "cvae_minus_ce@0.1": cvae[at[0.1]] - mean["ce"][at[0.1]],
        "cvae_minus_ce@0.4": cvae[at[0.4]] - mean["ce"][at[0.4]],
        "cvae_minus_seal@0.4": cvae[at[0.4]] - mean["seal"][at[0.4]],
    }


def other_metrics(paper) -> dict:
    """Values for which every claim beyond Table 1 holds."""
    return {"loss_order": 1.0, "kl_share_of_increase": 0.0, "fidelity_drop@0.4": 30.0,
            "knn_agreement_minus_clean": 0.0, "best_epoch": 3.0}  # fmt: skip


def test_a_paper_is_found_under_its_number_its_name_and_its_key():
    assert {papers.load(name).key for name in ("01", "cvae_augmentation", "01_cvae_augmentation")} == {
        "01_cvae_augmentation"
    }
    with pytest.raises(ValueError, match="Did you mean '01_cvae_augmentation'"):
        papers.load("01_cvae_augmentatoin")


def test_the_published_differences_follow_from_the_published_table(paper):
    computed = published_metrics(paper)
    claims = {claim.metric: claim.published for claim in paper.claims if claim.metric in computed}
    assert claims.keys() == computed.keys()
    assert claims == pytest.approx(computed, abs=1e-9)


def test_the_papers_own_numbers_reproduce_the_paper(paper):
    verdicts = papers.judge(paper, "paper", published_metrics(paper) | other_metrics(paper))
    assert {v.id: v.verdict for v in verdicts} == {claim.id: "reproduced" for claim in paper.claims}


@pytest.mark.parametrize("scale", ["lab", "paper"])
def test_the_opposite_numbers_reproduce_none_of_it(paper, scale):
    opposite = {name: -value for name, value in published_metrics(paper).items()}
    opposite |= {"cvae_minus_best_other@0.2": -30.0, "loss_order": -1.0, "kl_share_of_increase": 0.9,
                 "fidelity_drop@0.4": -1.0, "knn_agreement_minus_clean": -9.0, "best_epoch": 8}  # fmt: skip
    assert {v.verdict for v in papers.judge(paper, scale, opposite)} == {"not reproduced"}


def test_seeds_are_averaged_and_the_bound_itself_still_holds(paper):
    metrics = published_metrics(paper) | other_metrics(paper) | {"cvae_minus_best_other@0.1": [-1.0, 0.0, 1.0]}
    verdict = papers.judge(paper, "lab", metrics)[0]
    assert (verdict.verdict, verdict.value, verdict.sd, verdict.n) == ("reproduced", 0.0, 1.0, 3)
    assert verdict.why == "0.00 ± 1.00 (n = 3), wanted at least 0"


def test_a_value_that_is_no_number_is_no_success(paper):
    metrics = published_metrics(paper) | other_metrics(paper) | {"best_epoch": [2.0, float("nan")]}
    verdict = {v.id: v for v in papers.judge(paper, "lab", metrics)}["early-peak"]
    assert (verdict.verdict, verdict.value) == ("not reproduced", None)


def test_a_missing_metric_is_an_error_where_it_is_tested_and_a_reason_where_not(paper):
    with pytest.raises(ValueError, match="must hold `cvae_minus_best_other@0.1`, which the claim `best-at-10` needs"):
        papers.judge(paper, "lab", {})
    tested = {claim.metric: 50.0 for claim in paper.claims if "smoke" not in claim.not_tested}
    verdicts = {v.id: v for v in papers.judge(paper, "smoke", tested)}
    assert verdicts["best-at-10"].verdict == "not tested" and "seed" in verdicts["best-at-10"].why
    with pytest.raises(ValueError, match="Did you mean 'smoke'"):
        papers.judge(paper, "smok", {})


def test_compare_sets_ours_against_the_paper_cell_by_cell(paper):
    ours = {("ce", 0.1): [94.0, 95.0], ("cvae_oracle", 0.4): 80.0}
    rows = {(r["row"], r["column"]): r for r in papers.compare(paper, "table-1", ours)}
    ce = rows["ce", 0.1]
    assert (ce["paper"], ce["paper_sd"], ce["ours"], ce["n"]) == (94.07, 0.29, 94.5, 2)
    assert ce["gap"] == pytest.approx(0.43) and ce["ours_sd"] == pytest.approx(0.5**0.5)
    assert (rows["seal", 0.4]["paper"], rows["seal", 0.4]["ours"], rows["seal", 0.4]["gap"]) == (80.73, None, None)
    assert rows["cvae_augmentation", 0.1]["paper_sd"] is None
    assert (rows["cvae_oracle", 0.4]["paper"], rows["cvae_oracle", 0.4]["ours"]) == (None, 80.0)
    assert ("cvae_oracle", 0.1) not in rows


def minimal() -> dict:
    return {
        "paper": {"title": "t", "authors": ["a"], "year": 1, "venue": "v", "summary": "s"},
        "rows": [{"id": "ce", "label": "CE", "method": "ce", "says": "", "published": "own"}],
        "tables": [{"id": "t", "place": "Table 1", "caption": "", "unit": "%", "column_label": "",
                    "columns": [0.1], "rows": [{"id": "ce", "mean": [1.0]}]}],
        "claims": [{"id": "c", "says": "", "place": "", "measured": "", "metric": "m", "at_least": {"paper": 0.0},
                    "at_most": {"lab": 1.0}, "not_tested": {"smoke": "small"}}],
        "scales": {"smoke": {}, "lab": {}, "paper": {}},
        "errata": [],
    }  # fmt: skip


def test_the_minimal_description_is_a_paper():
    assert reading.paper_of("x", minimal()).claims[0].wanted("lab") == "at most 1"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda raw: raw.pop("claims"), "'claims' is missing"),
        (lambda raw: raw["scales"].pop("lab"), "scales must be"),
        (lambda raw: raw["claims"][0]["at_most"].pop("lab"), "either a bound or a reason in `not_tested` at 'lab'"),
        (lambda raw: raw["claims"][0]["not_tested"].update(paper="no"), "at 'paper'"),
        (lambda raw: raw["claims"][0]["at_least"].update(labs=1.0), "has a scale 'labs'"),
        (lambda raw: raw["claims"].append(raw["claims"][0]), "'c' is there twice"),
        (lambda raw: raw["claims"][0].update(tolerence=1), "tolerence"),
        (lambda raw: raw["tables"][0]["rows"][0].update(mean=[1.0, 2.0]), "2 numbers for 1 columns"),
        (lambda raw: raw["tables"][0]["rows"][0].update(id="gce"), "'gce' that is not among the rows"),
        (lambda raw: raw["tables"][0].update(columns_as="percentage"), "Did you mean 'percent'"),
        (lambda raw: raw["tables"][0].update(columns=["aer", 0.1]), "different numbers or different texts"),
        (lambda raw: raw["tables"][0].update(columns=[0.1, 0.1]), "different numbers or different texts"),
    ],
)
def test_a_wrong_description_is_refused_by_name(spoil, sentence):
    raw = minimal()
    spoil(raw)
    with pytest.raises(ValueError, match=sentence) as error:
        reading.paper_of("05_x", raw)
    assert "`05_x.toml`" in str(error.value)


@pytest.mark.parametrize(
    ("columns", "columns_as", "headings"),
    [([0.0, 0.4, 1.0], "percent", ["0%", "40%", "100%"]), ([0.0, 0.2, 10.0], "plain", ["0", "0.2", "10"]),
     (["aer", "bik", "mAP"], "percent", ["aer", "bik", "mAP"])],
)  # fmt: skip
def test_columns_are_shares_plain_numbers_or_texts(columns, columns_as, headings):
    raw = minimal()
    raw["tables"][0] |= {"columns": columns, "columns_as": columns_as, "rows": [{"id": "ce", "mean": [1.0, 2.0, 3.0]}]}
    rows = papers.compare(reading.paper_of("x", raw), "t", {("ce", columns[1]): [4.0]})
    assert [(row["column"], row["heading"], row["paper"]) for row in rows] == list(
        zip(columns, headings, [1.0, 2.0, 3.0], strict=True)
    )
    assert [row["gap"] for row in rows] == [None, 2.0, None]


@pytest.mark.parametrize("key", papers.KEYS)
def test_every_name_in_a_paper_exists_in_the_package(key):
    from lnlkit import augment, data, methods, models, tasks
    from lnlkit.data import label_vectors, targets
    from lnlkit.tasks import corruption, regression

    paper = papers.load(key)
    for row in paper.rows.values():
        assert row.method in methods.METHODS
        assert row.augment is None or row.augment in augment.AUGMENTATIONS
    for scale in papers.SCALES:
        settings = paper.scale(scale)
        assert settings["dataset"] in data.images.DATASETS and settings["network"] in models.NETWORKS
        for config in tasks.grid(paper, scale):
            noises, known = {
                "regression": (regression.OUTLIERS, [*targets.FUNCTIONS, *targets.DATASETS]),
                "multilabel": (label_vectors.KINDS, [*label_vectors.DATASETS, *data.images.DATASETS]),
                None: (corruption.KINDS, data.images.DATASETS),
            }[config.get("task")]
            assert config["noise"] in noises and config["dataset"] in known
            assert config["network"] in (*models.NETWORKS, "regression_mlp")
            methods.make(config["method"], **config["hparams"])


def test_the_erratum_on_the_abstract_counts_the_table():
    """How many rows of Table 1 are ahead of CVAE at each rate, counted from the printed numbers."""
    paper = papers.load("01")
    mean = paper.tables["table-1"].mean
    ours = mean["cvae_augmentation"]
    ahead = [sum(other[column] > ours[column] for other in mean.values()) for column in range(4)]
    assert ahead == [0, 2, 5, 7]
    text = next(erratum.right for erratum in paper.errata if erratum.place == "Abstract")
    assert "at 30 % five methods are and one ties" in text and "at 40 % all seven are" in text


def test_rows_that_share_a_picture_are_drawn_in_their_own_ways():
    """Colour, marker or line tell any two rows apart that are swept on one data set with one noise."""
    from lnlkit import tasks

    for key in papers.KEYS:
        paper, together = papers.load(key), {}
        for config in tasks.grid(paper, "lab"):
            together.setdefault((config["dataset"], config["noise"]), set()).add(config["row"])
        for rows in together.values():
            assert len({paper.rows[row].draw for row in rows}) == len(rows), sorted(rows)
