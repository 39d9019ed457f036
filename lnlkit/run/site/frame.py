"""What all pages of the site share: the frame, its style and its few lines of script. No address is loaded."""

import html
import itertools
import posixpath
import re
from collections.abc import Callable

STYLE = """
:root { --line: #ddd; --link: #0b5394; --soft: #f5f6f8; }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: #222; background: #fff; }
a { color: var(--link); } h1, h2, h3, h4 { line-height: 1.25; } h1 { margin-top: .4em; }
h2 { margin-top: 2.2em; border-bottom: 2px solid var(--line); padding-bottom: .2em; } h3 { margin-top: 1.8em; }
p, li { max-width: 46em; overflow-wrap: break-word; } img { max-width: 100%; height: auto; }
header.site { display: flex; flex-wrap: wrap; gap: .2em 1.4em; padding: .55em 1.5em; background: var(--soft);
              border-bottom: 1px solid var(--line); font-size: 15px; }
header.site .next { margin-left: auto; }
.page { display: grid; grid-template-columns: 16.5em minmax(0, 1fr); gap: 2em; max-width: 1330px; margin: 0 auto;
        padding: 0 1.5em; }
.page.plain { display: block; max-width: 1180px; }
nav.contents { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; font-size: 14px;
               line-height: 1.35; padding: 1.2em 0; }
nav.contents ol { list-style: none; margin: .4em 0; padding: 0; } nav.contents li { margin: .38em 0; }
nav.contents li.h3 { margin-left: 1em; } nav.contents a { text-decoration: none; }
nav.contents summary { font-weight: 600; }
main { min-width: 0; max-width: 980px; padding-bottom: 4em; }
pre { margin: 0; padding: .6em .8em; overflow-x: auto; font: 13.5px/1.45 ui-monospace, Menlo, Consolas, monospace; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .88em; }
p code, li code, td code { background: var(--soft); padding: 0 .2em; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--link); } details { margin: .6em 0; }
.code { background: var(--soft); border-left: 3px solid #c9d3e0; margin: .8em 0; }
details.code > summary { padding: .35em .8em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
details.code > summary small { color: #666; } details.solution { border: 1px solid var(--line); padding: .4em .9em; }
.out { margin: .5em 0 1em; } .out img { display: block; margin: .5em 0; } .out pre { padding: .2em .8em; color: #333; }
.note { background: #fff8e5; border-left: 3px solid #e0b84c; padding: .5em .9em; font-size: 15px; }
.note p { margin: .3em 0; }
.box { overflow-x: auto; margin: .5em 0 1em; } .box table { border-collapse: collapse; font-size: 14.5px; }
.box th, .box td { padding: .25em .7em; border-bottom: 1px solid #e4e4e4; text-align: left; vertical-align: top; }
.equation { display: block; overflow-x: auto; overflow-y: hidden; padding: .3em 0; }
math { font-family: "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math;
       font-size: 1.08em; }
figure.slider { margin: .5em 0 1.2em; } figure.slider figcaption { font-size: 15px; }
figure.slider label { display: flex; flex-wrap: wrap; gap: .3em .8em; align-items: center; margin: .3em 0; }
figure.slider input { flex: 0 1 22em; min-width: 9em; } figure.slider output { font-weight: 600; min-width: 4em; }
figure.slider img { display: block; } figure.slider img[hidden] { display: none; }
button.all { font: inherit; font-size: 14px; padding: .15em .7em; cursor: pointer; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 24em), 1fr)); gap: 1.4em;
         margin: 1.2em 0; }
.card { border: 1px solid var(--line); border-radius: 6px; padding: 1em; } .card h2 { margin: .5em 0 .1em; border: 0;
        font-size: 1.15em; } .card p { margin: .4em 0; font-size: 15px; } .card .paper { color: #555; }
@media (max-width: 1000px) {
  .page { display: block; padding: 0 .9em; } header.site { padding: .5em .9em; }
  nav.contents { position: static; max-height: none; padding: .6em 0; border-bottom: 1px solid var(--line); }
  .long { display: inline-block; max-width: 100%; overflow-x: auto; overflow-y: hidden; vertical-align: bottom; }
  h1 { font-size: 1.55em; } pre { font-size: 12.5px; }
}
@media print { nav.contents, header.site, button.all, figure.slider label { display: none; } .page { display: block; } }
"""

SCRIPT = """
const contents = document.getElementById("contents");
if (contents && innerWidth <= 1000) contents.open = false;
for (const figure of document.querySelectorAll("figure.slider")) {
  const input = figure.querySelector("input"), images = [...figure.querySelectorAll("img")];
  const show = () => {
    images.forEach((image, place) => { image.hidden = place !== +input.value; });
    figure.querySelector("output").textContent = images[input.value].dataset.value;
    input.setAttribute("aria-valuetext", images[input.value].dataset.value);
  };
  input.addEventListener("input", show);
  show();
}
const all = document.querySelector("button.all");
if (all) all.addEventListener("click", () => {
  const code = [...document.querySelectorAll("details.code")], open = code.some((part) => !part.open);
  code.forEach((part) => { part.open = open; });
  all.textContent = open ? "Fold all code" : "Show all code";
});
"""


def page(title: str, body: str, *, head: str = "", contents: str = "", bar: str = "") -> str:
    """A whole file of HTML. bar: links in the line at the top; contents: the list beside the text."""
    kind = "page" if contents else "page plain"
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{html.escape(title)}</title>\n"
            f"<style>{STYLE}{head}</style>\n</head>\n<body>\n"
            f'<header class="site"><a href="index.html">lnlkit: all notebooks</a>{bar}</header>\n'
            f'<div class="{kind}">\n{contents}<main>\n{body}\n</main>\n</div>\n<script>{SCRIPT}</script>\n'
            "</body>\n</html>\n")  # fmt: skip


def contents(headings: list[tuple[int, str, str]]) -> str:
    """The contents list of (level, anchor, text) of headings; levels 2 and 3 are shown."""
    items = "\n".join(f'<li class="h{level}"><a href="#{html.escape(name)}">{html.escape(text)}</a></li>'
                      for level, name, text in headings if level in (2, 3))  # fmt: skip
    return (f'<nav class="contents" aria-label="Contents"><details id="contents" open><summary>Contents</summary>\n'
            f"<ol>\n{items}\n</ol></details></nav>\n")  # fmt: skip


def linked(body: str, folder: str, pages: dict[str, str]) -> str:
    """HTML whose links lead to pages of the site; a link to a file that is no page of it becomes plain text.

    folder: where the text lies in the repository, so that its relative links are understood; pages: {path in the
    repository: file of the site}.
    """
    def link(found):
        address, _, place = html.unescape(found[1]).partition("#")
        if address.startswith(("http://", "https://", "mailto:")) or not address:
            return found[0]
        target = pages.get(posixpath.normpath(posixpath.join(folder, address)))
        if target is None:
            return found[2]
        return f'<a href="{html.escape(target + ("#" + place if place else ""))}">{found[2]}</a>'

    return re.sub(r'<a href="([^"]*)"[^>]*>(.*?)</a>', link, body, flags=re.S)


def boxed(body: str) -> str:
    """HTML with each table in a box of its own, which scrolls where the table is wider than the screen."""
    return re.sub(r"<table\b.*?</table>", lambda found: f'<div class="box">{found[0]}</div>', body, flags=re.S)


def with_anchors(body: str, anchor: Callable[[str], str]) -> tuple[str, list[tuple[int, str, str]]]:
    """HTML whose headings have names of their own, and (level, name, text) of each."""
    found, taken = [], set()

    def name(match):
        level, text = int(match[1]), html.unescape(re.sub(r"<[^>]+>", "", match[3])).strip()
        names = [match[2]] if match[2] else itertools.chain([anchor(text) or "part"], (
            f"{anchor(text)}-{number}" for number in itertools.count(2)))  # fmt: skip
        own = next(one for one in names if one not in taken)
        taken.add(own)
        found.append((level, own, text))
        return f'<h{level} id="{html.escape(own)}">{match[3]}</h{level}>'

    return re.sub(r'<h([1-4])(?: id="([^"]*)")?>(.*?)</h\1>', name, body, flags=re.S), found
