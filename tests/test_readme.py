"""What the README and the contributor's page tell people to type exists, and what they link to is there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from lnlkit import cli, papers, recorded
from lnlkit.recorded import judging

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "CONTRIBUTING.md"]


def command_lines(text: str) -> list[list[str]]:
    """The commands in code blocks, split as a shell does, comments dropped."""
    blocks = re.findall(r"```(?:\w*)\n(.*?)```", text, flags=re.S)
    lines = [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def problem(words: list[str]) -> str | None:
    """What is wrong with a `make` or `lnlkit` line; None when nothing is, or when it is another command."""
    if words[0] == "make":
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
        wrong = [word for word in words[1:] if "=" not in word and word not in targets]
        return f"make has no target {wrong[0]}" if wrong else None
    if words[0] != "lnlkit":
        return None
    command, rest = cli.cli, words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return f"there is no `lnlkit {rest[0]}`"
        command, rest = command.commands[rest[0]], rest[1:]
    known = {name for parameter in command.params for name in parameter.opts} | {"--help", "-h"}
    wrong = [word for word in rest if word.startswith("-") and word.split("=")[0] not in known]
    return f"`lnlkit {command.name}` has no option {wrong[0]}" if wrong else None


def test_a_wrong_command_would_be_seen():
    text = "```\nmake demo  # yes\nmake tset\nlnlkit run 01 --scale lab\nlnlkit runs\nlnlkit run 01 --rat 2\nls\n```"
    assert [problem(words) for words in command_lines(text)] == [
        None, "make has no target tset", None, "there is no `lnlkit runs`", "`lnlkit run` has no option --rat", None,
    ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page):
    lines = command_lines((ROOT / page).read_text(encoding="utf-8"))
    assert any(words[0] == "make" for words in lines)
    assert [found for words in lines if (found := problem(words))] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_into_the_repository_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.S)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    assert [target for target in local if not (ROOT / target).exists()] == []


def test_python_in_the_readme_runs_and_finds_something():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.S)
    names: dict = {}
    exec("\n".join(blocks), names)
    assert len(names["table"]) > 0


def test_the_outcome_of_every_paper_is_shown_as_a_picture():
    pages = [ROOT / name for name in ("README.md", "docs/results.md", "docs/playground.md")]
    shown = {name for page in pages for name in re.findall(r"figures/([^)]+)\)", page.read_text(encoding="utf-8"))}
    assert shown >= {f"{key[:2]}_overview.png" for key in (*papers.STUDIES, *papers.KEYS)}
    assert {path.name for path in (ROOT / "docs" / "figures").iterdir()} == shown  # no picture that nobody sees


def test_the_readme_is_a_screen_and_a_half_and_lists_every_notebook():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 95 and "(docs/results.md)" in text
    assert all(f"(notebooks/{key}.ipynb)" in text for key in (*papers.STUDIES, *papers.KEYS))


def test_the_outcomes_in_the_readme_are_those_of_the_record():
    """Each number and each order that a line of the table says."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    runs = {key: recorded.load(key).runs for key in papers.KEYS}
    half = runs["05_choicenet"].query("dataset == 'mnist' and noise == 'symmetric_inclusive' and noise_rate == 0.5")
    of = 100 * half.groupby("row")[["best_val", "last"]].mean()
    assert f"{of.best_val['choicenet']:.0f} % with half of MNIST's labels redrawn" in text
    assert f"trained alike ends at {of['last']['ce']:.0f} % ({of.best_val['ce_slow']:.0f} % with a learning" in text
    assert abs(of.best_val["choicenet"] - of.best_val["choice_loss"]) < 1 and of.best_val["choicenet_printed"] < 60
    idn = runs["01_cvae_augmentation"].query("row == 'ce' and noise_rate == 0.4").groupby("noise")["best_val"].mean()
    assert idn["class_conditional"] - idn["model_idn"] > 0.15
    verdicts = {v.id: v for key in papers.KEYS for v in judging.verdicts(papers.load(key), recorded.load(key))}
    assert verdicts["improves-at-10"].verdict == verdicts["improves-at-20"].verdict == "not tested"
    assert verdicts["latent-label-corrects"].verdict == "holds"
    assert verdicts["all-three-at-80"].verdict == verdicts["ahead-at-80"].verdict == "undecided"
    strong = runs["03_robust_features"].query("noise == 'symmetric' and noise_rate == 0.8")
    of = 100 * strong.groupby("row")[["oracle", "last"]].mean()
    assert f"{of.loc['robust_features', 'last']:.0f} % with 80 % wrong labels on MNIST" in text
    assert f"cross-entropy ends at {of.loc['ce', 'last']:.0f} %" in text
    assert verdicts["ahead-of-plain"].verdict == "undecided"
    half = runs["04_echoalign"].query("noise == 'part_dependent' and noise_rate == 0.5")
    of = 100 * half.groupby("row")["best_val"].mean()
    assert f"the method has {of['echoalign']:.0f} % where half of the labels are wrong" in text
    assert abs(of["echoalign"] - of["generated"]) < 1 and of["modification_shift"] < of["ce"] - 5
    assert verdicts["right-labels-stay-similar"].verdict == "holds"
