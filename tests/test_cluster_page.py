"""The page about clusters: its Python can be read, with arguments that exist, and so can its commands."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from test_readme import command_lines, problem

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "cluster.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)


def keywords(function) -> set[str]:
    """The names that a function takes, or a class and all that it extends; those that it hands on to others, too."""
    takes = [function] if inspect.isfunction(function) else [of.__init__ for of in function.__mro__[:-1]]
    if job := getattr(function, "job_cls", None):
        takes += [of.__init__ for of in job.__mro__[:-1]]
    return {name for one in takes for name in inspect.signature(one).parameters}


def imported(tree) -> dict[str, str]:
    return {alias.name: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
            for alias in node.names}  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: re.search(r"\w+Cluster", block)[0])
def test_arguments_of_clusters_exist(block):
    tree = ast.parse(block)
    compile(tree, "cluster.md", "exec")
    seen = 0
    for name, module in imported(tree).items():
        found = getattr(pytest.importorskip(module), name)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name]
        used = {word.arg for call in calls for word in call.keywords}
        assert calls and used <= keywords(found), used - keywords(found)
        seen += len(calls)
    assert seen


def test_options_of_workers_over_ssh_exist():
    distributed = pytest.importorskip("distributed")
    options = ast.literal_eval(re.search(r"worker_options=(\{.*?\})", PAGE)[1])
    assert set(options) - {"n_workers"} <= set(inspect.signature(distributed.Nanny).parameters)


def test_commands_exist():
    lines = command_lines("\n".join(re.findall(r"```bash\n.*?```", PAGE, flags=re.S)))
    lines += [line.split() for line in re.findall(r"^    (lnlkit .*)", PAGE, flags=re.M)]
    assert len([words for words in lines if words[0] == "lnlkit"]) == 2
    assert [found for words in lines if (found := problem(words))] == []


@pytest.mark.parametrize("command", sorted(set(re.findall(r"dask (worker|scheduler)", PAGE))))
def test_options_of_dask_exist(command):
    pytest.importorskip("distributed")
    known = {name for option in importlib.import_module(f"distributed.cli.dask_{command}").main.params
             for name in (*option.opts, *option.secondary_opts)}  # fmt: skip
    for line in re.findall(rf"dask {command}\b[^`\n&]*", PAGE):
        assert set(re.findall(r"(?<= )--[a-z-]+", line)) <= known
