"""What configurations of every kind of label are held to, before any data are read."""

from lnlkit import checks, data
from lnlkit.papers import Paper

NOISES = ("symmetric", "symmetric_inclusive", "pairflip", "asymmetric", "class_conditional", "part_dependent",
          "model_idn", "given")  # fmt: skip
"""Kinds of noise of one class an example; made by `corruption`. "given": the labels in a file of your own, whatever is
wrong with them; the rate is then what methods are told."""


PER_RUN = ("task", "row", "method", "method_file", "hparams", "oracle", "noise", "noise_rate", "seed", "schedule",
           "size", "lambda_mi", "embedding")  # fmt: skip
"""What differs between runs that may stand in one table: their methods, their noise, and what a table has columns for.
`schedule` is a name of settings that are in the configuration themselves."""


def protocol(config: dict) -> dict:
    """The settings that two runs must share for their numbers to compare: all but what is PER_RUN."""
    return {name: value for name, value in checks.instance(config, "config", dict).items() if name not in PER_RUN}


def rate(noise_rate: float, *, below_one: bool = True) -> float:
    """The noise rate to six decimals: rates that print equal are equal, 0.1 * 3 is 0.3."""
    rounded = round(checks.fraction(noise_rate, "noise_rate", below_one=below_one), 6)
    return checks.fraction(rounded + 0.0, "noise_rate", below_one=below_one)  # 0.9999999 is 1, and -0.0 is 0.0


def settings(paper: Paper, scale: str) -> dict:
    """All that a paper says of a scale."""
    return checks.instance(paper, "paper", Paper, "Did you mean papers.load(name)?").scale(scale)


def part(paper: Paper, scale: str, name: str) -> dict:
    """The table of a scale that holds the settings of one kind of label."""
    found = settings(paper, scale)
    if name not in found:
        raise ValueError(f"`paper` must be one with {name} runs at scale {scale}, but {paper.key} has none.")
    return found[name]


def complete(config: dict, keys) -> dict:
    """The configuration, which holds all of these keys."""
    missing = sorted(set(keys) - set(checks.instance(config, "config", dict)))
    if missing:
        raise ValueError(f"`config` must be made by `configuration`, but it lacks {missing}.")
    return config


def check(config: dict, keys, task: str, networks=None) -> None:
    """Raises unless a configuration is whole and its method is one for the task, and what it names exists."""
    from lnlkit.methods import METHODS, find, own
    from lnlkit.training import decay_of, optimizer_of

    checks.seed(complete(config, keys)["seed"])
    of_task = [name for name, method in METHODS.items() if method.task == task]
    if not own.is_own(config["method"]):
        checks.one_of(config["method"], "method", of_task)
    elif (its := find(config["method"]).task) != task:
        raise ValueError(f"`method` must be one for {task}, but {config['method']} is one for {its}.")
    for name in ("epochs", "batch_size"):
        checks.positive_int(config[name], name)
    for name, kind in {"hparams": dict, "generator": dict, "amp": bool}.items():
        if name in config:
            checks.instance(config[name], name, kind)
    if config.get("oracle") and not hasattr(find(config["method"]), "consult_oracle"):
        raise ValueError(f"`oracle` must be false for {config['method']}, which has none to consult.")
    if "n_test" in config:
        checks.positive_int(config["n_test"], "n_test")
    if "decay" in config:
        decay_of(config["decay"], config["epochs"])
    if "val_fraction" in config:  # before noise is made, which may train a network
        data.noisy.validation_share(config["val_fraction"])
    if networks is not None:
        checks.one_of(config["network"], "network", networks)
    optimizer_of(config["optimizer"])
