"""Regression sets with outliers: one-dimensional functions, and tables; the clean targets are kept apart.

N examples, d inputs, D = 1 target. Rates are realised exactly: floor(rate * n) targets are replaced.
"""

from dataclasses import dataclass, field

import numpy as np

from lnlkit import checks, noise, seeds
from lnlkit.data import bundles

FUNCTIONS = {
    "cosexp": lambda x: np.cos(np.pi * x / 2) * np.exp(-((x / 2) ** 2)),
    "linear": lambda x: 0.5 * x,
    "step": lambda x: np.where((x >= -1) & (x < 1), 1.0, -1.0),
}
"""The functions of Paper 05, Section 4.1, on [-3, 3]; formulas as in the authors' code, the paper only draws them."""

RANGE = (-3.0, 3.0)
OUTLIERS = (-1.5, 2.5)  # Paper 05, Section 4.1: uniform outliers


@dataclass(frozen=True)
class Targets:
    """Inputs (N, d) and targets (N, D), float32."""

    x: np.ndarray
    y: np.ndarray

    def __post_init__(self):
        _check_pairs(self, "y")

    def __len__(self):
        return len(self.y)


@dataclass(frozen=True)
class NoisyTargets:
    """Inputs (N, d), observed targets (N, D), targets without outliers (N, D), and which are outliers (N,)."""

    x: np.ndarray
    y: np.ndarray
    y_clean: np.ndarray
    outlier: np.ndarray

    def __post_init__(self):
        _check_pairs(self, "y", "y_clean")
        outlier = checks.array(self.outlier, "outlier")
        if outlier.dtype != bool or outlier.shape != self.y.shape[:1]:
            raise ValueError(f"`outlier` must be True or False for each of the {len(self.y)} examples, but got "
                             f"{outlier.dtype} of shape {outlier.shape}.")  # fmt: skip
        object.__setattr__(self, "outlier", outlier)

    def __len__(self):
        return len(self.y)

    def visible(self) -> Targets:
        """What a method may see."""
        return Targets(self.x, self.y)

    @property
    def realised_rate(self) -> float:
        """Share of targets that were replaced."""
        return float(self.outlier.mean())


def _check_pairs(holder, *names):
    """Put checked arrays in place of the inputs and targets of a frozen dataclass."""
    for name in ("x", *names):
        object.__setattr__(holder, name, checks.numbers(getattr(holder, name), name))
    shapes = [getattr(holder, name).shape for name in ("x", *names)]
    if {len(shape) for shape in shapes} != {2} or len({n for n, _ in shapes}) > 1 or len(set(shapes[1:])) > 1:
        they = " and ".join(f"`{name}`" for name in names)
        raise ValueError(
            f"`x` must be (N, d) and {they} (N, D), but got {' and '.join(map(str, shapes))}. One column is y[:, None]."
        )


def sample(function: str, n: int, rate: float, seed: int = 0, *, kind: str = "uniform", span=OUTLIERS,
           region=None, sd: float = 0.05) -> NoisyTargets:  # fmt: skip
    """n examples of a function in FUNCTIONS, x uniform on [-3, 3], y = f(x) + noise of standard deviation `sd`.

    kind: "uniform" replaces targets by draws from `span`, "flipped" by -f(x). region: (low, high) where targets may be
    replaced, None: everywhere; `rate` is the share of the examples there (Paper 05, Eq. (1), Section 3.4, Section 4.1).
    `y_clean` is f(x) itself, without the noise.
    """
    f = FUNCTIONS[checks.one_of(function, "function", FUNCTIONS)]
    checks.one_of(kind, "kind", ["uniform", "flipped"])
    inputs, draw = (np.random.default_rng(seeds.derive(seed, purpose)) for purpose in ("subset", f"{kind} outliers"))
    low, high = _interval(span, "span")
    region = region if region is None else _interval(region, "region")
    if region is not None and (region[1] < RANGE[0] or region[0] > RANGE[1]):
        raise ValueError(f"`region` must be a part of the inputs' {list(RANGE)}, but got {region}.")
    x = inputs.uniform(*RANGE, checks.positive_int(n, "n"))
    y_clean = f(x)
    y = y_clean + checks.not_negative(sd, "sd") * inputs.normal(size=n)
    new = draw.uniform(low, high, n) if kind == "uniform" else -y_clean
    where = None if region is None else (x >= region[0]) & (x <= region[1])
    y, outlier = noise.replace_targets(y, new, rate, draw, where)
    return NoisyTargets(*(np.float32(a[:, None]) for a in (x, y, y_clean)), outlier)


def _interval(ends, name):
    """Two numbers, the lower one first."""
    ends = checks.numbers(ends, name, ndim=1)
    if ends.shape != (2,) or ends[0] > ends[1]:
        raise ValueError(f"`{name}` must be two numbers (low, high), but got {ends.tolist()}.")
    return ends.tolist()


# ---- tables ----------------------------------------------------------------------------------------------------

DATASETS = {
    "friedman1": (1000, "none needed: drawn"), "diabetes": (442, "not checked"), "california": (20640, "not checked"),
    "boston": (506, "not checked"),
}  # fmt: skip
"""Number of examples and licence of each regression table."""
BUILT_IN = "built in (scikit-learn)"
NO_FILE = ("friedman1", "diabetes")


@dataclass(frozen=True, eq=False)
class Table:
    """A regression table as it was read: inputs (N, d) and targets (N,), float64, and where they come from."""

    name: str
    x: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    source: str


def read(name, data_dir=None) -> Table:
    """The table ``name`` of DATASETS; see `data.load`.

    friedman1 is drawn: 10 inputs uniform on [0, 1] and y = 10 sin(pi x_1 x_2) + 20 (x_3 - 1/2)^2 + 10 x_4 + 5 x_5 with
    noise of deviation 1 (Friedman 1991). diabetes is built into scikit-learn (442 patients, 10 inputs). california
    (scikit-learn) and boston (OpenML, the paper's) are read from `<data_dir>/<name>.npz` with arrays x and y,
    downloaded once where that is allowed. scikit-learn dropped boston because one of its inputs was built on the
    assumption that racial composition sets house prices.
    """
    checks.one_of(name, "name", DATASETS)
    if name == "friedman1":
        from sklearn.datasets import make_friedman1

        return Table(name, *make_friedman1(DATASETS[name][0], noise=1.0, random_state=0), BUILT_IN)
    if name == "diabetes":
        from sklearn.datasets import load_diabetes

        return Table(name, *load_diabetes(return_X_y=True, scaled=False), BUILT_IN)
    path = bundles.folder_of(data_dir) / f"{name}.npz"
    if not path.exists():
        if bundles.offline():
            raise FileNotFoundError(
                f"`{name}` must be in {path} (arrays x (N, d) and y (N,)), but it is not there and "
                "LNLKIT_OFFLINE forbids downloads: put it there, or use diabetes."
            )
        bundles.write_bundle(path, dict(zip(("x", "y"), _download(name, path), strict=True)))
    arrays = bundles.read_npz(path, ("x", "y"))
    return Table(name, *_check_table(arrays["x"], arrays["y"], path), f"bundle {path.name}")


def prepare(name, data_dir=None):
    """The file of the table, checked, and downloaded first if need be; None for a built-in one, which has no file."""
    read(name, data_dir)
    return None if name in NO_FILE else bundles.folder_of(data_dir) / f"{name}.npz"


def files(name, data_dir=None):
    """The files that a table is read from; see `data.files`."""
    return [] if name in NO_FILE else [bundles.folder_of(data_dir) / f"{name}.npz"]


def available(data_dir=None):
    """One row (a dict) per table of DATASETS; see `data.available`."""
    folder = bundles.folder_of(data_dir)
    return [dict(name=name, labels="numbers", examples=n, classes=None, licence=licence,
                 state=BUILT_IN if name in NO_FILE else bundles.state(name, folder / f"{name}.npz"))
            for name, (n, licence) in DATASETS.items()]  # fmt: skip


def _check_table(x, y, where):
    """x (N, d) and y (N,) as float64; raises ValueError that names `where` unless they are finite and of one length."""
    try:
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} must hold numbers only, but: {error}. Turn words into numbers first.") from error
    if x.ndim != 2 or y.shape != x.shape[:1] or len(y) < 2:
        raise ValueError(
            f"{where} must hold x (N, d) and y (N,) of at least 2 examples, but they have shapes {x.shape} "
            f"and {y.shape}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        missing = np.count_nonzero(~np.isfinite(x)) + np.count_nonzero(~np.isfinite(y))
        raise ValueError(
            f"{where} must hold finite numbers only, but {missing} of them are NaN or infinite: drop or "
            "fill these rows first."
        )
    return x, y


def _download(name, path):
    try:
        if name == "california":
            from sklearn.datasets import fetch_california_housing

            return fetch_california_housing(return_X_y=True)
        from sklearn.datasets import fetch_openml

        table = fetch_openml(name="boston", version=1, as_frame=False)
        return table.data.astype(np.float64), table.target.astype(np.float64)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(
            f"{bundles.not_downloaded(name, error)}: put its arrays x and y into {path}, or use diabetes."
        ) from error


@dataclass(frozen=True)
class TableSplit:
    """A table in two parts, inputs and targets standardised; `scale` turns a standardised error into the table's unit.

    train has outliers, test has none.
    """

    train: NoisyTargets
    test: Targets
    scale: float


def split_table(x, y, rate: float, seed: int = 0, *, test_fraction: float = 0.2) -> TableSplit:
    """A random split whose training targets are replaced at `rate` by uniform draws (Paper 05, Table 1).

    Draws lie between the smallest target and twice the range above it: this kit's choice, because the paper's text
    does not define its outliers. Standardised by mean and deviation of the observed training data, outliers included:
    whoever has only these knows no others.
    """
    x, y = _check_table(x, y, "the table of `x` and `y`")
    pick, draw = (np.random.default_rng(seeds.derive(seed, what)) for what in ("validation split", "table outliers"))
    order = pick.permutation(len(y))
    n_test = round(checks.fraction(test_fraction, "test_fraction") * len(y))
    n_test = min(max(1, n_test), len(y) - 1)
    test, train = order[:n_test], order[n_test:]
    low, span = y[train].min(), np.ptp(y[train])
    observed, outlier = noise.replace_targets(y[train], draw.uniform(low, low + 2 * span, len(train)), rate, draw)
    varies = np.ptp(x[train], axis=0) > 0  # an input that is constant in training is centred only
    centre, scale = x[train].mean(0), np.where(varies, x[train].std(0), 1.0)
    mean, sd = observed.mean(), observed.std() if np.ptp(observed) > 0 else 1.0

    def inputs(part):
        return np.float32((x[part] - centre) / scale)

    def standard(values):
        return np.float32((values - mean) / sd)[:, None]

    return TableSplit(NoisyTargets(inputs(train), standard(observed), standard(y[train]), outlier),
                      Targets(inputs(test), standard(y[test])), float(sd))  # fmt: skip
