import torch

from lnlkit import augment


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


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
