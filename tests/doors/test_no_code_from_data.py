"""No file of data, no record, cache or parameter runs code: each attempt would make a file, and none does."""
import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from bundles import bundle

from lnlkit import cli, data, recorded, records
from lnlkit.data import cifar10n
from lnlkit.papers import reading
from lnlkit.run import parameters, runner
from lnlkit.tasks import corruption


class Bait:
    """Unpickled by whoever trusts it, this makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.fixture
def owned(tmp_path, monkeypatch):
    """The file that an attempt would make, outside of the folder of data; after the test it must not be there."""
    monkeypatch.setenv("LNLKIT_OFFLINE", "1")
    path = tmp_path / "owned"
    yield path
    assert not path.exists()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    return made


def objects(bait, shape=(30,)):
    array = np.empty(shape, dtype=object)
    array[...] = bait
    return array


def archive_of(folder, name, content):
    """A file as torch.save writes it, whose pickle is this content."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        archive.writestr("archive/version", "3")


def raw_pickle(folder, name, bait):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(bait))


def legacy_mnist(folder, bait):
    """What torchvision of 2020 kept of MNIST, beside raw files that are there but broken."""
    for name in ("training.pt", "test.pt"):
        archive_of(folder, f"MNIST/processed/{name}", (bait, bait))
    (folder / "MNIST/raw").mkdir()


TINY = dict(x_train=np.zeros((4, 2)), x_test=np.zeros((4, 2)), y_train=np.eye(4)[:, :2], y_test=np.eye(4)[:, :2])
FILES = {
    "labels of a bundle": ("mnist", lambda f, bait: np.savez(f / "mnist.npz", **bundle() | {"y_train": objects(bait)})),
    "a pickle named as a bundle": ("mnist", lambda f, bait: raw_pickle(f, "mnist.npz", bait)),
    "torchvision's old files": ("mnist", legacy_mnist),
    "batches of CIFAR-10": ("cifar10", lambda f, bait: raw_pickle(f, "cifar-10-batches-py/data_batch_1", bait)),
    "batches of CIFAR-100": ("cifar100", lambda f, bait: raw_pickle(f, "cifar-100-python/train", bait)),
    "a table": ("boston", lambda f, bait: np.savez(f / "boston.npz", x=objects(bait, (3, 2)), y=np.zeros(3))),
    "a VOC bundle": ("voc2007", lambda f, bait: np.savez(f / "voc2007.npz", **bundle() | {"x_train": objects(bait)})),
    "a file of one's own": ("own.npz", lambda f, bait: np.savez(f / "own.npz", **TINY | {"y_test": objects(bait)})),
    "class names": ("own.npz", lambda f, bait: np.savez(f / "own.npz", **TINY, class_names=objects(bait, (2,)))),
}  # fmt: skip


@pytest.mark.parametrize("attempt", FILES)
def test_a_file_of_data_is_refused_and_not_run(folder, owned, attempt):
    name, write = FILES[attempt]
    write(folder, Bait(owned))
    with pytest.raises((ValueError, FileNotFoundError)):
        data.load(folder / name if name.endswith(".npz") else name, folder)


def test_torch_opens_no_file_of_data(folder, owned, monkeypatch):
    """Today's torch.load refuses such files, but that of 2.4, which is allowed, would run them."""
    monkeypatch.setattr("torch.load", lambda *_, **__: pytest.fail("torch.load was called"))
    legacy_mnist(folder, Bait(owned))
    with pytest.raises(FileNotFoundError, match="LNLKIT_OFFLINE"):
        data.load("mnist", folder)


@pytest.mark.parametrize("name", cifar10n.HUMAN_FILES)
def test_human_labels_are_refused_and_not_run(folder, owned, name):
    content = {key: Bait(owned) for key in cifar10n.HUMAN_KEYS}
    if name.endswith(".npz"):
        np.savez(folder / name, **{key: objects(bait) for key, bait in content.items()})
    else:
        archive_of(folder, name, content)
    with pytest.raises(ValueError, match=name):
        data.human_labels(folder)


def test_a_cached_score_is_made_again_and_not_run(folder, owned, monkeypatch):
    digits = data.load("digits")
    scores = np.full((100, 10), 0.1, np.float32)
    monkeypatch.setattr(corruption, "mean_scores", lambda *_: scores)
    clean = data.Labelled(digits.x_train[:100], digits.y_train[:100], 10)
    settings = (clean, data.images.DATASETS["digits"], corruption.IDNGenerator(), 0, "cpu", folder)
    corruption.cached_scores(*settings)
    cached = next(folder.glob("*.npy"))
    for hostile in (objects(Bait(owned), (100, 10)), objects(Bait(owned), ())):
        file = io.BytesIO()
        np.save(file, hostile, allow_pickle=True)
        cached.write_bytes(file.getvalue())
        np.testing.assert_array_equal(corruption.cached_scores(*settings), scores)


# ---- text -------------------------------------------------------------------------------------------------------

def code(owned):
    return f"__import__('pathlib').Path({str(owned)!r}).touch()"


def test_records_are_text(folder, owned):
    """As values, as keys, and in the words of libraries that make objects of JSON."""
    call = [{"py/function": "builtins.open"}, {"py/tuple": [str(owned), "w"]}]
    hostile = {"py/reduce": call, code(owned): code(owned)}
    path = folder / "record.json"
    path.write_text(json.dumps({"schema": records.SCHEMA, "config": hostile, "runs": [hostile | {"key": code(owned)}]}))
    record = records.read(path)
    assert record["config"] == hostile
    with pytest.raises(ValueError):
        recorded.tidy(record)
    path.write_text(code(owned))
    with pytest.raises(ValueError, match="not a whole JSON record"):
        records.read(path)
    raw_pickle(folder, "record.json", Bait(owned))
    with pytest.raises(ValueError, match="record"):
        records.read(path)


def test_papers_are_text(owned):
    with pytest.raises(ValueError, match="05.toml"):
        reading.parsed("05", f"paper = {code(owned)}".encode())
    with pytest.raises(ValueError, match="05.toml"):
        reading.parsed("05", f'[paper]\ntitle = "{code(owned)}"\n"!python" = "x"'.encode())


def test_parameters_are_values_and_never_expressions(owned):
    """What is typed after -p stays a text, and papermill writes it into the notebook as one."""
    from papermill.translators import papermill_translators

    name, value = cli._pair(f"RATE={code(owned)}")
    assert (name, value) == ("RATE", code(owned))
    texts = [code(owned), f'"; {code(owned)}; "', f"\n{code(owned)}\n", f"'''{code(owned)}", "\\"]
    written = papermill_translators.find_translator("python3", "python").codify({"A": texts, "B": {code(owned): 1}})
    space = {}
    exec(written, space)  # what the kernel does with the injected cell
    assert space["A"] == texts and space["B"] == {code(owned): 1}


def test_a_name_of_a_parameter_is_no_code(owned):
    path = runner.find("05")
    with pytest.raises(ValueError, match="is no parameter of 05_choicenet.ipynb"):
        parameters.check(parameters.read(path), path, {f"{code(owned)}; RATE": 0.2})


def test_the_bait_does_work(tmp_path):
    """Otherwise the tests above would show nothing."""
    for i, load in enumerate((pickle.loads, lambda text: np.load(io.BytesIO(text), allow_pickle=True).item())):
        bait, file = Bait(tmp_path / f"caught {i}"), io.BytesIO()
        if i:
            np.save(file, objects(bait, ()), allow_pickle=True)
        load(file.getvalue() if i else pickle.dumps(bait)).close()
        assert (tmp_path / f"caught {i}").exists()
    eval(code(tmp_path / "caught by text"))
    assert (tmp_path / "caught by text").exists()
