"""The record of a notebook as text: its claims, and the paper's numbers against ours."""

import re
import textwrap

from lnlkit import papers, records

MARKS = {"reproduced": "[+]", "holds": "[+]", "not reproduced": "[-]", "does not hold": "[-]", "undecided": "[?]",
         "not tested": "[ ]"}  # fmt: skip
NO_COMPARISON = "Smoke shows that every line runs, on small digits: it is no comparison with the paper."
KINDS = ("ours", "paper", "gap")
TOLD = "†"
"""The mark of a method that is told more than noisy labels, such as the noise rate, which nobody knows in practice."""
GOALS_S = {"smoke": 60}
GOALS_MB = {"smoke": 1024}
"""What a notebook should take: processor seconds of the machine that `records.CALIBRATION_S` is of, and memory."""


def counts(record: dict) -> str:
    """How many claims have which verdict: "4 hold, 1 does not hold, 3 not tested", without those that none has."""
    words, plural = [claim["verdict"] for claim in record["claims"]], {"holds": "hold", "does not hold": "do not hold"}
    numbers = {name: words.count(name) for name in MARKS if name in words}
    return ", ".join(f"{n} {plural.get(name, name) if n > 1 else name}" for name, n in numbers.items()) or "no claims"


def cost(record: dict) -> str:
    """What a run took: "32 s of processor time (goal 60 at 0.10 s a calibration loop, here 0.11 s), 410 MB"."""
    if "cpu_seconds" not in record:
        return "What it took was not recorded."
    scale, here, there = record["scale"], record.get("calibration_seconds"), records.CALIBRATION_S
    loop = f" at {there:.2f} s a calibration loop, here {here:.2f} s" if here else ""
    goal = f" (goal {GOALS_S[scale]}{loop})" if scale in GOALS_S else ""
    peak = f", {record['peak_memory_mb']:.0f} MB" if record.get("peak_memory_mb") else ""
    most = f" (goal {GOALS_MB[scale]})" if peak and scale in GOALS_MB else ""
    return f"{record['cpu_seconds']:.0f} s of processor time{goal}{peak}{most}"


def claims(record: dict, width: int = 100) -> str:
    """Every claim with its verdict, the measured value and what was wanted."""
    lines = [f"Claims of the paper: {counts(record)}"]
    for found in record["claims"]:
        lines += _wrap(f"{MARKS[found['verdict']]} {found['says']}", width, "    ")
        words = papers.verdicts
        number, wanted = words.measured(found), words.wanted(found)
        between = "; " if found["verdict"] == "not tested" else ", wanted "
        lines += _wrap(f"    {words.verdict(found)}: " + between.join(filter(None, [number, wanted]))
                       + f"  ({found['place']})", width, "      ")  # fmt: skip
        if found["yours"] is not None:
            lines += [f"    yours, at {record['scale']}: {found['yours']:.3g}"]
    return "\n".join(lines)


def _wrap(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent)


def comparison(record: dict) -> str:
    """The paper-against-ours tables: per method and column our mean ± sd, the paper's number and the gap."""
    tables = _by_place(record["comparison"])
    if not tables:
        return "The paper against ours: this scale measures no cell of the paper's table."
    lines = [line for rows in tables for line in [*_comparison(rows, record["scale"]), ""]]
    if record["scale"] == "smoke":
        lines[-1] = NO_COMPARISON
    return "\n".join(lines).rstrip("\n")


def _by_place(rows: list[dict]) -> list[list[dict]]:
    """The rows of a comparison, one list per published table."""
    return [[row for row in rows if row["place"] == place] for place in dict.fromkeys(row["place"] for row in rows)]


def _comparison(rows: list[dict], scale: str) -> list[str]:
    columns = _headings(rows)
    cells = {(row["row"], row["column"]): row for row in rows}
    labels = {row["row"]: _label(row) for row in rows}
    sizes = sorted({row["n"] for row in rows if row["n"]})
    lines = [
        f"The paper ({rows[0]['place']}, {rows[0]['unit']}) against ours (n = {', '.join(map(str, sizes)) or 0}), "
        f"at scale {scale}"
    ]
    body = [["", "", *columns.values()]]
    for row_id, label in labels.items():
        for kind in KINDS:
            texts = [_number(cells.get((row_id, column)), kind) for column in columns]
            if any(texts):
                body.append([label, kind, *texts])
                label = ""
    return lines + grid(body) + _footnotes(rows)


def _headings(rows: list[dict]) -> dict:
    """What stands above each column; rows written before tables said so hold noise rates."""
    return {row["column"]: row.get("heading") or f"{row['column']:.0%}" for row in rows}


def _label(row: dict) -> str:
    return row["label"] + {"quoted": " *", "no": " +"}.get(row["published"], "")


def _footnotes(rows: list[dict]) -> list[str]:
    notes = {"quoted": "* quoted by the paper from another one, with another network and budget",
             "no": "+ a control of this kit, not in the paper's table"}  # fmt: skip
    lines = [text for name, text in notes.items() if any(row["published"] == name for row in rows)]
    needs = {row["label"]: row["needs"] for row in rows if row["needs"]}
    return lines + [f"{label} is told: {', '.join(what)}" for label, what in needs.items()]


def _number(row: dict | None, kind: str) -> str:
    if row is None or row[kind] is None:
        return ""
    if kind == "gap":
        return f"{row['gap']:+.2f}"
    sd = row[f"{kind}_sd"]
    return f"{row[kind]:.2f}" + ("" if sd is None else f" ± {sd:.2f}")


def grid(rows: list[list]) -> list[str]:
    """Lines of a text table: first row as heading, columns as wide as their widest cell."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def claims_table(claims: list[dict]) -> list[str]:
    """A Markdown table of claims: what the paper says, what decides it, verdict, what was measured, bound."""
    lines = ["| the paper says | decided by | verdict | measured | wanted |", "|---|---|---|---|---|"]
    words = papers.verdicts
    return lines + [f"| {c['says']} ({c['place'].split(':')[0]}) | {c['decided_by']} | {words.verdict(c)} | "
                    f"{words.measured(c)} | {words.wanted(c)} |" for c in claims]  # fmt: skip


def markdown_table(rows: list[dict]) -> list[str]:
    """A Markdown table of the rows of one published table: in each cell ours, below it the paper's and the gap."""
    columns = _headings(rows)
    cells = {(row["row"], row["column"]): row for row in rows}
    n = ", ".join(map(str, sorted({row["n"] for row in rows if row["n"]})))
    lines = [f"| {rows[0]['place']}, {rows[0]['unit']}, n = {n} | | " + " | ".join(columns.values()) + " |",
             "|---|---|" + "---|" * len(columns)]  # fmt: skip
    needs = {row["row"]: row["needs"] for row in rows}
    for row_id, label in {row["row"]: _label(row) for row in rows}.items():
        texts = [[_number(cells.get((row_id, column)), kind) for kind in KINDS] for column in columns]
        kinds = [place for place in range(len(KINDS)) if any(of[place] for of in texts)]
        stacked = ["<br>".join(of[place] or "–" for place in kinds) for of in texts]
        names = "<br>".join(KINDS[place] for place in kinds)
        lines.append(f"| {marked(label, needs[row_id])} | {names} | " + " | ".join(stacked) + " |")
    notes = [escaped(note) + "  " for note in _footnotes(rows)]
    return [*lines, "", *notes] if notes else lines


def escaped(text: str) -> str:
    """A text as Markdown shows it letter by letter, in a table too."""
    return re.sub(r"([\\`*_|<>\[\]#~]|^[+-])", r"\\\1", " ".join(str(text).split()))


def marked(label: str, needs) -> str:
    """The label of a method, escaped, with the mark of those that are told more than noisy labels."""
    return escaped(label) + (TOLD if needs else "")
