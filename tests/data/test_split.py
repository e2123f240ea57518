"""Splits divide everything once, as their kind says, the same for the same seed."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.config import SplitConfig, SplitKind
from llminit.data import make_dataset, split_interactions
from llminit.errors import ConfigError, DataError
from oracles_data import slow_temporal_parts

KINDS: list[SplitKind] = ["random-loo", "temporal-loo", "ratio", "global-time"]
PARTS = ("train", "valid", "test")


def make_rows(rng: np.random.Generator, n_users: int = 40, n_items: int = 30) -> pl.DataFrame:
    pairs = np.argwhere(rng.random((n_users, n_items)) < rng.random((n_users, 1)) * 0.5)
    times = rng.permutation(len(pairs)) + 1000
    return pl.DataFrame({"user_id": pairs[:, 0], "item_id": pairs[:, 1], "timestamp": times})


def parts_of(rows: pl.DataFrame, config: SplitConfig, seed: int = 0) -> dict[tuple[int, int], str]:
    """Give {(user, item): part} with the caller's ids."""
    dataset = make_dataset(rows)
    split = split_interactions(dataset, config, seed)
    result: dict[tuple[int, int], str] = {}
    for name in PARTS:
        part = getattr(split, name)
        pairs = zip(dataset.users.ids_of(part.users), dataset.items.ids_of(part.items), strict=True)
        result |= dict.fromkeys(pairs, name)
    return result


@given(st.integers(0, 10_000), st.sampled_from(KINDS))
@settings(max_examples=40, deadline=None)
def test_parts_are_disjoint_and_cover_everything(seed: int, kind: SplitKind) -> None:
    """Each interaction is in exactly one part, with its timestamp, and each part is in order of user and item."""
    dataset = make_dataset(make_rows(np.random.default_rng(seed)))
    split = split_interactions(dataset, SplitConfig(kind=kind, valid_share=0.2, test_share=0.3), seed)
    found = []
    for name in PARTS:
        part = getattr(split, name)
        rows = list(zip(part.users.tolist(), part.items.tolist(), part.timestamps.tolist(), strict=True))
        assert rows == sorted(rows)
        found += rows
    everything = dataset.interactions
    assert everything.timestamps is not None
    assert sorted(found) == sorted(zip(everything.users, everything.items, everything.timestamps, strict=True))


@pytest.mark.parametrize("kind", ["random-loo", "temporal-loo"])
def test_leave_one_out_holds_out_one_for_validation_and_one_for_test(kind: SplitKind) -> None:
    """A user with three interactions gives one to validation and one to test; a user with fewer gives none."""
    rows = make_rows(np.random.default_rng(1))
    dataset = make_dataset(rows)
    split = split_interactions(dataset, SplitConfig(kind=kind), 0)
    counts = np.bincount(dataset.interactions.users)
    assert (counts < 3).any()
    for part in (split.valid, split.test):
        assert np.bincount(part.users, minlength=dataset.n_users).tolist() == (counts >= 3).astype(int).tolist()


def test_random_leave_one_out_is_uniform() -> None:
    """Each of a user's interactions is as likely as another to be the test one, and to be the validation one."""
    n_users = 6000
    rows = pl.DataFrame({"user_id": np.repeat(np.arange(n_users), 4), "item_id": np.tile(np.arange(4), n_users)})
    split = split_interactions(make_dataset(rows), SplitConfig(), 5)
    for part in (split.valid, split.test):
        assert np.allclose(np.bincount(part.items) / n_users, 0.25, atol=0.02)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_temporal_leave_one_out_is_the_slow_one(seed: int) -> None:
    """The last interaction is test and the one before is validation, as sorting each user's rows says."""
    rows = make_rows(np.random.default_rng(seed))
    assert parts_of(rows, SplitConfig(kind="temporal-loo")) == slow_temporal_parts(rows.rows())


def test_equal_times_follow_the_rows() -> None:
    """Among equal timestamps a later row counts as later."""
    rows = pl.DataFrame({"user_id": [1] * 4, "item_id": [4, 3, 2, 1], "timestamp": [7, 7, 7, 7]})
    assert parts_of(rows, SplitConfig(kind="temporal-loo")) == {
        (1, 4): "train", (1, 3): "train", (1, 2): "valid", (1, 1): "test"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("count", "valid_share", "test_share", "sizes"),
    [
        (10, 0.1, 0.2, (7, 1, 2)), (9, 0.1, 0.2, (8, 0, 1)), (1, 0.4, 0.5, (1, 0, 0)), (100, 0.29, 0.57, (14, 29, 57)),
        (2, 0.4999999999, 0.5, (1, 0, 1)), (3, 0.0, 0.0, (3, 0, 0)),
    ],
)  # fmt: skip
def test_ratio_sizes(count: int, valid_share: float, test_share: float, sizes: tuple[int, int, int]) -> None:
    """Each user gives the floor of their shares, and keeps at least one in training."""
    rows = pl.DataFrame({"user_id": [0] * count + [1] * count, "item_id": [*range(count), *range(count)]})
    config = SplitConfig(kind="ratio", valid_share=valid_share, test_share=test_share)
    split = split_interactions(make_dataset(rows), config, 0)
    for user in (0, 1):
        assert tuple((getattr(split, name).users == user).sum() for name in PARTS) == sizes


@pytest.mark.parametrize("kind", ["random-loo", "ratio"])
def test_random_splits_depend_on_the_seed_alone(kind: SplitKind) -> None:
    """The same seed gives the same split in any order of the rows; another seed gives another."""
    rows = make_rows(np.random.default_rng(3))
    config = SplitConfig(kind=kind, valid_share=0.2, test_share=0.2)
    shuffled = rows.sample(fraction=1, shuffle=True, seed=1)
    assert parts_of(rows, config, 7) == parts_of(shuffled, config, 7)
    assert parts_of(rows, config, 7) == parts_of(rows.drop("timestamp"), config, 7)
    assert parts_of(rows, config, 7) != parts_of(rows, config, 8)


@given(st.integers(0, 10_000), st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_global_time_never_divides_equal_times(seed: int, span: int) -> None:
    """Training is before validation is before test, strictly, and no later part is larger than its share."""
    rows = make_rows(np.random.default_rng(seed)).with_columns(pl.col("timestamp") // (span * 5))
    dataset = make_dataset(rows)
    try:
        split = split_interactions(dataset, SplitConfig(kind="global-time", valid_share=0.2, test_share=0.2), 0)
    except DataError:
        last = rows["timestamp"].max()
        assert (rows["timestamp"] == last).sum() > int(0.2 * len(rows))
        return
    sets = [set(getattr(split, name).timestamps.tolist()) for name in PARTS]
    filled = [times for times in sets if times]
    assert all(max(before) < min(after) for before, after in pairwise(filled))
    assert len(split.train) > 0
    assert len(split.test) <= 0.2 * len(rows)
    assert len(split.test) + len(split.valid) <= 0.4 * len(rows) + 1


def test_global_time_without_equal_times_has_exact_sizes() -> None:
    """With distinct timestamps the shares are met to the floor."""
    rows = make_rows(np.random.default_rng(4))
    split = split_interactions(make_dataset(rows), SplitConfig(kind="global-time", valid_share=0.1, test_share=0.3), 0)
    assert (len(split.valid), len(split.test)) == (int(0.1 * len(rows)), int(0.3 * len(rows)))


def test_global_time_with_one_time_is_refused() -> None:
    """When all happened at once there is no last part, and the error says so."""
    rows = make_rows(np.random.default_rng(4)).with_columns(timestamp=1)
    with pytest.raises(DataError, match="have the same timestamp"):
        split_interactions(make_dataset(rows), SplitConfig(kind="global-time"), 0)


@pytest.mark.parametrize("kind", ["temporal-loo", "global-time"])
def test_times_are_needed(kind: SplitKind) -> None:
    """Without timestamps, or with some missing, a split in time is refused with the option that maps a column."""
    rows = pl.DataFrame({"user_id": [1, 1, 1], "item_id": [1, 2, 3], "timestamp": [1, None, None]})
    config = SplitConfig(kind=kind)
    with pytest.raises(DataError, match=r"2 of 3 interactions have no timestamp.*timestamp_column=NAME"):
        split_interactions(make_dataset(rows), config, 0)
    with pytest.raises(DataError, match=r"found no timestamps.*timestamp_column=NAME"):
        split_interactions(make_dataset(rows.drop("timestamp")), config, 0)


def test_shares_that_leave_nothing() -> None:
    """Shares that leave no training data are refused when the configuration is made."""
    with pytest.raises(ConfigError, match=r"test_share=0.5 cannot be used: .*leave no training data"):
        SplitConfig.make(valid_share=0.5, test_share=0.5)
