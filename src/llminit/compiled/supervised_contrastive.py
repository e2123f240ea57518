"""SGCL's loss of a batch with its gradient. Its slow twin is in `llminit.models.losses`.

With U and I normalised, S = U U' / t, T = I I' / t and both softmaxes over the joint sum, written P and Q, the
gradients are ((P + P') U - I) / t and ((Q + Q') I - U) / t; the part along a row of U or I vanishes when the
normalisation is undone. A cosine is at most 1, so a shift by 1 / t keeps all exponentials below 1.
"""

from typing import Any

import numpy as np

from llminit.arrays import FloatArray, IntArray
from llminit.compiled.cache import FASTMATH, kernel
from llminit.compiled.exponential import exp
from llminit.compiled.rows import directions, dot

_ONE = np.float32(1)


@kernel()
def supervised_contrastive_gradient(
    rows: FloatArray, pairs: IntArray, position: Any, temperature: float, gradient: FloatArray
) -> Any:
    """Return SGCL's loss of a batch and add its gradient, both as `losses.supervised_contrastive` has them.

    Args:
        rows: float32 of shape (n_listed, d), embeddings by position; their scale does not matter.
        pairs: int64 of shape (2, n): users and their items.
        position: int32 of shape (n_nodes,), each node's row.
        temperature: Divides cosine similarities.
        gradient: float32 of shape (n_listed, d), the gradient with respect to `rows`, added to.
    """
    inverse = np.float32(1 / temperature)
    users, user_scales = directions(rows, pairs[0], position)
    items, item_scales = directions(rows, pairs[1], position)
    among_users, among_items = np.dot(users, users.T), np.dot(items, items.T)
    totals = _replace_by_exponentials(among_users, inverse) + _replace_by_exponentials(among_items, inverse)
    loss = 0.0
    for index in range(len(totals)):
        loss += np.log(totals[index]) + (1 - dot(users[index], items[index])) * inverse
    _symmetric_shares(among_users, totals)
    _symmetric_shares(among_items, totals)
    _add_across(np.dot(among_users, users), items, users, user_scales, pairs[0], position, inverse, gradient)
    _add_across(np.dot(among_items, items), users, items, item_scales, pairs[1], position, inverse, gradient)
    return loss


@kernel(fastmath=FASTMATH)
def _replace_by_exponentials(cosines: FloatArray, inverse: Any) -> FloatArray:
    """Replace each cosine c by exp((c - 1) * inverse), which cannot overflow, and return the sums of rows."""
    totals = np.empty(len(cosines), dtype=np.float32)
    for index in range(len(cosines)):
        row, total = cosines[index], np.float32(0)
        for column in range(len(row)):
            value = exp((row[column] - _ONE) * inverse)
            row[column] = value
            total += value
        totals[index] = total
    return totals


@kernel(fastmath=FASTMATH)
def _symmetric_shares(exponentials: FloatArray, totals: FloatArray) -> None:
    """Replace the symmetric E by P + P', where P's rows are E's over their totals."""
    shares = _ONE / totals
    for index in range(len(shares)):
        row, share = exponentials[index], shares[index]
        for column in range(len(row)):
            row[column] *= share + shares[column]


@kernel(fastmath=FASTMATH)
def _add_across(
    pulls: FloatArray,
    partners: FloatArray,
    units: FloatArray,
    scales: FloatArray,
    nodes: IntArray,
    position: Any,
    inverse: Any,
    gradient: FloatArray,
) -> None:
    """Add (pulls - partners) * inverse to each node's gradient, without the part along the node's direction."""
    for index in range(len(nodes)):
        pull, partner, unit, target = pulls[index], partners[index], units[index], gradient[position[nodes[index]]]
        along = dot(unit, pull) - dot(unit, partner)
        factor = scales[index] * inverse
        for column in range(len(unit)):
            target[column] += factor * (pull[column] - partner[column] - along * unit[column])
