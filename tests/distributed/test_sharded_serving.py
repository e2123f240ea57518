"""Hops and rankings of tables that stay spread over ranks, against those of one process."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse import random_array

from llminit.arrays import FloatArray, IntArray
from llminit.distributed.group import Group
from llminit.distributed.serving import propagated, top_items
from llminit.graph import propagate_weighted
from rank_processes import on_ranks
from sample_graphs import small_graph, vectors

WEIGHTS = (0.75, 0.5)
GRAPH = small_graph(4, 31, 22, 200)


def rows() -> FloatArray:
    return vectors(np.random.default_rng(1), GRAPH.n_nodes, 5)


def queries() -> tuple[FloatArray, FloatArray, Any]:
    """Users and items of whole numbers, so that many scores are equal, and what is left out."""
    rng = np.random.default_rng(2)
    users, items = (rng.integers(-2, 3, shape).astype(np.float32) for shape in ((9, 4), (17, 4)))
    seen = random_array((9, 17), density=0.3, rng=rng, format="csr")
    return users, items, seen


def served(group: Group) -> tuple[FloatArray, FloatArray, list[tuple[IntArray, FloatArray]]]:
    own = torch.from_numpy(rows()[group.rank :: group.size].copy())
    users, items, seen = queries()
    mine = items[group.rank :: group.size]
    # Room for three rows at a time makes a chunk of almost every node.
    few, many = propagated(group, own, GRAPH, WEIGHTS, 3 * 5), propagated(group, own, GRAPH, WEIGHTS)
    lists = [top_items(group, users, mine, left_out, k) for left_out in (None, seen) for k in (1, 6, 20)]
    return few.numpy(), many.numpy(), lists


def ranked(users: FloatArray, items: FloatArray, seen: Any, k: int) -> tuple[list[list[int]], list[list[float]]]:
    """Sort all items of each user by score, then by code."""
    codes, scores = [], []
    for user, row in enumerate(users):
        left_out = set() if seen is None else set(seen[[user]].indices.tolist())
        every = [(-float(row @ items[item]), item) for item in range(len(items)) if item not in left_out]
        best = sorted(every)[:k]
        codes.append([item for _, item in best] + [-1] * (k - len(best)))
        scores.append([-score for score, _ in best] + [-np.inf] * (k - len(best)))
    return codes, scores


def test_serving_from_parts(tmp_path: Path) -> None:
    """Three ranks propagate their rows as one process does, chunk by chunk, and rank items in the very same order."""
    results = on_ranks(3, tmp_path, served)
    expected = propagate_weighted(torch.from_numpy(rows()), GRAPH, WEIGHTS).numpy()
    users, items, seen = queries()
    for rank, (few, many, lists) in enumerate(results):
        np.testing.assert_allclose(few, expected[rank::3], rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(few, many)
        cases = [(left_out, k) for left_out in (None, seen) for k in (1, 6, 20)]
        for (left_out, k), (codes, scores) in zip(cases, lists, strict=True):
            twin = ranked(users, items, left_out, k)
            assert codes.tolist() == twin[0]
            assert scores.tolist() == twin[1]
