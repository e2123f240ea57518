"""Item texts -> text embeddings, through the cache."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from llminit.arrays import FloatArray, IntArray
from llminit.errors import DataError, EmbeddingError
from llminit.progress import SILENT, Reporter
from llminit.text.cache import CacheSection, EncodingCache, hash_of
from llminit.text.embeddings import TextEmbeddings
from llminit.text.encoder import Encoder
from llminit.text.template import default_template, render_texts

CHUNK_SIZE = 256
TEXT_SHOWN = 60


def encode_items(
    item_table: pl.DataFrame,
    template: str | None,
    encoder: Encoder,
    cache: EncodingCache | None = None,
    reporter: Reporter = SILENT,
) -> TextEmbeddings:
    """Encode the item texts of a table.

    Args:
        item_table: One row an item, with a column `item_id` and the columns that the template names.
        template: The text of an item, such as "{title}. {brand}"; None takes `default_template`.
        encoder: Makes the vectors.
        cache: Keeps vectors between runs; None keeps nothing.
        reporter: Receives progress, and notes about items without text and damaged cache files.

    Returns:
        Text embeddings in the order of the table; items without text are marked as missing.

    Raises:
        DataError: The table has no `item_id`, a duplicate id, lacks a column of the template, or has no text at all.
        EmbeddingError: The encoder gave vectors that cannot be used.
    """
    ids = _item_ids(item_table)
    chosen = template if template is not None else default_template(item_table)
    texts = render_texts(item_table, chosen)
    missing = np.array([text is None for text in texts], dtype=np.bool_)
    if missing.all():
        raise DataError(
            f"none of the {len(texts)} items has text for the template {chosen!r}; name columns that hold text, of: "
            f"{', '.join(item_table.columns)}"
        )
    if missing.any():
        reporter.note(f"{int(missing.sum())} of {len(texts)} items have no text")
    encoded = encode_texts([text for text in texts if text is not None], encoder, cache, reporter)
    values = np.zeros((len(texts), encoded.shape[1]), dtype=np.float32)
    values[~missing] = encoded
    return TextEmbeddings.from_arrays(ids, values, missing)


def encode_texts(
    texts: Sequence[str],
    encoder: Encoder,
    cache: EncodingCache | None = None,
    reporter: Reporter = SILENT,
    chunk_size: int = CHUNK_SIZE,
) -> FloatArray:
    """Encode texts, each distinct text once, except those in the cache.

    Every chunk is in the cache before the next one is encoded, so a killed run loses at most one chunk.

    Args:
        texts: Any number of texts.
        encoder: Makes the vectors.
        cache: Keeps vectors between runs; None keeps nothing.
        reporter: Receives progress, and notes about damaged cache files.
        chunk_size: Texts between two writes to the cache.

    Returns:
        float32 of shape (len(texts), D), row i for text i; of shape (0, 0) when there are no texts.

    Raises:
        EmbeddingError: The encoder gave a wrong number of vectors, a changing width, or NaN or infinite values.
        StorageError: The cache cannot be written.
    """
    if not texts:
        return np.zeros((0, 0), dtype=np.float32)
    distinct = list(dict.fromkeys(texts))
    # Longest first: batches of similar lengths need little padding, and a batch that is too large fails at once.
    distinct.sort(key=len, reverse=True)
    section = cache.section(encoder.identity()) if cache is not None else None
    vectors = _encode_distinct(distinct, encoder, section, reporter, chunk_size)
    row_of = {text: row for row, text in enumerate(distinct)}
    return vectors[np.fromiter((row_of[text] for text in texts), dtype=np.int64, count=len(texts))]


def _encode_distinct(
    texts: list[str], encoder: Encoder, section: CacheSection | None, reporter: Reporter, chunk_size: int
) -> FloatArray:
    hashes = [hash_of(text) for text in texts]
    cached, cached_values = section.read(hashes, reporter) if section is not None else _no_vectors()
    pending = np.setdiff1d(np.arange(len(texts)), cached)
    if not len(pending):
        return cached_values[np.argsort(cached)]
    width = cached_values.shape[1] if len(cached) else None
    new_values = np.zeros((0, 0), dtype=np.float32)
    with reporter.task(f"encoding with {encoder.name}", len(pending)) as task:
        for start in range(0, len(pending), chunk_size):
            chunk = pending[start : start + chunk_size]
            values = _encode_chunk(encoder, [texts[row] for row in chunk], width)
            if width is None or not start:
                width = values.shape[1]
                new_values = np.empty((len(pending), width), dtype=np.float32)
            new_values[start : start + len(chunk)] = values
            if section is not None:
                section.write([hashes[row] for row in chunk], values, reporter)
            task.advance(len(chunk))
    result = np.empty((len(texts), new_values.shape[1]), dtype=np.float32)
    result[pending] = new_values
    if len(cached):
        result[cached] = cached_values
    return result


def _encode_chunk(encoder: Encoder, texts: list[str], width: int | None) -> FloatArray:
    values = np.asarray(encoder.encode(texts), dtype=np.float32)
    if values.ndim != 2 or len(values) != len(texts) or not values.shape[1]:
        raise EmbeddingError(
            f"encoder {encoder.name} gave an array of shape {values.shape} for {len(texts)} texts, expected one row a "
            "text; check the encoder or choose another one"
        )
    if width is not None and values.shape[1] != width:
        raise EmbeddingError(
            f"encoder {encoder.name} gave vectors of width {values.shape[1]} after vectors of width {width}; if the "
            "model behind it has changed, clear the cache folder and encode again"
        )
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(broken):
        raise EmbeddingError(
            f"encoder {encoder.name} gave NaN or infinite values for {len(broken)} of {len(texts)} texts, the first "
            f"is {texts[int(broken[0])][:TEXT_SHOWN]!r}; check the encoder or choose another one"
        )
    return values


def _no_vectors() -> tuple[IntArray, FloatArray]:
    return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)


def _item_ids(item_table: pl.DataFrame) -> pl.Series:
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
