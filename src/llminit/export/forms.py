"""The two forms of embeddings: as they are, for search by dot product, and a wider one for search by cosine."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import FloatArray, IntArray
from llminit.evaluation.top_items import top_k

MEASURED_USERS = 1000
MEASURED_ITEMS = 10


def cosine_form(users: FloatArray, items: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Return embeddings whose cosines rank items as the dot products of the given ones do.

    An item x gets the column sqrt(M^2 - |x|^2), M being the length of the longest item, so that all items have the
    length M; a user gets a 0 there. The cosine is then the dot product over |user| M (Bachrach et al., RecSys 2014).

    Args:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).

    Returns:
        float32 of shape (n_users, d + 1), float32 of shape (n_items, d + 1), and M.
    """
    # In float64: where an item is nearly as long as the longest, float32 would leave no digits of the difference.
    squares = np.einsum("ij,ij->i", items, items, dtype=np.float64)
    largest = float(squares.max())
    last = np.sqrt(largest - squares).astype(np.float32)
    no_column = np.zeros((len(users), 1), dtype=np.float32)
    return np.hstack([users, no_column]), np.hstack([items, last[:, np.newaxis]]), float(np.sqrt(largest))


@dataclass(frozen=True)
class Kept:
    """How many of their best items users keep when a search goes by cosine.

    Attributes:
        share: Of the best items, those that are among the best by cosine too.
        k: How many best items of a user are looked at, at most.
        n_users: The users that were measured.
    """

    share: float
    k: int
    n_users: int


def kept_by_cosine(users: FloatArray, items: FloatArray, seen: csr_array) -> Kept:
    """Measure which of the best items a search by cosine would find, on users spread evenly over all.

    Args:
        users: float32 of shape (n_users, d).
        items: float32 of shape (n_items, d).
        seen: Shape (n_users, n_items), non-zero for what a user has and is not recommended.
    """
    n_measured = min(MEASURED_USERS, len(users))
    codes = np.linspace(0, len(users) - 1, n_measured).astype(np.int64)
    k = min(MEASURED_ITEMS, len(items))
    lengths = np.linalg.norm(items, axis=1, keepdims=True)
    unit = items / np.maximum(lengths, np.finfo(np.float32).tiny)
    wanted, found = (_best(users, rows, codes, k, seen) for rows in (items, unit))
    n_wanted = int((wanted >= 0).sum())
    kept = (wanted[:, :, np.newaxis] == found[:, np.newaxis, :]) & (wanted >= 0)[:, :, np.newaxis]
    return Kept(int(kept.sum()) / max(n_wanted, 1), k, n_measured)


def _best(users: FloatArray, items: FloatArray, codes: IntArray, k: int, seen: csr_array) -> IntArray:
    return top_k(lambda some: users[some] @ items.T, codes, k, seen)[0]
