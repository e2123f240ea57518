"""Items and users that the measured training never sees."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.config import FitConfig
from llminit.data import Dataset, make_dataset
from llminit.errors import DataError
from llminit.pipeline.cold_split import ColdSplit, split_cold
from planted import plant


def dataset(*, timed: bool = True) -> Dataset:
    world = plant()
    table = world.interactions if timed else world.interactions.drop("timestamp")
    return make_dataset(table, world.items)


def pairs(data: Dataset, users: Any, items: Any) -> set[tuple[Any, Any]]:
    return set(zip(data.users.ids.gather(users).to_list(), data.items.ids.gather(items).to_list(), strict=True))


def cold_pairs(data: Dataset, split: ColdSplit) -> set[tuple[Any, Any]]:
    users = data.users.ids.gather(split.of_items.users).to_list()
    return set(zip(users, split.cold_ids.gather(split.of_items.items).to_list(), strict=True))


@given(share=st.floats(0.05, 0.9), users=st.none() | st.floats(0.05, 0.9), seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_nothing_is_lost_but_what_is_cold_twice(share: float, users: float | None, seed: int) -> None:
    """Every interaction is for learning, of a cold item, of a cold user, or of both; none is in two parts."""
    data = dataset()
    split = split_cold(data, FitConfig(cold_share=share, cold_users=users, seed=seed))
    warm = pairs(split.warm, split.warm.interactions.users, split.warm.interactions.items)
    of_users = pairs(split.warm, split.of_users.users, split.of_users.items)
    of_items = cold_pairs(data, split)
    everything = pairs(data, data.interactions.users, data.interactions.items)
    assert len(warm) + len(of_users) + len(of_items) == len(warm | of_users | of_items)
    assert warm | of_users | of_items <= everything
    left = everything - warm - of_users - of_items
    assert {item for _, item in left} <= set(split.cold_ids)
    assert not {user for user, _ in left} & {user for user, _ in warm}
    assert len(split.cold_ids) == round(share * data.n_items) == split.n_cold_items
    assert not set(split.cold_ids) & {item for _, item in warm | of_users}
    assert sorted([*split.cold_ids, *split.warm.items.ids]) == data.items.ids.to_list()
    assert split.warm.items.ids.to_list() == data.items.ids.filter(pl.Series(split.is_warm)).to_list()
    assert split.warm.item_table is not None
    assert split.warm.item_table["item_id"].to_list() == split.warm.items.ids.to_list()


def test_nothing_cold_is_the_whole() -> None:
    """Without shares, the data set itself is learned from."""
    data = dataset()
    split = split_cold(data, FitConfig())
    assert split.warm is data
    assert (split.n_cold_items, len(split.of_items), len(split.of_users)) == (0, 0, 0)


def test_the_seed_draws() -> None:
    """The same seed holds the same items out, another one others."""
    data = dataset()
    first, again, other = (
        split_cold(data, FitConfig(cold_share=0.2, seed=seed)).cold_ids.to_list() for seed in (1, 1, 2)
    )
    assert first == again != other


def test_by_time() -> None:
    """`time` holds out the items that appeared last: no other appeared after any of them."""
    rng = np.random.default_rng(0)
    world = plant()
    table = world.interactions.with_columns(timestamp=pl.Series(rng.permutation(len(world.interactions))))
    data = make_dataset(table, world.items)
    split = split_cold(data, FitConfig(cold_share=0.25, cold_split="time"))
    first = dict(table.group_by("item_id").agg(pl.col("timestamp").min()).iter_rows())
    cold = set(split.cold_ids)
    assert len(cold) == 10
    assert min(first[item] for item in cold) > max(first[item] for item in set(first) - cold)


@pytest.mark.parametrize(
    ("options", "timed", "message"),
    [
        ({"cold_share": 0.001}, True, "holds out 0 of 40 items"),
        ({"cold_share": 0.999}, True, "holds out 40 of 40 items"),
        ({"cold_users": 0.001}, True, "holds out 0 of 60 users"),
        ({"cold_users": 0.999}, True, "holds out 60 of 60 users"),
        ({"cold_share": 0.2, "cold_split": "time"}, False, "found no timestamps, but cold_split='time'"),
    ],
)
def test_bad_input(options: dict[str, Any], timed: bool, message: str) -> None:
    """Shares that hold nothing out, or leave nothing, and a split by missing times are refused."""
    with pytest.raises(DataError, match=message):
        split_cold(dataset(timed=timed), FitConfig(**options))


def test_missing_times() -> None:
    """A single missing timestamp is enough to refuse a split by time."""
    table = plant().interactions.with_columns(
        timestamp=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise(pl.col("timestamp"))
    )
    with pytest.raises(DataError, match="interactions without a timestamp"):
        split_cold(make_dataset(table), FitConfig(cold_share=0.2, cold_split="time"))


def test_nothing_left_to_learn_from() -> None:
    """Where all interactions are with cold items or of cold users, there is nothing to learn from."""
    table = pl.DataFrame({"user_id": [1, 1, 2, 2], "item_id": ["a", "b", "a", "b"]})
    messages = []
    for seed in range(20):
        table = pl.DataFrame({"user_id": [1, 2], "item_id": ["a", "b"]})
        try:
            split_cold(make_dataset(table), FitConfig(cold_share=0.5, cold_users=0.5, seed=seed))
        except DataError as error:
            messages.append(str(error))
    assert messages
    assert all("leave none of 2 interactions to learn from" in message for message in messages)
