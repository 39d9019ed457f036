"""The networks used, each built by one function; every classifier takes images in [0, 1], (B, C, H, W)."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, tensors


class Standardise(nn.Module):
    """(x - mean) / std per channel, so that a network can be fed pixels in [0, 1]."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def _image_shape(image_shape, n_outputs: int, smallest: int = 1) -> tuple[int, int, int]:
    """(C, H, W) of a network with so many outputs, whose layers need images of at least so many pixels a side."""
    shape = _shape(image_shape, n_outputs)
    if len(shape) != 3 or min(shape[1:]) < smallest:
        raise ValueError(f"`image_shape` must be (C, H, W) for this network, sides of at least {smallest}, but got "
                         f"{shape}.")  # fmt: skip
    return shape


def _shape(shape, n_outputs: int, name: str = "image_shape") -> tuple[int, ...]:
    checks.positive_int(n_outputs, "n_outputs")
    return tuple(checks.positive_int(side, name) for side in checks.sequence(shape, name))


def mlp(image_shape, n_outputs: int, hidden: int = 128) -> nn.Module:
    """Two hidden ReLU layers on the flattened image."""
    c, h, w = _image_shape(image_shape, n_outputs)
    checks.positive_int(hidden, "hidden")
    return nn.Sequential(
        nn.Flatten(), nn.Linear(c * h * w, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, n_outputs),
    )  # fmt: skip


def small_cnn(image_shape, n_outputs: int, width: int = 32) -> nn.Module:
    """Three 3x3 convolutions with batch norm, pooled to one vector: 8x8, 28x28 and 32x32 images alike."""

    def block(c_in, c_out):
        return nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()

    c, _, _ = _image_shape(image_shape, n_outputs, smallest=4)
    width, pool = checks.positive_int(width, "width"), nn.MaxPool2d(2)
    return nn.Sequential(
        *block(c, width), pool, *block(width, 2 * width), pool, *block(2 * width, 2 * width),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8 * width, n_outputs),
    )  # fmt: skip


def idn_cnn(image_shape, n_outputs: int) -> nn.Module:
    """The CNN of Chen et al. 2021 (SEAL) for MNIST: conv 20, conv 50, a layer of 500; it scores the mislabelling.

    Theirs has 5x5 kernels on 28x28 images; 8x8 digits get 3x3 kernels, because 5x5 would leave no pixel.
    """
    c, h, w = _image_shape(image_shape, n_outputs, smallest=8)
    k = 5 if min(h, w) >= 16 else 3
    pool = 2 if min(h, w) >= 16 else 1
    side = [((s - k + 1) // 2 - k + 1) // pool for s in (h, w)]
    second_pool = nn.MaxPool2d(2) if pool == 2 else nn.Identity()
    return nn.Sequential(
        nn.Conv2d(c, 20, k), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, k), nn.ReLU(), second_pool,
        nn.Flatten(), nn.Linear(50 * side[0] * side[1], 500), nn.ReLU(), nn.Linear(500, n_outputs),
    )  # fmt: skip


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al. 2016, basic block)."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        same = stride == 1 and c_in == c_out
        self.shortcut = nn.Identity() if same else nn.Sequential(
            nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


def resnet(image_shape, n_outputs: int, blocks=(2, 2, 2, 2), width: int = 64) -> nn.Module:
    """ResNet with the CIFAR stem, one 3x3 convolution and no pooling: (2,2,2,2) is ResNet-18, (3,4,6,3) ResNet-34."""
    c, _, _ = _image_shape(image_shape, n_outputs)
    checks.positive_int(width, "width")
    blocks = [checks.positive_int(n, "blocks") for n in checks.sequence(blocks, "blocks")]
    layers = [nn.Conv2d(c, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    c_in = width
    for stage, n_blocks in enumerate(blocks):
        c_out = width * 2**stage
        for i in range(n_blocks):
            layers.append(ResidualBlock(c_in, c_out, stride=2 if stage > 0 and i == 0 else 1))
            c_in = c_out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, n_outputs))


def resnet18(image_shape, n_outputs: int) -> nn.Module:
    """ResNet-18 with the CIFAR stem."""
    return resnet(image_shape, n_outputs, (2, 2, 2, 2))


def resnet34(image_shape, n_outputs: int) -> nn.Module:
    """ResNet-34 with the CIFAR stem."""
    return resnet(image_shape, n_outputs, (3, 4, 6, 3))


class PreActivationBlock(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions, and a shortcut (He et al. 2016, identity mappings).

    Where the shape changes, the shortcut is a 1x1 convolution of the activated input, elsewhere the input itself.
    """

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(c_in), nn.BatchNorm2d(c_out)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        same = stride == 1 and c_in == c_out
        self.shortcut = None if same else nn.Conv2d(c_in, c_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.bn1(x))
        out = self.conv2(F.relu(self.bn2(self.conv1(a))))
        return out + (x if self.shortcut is None else self.shortcut(a))


def wide_resnet(image_shape, n_outputs: int, depth: int = 22, widen: int = 4) -> nn.Module:
    """Wide ResNet of depth 6n + 4: three groups of n blocks with 16, 32 and 64 times `widen` channels.

    Source: Zagoruyko and Komodakis 2016, without dropout. WRN-22-4 is the network of Paper 05, Table 3.
    """
    c, _, _ = _image_shape(image_shape, n_outputs)
    checks.positive_int(widen, "widen")
    if checks.positive_int(depth, "depth") < 10 or (depth - 4) % 6:
        raise ValueError(f"`depth` must be 6n + 4 with n of at least 1, such as 22 or 28, but got {depth}.")
    layers, c_in = [nn.Conv2d(c, 16, 3, padding=1, bias=False)], 16
    for group in range(3):
        c_out = 16 * widen * 2**group
        for i in range((depth - 4) // 6):
            layers.append(PreActivationBlock(c_in, c_out, stride=2 if group > 0 and i == 0 else 1))
            c_in = c_out
    layers += [nn.BatchNorm2d(c_in), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, n_outputs)]
    return nn.Sequential(*layers)


def features_mlp(shape, n_outputs: int, hidden=(1024, 30)) -> nn.Module:
    """The perceptron of Paper 02, Section IV-B, on features (B, d) or flattened images: 1024 and 30 ReLU units."""
    hidden = [checks.positive_int(units, "hidden") for units in checks.sequence(hidden, "hidden")]
    widths = [math.prod(_shape(shape, n_outputs, "shape")), *hidden]
    layers = [layer for i, o in zip(widths, hidden, strict=False) for layer in (nn.Linear(i, o), nn.ReLU())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(widths[-1], n_outputs))


RESNET34_WEIGHTS = ("IMAGENET1K_V1", "DEFAULT")


def resnet34_imagenet(image_shape, n_outputs: int, weights: str | None = "IMAGENET1K_V1") -> nn.Module:
    """torchvision's ResNet-34 for colour images of about 224 x 224 with a new last layer (Paper 02, Section IV-B).

    weights: torchvision's name of pre-trained weights, downloaded at the first use; None: random ones. The paper does
    not say that it starts from ImageNet, but its 86.8 mAP from 5,011 images of VOC 2007 can hardly come from scratch.
    """
    from torchvision.models import resnet34 as torchvision_resnet34

    if len(shape := _shape(image_shape, n_outputs)) != 3 or shape[0] != 3:
        raise ValueError(f"`image_shape` must have 3 channels for resnet34_imagenet, but got {shape}.")
    if weights is not None:
        checks.one_of(weights, "weights", RESNET34_WEIGHTS)
    net = torchvision_resnet34(weights=weights)
    net.fc = nn.Linear(net.fc.in_features, n_outputs)
    return nn.Sequential(Standardise((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), net)


NETWORKS = {
    "mlp": mlp, "small_cnn": small_cnn, "idn_cnn": idn_cnn, "resnet18": resnet18, "resnet34": resnet34,
    "wrn22_4": wide_resnet, "features_mlp": features_mlp, "resnet34_imagenet": resnet34_imagenet,
}  # fmt: skip


def build(name: str, image_shape, n_outputs: int, mean=(0.0,), std=(1.0,)) -> nn.Module:
    """A classifier by name that takes images in [0, 1], (B, C, H, W), and returns logits (B, n_outputs).

    `image_shape` (d,) stands for features (B, d), which are taken as they are.
    """
    make, shape = NETWORKS[checks.one_of(name, "network", NETWORKS)], _shape(image_shape, n_outputs)
    if len(shape) == 1:
        return make(shape, n_outputs)
    mean, std = checks.numbers(mean, "mean", 1), checks.numbers(std, "std", 1)
    for key, values in {"mean": mean, "std": std}.items():
        if len(values) not in (1, shape[0]) or (key == "std" and values.min() <= 0):
            raise ValueError(f"`{key}` must be one number{' above 0' * (key == 'std')} a channel ({shape[0]}), "
                             f"but got {values.tolist()}.")  # fmt: skip
    return nn.Sequential(Standardise(mean, std), make(shape, n_outputs))


def of_images(name: str, facts, n_outputs: int | None = None) -> nn.Module:
    """The classifier `name` for a set of `data.images.DATASETS`: its image shape, classes, mean and deviation."""
    channels = 1 if len(facts.image_shape) == 2 else facts.image_shape[2]
    shape = (channels, *facts.image_shape[:2])
    return build(name, shape, facts.n_classes if n_outputs is None else n_outputs, facts.mean, facts.std)


def regression_mlp(n_inputs: int, n_outputs: int, hidden: int = 64) -> nn.Module:
    """Three hidden ReLU layers of 64 units on inputs (B, d) (Paper 05, Section 4.1)."""
    n_inputs, n_outputs, hidden = (
        checks.positive_int(n, name)
        for name, n in {"n_inputs": n_inputs, "n_outputs": n_outputs, "hidden": hidden}.items())  # fmt: skip
    widths = [n_inputs, hidden, hidden, hidden]
    layers = [layer for i, o in zip(widths, widths[1:], strict=False) for layer in (nn.Linear(i, o), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(hidden, n_outputs))


def split_head(net: nn.Module) -> tuple[nn.Module, int]:
    """The network without its last linear layer, and the number of features (B, Q) that it gives then.

    The network is changed in place. Raises ValueError when it has no linear layer.
    """
    modules = checks.instance(net, "net", nn.Module).named_modules()
    linear = [(name, layer) for name, layer in modules if isinstance(layer, nn.Linear)]
    if not linear:
        raise ValueError(f"`net` must end in a linear layer, but {type(net).__name__} has none.")
    name, last = linear[-1]
    if last is net:
        return nn.Identity(), last.in_features
    parent, _, attribute = name.rpartition(".")
    setattr(net.get_submodule(parent), attribute, nn.Identity())
    return net, last.in_features


class ConditionalVAE(nn.Module):
    """Encoder and decoder conditioned on the class (Paper 01, Fig. 3); images in [0, 1], Bernoulli pixels.

    The paper gives neither widths nor latent size: two hidden layers of `hidden` units and `latent` dimensions are
    this kit's choice. The class enters both sides as a one-hot vector.
    """

    def __init__(self, image_shape, n_classes: int, latent: int = 20, hidden: int = 400):
        super().__init__()
        for name, size in {"n_classes": n_classes, "latent": latent, "hidden": hidden}.items():
            setattr(self, name, checks.positive_int(size, name))
        self.image_shape = _image_shape(image_shape, n_classes)
        pixels = self.image_shape[0] * self.image_shape[1] * self.image_shape[2]
        self.encoder = nn.Sequential(
            nn.Linear(pixels + n_classes, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())  # fmt: skip
        self.to_mu, self.to_log_var = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(
            nn.Linear(latent + n_classes, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, pixels))  # fmt: skip

    def one_hot(self, y: Tensor) -> Tensor:
        return F.one_hot(tensors.labels(y, self.n_classes), self.n_classes).to(self.to_mu.weight.dtype)

    def encode(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, latent) of Q(z | x, y)."""
        h = self.encoder(torch.cat([x.flatten(1), self.one_hot(y)], 1))
        return self.to_mu(h), self.to_log_var(h)

    @staticmethod
    def reparameterise(mu: Tensor, log_var: Tensor) -> Tensor:
        """z = mu + sigma * noise with sigma = exp(log_var / 2): a draw of z that lets gradients reach mu and sigma."""
        return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        """Logits (B, C, H, W) of the Bernoulli pixels of P(x | z, y)."""
        return self.decoder(torch.cat([z, self.one_hot(y)], 1)).view(-1, *self.image_shape)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mu, log_var = self.encode(x, y)
        return self.decode(self.reparameterise(mu, log_var), y), mu, log_var

    @torch.no_grad()
    def sample(self, y: Tensor, z: Tensor | None = None) -> Tensor:
        """Images in [0, 1], (B, C, H, W), of the classes `y`, with z drawn from the prior N(0, I) unless given."""
        if z is None:
            z = torch.randn(len(y), self.latent, device=y.device)
        return torch.sigmoid(self.decode(z, y))
