"""The contract tells what a method breaks, also one of the reader's own, by one command."""

import pytest

from lnlkit import cli
from lnlkit.methods import contract

HEAD = "import numpy as np, torch\nfrom dataclasses import dataclass\nfrom lnlkit.methods import CE\n@dataclass\n"
MINE = {  # promise: a method that breaks it, and a word of what is said
    "gives_probabilities": ("    def predict(self, x):\n        return 2 * super().predict(x)", "sum 2.00"),
    "draws_from_its_seed_alone": ("    def loss(self, batch):\n        return super().loss(batch) * np.random.rand()",
                                  "a second training gave others"),
    "starts_afresh": ("    steps = 0\n    def loss(self, batch):\n        self.steps += 1\n"
                      "        return super().loss(batch) / self.steps", "make all state in `start`"),
    "learns": ("    def loss(self, batch):\n        return -super().loss(batch).clamp(max=3)", "600 digits"),
    "survives_json": ("    of: object = torch.zeros(1)", "hyper-parameters must"),
}  # fmt: skip


@pytest.mark.parametrize("promise", MINE)
def test_a_broken_promise_is_named_with_what_happens_instead(promise, tmp_path):
    body, word = MINE[promise]
    (tmp_path / "mine.py").write_text(f"{HEAD}class Mine(CE):\n{body}\n")
    broken = contract.check(f"{tmp_path / 'mine.py'}:Mine")
    assert promise in broken and word in broken[promise] and "\n" not in broken[promise]


def test_the_command_says_what_a_method_keeps(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(f"{HEAD}class Mine(CE):\n    pass\n\nclass Bad(CE):\n"
                                      "    def loss(self, batch):\n        raise KeyError('oh')\n")  # fmt: skip
    monkeypatch.chdir(tmp_path)
    cli.main(["methods", "--check", "mine.py:Mine"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(contract.PROMISES) and all(line.startswith("[+] ") for line in lines)
    with pytest.raises(SystemExit) as end:
        cli.main(["methods", "--check", "mine.py:Bad"])
    out = capsys.readouterr().out
    assert end.value.code == 1 and "[-] learns: it says KeyError: 'oh'" in out and "[+] survives json" in out


def test_a_method_of_another_task_is_refused():
    with pytest.raises(ValueError, match="`method` must be one for classification, but l2 is one for regression"):
        contract.check("l2")
