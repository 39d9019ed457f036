"""The smallest table of doors; see `refusals`."""
from refusals import Door, standard_tests

from lnlkit import seeds

DOORS = [Door(seeds.derive, {"seed": 0, "purpose": "order"}, {"seed": "seed"})]


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS)
