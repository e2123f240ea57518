"""What an encoder is, and opening one by its SPEC, such as `minilm` or `st:NAME_OR_PATH`.

Each file in `llminit.text.backends` registers its encoder with `register`; a new one is a new file there. Any other
object with the methods of `Encoder` can be passed wherever an encoder is expected.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, MissingExtraError

Identity = dict[str, str | int | float | bool]


class Encoder(Protocol):
    """Turns item texts into text embeddings."""

    @property
    def name(self) -> str:
        """What people call it; shown beside progress and in messages."""

    def identity(self) -> Identity:
        """Return everything that changes the vectors: model, revision and options, but not batch size or device.

        The cache is keyed by it, so two encoders with the same identity must give the same vectors.
        """

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), D), finite, row i for text i, with the same D at every call."""


OpenEncoder = Callable[..., Encoder]


@dataclass(frozen=True)
class Backend:
    """One way to open an encoder."""

    form: str
    """The form of its SPEC: `kind`, or `kind:WHAT`."""
    summary: str
    """One line for people."""
    open: OpenEncoder
    """Called with WHAT, if the form has one, and the options."""

    @property
    def kind(self) -> str:
        """The part of the SPEC before the colon."""
        return self.form.partition(":")[0]


_BACKENDS: dict[str, Backend] = {}


def register(form: str, summary: str) -> Callable[[OpenEncoder], OpenEncoder]:
    """Make a function that opens an encoder known under a SPEC of the given form."""

    def add(opening: OpenEncoder) -> OpenEncoder:
        backend = Backend(form, summary, opening)
        _BACKENDS[backend.kind] = backend
        return opening

    return add


def known_encoders() -> list[Backend]:
    """Return every registered backend, in the order of their SPECs."""
    from llminit.text import backends

    for module in pkgutil.iter_modules(backends.__path__):
        importlib.import_module(f"{backends.__name__}.{module.name}")
    return sorted(_BACKENDS.values(), key=lambda backend: backend.form)


def open_encoder(spec: str, **options: Any) -> Encoder:
    """Open an encoder by its SPEC.

    Opening is quick: a model is loaded when the first text is encoded, so a run that finds everything in the cache
    loads none.

    Args:
        spec: `minilm`, `st:NAME_OR_PATH`, `static:NAME_OR_PATH` or `openai:MODEL`.
        options: The backend's own options, such as `batch_size`; see its configuration class.

    Raises:
        ConfigError: The SPEC or an option is not known.
        MissingExtraError: The package that the encoder needs is not installed.
        EmbeddingError: The model does not exist.
    """
    kind, _, what = spec.partition(":")
    backends = {backend.kind: backend for backend in known_encoders()}
    if kind not in backends:
        raise ConfigError(f"unknown encoder {spec!r}; known are: {_forms(backends)}")
    backend = backends[kind]
    if (":" in backend.form) != bool(what.strip()):
        raise ConfigError(f"encoder {spec!r} is not complete or says too much; expected the form {backend.form}")
    return backend.open(what, **options) if what else backend.open(**options)


def require_package(package: str, what: str, extra: str) -> None:
    """Check, without importing it, that a package is installed.

    Raises:
        MissingExtraError: It is not; the message names the pip command for `extra`.
    """
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(what, extra)


def _forms(backends: dict[str, Backend]) -> str:
    return ", ".join(backend.form for backend in backends.values())
