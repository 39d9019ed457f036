"""One seed names a run; what it seeds (images, labels, weights, order) gets a seed of its own from it."""

import hashlib

from lnlkit import checks


def derive(seed: int, purpose: str) -> int:
    """The seed, from 0 to 2**63 - 1, of one purpose of a run: as good as independent of that of any other purpose.

    Without it two networks of one architecture, say the IDN generator and the classifier that suffers from its noise,
    would start from the same weights. The same arguments give the same seed on every machine.
    """
    return int.from_bytes(hashlib.sha256(f"{purpose} {checks.seed(seed)}".encode()).digest()[:8], "big") >> 1
