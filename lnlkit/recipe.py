"""What a run is trained with: network, optimiser, epochs, device."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from lnlkit import checks


@dataclass(frozen=True)
class Recipe:
    """Network, optimiser and epochs of a run: equal for all methods that are compared. Earlier stages come on top.

    `make_net(n_outputs=None)` builds a network (None: one output a class), `make_optimizer(parameters)` an optimiser,
    `make_schedule(optimizer)` a learning-rate schedule that is stepped once an epoch. `amp` computes in bfloat16.
    """

    make_net: Callable[..., nn.Module]
    make_optimizer: Callable[[Any], torch.optim.Optimizer]
    epochs: int = 10
    batch_size: int = 128
    augment: Callable | None = None
    device: str = "cpu"
    make_schedule: Callable | None = None
    amp: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.make_net, nn.Module):
            raise TypeError("`make_net` must be a function that builds a network, but got a network, which two runs "
                            "would share. Did you mean lambda n_outputs=None: models.build(...)?")  # fmt: skip
        for name, of in {"make_net": ["n_outputs"], "make_optimizer": ["parameters"], "augment": ["x", "generator"],
                         "make_schedule": ["optimizer"]}.items():  # fmt: skip
            checks.function(getattr(self, name), name, of=of, optional=name in ("augment", "make_schedule"))
        checked = {name: checks.positive_int(getattr(self, name), name) for name in ("epochs", "batch_size")}
        for name, value in {**checked, "device": pick_device(self.device)}.items():  # frozen, hence this way
            object.__setattr__(self, name, value)
        checks.instance(self.amp, "amp", bool)

    def network(self, n_outputs: int | None = None) -> nn.Module:
        """A fresh network on the run's device."""
        net = checks.instance(self.make_net(n_outputs), "make_net", nn.Module, "It must return a network.")
        learned = [p for p in net.parameters() if p.requires_grad]
        if not learned:
            raise ValueError(f"`make_net` must build a network that learns, but {type(net).__name__} has no weights.")
        if any(_handed_out.get(id(p)) is p for p in learned):
            raise ValueError("`make_net` must build a network of its own at each call, but gave one that is in use "
                             "already. Build it inside of the function, or use copy.deepcopy.")  # fmt: skip
        _handed_out.update((id(p), p) for p in learned)
        net = net.to(self.device, memory_format=torch.channels_last)
        return HalfPrecision(net) if self.amp else net

    def optimizer(self, parameters) -> torch.optim.Optimizer:
        """An optimiser of these parameters, or groups of them, or of some of them."""
        parameters = list(parameters)
        known = {id(p) for item in parameters for p in (item["params"] if isinstance(item, dict) else [item])}
        found = checks.instance(self.make_optimizer(parameters), "make_optimizer", torch.optim.Optimizer,
                                "It must return an optimiser.")  # fmt: skip
        if not {id(p) for group in found.param_groups for p in group["params"]} <= known:
            raise ValueError("`make_optimizer` must use the parameters that it is given, but its optimiser has others, "
                             "of another network.")  # fmt: skip
        return found

    def schedule(self, optimizer: torch.optim.Optimizer):
        """A schedule of the learning rate; None where there is none."""
        if self.make_schedule is None:
            return None
        kinds, found = torch.optim.lr_scheduler, self.make_schedule(optimizer)
        if not isinstance(found, kinds.LRScheduler) or isinstance(found, kinds.ReduceLROnPlateau):
            raise TypeError("`make_schedule` must return one of torch's schedules that need no measure, such as "
                            f"StepLR(optimizer, 10), but got {type(found).__name__}.")  # fmt: skip
        return found


_handed_out: WeakValueDictionary = WeakValueDictionary()  # the parameters that networks in use learn, by their id


OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


def optimizer_of(settings: dict) -> Callable[[Any], torch.optim.Optimizer]:
    """`make_optimizer` of a Recipe from a configuration's settings: {"name": "sgd" or "adam", "lr": ..., ...}."""
    options = dict(checks.instance(settings, "settings", dict))
    optimizer = OPTIMIZERS[checks.one_of(options.pop("name", None), "optimizer", OPTIMIZERS)]
    try:
        optimizer([torch.zeros(1)], **options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"`settings` must be those of torch's {optimizer.__name__}, but it says: {error}.") from error
    return lambda parameters: optimizer(parameters, **options)


def decay_of(settings: dict, epochs: int) -> Callable[[torch.optim.Optimizer], torch.optim.lr_scheduler.LRScheduler]:
    """`make_schedule` of a Recipe: {"at": shares of the epochs, "factor": ...} multiplies the learning rate there.

    {"at": [0.5, 0.75], "factor": 0.1} is the schedule of Paper 03: ten times less from half of the training on, and
    again from three quarters on.
    """
    settings = checks.instance(settings, "settings", dict)
    if set(settings) != {"at", "factor"}:
        raise ValueError(f"`settings` must be {{'at': [...], 'factor': ...}}, but got the keys {sorted(settings)}.")
    shares = [checks.fraction(share, "at") for share in checks.sequence(settings["at"], "at")]
    factor = checks.positive(settings["factor"], "factor")
    epochs = checks.positive_int(epochs, "epochs")
    milestones = [max(round(share * epochs), int(share > 0)) for share in shares]  # the first epoch has the full rate
    return lambda optimizer: torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, factor)


class HalfPrecision(nn.Module):
    """A network computed in bfloat16 whose logits come out in float32, so that losses stay exact."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return self.net(x).float()


def pick_device(device: str = "auto") -> str:
    """"cuda" where there is one, else "cpu", for "auto"; else the device as named, which must be there."""
    has_gpu, name = torch.cuda.is_available(), str(device)
    if name == "auto":
        return "cuda" if has_gpu else "cpu"
    gpus = {"cuda", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))} if has_gpu else set()
    if name not in {"cpu", *gpus}:
        there = "auto, cpu or cuda" if has_gpu else "auto or cpu, because torch finds no GPU here"
        raise ValueError(f"`device` must be {there}, but got {device!r}.")
    return name
