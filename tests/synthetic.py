"""Made-up recorded runs of notebook 01: as `recorded.load` gives them, the numbers invented for tests."""

import numpy as np

from lnlkit import recorded

ROWS = ("ce", "ce_affine", "forward", "coteaching", "gce", "dac", "dmi", "seal", "cvae_augmentation", "cvae_oracle")
KINDS = ("model_idn", "asymmetric", "symmetric")
RATES = (0.1, 0.2, 0.3, 0.4)


def _run(rng, row, noise, rate, seed, epochs):
    """One invented run: test accuracy rises, then falls towards 1 - rate, the faster the later the row in ROWS."""
    e = np.arange(1, epochs + 1)
    level = 0.985 - 0.25 * rate - 0.03 * rng.random() - 0.02 * rate * ROWS.index(row)
    forgotten = 0.35 * rate * np.maximum(e - 3, 0) / epochs
    test = level * (1 - np.exp(-1.6 * e)) - forgotten + 0.003 * rng.standard_normal(epochs)
    train = 1 - rate + rate * 0.9 * (e / epochs) ** 2 - 0.2 * np.exp(-e)
    val = test * (1 - rate) + 0.05 * rate + 0.004 * rng.standard_normal(epochs)
    best = int(val.argmax())
    return {
        "row": row, "dataset": "mnist", "noise": noise, "noise_rate": rate, "seed": seed,
        "key": f"{row} {noise} {rate} {seed}", "realised_rate": rate,
        "best_val": test[best], "last": test[-1], "gap": test[best] - test[-1], "oracle": test.max(),
        "best_epoch": best, "seconds": 1.0,
        "history": {
            "train_acc": train.tolist(), "val_acc": val.tolist(), "val_loss": (-np.log(val)).tolist(),
            "test_acc": test.tolist(), "loss": (-np.log(np.clip(train, 0.01, 0.999))).tolist(),
            "memorised": (0.8 * (e / epochs) ** 2).tolist(),
        },
    }  # fmt: skip


def table(rows=ROWS, kinds=KINDS, rates=RATES, seeds=(0, 1, 2), epochs=10, points=60, classes=10):
    """A `Recorded`, complete over rows, kinds, rates and seeds, with rate 0 for CE and CVAE under the first kind."""
    rng = np.random.default_rng(0)
    cells = [(row, kinds[0], 0.0) for row in rows if row in ("ce", "cvae_augmentation")]
    cells += [(row, noise, rate) for row in rows for noise in kinds for rate in rates]
    runs = [_run(rng, *cell, seed, epochs) for cell in cells for seed in seeds]
    y_clean = np.arange(points) % classes
    centers = rng.standard_normal((classes, 2)) * 30
    matrices, noisy = [], []
    for noise in kinds:
        for rate in rates:
            for seed in seeds:
                flips = rng.dirichlet(np.full(classes, 0.3), classes) * rate
                T = flips + np.diag(1 - flips.sum(1))
                setting = {"noise": noise, "noise_rate": rate, "seed": seed, "realised_rate": rate}
                matrices.append({**setting, "T": T.tolist()})
            wrong = rng.permutation(points)[: int(rate * points)]
            y = y_clean.copy()
            y[wrong] = (y[wrong] + 1 + rng.integers(0, classes - 1, len(wrong))) % classes
            noisy.append({"noise": noise, "noise_rate": rate, "y": y.tolist(), "knn_agreement": 0.95 - rate})
    coords = centers[y_clean] + 4 * rng.standard_normal((points, 2))
    return recorded.tidy({
        "schema": 1, "notebook": "01_cvae_augmentation", "scale": "lab", "made": {"command": "invented for tests"},
        "runs": runs, "matrices": matrices,
        "embedding": {"settings": "invented", "x": coords.tolist(), "y_clean": y_clean.tolist(), "noisy": noisy,
                      "knn_agreement_clean": 0.95},
    })  # fmt: skip
