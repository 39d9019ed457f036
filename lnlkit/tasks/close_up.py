"""Runs with one class an example looked at closer: what became of each example, and where it lies among the others."""

import numpy as np

from lnlkit import data, packing
from lnlkit.tasks import classification
from lnlkit.tasks.running import one_thread


@one_thread()
def network(config: dict, epochs: tuple[int, ...]) -> dict:
    """The run of a configuration: noisy and clean labels (N,), losses (E, N) after E epochs, and probabilities (N, K).

    Losses, in nats, are those on the noisy labels of the training set, probabilities those at the `best` epoch on noisy
    validation data, both in thousandths. epochs: counted from 1.
    """
    from lnlkit import evaluation, methods, training

    splits = classification.splits(config)
    train, measure, p_of = splits.train, classification.tracker(splits), []

    def watch(method) -> dict:
        p_of.append(np.asarray(method.predict(train.x), float))
        return measure(method)

    history = training.fit(methods.make(config["method"], **config["hparams"]), train,
                           classification.recipe(config, train), seed=config["seed"], after_epoch=watch)  # fmt: skip
    best = evaluation.summarise(history)["best_epoch"]
    loss = [-np.log(np.maximum(p_of[epoch - 1][np.arange(len(train)), train.y], 1e-12)) for epoch in epochs]
    return {"noise": config["noise"], "noise_rate": config["noise_rate"], "y": train.y.tolist(),
            "y_clean": train.y_clean.tolist(), "epochs": list(epochs), "loss": _thousandths(loss),
            "p": _thousandths(p_of[best]), "best": best + 1}  # fmt: skip


def _thousandths(values) -> list:
    return np.round(1000 * np.asarray(values)).astype(int).tolist()


def image_map(configs: list[dict], n: int, n_pictures: int, perplexity: float) -> dict:
    """`embed` of n training images with the labels that each configuration's noise gives them; pixels of the first.

    configs: of one data set and seed.
    """
    first, seed = configs[0], configs[0]["seed"]
    kinds = {(config["noise"], config["noise_rate"]): config for config in configs if config["noise_rate"]}
    clean = classification.noisy_set(first, "symmetric", 0.0, seed)
    index = data.subset(clean.x, clean.y_clean, n, seed=seed)
    noisy = {of: classification.noisy_set(config, *of, seed).y[index] for of, config in kinds.items()}
    found = classification.embed(clean.x[index], noisy, clean.y_clean[index], perplexity, seed)
    shown = clean.x[index][:n_pictures].astype(np.uint8)
    return {name: found[name] for name in ("settings", "x", "y_clean", "noisy")} | {"images": packing.pack(shown)}
