"""The sources of a comparison's text embeddings: files and encoders, each with a label."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llminit.config import CompareConfig
from llminit.data import Dataset
from llminit.errors import ConfigError
from llminit.pipeline.inputs import DEFAULT_ENCODER, load_text
from llminit.progress import Reporter
from llminit.text import TextEmbeddings
from llminit.text.precomputed import ATOMIC_ENDINGS, PARQUET_ENDINGS

_ENDINGS = (*PARQUET_ENDINGS, *ATOMIC_ENDINGS, ".npy")


def labelled_sources(embeddings: Any, encoders: Any) -> dict[str, Any]:
    """Give each source of text embeddings its label: a file's stem, an encoder's SPEC or name, or `embeddings`.

    Args:
        embeddings: A path, a frame, or a pair of ids and an array; None where encoders are given.
        encoders: A SPEC, a path or an encoder, or several of them, or a mapping from labels to them; a str may hold
            several, separated by commas.

    Raises:
        ConfigError: Both are given, or two sources have the same label.
    """
    if embeddings is not None and encoders is not None:
        raise ConfigError("embeddings and encoders were given, expected one of them; list the file in encoders instead")
    if isinstance(encoders, Mapping):
        return dict(encoders)
    sources = [embeddings] if embeddings is not None else _listed(encoders)
    labelled: dict[str, Any] = {}
    for source in sources:
        label = _label(source)
        if label in labelled:
            raise ConfigError(f"two sources of text embeddings are called {label!r}; rename one of the files")
        labelled[label] = source
    return labelled


def load_texts(
    dataset: Dataset, sources: Mapping[str, Any], config: CompareConfig, cache: Path | None, reporter: Reporter
) -> dict[str, TextEmbeddings]:
    """Read or encode the text embeddings of each source.

    Raises:
        ConfigError: A source is neither a file nor a known encoder, or there is no item table to encode.
        EmbeddingError: Text embeddings cannot be used.
    """
    texts = {}
    # Files are read before anything is encoded, so that one that cannot be used is refused before the work.
    for label, source in sorted(sources.items(), key=lambda pair: _is_encoder(pair[1])):
        if _is_encoder(source):
            texts[label] = load_text(dataset, encoder=source, template=config.text, cache=cache, reporter=reporter)
        else:
            texts[label] = load_text(dataset, embeddings=source)  # `compare` itself notes what they lack.
    return {label: texts[label] for label in sources}


def _is_encoder(source: Any) -> bool:
    # A str has a method `encode` too.
    return not is_file(source) if isinstance(source, str) else hasattr(source, "encode")


def default_sources() -> dict[str, Any]:
    """Return the source that is used where text is needed and none is given."""
    return {DEFAULT_ENCODER: DEFAULT_ENCODER}


def _listed(encoders: Any) -> list[Any]:
    if encoders is None:
        return []
    if isinstance(encoders, str):
        return [part.strip() for part in encoders.split(",") if part.strip()]
    return list(encoders) if isinstance(encoders, Iterable) else [encoders]


def _label(source: Any) -> str:
    if isinstance(source, Path) or (isinstance(source, str) and is_file(source)):
        return Path(source).stem
    if isinstance(source, str):
        return source
    return str(getattr(source, "name", "embeddings"))


def is_file(text: str) -> bool:
    """Return whether a source names a file of text embeddings, by its ending, and not an encoder."""
    return text.lower().endswith(_ENDINGS)
