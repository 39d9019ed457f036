"""What the command `report` says: the records of notebooks as text, or recorded runs as a page."""

from collections.abc import Callable, Iterator

from lnlkit import checks, papers
from lnlkit.run import report, runner
from lnlkit.run.screen import near


def as_text(notebook: str | None, scale: str | None, tell: Callable[[str], None]) -> Iterator[str]:
    """All that the records of a notebook say (None: of all), at a scale or at all of them; `tell` hears of bad ones."""
    for path, record in _records(notebook, scale, tell):
        of_paper = record["notebook"] in papers.KEYS
        yield papers.load(record["notebook"]).citation if of_paper else record["notebook"]
        yield f"{near(path)}, made {record.get('made_at', 'at an unknown time')}\n{report.cost(record)}\n"
        yield f"{report.claims(record)}\n\n{report.comparison(record)}\n"


def _records(notebook: str | None, scale: str | None, tell: Callable[[str], None]) -> list:
    """(path, record) of a file, or of a notebook and scale (None: of all): the committed one, else one made here."""
    scales = list(papers.SCALES) if scale is None else [checks.one_of(scale, "scale", list(papers.SCALES))]
    if str(notebook).endswith(".json"):
        return [(notebook, runner.recorded(notebook, scales=scales))]
    keys = list(papers.KEYS) if notebook is None else [papers.load(notebook).key]
    found, refused = [], []
    for key in keys:
        for name in scales:
            try:
                found += [(path, runner.recorded(path, key, [name])) for path in runner.record_paths(key, name)[:1]]
            except ValueError as error:
                refused.append(str(error))
    if not found:
        raise FileNotFoundError(" ".join([f"No record of {' or '.join(keys)} at {' or '.join(scales)}: make one with "
                                          "`lnlkit run`.", *refused]))  # fmt: skip
    for said in refused:
        tell(f"lnlkit: left out: {said}")
    return found


def as_page(what: str | None, out: str | None, tell: Callable[[str], None]) -> Iterator[str]:
    """Writes the page of `pages.find(what)` into a folder and says where it is; `tell` hears of files left out."""
    from lnlkit.run import pages

    found = pages.find(what)
    folder = checks.writable_folder(runner.root() / "artifacts" / "report" if out is None else out, "out")
    for name, why in found.left_out.items():
        tell(f"lnlkit: left out: {name}: {why}")
    asked = f"lnlkit report{f' {what}' if what else ''} --html"
    written = pages.write(pages.page(found, f"Made by `{asked}`."), folder)
    yield f"Open in a browser:  {near(written.html)}"
    yield f"As Markdown:        {near(written.markdown)}, with {len(written.figures)} pictures in figures/"
