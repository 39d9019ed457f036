"""Made-up recorded runs of notebook 02: as `recorded.load` gives them, the numbers invented for tests."""

import numpy as np

from lnlkit import recorded

VARIANTS = ("can_rho1", "can_no_quality")  # run at one noise rate only
EMBEDS = ("can", "can_rho1")  # rows with a quality variable
ROWS = {"bce": 1.0, "learnq": 1.15, "icnm": 1.12, "bootstrap": 1.3, "bootstrap_hard": 1.2, "can": 1.9}  # how robust
RATES, SEEDS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (0, 1, 2)
LAMBDAS, SIZES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0), (0.2, 0.4, 0.6, 0.8, 1.0)
TOP = {"scenes": 0.95, "mnist": 0.985, "cifar10n": 0.72}
K, EPOCHS = 10, 6


def level(row, dataset, rate, size=1.0, lambda_mi=0.3):
    """mAP without the scatter over seeds: falls from TOP to chance with the rate, later for a robust row."""
    rate = 0.17 if dataset == "cifar10n" else rate
    kept = 1 - rate ** (1.6 * ROWS.get(row, 1.4))
    chance = 0.3 if dataset == "scenes" else 0.1
    fall = 0.06 * (row == "can") * abs(np.log(lambda_mi + 0.4) - np.log(0.7))
    return chance + (TOP[dataset] - 0.02 * (row != "bce") - chance) * kept - 0.12 * (1 - size) - fall


def embedding(rng, rate, points):
    """Two clouds, the second of flagged items; most of the wrong ones are in it."""
    wrong = rng.random(points) < 0.9 * rate
    flagged = np.where(rng.random(points) < 0.12, ~wrong, wrong)
    x = rng.standard_normal((points, 2)) * 6 + np.where(flagged, 14, -8)[:, None] * (1, 0.6)
    disagrees = np.where(rng.random(points) < 0.1, ~flagged, flagged)
    return {
        "x": x.round(1).tolist(), "label": rng.integers(0, K, points).tolist(), "wrong": wrong.astype(int).tolist(),
        "flagged": flagged.astype(int).tolist(), "disagrees": disagrees.astype(int).tolist(),
    }  # fmt: skip


def transitions(rng, dataset, spread, never=None):
    """Rows that sum to 1, or to 0 for the class that never occurs."""
    flips = rng.dirichlet(np.full(K, 0.8), K) * spread
    T = flips + np.diag(1 - flips.sum(1))
    if never is not None:
        T[never] = 0
    return T.round(4).tolist()


def quality(rng, dataset, rate, seed, points):
    """What the record says about the quality of a run of CAN; without wrong labels there is no AUC and no recall."""
    some, wrong = rate > 0, 0.9 * rate
    noise = 0.01 * rng.standard_normal()
    corrected, spoiled = 0.6 - 0.4 * rate, 0.02 + 0.1 * rate
    latent = (1 - wrong) * (1 - spoiled) + wrong * corrected
    return {
        "trust_auc": 0.93 - 0.2 * rate + noise if some else None, "loss_auc": 0.9 - 0.25 * rate if some else None,
        "distance_auc": 0.8 - 0.2 * rate if some else None, "mu_sd": 0.1, "sigma": 0.8,
        "flagged": 0.1 + 0.75 * rate, "recall": 0.9 - 0.2 * rate if some else None, "precision": 0.2 + 0.6 * rate,
        "corrected": corrected if some else None, "predicted": 0.55 - 0.4 * rate if some else None,
        "spoiled": spoiled, "given_right": 1 - wrong, "latent_right": latent, "prior_right": latent + 0.01,
        "trusted_diagonal": 0.85 - 0.15 * rate, "untrusted_diagonal": 0.4 - 0.3 * rate,
        "trusted": transitions(rng, dataset, 0.15 + 0.15 * rate),
        "untrusted": transitions(rng, dataset, 0.6 + 0.3 * rate, never=7 if rate == 0.8 else None),
        "embedding": embedding(rng, rate, points) if seed == 0 else None,
    }  # fmt: skip


def entry(rng, row, dataset, rate, seed, *, size=1.0, lambda_mi=None, points=300):
    """One invented run."""
    base = level(row, dataset, rate, size, 0.3 if lambda_mi is None else lambda_mi)
    best = float(np.clip(base + 0.008 * rng.standard_normal(), 0.02, 1))
    curve = best * (1 - np.exp(-1.2 * np.arange(1, EPOCHS + 1)))
    ap = best + 0.12 * np.sin(np.arange(K)) * (1 - best) + 0.01 * rng.standard_normal(K)
    people = dataset == "cifar10n"
    return {
        "row": row, "dataset": dataset, "noise": "human" if people else "permutation", "noise_rate": rate, "seed": seed,
        "size": size, "lambda_mi": lambda_mi, "schedule": None,
        "key": f"{row} {dataset} {rate} {seed} {size} {lambda_mi}", "realised_rate": 0.17 if people else 0.9 * rate,
        "label_rate": 0.034 if people else 0.3 * rate,
        "best_val": best, "last": best - 0.02, "gap": 0.02,
        "oracle": best + 0.003, "best_epoch": EPOCHS - 1, "ap": ap.clip(0, 1).tolist(),
        "accuracy": None if dataset == "scenes" else best, "seconds": 1.0,
        "history": {"val_map": curve.tolist(), "test_map": curve.tolist()},
        "quality": quality(rng, dataset, 0.17 if people else rate, seed, points) if row in EMBEDS else None,
    }  # fmt: skip


def table(datasets=("scenes", "mnist"), rows=tuple(ROWS), rates=RATES, seeds=SEEDS, *, lambdas=LAMBDAS, sizes=SIZES,
          people=True, variants=VARIANTS, points=300):  # fmt: skip
    """A `Recorded`: rows at all rates, lambda, size and variants at 0.4, labels by people."""
    rng = np.random.default_rng(0)
    runs = [entry(rng, row, name, rate, seed, points=points)
            for name in datasets for rate in rates for row in rows for seed in seeds]  # fmt: skip
    if 0.4 in rates and "can" in rows:
        runs += [entry(rng, "can", name, 0.4, seed, lambda_mi=value, points=points)
                 for name in datasets for value in lambdas for seed in seeds]  # fmt: skip
        runs += [entry(rng, row, name, 0.4, seed, points=points)
                 for name in datasets for row in variants for seed in seeds]  # fmt: skip
    if 0.4 in rates:
        runs += [entry(rng, row, name, 0.4, seed, size=size, points=points)
                 for name in datasets for size in sizes if size < 1 for row in rows for seed in seeds]  # fmt: skip
    if people:
        runs += [entry(rng, row, "cifar10n", 0.0, seed, points=points) for row in rows for seed in seeds]
    return recorded.tidy({
        "schema": 1, "notebook": "02_quality_embedding", "scale": "lab", "made": {"command": "invented for tests"},
        "multilabel": runs,
    })  # fmt: skip
