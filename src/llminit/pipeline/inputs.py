"""From what the caller gives to a data set and its items' text embeddings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from llminit.config import DataConfig, FilterConfig
from llminit.data import Dataset, make_dataset, read_interactions, read_items
from llminit.data.dataset import with_items
from llminit.data.out_of_core import is_prepared, open_prepared
from llminit.errors import ConfigError, DataError
from llminit.progress import SILENT, Reporter
from llminit.text import (
    ENCODERS,
    HERE,
    Encoder,
    EncodingCache,
    Engine,
    TextEmbeddings,
    check_template,
    default_template,
    encode_items,
    open_encoder,
    read_embeddings,
)

DEFAULT_ENCODER = "minilm"


# Ratings are stars, or points out of ten; what goes beyond is rather a count, such as of plays.
_HIGHEST_RATING = 10


def load_dataset(interactions: Any, items: Any, config: DataConfig, reporter: Reporter = SILENT) -> Dataset:
    """Read and filter the two tables; see `fit` for what they may be.

    Ratings that look like counts are noted, with what the minimum keeps of them. A folder of prepared interactions is
    filtered already.

    Raises:
        DataError: A table cannot be read or used, or the filters leave nothing.
    """
    item_table = None if items is None else read_items(items, config.columns)
    if is_prepared(interactions):
        return _prepared_dataset(interactions, item_table, config.filters)
    table = read_interactions(interactions, config.columns)
    if config.min_rating is not None and "rating" in table.columns:
        _note_counts(table["rating"], config.min_rating, reporter)
    return make_dataset(table, item_table, config.filters)


def _prepared_dataset(folder: str | Path, items: pl.DataFrame | None, filters: FilterConfig) -> Dataset:
    prepared = open_prepared(folder)
    if filters not in (FilterConfig(), prepared.filters):
        asked, made = (f"min_rating={one.min_rating} and k_core={one.k_core}" for one in (filters, prepared.filters))
        raise DataError(
            f"{folder} was prepared with {made}, expected the {asked} that are asked for; prepare it again with these, "
            "or leave them out here"
        )
    dataset = prepared.dataset()
    return dataset if items is None else with_items(dataset, items)


def _note_counts(ratings: pl.Series, min_rating: float, reporter: Reporter) -> None:
    lowest, highest = ratings.min(), ratings.max()
    if isinstance(lowest, float) and isinstance(highest, float) and highest > _HIGHEST_RATING:
        kept = int((ratings >= min_rating).sum())
        reporter.note(
            f"the ratings go from {lowest:g} to {highest:g}, as counts do rather than ratings; "
            f"min_rating={min_rating:g} keeps {kept} of {len(ratings)} interactions"
        )


def note_unused_text(embeddings: Any, encoder: Any, template: str | None, reporter: Reporter) -> None:
    """Say which of the things that make text embeddings play no part, because some were given."""
    unused = [name for name, value in (("encoder", encoder), ("text", template)) if value is not None]
    if embeddings is not None and unused:
        verb = "plays" if len(unused) == 1 else "play"
        reporter.note(f"text embeddings were given: {' and '.join(unused)} {verb} no part")


def load_text(
    dataset: Dataset,
    *,
    embeddings: Any = None,
    encoder: Any = None,
    template: str | None = None,
    cache: str | Path | None = None,
    engine: Engine | str = HERE,
    reporter: Reporter = SILENT,
) -> TextEmbeddings:
    """Read the items' text embeddings, or encode their texts; one row for each item of the data set.

    Raises:
        ConfigError: There is neither a source of embeddings nor an item table.
        EmbeddingError: The embeddings cannot be used.
    """
    if embeddings is not None:
        aligned = read_embeddings(embeddings).aligned_to(dataset.items.ids)
        if aligned.n_missing:
            reporter.note(
                f"{aligned.n_missing} of {len(aligned)} items have no text embedding and start from the mean "
                "of the others"
            )
        return aligned
    if dataset.item_table is None:
        raise ConfigError(
            "there is nothing to make initial embeddings from, expected text embeddings or an item table; give one of "
            "them, or use init='svd', which needs no text"
        )
    check_template(dataset.item_table, template if template is not None else default_template(dataset.item_table))
    opened = opened_encoder(encoder)
    folder = None if cache is None else EncodingCache(Path(cache))
    return encode_items(dataset.item_table, template, opened, folder, reporter, engine)


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
    engine: Engine | str = HERE,
    reporter: Reporter = SILENT,
) -> TextSource:
    """Return text embeddings as `load_text` does, with what a new item's text needs to go the same way.

    Raises:
        ConfigError: There is neither a source of embeddings nor an item table.
        EmbeddingError: The embeddings cannot be used.
    """
    if embeddings is not None or dataset.item_table is None:
        return TextSource(load_text(dataset, embeddings=embeddings, reporter=reporter))
    used_template = template if template is not None else default_template(dataset.item_table)
    check_template(dataset.item_table, used_template)
    opened = opened_encoder(encoder)
    aligned = load_text(dataset, encoder=opened, template=used_template, cache=cache, engine=engine, reporter=reporter)
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
