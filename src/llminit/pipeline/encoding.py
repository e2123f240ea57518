"""`encode_table`: an item table of any size in, a file of text embeddings out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import BoolArray, FloatArray
from llminit.config import ColumnNames
from llminit.data import ItemBatches, open_items
from llminit.pipeline.inputs import opened_encoder
from llminit.progress import SILENT, Reporter
from llminit.text import HERE, EncodingCache, Engine, check_template, default_template, render_texts
from llminit.text.catalogue import read_catalogue
from llminit.text.encode import check_some_text
from llminit.text.plan import SHARD_SIZE
from llminit.text.precomputed import write_batches
from llminit.text.stream import Encoded, encode_stream
from llminit.text.template import columns_of

OUT_ROWS = 8192


@dataclass(frozen=True)
class EncodedTable:
    """What was written.

    Attributes:
        n_items: Items of the table.
        n_missing: Items without text, which are not in the file.
        width: Columns of a vector.
    """

    n_items: int
    n_missing: int
    width: int


def encode_table(
    items: Any,
    out: str | Path,
    *,
    cache: str | Path,
    encoder: Any = None,
    template: str | None = None,
    columns: ColumnNames | None = None,
    engine: Engine | str = HERE,
    shard_size: int = SHARD_SIZE,
    reporter: Reporter = SILENT,
) -> EncodedTable:
    """Encode the item texts of a table into a Parquet file with the columns `item_id` and `embedding`.

    Of a Parquet table, only the ids and about 60 bytes an item are held in memory.

    Args:
        items: A path or a pandas, polars or Arrow table.
        out: The file; items without text are left out.
        cache: Folder where encoded texts are kept.
        encoder: An encoder's SPEC or an object with its methods; by default `minilm`.
        template: The text of an item, such as "{title}. {brand}"; None takes `default_template`.
        columns: Names of the columns; only `item_id` is used.
        engine: What encodes: an `Engine`, or the name of one: local, ray.
        shard_size: Texts that are encoded, and written to the cache, together.
        reporter: Receives progress and notes.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
        LLMInitError: A worker or the cluster has failed; the same call goes on from there.
        StorageError: The cache or the file cannot be written, or there is too little space for both.
    """
    table = open_items(items, columns)
    chosen = template if template is not None else default_template(table.head)
    check_template(table.head, chosen)
    opened = opened_encoder(encoder)
    texts = _Texts(table, chosen)
    catalogue = read_catalogue(texts)
    missing = np.concatenate(texts.missing)
    check_some_text(int(missing.sum()), len(missing), chosen, table.head.columns, reporter)
    section = EncodingCache(Path(cache)).section(opened.identity())
    writes = ((Path(out).resolve().parent, len(catalogue.distinct_of)),)
    encoded = encode_stream(catalogue, texts, opened, section, Engine.of(engine), reporter, shard_size, writes)
    write_batches(Path(out), _rows(table.ids, missing, encoded), table.ids.dtype, encoded.width)
    return EncodedTable(len(missing), int(missing.sum()), encoded.width)


class _Texts:
    """The texts of a table, a batch at a time; the first pass finds the items that have none."""

    def __init__(self, table: ItemBatches, template: str) -> None:
        self._table, self._template = table, template
        self.missing: list[BoolArray] = []

    def __call__(self) -> Iterator[list[str]]:
        """Render the texts, from the first on."""
        self.missing = []
        for batch in self._table.batches(columns_of(self._template)):
            texts = render_texts(batch, self._template)
            self.missing.append(np.array([text is None for text in texts], dtype=np.bool_))
            yield [text for text in texts if text is not None]


def _rows(ids: pl.Series, missing: BoolArray, encoded: Encoded) -> Iterator[tuple[pl.Series, FloatArray]]:
    kept = ids.filter(pl.Series(~missing))
    for start in range(0, len(kept), OUT_ROWS):
        stop = min(start + OUT_ROWS, len(kept))
        yield kept[start:stop], encoded.rows(start, stop)
