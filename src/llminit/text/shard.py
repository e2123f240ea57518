"""Encoding one shard: the same function whatever engine calls it, in whatever process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llminit.arrays import FloatArray
from llminit.errors import DataError, EmbeddingError
from llminit.text.cache import CacheSection
from llminit.text.catalogue import hashes_of
from llminit.text.encoder import Encoder
from llminit.text.parts import Part
from llminit.text.plan import shard_key

TEXT_SHOWN = 60


@dataclass(frozen=True)
class Order:
    """A shard that is to be encoded.

    Attributes:
        key: The shard's key.
        texts: Its texts, in the order of the part.
    """

    key: str
    texts: list[str]


@dataclass(frozen=True)
class Outcome:
    """What became of an order.

    Attributes:
        key: The shard's key.
        state: "done" now, "had" before, or "busy": another process encodes it.
        n_texts: How many texts it has.
        width: Columns of its vectors, if they were encoded now.
    """

    key: str
    state: Literal["done", "had", "busy"]
    n_texts: int
    width: int | None = None


def encode_shard(order: Order, encoder: Encoder, section: CacheSection, width: int | None = None) -> Outcome:
    """Encode a shard and write its part, unless it is there already or another process is at it.

    Args:
        order: The shard.
        encoder: Makes the vectors.
        section: Where the part goes.
        width: Columns that the vectors must have; None if that is not known yet.

    Raises:
        DataError: The texts are not those that the key was made of.
        EmbeddingError: The encoder gave vectors that cannot be used.
        StorageError: The part cannot be written.
    """
    hashes = hashes_of(order.texts)
    if shard_key(section.encoder, hashes) != order.key:
        raise DataError("the item table changed while it was read; leave it as it is until the run has ended")
    with section.claim(order.key) as is_ours:
        if not is_ours:
            return Outcome(order.key, "busy", len(order.texts))
        if section.has(section.name_of(order.key)):
            return Outcome(order.key, "had", len(order.texts))
        values = encode_checked(encoder, order.texts, width)
        section.write(order.key, Part(hashes, values))
    return Outcome(order.key, "done", len(order.texts), values.shape[1])


def encode_checked(encoder: Encoder, texts: Sequence[str], width: int | None = None) -> FloatArray:
    """Return the encoder's vectors, float32 of shape (len(texts), D), after checking them.

    Raises:
        EmbeddingError: They are not one row a text, not of the width that was expected, or not finite.
    """
    values = np.asarray(encoder.encode(texts), dtype=np.float32)
    if values.ndim != 2 or len(values) != len(texts) or not values.shape[1]:
        raise EmbeddingError(
            f"encoder {encoder.name} gave an array of shape {values.shape} for {len(texts)} texts, expected one row a "
            "text; check the encoder or choose another one"
        )
    if width is not None and values.shape[1] != width:
        raise another_width(encoder.name, values.shape[1], width)
    broken = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(broken):
        raise EmbeddingError(
            f"encoder {encoder.name} gave NaN or infinite values for {len(broken)} of {len(texts)} texts, the first "
            f"is {texts[int(broken[0])][:TEXT_SHOWN]!r}; check the encoder or choose another one"
        )
    return values


def another_width(name: str, found: int, expected: int) -> EmbeddingError:
    """Return the error for an encoder whose vectors have changed their width."""
    return EmbeddingError(
        f"encoder {name} gave vectors of width {found} after vectors of width {expected}; if the model behind it has "
        "changed, clear the cache folder and encode again"
    )
