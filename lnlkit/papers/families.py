"""What the methods have in common: families, each with the place where it takes hold of wrong labels."""

from typing import NamedTuple


class Family(NamedTuple):
    """A family of methods. place: what it changes, in a word or two; does: how, in half a sentence; methods: names."""

    name: str
    place: str
    does: str
    methods: tuple[str, ...]


FAMILIES = (
    Family("baseline", "nothing", "trains on the labels as they are", ("ce", "bce", "l2")),
    Family("data changed", "the images", "draws images that fit their labels", (
        "cvae_augmentation", "echoalign", "echoalign_small_loss")),
    Family("sample selection", "the examples", "leaves out labels that look wrong", (
        "coteaching", "codis", "sigua", "dac", "confident_learning")),
    Family("sample selection, semi-supervised", "the examples", "learns those images without labels",
           ("dividemix",)),
    Family("reweighting", "the examples", "gives them less weight", ("mentornet",)),
    Family("label refurbishment", "the labels", "replaces them by what the network thinks", (
        "seal", "joint_optimization", "pencil")),
    Family("loss correction", "the noise", "is estimated, and undone in the loss", (
        "forward", "t_revision", "identifiability", "bltm", "quality_embedding", "learnq", "icnm")),
    Family("robust loss", "the loss", "is bounded: no wrong label pulls for ever", (
        "gce", "bootstrap_classification", "bootstrap", "sl", "imae", "apl", "pce", "aul", "celc", "dmi",
        "choice_loss", "l1", "tukey", "leaky_tukey")),
    Family("robust regularisation", "the training", "holds the network back from learning by heart", (
        "robust_features", "elr", "mixup")),
    Family("robust architecture", "the network", "has a part that takes up the noise", (
        "choicenet", "choicenet_authors", "choicenet_regression", "choicenet_regression_authors", "mdn_classification",
        "mdn")),
)  # fmt: skip
"""Every method of METHODS is in one of them, which a test holds: it needs torch to know them, this list does not."""


def family_of(method: str) -> Family:
    """The family of a method; raises KeyError for one that is in none."""
    for family in FAMILIES:
        if method in family.methods:
            return family
    raise KeyError(f"{method} is in no family: add it to lnlkit/papers/families.py.")
