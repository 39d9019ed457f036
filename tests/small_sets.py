"""Small sets with several labels: a toy, crowds that label it, and a PASCAL VOC of three images."""

import dataclasses

import numpy as np

from lnlkit import noise
from lnlkit.data import label_vectors


def rng(seed=0):
    return np.random.default_rng(seed)


def toy(n=300, K=5, n_test=20, **changes):
    """A set whose input i is the number i, with one to three labels."""
    y = (rng(1).random((n + n_test, K)).argsort(axis=1) < rng(2).integers(1, 4, (n + n_test, 1))).astype(np.uint8)
    x = np.arange(n + n_test, dtype=np.float32)[:, None]
    arrays = dict(x_train=x[:n], y_train=y[:n], x_test=x[n:], y_test=y[n:])
    names = tuple("abcdefghij"[:K])
    return label_vectors.LabelVectorData(
        **dict(name="toy", n_classes=K, class_names=names, source="here") | arrays | changes
    )


def crowd(n=60, people=3, K=5, seed=3):
    """A toy set of which each image has labels by several people, as one array (N, A, K)."""
    clean = toy(n, K).y_train
    y_noisy = np.stack([noise.permute_labels(clean, 0.5, rng(seed + a)) for a in range(people)], axis=1)
    return toy(n, K, y_noisy=y_noisy)


def items_of(images):
    """The same as one item a label, with group numbers that are no positions."""
    n, people, K = images.y_noisy.shape
    x, y = (np.repeat(a, people, axis=0) for a in (images.x_train, images.y_train))
    order = rng(5).permutation(n * people)
    group = 1000 - 7 * np.repeat(np.arange(n), people)
    changes = dict(x_train=x[order], y_train=y[order], y_noisy=images.y_noisy.reshape(-1, K)[order], group=group[order])
    return dataclasses.replace(images, **changes)


def annotation(*objects, flag=True):
    """The XML of an image; a name in capitals is difficult."""
    parts = (f"<object><name>{o.lower()}</name>{f'<difficult>{o.isupper():d}</difficult>' if flag else ''}"
             "<bndbox><xmin>1</xmin></bndbox><part><name>head</name></part></object>" for o in objects)  # fmt: skip
    return f"<annotation><filename>x.jpg</filename>{''.join(parts)}</annotation>"


VOC = {
    "2007": {"trainval": {"000001": ["person", "dog", "dog"], "000002": ["CAR"]}, "test": {"000003": ["cat", "SHEEP"]}},
    "2012": {"train": {"2008_1": ["tvmonitor"], "2008_2": []}, "val": {"2008_3": ["aeroplane"]}},
}


def voc_tree(folder, year):
    """A VOC as torchvision finds it, of three images (300, 250) whose left third is red and whose rest is blue."""
    from PIL import Image

    root = folder / "VOCdevkit" / f"VOC{year}"
    for name in ("ImageSets/Main", "JPEGImages", "Annotations"):
        (root / name).mkdir(parents=True)
    pixels = np.zeros((250, 300, 3), np.uint8)
    pixels[:, :100, 0], pixels[:, 100:, 2] = 255, 255
    for part, images in VOC[year].items():
        (root / "ImageSets/Main" / f"{part}.txt").write_text("".join(f"{name}\n" for name in images))
        for name, objects in images.items():
            Image.fromarray(pixels).save(root / "JPEGImages" / f"{name}.jpg", quality=95)
            (root / "Annotations" / f"{name}.xml").write_text(annotation(*objects))
    return root
