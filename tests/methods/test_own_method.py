"""A method in a file of the reader's own is one like any other."""

import pytest
from small_runs import digits, recipe

from lnlkit.methods import CE, find, make, own
from lnlkit.training import fit

MINE = '''
from dataclasses import dataclass
from lnlkit import losses
from lnlkit.methods import Method

@dataclass
class Half(Method):
    share: float = 0.5

    def loss(self, batch):
        each = losses.cross_entropy(self.nets_[0](batch.x), batch.y)
        return each.sort().values[: max(1, int(self.share * len(each)))].mean()

class NoMethod:
    pass

class Undecorated(Method):
    share: float = 0.5
'''


@pytest.fixture()
def mine(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    return "mine.py:Half"


def test_it_is_found_made_and_trained_by_its_file_and_class(mine, tmp_path):
    method, same = make(mine, share=1.0), CE()
    assert type(method) is find(mine) is find(f"{tmp_path / 'mine.py'}:Half") and method.share == 1.0
    losses = [[row["loss"] for row in fit(of, digits(), recipe())] for of in (method, same)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)  # all of a batch is what CE takes


def test_a_changed_file_is_another_method(mine, tmp_path):
    before, of = find(mine), own.digest(mine)
    (tmp_path / "mine.py").write_text(MINE.replace("0.5", "0.25"))
    assert find(mine) is not before and make(mine).share == 0.25 and own.digest(mine) != of


def test_what_is_no_method_is_refused(mine, tmp_path):
    with pytest.raises(ValueError, match=r"`method` must name a class in .*mine.py that extends .*Method.*'NoMethod'"):
        find("mine.py:NoMethod")
    with pytest.raises(ValueError, match="but got 'Missing'"):
        find("mine.py:Missing")
    with pytest.raises(ValueError, match="'Undecorated', whose field 'share' does not count: put @dataclass above it"):
        find("mine.py:Undecorated")
    with pytest.raises(FileNotFoundError, match="`method` must name a class in a file, .* there is no none.py"):
        find("none.py:Half")
    (tmp_path / "broken.py").write_text("import nothing_of_this_name")
    with pytest.raises(ValueError, match="`method` must be in a file that can be read, but .*broken.py says: Module"):
        find("broken.py:Half")
