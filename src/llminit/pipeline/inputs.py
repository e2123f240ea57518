"""From what the caller gives to a data set and its items' text embeddings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llminit.config import DataConfig
from llminit.data import Dataset, make_dataset, read_interactions, read_items
from llminit.errors import ConfigError
from llminit.progress import SILENT, Reporter
from llminit.text import (
    ENCODERS,
    Encoder,
    EncodingCache,
    TextEmbeddings,
    check_template,
    default_template,
    encode_items,
    open_encoder,
    read_embeddings,
)

DEFAULT_ENCODER = "minilm"


def load_dataset(interactions: Any, items: Any, config: DataConfig) -> Dataset:
    """Read and filter the two tables; see `fit` for what they may be.

    Raises:
        DataError: A table cannot be read or used, or the filters leave nothing.
    """
    item_table = None if items is None else read_items(items, config.columns)
    return make_dataset(read_interactions(interactions, config.columns), item_table, config.filters)


def load_text(
    dataset: Dataset,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    template: str | None = None,
    cache: str | Path | None = None,
    reporter: Reporter = SILENT,
) -> TextEmbeddings:
    """Read the items' text embeddings, or encode their texts; one row for each item of the data set.

    Raises:
        ConfigError: There is neither a source of embeddings nor an item table.
        EmbeddingError: The embeddings cannot be used.
    """
    if embeddings is not None:
        return read_embeddings(embeddings).aligned_to(dataset.items.ids)
    if dataset.item_table is None:
        raise ConfigError(
            "there is nothing to make initial embeddings from, expected text embeddings or an item table; give one of "
            "them, or use init='xavier'"
        )
    check_template(dataset.item_table, template if template is not None else default_template(dataset.item_table))
    opened = opened_encoder(encoder)
    folder = None if cache is None else EncodingCache(Path(cache))
    return encode_items(dataset.item_table, template, opened, folder, reporter)


@dataclass(frozen=True, eq=False)
class TextSource:
    """Text embeddings and where they are from.

    Attributes:
        embeddings: One row for each item of the data set.
        encoder: The encoder's SPEC; None where embeddings were given.
        encoder_options: Its options.
        identity: What it says of itself.
        template: The template of the item text that was used; None where embeddings were given.
    """

    embeddings: TextEmbeddings
    encoder: str | None = None
    encoder_options: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)
    template: str | None = None


def text_source(
    dataset: Dataset,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    template: str | None = None,
    cache: str | Path | None = None,
    reporter: Reporter = SILENT,
) -> TextSource:
    """Return text embeddings as `load_text` does, with what a new item's text needs to go the same way.

    Raises:
        ConfigError: There is neither a source of embeddings nor an item table.
        EmbeddingError: The embeddings cannot be used.
    """
    if embeddings is not None or dataset.item_table is None:
        return TextSource(load_text(dataset, embeddings=embeddings))
    used_template = template if template is not None else default_template(dataset.item_table)
    check_template(dataset.item_table, used_template)
    opened = opened_encoder(encoder)
    aligned = load_text(dataset, encoder=opened, template=used_template, cache=cache, reporter=reporter)
    options = getattr(opened, "options", {})
    return TextSource(aligned, opened.name, dict(options), dict(opened.identity()), used_template)


def opened_encoder(encoder: Any = None) -> Encoder:
    """Return an encoder that can encode.

    Args:
        encoder: A SPEC, an object with the methods of an encoder, or what opens one (its class or a function), which is
            opened with its default options; None takes `minilm`.

    Raises:
        ConfigError: It is none of these.
    """
    if isinstance(encoder, str | None):
        return open_encoder(encoder or DEFAULT_ENCODER)
    if not isinstance(encoder, type) and isinstance(encoder, Encoder):
        return encoder
    return open_encoder(ENCODERS.name_of(encoder))
