"""The page of recorded runs, in Markdown and HTML: from a real tiny sweep, from a paper's table, from many tables."""

import base64
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image
from small_records import configs, record, write

from lnlkit import cli, papers, recorded, records
from lnlkit.recorded import judging
from lnlkit.run import measured, pages, report, runner
from lnlkit.run.pages import blocks, costs, html, parts

MINE = """from dataclasses import dataclass
from lnlkit.methods import CE

@dataclass
class Mine(CE):
    needs = ("noise rate",)
    forget_rate: float = 0.0
"""
VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """What is on a page: tables cell by cell, images, everything that could load something, and whether tags match."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.images, self.addresses, self.open, self.headings = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        of = dict(attributes)
        self.addresses += [of[name] for name in ("src", "href", "srcset", "action", "data") if name in of]
        self.images += [of] if tag == "img" else []
        self.tables += [[]] if tag == "table" else []
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag == "br" and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += "\n"
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data
        if {"h1", "h2", "h3"} & set(self.open):
            self.headings[-1] += data


def read(path) -> Reader:
    """The page, which is one file that loads nothing and whose tags match."""
    text = path.read_text(encoding="utf-8")
    found = Reader(text)
    assert found.open == [] and text.startswith("<!DOCTYPE html>")
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in found.addresses)
    assert not re.search(r"@import|url\(|<script|<link|<iframe", text)
    for image in found.images:
        png = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2])))
        assert png.format == "PNG" and len(image["alt"].split()) > 5 and int(image["width"]) <= 960
    return found


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The folder of a study of a method of one's own beside two others, for one epoch and for two."""
    place = tmp_path_factory.mktemp("study")
    (place / "mine.py").write_text(MINE)
    line = (f"sweep --method ce --method coteaching --method {place / 'mine.py'}:Mine --rates 0.2,0.4 --seeds 0,1,2 "
            f"--set n_train=150 --device cpu --out {place / 'runs'}")  # fmt: skip
    for epochs in (1, 2):
        cli.main([*line.split(), "--set", f"epochs={epochs}"])
    return place


@pytest.fixture(scope="module")
def written(swept):
    folder = next((swept / "runs").iterdir())
    (folder / "notes.txt").write_text("mine")
    found = pages.find(str(swept / "runs"))
    return pages.write(pages.page(found, "Made here."), swept / "page")


def test_a_real_sweep_becomes_both_pages_with_the_numbers_of_its_records(swept, written):
    runs = [records.read(path) for path in (swept / "runs").glob("*/*.json")]
    assert len(runs) == 36
    page, text = read(written.html), written.markdown.read_text(encoding="utf-8")
    for epochs, section in ((1, "digits, epochs 1"), (2, "digits, epochs 2")):
        assert section in page.headings and f"### {section}" in text
        for rate in (0.2, 0.4):
            for row, label in (("ce", "CE"), ("coteaching", "Co-teaching†"), (f"{swept}/mine.py:Mine", "Mine†")):
                of = [r["summary"]["last"] for r in runs if (r["config"]["epochs"], r["config"]["noise_rate"]) == (
                    epochs, rate) and r["config"]["row"] in (row, row.rpartition("/")[2])]  # fmt: skip
                cell = records.mean_sd([100 * value for value in of]).text(1).partition(" (")[0]
                assert len(of) == 3 and re.search(rf"^\| {label} \| .*{re.escape(cell)}", text, re.M), (label, cell)
    tables = [table for table in page.tables if table[0][1:] == ["20 %", "40 %"]]
    assert len(tables) == 4 and all([line[0] for line in table[1:]] == ["CE", "Co-teaching†", "Mine†"]
                                    for table in tables)  # fmt: skip


def test_two_protocols_never_share_a_column(written):
    """36 runs of two lengths: every table is of three seeds a cell, and none of six."""
    text = written.markdown.read_text(encoding="utf-8")
    assert text.count("mean ± sd, n = 3") == 4 and "n = 6" not in text
    first, second = text.split("### digits, epochs 2")
    assert "1 epoch, batches" in first and "2 epochs, batches" not in first and "2 epochs, batches" in second


def test_figures_lie_beside_the_markdown_and_inside_the_html(written):
    text = written.markdown.read_text(encoding="utf-8")
    named = re.findall(r"!\[(.+?)\]\((figures/.+?)\)", text)
    assert [path for _, path in named] == [f"figures/{path.name}" for path in written.figures] and len(named) == 4
    images = read(written.html).images
    for (alt, _), path, image in zip(named, written.figures, images, strict=True):
        assert base64.b64encode(path.read_bytes()).decode() == image["src"].partition(",")[2]
        assert image["alt"].split()[:3] == alt.replace("\\", "").split()[:3]


def test_methods_that_are_told_more_are_marked_and_listed_and_files_left_out_are_named(written):
    text = written.markdown.read_text(encoding="utf-8")
    last = text.partition("## Methods that are told more")[2]
    assert "- Co-teaching†: noise rate" in last and "- Mine†: noise rate" in last and "CE" not in last
    assert not re.search(r"^\| (Co-teaching|Mine) \|", text, re.M)
    assert "- notes.txt: no record: its name does not end with .json" in text


def test_time_is_shown_of_runs_made_alone(written):
    """CE trains stacked on this network, so that its share of the group's time is not its own."""
    tables = [table for table in read(written.html).tables if table[0][1:] == ["s of a run", "runs alone",
                                                                              "runs together"]]  # fmt: skip
    assert len(tables) == 2
    for table in tables:
        lines = {line[0]: line[1:] for line in table[1:]}
        assert lines["CE"] == ["only together", "0", "6"]
        for name in ("Co-teaching†", "Mine†"):
            assert float(lines[name][0]) > 0 and lines[name][1:] == ["6", "0"]


def own_page(tmp_path, found) -> str:
    write(tmp_path, found)
    return pages.page(pages.find(str(tmp_path)), "Made here.").text()


@pytest.mark.parametrize("changes, said", [
    ({"cpu_seconds": None}, costs.NO_TIMES), ({"together": None}, costs.NO_TIMES),
    ({"environment": {"cpu": "another", "device": "cpu", "cores": 1}}, costs.MACHINES),
])  # fmt: skip
def test_times_that_do_not_compare_are_left_out_with_a_sentence(tmp_path, changes, said):
    one, *others = configs()
    text = own_page(tmp_path, [record(one, 0.5, **changes), *(record(config, 0.5) for config in others)])
    assert said in text and "runs alone" not in text
    assert "runs alone" in own_page(tmp_path, [record(one, 0.5)])


def test_the_best_of_a_column_is_bold_and_n_is_said_where_it_differs(tmp_path):
    found = [record(config, {"ce": 0.6, "gce": 0.7}[config["row"]] - config["noise_rate"] / 10 + config["seed"] / 100)
             for config in configs() if (config["row"], config["noise_rate"], config["seed"]) != ("ce", 0.4, 2)]
    text = own_page(tmp_path, found)
    assert "| CE | 59.0 ± 1.0 | 56.5 ± 0.7 (n = 2) |" in text and "| GCE | **69.0 ± 1.0** | **67.0 ± 1.0** |" in text
    assert "mean ± sd, n = 3 unless a cell says otherwise" in text
    assert "**Ahead over all settings**, best epoch on noisy validation data: **GCE**, average rank 1.0" in text


def test_text_of_ones_own_is_shown_and_not_run(tmp_path):
    label = "<script>alert(1)</script>|`x"
    own = [config | {"row": f"m.py:{label}", "method": f"m.py:{label}"} for config in configs(methods=["ce"])]
    write(tmp_path / "runs", [record(config, 0.5) for config in own + configs()])
    found = pages.write(pages.page(pages.find(str(tmp_path / "runs")), "Made here."), tmp_path / "page")
    assert any(line[0] == label for table in read(found.html).tables for line in table)


@pytest.mark.parametrize("key", papers.KEYS)
def test_a_papers_page_has_its_claims_its_tables_with_gaps_and_its_picture(key, tmp_path):
    paper, table = papers.load(key), recorded.load(key)
    found = read(pages.write(pages.page(pages.find(key[:2]), "Made here."), tmp_path).html)
    verdicts = judging.verdicts(paper, table)
    claims = next(of for of in found.tables if of[0][0] == "the paper says")
    assert [line[2] for line in claims[1:]] == [papers.verdicts.verdict(vars(verdict)) for verdict in verdicts]
    compared = 0
    for published in paper.tables.values():
        rows = judging.beside(paper, table, published.id) if published.ours else []
        if not any(row["ours"] is not None for row in rows):
            continue
        shown = next(of for of in found.tables if of[0][0].startswith(f"{published.place}, {published.unit}, n = "))
        cells = {line[0].split(" ")[0] + line[0][-1:]: line for line in shown[1:]}
        assert len(cells) and all(len(line) == 2 + len({row["column"] for row in rows}) for line in shown[1:])
        said = "\n".join("\n".join(line) for line in shown)
        for row in rows:
            for text in ([f"{row['gap']:+.2f}", f"{row['ours']:.2f}", f"{row['paper']:.2f}"]
                         if row["gap"] is not None else []):  # fmt: skip
                assert text in said
                compared += 1
    assert compared and f"{key[:2]}_overview" in [path.stem for path in (tmp_path / "figures").iterdir()]


def test_a_table_of_a_file_is_that_of_the_kit(tmp_path):
    records.write(tmp_path / "mine.json", recorded.load_raw("05"))
    same, shipped = (pages.page(pages.find(what), "Made here.").text() for what in (str(tmp_path / "mine.json"), "05"))
    assert same == shipped


def test_all_tables_together_have_a_list_of_sections_that_leads_to_them(tmp_path, monkeypatch):
    some = [recorded.load("00"), recorded.load("01")]
    page = pages.page(pages.Found(some, pages.IN_ALL, {}), "Made here.")
    found = pages.write(page, tmp_path)
    text = found.html.read_text(encoding="utf-8")
    links = [address[1:] for address in read(found.html).addresses if address.startswith("#")]
    assert len(links) == 2 and all(f'<h2 id="{link}">' in text for link in links)
    assert len(page.figures) == len(set(page.figures))


def test_wide_tables_are_cut_and_repeat_their_names():
    heads = ["method", *(f"{n} %" for n in range(10))]
    lines = blocks.table(heads, [["CE", *map(str, range(10))]])
    of_ce = [line for line in lines if line.startswith("| CE")]
    assert of_ce == ["| CE | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |", "| CE | 8 | 9 |"]


def test_no_cell_of_numbers_wraps_and_verdicts_have_colours():
    lines = blocks.table(["a", "b"], [["97.1 ± 0.6", "holds at lab"], ["word " * 30, "does not hold"]])
    text = html.page("t", "\n".join(lines), {})
    assert "<td>97.1 ± 0.6</td>" in text and 'class="good">holds at lab' in text and 'class="bad">does not hold' in text
    assert 'class="long">word' in text


def test_the_cost_of_methods_is_the_recorded_one():
    of = recorded.costs()
    page, named = blocks.Page("t"), {"ce": ("CE", ()), "coteaching": ("Co", ("x",)), "elr": ("ELR", ())}
    costs.measured(page, set(named), named)
    lines = [line for line in page.lines if line.startswith("| ")]
    times = {entry["method"]: entry for entry in of["methods"]}
    one = times["coteaching"]
    assert lines[1].startswith("| CE | ") and len(lines) == 4
    assert any(line.startswith(f"| Co† | {one['times']:.1f} | ") for line in lines)
    assert times["ce"]["times"] == pytest.approx(1, abs=0.2)


def test_the_command_writes_the_page_where_it_is_told_and_says_where(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runner, "root", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "runs", [record(config, 0.5) for config in configs()])
    (tmp_path / "runs" / "x.json").write_text("{")
    cli.main(["report", "runs", "--html"])
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "Open in a browser:  artifacts/report/report.html"
    assert err.startswith("lnlkit: left out: x.json: ")
    assert "Made by `lnlkit report runs --html`." in (tmp_path / "artifacts/report/report.md").read_text()
    cli.main(["report", "runs", "--html", "--out", "there"])
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["figures", "report.html", "report.md"]


def test_without_html_the_report_is_text_as_before(capsys):
    said = list(measured.as_text("05", "lab", print))
    assert said[0] == papers.load("05").citation and report.comparison(
        runner.recorded(runner.record_paths("05_choicenet", "lab")[0])) in said[2]


def test_a_rate_that_no_row_shares_is_an_empty_cell(tmp_path):
    found = configs(methods=["ce"], noise_rates=[0.2]) + configs(methods=["gce"], noise_rates=[0.4])
    write(tmp_path, [record(config, 0.5) for config in found])
    (table,) = pages.find(str(tmp_path)).tables
    page = blocks.Page("t")
    parts.sections(page, table, "own", fold=False)
    assert "| CE | **50.0 ± 0.0** |  |" in page.lines and "| GCE |  | **50.0 ± 0.0** |" in page.lines
    assert not any("Ahead over" in line for line in page.lines)  # no setting in which both were run


def test_runs_that_diverged_are_said_and_not_averaged_over(tmp_path):
    """A mean over the seeds that did not diverge would be one of the lucky ones."""
    none = {"summary": {"best_val": None, "last": None, "gap": None, "oracle": None, "best_epoch": 0}}
    bad = lambda config: (config["row"], config["noise_rate"]) == ("gce", 0.4) and config["seed"] < 2  # noqa: E731
    found = configs(noise_rates=[0.1, 0.2, 0.4])
    text = own_page(tmp_path, [record(config, 0.5, **(none if bad(config) else {})) for config in found])
    assert "| GCE | **50.0 ± 0.0** | **50.0 ± 0.0** | no result in 2 of 3 |" in text
    assert "the 2 settings in which all of these\nmethods have results" in text


def test_a_study_of_which_every_run_diverged_says_so(tmp_path):
    none = {"summary": {"best_val": None, "last": None, "gap": None, "oracle": None, "best_epoch": 0}}
    text = own_page(tmp_path, [record(config, 0.5, **none) for config in configs()])
    assert text.count("| no result in 3 of 3 | no result in 3 of 3 |") == 4 and "![" not in text
