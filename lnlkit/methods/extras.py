"""What the extras bring: packages that are imported when they are needed, and published weights."""

import importlib

from lnlkit.data import bundles


class MissingExtra(ImportError, ValueError):
    """A package of an extra is not installed."""


def extra(package: str, of: str = "echoalign"):
    """The package, if the extra `of` is installed: it is left out of a plain installation."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingExtra(f"`{package}` must be installed for this, but it can't be imported ({_line(error)}): "
                           f"pip install 'lnlkit[{of}]'.") from error  # fmt: skip


def published(kind, source: str, name: str, **options):
    """A model of this kind with the weights in a folder, or of this name on the Hugging Face hub.

    They are downloaded once, unless LNLKIT_OFFLINE forbids it. `name`: the argument that named the weights.
    """
    try:
        return kind.from_pretrained(source, local_files_only=bundles.offline(), **options)
    except (OSError, ValueError, TypeError, KeyError) as error:  # no network, no such name, a folder of something else
        raise FileNotFoundError(
            f"`{name}` must be a folder with the weights of a {kind.__name__}, or their name on the Hugging Face hub "
            f"where downloads are allowed, but {source!r} can't be read ({_line(error)}): where there is internet, "
            "`hf download NAME --local-dir FOLDER` gets them; copy that folder here."
        ) from error


def _line(error: Exception) -> str:
    """The first sentence of a foreign error, as far as it is short."""
    text = " ".join(str(error).split()).split(". ")[0].rstrip(".:")
    return (text if len(text) < 150 else text[:149].rsplit(" ", 1)[0] + " ...") or type(error).__name__
