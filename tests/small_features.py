"""Made-up recorded runs of notebook 03: as `recorded.load` gives them, the numbers invented for tests."""

import numpy as np

from lnlkit import data, recorded

PLAIN = {"ce": 1.0, "gce": 0.35, "sl": 0.7}  # rows, and how much of the wrong labels they know in the end
VIEWED = {"only_a": 0.45, "only_b": 0.8, "only_c": 0.75, "a_b": 0.3, "a_c": 0.3, "b_c": 0.6, "ce_augmented": 0.25,
          "ce_stronger": 0.2, "robust_features": 0.05}  # fmt: skip
RIVALS, ABLATION = ("ce", "gce", "sl", "robust_features"), ("ce", *VIEWED)
SCHEDULES = ("500 images", "2,000 images", "10 epochs", "batch norm")
CLASSES = 10


def memorises(row):
    return (PLAIN | VIEWED)[row]


def history(rng, row, rate, epochs):
    """Right labels are fitted first, wrong ones later; the test accuracy rises, then falls with these."""
    done = np.arange(1, epochs + 1) / epochs
    fit = 0.97 * (1 - np.exp(-12 * done))
    wrong = memorises(row) * 0.9 / (1 + np.exp(-14 * (done - 0.55)))
    test = (0.97 - 0.35 * rate**2) * (1 - np.exp(-14 * done)) - 0.6 * rate * wrong + 0.01 * rng.standard_normal(epochs)
    val = test * (1 - rate) + 0.05 * rate + 0.02 * rng.standard_normal(epochs)
    wrong = wrong if rate else 0 * wrong
    return {
        "train_acc": (1 - rate) * fit + rate * wrong, "memorised": wrong, "val_acc": val, "val_loss": -np.log(val),
        "test_acc": test, "loss": -np.log(fit),
    }  # fmt: skip


def diagnosis(rng, row, rate):
    """What `feature_quality.judge` says, of rows of the method alone."""
    good = 0.95 - 0.4 * rate * memorises(row) + 0.01 * rng.standard_normal()
    found = {"feature_purity": good, "feature_nmi": good - 0.1, "views": 2.0, "extra_parameters": 0.3}
    found |= {"corrected": good - 0.1} if rate else {}
    found |= {"cluster_purity": good, "cluster_nmi": good - 0.1} if row in CLUSTERING else {}
    return found | ({"augmented_error": 0.08, "restored_error": 0.02} if row in RESTORING else {})


RESTORING = ("only_b", "a_b", "b_c", "robust_features")
CLUSTERING = ("only_c", "a_c", "b_c", "robust_features")


def pictures(rng, row, rate, points):
    """A map whose classes lie apart, and six digits augmented by an empty square and restored."""
    y_clean = np.arange(points) % CLASSES
    y = np.where(rng.random(points) < rate, (y_clean + rng.integers(1, CLASSES, points)) % CLASSES, y_clean)
    angle = 2 * np.pi * y_clean / CLASSES
    spread = 1 + 4 * memorises(row)
    x = 20 * np.stack([np.cos(angle), np.sin(angle)], 1) + spread * rng.standard_normal((points, 2))
    found = {"map": {"x": x.round(1).tolist(), "y": y.tolist(), "y_clean": y_clean.tolist()}}
    if row in RESTORING:
        images = data.load("digits").x_test[:6]
        cut = images.copy()
        cut[:, 2:5, 2:5] = 0
        shown = {"images": images, "augmented": cut, "restored": (0.8 * images).astype(np.uint8)}
        found["restored"] = {name: of.tolist() for name, of in shown.items()}
    return found


def entry(rng, row, noise, rate, seed, *, schedule=None, epochs=10, points=60):
    """One invented run."""
    over = history(rng, row, rate, epochs)
    test, best = over["test_acc"], int(over["val_acc"].argmax())
    run = {
        "row": row, "dataset": "mnist", "noise": noise, "noise_rate": rate, "seed": seed, "schedule": schedule,
        "key": f"{row} {noise} {rate} {seed} {schedule}", "realised_rate": rate,
        "best_val": test[best], "last": test[-1], "gap": test[best] - test[-1], "oracle": test.max(),
        "best_epoch": best, "seconds": 1.0, "history": {name: of.tolist() for name, of in over.items()},
    }  # fmt: skip
    if row in VIEWED:
        run["diagnosis"] = diagnosis(rng, row, rate)
        run |= {"pictures": pictures(rng, row, rate, points)} if seed == 0 else {}
    return run


def table(rates=(0.0, 0.6, 0.8), flips=(0.4,), seeds=(0, 1, 2), ablation=ABLATION, rivals=RIVALS, schedules=SCHEDULES,
          epochs=10, points=60):  # fmt: skip
    """A `Recorded`: the ablation under symmetric noise at 0.6 and above, the rivals at all rates, CE on schedules."""
    rng = np.random.default_rng(0)
    cells = dict.fromkeys((row, "symmetric", rate) for rate in rates for row in (*rivals, *ablation)
                          if row in rivals or rate >= 0.6)  # fmt: skip
    cells |= dict.fromkeys((row, "pairflip", rate) for rate in flips for row in rivals)
    runs = [entry(rng, *cell, seed, epochs=epochs, points=points) for cell in cells for seed in seeds]
    runs += [entry(rng, "ce", "symmetric", rate, 10, schedule=name, epochs=epochs) for name in schedules
             for rate in rates if rate >= 0.6]  # fmt: skip
    return recorded.tidy({"schema": 1, "notebook": "03_robust_features", "scale": "lab", "runs": runs,
                          "made": {"command": "invented for tests"}})  # fmt: skip
