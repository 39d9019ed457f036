"""Made-up recorded runs of notebook 04: as `recorded.load` gives them, the numbers invented for tests."""

import numpy as np

from lnlkit import data, packing, recorded

LEVEL = {"ce": 0.6, "t_revision": 0.7, "coteaching": 0.75, "bltm": 0.65, "echoalign": 0.93, "select_only": 0.85,
         "modification_only": 0.9, "generated": 0.92, "echoalign_shift": 0.8, "modification_shift": 0.45}  # fmt: skip
ROWS = tuple(LEVEL)
GOOD = {"echoalign": 0.3, "echoalign_shift": 0.15}  # how far right labels are more similar than wrong ones
SETTINGS = (("part_dependent", 0.3), ("part_dependent", 0.5), ("pairflip", 0.45))
TRIED = ("threshold 0.5", "threshold 0.7", "threshold 0.9")


def pictures(rng, row, rate, n=80):
    """Similarities, and images of digits beside their negatives."""
    right = rng.random(n) >= rate
    s = np.clip(0.6 + GOOD[row] * right + 0.08 * rng.standard_normal(n), 0, 1)
    images, order = data.load("digits"), np.argsort(s)[::4]
    x, y_clean = images.x_train[: len(order)], images.y_train[: len(order)].astype(int)
    y = np.where(right[order], y_clean, (y_clean + 1) % 10)
    asked = np.stack([np.roll(images.x_test[:3], k, axis=2) for k in range(10)], axis=1)
    return {
        "similarities": {"s": s.round(3).tolist(), "right": right.tolist()},
        "examples": {"x": packing.pack(x), "modified": packing.pack(255 - x), "y": y.tolist(),
                     "y_clean": y_clean.tolist(), "s": s[order].round(3).tolist(), "corrected": [9] * len(order)},
        "asked": {"x": packing.pack(images.x_test[:3]), "modified": packing.pack(asked),
                  "y_clean": images.y_test[:3].astype(int).tolist()},
        "map": {"x": rng.standard_normal((40, 2)).round(1).tolist(), "y": y.tolist()[:20],
                "y_clean": y_clean.tolist()[:20]},
        "probability": {"x": [30, *[0] * 18, 50], "modified": [5, *[0] * 18, 75]},
    }  # fmt: skip


def diagnosis(rng, row):
    """What `echo_quality.judge` says."""
    found = {f"kept_at_{purity}": 0.9 - 0.08 * place - (0.2 if row == "bltm" else 0.0)
             for place, purity in enumerate((94, 96, 98, 99))}  # fmt: skip
    if row in GOOD:
        found |= {"kept": 0.5, "purity": 0.95, "auc": 0.7 + GOOD[row], "ks": 0.5 + GOOD[row], "shift": 1 - GOOD[row],
                  "information": 1.5 + 0.01 * rng.random(), "information_before": 0.6, "shows_label": 0.9,
                  "shows_truth": 0.05, "edges": 0.3, "edges_random": 0.2}  # fmt: skip
    return found


def entry(rng, row, noise, rate, seed, schedule=None, epochs=8):
    """One invented run."""
    level = LEVEL[row] + 0.1 * (0.5 - rate) + 0.01 * rng.standard_normal() - (0.1 if schedule == "threshold 0.9" else 0)
    done = np.arange(1, epochs + 1) / epochs
    test = level * (1 - np.exp(-6 * done))
    over = {"loss": 2 - level * done, "train_acc": 0.5 + 0.4 * done, "val_acc": test * (1 - rate), "val_loss": 2 - done,
            "test_acc": test}  # fmt: skip
    run = {
        "row": row, "dataset": "mnist", "noise": noise, "noise_rate": rate, "seed": seed, "schedule": schedule,
        "key": f"{row} {noise} {rate} {seed} {schedule}", "realised_rate": rate + 0.01, "best_val": test[-1],
        "last": test[-1], "gap": 0.0, "oracle": test.max(), "best_epoch": epochs, "seconds": 1.0,
        "history": {name: of.tolist() for name, of in over.items()},
    }  # fmt: skip
    if row in (*GOOD, "bltm"):
        run["diagnosis"] = diagnosis(rng, row)
    if row in GOOD and seed == 0 and schedule is None:
        run["pictures"] = pictures(rng, row, rate)
    return run


def table(rows=ROWS, settings=SETTINGS, seeds=(0, 1, 2), tried=TRIED):
    """A `Recorded` of all rows at all settings, and of the method at some thresholds under the first setting."""
    rng = np.random.default_rng(0)
    runs = [entry(rng, row, *setting, seed) for row in rows for setting in settings for seed in seeds]
    runs += [entry(rng, "echoalign", *settings[0], seed, name) for name in tried for seed in seeds]
    return recorded.tidy({"schema": 1, "notebook": "04_echoalign", "scale": "lab", "runs": runs,
                          "made": {"command": "invented for tests"}})  # fmt: skip
