"""Dropping training interactions drops the right number of them, and nothing else."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from llminit.comparison.sparsity import thinned
from llminit.config import SplitConfig
from llminit.data import make_dataset, split_interactions
from llminit.data.dataset import Interactions
from planted import plant

DATASET = make_dataset(plant().interactions)
SPLIT = split_interactions(DATASET, SplitConfig(), 0)


def pairs(interactions: Interactions) -> set[tuple[int, int]]:
    return set(zip(interactions.users.tolist(), interactions.items.tolist(), strict=True))


def matrix_pairs(matrix: csr_array) -> set[tuple[int, int]]:
    return set(zip(*(part.tolist() for part in matrix.nonzero()), strict=True))


@pytest.mark.parametrize(("share", "history"), [(0.5, None), (1.0, 2), (0.29, 3), (0.001, None)])
def test_validation_and_test_are_never_touched(share: float, history: int | None) -> None:
    """Only training interactions go, a share of all and at most so many a user, and none is added."""
    held_out = thinned(DATASET, SPLIT, share, history, 4)
    kept, full = pairs(held_out.split.train), pairs(SPLIT.train)
    assert kept < full
    for part in ("valid", "test"):
        assert pairs(getattr(held_out.split, part)) == pairs(getattr(SPLIT, part))
    if history is None:
        assert len(kept) == max(1, int(share * len(full) + 1e-9))
    else:
        assert np.bincount([user for user, _ in kept]).max() <= history
    if share == 1:
        assert history is not None
        assert len(kept) == np.minimum(np.bincount(SPLIT.train.users), history).sum()


def test_dropped_interactions_stay_out_of_the_ranking() -> None:
    """What was dropped is unknown to the model and yet no candidate: candidates are the same at every sparsity."""
    held_out, whole = thinned(DATASET, SPLIT, 0.5, None, 1), thinned(DATASET, SPLIT, 1.0, None, 1)
    assert matrix_pairs(held_out.train) == pairs(held_out.split.train)
    for name in ("seen_at_valid", "seen_at_test"):
        assert matrix_pairs(getattr(held_out, name)) == matrix_pairs(getattr(whole, name))
        assert getattr(held_out, name).data.max() == 1


def test_thinner_sets_lie_within_thicker_ones() -> None:
    """Of one seed, each smaller share and shorter history is a part of the larger one; another seed drops others."""
    shares: list[tuple[float, int | None]] = [(0.2, None), (0.5, None), (0.9, None)]
    histories: list[tuple[float, int | None]] = [(1.0, 1), (1.0, 2), (1.0, 4)]
    for options in (shares, histories):
        found = [pairs(thinned(DATASET, SPLIT, share, history, 7).split.train) for share, history in options]
        assert found[0] < found[1] < found[2]
    one, other = (pairs(thinned(DATASET, SPLIT, 0.5, None, seed).split.train) for seed in (0, 1))
    assert one != other


def test_nothing_dropped_is_the_plain_split() -> None:
    """A share of 1 and all history is what `fit` uses."""
    held_out = thinned(DATASET, SPLIT, 1.0, None, 0)
    assert held_out.split is SPLIT
    assert matrix_pairs(held_out.seen_at_test) == pairs(SPLIT.train) | pairs(SPLIT.valid)
