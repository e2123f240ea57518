"""Item texts -> text embeddings, through the cache."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from llminit.arrays import FloatArray
from llminit.errors import ConfigError, DataError
from llminit.progress import SILENT, Reporter
from llminit.text.cache import EncodingCache
from llminit.text.catalogue import Catalogue, read_catalogue
from llminit.text.embeddings import TextEmbeddings
from llminit.text.encoder import Encoder
from llminit.text.engines import HERE, Engine
from llminit.text.plan import SHARD_SIZE, cut
from llminit.text.shard import encode_checked
from llminit.text.stream import encode_stream
from llminit.text.template import default_template, render_texts


def encode_items(
    item_table: pl.DataFrame,
    template: str | None,
    encoder: Encoder,
    cache: EncodingCache | None = None,
    reporter: Reporter = SILENT,
    engine: Engine | str = HERE,
) -> TextEmbeddings:
    """Encode the item texts of a table.

    Args:
        item_table: One row an item, with a column `item_id` and the columns that the template names.
        template: The text of an item, such as "{title}. {brand}"; None takes `default_template`.
        encoder: Makes the vectors.
        cache: Keeps vectors between runs; None keeps nothing.
        reporter: Receives progress, and notes about items without text and damaged cache files.
        engine: What encodes: this process, worker processes or a Ray cluster.

    Returns:
        Text embeddings in the order of the table; items without text are marked as missing.

    Raises:
        DataError: The table has no `item_id`, a duplicate id, lacks a column of the template, or has no text at all.
        EmbeddingError: The encoder gave vectors that cannot be used.
        LLMInitError: A worker or the cluster has failed.
    """
    ids = checked_item_ids(item_table)
    chosen = template if template is not None else default_template(item_table)
    texts = render_texts(item_table, chosen)
    missing = np.array([text is None for text in texts], dtype=np.bool_)
    check_some_text(int(missing.sum()), len(texts), chosen, item_table.columns, reporter)
    encoded = encode_texts([text for text in texts if text is not None], encoder, cache, reporter, engine=engine)
    values = np.zeros((len(texts), encoded.shape[1]), dtype=np.float32)
    values[~missing] = encoded
    return TextEmbeddings.from_arrays(ids, values, missing)


def encode_texts(
    texts: Sequence[str],
    encoder: Encoder,
    cache: EncodingCache | None = None,
    reporter: Reporter = SILENT,
    shard_size: int = SHARD_SIZE,
    engine: Engine | str = HERE,
) -> FloatArray:
    """Encode texts, each distinct text once, except those in the cache.

    Every shard is in the cache before the next one is encoded, so a killed run loses at most one shard a worker.

    Args:
        texts: Any number of texts.
        encoder: Makes the vectors.
        cache: Keeps vectors between runs; None keeps nothing.
        reporter: Receives progress, and notes about damaged cache files.
        shard_size: Texts that are encoded, and written to the cache, together.
        engine: What encodes: this process, worker processes or a Ray cluster; the last two need a cache.

    Returns:
        float32 of shape (len(texts), D), row i for text i; of shape (0, 0) when there are no texts.

    Raises:
        ConfigError: The engine needs a cache, or cannot run this encoder.
        EmbeddingError: The encoder gave a wrong number of vectors, a changing width, or NaN or infinite values.
        LLMInitError: A worker or the cluster has failed.
        StorageError: The cache cannot be written.
    """
    engine = Engine.of(engine)
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)
    if cache is None:
        if not engine.is_this_process:
            raise ConfigError("several workers share their work through a cache, but there is none; give its folder")
        return _without_cache(texts, encoder, reporter, shard_size)
    section = cache.section(encoder.identity())
    catalogue = read_catalogue(lambda: [texts])
    encoded = encode_stream(catalogue, lambda: [texts], encoder, section, engine, reporter, shard_size)
    return encoded.rows(0, len(texts))


def _without_cache(texts: Sequence[str], encoder: Encoder, reporter: Reporter, shard_size: int) -> FloatArray:
    """Encode the same shards as with a cache, to the same vectors."""
    catalogue = read_catalogue(lambda: [texts])
    distinct = _distinct(texts, catalogue)
    values = np.zeros((0, 0), dtype=np.float32)
    with reporter.task(f"encoding with {encoder.name}", len(distinct)) as task:
        for shard in cut(catalogue, np.arange(len(distinct)), shard_size, ""):
            width = values.shape[1] or None
            encoded = encode_checked(encoder, [distinct[row] for row in shard.texts], width)
            if width is None:
                values = np.empty((len(distinct), encoded.shape[1]), dtype=np.float32)
            values[shard.texts] = encoded
            task.advance(len(encoded))
    return values[catalogue.distinct_of]


def _distinct(texts: Sequence[str], catalogue: Catalogue) -> list[str]:
    _, first = np.unique(catalogue.distinct_of, return_index=True)
    return [texts[int(row)] for row in first]


def check_some_text(n_missing: int, n_items: int, template: str, columns: Sequence[str], reporter: Reporter) -> None:
    """Check that not all items lack text, and say how many do.

    Raises:
        DataError: No item has text.
    """
    if n_missing == n_items:
        raise DataError(
            f"none of the {n_items} items has text for the template {template!r}; name columns that hold text, of: "
            f"{', '.join(columns)}"
        )
    if n_missing:
        reporter.note(f"{n_missing} of {n_items} items have no text")


def checked_item_ids(item_table: pl.DataFrame) -> pl.Series:
    """Return the ids of an item table after checking them.

    Raises:
        DataError: There are none, or one is missing or there twice.
    """
    if "item_id" not in item_table.columns:
        raise DataError(f"the item table has no column 'item_id'; it has: {', '.join(item_table.columns)}")
    ids = item_table["item_id"]
    if not len(ids):
        raise DataError("the item table is empty; give a table with at least one item")
    if ids.null_count():
        raise DataError(f"{ids.null_count()} rows of the item table have no item_id; give each item an id")
    duplicated = ids.filter(ids.is_duplicated())
    if len(duplicated):
        raise DataError(
            f"the item table has {duplicated.n_unique()} ids more than once, the first is {duplicated[0]!r}; keep one "
            "row an item"
        )
    return ids
