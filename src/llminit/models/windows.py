"""Windows: the stretches of a history that were had one after the other.

What a user had within a short time belongs together more than what lies years apart, and a set of items does not know
which is which. Source of the idea for linear models: Choi et al., Session-aware Linear Item-Item Models for
Session-based Recommendation, WWW 2021 (arXiv 2103.16104), which fits them to sessions.
"""

import numpy as np
from scipy.sparse import csr_array

from llminit.models.sparse import row_codes


def windows_of(order: csr_array, length: int) -> csr_array:
    """Return every window of `length` interactions, each user's in turn; a shorter history has none.

    Args:
        order: Shape (n_users, n_items), the place of each interaction among those of its user: larger is later.
        length: Interactions in a window, at least 1.

    Returns:
        float32 CSR of shape (n_windows, n_items), ones.
    """
    in_time = np.lexsort((order.data, row_codes(order)))
    items, users = order.indices[in_time], row_codes(order)
    first = np.flatnonzero(users[length - 1 :] == users[: max(0, len(users) - length + 1)])
    members = items[first[:, np.newaxis] + np.arange(length)]
    starts = np.arange(len(first) + 1) * length
    ones = np.ones(members.size, dtype=np.float32)
    return csr_array((ones, members.ravel(), starts), shape=(len(first), order.shape[1]))
