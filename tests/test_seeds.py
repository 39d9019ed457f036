import numpy as np
import pytest
import torch
from small_runs import digits, recipe, weights

from lnlkit import data, methods, seeds
from lnlkit.tasks import corruption
from lnlkit.training import fit


def test_derived_seeds_are_stable_and_differ_by_seed_and_by_purpose():
    assert seeds.derive(0, "subset") == 9055137148152354623  # a record names a seed: another value breaks its promise
    derived = {seeds.derive(seed, purpose) for seed in range(50) for purpose in ("subset", "noise", "IDN generator")}
    assert len(derived) == 150 and all(0 <= seed < 2**63 for seed in derived)


def test_generator_and_classifier_of_one_seed_start_from_different_weights(monkeypatch):
    """Both are a CNN of the same architecture in notebook 01; equal weights would make the noise known to one start."""
    first = []

    class Spy(methods.METHODS["ce"]):
        def start(self, recipe, data, generator):
            super().start(recipe, data, generator)
            first.append(weights(self).clone())

    monkeypatch.setattr(corruption, "CE", Spy)
    clean = digits(100).clean()
    corruption.mean_scores(clean, data.images.DATASETS["digits"], corruption.IDNGenerator(epochs=1), seed=3)
    fit(Spy(), clean, recipe("idn_cnn", epochs=1), seed=3)
    assert first[0].shape == first[1].shape and not torch.allclose(first[0], first[1], atol=0.01)


@pytest.mark.parametrize("kind", ["symmetric", "pairflip"])
def test_kinds_of_noise_draw_from_streams_of_their_own(kind):
    """Equal streams would flip the same examples whichever kind is asked for."""
    y = np.arange(1000) % 10
    draws = [corruption.corrupt_labels(None, y, name, 0.3, 0, n_classes=10) != y for name in (kind, "symmetric")]
    assert (draws[0] == draws[1]).all() == (kind == "symmetric")
