"""What a result was made from and by which software: digests and versions."""

import platform
from importlib import metadata

from llminit.arrays import AnyArray
from llminit.checksums import sha256_of
from llminit.config import FitConfig
from llminit.data import Dataset
from llminit.text import TextEmbeddings
from llminit.version import __version__

_ADDED = ("max_warm_loss", "cold_share", "cold_split", "cold_users")
"""Options that came after digests were stored: at their defaults they are left out, so that these still hold."""

_LIBRARIES = ("torch", "numpy", "scipy", "numba", "polars")


def fit_fingerprint(config: FitConfig, dataset: Dataset, text: TextEmbeddings | None) -> str:
    """Return a SHA-256 that names the options and all data that a fit depends on."""
    columns = (dataset.users.ids, dataset.items.ids, dataset.item_titles())
    written = [repr(None if column is None else (str(column.dtype), column.to_list())) for column in columns]
    arrays = [] if text is None else [text.values, text.missing]
    return sha256_of(_options(config), *written, *_arrays(dataset), *arrays)


def training_fingerprint(config: FitConfig, dataset: Dataset, text: TextEmbeddings | None) -> str:
    """Return a SHA-256 that names all that the steps of a training depend on, but not how many there are."""
    options = _options(config, "epochs", "patience", "refit", "max_warm_loss")
    return sha256_of(options, data_fingerprint(dataset), "" if text is None else text_fingerprint(text))


def data_fingerprint(dataset: Dataset) -> str:
    """Return a SHA-256 of who met what, when, by the caller's ids."""
    columns = (dataset.users.ids, dataset.items.ids)
    written = [f"{ids.dtype}\n" + "\n".join(map(repr, ids.to_list())) for ids in columns]
    return sha256_of(*written, *_arrays(dataset))


def text_fingerprint(text: TextEmbeddings) -> str:
    """Return a SHA-256 of text embeddings in the order of the items."""
    return sha256_of(str(text.values.shape), text.values, text.missing)


def _options(config: FitConfig, *without: str) -> str:
    """Return the options as JSON, in the form that stored digests were made of."""
    fields = type(config).model_fields
    unused = {name for name in _ADDED if name in fields and getattr(config, name) == fields[name].default}
    return config.model_dump_json(exclude={*without, *unused})


def _arrays(dataset: Dataset) -> list[AnyArray]:
    interactions = dataset.interactions
    times = [] if interactions.timestamps is None else [interactions.timestamps]
    return [interactions.users, interactions.items, *times]


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of the libraries that results depend on."""
    software = {"python": platform.python_version(), "llminit": __version__}
    return software | {name: metadata.version(name) for name in _LIBRARIES}
