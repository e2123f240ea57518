"""An index for catalogues that are too large to score whole: it may miss some items, and says how many.

The index is usearch's HNSW over dot products. (Turned into nearest neighbours by one more dimension, as Bachrach et
al., RecSys 2014, do it, the same search found half as much.) It holds the items of the fit; the few that were added
later are scored one by one beside it, so that a change of them costs it nothing.
"""

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
    if width > WIDEST_SEARCH:
        return None
    added = np.arange(index.n_items, len(items))
    codes: list[IntArray] = []
    scores: list[FloatArray] = []
    for row, near in enumerate(index.nearest(users, width)):
        own = np.concatenate([near[near >= 0], added])
        kept = np.ones(len(own), dtype=np.bool_) if unavailable is None else ~unavailable[own]
        if seen is not None:
            kept &= ~np.isin(own, seen.indices[seen.indptr[row] : seen.indptr[row + 1]])
        own = own[kept]
        if len(own) < min(counts[row], len(items)):
            return None
        values = items[own] @ users[row]
        order = np.lexsort((own, -values))[: counts[row]]
        codes.append(own[order])
        scores.append(values[order])
    return codes, scores
