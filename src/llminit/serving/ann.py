"""An index for catalogues that are too large to score whole: it may miss some items, and says how many.

The index is usearch's HNSW over dot products. (Turned into nearest neighbours by one more dimension, as Bachrach et
al., RecSys 2014, do it, the same search found half as much.) It holds the items of the fit; the few that were added
later are scored one by one beside it, so that a change of them costs it nothing.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import BoolArray, FloatArray, IntArray
from llminit.errors import MissingExtraError

WIDEST_SEARCH = 2000
"""Items that are asked of an index; whoever has seen more, or asks for more, is answered exactly."""

_MEASURED_USERS, _MEASURED_K = 256, 10
_ENOUGH_RECALL = 0.98
_SEARCH_WIDTHS = (64, 128, 256, 512, 1024)


class Index:
    """The nearest items of vectors, most of them.

    Args:
        items: float32 of shape (n, d), the vectors of the items of the fit.
        users: float32 of shape (m, d), vectors that are like those that will be asked for.
        rng: Draws the users on whom it is measured.

    Raises:
        MissingExtraError: usearch is not installed.
    """

    def __init__(self, items: FloatArray, users: FloatArray, rng: np.random.Generator) -> None:
        if find_spec("usearch") is None:
            raise MissingExtraError("searching a large catalogue by an index", "ann", ("usearch",))
        from usearch.index import Index as Graph

        self.n_items = len(items)
        self._graph: Any = Graph(ndim=items.shape[1], metric="ip", dtype="f32", connectivity=24, expansion_add=128)
        self._graph.add(np.arange(len(items)), np.ascontiguousarray(items, dtype=np.float32))
        self.recall = self._tuned(items, users[rng.choice(len(users), min(_MEASURED_USERS, len(users)), replace=False)])

    def nearest(self, users: FloatArray, k: int) -> IntArray:
        """Return the codes of about the k items with the largest products, int64 of shape (n, k); -1 for none."""
        found = self._graph.search(np.ascontiguousarray(users, dtype=np.float32), min(k, self.n_items))
        codes = np.asarray(found.keys, dtype=np.int64).reshape(len(users), -1)
        counts = np.asarray(getattr(found, "counts", codes.shape[1])).reshape(-1, 1)
        return np.where(np.arange(codes.shape[1]) < counts, codes, -1)

    def _tuned(self, items: FloatArray, users: FloatArray) -> float:
        """Widen the search until it finds enough, and return the share of the best items that it then finds."""
        k = min(_MEASURED_K, self.n_items)
        best = [np.argpartition(-(items @ user), k - 1)[:k] for user in users]
        recall = 0.0
        for width in _SEARCH_WIDTHS:
            self._graph.expansion_search = width
            found = self.nearest(users, k)
            recall = float(np.mean([np.isin(mine, theirs).mean() for mine, theirs in zip(best, found, strict=True)]))
            if recall >= _ENOUGH_RECALL:
                break
        return recall


def best_by_index(
    index: Index,
    users: FloatArray,
    items: FloatArray,
    seen: csr_array | None,
    counts: IntArray,
    unavailable: BoolArray | None,
) -> tuple[list[IntArray], list[FloatArray]] | None:
    """Return each user's best items and their scores, best first; None where the index cannot say.

    Args:
        index: Of the first items.
        users: float32 of shape (n, d).
        items: float32 of shape (n_items, d), all items.
        seen: What each user has, of shape (n, n_items), and is not to get; None for nothing.
        counts: How many items each gets, int64 of shape (n,).
        unavailable: bool of shape (n_items,), what nobody gets; None for nothing.
    """
    n_seen = np.zeros(len(users), dtype=np.int64) if seen is None else np.diff(seen.indptr)
    width = int((counts + n_seen).max())
    while width <= WIDEST_SEARCH:
        near = [_shown(row, codes, seen, unavailable) for row, codes in enumerate(index.nearest(users, width))]
        # Removed items may stand where others should: then more are asked for.
        if all(len(mine) >= count for mine, count in zip(near, counts, strict=True)):
            return _ranked(index, users, items, near, counts, seen, unavailable)
        width *= 2
    return None


def _ranked(
    index: Index,
    users: FloatArray,
    items: FloatArray,
    near: Sequence[IntArray],
    counts: IntArray,
    seen: csr_array | None,
    unavailable: BoolArray | None,
) -> tuple[list[IntArray], list[FloatArray]]:
    """Return the best of the items that the index found and of those that it does not hold."""
    added = np.arange(index.n_items, len(items))
    best: tuple[list[IntArray], list[FloatArray]] = ([], [])
    for row, mine in enumerate(near):
        codes = np.concatenate([mine, _shown(row, added, seen, unavailable)])
        scores = items[codes] @ users[row]
        order = np.lexsort((codes, -scores))[: counts[row]]
        best[0].append(codes[order])
        best[1].append(scores[order])
    return best


def _shown(row: int, codes: IntArray, seen: csr_array | None, unavailable: BoolArray | None) -> IntArray:
    """Return the items of some that a user may get; -1 stands for none."""
    codes = codes[codes >= 0]
    if unavailable is not None:
        codes = codes[~unavailable[codes]]
    if seen is not None:
        codes = codes[~np.isin(codes, seen.indices[seen.indptr[row] : seen.indptr[row + 1]])]
    return codes
