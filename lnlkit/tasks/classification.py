"""One class an example: runs on image sets with any kind of label noise."""

import functools

from lnlkit import checks, data
from lnlkit.papers import Paper, Row
from lnlkit.tasks import configurations
from lnlkit.tasks.running import Metric, Splits, Trained, distinct, rounded

PARTS = ("runs",)
KEPT = ("row", "dataset", "noise", "noise_rate", "seed")
PER_ROW = ("method", "hparams", "augment", "oracle", "epochs")
PER_DATASET = ("dataset", "n_train", "val_fraction", "network", "batch_size", "optimizer", "generator", "amp")
KEYS = {*KEPT, *PER_ROW, *PER_DATASET}
METRICS = {"best_val": Metric("accuracy on clean test data at the best epoch on noisy validation data"),
           "last": Metric("accuracy on clean test data at the last epoch")}  # fmt: skip
SAYS = {"diagnosis": "diagnose", "pictures": "illustrate"}
SOMETIMES = ("classes", "half", "n_test", "decay")  # in a configuration only where a scale has them


def grid(paper: Paper, scale: str) -> list[dict]:
    """The runs of a scale: the blocks of its TOML's `sweep`, most wanted first.

    A block with `on` runs on the settings of that name in the scale's `on` table, for instance another data set, and
    one with `schedule` on those of that name in its `schedules`: it checks how much depends on them.
    """
    return [
        configuration(paper, scale, paper.rows[row_id], block["noise"], rate, seed, on=block.get("on"),
                      schedule=block.get("schedule"))  # fmt: skip
        for block in configurations.settings(paper, scale)["sweep"]
        for seed in block["seeds"]
        for rate in block["noise_rates"]
        for row_id in block.get("rows", paper.rows)
    ]


def configuration(paper: Paper, scale: str, row: Row, noise: str, noise_rate: float, seed: int, *,
                  on: str | None = None, schedule: str | None = None) -> dict:  # fmt: skip
    """Everything that one run depends on, as JSON: its hash is the run's name."""
    s = configurations.settings(paper, scale)
    checks.instance(row, "row", Row, "Did you mean paper.rows[name]?")
    checks.one_of(noise, "noise", configurations.NOISES)
    noise_rate, seed = configurations.rate(noise_rate), checks.seed(seed)
    for name, wanted, of in (("on", on, s.get("on", {})), ("schedule", schedule, s.get("schedules", {}))):
        s = s if wanted is None else {**s, **of[checks.one_of(wanted, name, of)]}
    hparams = {**s.get("hparams", {}).get(row.method, {}), **row.hparams}
    if "noise rate" in row.needs:
        hparams["forget_rate"] = noise_rate
    tries_optimizer = schedule is not None and "optimizer" in paper.scale(scale)["schedules"][schedule]
    chosen = {} if tries_optimizer else row.optimizer  # what is tried goes before what was chosen
    own_file = data.own.digest(s["dataset"]) if data.own.is_own(s["dataset"]) else None
    own = {"schedule": schedule, "method_file": row.file_digest or None, "dataset_file": own_file}
    own |= {name: s.get(name) for name in SOMETIMES}
    return {name: value for name, value in own.items() if value is not None} | {
        "row": row.id, "noise": noise, "noise_rate": noise_rate, "seed": seed,
        "dataset": s["dataset"], "n_train": s.get("n_train"), "val_fraction": s["val_fraction"],
        "method": row.method, "hparams": hparams, "augment": row.augment, "oracle": row.oracle,
        "network": s["network"], "optimizer": chosen if "name" in chosen else s["optimizer"] | chosen,
        "epochs": s["epochs"] * row.passes,
        "batch_size": s["batch_size"], "generator": s.get("generator", {}), "amp": s.get("amp", False),
    }  # fmt: skip


def check(config: dict) -> None:
    """Raises unless a configuration is whole and its method, data set, network and noise exist: before a sweep."""
    from lnlkit import methods, models

    configurations.check(config, KEYS, "classification", models.NETWORKS)
    methods.make(config["method"], **config["hparams"])
    _check_set(config["dataset"])
    if config["noise"] == "given" and not data.own.is_own(config["dataset"]):
        raise ValueError(f"`noise` must be another one for {config['dataset']}: 'given' is that of a file of your own.")


def _check_set(name: str) -> None:
    if not data.own.is_own(name):
        checks.one_of(name, "dataset", data.images.DATASETS)


def noisy_set(settings: dict, noise: str, noise_rate: float, seed: int, device: str = "cpu") -> data.NoisyData:
    """The whole noisy training set, validation included. `settings`: a configuration, or the scale of a paper."""
    from lnlkit.tasks import corruption

    _check_set(settings["dataset"])
    for name in settings.get("generator", {}):
        checks.one_of(name, "generator", corruption.IDNGenerator.__dataclass_fields__)
    return corruption.make_noisy(
        _images(settings), noise, noise_rate, seed, n_train=settings.get("n_train"),
        generator=corruption.IDNGenerator(**settings.get("generator", {})), device=device)  # fmt: skip


def _images(settings: dict) -> data.ImageData:
    """The data set of a configuration, or of the scale of a paper, as far as its half and its classes go."""
    images = data.load(settings["dataset"])
    if settings.get("half") is not None:
        images = data.images.half(images, settings["half"])
    return images if settings.get("classes") is None else data.images.only(images, settings["classes"])


def splits(config: dict, device: str = "cpu") -> Splits:
    """Noisy training set, noisy validation set and clean test set of a configuration."""
    from lnlkit import augment, models

    configurations.check(config, KEYS, "classification", models.NETWORKS)
    if config["augment"] is not None:
        checks.one_of(config["augment"], "augment", augment.AUGMENTATIONS)
    noisy = noisy_set(config, config["noise"], config["noise_rate"], config["seed"], device)
    train, noisy_val = data.split_validation(noisy, config["val_fraction"], seed=config["seed"])
    images = _images(config)
    index = data.subset(images.x_test, images.y_test, config.get("n_test"), seed=0)  # the same for every run
    test = data.Labelled(images.x_test[index], images.y_test[index], images.n_classes)
    return Splits(train, noisy_val, test)


def recipe(config: dict, train, device: str = "cpu"):
    """The `Recipe` of a configuration on these training data."""
    from lnlkit import augment, models
    from lnlkit.training import Recipe, decay_of, optimizer_of

    configurations.check(config, KEYS, "classification", models.NETWORKS)
    name, wanted = config["dataset"], config["augment"]
    facts = data.own.facts_of(data.load(name)) if data.own.is_own(name) else data.images.DATASETS[name]
    make_net = functools.partial(models.of_images, config["network"], facts)
    return Recipe(
        make_net, optimizer_of(config["optimizer"]), epochs=config["epochs"],
        batch_size=config["batch_size"], device=device, amp=config["amp"],
        augment=augment.AUGMENTATIONS[checks.one_of(wanted, "augment", augment.AUGMENTATIONS)] if wanted else None,
        make_schedule=decay_of(config["decay"], config["epochs"]) if "decay" in config else None,
    )  # fmt: skip


def tracker(splits: Splits):
    """Accuracy and loss on noisy training, noisy validation and clean test data after each epoch."""
    from lnlkit import evaluation

    return evaluation.tracker(splits.train, splits.noisy_val, splits.test)


def measure(trained: Trained, config: dict) -> dict:
    """Realised rate and transition matrix, and accuracy at the best noisy-validation epoch and at the last one.

    A method that can `diagnose` itself says in numbers what became of it (`diagnosis`), and one that can `illustrate`
    itself gives what pictures show (`pictures`). Where clean labels are not known, nothing is said of them.
    """
    from lnlkit import evaluation

    if data.own.is_own(config["dataset"]) and not _images(config).clean_known:
        return {"realised_rate": None, "T": None, "summary": evaluation.summarise(trained.history)}
    noisy, method = trained.splits.train, trained.method
    says = {part: getattr(method, how)(trained.splits) for part, how in SAYS.items() if hasattr(method, how)}
    return {"realised_rate": noisy.noise_rate_, "T": noisy.T.round(5).tolist(),
            "summary": evaluation.summarise(trained.history), **says}  # fmt: skip


def row(record: dict, key: str) -> dict:
    """A run's record as one row of the recorded table: histories as lists over epochs, to four decimals."""
    config, history = record["config"], record["history"]
    names = [name for name in history[0] if name != "epoch"]
    own = {"schedule": config["schedule"]} if "schedule" in config else {}
    own |= {"diagnosis": rounded(record["diagnosis"])} if "diagnosis" in record else {}
    own |= {"pictures": record["pictures"]} if config["seed"] == 0 and record.get("pictures") else {}
    return {
        **{name: config[name] for name in KEPT}, **own, "key": key,
        "realised_rate": record["realised_rate"], **record["summary"], "seconds": record["seconds"],
        "history": {name: [round(epoch[name], 4) for epoch in history] for name in names},
    }  # fmt: skip


def shared(found: list[dict]) -> dict:
    """What the runs share: by data set its sizes and settings, by row its method and hyper-parameters.

    The settings of a schedule stand apart.
    """
    of, schedules = {}, {}
    for record in found:
        config, name = record["config"], record["config"].get("schedule")
        settings = {"n": record["n"], **{k: config[k] for k in PER_DATASET}, "epochs": config["epochs"]}
        settings |= {k: config[k] for k in SOMETIMES if k in config}
        (schedules if name else of).setdefault(name or config["dataset"], settings)
    main = [r for r in found if "schedule" not in r["config"]] or found
    rows = {r["config"]["row"]: {k: r["config"][k] for k in PER_ROW} | {"hparams": r["hparams"]} for r in main}
    return {"datasets": of, "rows": rows} | ({"schedules": schedules} if schedules else {})


def fold(found: list[dict], rows: list[dict], paper: Paper, scale: str, device: str = "cpu") -> dict:
    """The parts of the recorded table: runs, each realised transition matrix once, and the embedding if asked for."""
    main, parts = [r for r in found if "schedule" not in r["config"]], {"runs": _with_pictures_once(rows)}
    parts["matrices"] = _matrices(main)
    if "embedding" in paper.scale(scale) and main:
        parts["embedding"] = _embedding(paper.scale(scale), [r["config"] for r in main], device)
    return parts


def _with_pictures_once(rows: list[dict]) -> list[dict]:
    """The rows, of which those of a schedule have pictures only where no other run shows its row and noise."""
    shown = {tuple(row[name] for name in KEPT) for row in rows if "schedule" not in row}
    return [{name: value for name, value in row.items() if name != "pictures" or "schedule" not in row
             or tuple(row[of] for of in KEPT) not in shown} for row in rows]  # fmt: skip


def _matrices(found: list[dict]) -> list[dict]:
    names = ("dataset", "noise", "noise_rate", "seed")
    sets = {tuple(r["config"][name] for name in names): r for r in found if r["T"] is not None}
    return [{**dict(zip(names, of, strict=True)), "T": r["T"], "realised_rate": r["realised_rate"]}
            for of, r in sets.items()]  # fmt: skip


def _embedding(settings: dict, configs: list[dict], device: str) -> dict:
    """`embed` for a stratified draw of the scale's training images, with the labels of the first seed.

    agreement: a line a seed and noise, each on the map of the seed's own images.
    """
    noises, maps = distinct((config["noise"], config["noise_rate"]) for config in configs), {}
    for seed in sorted({config["seed"] for config in configs}):
        clean = noisy_set(settings, "symmetric", 0.0, seed)
        index = data.subset(clean.x, clean.y_clean, min(settings["embedding"]["n"], len(clean)), seed=seed)
        labels = {(noise, rate): noisy_set(settings, noise, rate, seed, device).y[index] for noise, rate in noises}
        maps[seed] = embed(clean.x[index], labels, clean.y_clean[index], settings["embedding"]["perplexity"])
    names = ("noise", "noise_rate", "knn_agreement")
    agreement = [{"seed": seed, **{name: noisy[name] for name in names},
                  "knn_agreement_clean": of["knn_agreement_clean"]}
                 for seed, of in maps.items() for noisy in of["noisy"]]  # fmt: skip
    return {**maps[min(maps)], "agreement": agreement}


def embed(x, noisy_labels: dict, y_clean, perplexity: float, seed: int = 0) -> dict:
    """t-SNE of the pixels of images (N, ...) and the labels that each noise gives them (Paper 01, Fig. 2).

    noisy_labels: {(noise, noise_rate): y (N,)}. The coordinates never see a label. `knn_agreement` is the share of
    the 10 nearest neighbours in the plane that carry the same label.
    """
    from lnlkit import evaluation

    pixels = x.reshape(len(x), -1) / 255.0
    coordinates = evaluation.tsne(pixels, perplexity, seed)
    noisy = [
        {"noise": noise, "noise_rate": rate, "y": y.tolist(), "knn_agreement": evaluation.knn_agreement(coordinates, y)}
        for (noise, rate), y in sorted(noisy_labels.items())
    ]
    return {
        "settings": f"scikit-learn t-SNE of the pixels of {len(x)} images, perplexity {perplexity:g}, PCA, seed {seed}",
        "x": coordinates.round(2).tolist(), "y_clean": y_clean.tolist(), "noisy": noisy,
        "knn_agreement_clean": evaluation.knn_agreement(coordinates, y_clean),
    }  # fmt: skip
