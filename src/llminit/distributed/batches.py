"""A rank's part of a batch, with what it is compared with: its own items, or the items of all ranks."""

from typing import Literal, NamedTuple

import numpy as np

from llminit.arrays import IntArray
from llminit.distributed.layout import share

Negatives = Literal["rank", "shared"]
"""Which items are a pair's negatives: those of its rank's part of the batch, or those of the whole batch."""


class LocalBatch(NamedTuple):
    """One rank's part of a batch.

    Attributes:
        users: int64 of shape (n,), nodes of the users.
        columns: int64 of shape (n_columns,), nodes of the items they are compared with; the first n are their own.
        weight: The part's share of the batch's pairs.
    """

    users: IntArray
    columns: IntArray
    weight: float


def local_batch(triples: IntArray, rank: int, size: int, negatives: Negatives) -> LocalBatch:
    """Return a rank's part of a batch.

    Args:
        triples: int64 of shape (2, B): users and items, as nodes; (3, B) with sampled negatives.
        rank: The rank.
        size: Number of ranks.
        negatives: What the pairs are compared with.
    """
    part = share(triples.shape[1], rank, size)
    users, own = triples[0, part], triples[1, part]
    if not len(users):
        return LocalBatch(users, own, 0.0)
    if negatives == "rank":
        columns = triples[1:, part].reshape(-1)
    else:
        columns = np.concatenate([own, triples[1, : part.start], triples[1, part.stop :], triples[2:].reshape(-1)])
    return LocalBatch(users, columns, len(users) / triples.shape[1])
