"""Puts the repository's owner into every link: pyproject.toml names it once, in `project.urls`.

    python docs/links.py           rewrites the links in notebooks, README.md, CITATION.cff and docs/
    python docs/links.py --check   says which files differ and ends with 1

Run it after another owner is written into pyproject.toml, as in a copy of the repository. Only the owner is changed;
the remark to put one in, which stands beside the links of notebooks as long as nobody is named, is taken away.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOBODY = "OWNER"
"""Stands for the owner as long as none is known."""
FILES = ("notebooks/*.ipynb", "notebooks/student/*.ipynb", "*.md", "CITATION.cff", "docs/*.md")
LINK = re.compile(r"((?:colab\.research\.google\.com/github|mybinder\.org/v2/gh|github\.com)/)[\w-]+(/lnlkit)(?![\w-])")
REMARK = f" (put the owner of your copy for {NOBODY})"


def owner(project: str) -> str:
    """The owner that the text of a pyproject.toml names; raises ValueError where it names none."""
    found = re.search(r'^Repository = "https://github\.com/([A-Za-z0-9-]{1,39})/lnlkit"$', project, re.M)
    if not found:
        raise ValueError('`pyproject.toml` must have Repository = "https://github.com/<owner>/lnlkit" in project.urls.')
    return found[1]


def linked(text: str, to: str) -> str:
    """The text with every link to the repository led to that of an owner."""
    return LINK.sub(rf"\g<1>{to}\g<2>", text if to == NOBODY else text.replace(REMARK, ""))


def differing(root: Path) -> dict[Path, str]:
    """{file: its text as it must be} of those whose links lead elsewhere than pyproject.toml says."""
    to, found = owner((root / "pyproject.toml").read_text(encoding="utf-8")), {}
    for path in sorted(path for pattern in FILES for path in root.glob(pattern)):
        text = path.read_bytes().decode("utf-8")  # line ends as they are
        if (wanted := linked(text, to)) != text:
            found[path] = wanted
    return found


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Rewrites the files, or says which differ; the exit status."""
    try:
        found = differing(root)
    except ValueError as error:
        print(error)
        return 2
    for path, text in found.items():
        if "--check" in arguments:
            print(f"{path.relative_to(root)} links to another owner: python docs/links.py")
        else:
            path.write_bytes(text.encode("utf-8"))
            print(f"{path.relative_to(root)}: links rewritten")
    return 1 if found and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
