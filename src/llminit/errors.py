"""Every error that LLMInit raises on purpose.

    LLMInitError
    ├── InputError (ValueError)      what the caller gave cannot be used
    │   ├── DataError                an interactions or item table
    │   ├── EmbeddingError           text embeddings
    │   ├── ConfigError              an option or a configuration file
    │   ├── UnknownIdError           a user or item id that the recommender does not know
    │   └── ArtefactError            a saved recommender or checkpoint that cannot be read
    ├── MissingExtraError (ImportError)   an optional dependency is not installed
    ├── EndpointError                a network service that cannot be reached, or refuses
    ├── RanksError                   processes that train together disagree, or one of them is gone
    └── StorageError (OSError)       a file that cannot be written

Each message says what was found, what was expected and what to do; `shown` and `listed` write the values in it.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any


class LLMInitError(Exception):
    """Root of all errors raised on purpose; the command line shows its message and exits with 2."""


class InputError(LLMInitError, ValueError):
    """Something that the caller gave cannot be used."""


class DataError(InputError):
    """An interactions or item table cannot be used."""


class EmbeddingError(InputError):
    """Text embeddings cannot be used."""


class ConfigError(InputError):
    """An option or a configuration file cannot be used."""


class UnknownIdError(InputError):
    """A user or item id that is not in the data."""


class ArtefactError(InputError):
    """A saved folder cannot be read: damaged, incomplete or from a newer version."""


class MissingExtraError(LLMInitError, ImportError):
    """An optional dependency is not installed.

    Args:
        what: The feature that needs it.
        extra: The extra that installs it.
        packages: The packages that were not found, if known.
        command: A command that installs them without the rest of the extra, if there is one.
    """

    def __init__(self, what: str, extra: str, packages: tuple[str, ...] = (), command: str | None = None) -> None:
        missing = f" ({', '.join(packages)})" if packages else ""
        whole = f"pip install 'llminit[{extra}]'"
        how = whole if command is None else f"{command} (or, with all that belongs to it: {whole})"
        super().__init__(f"{what} needs an optional dependency{missing}; install it with: {how}")


class EndpointError(LLMInitError):
    """A network service cannot be reached, or refuses."""


class RanksError(LLMInitError):
    """Processes that train one model together disagree, or one of them is gone."""


class StorageError(LLMInitError, OSError):
    """A file or folder cannot be written."""


_WIDEST = 60


def shown(value: Any) -> str:
    """Return a value as messages show it: on one line, and cut where it is long."""
    if hasattr(value, "isoformat"):
        return str(value)
    if hasattr(value, "to_list"):
        value = value.to_list()
    # A long text is cut before it is written, as its escapes may be longer still.
    text = repr(value[:_WIDEST] if isinstance(value, str | bytes | list) else value)
    if " object at 0x" in text:
        return f"an object of {type(value).__name__}"
    one_line = " ".join(text.split())
    is_cut = len(one_line) > _WIDEST or (isinstance(value, str | bytes | list) and len(value) > _WIDEST)
    return f"{one_line[:_WIDEST]}..." if is_cut else one_line


def listed(values: Iterable[Any]) -> str:
    """Return the first three of some values as messages show them."""
    return ", ".join(shown(value) for value in islice(values, 3))
