"""The formula of a step's traffic, against what real ranks count."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llminit.config import TrainingConfig
from llminit.distributed.cost import (
    StepSizes,
    bytes_per_step,
    bytes_per_step_of_columns,
    rows_per_step,
    seconds_per_step,
)
from llminit.distributed.group import Group
from llminit.distributed.job import follow, release, train_over_ranks
from llminit.distributed.ranks import Ranks
from llminit.graph import Adjacency, normalized_adjacency
from llminit.models import BACKBONES
from rank_processes import on_ranks
from sample_graphs import random_pairs, vectors

N_USERS, N_ITEMS, N_PAIRS, WIDTH, BATCH, EPOCHS = 400, 300, 6000, 6, 100, 2


def graph() -> Adjacency:
    """Interactions whose users and items are as likely, as the formula takes them."""
    return normalized_adjacency(
        *random_pairs(np.random.default_rng(3), N_USERS + 1, N_ITEMS + 1, N_PAIRS), N_USERS, N_ITEMS
    )


def sent(group: Group, name: str, options: dict[str, Any], negatives: Any) -> float:
    """Train and return the mean bytes that a rank has sent in a step, without what sets the training up."""
    kind, rng = BACKBONES[name], np.random.default_rng(0)

    def train(epochs: int) -> int:
        before = group.traffic.sent
        if group.rank:
            follow(group)
        else:
            backbone = kind(
                vectors(rng, N_USERS, WIDTH), vectors(rng, N_ITEMS, WIDTH), graph(), kind.options_type.make(**options)
            )
            train_over_ranks(Ranks(group, negatives), backbone, TrainingConfig(epochs=epochs, train_batch_size=BATCH))
            release(group)
        return group.traffic.sent - before

    once, more = train(1), train(1 + EPOCHS)
    total = float(sum(group.from_all(more - once)))
    return total / group.size / (EPOCHS * N_PAIRS / BATCH)


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("softmax", {}, "rank"),
    ("softmax", {"sampled_negatives": True}, "rank"),
    ("softmax", {}, "shared"),
    ("history", {}, "rank"),
    ("lightgcn", {}, "rank"),
    ("sgcl", {}, "rank"),
]


def all_sent(group: Group) -> list[float]:
    return [sent(group, *case) for case in CASES]


def test_counted_traffic_is_that_of_the_formula(tmp_path: Path) -> None:
    """Two ranks count within 3 % of what the sizes say, of rows and of columns, by rank and shared."""
    counted = on_ranks(2, tmp_path, all_sent)[0]
    sizes = StepSizes(BATCH, WIDTH, 2, n_users=N_USERS, n_items=N_ITEMS)
    expected = [
        bytes_per_step(sizes),
        bytes_per_step(sizes._replace(sampled_negatives=True)),
        bytes_per_step(sizes._replace(negatives="shared")),
        # A pair's user has one item more than a user on average: who has more is drawn more often.
        bytes_per_step(sizes._replace(history=N_PAIRS / N_USERS + 1)),
        bytes_per_step_of_columns(BATCH, 2),
        bytes_per_step_of_columns(BATCH, 2, pairs_of_rows=True),
    ]
    for found, formula in zip(counted, expected, strict=True):
        assert found == pytest.approx(formula, rel=0.03)


def test_the_formula_by_hand() -> None:
    """Four ranks with a batch of 8 in all and two columns: 4 rows, 3 of them elsewhere, each 8 + 2 * 8 bytes."""
    sizes = StepSizes(batch_size=8, width=2, n_ranks=4)
    assert rows_per_step(sizes) == 4
    assert bytes_per_step(sizes) == 3 * (8 + 2 * 8) + 3 * 8
    assert rows_per_step(sizes._replace(negatives="shared")) == 2 + 8
    assert bytes_per_step(sizes._replace(n_ranks=1)) == 0
    assert seconds_per_step(0.01, 5e6, 1e9, 1e-4) == pytest.approx(0.01 + 0.005 + 2e-4)
