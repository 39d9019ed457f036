import pytest
import torch
from scipy.stats import chi2_contingency, chisquare
from sklearn.datasets import load_sample_image
from torchvision.transforms import InterpolationMode, RandAugment, autoaugment

from lnlkit import augment

SIZES = [(8, 8), (28, 28), (32, 32), (9, 13), (2, 5)]
SPACE = RandAugment()._augmentation_space(31, (32, 32))
TURNED = ("ShearX", "ShearY", "Rotate")  # their pixels come from places between pixels


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(channels, size):
    """Bytes: parts of a photograph, bright, dim, of few values and half burnt out; noise; a single value."""
    photo = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[:channels]
    h, w = size
    parts = [photo[:, top : top + h, left : left + w] for top, left in [(30, 20), (150, 300), (230, 100), (390, 500)]]
    parts += [parts[1] // 5, parts[2] & 192, parts[3].clone(), torch.full_like(parts[0], 7)]
    parts[6][:, : h // 2] = 255
    return torch.stack([*parts, torch.randint(256, parts[0].shape, generator=generator(), dtype=torch.uint8)])


def by_torchvision(image, place, magnitude, nudge=1.0):
    """A picture after one operation of torchvision's RandAugment, its magnitude off by a factor `nudge`."""
    space = RandAugment()._augmentation_space(31, tuple(image.shape[1:]))
    name = augment.OPERATIONS[abs(place)]
    magnitudes, signed = space[name]
    value = float(magnitudes[magnitude]) * nudge if magnitudes.ndim else 0.0
    value = -value if signed and place < 0 else value
    return autoaugment._apply_op(image, name, value, InterpolationMode.NEAREST, None)


def applied(images, operations, magnitude):
    """Bytes after operations, as whole numbers."""
    found = augment.apply_operations(images.float() / 255, torch.as_tensor(operations), magnitude) * 255
    assert (found - found.round()).abs().max() < 1e-3 and 0 <= found.min() and found.max() <= 255
    return found.round()


def test_affine_with_nothing_to_do_changes_nothing():
    x = torch.rand(5, 1, 28, 28)
    same = augment.random_affine(x, generator(), degrees=0, shift=0, scale=0)
    torch.testing.assert_close(same, x, atol=1e-5, rtol=0)


def test_affine_moves_each_image_by_its_own_draw():
    x = torch.zeros(50, 1, 28, 28)
    x[:, :, 12:16, 12:16] = 1
    moved = augment.random_affine(x, generator(), degrees=0, shift=0.1, scale=0)
    columns = (moved.sum((1, 2)) * torch.arange(28)).sum(1) / moved.sum((1, 2, 3))  # centre of mass of each image
    assert columns.unique().numel() > 45
    assert (columns - 13.5).abs().max() <= 0.1 * 28 + 1e-3


def test_crop_flip_is_a_padded_crop_of_the_image_or_its_mirror():
    x = torch.rand(40, 3, 8, 8)
    out = augment.crop_flip(x, generator(), pad=2)
    padded = torch.nn.functional.pad(x, (2,) * 4)
    mirrored = 0
    for image, source in zip(out, padded, strict=True):
        crops = [source[:, i : i + 8, j : j + 8] for i in range(5) for j in range(5)]
        plain = any(torch.equal(image, crop) for crop in crops)
        flipped = any(torch.equal(image, crop.flip(2)) for crop in crops)
        assert plain or flipped
        mirrored += flipped and not plain
    assert 8 < mirrored < 32


def test_same_generator_same_images():
    x = torch.rand(6, 1, 8, 8)
    for function in augment.AUGMENTATIONS.values():
        assert torch.equal(function(x, generator(3)), function(x, generator(3)))
        assert not torch.equal(function(x, generator(3)), function(x, generator(4)))


@pytest.mark.parametrize("name", augment.OPERATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_operation_gives_the_bytes_of_torchvision(name, channels):
    """Where a pixel comes from a place right between two others, either may be meant: rounding decides."""
    place, changed = augment.OPERATIONS.index(name), 0
    for size in SIZES:
        images = pictures(channels, size)
        for magnitude in (0, 1, 9, 20, 30):
            for signed in (place, -place):
                found = applied(images, [[signed] * len(images)], magnitude)
                nudges = (1.0, 1 - 1e-5, 1 + 1e-5) if name in TURNED else (1.0,)
                wanted = [torch.stack([by_torchvision(image, signed, magnitude, nudge) for image in images])
                          for nudge in nudges]  # fmt: skip
                assert torch.stack([found == want for want in wanted]).any(0).all(), (size, magnitude, signed)
                assert (found != wanted[0]).float().mean() < 0.05
                changed += not torch.equal(found, images.float())
    assert bool(changed) == (name != "Identity" and (name, channels) != ("Color", 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_a_batch_have_operations_of_their_own_one_after_the_other(channels):
    images = pictures(channels, (32, 32)).repeat(20, 1, 1, 1)
    operations = augment.draw_operations(len(images), generator(), n_ops=3)
    assert operations.abs().unique().numel() == 14
    found = applied(images, operations, 9)
    for i, image in enumerate(images):
        for place in operations[:, i].tolist():
            image = by_torchvision(image, place, 9)
        assert torch.equal(found[i], image.float()), operations[:, i]
    assert torch.equal(augment.rand_augment(images.float() / 255, generator(), n_ops=3) * 255, found)


def test_operations_and_their_magnitudes_are_those_of_torchvision():
    assert tuple(SPACE) == augment.OPERATIONS
    strengths = augment.operations.strengths(9, 3, 32, 32)
    for name, (magnitudes, _) in SPACE.items():
        assert strengths.get(name, 0.0) == (float(magnitudes[9]) if magnitudes.ndim else 0.0)


def test_operations_are_drawn_as_often_as_by_torchvision(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        autoaugment, "_apply_op", lambda image, name, value, **_: drawn.append((name, value < 0)) or image
    )
    torch.manual_seed(0)
    theirs = RandAugment()
    for _ in range(4000):
        theirs(torch.zeros(1, 8, 8, dtype=torch.uint8))
    operations = augment.draw_operations(4000, generator())
    ours = [(name, place < 0 and SPACE[name][1]) for place in operations.T.flatten().tolist()
            for name in [augment.OPERATIONS[abs(place)]]]  # fmt: skip
    kinds = sorted(set(drawn) | set(ours))
    assert len(kinds) == 14 + 9  # nine have two directions
    assert chi2_contingency([[found.count(kind) for kind in kinds] for found in (drawn, ours)])[1] > 0.01
    pairs = torch.zeros(14, 14).index_put_(tuple(operations.abs()), torch.ones(4000), accumulate=True)
    assert chi2_contingency(pairs)[1] > 0.01  # the second operation does not depend on the first


def test_equal_images_of_a_batch_become_different_ones():
    x = (pictures(3, (32, 32))[:1].float() / 255).repeat(50, 1, 1, 1)
    found = augment.rand_augment(x, generator())
    assert found.flatten(1).unique(dim=0).shape[0] > 40
    assert x.flatten(1).unique(dim=0).shape[0] == 1


def test_without_operations_and_square_nothing_changes():
    x = torch.rand(5, 3, 8, 8)
    assert torch.equal(augment.rand_augment(x, generator(), n_ops=0, cutout=0.0), x)


@pytest.mark.parametrize("name", augment.AUGMENTATIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_augmentation_keeps_kind_and_range_and_its_input(name, dtype):
    function = augment.AUGMENTATIONS[name]
    for n in (9, 1):
        x = pictures(3, (28, 28))[:n].to(dtype) / 255
        before = x.clone()
        found = function(x, generator())
        assert found.dtype == dtype and found.shape == x.shape and torch.equal(x, before)
        assert 0 <= found.min() and found.max() <= 1 + 1e-5
        torch.testing.assert_close(found.float(), function(x.float(), generator()), atol=1e-4, rtol=0)


def test_rand_augment_takes_a_batch_of_none():
    assert augment.rand_augment(torch.zeros(0, 3, 8, 8), generator(), cutout=0.5).shape == (0, 3, 8, 8)


def test_rand_augment_is_the_same_under_autocast():
    x = pictures(3, (32, 32)).repeat(9, 1, 1, 1).float() / 255
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = augment.rand_augment(x, generator(), cutout=0.5)
    assert torch.equal(found, augment.rand_augment(x, generator(), cutout=0.5))


def test_rand_augment_waits_for_no_gpu():
    """Tensors of the meta device have no values: whoever waits for one, as on a GPU, fails here."""
    x = torch.zeros(100, 3, 32, 32, device="meta")
    assert augment.rand_augment(x, generator(), cutout=0.5).shape == x.shape


@pytest.mark.parametrize(
    "size, side, pixels", [((8, 8), 0.5, 4), ((9, 9), 0.35, 3), ((8, 16), 0.5, 4), ((8, 8), 1.0, 8)]
)
def test_cutout_blanks_one_square_around_any_pixel(size, side, pixels):
    x = 0.5 + torch.rand(4000, 3, *size, generator=generator(1)) / 2
    found = augment.cutout(x, generator(), side)
    blank = found.eq(0).all(1)
    assert torch.equal(found, x * ~blank[:, None])
    lines = blank.any(2), blank.any(1)
    assert torch.equal(blank, lines[0][:, :, None] & lines[1][:, None, :])
    for line, n in zip(lines, size, strict=True):
        first, last = line.float().argmax(1), n - 1 - line.flip(1).float().argmax(1)
        assert torch.equal(line.sum(1), last - first + 1)
        whole = (first > 0) & (last < n - 1)
        assert (line.sum(1)[whole] == pixels).all()
        if pixels < n:
            centre = torch.where(first > 0, first, last + 1 - pixels) + pixels // 2
            assert chisquare(centre.bincount(minlength=n)).pvalue > 0.01


def test_cutout_without_a_side_changes_nothing():
    x = torch.rand(5, 3, 8, 8)
    assert torch.equal(augment.cutout(x, generator(), 0.0), x)


def test_rand_augment_blanks_its_square_last():
    x = torch.ones(200, 1, 8, 8)
    found = augment.rand_augment(x, generator(), n_ops=2, cutout=0.5)
    plain = augment.rand_augment(x, generator(), n_ops=2)
    blanked = (found != plain).sum((1, 2, 3))
    assert (found[found != plain] == 0).all() and blanked.max() == 16 and (blanked >= 1).float().mean() > 0.8
