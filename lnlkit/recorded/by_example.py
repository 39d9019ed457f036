"""Single examples under label noise: where they lie, what each was called, and what a network made of it.

`lnlkit.recorded` has runs in numbers; here are the examples behind a few of them. Made by
`python -m lnlkit.recorded.by_example`, read without torch.
"""

import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np

from lnlkit import checks, packing, papers, records

STUDY, SCALE, FILE = "00_playground", "lab", "by_example.json"
RATE, SEED = 0.4, 0
NETWORKS = ("symmetric", "class_conditional", "model_idn")  # kinds of noise that a network was trained under
EPOCHS = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60)  # after which the losses are kept
MAPS = {"digits": 500, "mnist": 500}  # data set: images on its map
PICTURES = {"digits": 500, "mnist": 160}  # of which so many are kept as pixels
PERPLEXITY = 30.0


@dataclass(frozen=True, eq=False)
class Network:
    """A network trained with cross-entropy on labels of which a part is wrong, example by example.

    y, y_clean: noisy and clean labels (N,). epochs: the E epochs, counted from 1, after which `loss` (E, N) was
    measured on the noisy labels, in nats. p: probabilities (N, K) at epoch `best`, the best on noisy validation data.
    """

    noise: str
    noise_rate: float
    y: np.ndarray
    y_clean: np.ndarray
    epochs: tuple[int, ...]
    loss: np.ndarray
    p: np.ndarray
    best: int

    @property
    def wrong(self) -> np.ndarray:
        """Which labels are wrong, (N,)."""
        return self.y != self.y_clean


@dataclass(frozen=True, eq=False)
class Map:
    """Images of a data set in the plane, by t-SNE of their pixels, and their labels under each noise.

    x: coordinates (N, 2); y_clean (N,); noisy: {(noise, noise_rate): labels (N,)}; images: uint8 (M, H, W) of the
    first M; settings: how the map was made.
    """

    settings: str
    x: np.ndarray
    y_clean: np.ndarray
    noisy: dict[tuple[str, float], np.ndarray]
    images: np.ndarray


@functools.cache
def load() -> tuple[dict[str, Network], dict[str, Map]]:
    """The networks by kind of noise, and the maps by data set."""
    with resources.as_file(resources.files(__package__) / FILE) as path:
        raw = records.read(path)
    return ({name: _network(of) for name, of in raw["networks"].items()},
            {name: _map(of) for name, of in raw["maps"].items()})  # fmt: skip


def _network(raw: dict) -> Network:
    y, y_clean = (np.array(raw[name]) for name in ("y", "y_clean"))
    loss, p = (np.array(raw[name]) / 1000 for name in ("loss", "p"))
    return Network(raw["noise"], raw["noise_rate"], y, y_clean, tuple(raw["epochs"]), loss, p, raw["best"])


def _map(raw: dict) -> Map:
    noisy = {(of["noise"], of["noise_rate"]): np.array(of["y"]) for of in raw["noisy"]}
    return Map(raw["settings"], np.array(raw["x"]), np.array(raw["y_clean"]), noisy, packing.unpack(raw["images"]))


# ---- how it is made ---------------------------------------------------------------------------------------------


def configurations() -> list[dict]:
    """Those of the playground's grid with the seed that is looked at."""
    from lnlkit import tasks

    return [config for config in tasks.grid(papers.load(STUDY), SCALE) if config["seed"] == SEED]


def network(noise: str) -> dict:
    """The playground's own run of cross-entropy on digits under a kind of noise, looked at closer."""
    from lnlkit.tasks import close_up

    wanted = {"row": "ce", "dataset": "digits", "noise": checks.one_of(noise, "noise", NETWORKS), "noise_rate": RATE}
    return close_up.network(next(c for c in configurations() if wanted.items() <= c.items()), EPOCHS)


def draw_map(dataset: str) -> dict:
    """The map of a data set under all noises of the playground."""
    from lnlkit.tasks import close_up

    checks.one_of(dataset, "dataset", MAPS)
    configs = [config for config in configurations() if config["dataset"] == dataset]
    return close_up.image_map(configs, MAPS[dataset], PICTURES[dataset], PERPLEXITY)


def main() -> None:
    """Writes the shipped file anew."""
    made = {"command": "python -m lnlkit.recorded.by_example", "environment": records.environment()}
    whole = {"schema": records.SCHEMA, "made": made, "networks": {noise: network(noise) for noise in NETWORKS},
             "maps": {dataset: draw_map(dataset) for dataset in MAPS}}  # fmt: skip
    with resources.as_file(resources.files(__package__) / FILE) as path:
        records.write(path, whole, compact=True)


if __name__ == "__main__":
    main()
