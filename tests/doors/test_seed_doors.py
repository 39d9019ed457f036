"""The smallest table of doors; see `refusals`."""
import pytest
from refusals import Door, cases, refuses

from lnlkit import seeds

DOORS = [Door(seeds.derive, {"seed": 0, "purpose": "order"}, {"seed": "seed"})]


@pytest.mark.parametrize("door, argument, value", cases(DOORS))
def test_bad_input_is_refused_in_one_sentence(door, argument, value):
    refuses(door, argument, value)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_the_call_works_otherwise(door):
    door.function(**door.good)
