"""Run records without a run: what `lnlkit sweep` would leave of a small study, accuracies given."""

from lnlkit import papers, records, sweep, tasks

ENVIRONMENT = {"cpu": "one", "device": "cpu", "cores": 1, "torch": "2"}


def record(config: dict, accuracy: float, **changes) -> dict:
    """The record of a run of a configuration that has this accuracy throughout."""
    summary = {"best_val": accuracy, "last": accuracy, "gap": 0.0, "oracle": accuracy, "best_epoch": 0}
    epoch = {"epoch": 0, "loss": 1.0, "val_acc": accuracy, "test_acc": accuracy}
    return {"schema": 1, "config": config, "hparams": config["hparams"], "needs": [], "history": [epoch],
            "n": {"train": 90, "noisy_val": 10, "test": 50}, "realised_rate": config["noise_rate"], "T": [[1.0]],
            "summary": summary, "environment": ENVIRONMENT, "device": "cpu", "seconds": 2.0, "cpu_seconds": 1.0,
            "together": 1} | changes  # fmt: skip


def configs(**raw) -> list[dict]:
    """The configurations of a study on digits: CE and GCE at 20 and 40 %, one epoch, unless it says otherwise."""
    of = {"methods": ["ce", "gce"], "noise_rates": [0.2, 0.4], "epochs": 1} | raw
    return tasks.grid(papers.study.study("mine", of, papers.rows_by_method()), "lab")


def write(folder, found: list[dict]) -> None:
    """The files of some records."""
    for of in found:
        records.write(folder / f"{sweep.key(of['config'])}.json", of)
