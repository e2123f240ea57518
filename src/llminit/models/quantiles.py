"""Estimates of each user's K-th highest score, which SL@K compares scores with (arXiv 2508.05673, section 3.1.3).

The estimate is the K-th highest of the scores of all the user's training items and of N items that are drawn uniformly
from those that are not. As the drawn ones are fewer than all, it is at most the true value; with N the number of items
it is the true value. The paper draws for each user anew. Here one draw serves all users, so that their scores are one
matrix product; drawn items that a user has are theirs, and no negatives.
"""

import numpy as np
import torch

_USERS_AT_ONCE = 1024


@torch.no_grad()
def top_k_quantiles(
    users: torch.Tensor,
    items: torch.Tensor,
    starts: torch.Tensor,
    histories: torch.Tensor,
    own: torch.Tensor,
    *,
    k: int,
    n_drawn: int,
    rng: np.random.Generator,
) -> torch.Tensor:
    """Return each user's K-th highest score; of a user with fewer scores, the lowest.

    Args:
        users: float32 of shape (n_users, d); dot products with items are scores.
        items: float32 of shape (n_items, d).
        starts: int64 of shape (n_users + 1,), where each user's training items begin.
        histories: int64 of shape (n_interactions,), the training items.
        own: float32 of shape (n_interactions,), their scores.
        k: K.
        n_drawn: N.
        rng: Draws the items.

    Returns:
        float32 of shape (n_users,).
    """
    drawn = torch.from_numpy(rng.choice(len(items), min(n_drawn, len(items)), replace=False)).to(items.device)
    column = torch.full((len(items),), -1, dtype=torch.int64, device=items.device)
    column[drawn] = torch.arange(len(drawn), device=items.device)
    quantiles = []
    for first in range(0, len(users), _USERS_AT_ONCE):
        bounds = starts[first : first + _USERS_AT_ONCE + 1]
        part = slice(int(bounds[0]), int(bounds[-1]))
        rows = torch.repeat_interleave(bounds.diff())
        scores = users[first : first + len(bounds) - 1] @ items[drawn].T
        columns = column[histories[part]]
        scores[rows[columns >= 0], columns[columns >= 0]] = -torch.inf
        quantiles.append(_kth_highest(scores, rows, own[part], k))
    return torch.cat(quantiles)


def _kth_highest(scores: torch.Tensor, rows: torch.Tensor, own: torch.Tensor, k: int) -> torch.Tensor:
    """Return the K-th highest of each row of scores and of the values of `own` that are of that row."""
    best = scores.topk(min(k, scores.shape[1]), dim=1).values
    values = torch.cat([best.reshape(-1), own])
    owners = torch.cat([torch.arange(len(best), device=rows.device).repeat_interleave(best.shape[1]), rows])
    order = values.argsort(descending=True)
    order = order[owners[order].argsort(stable=True)]
    counts = torch.bincount(owners, minlength=len(best))
    finite = torch.bincount(owners[values > -torch.inf], minlength=len(best))
    place = counts.cumsum(0) - counts + torch.minimum(finite, finite.new_tensor(k)) - 1
    return values[order][place]
