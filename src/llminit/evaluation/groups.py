"""Metrics by group: users by degree and items by popularity, which shows where a model helps.

Both are numbers of training interactions, and both are divided twice: into bins of exact counts, and into head, mid
and tail.
"""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from llminit.arrays import AnyArray, BoolArray, Float64Array, IntArray
from llminit.errors import InputError
from llminit.evaluation.metrics import DEFAULT_KS, METRICS, per_user
from llminit.evaluation.ranking import RelevantRanks

COUNT_BINS = ("1", "2-4", "5-9", "10+")
"""The bins of exact counts. Bin "0" is added if a user or an item has no training interaction."""

THIRDS = ("head", "mid", "tail")
"""The groups that hold about a third of the training interactions each, the largest counts first."""

_BIN_STARTS = MappingProxyType({"0": 0, "1": 1, "2-4": 2, "5-9": 5, "10+": 10})


class GroupValue(NamedTuple):
    """One metric of one group.

    Attributes:
        group: "all", or as "user_degree=2-4" or "item_popularity=tail".
        metric: A name of `METRICS`.
        k: The length of the list.
        n: The number of evaluated users that the value averages; for a group of items, of relevant interactions.
        value: The mean.
    """

    group: str
    metric: str
    k: int
    n: int
    value: float


def user_groups(degrees: IntArray) -> dict[str, BoolArray]:
    """Divide users by their number of training interactions.

    "user_degree=head" are the users with the most interactions. Users of equal degree are in the same third: sort the
    interactions by falling degree of their user; all users of one degree go to the third that holds the middle of their
    interactions. These are thirds of the interactions and not of the users, so that each third has about as much
    training data however long the tail is, and for items (see `item_groups`) about as many test interactions, which
    makes their values about equally certain.

    Args:
        degrees: int64 of shape (n_users,), training interactions of each user.

    Returns:
        Masks of shape (n_users,) by name: "user_degree=1", "=2-4", "=5-9", "=10+", "=head", "=mid" and "=tail", and
        first "user_degree=0" where there is such a user. A mask may be empty.

    Raises:
        InputError: The counts are not a one-dimensional array of whole numbers of at least 0.
    """
    return _groups(_checked_counts(degrees, "user degrees"), "user_degree")


def item_groups(popularity: IntArray) -> dict[str, BoolArray]:
    """Divide items by their number of training interactions, as `user_groups` divides users.

    Args:
        popularity: int64 of shape (n_items,), training interactions of each item.

    Returns:
        Masks of shape (n_items,) by name: "item_popularity=1" and so on.

    Raises:
        InputError: The counts are not a one-dimensional array of whole numbers of at least 0.
    """
    return _groups(_checked_counts(popularity, "item popularity"), "item_popularity")


def grouped_metrics(
    ranks: RelevantRanks,
    relevant_items: IntArray,
    user_degrees: IntArray,
    item_popularity: IntArray,
    ks: Sequence[int] = DEFAULT_KS,
    names: Iterable[str] = tuple(METRICS),
) -> list[GroupValue]:
    """Measure every group of users and of items.

    The value of a group of users is the mean over its evaluated users. In a group of items each relevant interaction
    is a separate query with one relevant item, at the rank that it has in the user's list (the user's other relevant
    items stay in the list), and the value is the mean over the group's interactions: recall is then the share of them
    in the top k. With one relevant item for each user, as in leave-one-out, both definitions agree.

    Args:
        ranks: From `rank_relevant` or `ranks_by_protocol`.
        relevant_items: int64 of shape (n_relevant,), the item code of each rank: `ranks.items`.
        user_degrees: int64 of shape (n_users,), training interactions of each user.
        item_popularity: int64 of shape (n_items,), training interactions of each item.
        ks: The lengths of the lists that are measured.
        names: The metrics, from `METRICS`.

    Returns:
        One row for each group, k and metric; "all" comes first. A group in which nothing was evaluated has no rows.

    Raises:
        ConfigError: A metric is unknown or a k is less than 1.
        InputError: Counts cannot be used, there is not one item for each rank, or a user or item code has no count.
    """
    degrees = _checked_counts(user_degrees, "user degrees")
    popularity = _checked_counts(item_popularity, "item popularity")
    items = np.asarray(relevant_items, dtype=np.int64).reshape(-1)
    _check_codes(ranks, items, len(degrees), len(popularity))
    names = tuple(names)
    user_masks = {"all": np.ones(len(ranks), dtype=bool)}
    user_masks |= {group: mask[ranks.users] for group, mask in user_groups(degrees).items()}
    item_masks = {group: mask[items] for group, mask in item_groups(popularity).items()}
    return _means(ranks, user_masks, ks, names) + _means(_split_queries(ranks), item_masks, ks, names)


def _groups(counts: IntArray, prefix: str) -> dict[str, BoolArray]:
    bins = np.searchsorted(list(_BIN_STARTS.values()), counts, side="right") - 1
    thirds = _thirds(counts)
    groups = {f"{prefix}={name}": bins == index for index, name in enumerate(_BIN_STARTS)}
    groups |= {f"{prefix}={name}": thirds == index for index, name in enumerate(THIRDS)}
    if not groups[f"{prefix}=0"].any():
        del groups[f"{prefix}=0"]
    return groups


def _thirds(counts: IntArray) -> IntArray:
    """Return 0 for head, 1 for mid and 2 for tail, int64 of shape (n,)."""
    values, position, members = np.unique(-counts, return_inverse=True, return_counts=True)
    interactions = -values * members
    above = np.cumsum(interactions) - interactions
    # 3 * middle / total, both doubled so that all numbers are whole.
    thirds = 3 * (2 * above + interactions) // (2 * max(1, int(interactions.sum())))
    third: IntArray = np.where(values == 0, 2, thirds)[position.reshape(-1)]
    return third


def _split_queries(ranks: RelevantRanks) -> RelevantRanks:
    """Make each relevant interaction a separate query."""
    n = len(ranks.ranks)
    return RelevantRanks(np.arange(n), np.arange(n + 1), ranks.ranks)


def _means(
    ranks: RelevantRanks, groups: dict[str, BoolArray], ks: Sequence[int], names: Sequence[str]
) -> list[GroupValue]:
    values = {(k, name): per_user(ranks, f"{name}@{k}") for k in ks for name in names}
    return [
        _mean(group, mask, name, k, user_values)
        for group, mask in groups.items()
        if mask.any()
        for (k, name), user_values in values.items()
    ]


def _mean(group: str, mask: BoolArray, name: str, k: int, values: Float64Array) -> GroupValue:
    return GroupValue(group, name, k, int(mask.sum()), float(values[mask].mean()))


def _checked_counts(counts: AnyArray, what: str) -> IntArray:
    values = np.asarray(counts)
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.integer) or values.min(initial=0) < 0:
        raise InputError(
            f"{what}: found {values.dtype} of shape {values.shape}, the lowest {values.min(initial=0)}; expected one "
            "whole number of at least 0 for each; pass the row or column counts of the training interactions"
        )
    return values.astype(np.int64)


def _check_codes(ranks: RelevantRanks, items: IntArray, n_users: int, n_items: int) -> None:
    if len(items) != len(ranks.ranks):
        raise InputError(
            f"{len(items)} relevant items for {len(ranks.ranks)} ranks; expected the item of each rank; pass the "
            "`items` of ranks that come from rank_relevant or RelevantRanks.from_rows"
        )
    for codes, n, what in ((ranks.users, n_users, "user"), (items, n_items, "item")):
        if codes.min(initial=0) < 0 or codes.max(initial=-1) >= n:
            raise InputError(
                f"{what} codes from {codes.min()} to {codes.max()} for {n} counts; expected 0 to {n - 1}; pass the "
                f"counts of all {what}s of the same data set"
            )
