"""LaTeX of a notebook as MathML, which browsers draw by themselves: no script, no internet.

latex2mathml translates; what browsers draw otherwise than TeX does is mended here, before and after.
"""

import re
import xml.etree.ElementTree as tree

CODE_OR_MATHS = re.compile(r"```.*?```|`[^`\n]+`|\$\$(?P<block>.+?)\$\$|(?<!\\)\$(?!\s)(?P<inline>[^$]+?)(?<!\s)\$",
                           re.S)  # fmt: skip
REWRITTEN = (
    (r"\\[bB]igg?[lrm]?\s*(?=\\)", ""),  # the translator knows large brackets only where they are one letter
    (r"\\tag\{(.*?)\}", r"\\qquad\\text{(\1)}"),  # it would stand close to the equation
    (r"\\math(bb|cal)\s+([A-Za-z])", r"\\math\1{\2}"),  # with braces it becomes a letter of its own
    (r"\\mathrm\s*\{([A-Za-z]{2,})\}", r"\\operatorname{\1}"),  # one word, not a product of letters
    (r"(begin|end)\{aligned\}", r"\1{split}"),  # the name that the translator knows it by
    (r"\\arg(?![A-Za-z])", r"\\operatorname{arg}"),
)
ACCENTS = {"~": "\u02dc", "\xaf": "\xaf", "^": "\u02c6", "\u02c6": "\u02c6", "\u02dc": "\u02dc"}
BELOW = ("max", "min", "argmax", "argmin")  # what such a word ranges over stands below it in a displayed equation
LONG = 36  # letters of LaTeX in a line of text that may be wider than a phone: browsers do not break formulas
BARS = ("|", "\u2016", "\u2225")
FENCES = (*"()[]{}\u27e8\u27e9\u230a\u230b", *BARS)
SCRIPTS = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
WANTED = "`latex` must be a formula that latex2mathml translates"
NAMESPACE = "http://www.w3.org/1998/Math/MathML"


def shielded(markdown: str) -> tuple[str, list[str]]:
    """Markdown with a word in place of each formula, which Markdown leaves alone, and the formulas as MathML.

    Dollars in code are no formula. Raises ValueError for LaTeX that cannot be translated, with the LaTeX.
    """
    found = []

    def taken(match):
        block, inline = match["block"], match["inline"]
        if block is None and inline is None:
            return match[0]
        maths = mathml(block or inline, block=block is not None)
        kind = "equation" if block else "long" if len(inline) > LONG else ""
        found.append(f'<span class="{kind}">{maths}</span>' if kind else maths)
        return _word(len(found) - 1)

    return CODE_OR_MATHS.sub(taken, markdown), found


def unshielded(page: str, found: list[str]) -> str:
    """HTML with the formulas put back."""
    for place, maths in enumerate(found):
        page = page.replace(_word(place), maths)
    return page


def _word(place: int) -> str:
    return f"FORMULA{place}ALUMROF"


def mathml(latex: str, *, block: bool = False) -> str:
    """A formula as a <math> element; raises ValueError for what cannot be translated."""
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise RuntimeError("The site needs the package latex2mathml: pip install 'lnlkit[site]'.") from error
    source = latex.strip()
    for old, new in REWRITTEN:
        source = re.sub(old, new, source)
    try:
        root = tree.fromstring(convert(source, display="block" if block else "inline"))
    except Exception as error:  # the translator has exceptions of its own, and may end in a plain IndexError
        raise ValueError(f"{WANTED}, but got {latex!r}: {error!r}.") from error
    _mend(root, block)
    left = [part.text for part in root.iter() if part.text and re.search(r"\\[A-Za-z{}]", part.text)]
    if left:
        raise ValueError(f"{WANTED}, but of {latex!r} it leaves {left}: rewrite it, or add to REWRITTEN.")
    root.set("alttext", re.sub(r"\s+", " ", latex.strip()))
    tree.register_namespace("", NAMESPACE)
    return re.sub(r"[\n\r]+", " ", tree.tostring(root, encoding="unicode"))


def _name(part) -> str:
    return part.tag.rpartition("}")[2]


def _rename(part, name: str) -> None:
    part.tag = f"{{{NAMESPACE}}}{name}"


def _mend(parent, block: bool) -> None:
    """What browsers draw otherwise than TeX: words, relations, accents, limits; and room around words."""
    for part in parent:
        _mend(part, block)
    name, text = _name(parent), (parent.text or "").strip()
    if name == "mo" and re.fullmatch("[A-Za-z]{2,}", text):
        _rename(parent, "mi")
        parent.attrib.pop("movablelimits", None)
    if name == "mo" and text in BARS and "minsize" not in parent.attrib:
        parent.set("stretchy", "false")
    if name == "mo" and text == "\u221e":
        _rename(parent, "mi")
    if name == "mi" and text == "~":
        _rename(parent, "mo")
        parent.text = "\u223c"
    if name == "mover" and len(parent) == 2 and (parent[1].text or "") in ACCENTS:
        parent[1].text = ACCENTS[parent[1].text]
        parent.set("accent", "true")
    if name == "munder" and len(parent) == 2 and parent[1].text == "\u23df":
        parent[1].set("stretchy", "true")
    if name == "mtd" and "columnalign" in parent.attrib:
        parent.set("style", f"text-align: {parent.attrib.pop('columnalign')}")
    if block and name == "msub" and (parent[0].text or "") in BELOW:
        _rename(parent, "munder")
    _room(parent)


def _room(row) -> None:
    """Puts a thin space between a word, such as log, and what it is applied to or multiplied with."""
    if _name(row) in (*SCRIPTS, "mfrac", "mroot"):
        return
    parts, out = list(row), []
    _signs(parts)
    for place, part in enumerate(parts):
        before = parts[place - 1] if place else None
        if before is not None and ((_word_like(before) and not _is_sign(part)) or
                                   (_word_like(part) and not _is_sign(before, closing=True))):  # fmt: skip
            out.append(tree.Element(f"{{{NAMESPACE}}}mspace", width="0.17em"))
        out.append(part)
    row[:] = out


def _signs(parts) -> None:
    """Says of a minus that it has nothing before it, and of brackets and bars that they take no room."""
    for before, part in zip([None, *parts], parts, strict=False):
        text = part.text or ""
        if _name(part) == "mo" and text in "\u2212-+\xb1" and before is not None and _is_sign(before, closing=True):
            part.set("form", "prefix")
        if _name(part) == "mo" and text in FENCES:
            part.attrib |= {"lspace": "0", "rspace": "0"}


def _word_like(part) -> bool:
    """Whether it is a word such as log or softmax, maybe with an index."""
    if _name(part) in SCRIPTS:
        return len(part) > 0 and _word_like(part[0])
    return _name(part) == "mi" and bool(re.fullmatch("[A-Za-z]{2,}", part.text or ""))


def _is_sign(part, closing: bool = False) -> bool:
    """Whether it brings room of its own, or wants none: an operator, a bracket, a space, text."""
    if _name(part) in ("mspace", "mtext"):
        return True
    return _name(part) == "mo" and not (closing and (part.text or "") in (")", "]", "}"))
