"""The small generator: what it learns, and that it starts where it is told to."""

import numpy as np
import pytest
import torch
from small_runs import digits

from lnlkit import data
from lnlkit.methods import flow, pretrained
from lnlkit.methods.flow import FlowNet, flow_loss, generate, train_flow
from lnlkit.training import TrainingSet


class Straight(FlowNet):
    """Knows the way: the velocity from x_t to a fixed image of each class, and to grey without one."""

    def __init__(self):
        super().__init__((1, 4, 4), 3, width=8)
        self.ends = torch.linspace(-1, 1, 3 * 16).view(3, 1, 4, 4)

    def forward(self, x, t, y):
        ends = torch.cat([self.ends, torch.zeros(1, 1, 4, 4)])[y]
        return (ends - x) / (1 - t[:, None, None, None]).clamp(min=1e-6)


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28), (1, 9, 7)])
def test_velocities_have_the_shape_of_the_images(shape):
    net = FlowNet(shape, 10, width=8)
    x, y = torch.rand(5, *shape), torch.tensor([0, 1, 9, 10, 10])
    assert net(x, torch.rand(5), y).shape == x.shape


def test_time_and_class_matter_once_trained():
    net = train_flow(digits(100), width=8, epochs=3)
    x, t, y = torch.rand(2, 1, 8, 8), torch.tensor([0.2, 0.2]), torch.tensor([3, 3])
    assert not torch.allclose(net(x, t, y), net(x, t + 0.5, y))
    assert not torch.allclose(net(x, t, y), net(x, t, y + 4))


def test_the_loss_is_that_of_the_straight_way():
    """A second formulation: x_t and the velocity by hand, with the same draws; nothing is left out at drop = 0."""
    net, x, y = FlowNet((1, 8, 8), 10, width=8), torch.rand(6, 1, 8, 8), torch.arange(6)
    torch.nn.init.normal_(net.last[2].weight)
    other = draws(3)
    noise, t = torch.randn(x.shape, generator=other), torch.rand(6, generator=other)
    x_t = torch.stack([noise[i] + t[i] * (2 * x[i] - 1 - noise[i]) for i in range(6)])
    wanted = ((net(x_t, t, y) + noise - (2 * x - 1)) ** 2).mean(dim=(1, 2, 3))
    torch.testing.assert_close(flow_loss(net, x, y, draws(3), drop=0.0), wanted)


def test_all_classes_are_left_out_where_drop_is_one():
    net, x = FlowNet((1, 8, 8), 10, width=8), torch.rand(6, 1, 8, 8)
    torch.nn.init.normal_(net.last[2].weight)
    a, b = (flow_loss(net, x, y, draws(), drop=1.0) for y in (torch.zeros(6).long(), torch.full((6,), 9)))
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize("steps", [1, 7])
def test_a_straight_way_ends_at_the_image_of_its_class_in_any_number_of_steps(steps):
    net, y = Straight(), torch.tensor([2, 0, 1])
    made = generate(net, y, draws(), guidance=1.0, steps=steps)
    torch.testing.assert_close(made, (net.ends[y] + 1) / 2, atol=1e-5, rtol=0)


def test_without_guidance_the_class_does_not_matter():
    net = train_flow(digits(100), width=8, epochs=3)
    a, b = (generate(net, torch.full((4,), c), draws(), guidance=0.0, steps=3) for c in (1, 8))
    torch.testing.assert_close(a, b)
    assert not torch.allclose(*(generate(net, torch.full((4,), c), draws(), guidance=2.0, steps=3) for c in (1, 8)))


def test_strength_zero_returns_the_image_and_more_strength_leaves_less_of_it():
    net = pretrained.read_flow(pretrained.FOLDER / "flow_digits.safetensors")
    x = torch.from_numpy(digits(60).x[:, None] / 255).float()
    y = torch.from_numpy((digits(60).y + 1) % 10)
    torch.testing.assert_close(generate(net, y, draws(), x=x, strength=0.0), x)
    change = [float((generate(net, y, draws(), x=x, strength=s) - x).square().mean()) for s in (0.1, 0.5, 1.0)]
    assert change[0] < change[1] < change[2]


def test_how_many_images_are_made_at_once_does_not_matter(monkeypatch):
    net, y = train_flow(digits(100), width=8, epochs=1), torch.arange(10)
    whole = generate(net, y, draws(), steps=2)
    monkeypatch.setattr(flow, "CHUNK", 3)
    torch.testing.assert_close(generate(net, y, draws(), steps=2), whole)


def test_training_lowers_the_loss_and_the_seed_decides():
    said = []
    a = train_flow(digits(200), width=8, epochs=6, seed=4, progress=said.append)
    first, last = (float(line.split()[-1]) for line in (said[0], said[-1]))
    assert len(said) == 6 and last < 0.9 * first
    b, c = (train_flow(digits(200), width=8, epochs=6, seed=seed) for seed in (4, 5))
    wanted = [p.detach() for p in a.parameters()]
    assert all(torch.equal(p, q) for p, q in zip(wanted, b.parameters(), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(wanted, c.parameters(), strict=True))


def test_refusals_name_the_cure():
    with pytest.raises(ValueError, match="`width` must be a multiple of 8"):
        FlowNet((1, 8, 8), 10, width=12)
    with pytest.raises(ValueError, match="`image_shape` must be"):
        FlowNet((8, 8), 10)


# ---- the weights that come with the kit


@pytest.mark.parametrize("name", pretrained.GENERATORS)
def test_generators_that_come_with_the_kit_draw_what_they_are_told(name):
    """A plain classifier, trained on other images of the set, sees the wanted class in nearly all of what it draws."""
    net = pretrained.read_flow(pretrained.FOLDER / f"flow_{name}.safetensors")
    assert net.n_classes == 10 and not net.training
    y = torch.arange(10).repeat(4)
    images = generate(net, y, draws())
    assert images.shape == (40, *net.image_shape) and images.min() >= 0 and images.max() <= 1
    near = torch.cdist(images.flatten(1), images.flatten(1)) + 1e6 * torch.eye(40)
    assert (y[near.argmin(1)] == y).float().mean() > 0.7  # images of a class are alike


def test_a_written_generator_is_the_one_that_is_read(tmp_path, monkeypatch):
    small = pretrained.Kept("digits", "other images", epochs=1, width=8)
    monkeypatch.setitem(pretrained.GENERATORS, "digits", small)
    path = pretrained.make_flow("digits", tmp_path, progress=None)
    net, again = train_flow(pretrained.other_half("digits"), width=8, epochs=1), pretrained.read_flow(path)
    assert [file.name for file in tmp_path.iterdir()] == ["flow_digits.safetensors"]
    for p, q in zip(net.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(p, q, atol=2e-3, rtol=2e-3)  # 16 bits


def test_files_that_are_no_generator_are_named(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    for path in (tmp_path / "x.safetensors", tmp_path / "missing.safetensors"):
        with pytest.raises(ValueError, match="`path` must be a file of weights"):
            pretrained.read_flow(path)


def test_the_generator_never_saw_the_first_half():
    half = pretrained.other_half("digits")
    images = data.load("digits")
    assert np.array_equal(half.x, images.x_train[len(images.x_train) // 2 :])


def test_enlarged_digits_lie_where_mnist_has_its_own():
    """Near the middle, light on dark, and each still nearest to the mean image of its class more often than not."""
    digits = pretrained.enlarged_digits(copies=2)
    assert digits.x.shape == (3594, 28, 28) and digits.x.dtype == np.uint8
    x = digits.x.astype(float) / 255
    assert x[:, 4:24, 4:24].sum() > 0.9 * x.sum() and 0.05 < x.mean() < 0.2
    means = np.stack([x[digits.y == label].mean(0) for label in range(10)])
    nearest = ((x[:, None] - means) ** 2).sum((2, 3)).argmin(1)
    assert (nearest == digits.y).mean() > 0.7 and np.array_equal(digits.y[:1797], digits.y[1797:])
    assert not np.array_equal(digits.x[:1797], digits.x[1797:])


def test_the_generator_of_another_domain_is_another():
    images = data.load("digits")
    mnist = TrainingSet(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.zeros(2, dtype=torch.long), 10)
    nets = [pretrained.flow_for(mnist, knows) for knows in ("other images", "other domain")]
    assert not torch.equal(nets[0].first.weight, nets[1].first.weight)
    with pytest.raises(ValueError, match="for 'other domain' the kit has none"):
        pretrained.flow_for(TrainingSet.of(data.Labelled(images.x_train, images.y_train, 10)), "other domain")
