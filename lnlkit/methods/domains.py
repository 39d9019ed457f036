"""What a hyper-parameter may be: the annotation of its field says it, and a method is held to it when it is made."""

import dataclasses
from functools import partial
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin

from lnlkit import checks

Count = Annotated[int, checks.positive_int]  # 1, 2, 3, ...
CountFromZero = Annotated[int, checks.count]  # 0, 1, 2, ...
Positive = Annotated[float, checks.positive]
NotNegative = Annotated[float, checks.not_negative]
Rate = Annotated[float, checks.fraction]  # [0, 1)
Share = Annotated[float, partial(checks.fraction, below_one=False)]  # [0, 1]
Percentage = Annotated[float, partial(checks.between, low=0, high=100)]
Correlation = Annotated[float, partial(checks.between, low=-1, high=1)]


def check_fields(method) -> None:
    """Raises unless each field of a dataclass lies in the domain of its annotation; NumPy's numbers become Python's."""
    for field in dataclasses.fields(method):
        value = checks.plain(getattr(method, field.name))
        setattr(method, field.name, value)
        _check(value, field.name, field.type)


def _check(value, name: str, domain) -> None:
    """`domain`: one of those above, a Literal, a class, or any of them with `| None`; a plain float says nothing."""
    if get_origin(domain) is Literal:
        checks.one_of(value, name, get_args(domain))
    elif get_origin(domain) is Annotated:
        domain.__metadata__[0](value, name)
    elif NoneType in get_args(domain) and value is not None:
        _check(value, name, get_args(domain)[0])
    elif isinstance(domain, type) and domain is not float:
        checks.instance(value, name, domain)
