"""lnlkit: learning with noisy labels, rebuilt paper by paper.

Importing the package loads nothing heavy: each module is imported where it is used
(`from lnlkit import noise, data, viz`), so a notebook that only explores recorded runs never pays for torch.
"""

__version__ = "0.1.0"
