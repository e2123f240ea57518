"""The normalised adjacency matrix."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oracles
from llminit.errors import DataError
from llminit.graph import Adjacency, normalized_adjacency
from sample_graphs import pairs_of, random_pairs, small_graph


def dense(adjacency: Adjacency) -> torch.Tensor:
    matrix = adjacency.torch_csr(torch.device("cpu")).to_dense()
    return matrix.double()


@given(seed=st.integers(0, 1000), n_users=st.integers(2, 9), n_items=st.integers(2, 9), share=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_is_its_dense_twin(seed: int, n_users: int, n_items: int, share: float) -> None:
    """Every entry is 1 / sqrt(degree * degree), whatever the graph, in any order of its interactions."""
    n_pairs = int(share * (n_users - 1) * (n_items - 1))
    users, items = random_pairs(np.random.default_rng(seed), n_users, n_items, n_pairs)
    adjacency = normalized_adjacency(users, items, n_users, n_items)
    pairs = list(zip(users.tolist(), items.tolist(), strict=True))
    oracles.assert_close(dense(adjacency), oracles.dense_adjacency(pairs, n_users, n_items), 1e-6)
    assert pairs_of(adjacency) == sorted(pairs)


def test_is_symmetric_with_the_stated_types() -> None:
    """The matrix is symmetric, float32, with sorted columns in each row."""
    adjacency = small_graph()
    assert torch.equal(dense(adjacency), dense(adjacency).T)
    types = [part.dtype.name for part in (adjacency.indptr, adjacency.indices, adjacency.weights)]
    assert types == ["int64", "int32", "float32"]
    rows = np.split(adjacency.indices, adjacency.indptr[1:-1])
    assert all((np.diff(row) > 0).all() for row in rows)
    assert adjacency.n_nodes == len(rows) == 16


def test_isolated_nodes_have_no_neighbours() -> None:
    """A node without interactions has an empty row, and nothing is divided by zero."""
    adjacency = small_graph()
    assert np.diff(adjacency.indptr)[[6, 15]].tolist() == [0, 0]
    assert np.isfinite(adjacency.weights).all()


@pytest.mark.parametrize(("users", "items", "kind"), [([0, 3], [0, 1], "user"), ([0, 1], [-1, 1], "item")])
def test_codes_out_of_range(users: list[int], items: list[int], kind: str) -> None:
    """A code beyond the counts is an error that names its kind."""
    with pytest.raises(DataError, match=f"{kind} codes run from"):
        normalized_adjacency(np.array(users), np.array(items), 3, 2)
