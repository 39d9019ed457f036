"""Every method under its short name. To add one: a module here, one line in METHODS, and the contract tests pass."""

import dataclasses

from lnlkit import checks
from lnlkit.methods import own
from lnlkit.methods.base import CE, Method
from lnlkit.methods.bounded import APL, AUL, CELC, PCE
from lnlkit.methods.choicenet import AuthorsChoiceNet, AuthorsChoiceNetRegression, ChoiceNet, ChoiceNetRegression
from lnlkit.methods.confident import ConfidentLearning
from lnlkit.methods.consensus import Identifiability
from lnlkit.methods.correction import Forward
from lnlkit.methods.curriculum import MentorNet
from lnlkit.methods.cvae_augmentation import CVAEAugmentation
from lnlkit.methods.distillation import BLTM
from lnlkit.methods.dividemix import DivideMix
from lnlkit.methods.early_learning import ELR
from lnlkit.methods.echoalign import EchoAlign, EchoAlignSmallLoss
from lnlkit.methods.interpolation import Mixup
from lnlkit.methods.latent_labels import ICNM, LearnQ
from lnlkit.methods.mixtures import MDN, MDNClassification
from lnlkit.methods.multilabel import BCE, Bootstrap
from lnlkit.methods.quality_embedding import QualityEmbedding
from lnlkit.methods.refurbishment import PENCIL, SEAL, JointOptimization
from lnlkit.methods.regression import L1, L2, LeakyRobustLoss, RobustLoss
from lnlkit.methods.revision import TRevision
from lnlkit.methods.robust import DMI, GCE, IMAE, SL, BootstrapClassification, ChoiceLoss
from lnlkit.methods.robust_features import RobustFeatures
from lnlkit.methods.selection import DAC, SIGUA, CoDis, CoTeaching

METHODS: dict[str, type[Method]] = {
    "ce": CE,
    "forward": Forward,
    "t_revision": TRevision,
    "identifiability": Identifiability,
    "coteaching": CoTeaching,
    "codis": CoDis,
    "sigua": SIGUA,
    "bltm": BLTM,
    "gce": GCE,
    "bootstrap_classification": BootstrapClassification,
    "sl": SL,
    "imae": IMAE,
    "apl": APL,
    "pce": PCE,
    "aul": AUL,
    "celc": CELC,
    "dac": DAC,
    "dmi": DMI,
    "seal": SEAL,
    "joint_optimization": JointOptimization,
    "pencil": PENCIL,
    "elr": ELR,
    "dividemix": DivideMix,
    "confident_learning": ConfidentLearning,
    "cvae_augmentation": CVAEAugmentation,
    "choicenet": ChoiceNet,
    "choicenet_authors": AuthorsChoiceNet,
    "choice_loss": ChoiceLoss,
    "mdn_classification": MDNClassification,
    "mixup": Mixup,
    "mentornet": MentorNet,
    "robust_features": RobustFeatures,
    "echoalign": EchoAlign,
    "echoalign_small_loss": EchoAlignSmallLoss,
    "quality_embedding": QualityEmbedding,
    "bce": BCE,
    "bootstrap": Bootstrap,
    "learnq": LearnQ,
    "icnm": ICNM,
    "choicenet_regression": ChoiceNetRegression,
    "choicenet_regression_authors": AuthorsChoiceNetRegression,
    "mdn": MDN,
    "l2": L2,
    "l1": L1,
    "tukey": RobustLoss,
    "leaky_tukey": LeakyRobustLoss,
}


def hyperparameters(method: Method) -> dict:
    """The JSON-valued fields of a method: what a record stores and `make` takes back."""
    checks.instance(method, "method", Method, "Did you mean methods.make(name)?")
    return {f.name: getattr(method, f.name) for f in dataclasses.fields(method) if f.repr}


def find(name: str) -> type[Method]:
    """The class of a method by its name: one of METHODS, or your own, as "mine.py:Mine" (see `own`)."""
    return own.load(name) if own.is_own(name) else METHODS[checks.one_of(name, "method", METHODS)]


def make(name: str, **hparams) -> Method:
    """A method by name with its paper's defaults, except for the hyper-parameters given."""
    cls = find(name)
    allowed = [f.name for f in dataclasses.fields(cls)]
    for key in hparams:
        checks.one_of(key, f"hyper-parameter of {name}", allowed)
    return cls(**hparams)


__all__ = ["CE", "METHODS", "Method", "find", "hyperparameters", "make"]
