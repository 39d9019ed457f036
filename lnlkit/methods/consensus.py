"""The transition matrix from the labels of neighbours: three noisy labels of one class tell how labels get noisy."""

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lnlkit import checks, losses, tensors
from lnlkit.methods.base import Method
from lnlkit.methods.correction import LEAST_PROBABILITY
from lnlkit.methods.domains import Count, Positive, Share
from lnlkit.methods.restoration import Views
from lnlkit.methods.stages import warm_up
from lnlkit.training import AT_ONCE, Batch, Recipe, TrainingSet, as_inputs, asked, to_unit

Features = Literal["network", "pixels"]


class Consensus(NamedTuple):
    """How often labels come alone, in pairs and in threes: each sums to 1."""

    first: Tensor  # (K,)      P(label of an example)
    second: Tensor  # (K, K)    with that of its nearest neighbour
    third: Tensor  # (K, K, K) and that of its second one


def nearest_two(features: Tensor) -> Tensor:
    """The positions (N, 2) of the two nearest other rows of features (N, d), by the angle between them."""
    tensors.tensors(features=features)
    if features.ndim != 2 or len(features) < 3:
        raise ValueError(f"`features` must be (N, d) with at least 3 rows, but got shape {tuple(features.shape)}.")
    x, found = F.normalize(features.float(), dim=1), []
    for rows in torch.arange(len(x), device=x.device).split(AT_ONCE):
        near = x[rows] @ x.T
        near[torch.arange(len(rows), device=x.device), rows] = -torch.inf  # an example is no neighbour of its own
        found.append(near.topk(2).indices)
    return torch.cat(found)


def frequencies(features: Tensor, y: Tensor, n_classes: int) -> Consensus:
    """Counts of labels `y` (N,) with those of `nearest_two`, over N: the left sides of HOC's equations."""
    K, near = checks.positive_int(n_classes, "n_classes"), nearest_two(features)
    y = tensors.labels(y, K)
    checks.same_length(features=features, y=y)
    a, b, c = y, *y[near.T]

    def share(code: Tensor, *shape: int) -> Tensor:
        return torch.bincount(code, minlength=K ** len(shape)).reshape(shape).float() / len(y)

    return Consensus(share(a, K), share(a * K + b, K, K), share((a * K + b) * K + c, K, K, K))


def expected(T: Tensor, prior: Tensor) -> Consensus:
    """The right sides: sum_i prior_i T[i, a] T[i, b] T[i, c] for three labels of one clean class i, and so on.

    `T` (K, K) has rows that sum to 1, `prior` (K,) are the shares of the clean classes.
    Source: Zhu et al. 2021, the consensus equations of HOC.
    """
    tensors.tensors(T=T, prior=prior)
    if prior.ndim != 1:
        raise ValueError(f"`prior` must be (K,), one share a class, but got shape {tuple(prior.shape)}.")
    tensors.transition(T, "T", len(prior))
    joint, K = prior[:, None] * T, len(T)
    pairs = (T[:, :, None] * T[:, None]).reshape(K, K * K)
    return Consensus(joint.sum(0), joint.T @ T, (joint.T @ pairs).reshape(K, K, K))


@torch.enable_grad()
def solve(seen: Consensus, steps: int = 1500, lr: float = 0.1) -> tuple[Tensor, Tensor]:
    """T (K, K) and the prior (K,) whose `expected` consensus is nearest to the one seen, by Adam on their logits.

    It minimises the sum of the three Euclidean distances and returns the best of all steps. Any renaming of the classes
    solves the equations as well; the start, T near the identity, chooses the one where most labels are right.
    Source: Zhu et al. 2021, with the steps and the learning rate of Liu et al. 2023.
    """
    checks.instance(seen, "seen", Consensus, "Did you mean consensus.frequencies(features, y, n_classes)?")
    steps, lr = checks.positive_int(steps, "steps"), checks.positive(lr, "lr")
    K, device = len(seen.first), seen.first.device
    rows = (5 * torch.eye(K, device=device) - 1).requires_grad_()
    shares, best = torch.zeros(K, device=device, requires_grad=True), None
    optimizer, least = torch.optim.Adam([rows, shares], lr=lr), torch.inf
    for _ in range(steps):
        T, prior = rows.softmax(1), shares.softmax(0)
        loss = sum((a - b).norm() for a, b in zip(seen, expected(T, prior), strict=True))
        if loss.item() < least:
            least, best = loss.item(), (T.detach(), prior.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return best


@dataclass
class Identifiability(Method):
    """Forward correction with the T that the labels of nearest neighbours give, which needs no anchors.

    One noisy label an image does not determine T, three of the same clean class do (Kruskal's theorem, which Liu et al.
    2023 build on). Where an image and its two nearest neighbours share a class their labels are three such draws:
    `frequencies` counts them, `solve` finds T and the classes' shares (HOC, Zhu et al. 2021). T is one matrix for all
    images. Then, in the loop of `fit`, a network is trained with `losses.forward`. `T_` (K, K) and `prior_` (K,) are
    what was found; `predict` gives the clean class.

    features: what neighbours are near in. "network": the last layer's inputs in a network that is trained with
    cross-entropy for the share `warmup` of the run's epochs, inside `start`; it should end before labels are learned by
    heart, or neighbours are those that agree and T tends to the identity. "pixels" never see a label. Where neighbours
    are of several classes the labels are blamed for it, and T has too much noise.

    Notes: What the source leaves open, and what is done here. Its finding is that disentangled features help, and its
    code (UCSC-REAL/Identifiability) takes a ResNet-50 trained without labels for up to 1,000 epochs, SimCLR or IP-IRM,
    whose weights lie elsewhere; this kit trains no such encoder, and its "network" is what their code calls a weak
    one. Paper 04 does not say which features its row has, nor whether T is the only thing taken from that paper.
    `warmup` is this kit's choice. Other differences from their code: it counts in 50 draws of 15,000 augmented images,
    here all images once, as they are. It means to keep the best step, but by reference, so it returns the last one. It
    goes on from the cross-entropy network that was best on the test set; here the network is a fresh one, as in
    `Forward`. Its batches are not shuffled.
    """

    source: ClassVar[str] = "Liu et al. 2023, Identifiability of label noise transition matrix; Zhu et al. 2021 (HOC)"

    features: Features = "network"
    warmup: Share = 0.2
    steps: Count = 1500
    lr: Positive = 0.1

    def start(self, recipe: Recipe, data: TrainingSet, generator: torch.Generator) -> None:
        if self.features == "pixels":
            x = to_unit(data.x).flatten(1)
        else:
            ce = warm_up(recipe, max(1, round(self.warmup * recipe.epochs)), data, generator)
            x = features_of(ce.nets_[0], data.x)
        T, self.prior_ = solve(frequencies(x, data.y, data.n_classes), self.steps, self.lr)
        self.T_ = T.clamp_min(LEAST_PROBABILITY)
        super().start(recipe, data, generator)

    def loss_of(self, logits: Tensor, batch: Batch) -> Tensor:
        return losses.forward(logits, batch.y, self.T_).mean()


def features_of(net: nn.Module, x) -> Tensor:
    """What goes into a network's last linear layer, (N, d), for uint8 images or inputs (N, d), in evaluation mode."""
    views, x = Views(net), as_inputs(x)
    device = next(net.parameters()).device
    with asked(net, x):
        return torch.cat([views.look(to_unit(part.to(device))).features.flatten(1) for part in x.split(AT_ONCE)])
