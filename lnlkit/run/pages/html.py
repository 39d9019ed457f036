"""A page of Markdown as one file of HTML, with everything in it: figures as data, a few lines of style, no address."""

import base64
import html
import re

import mistune  # nbconvert brings it

from lnlkit.run.pages.blocks import anchor

STYLE = """
body { max-width: 1180px; margin: 1.5em auto; padding: 0 1.5em; font: 16px/1.5 system-ui, sans-serif; color: #222; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 2.2em; border-bottom: 2px solid #ddd; padding-bottom: .2em; }
h3 { margin-top: 1.8em; } p, li { max-width: 62em; } img { max-width: 100%; height: auto; margin: .4em 0; }
table { border-collapse: collapse; margin: .4em 0 1.2em; font-size: 14.5px; font-variant-numeric: tabular-nums; }
th, td { padding: .22em .7em; border-bottom: 1px solid #e4e4e4; text-align: left; vertical-align: top;
         white-space: nowrap; }
th { border-bottom: 2px solid #999; vertical-align: bottom; } tbody tr:hover { background: #f3f6fa; }
td.text { white-space: normal; min-width: 12em; } td.long { white-space: normal; min-width: 16em; }
td.good { color: #1a7f37; font-weight: 600; } td.bad { color: #b3261e; font-weight: 600; }
code { background: #f4f4f4; padding: 0 .2em; overflow-wrap: anywhere; } summary { cursor: pointer; color: #0b5394; }
details { margin: .6em 0; }
"""
TEXT, LONG = 40, 60  # letters from which on a cell is a sentence, which may be broken between words

VERDICTS = {"reproduced": "good", "holds": "good", "not reproduced": "bad", "does not hold": "bad"}


def page(title: str, markdown: str, images: dict[str, tuple[bytes, int]]) -> str:
    """The whole file. images: {path as the Markdown has it: (PNG, width in pixels)}."""
    body = mistune.create_markdown(escape=False, plugins=["table"])(markdown)
    body = re.sub(r"<h2>(.*?)</h2>", lambda found: f'<h2 id="{anchor(html.unescape(found[1]))}">{found[1]}</h2>', body)
    body = re.sub(r"<img ([^>]*?)/?>", lambda found: _image(found[1], images), body)
    body = re.sub(r"<td([^>]*)>(.*?)</td>", _cell, body, flags=re.S)
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n")  # fmt: skip


def _image(attributes: str, images: dict[str, tuple[bytes, int]]) -> str:
    """An image as data, with its alternative text; raises KeyError for one that is not given."""
    path = re.search(r'src="([^"]*)"', attributes)[1]
    png, width = images[html.unescape(path)]
    alt = re.search(r'alt="[^"]*"', attributes)[0]
    return f'<img src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}" {alt} width="{width}">'


def _cell(found: re.Match) -> str:
    letters = max(len(html.unescape(re.sub(r"<[^>]+>", "", line))) for line in found[2].split("<br"))
    kind = "long" if letters > LONG else "text" if letters > TEXT else ""
    kind = next((look for word, look in VERDICTS.items() if re.match(rf"{word}( at|$)", found[2].strip())), kind)
    return f"<td{found[1]}" + (f' class="{kind}"' if kind else "") + f">{found[2]}</td>"
