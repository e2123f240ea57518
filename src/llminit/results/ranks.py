"""Ranks as columns in the order of a split's test interactions, and back."""

import numpy as np
import polars as pl

from llminit.evaluation import RelevantRanks

# Not which item it was: results may be published where the data may not.
SPLIT_SCHEMA = pl.Schema({"user": pl.Int32, "user_degree": pl.Int32, "item_popularity": pl.Int32})
RANK_LIMIT = 1000
"""Ranks above it are written as one more: no metric here looks further, and two bytes hold them."""


def to_column(ranks: RelevantRanks) -> pl.Series:
    """Return the rank of each test interaction, UInt16, in order of user and item.

    Args:
        ranks: With the items that they belong to.
    """
    return pl.Series(np.minimum(ranks.rows()[2], RANK_LIMIT + 1).astype(np.uint16))


def from_column(split: pl.DataFrame, column: pl.Series) -> RelevantRanks:
    """Return ranks as the metrics take them.

    Args:
        split: The test interactions, sorted by user and item.
        column: Their ranks.

    Returns:
        Ranks whose items are the rows of the split.
    """
    users = split["user"].to_numpy().astype(np.int64)
    return RelevantRanks.from_rows(users, np.arange(len(users)), column.to_numpy().astype(np.int64))
