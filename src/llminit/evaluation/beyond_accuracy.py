"""Measures beyond accuracy: coverage, Gini, novelty, popularity bias and diversity of recommendation lists."""

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import EmbeddingError, InputError

_BLOCK_BYTES = 64 * 2**20


def measure_lists(
    top_items: IntArray,
    popularity: IntArray,
    n_items: int,
    text: FloatArray | None = None,
    *,
    n_users: int | None = None,
) -> dict[str, float]:
    """Measure recommendation lists without regard to their hits.

    - "coverage": share of the catalogue that is in any list (Ge, Delgado-Battenfeld and Jannach, 2010, "Beyond
      accuracy"). Higher means that more of the catalogue is shown.
    - "gini": Gini coefficient of how often each item of the catalogue is recommended, sum_i (2 i - n - 1) c_i /
      (n sum c) over ascending counts c: 0 when all are recommended equally often, near 1 when few items fill all lists
      (Fleder and Hosanagar, 2009; RecBole's `GiniIndex`).
    - "novelty": mean self-information of a list's items in bits, -log2 of the share of users who have the item in
      training (Zhou et al., 2010, PNAS 107(10)). An item without training users counts as if it had one.
    - "popularity_bias": average recommendation popularity, the mean over users of their list's mean popularity (ARP;
      Yin et al., 2012; Abdollahpouri et al., 2019), divided by the mean popularity of the items of the training
      interactions. 1: lists are as popular as the training interactions; above 1: popularity is amplified.
    - "diversity": mean cosine distance between two items of a list (intra-list distance: Ziegler et al., 2005;
      Smyth and McClave, 2001) of text embeddings minus the catalogue's mean, because an encoder's common mean would
      make all items look similar. About 1 for unrelated items, 0 for equal texts. A row of zeros is an item without
      text: it is left out of the mean and is at distance 1 from every item.

    Args:
        top_items: int64 of shape (n_lists, k), the item codes of each user's list, as from `top_k`; -1 where a list
            is shorter. Empty lists are left out of the means.
        popularity: int64 of shape (n_items,), training interactions of each item.
        n_items: Size of the catalogue.
        text: float32 of shape (n_items, D), text embeddings. "diversity" is left out without them, and if no list
            holds two items.
        n_users: Number of users in the training interactions, for "novelty". None takes n_lists, which is too small if
            only some users get a list.

    Raises:
        InputError: Shapes differ, an item code is out of range, all lists are empty, or `popularity` is all zeros.
        EmbeddingError: The text embeddings have another shape or hold NaN or infinite values.
    """
    lists = _checked_lists(np.asarray(top_items), n_items)
    counts = _checked_popularity(np.asarray(popularity, dtype=np.float64), n_items)
    is_item = lists >= 0
    lists, is_item = lists[is_item.any(axis=1)], is_item[is_item.any(axis=1)]
    recommended = np.bincount(lists[is_item], minlength=n_items)
    share = np.maximum(counts, 1) / max(1, len(top_items) if n_users is None else n_users)
    result = {
        "coverage": float(np.count_nonzero(recommended) / n_items),
        "gini": _gini(recommended),
        "novelty": _mean_of_lists(-np.log2(share), lists, is_item),
        "popularity_bias": _mean_of_lists(counts, lists, is_item) * float(counts.sum() / (counts**2).sum()),
    }
    if text is not None and is_item.sum(axis=1).max() > 1:
        result["diversity"] = _diversity(lists, is_item, _centred_directions(text, n_items))
    return result


def _gini(counts: IntArray) -> float:
    n = len(counts)
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return float(weights @ np.sort(counts) / (n * counts.sum()))


def _mean_of_lists(values: AnyArray, lists: IntArray, is_item: AnyArray) -> float:
    sums = np.where(is_item, values[lists], 0.0).sum(axis=1)
    return float((sums / is_item.sum(axis=1)).mean())


def _diversity(lists: IntArray, is_item: AnyArray, directions: FloatArray) -> float:
    """Average the cosine distance over each list's pairs: the dot products add up to (|sum u|^2 - sum |u|^2) / 2."""
    several = is_item.sum(axis=1) > 1
    lists, is_item = lists[several], is_item[several]
    lengths = is_item.sum(axis=1)
    squares = np.where(is_item, (directions**2).sum(axis=1)[lists], 0.0).sum(axis=1)
    indptr = np.append(0, np.cumsum(lengths))
    members = csr_array(
        (np.ones(indptr[-1], dtype=np.float32), lists[is_item], indptr), shape=(len(lists), len(directions))
    )
    size = max(1, _BLOCK_BYTES // (4 * max(1, directions.shape[1])))
    sums = np.empty(len(lists))
    for start in range(0, len(lists), size):
        block = slice(start, min(start + size, len(lists)))
        sums[block] = np.square(members[block] @ directions, dtype=np.float64).sum(axis=1)
    similarity = (sums - squares) / (lengths * (lengths - 1))
    return float(1 - similarity.mean())


def _centred_directions(text: FloatArray, n_items: int) -> FloatArray:
    values = np.array(text, dtype=np.float32)
    if values.ndim != 2 or len(values) != n_items or not np.isfinite(values).all():
        raise EmbeddingError(
            f"text embeddings of shape {values.shape} for {n_items} items; expected one row of finite numbers an item; "
            "pass the embeddings in the order of the item codes"
        )
    has_text = values.any(axis=1)
    values[has_text] -= values[has_text].sum(axis=0, dtype=np.float64) / max(1, np.count_nonzero(has_text))
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.where(lengths > 0, lengths, 1)
    return values


def _checked_lists(lists: AnyArray, n_items: int) -> IntArray:
    if lists.ndim != 2 or not np.issubdtype(lists.dtype, np.integer):
        raise InputError(
            f"the lists are {lists.dtype} of shape {lists.shape}; expected item codes of shape (n_users, k); pass the "
            "items that top_k returns"
        )
    lists = lists.astype(np.int64, copy=False)
    if lists.min(initial=-1) < -1 or lists.max(initial=-1) >= n_items:
        raise InputError(
            f"the lists hold item codes from {lists.min()} to {lists.max()}; expected 0 to {n_items - 1}, or -1 for "
            "padding; pass codes, not ids"
        )
    if lists.max(initial=-1) < 0:
        raise InputError("all lists are empty; expected at least one recommended item; check that items are left")
    return lists


def _checked_popularity(counts: AnyArray, n_items: int) -> AnyArray:
    if counts.shape != (n_items,) or counts.min(initial=0) < 0 or not counts.any():
        raise InputError(
            f"popularity has shape {counts.shape} and adds up to {counts.sum():g}; expected the training interactions "
            f"of each of {n_items} items, at least one in all; pass the column counts of the training interactions"
        )
    return counts
