"""What notebook 05 derives is what the package runs: values and gradients, on other numbers than its own checks."""

import pytest
import torch
from derived import names_derived_in, outcome_told_in, with_gradients

from lnlkit import losses, papers, recorded
from lnlkit.methods import choicenet


@pytest.fixture(scope="module")
def derived():
    return names_derived_in("05_choicenet")


def draws(*shapes):
    generator = torch.Generator().manual_seed(11)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize("rho", [-0.99, -0.3, 0.0, 0.7])
def test_the_transform_is_the_packages(derived, rho):
    w, z, mu = draws(5, 5, 5)
    arguments = (w, z, torch.full((5,), rho, dtype=torch.float64), mu, mu.abs() + 0.3, mu**2 + 0.1)
    both = derived["cholesky_transform"], choicenet.cholesky_transform
    mine, theirs = (with_gradients(f, *arguments) for f in both)
    torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("K", [1, 4])
def test_the_losses_are_the_packages(derived, K):
    raw, mu, logits, rho, target = draws((6, K), (6, K, 3), (6, K, 3), (6, K), (6, 3))
    log_pi, y = raw.log_softmax(1), torch.tensor([0, 2, 1, 1, 0, 2])
    inputs = {"mixture_nll": (target, log_pi, mu, mu.abs() + 0.2), "rho_kl": (rho.tanh(), log_pi)}
    for name, arguments in inputs.items():
        mine, theirs = (with_gradients(f, *arguments) for f in (derived[name], getattr(losses, name)))
        torch.testing.assert_close(mine, theirs)
    for weight in (0.0, 0.3):
        mine, theirs = (
            with_gradients(lambda a, b, f=f: f(a, y, b, weight), logits, log_pi)  # noqa: B023
            for f in (derived["choice"], losses.choice)
        )
        torch.testing.assert_close(mine, theirs)


def test_the_rows_of_the_early_code_are_the_presets():
    rows = papers.load("05").rows
    assert rows["choicenet_code"].hparams == choicenet.PRESETS["code"]
    assert rows["choicenet_regression_code"].hparams == choicenet.PRESETS["code_regression"]


def test_the_outcome_is_told_as_it_was_recorded():
    runs = recorded.load("05").runs
    mae = runs.query("noise == 'uniform'").groupby(["row", "noise_rate", "dataset"])["mae"].mean()
    ours, l2 = (mae[row, 0.5][["cosexp", "linear"]] for row in ("choicenet_regression", "l2"))
    rows = ("choicenet_regression", "choicenet_regression_code", "mdn")
    text, (printed, code, mdn) = outcome_told_in("05_choicenet"), (mae[row, 0.6] for row in rows)
    assert "errors of {:.2f} and {:.2f}, where plain regression, L2, has {:.2f} and {:.2f}".format(*ours, *l2) in text
    told = "({:.2f} and {:.2f}; a mixture density network, MDN, has {:.2f} and {:.2f})"
    assert told.format(code["cosexp"], code["linear"], mdn["cosexp"], mdn["linear"]) in text
    assert f"({printed['step']:.2f} and {code['step']:.2f}; MDN {mdn['step']:.2f})" in text
    assert f"lost there, too ({printed['linear']:.2f})" in text
