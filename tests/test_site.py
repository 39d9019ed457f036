"""The static site: pages that load nothing, show formulas, fold code and lead to each other."""

import functools
import html.parser
import json
import re
import sys
from urllib.parse import unquote

import pytest
import yaml

from lnlkit import cli, papers, recorded, widgets
from lnlkit.run import runner, site
from lnlkit.run.site import cells, formulas, frame, front, sliders

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
NOTEBOOKS = sorted(path.stem for path in (runner.root() / "notebooks").glob("*.ipynb"))


class Reader(html.parser.HTMLParser):
    """Tags with their attributes and the tags that they stand in; text outside code, styles, scripts and formulas."""

    def __init__(self, page):
        super().__init__()
        self.found, self.inside, self.text, self.anchors = [], [], "", set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        of = dict(attrs)
        self.found.append((tag, of, list(self.inside)))
        self.anchors.add(of.get("id"))
        if tag not in ("img", "input", "meta", "br", "link", "hr", "mspace", "col"):
            self.inside.append((tag, of.get("class")))

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not {"code", "pre", "style", "script", "math"} & {tag for tag, _ in self.inside}:
            self.text += data

    def all(self, tag, **wanted):
        """(attributes, tags around) of the tags with these attributes."""
        return [(of, around) for name, of, around in self.found
                if name == tag and all(of.get(key) == value for key, value in wanted.items())]  # fmt: skip


def raw_maths(text):
    return re.findall(r"\$[^$\n]+\$|\\(?:frac|mathcal|tilde|text)\b|FORMULA", text)


def listed(page):
    return [of["href"][1:] for of, around in page.all("a") if ("nav", "contents") in around]


def sections(page):
    return [of["id"] for tag, of, _ in page.found if tag in ("h2", "h3")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of notebook 00, executed for it."""
    folder, patch = tmp_path_factory.mktemp("site"), pytest.MonkeyPatch()
    patch.setattr(runner, "run", functools.partial(runner.run, out_dir=folder / "runs"))
    said = []
    try:
        made = site.build(folder / "out", "smoke", ["00"], say=said.append)
    finally:
        patch.undo()
    assert len(said) == 1 and said[0].startswith("00 Playground: executed in ")
    return made


@pytest.fixture(scope="module")
def pages(built):
    return {path.name: Reader(path.read_text(encoding="utf-8")) for path in built.pages}


@pytest.fixture(scope="module")
def playground(pages):
    return pages["00_playground.html"]


def test_the_site_has_a_page_of_the_notebook_and_of_every_document(built, root):
    docs = {f"{path.stem}.html" for path in (root / "docs").glob("*.md")}
    assert {path.name for path in built.pages} == {"index.html", "00_playground.html", *docs}
    assert built.pages[0] == built.folder / "index.html"
    assert sum(path.stat().st_size for path in built.pages) < 20e6


def test_no_page_loads_anything(built, pages):
    for name, page in pages.items():
        loaded = [of[LOADS[tag]] for tag, of, _ in page.found if of.get(LOADS.get(tag, ""), "data:")[:5] != "data:"]
        assert loaded == [], name
        assert not re.search(r"url\(|@import", (built.folder / name).read_text(encoding="utf-8")), name


def test_every_picture_says_what_it_shows(pages):
    for name, page in pages.items():
        assert [of for of, _ in page.all("img") if len(of.get("alt", "").split()) < 3] == [], name
    assert len(pages["00_playground.html"].all("img")) > 15
    assert len(pages["index.html"].all("img")) == 1


def test_every_link_between_pages_leads_somewhere(built, pages):
    for name, page in pages.items():
        for of, _ in page.all("a"):
            if not of["href"].startswith(("http://", "https://")):
                file, _, place = unquote(of["href"]).partition("#")
                assert (built.folder / (file or name)).is_file(), (name, of["href"])
                assert not place or place in pages[file or name].anchors, (name, of["href"])
    assert "notebooks/01_cvae_augmentation" not in str(pages["index.html"].all("a"))  # it is not on this site


def test_formulas_are_mathml(playground):
    assert len(playground.all("math")) >= 4 and playground.all("mover", accent="true")
    assert raw_maths(playground.text) == []


def test_the_contents_list_has_every_section(playground):
    assert listed(playground) == sections(playground) and len(listed(playground)) == 11


def test_a_slider_walks_through_different_pictures(playground):
    (around,) = [around for _, around in playground.all("input", type="range")]
    assert around[-2:] == [("figure", "slider"), ("label", None)]
    shown = [of for of, around in playground.all("img") if around[-1] == ("figure", "slider")]
    assert [of["data-value"] for of in shown] == ["0.1", "0.2", "0.3", "0.4", "0.6", "0.8"]
    assert len({of["src"] for of in shown}) == len({of["alt"] for of in shown}) == 6
    assert [of["data-value"] for of in shown if "hidden" not in of] == ["0.4"]
    assert playground.all("input", type="range")[0][0]["value"] == "3"
    assert all(f"rate {of['data-value']} " in of["alt"] for of in shown)


def test_a_guess_comes_before_the_picture_that_reveals(playground):
    reveal = [index for index, (tag, of, around) in enumerate(playground.found)
              if tag == "img" and around[-1] == ("details", None) and of["alt"]]  # fmt: skip
    assert len(reveal) == 3
    images = [index for index, (tag, *_) in enumerate(playground.found) if tag == "img"]
    for index in reveal:
        before = images[images.index(index) - 1]
        assert playground.found[before][1]["src"] != playground.found[index][1]["src"]
        assert ("details", None) not in playground.found[before][2]


def test_long_code_is_folded_and_short_code_is_not(built, playground):
    page = (built.folder / "00_playground.html").read_text(encoding="utf-8")
    folded = re.findall(r'<details class="code">.*?<pre>(.*?)</pre>', page, re.S)
    shown = re.findall(r'<div class="code"><pre>(.*?)</pre>', page, re.S)
    lines = [[part.strip("\n").count("\n") + 1 for part in parts] for parts in (folded, shown)]
    assert min(lines[0]) > cells.SHOWN >= max(lines[1]) and len(folded) > 8
    assert playground.all("button", type="button")


def test_no_page_names_a_folder_of_this_machine(built):
    for path in built.pages:
        assert str(built.folder.parent) not in path.read_text(encoding="utf-8"), path.name


def test_the_first_page_says_what_the_readme_says(root, pages):
    (card,) = [card for card in front.cards(root) if card.stem == "00_playground"]
    assert card.outcome in pages["index.html"].text and card.name in pages["index.html"].text
    assert len(front.cards(root)) == len(NOTEBOOKS)


def test_a_readme_without_its_table_is_refused(tmp_path):
    (tmp_path / "README.md").write_text("# A kit\n\nNo notebooks.\n")
    with pytest.raises(ValueError, match="must have a table of notebooks"):
        front.cards(tmp_path)


@pytest.mark.parametrize("stem", NOTEBOOKS)
def test_all_text_of_a_notebook_becomes_a_page(root, stem, monkeypatch):
    """Without its outputs: every formula is translated, every link leads to a page, hints and solutions fold."""
    monkeypatch.setattr(sliders, "of_notebook", lambda key: {})
    notebook = json.loads((root / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))
    known = {f"notebooks/{name}.ipynb": f"{name}.html" for name in NOTEBOOKS}
    known |= {f"docs/{path.name}": f"{path.stem}.html" for path in (root / "docs").glob("*.md")}
    page = Reader(site.notebook_page(notebook, stem, known))
    written = "".join(cells.source(cell) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    assert raw_maths(page.text) == []
    assert len(page.all("math")) == sum(
        match["block"] is not None or match["inline"] is not None for match in formulas.CODE_OR_MATHS.finditer(written))
    local = re.findall(r"\]\((?!https?:)([^)#\s]+\.(?:ipynb|md))", re.sub(r"`[^`]*`", "", written))
    kept = [of["href"] for of, _ in page.all("a") if of["href"] in known.values()]
    assert len(kept) == len(local)
    assert listed(page) == sections(page)
    hints = written.count("<details>")
    tagged = ["solution" in cells.tags(cell) for cell in notebook["cells"]]
    groups = sum(one and not before for one, before in zip(tagged, [False, *tagged], strict=False))
    assert len(page.all("details", **{"class": "solution"})) == groups
    assert len(page.all("details")) >= hints + groups
    assert [text for text in page.text.split("\n") if text.startswith(("|--", "```"))] == []


@pytest.mark.parametrize("key", [*papers.STUDIES, *papers.KEYS])
def test_every_explorer_of_a_notebook_has_a_slider(root, key):
    module = __import__(f"lnlkit.viz.{key[3:]}", fromlist=["pictures"])
    explorers = [widgets.Explorer(picture) for picture in module.pictures(recorded.load(key)).values()]
    source = (root / "notebooks" / f"{key}.ipynb").read_text(encoding="utf-8")
    assert source.count("widgets.Explorer(") == len(explorers)
    for explorer in explorers:
        name, rows = sliders._walked(explorer)
        assert 3 <= len(rows) <= sliders.MOST and explorer.choice in rows
        assert len({row[name] for row in rows}) == len(rows)
        assert {tuple((k, v) for k, v in row.items() if k != name) for row in rows} == {
            tuple((k, v) for k, v in explorer.choice.items() if k != name)}


def test_a_long_walk_keeps_its_ends_and_the_first_choice():
    rows = [{"x": value} for value in range(23)]
    for start in (0, 7, 22):
        some = sliders._some(rows, {"x": start})
        assert {"x": start} in some and some[0] == rows[0] and some[-1] == rows[-1]
        assert len(some) <= sliders.MOST and some == sorted(some, key=lambda row: row["x"])


@pytest.mark.parametrize("latex, wanted", [
    (r"\mathcal N(0, 1)", "\U0001d4a9"), (r"\mathbb E[x]", "\U0001d53c"), (r"\tilde y", 'accent="true"'),
    (r"\log P", '<mi>log</mi><mspace width="0.17em" /><mi>P</mi>'), (r"\log(p)", '<mi>log</mi><mo stretchy="false"'),
    (r"\operatorname{softmax}(a)", "<mi>softmax</mi><mo"), (r"\mathrm{KL}(q)", "<mi>KL</mi>"),
    (r"z \sim Q", "<mo>\u223c</mo>"), (r"\arg\max p", "<mi>arg</mi>"), (r"-\big\{x\big\}", ">{</mo>"),
    (r"x \tag{2, as printed}", "(2,\xa0as\xa0printed)"), (r"\rho = -1", '<mo form="prefix">\u2212</mo>'),
    (r"|\rho| < 1", 'lspace="0" rspace="0">|</mo>'), (r"\big\lVert x\big\rVert^2", '<mo stretchy="false"'),
    (r"\max_{k \ne y} S_k", "<munder>"), (r"\underbrace{x}_{\text{a}}", 'stretchy="true">\u23df'),
    (r"\begin{aligned} a &= b \\ &= c \end{aligned}", 'style="text-align: left"'),
    (r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}", "<mtable"),
])  # fmt: skip
def test_formulas_are_drawn_as_tex_draws_them(latex, wanted):
    made = formulas.mathml(latex, block=True)
    assert wanted in made and made.startswith("<math") and 'display="block"' in made


@pytest.mark.parametrize("latex", [r"\nosuchthing x", r"\frac{1}{", r"\begin{matrix} a"])
def test_a_formula_that_cannot_be_translated_is_named(latex):
    with pytest.raises(ValueError, match="`latex` must be a formula") as raised:
        formulas.mathml(latex)
    assert latex[:6] in str(raised.value).replace("\\\\", "\\")


def test_dollars_in_code_and_money_are_no_formulas():
    page = cells.text("Set `$HOME` and `$x$`, pay 5 \\$ or $6, then\n\n```\necho $A $B\n```\n\nand $x_1$ | $y$.")
    assert page.count("<math") == 2 and "$HOME" in page and "echo $A $B" in page
    table = cells.text("| a | b |\n|---|---|\n| $P(x | y)$ | $z$ |")
    assert table.count("<math") == table.count("<td") == 2


def test_hints_keep_their_formulas_and_one_triangle():
    page = cells.text("<details><summary>▸ Hint</summary>\n\nThink of $x^2$ and **both** ends.\n\n</details>")
    assert "<summary>Hint</summary>" in page and "<msup>" in page and "<strong>both</strong>" in page


def test_links_to_files_that_are_no_pages_become_text():
    pages = {"docs/methods.md": "methods.html", "notebooks/01_a.ipynb": "01_a.html"}
    body = '<a href="01_a.ipynb#x">one</a> <a href="../docs/methods.md">m</a> <a href="../LICENSE">l</a>'
    assert frame.linked(body, "notebooks", pages) == (
        '<a href="01_a.html#x">one</a> <a href="methods.html">m</a> l')
    assert frame.linked('<a href="https://x.org">x</a><a href="#y">y</a>', "docs", pages).count("href") == 2


def test_headings_of_one_text_have_names_of_their_own():
    body, found = frame.with_anchors("<h2>A <em>b</em></h2><h3>A b</h3><h2 id='k'>A b</h2>".replace("'", '"'),
                                     lambda text: text.lower().replace(" ", "-"))  # fmt: skip
    assert [name for _, name, _ in found] == ["a-b", "a-b-2", "k"] and body.count("id=") == 3


@pytest.mark.parametrize("words, sentence", [
    ("99", "`notebook` must be"), ("--scale tiny", "`scale` must be one of"), ("01 --out setup.py", "`out` must be"),
])  # fmt: skip
def test_bad_input_is_one_sentence(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.py").touch()
    with pytest.raises(SystemExit) as end:
        cli.main(["site", *words.split()])
    said = capsys.readouterr().err
    assert end.value.code == 2 and sentence in said and said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["setup.py"]


def test_without_the_translator_the_cure_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    with pytest.raises(RuntimeError, match=r"pip install 'lnlkit\[site\]'"):
        site.build(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_workflow_publishes_what_make_site_writes(root):
    flow = yaml.safe_load((root / ".github" / "workflows" / "site.yml").read_text())
    makefile = (root / "Makefile").read_text()
    steps = [step for job in flow["jobs"].values() for step in job["steps"]]
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.M))
    commands = [step["run"].split() for step in steps if "run" in step]
    assert commands == [["make", "site"]] and "site" in targets
    recipe = re.search(r"^site:.*\n\t@\$\(BIN\)/lnlkit (\w+)(.*)", makefile, re.M)
    assert recipe[1] in cli.cli.commands
    assert set(recipe[2].split()) <= {name for option in cli.cli.commands["site"].params for name in option.opts}
    (upload,) = [step for step in steps if "upload-pages-artifact" in step.get("uses", "")]
    assert upload["with"]["path"] == "artifacts/site"
    assert flow[True]["push"]["branches"] == ["main"]  # YAML reads `on` as true
    assert flow["jobs"]["publish"]["needs"] == "build"
    assert flow["jobs"]["publish"]["permissions"] == {"pages": "write", "id-token": "write"}
