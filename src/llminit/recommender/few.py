"""The best items of a few users at once, by one pass over the items, as a server asks for them."""

from typing import TypeGuard

import numpy as np
import scipy.sparse as sp

from llminit.arrays import FloatArray, IntArray
from llminit.evaluation.scorers import check_no_nan
from llminit.models.serving import DotProduct, ServingModel
from llminit.recommender.choice import Candidates

FEW = 64
"""With more users a matrix product is as fast, and takes all cores."""

MANY = 2**14
"""With fewer items either way takes a millisecond."""

_LONGEST = 1000
"""Longer lists are found by partitioning all scores, and not by putting each item where it belongs."""


def are_few(model: ServingModel, n_users: int, k: int) -> TypeGuard[DotProduct]:
    """Return whether `best_of_few` is for these; one user alone is a matrix times a vector, which takes all cores."""
    is_plain = isinstance(model, DotProduct) and model.users.dtype == model.items.dtype == np.float32
    return is_plain and model.n_items >= MANY and 1 < n_users <= FEW and 0 < k <= _LONGEST


def best_of_few(
    model: DotProduct, users: IntArray, k: int, chosen: Candidates, history: sp.csr_array | None
) -> tuple[IntArray, FloatArray]:
    """Return the k best items of users and their scores, of shape (n, k); -1 and -inf where there are fewer.

    Args:
        model: The embedding tables, float32.
        users: The model's user codes, int64 of shape (n,).
        k: How many, at most n_items.
        chosen: The items that may be recommended.
        history: What is left out, CSR of shape (n, n_items); None leaves out nothing.

    Raises:
        InputError: Scores hold NaN.
    """
    # numba takes a third of a second to import, which commands that need no kernel do without.
    from llminit.compiled.best_products import QUERIES_AT_ONCE, best_products

    n = len(users)
    n_rows = -(-n // QUERIES_AT_ONCE) * QUERIES_AT_ONCE
    queries = np.zeros((n_rows, model.items.shape[1]), dtype=np.float32)
    queries[:n] = model.users[users]
    own = _removed(n, model.n_items, chosen.by_user[users] if chosen.by_user is not None else None, history)
    bounds = np.full(n_rows + 1, own.nnz, dtype=np.int64)
    bounds[: n + 1] = own.indptr
    nobody = np.empty(0, dtype=np.bool_) if chosen.removed is None else chosen.removed
    codes, best = np.empty((n_rows, k), dtype=np.int64), np.empty((n_rows, k), dtype=np.float32)
    is_number = best_products(
        queries, np.ascontiguousarray(model.items), nobody, bounds, own.indices.astype(np.int64), codes, best
    )
    check_no_nan(0 if is_number else n)
    return codes[:n], best[:n]


def prepare(model: ServingModel) -> None:
    """Load the compiled pass where the model will need it, or compile it, so that no user has to wait for it."""
    if not are_few(model, 2, 1):
        return
    table = np.eye(2, dtype=np.float32)
    best_of_few(DotProduct(table, table), np.arange(2), 1, Candidates(), None)


def _removed(n: int, n_items: int, *parts: sp.csr_array | None) -> sp.csr_array:
    """Return what each user does not get, with rising codes."""
    given = [part for part in parts if part is not None]
    own = sp.csr_array(sum(given[1:], start=given[0])) if given else sp.csr_array((n, n_items), dtype=np.float32)
    own.sort_indices()
    return own
