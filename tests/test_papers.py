"""The papers' numbers, claims and verdicts."""

import pytest

from lnlkit import papers
from lnlkit.papers import reading


@pytest.fixture(scope="module")
def paper():
    return papers.load("01")


def test_a_paper_is_found_under_its_number_its_name_and_its_key():
    assert {papers.load(name).key for name in ("01", "cvae_augmentation", "01_cvae_augmentation")} == {
        "01_cvae_augmentation"
    }
    with pytest.raises(ValueError, match="Did you mean '01_cvae_augmentation'"):
        papers.load("01_cvae_augmentatoin")


def published_lead(paper, measure: dict) -> float | None:
    """The mean lead of a row in those published tables beside which the runs of a measure stand; None without any."""
    sets, rates = (of if isinstance(of, list) else [of] for of in (measure["dataset"], measure.get("noise_rate")))
    leads = []
    for dataset in sets:
        for table in paper.tables.values():
            known = table.ours.get("dataset", [])
            if dataset in ([known] if isinstance(known, str) else known) and table.ours["noise"] == measure["noise"]:
                cells = [{row: table.cell(row, rate)[0] for row in table.mean} for rate in rates]
                leads += [of[measure["row"]] - max(of[row] for row in measure["over"] if row in of) for of in cells
                          if of.get(measure["row"]) is not None and set(of) & set(measure["over"])]  # fmt: skip
                break
    return sum(leads) / len(leads) if len(leads) == len(sets) * len(rates) else None


@pytest.mark.parametrize("key, at_least", [("01", 5), ("02", 3), ("05", 3)])
def test_a_published_lead_follows_from_the_published_tables(key, at_least):
    paper = papers.load(key)
    leads = [claim for claim in paper.claims if claim.measure["of"] == "lead" and claim.published is not None]
    followed = {claim.id: found for claim in leads if (found := published_lead(paper, claim.measure)) is not None}
    assert {claim.id: claim.published for claim in leads if claim.id in followed} == pytest.approx(followed, abs=0.006)
    assert len(followed) >= at_least


@pytest.mark.parametrize("key", papers.KEYS)
def test_every_claim_says_what_decides_it_and_why_its_bound_is_one(key):
    for claim in papers.load(key).claims:
        assert claim.decided_by in papers.DECIDED_BY and claim.bound and claim.measured and claim.place
        assert "2026-11-20" <= claim.since <= "2026-12-31"


@pytest.mark.parametrize("key", papers.KEYS)
def test_eight_errata_matter_and_the_others_are_for_the_record(key):
    assert sum(erratum.matters for erratum in papers.load(key).errata) == 8


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
        "claims": [{"id": "c", "says": "", "place": "", "measured": "", "decided_by": "mechanism",
                    "measure": {"of": "lead"}, "unit": "points", "bound": "b", "since": "2026-11-20",
                    "at_most": 1.0}],
        "scales": {"smoke": {}, "lab": {}, "paper": {}},
        "errata": [],
    }  # fmt: skip


def test_the_minimal_description_is_a_paper():
    assert reading.paper_of("x", minimal()).claims[0].wanted == "at most 1"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda raw: raw.pop("claims"), "'claims' is missing"),
        (lambda raw: raw["scales"].pop("lab"), "scales must be"),
        (lambda raw: raw["claims"][0].pop("at_most"), "claim 'c' needs a bound"),
        (lambda raw: raw["claims"][0].update(decided_by="benchmark"), "needs a reason in `not_tested`"),
        (lambda raw: raw["claims"][0].update(decided_by="vote"), "decided_by of the claim 'c'` must be one of"),
        (lambda raw: raw["claims"][0].update(measure={"row": "ce"}), "`measure` of claim 'c' must say what it is `of`"),
        (lambda raw: raw["claims"][0].update(only_if={"of": "lead"}), "`only_if` of claim 'c' needs `says`"),
        (lambda raw: raw["claims"][0].update(since="yesterday"), "`since` of claim 'c' must be a day"),
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
