"""What notebook 02 derives is what the package runs: values and gradients, on other numbers than its own checks."""

from pathlib import Path

import pytest
import torch
from derived import names_derived_in, outcome_told_in, with_gradients

from lnlkit import lab, losses, records
from lnlkit.methods import quality_embedding


@pytest.fixture(scope="module")
def derived():
    return names_derived_in("02_quality_embedding")


def draws(n, shape=(7, 4)):
    generator = torch.Generator().manual_seed(11)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(n)]


@pytest.mark.parametrize("tau", [0.3, 0.5, 1.0])
def test_the_draws_are_the_packages(derived, tau):
    logits, noise, mu, log_var, zeta = draws(5)
    pairs = [derived["binary_concrete"], quality_embedding.binary_concrete]
    mine, theirs = (with_gradients(lambda a, b, f=f: f(a, b, tau), logits, noise) for f in pairs)
    torch.testing.assert_close(mine, theirs)
    pairs = [derived["reparameterise"], quality_embedding.reparameterise]
    mine, theirs = (with_gradients(f, mu, log_var, zeta) for f in pairs)
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("name", ["bernoulli_kl", "gaussian_kl"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_the_closed_forms_are_the_packages(derived, name, weight):
    a, b = draws(2)
    mine, theirs = (
        with_gradients(lambda a, b, f=f: f(a, b, weight), 3 * a, b) for f in (derived[name], getattr(losses, name))
    )
    torch.testing.assert_close(mine, theirs)


def test_the_annealing_is_the_packages(derived):
    for step in (0, 1, 23_104, 23_106, 10**6):
        for floor in (0.0, 0.5, 1.0):
            assert derived["annealed"](step, 3e-5, floor) == quality_embedding.annealed(step, 3e-5, floor)


@pytest.mark.parametrize(
    ("scale", "sets"), [("smoke", "scenes, network features_mlp"), ("lab", "scenes, mnist, cifar10n, network")]
)
def test_the_first_line_names_the_sets_with_several_labels(scale, sets, tmp_path, capsys):
    lab.begin("02_quality_embedding", scale=scale, seeds=[0], device="cpu", out_dir=tmp_path, RATE=0.4)
    assert capsys.readouterr().out.startswith(f"scale {scale}: {sets}")


def test_the_outcome_is_told_as_it_was_measured():
    record = records.read_notebook(Path(__file__).parents[1] / "results" / "02_quality_embedding" / "lab.json")
    claims = {claim["id"]: claim for claim in record["claims"]}
    scenes, mnist = (
        [-claims[f"best-{name}-{rate}"]["value"] for rate in (20, 40, 60, 80)] for name in ("scenes", "mnist")
    )
    text = outcome_told_in("02_quality_embedding")
    assert f"{min(scenes):.1f} to {max(scenes):.1f} points behind on scenes" in text
    assert f"{min(mnist):.1f} to {max(mnist):.1f} on MNIST" in text
    assert f"({claims['lambda-helps']['value']:.1f} points of mAP from $\\lambda = 0$ to 0.2" in text
    assert all(claims[name]["verdict"] == "reproduced" for name in ("plain-best-clean", "chance-at-1", "lambda-helps"))
