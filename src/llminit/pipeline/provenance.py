"""What a result was made from and by which software: digests and versions."""

import hashlib
import platform
from importlib import metadata

from llminit.config import FitConfig
from llminit.data import Dataset
from llminit.text import TextEmbeddings
from llminit.version import __version__

_LIBRARIES = ("torch", "numpy", "scipy", "numba", "polars")


def fit_fingerprint(config: FitConfig, dataset: Dataset, text: TextEmbeddings | None) -> str:
    """Return a SHA-256 that names the options and all data that a fit depends on."""
    digest = hashlib.sha256(config.model_dump_json().encode())
    for column in (dataset.users.ids, dataset.items.ids, dataset.item_titles()):
        digest.update(repr(None if column is None else (str(column.dtype), column.to_list())).encode())
    for array in (dataset.interactions.users, dataset.interactions.items, dataset.interactions.timestamps):
        digest.update(b"" if array is None else array.tobytes())
    if text is not None:
        digest.update(text.values.tobytes())
        digest.update(text.missing.tobytes())
    return digest.hexdigest()


def data_fingerprint(dataset: Dataset) -> str:
    """Return a SHA-256 of who met what, when, by the caller's ids."""
    digest = hashlib.sha256()
    for ids in (dataset.users.ids, dataset.items.ids):
        digest.update(f"{ids.dtype}\n".encode())
        digest.update("\n".join(map(repr, ids.to_list())).encode())
    for array in (dataset.interactions.users, dataset.interactions.items, dataset.interactions.timestamps):
        digest.update(b"" if array is None else array.tobytes())
    return digest.hexdigest()


def text_fingerprint(text: TextEmbeddings) -> str:
    """Return a SHA-256 of text embeddings in the order of the items."""
    digest = hashlib.sha256(str(text.values.shape).encode())
    digest.update(text.values.tobytes())
    digest.update(text.missing.tobytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Return the versions of Python, of this package and of the libraries that results depend on."""
    found = {"python": platform.python_version(), "llminit": __version__}
    return found | {name: metadata.version(name) for name in _LIBRARIES}
