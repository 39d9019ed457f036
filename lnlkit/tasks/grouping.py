"""Which configurations train together, as one stacked network (`lnlkit.stacking`)."""

from lnlkit import checks
from lnlkit.sweep import key

MAY_DIFFER = {"noise", "noise_rate", "seed", "generator", "row", "method", "hparams"}
"""Parts of a configuration in which the runs of a stack may differ: their data, and their losses."""
NETWORKS = {"mlp", "regression_mlp"}
"""Networks so small that a stack of them is faster on a processor; convolutions are not (`benchmarks/stacking.py`)."""
AT_ONCE = 8  # runs in a stack: the activations of more leave a processor's cache


def groups(configs: list[dict], at_most: int = AT_ONCE) -> list[list[dict]]:
    """The configurations in lists of up to `at_most` whose runs can train together; those that can't are alone.

    Lists come in the order of their first configurations, and so do the configurations in each.
    """
    configs, at_most = checks.sequence(configs, "configs"), checks.positive_int(at_most, "at_most")
    found: dict[str, list[list[dict]]] = {}
    alone = 0
    for config in configs:
        name = _shared(config)
        name, alone = (f"alone {alone}", alone + 1) if name is None else (name, alone)
        parts = found.setdefault(name, [[]])
        if len(parts[-1]) == at_most:
            parts.append([])
        parts[-1].append(config)
    order = {id(config): place for place, config in reversed(list(enumerate(configs)))}
    return sorted((part for parts in found.values() for part in parts), key=lambda part: order[id(part[0])])


def _shared(config: dict) -> str | None:
    """A name of what all runs of its stack have in common; None for a configuration that is trained alone."""
    from lnlkit.methods import METHODS
    from lnlkit.stacking import stackable

    checks.instance(config, "configs", dict)
    method = METHODS.get(str(config.get("method")))
    if method is None or not stackable(method) or str(config.get("network")) not in NETWORKS:
        return None
    if config.get("oracle") or config.get("amp"):
        return None
    return key({name: value for name, value in config.items() if name not in MAY_DIFFER})
