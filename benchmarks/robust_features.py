"""What a training step of Paper 03's method costs beside cross-entropy, in one run: time, memory, passes, weights.

    python benchmarks/robust_features.py

Random images, one thread, processor time of a step: forward, backward, update and, where there is one, RandAugment. The
rows take turns, so that a machine that slows down slows all of them; the median of their turns counts. A bootstrapping,
B restoration, C clusters, as in the paper's Table 4. It says "minimal overheads" (abstract), "no extra data passes" and
"minimal additional parameters" (Section 1). With B the network sees T(x) beside x, unless the classifier learns from
T(x), too: A+B on T(x).
"""

import statistics
import time

import torch

from lnlkit import data, methods, models, papers, recipe, training
from lnlkit.run.report import grid

PAPER = papers.load("03")
SCALE = PAPER.scale("paper")
ROWS = {
    "CE": ("ce", {}), "CE on T(x)": ("ce_augmented", {}), "A": ("only_a", {}), "A+B": ("a_b", {}),
    "A+B on T(x)": ("a_b", {"view": "augmented"}), "A+C": ("a_c", {}), "A+B+C": ("robust_features", {}),
}  # fmt: skip
SETTINGS = [("small_cnn", "mnist", 128, 7), ("idn_cnn", "mnist", 128, 15), ("resnet18", "cifar10", 32, 3)]
"""Network, data set whose shape the images have, images a batch, turns."""
HEADS = ["row", "images seen an image", "ms an image", "x CE", "MB kept an image", "x CE", "weights of heads, %"]


class Step:
    """A row of the paper, ready to be trained on one batch."""

    def __init__(self, row: str, changes: dict, network: str, dataset: str, batch_size: int):
        facts = data.images.DATASETS[dataset]
        made = recipe.Recipe(lambda n_outputs=None: models.of_images(network, facts, n_outputs),
                             recipe.optimizer_of(SCALE["optimizer"]), epochs=3, batch_size=batch_size)  # fmt: skip
        generator = torch.Generator().manual_seed(0)
        x = torch.randint(256, (batch_size, *facts.image_shape), dtype=torch.uint8, generator=generator)
        y = torch.randint(facts.n_classes, (batch_size,), generator=generator)
        seen = training.TrainingSet.of(data.Labelled(x.numpy(), y.numpy(), facts.n_classes))
        self.batch = next(seen.batches(batch_size, generator))
        self.method = methods.make(PAPER.rows[row].method, **PAPER.rows[row].hparams | changes)
        self.method.start(made, seen, generator)
        self.method.on_epoch_start(1, seen)  # of three: alpha has fallen half way
        self.method.nets_.train()
        self.method.step(self.batch)  # the first step also makes the optimiser's buffers

    def seconds(self) -> float:
        """Processor time of a step for each image of the batch."""
        began = time.process_time()
        self.method.step(self.batch)
        return (time.process_time() - began) / len(self.batch.x)

    def seen(self) -> float:
        """Images that pass through the network in a step, for each image of the batch: counted, not declared."""
        passed = []
        hook = self.method.nets_[0].register_forward_hook(lambda net, args, output: passed.append(len(args[0])))
        self.method.step(self.batch)
        hook.remove()
        return sum(passed) / len(self.batch.x)

    def kept(self) -> float:
        """MB that wait for the backward pass, for each image of the batch: most of what training needs on a GPU."""
        weights = {p.untyped_storage().data_ptr() for p in self.method.nets_.parameters()}
        found = {}

        def pack(x):
            found[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
            loss = self.method.loss(self.batch)
        del loss  # until here the graph held what was counted, so that no two had one address
        return sum(size for where, size in found.items() if where not in weights) / len(self.batch.x) / 1e6

    def heads(self) -> float:
        """Weights beside the network's, in per cent of these."""
        network, *heads = (sum(p.numel() for p in net.parameters()) for net in self.method.nets_)
        return 100 * sum(heads) / network


def table(network: str, dataset: str, batch_size: int, turns: int) -> list[list]:
    """One line a row of ROWS."""
    steps = {label: Step(*row, network, dataset, batch_size) for label, row in ROWS.items()}
    took = [{label: step.seconds() for label, step in steps.items()} for _ in range(turns)]
    median = {label: statistics.median(turn[label] for turn in took) for label in steps}
    kept = {label: step.kept() for label, step in steps.items()}
    return [[label, f"{step.seen():g}", f"{1e3 * median[label]:.2f}", f"{median[label] / median['CE']:.2f}",
             f"{kept[label]:.2f}", f"{kept[label] / kept['CE']:.2f}", f"{step.heads():.1f}"]
            for label, step in steps.items()]  # fmt: skip


def at_paper_scale(lines: list[list]) -> str:
    """Images through the network in a training of the paper's length."""
    n = round(data.images.DATASETS[SCALE["dataset"]].n_train * (1 - SCALE["val_fraction"]))
    millions = {label: float(seen) * SCALE["epochs"] * n / 1e6 for label, seen, *_ in lines}
    return (f"{SCALE['epochs']} epochs of {n:,} images ({SCALE['dataset']}) are {millions['CE']:.1f} million images "
            f"through the network with CE, {millions['A+B+C']:.1f} million with the method.")  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for network, dataset, batch_size, turns in SETTINGS:
        shape = "x".join(str(side) for side in data.images.DATASETS[dataset].image_shape)
        lines = table(network, dataset, batch_size, turns)
        print(f"{network}, images of {shape}, batches of {batch_size}\n")
        print("\n".join(grid([HEADS, *lines])), end="\n\n", flush=True)
    print(at_paper_scale(lines))


if __name__ == "__main__":
    main()
