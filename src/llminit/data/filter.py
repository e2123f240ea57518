"""Filters of interactions: minimum rating, then duplicates, then k-core."""

import numpy as np
import polars as pl

from llminit.arrays import BoolArray, IntArray
from llminit.config import FilterConfig
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError


def apply_filters(interactions: pl.DataFrame, config: FilterConfig) -> pl.DataFrame:
    """Return the interactions that a configuration keeps, in their order.

    Args:
        interactions: Columns `user_id`, `item_id` and perhaps `rating` and `timestamp`.
        config: The filters; they apply in the order rating, duplicates, k-core.

    Raises:
        DataError: A filter leaves nothing, or needs a rating where there is none.
    """
    if interactions.is_empty():
        raise DataError("the interactions table has no rows; expected at least one interaction: check the file")
    kept = interactions
    if config.min_rating is not None:
        kept = keep_rated(kept, config.min_rating)
    kept = drop_duplicates(kept)
    return keep_core(kept, config.k_core) if config.k_core > 1 else kept


def keep_rated(interactions: pl.DataFrame, min_rating: float) -> pl.DataFrame:
    """Keep interactions rated at least `min_rating`; a missing rating (null or NaN) fails it.

    Raises:
        DataError: There is no rating column, or nothing is left.
    """
    if "rating" not in interactions.columns:
        raise DataError(
            f"found no ratings, but min_rating={min_rating:g} needs them; "
            "name the rating column (rating_column=NAME) or leave the minimum out"
        )
    rating = pl.col("rating").cast(pl.Float64).fill_nan(None)
    kept = interactions.filter(rating >= min_rating)
    if kept.is_empty():
        highest = interactions.select(rating.max()).item()
        raise DataError(
            f"the minimum rating of {min_rating:g} removes all {len(interactions)} interactions; "
            f"the highest rating is {'missing' if highest is None else format(highest, 'g')}: lower the minimum"
        )
    return kept


def drop_duplicates(interactions: pl.DataFrame) -> pl.DataFrame:
    """Keep one interaction per user and item: the earliest, or without timestamps the first row."""
    if "timestamp" in interactions.columns:
        # Among the rows of one pair the earliest comes first; equal and missing times keep the order of the rows.
        time = pl.col("timestamp").fill_nan(None) if interactions["timestamp"].dtype.is_float() else "timestamp"
        by_time = interactions.with_row_index("_row").sort(time, nulls_last=True, maintain_order=True)
        first = by_time.unique(["user_id", "item_id"], keep="first", maintain_order=True)
        return first.sort("_row").drop("_row")
    return interactions.unique(["user_id", "item_id"], keep="first", maintain_order=True)


def keep_core(interactions: pl.DataFrame, k: int) -> pl.DataFrame:
    """Keep the k-core: users and items with at least `k` interactions, iterated until nothing changes.

    Raises:
        DataError: Nothing is left; the message names the largest k that leaves something.
    """
    users = Vocabulary.from_ids(interactions["user_id"]).codes(interactions["user_id"])
    items = Vocabulary.from_ids(interactions["item_id"]).codes(interactions["item_id"])
    kept = k_core_mask(users, items, k)
    if not kept.any():
        raise DataError(
            f"the {k}-core removes all {len(interactions)} interactions; the largest k that leaves any is "
            f"{largest_core(users, items)}: lower k_core, or filter less before it"
        )
    return interactions.filter(pl.Series(kept))


def k_core_mask(users: IntArray, items: IntArray, k: int) -> BoolArray:
    """Return which interactions are in the k-core.

    Args:
        users: User codes, int64 of shape (n,).
        items: Item codes, int64 of shape (n,).
        k: Minimum number of interactions of every kept user and item.

    Returns:
        bool of shape (n,).
    """
    kept = np.ones(len(users), dtype=np.bool_)
    while True:
        enough_users = np.bincount(users[kept], minlength=_size(users)) >= k
        enough_items = np.bincount(items[kept], minlength=_size(items)) >= k
        smaller = kept & enough_users[users] & enough_items[items]
        if np.array_equal(smaller, kept):
            return kept
        kept = smaller


def largest_core(users: IntArray, items: IntArray) -> int:
    """Return the largest k whose k-core is not empty, 0 without interactions; by bisection, as cores are nested."""
    low, high = 0, len(users)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if k_core_mask(users, items, middle).any() else (low, middle - 1)
    return low


def _size(codes: IntArray) -> int:
    return int(codes.max()) + 1 if len(codes) else 0
