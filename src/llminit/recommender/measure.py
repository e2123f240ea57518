"""A fitted model on interactions that it has not seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import BoolArray
from llminit.data import read_interactions
from llminit.data.vocabulary import Vocabulary
from llminit.errors import DataError
from llminit.evaluation import evaluate
from llminit.ids import examples
from llminit.models.serving import ServingModel


def measure(
    model: ServingModel,
    users: Vocabulary,
    items: Vocabulary,
    seen: csr_array,
    interactions: Any,
    ks: Sequence[int],
    added: BoolArray,
) -> dict[str, Any]:
    """Measure a model; see `Recommender.evaluate`.

    Args:
        model: The model.
        users: The users, in the order of its codes.
        items: The items, in the order of its codes.
        seen: What each user has, CSR of shape (n_users, n_items).
        interactions: A path or a table.
        ks: The lengths of the lists that are measured.
        added: bool of shape (n_items,), the items that came by their text after the fit.

    Raises:
        DataError: The table cannot be read, or nothing in it can be measured.
    """
    table = read_interactions(interactions).unique(["user_id", "item_id"], maintain_order=True)
    user_codes, item_codes = users.codes(table["user_id"]), items.codes(table["item_id"])
    known = (user_codes >= 0) & (item_codes >= 0)
    relevant = _matrix(user_codes[known], item_codes[known], seen.shape)
    n_known = relevant.nnz
    relevant = csr_array(relevant - relevant.multiply(seen != 0))
    relevant.eliminate_zeros()
    if not relevant.nnz:
        raise DataError(
            f"none of {len(table)} interactions can be measured: {int((~known).sum())} are of unknown users or items, "
            f"{n_known} the model has seen; it knows users such as {examples(users.ids)} and items such as "
            f"{examples(items.ids)}: give interactions of known users with items that are new to them"
        )

    def measured(wanted: csr_array) -> dict[str, Any]:
        metrics = evaluate(lambda codes: model.scores(codes, seen[codes]), wanted, seen, tuple(ks))
        return {
            "metrics": {protocol: dict(values) for protocol, values in metrics.items()},
            "n_users": int((np.diff(wanted.indptr) > 0).sum()),
            "n_interactions": int(wanted.nnz),
        }

    of_added = csr_array(relevant.multiply(added))
    of_added.eliminate_zeros()
    return {
        **measured(relevant),
        **({"added_items": measured(of_added)} if of_added.nnz else {}),
        "n_seen": int(n_known - relevant.nnz),
        "n_unknown_users": len(set(table["user_id"].filter(user_codes < 0).to_list())),
        "n_unknown_items": len(set(table["item_id"].filter(item_codes < 0).to_list())),
    }


def _matrix(users: Any, items: Any, shape: tuple[int, int]) -> csr_array:
    return csr_array((np.ones(len(users), dtype=np.float32), (users, items)), shape=shape)
