"""A small generator of images for a class: rectified flow, guided by the class, from noise or from a noised image."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, seeds, tensors
from lnlkit.training import TrainingSet, asked, torch_defaults

CHUNK = 256  # images that are generated at once


class _Block(nn.Module):
    """Two 3x3 convolutions and a shortcut; time and class scale and shift what lies between them."""

    def __init__(self, c_in: int, c_out: int, condition: int):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, c_in), nn.GroupNorm(8, c_out)
        self.conv1, self.conv2 = nn.Conv2d(c_in, c_out, 3, padding=1), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.condition = nn.Linear(condition, 2 * c_out)
        self.shortcut = nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.condition(condition)[:, :, None, None].chunk(2, dim=1)
        out = self.norm2(self.conv1(F.silu(self.norm1(x)))) * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(F.silu(out))


class FlowNet(nn.Module):
    """The velocity (B, C, H, W) of images x_t in [-1, 1] at times t (B,) for classes y (B,); class K means none.

    A U-Net with one halving on blocks of 2x2 pixels, `width` channels and twice as many below; odd sides are padded.
    """

    def __init__(self, image_shape, n_classes: int, width: int = 48):
        super().__init__()
        self.image_shape = tuple(checks.positive_int(size, "image_shape") for size in image_shape)
        self.n_classes, self.width = checks.positive_int(n_classes, "n_classes"), checks.positive_int(width, "width")
        if len(self.image_shape) != 3:
            raise ValueError(f"`image_shape` must be (C, H, W), but got {self.image_shape}.")
        if width % 8:
            raise ValueError(f"`width` must be a multiple of 8, for the groups of a norm, but got {width}.")
        pixels, condition = 4 * self.image_shape[0], 4 * width
        self.of_class = nn.Embedding(n_classes + 1, condition)
        self.of_time = nn.Sequential(nn.Linear(width, condition), nn.SiLU(), nn.Linear(condition, condition))
        self.first = nn.Conv2d(pixels, width, 3, padding=1)
        self.down = nn.ModuleList([_Block(width, width, condition), _Block(width, 2 * width, condition)])
        self.middle = nn.ModuleList(_Block(2 * width, 2 * width, condition) for _ in range(2))
        self.up = nn.ModuleList([_Block(4 * width, width, condition), _Block(width, width, condition)])
        self.last = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, pixels, 3, padding=1))

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = F.pad(x, (0, -width % 4, 0, -height % 4), value=-1.0)
        condition = F.silu(self.of_time(_waves(t, self.width)) + self.of_class(y))
        h = self.first(F.pixel_unshuffle(x, 2))
        for block in self.down:
            h = block(h, condition)
        low = F.avg_pool2d(h, 2)
        for block in self.middle:
            low = block(low, condition)
        h = torch.cat([h, F.interpolate(low, scale_factor=2)], dim=1)
        for block in self.up:
            h = block(h, condition)
        return F.pixel_shuffle(self.last(h), 2)[:, :, :height, :width]


def _waves(t: Tensor, width: int) -> Tensor:
    """Sines and cosines (B, width) of times (B,) in [0, 1]."""
    rates = torch.exp(torch.linspace(0, math.log(1000), width // 2, device=t.device))
    return torch.cat([torch.sin(t[:, None] * rates), torch.cos(t[:, None] * rates)], dim=1)


def flow_loss(net: FlowNet, x: Tensor, y: Tensor, draws: torch.Generator, drop: float = 0.1) -> Tensor:
    """Squared error of the velocity, (B,), averaged over pixels, at one random time an image.

    x (B, C, H, W) in [0, 1] with classes y. On the straight way x_t = (1 - t) noise + t x the velocity is x - noise
    (Liu et al. 2023, rectified flow; Lipman et al. 2023, flow matching). A share `drop` of the classes is left out, so
    that the net also learns what images look like whatever their class (Ho and Salimans 2022, for guidance).
    """
    x = 2 * x - 1
    noise = torch.randn(x.shape, generator=draws).to(x.device)
    t, left_out = (torch.rand(len(x), generator=draws).to(x.device) for _ in range(2))
    at = t[:, None, None, None]
    velocity = net((1 - at) * noise + at * x, t, torch.where(left_out < drop, net.n_classes, y))
    return (velocity - (x - noise)).square().flatten(1).mean(1)


@torch_defaults()
def train_flow(data, *, width: int = 48, epochs: int = 20, batch_size: int = 128, lr: float = 2e-3, seed: int = 0,
               device: str = "cpu", progress: Callable[[str], None] | None = None) -> FlowNet:  # fmt: skip
    """A `FlowNet` trained on the images and labels of `data`; the learning rate rises for a while and falls to 0."""
    data = TrainingSet.of(data, device)
    for name, count in {"epochs": epochs, "batch_size": batch_size}.items():
        checks.positive_int(count, name)
    checks.positive(lr, "lr")
    checks.function(progress, "progress", optional=True)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seeds.derive(seed, "flow"))
        draws = torch.Generator().manual_seed(seeds.derive(seed, "flow batches"))
        net = FlowNet(data.image_shape, data.n_classes, width).to(data.device)
        optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=0.0)
        steps = epochs * math.ceil(len(data) / batch_size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=max(steps, 2), pct_start=0.1)
        for epoch in range(epochs):
            total = torch.zeros((), device=data.device)
            for batch in data.batches(batch_size, draws):
                loss = flow_loss(net, batch.x, batch.y, draws)
                optimizer.zero_grad(set_to_none=True)
                loss.mean().backward()
                optimizer.step()
                schedule.step()
                total += loss.detach().sum()
            if progress:
                progress(f"generator epoch {epoch + 1}/{epochs}  loss {total.item() / len(data):.4f}")
    return net.eval()


def generate(net: FlowNet, y: Tensor, draws: torch.Generator, *, x: Tensor | None = None, strength: float = 1.0,
             guidance: float = 2.0, steps: int = 10) -> Tensor:  # fmt: skip
    """Images (N, C, H, W) in [0, 1] of classes y (N,), on the CPU.

    x: images in [0, 1] to start from. Of each, the share `strength` of the way to noise is gone, and then back towards
    its class in so many Euler steps: 1 forgets it, 0 returns it (Meng et al. 2022, SDEdit). guidance: how far the
    velocity goes beyond the one without a class, towards the one with it; 1 is that itself.
    """
    checks.fraction(strength, "strength", below_one=False)
    checks.not_negative(guidance, "guidance")
    checks.positive_int(steps, "steps")
    tensors.generator(draws)
    y = tensors.labels(y, net.n_classes)
    noise = torch.randn((len(y), *net.image_shape), generator=draws)  # one an image, whatever the size of a chunk
    found = noise if x is None else (1 - strength) * (2 * x - 1) + strength * noise
    start = 0.0 if x is None else 1 - strength
    if start == 1.0:
        return x.clone()
    times = torch.linspace(start, 1, steps + 1).tolist()
    device = next(net.parameters()).device
    parts = zip(found.split(CHUNK), y.split(CHUNK), strict=True)
    with asked(net, found):
        done = [_follow(net, part.to(device), of.to(device), times, guidance).cpu() for part, of in parts]
    return ((torch.cat(done) + 1) / 2).clamp(0, 1)


def _follow(net: FlowNet, x: Tensor, y: Tensor, times: list[float], guidance: float) -> Tensor:
    """x (B, C, H, W) moved along the guided velocity through these times."""
    none = torch.full_like(y, net.n_classes)
    for now, then in zip(times, times[1:], strict=False):
        t = torch.full((len(x),), now, device=x.device)
        free, of_class = net(x.repeat(2, 1, 1, 1), t.repeat(2), torch.cat([none, y])).chunk(2)
        x = x + (then - now) * (free + guidance * (of_class - free))
    return x
