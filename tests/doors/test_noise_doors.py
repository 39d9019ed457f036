"""The doors of `noise` against bad values."""
import numpy as np
from data_kinds import KINDS, V, X, Y
from refusals import Door, standard_tests

from lnlkit import noise

T, RNG = np.eye(3), np.random.default_rng(0)
RATE = {"n_classes": "count", "noise_rate": "fraction"}
ONE_CLASS = {"n_classes": {"one": 1}}

DOORS = [
    Door(noise.symmetric, dict(n_classes=3, noise_rate=0.2, kind="exact"), RATE | {"kind": "name"}, also=ONE_CLASS),
    Door(noise.pairflip, dict(n_classes=3, noise_rate=0.2), RATE, also=ONE_CLASS),
    Door(noise.asymmetric, dict(mapping={0: 1}, n_classes=3, noise_rate=0.2), RATE | {"mapping": "name"},
         also=ONE_CLASS | {"mapping": {"same": {1: 1}, "out of range": {0: 3}, "text": {"a": "b"}, "set": {0, 1},
                                      "empty": {}, "keys of JSON": {"0": 1}, "truths": {False: True}}}),
    Door(noise.asymmetric, dict(mapping="mnist", n_classes=10, noise_rate=0.2), also={"n_classes": {"a hundred": 100}}),
    Door(noise.corrupt, dict(y=Y, T=T, rng=RNG), {"y": "labels", "T": "matrix", "rng": "generator"},
         spared={"y": {"short"}}),
    Door(noise.largest_remainder, dict(shares=np.array([0.5, 1.5]), rng=RNG), {"shares": "numbers", "rng": "generator"},
         also={"shares": {"negative": np.array([-0.5, 1.5])}}, spared={"shares": {"short"}}),
    Door(noise.measured_rate, dict(y_clean=Y, y_noisy=Y), {"y_clean": "labels", "y_noisy": "labels"},
         spared={"y_clean": {"from one"}, "y_noisy": {"from one"}}),         # how many classes there are isn't known
    Door(noise.measured_T, dict(y_clean=Y, y_noisy=Y, n_classes=3),
         {"y_clean": "labels", "y_noisy": "labels", "n_classes": "count"}),
    Door(noise.permute_labels, dict(y=V, rate=0.5, rng=RNG), {"y": "vectors", "rate": "fraction", "rng": "generator"},
         spared={"y": {"short"}}),
    Door(noise.measured_transitions, dict(latent=V, noisy=V), {"latent": "vectors", "noisy": "vectors"},
         also={"noisy": {"fewer classes": V[:, :2]}}),
    Door(noise.replace_targets, dict(y=np.zeros(4), new=np.ones(4), rate=0.5, rng=RNG),
         {"y": "numbers", "new": "numbers", "rate": "fraction", "rng": "generator"},
         also={"where": {"positions": np.array([0, 1]), "short": np.array([True]), "text": "all", "mapping": {}},
               "new": {"column": np.ones((4, 1))}}),
    Door(noise.mislabelling_scores, dict(S=np.ones((4, 3)) / 3, y=Y), {"S": "scores", "y": "labels"},
         also={"S": {"logits": np.log(np.ones((4, 3)) / 3)}}),
    Door(noise.flip_hardest, dict(y=Y, S=np.ones((4, 3)) / 3, noise_rate=0.2),
         {"S": "scores", "y": "labels", "noise_rate": "fraction"}),
    Door(noise.part_dependent, dict(x=X, y=Y, noise_rate=0.2, rng=RNG, n_classes=3,
                                    scaling="raw", temperature=1.0, sd=0.1),
         RATE | {"x": "inputs", "y": "labels", "rng": "generator", "scaling": "name", "temperature": "positive",
                 "sd": "fraction"}, also=ONE_CLASS),
]


test_bad_input_is_refused_in_one_sentence, test_the_call_works_otherwise = standard_tests(DOORS, KINDS)


def test_rates_of_few_bits_flip_as_many_as_those_that_print_alike():
    """The nearest number of 32 bits to 0.29 is smaller than 0.29: 28 of 100 labels were wrong."""
    y, S = np.zeros(100, int), np.random.default_rng(0).random((100, 3))
    for rate in (np.float32(0.29), np.float16(0.29)):
        assert (noise.flip_hardest(y, S, rate) != y).sum() == 29
        assert noise.replace_targets(np.zeros(100), np.ones(100), rate, np.random.default_rng(0))[1].sum() == 29
