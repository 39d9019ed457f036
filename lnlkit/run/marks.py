"""Marks as files: a table for a spreadsheet, a page of all, a page a student, and all answers in words on one page.

Whatever comes from a student is text here: in HTML it is escaped, and in the table no cell begins like a formula.
"""

import html
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from lnlkit import exercises, records
from lnlkit.run.marking import Mark
from lnlkit.run.pages.html import STYLE
from lnlkit.run.submissions import Answer, answers

LOOK = """
.right { color: #1a7f37; font-weight: 600; } .notyet { color: #b3261e; font-weight: 600; } .notdone { color: #777; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f7f7f7; padding: .6em .9em; max-width: 62em; }
pre.asked { background: none; border-left: 3px solid #ccc; }
td:last-child { white-space: normal; overflow-wrap: anywhere; min-width: 8em; }
"""
COLUMNS = ["name", "file", "notebook", "right", "done", "total"]
AFTER = ["seconds", "went wrong"]
LONGEST = 20_000  # letters of an answer that are shown


def table(marks: Sequence[Mark], folder: Path) -> pd.DataFrame:
    """A row a submission: how many exercises are right, done and asked, each by name, seconds, what went wrong."""
    rows = []
    for mark in marks:
        of, found = mark.submission, list(mark.outcomes.values())
        rows.append({
            "name": of.name, "file": of.path.relative_to(folder).as_posix(), "notebook": of.notebook,
            "right": sum(outcome.right for outcome in found), "done": sum(outcome.done for outcome in found),
            "total": len(found), **{name: mark.word(name) for name in mark.outcomes},
            "seconds": round(mark.seconds, 1), "went wrong": "; ".join(trouble(mark))})  # fmt: skip
    asked = sorted({name for mark in marks for name in mark.outcomes})
    return pd.DataFrame(rows, columns=[*COLUMNS, *asked, *AFTER]).fillna("")


def trouble(mark: Mark) -> list[str]:
    """What went wrong, in the order of the notebook; of cells that failed the first three."""
    failed = [f"{place}: {said}" for place, said in mark.errors.items()]
    more = [f"{len(failed) - 3} more cells failed"] if len(failed) > 3 else []
    return [*mark.wrong, *failed[:3], *more]


def write(marks: Sequence[Mark], folder: Path, out: Path, said: str) -> Path:
    """Writes marks.csv, marks.html, answers.html and students/ into a folder, each file whole; the path of the table.

    folder: where the submissions lie; said: how they were marked, a sentence for the pages.
    """
    found = table(marks, folder)
    pages = [f"students/{number:03d}-{_plain(mark.submission.name)}.html" for number, mark in enumerate(marks, 1)]
    for stale in (out / "students").glob("[0-9][0-9][0-9]*-*.html"):  # of an earlier marking
        stale.unlink()
    for place, mark, row in zip(pages, marks, found.to_dict("records"), strict=True):
        _write(out / place, student_page(mark, row))
    _write(out / "answers.html", answers_page(marks))
    _write(out / "marks.html", overview(found, pages, said))
    with records.whole_file(out / "marks.csv", "wb") as file:
        file.write(found.map(_no_formula).to_csv(index=False, lineterminator="\n").encode("utf-8-sig"))
    return out / "marks.csv"


def _write(path: Path, text: str) -> None:
    with records.whole_file(path) as file:
        file.write(text)


def _plain(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:40] or "student"


def _no_formula(value):
    """The value for a spreadsheet, which would compute a text that begins like a formula, in one line."""
    if not isinstance(value, str):
        return value
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in value).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def escaped(text) -> str:
    """A text as HTML shows it."""
    letters = (letter if letter.isprintable() or letter in "\n\t" else "\ufffd" for letter in str(text))
    return html.escape("".join(letters))


def page(title: str, body: str) -> str:
    """A whole file of HTML, which loads nothing and runs nothing."""
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">\n'
            f"<title>{escaped(title)}</title>\n<style>{STYLE}{LOOK}</style>\n</head>\n<body>\n"
            f"<h1>{escaped(title)}</h1>\n{body}\n</body>\n</html>\n")  # fmt: skip


def _word(word: str) -> str:
    return f'<span class="{word.replace(" ", "")}">{escaped(word)}</span>' if word else ""


def overview(found: pd.DataFrame, pages: list[str], said: str) -> str:
    """The page of all: the table, with a link to each student's page."""
    shown = found.drop(columns="file").map(escaped)
    shown["name"] = [f'<a href="{place}">{name}</a>' for place, name in zip(pages, shown["name"], strict=True)]
    for name in (column for column in shown if re.fullmatch(r"\d\d\.\d+", column)):
        shown[name] = found[name].map(_word)
    body = shown.to_html(index=False, escape=False, border=0)
    return page("Marks", f'<p>{escaped(said)}</p>\n{body}\n<p><a href="answers.html">Answers in words</a></p>')


def student_page(mark: Mark, row: dict) -> str:
    """The page of a student: a line an exercise, what went wrong, the answers in words."""
    cells = [(name, escaped(exercises.find(name).title), _word(mark.word(name)), escaped(_after(outcome.said)))
             for name, outcome in sorted(mark.outcomes.items())]  # fmt: skip
    lines = "".join(f"<tr><td>{'</td><td>'.join(line)}</td></tr>\n" for line in cells)
    body = (f"<p>Notebook {escaped(row['notebook'] or 'unknown')}, {escaped(row['file'])}: {row['right']} of "
            f"{row['total']} right, {row['done']} done.</p>\n<table>\n{lines}</table>\n")  # fmt: skip
    wrong = [*mark.wrong, *(f"{place}: {said}" for place, said in mark.errors.items())]
    if wrong:
        items = "".join(f"<li>{escaped(line)}</li>\n" for line in wrong)
        body += f"<h2>What went wrong</h2>\n<ul>\n{items}</ul>\n"
    if found := answers(mark.submission):
        body += "<h2>Answers in words</h2>\n" + "".join(_question(answer) + _text(answer.text) for answer in found)
    return page(mark.submission.name, body)


def _after(said: str) -> str:
    """What a check said, without the words that stand in the table."""
    return re.sub(r"\Aexercise \S+: (right|not yet|not done yet)\.\s*", "", said)


def _question(answer: Answer) -> str:
    return f'<pre class="asked">{escaped(answer.asked)}</pre>\n'


def _text(text: str) -> str:
    cut = f"<p>(the first {LONGEST:,} of {len(text):,} letters)</p>\n" if len(text) > LONGEST else ""
    return f"<pre>{escaped(text[:LONGEST])}</pre>\n{cut}" if text else "<p>(nothing)</p>\n"


def answers_page(marks: Sequence[Mark]) -> str:
    """All answers in words, question by question, in the order of the notebooks; who wrote nothing is named."""
    asked: dict[tuple[str, str], list[tuple[str, Answer]]] = {}
    ids = {" ".join(answer.asked.split()): answer.question for mark in marks for answer in answers(mark.submission)
           if answer.question != answer.asked}  # fmt: skip
    for mark in marks:
        for answer in answers(mark.submission):
            question = ids.get(" ".join(answer.asked.split()), answer.question)
            asked.setdefault((mark.submission.notebook, question), []).append((mark.submission.name, answer))
    body = ""
    for (notebook, _), given in sorted(asked.items(), key=lambda entry: entry[0][0]):  # stable: in each as they come
        body += f"<h2>Notebook {escaped(notebook)}</h2>\n{_question(given[0][1])}"
        body += "".join(f"<h3>{escaped(name)}</h3>\n{_text(answer.text)}" for name, answer in given if answer.text)
        silent = [name for name, answer in given if not answer.text]
        body += f"<p>Nothing from {escaped(', '.join(silent))}.</p>\n" if silent else ""
    return page("Answers in words", body or "<p>No cell for an answer was handed in.</p>")
