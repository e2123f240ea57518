"""Ranks as columns in the order of a split's test interactions, and back."""

import numpy as np
import polars as pl

from llminit.evaluation import RelevantRanks

# Without item codes: results may be published where the data may not.
SPLIT_SCHEMA = pl.Schema({"user": pl.Int32, "user_degree": pl.Int32, "item_popularity": pl.Int32})
RANK_LIMIT = 1000
"""Ranks above it are stored as one more: no metric looks further, and ranks fit in two bytes."""


def to_column(ranks: RelevantRanks) -> pl.Series:
    """Return the rank of each test interaction, UInt16, in order of user and item.

    Args:
        ranks: Ranks with their items.
    """
    return pl.Series(np.minimum(ranks.rows()[2], RANK_LIMIT + 1).astype(np.uint16))


def from_column(split: pl.DataFrame, column: pl.Series) -> RelevantRanks:
    """Return ranks in the form that the metrics take.

    Args:
        split: The test interactions, sorted by user and item.
        column: Their ranks.

    Returns:
        Ranks whose items are the rows of the split.
    """
    users = split["user"].to_numpy().astype(np.int64)
    return RelevantRanks.from_rows(users, np.arange(len(users)), column.to_numpy().astype(np.int64))
