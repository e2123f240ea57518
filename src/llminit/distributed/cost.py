"""What a step over ranks sends, and how long it takes, from the sizes alone; plain arithmetic, for plans.

With P ranks, a batch of B pairs of all ranks and d columns of float32, a rank needs R distinct rows a step, of which
(P - 1) / P are on other ranks. Of these it sends the numbers (8 bytes each) and the gradients (4 d), and as many rows
of its own (4 d) go to the others: (P - 1) / P * R * (8 d + 8) bytes, and 8 (P - 1) for how many these are. R is at
most 2 B / P with the negatives of a rank, and B / P + B with shared ones.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from llminit.distributed.batches import Negatives  # which loads torch, and a plan needs none

EXCHANGES = 2
"""Exchanges of a step that wait for one another: for the rows, and for their gradients."""

_NUMBER, _VALUE = 8, 4
"""Bytes of a row's number and of a value."""


class StepSizes(NamedTuple):
    """What the traffic of a step depends on.

    Attributes:
        batch_size: B, pairs of all ranks' parts of a step together.
        width: d.
        n_ranks: P.
        negatives: What pairs are compared with.
        sampled_negatives: Whether one item is drawn for each pair beside the batch's own.
        n_users: Users to draw from, for how many rows of a batch are distinct; 0 takes all as distinct.
        n_items: Items to draw from, the same; popular items make a batch's rows fewer still.
        history: Items in a user's history, of which `history` makes its users; 0 where users have rows.
    """

    batch_size: int
    width: int
    n_ranks: int
    negatives: "Negatives" = "rank"
    sampled_negatives: bool = False
    n_users: int = 0
    n_items: int = 0
    history: float = 0.0


def rows_per_step(sizes: StepSizes) -> float:
    """Return R, the distinct rows that a rank needs in a step, where all users and items are as likely."""
    pairs = sizes.batch_size / sizes.n_ranks
    compared = pairs if sizes.negatives == "rank" else sizes.batch_size
    items = compared * (2 if sizes.sampled_negatives else 1)
    if sizes.history:
        return _distinct(items + pairs * sizes.history, sizes.n_items)
    return _distinct(pairs, sizes.n_users) + _distinct(items, sizes.n_items)


def bytes_per_step(sizes: StepSizes) -> float:
    """Return the bytes that a rank sends to others in a step of `softmax` or `history`."""
    others = (sizes.n_ranks - 1) / sizes.n_ranks
    per_row = _NUMBER + 2 * _VALUE * sizes.width
    return others * rows_per_step(sizes) * per_row + _NUMBER * (sizes.n_ranks - 1)


def bytes_per_step_of_columns(batch_size: int, n_ranks: int, *, pairs_of_rows: bool = False) -> float:
    """Return the bytes that a rank sends in a step of a backbone by columns, whatever its width.

    Args:
        batch_size: Triples a step.
        n_ranks: Number of ranks.
        pairs_of_rows: Whether all rows of the batch are compared with one another, as in SGCL; otherwise a number for
            each triple and three norms travel.
    """
    values = 2 * batch_size**2 + batch_size if pairs_of_rows else batch_size + 3
    return 2 * _VALUE * values * (n_ranks - 1) / n_ranks


def seconds_per_step(compute_seconds: float, sent_bytes: float, bandwidth: float, round_seconds: float) -> float:
    """Return the time of a step: nothing of it overlaps, as each step changes the rows that the next one reads.

    Args:
        compute_seconds: What the kernels take for a rank's part of the batch.
        sent_bytes: What a rank sends.
        bandwidth: Bytes a second that a rank sends while it receives as many.
        round_seconds: The time of an exchange of nothing; a step has two, for the rows and for their gradients.
    """
    return compute_seconds + sent_bytes / bandwidth + EXCHANGES * round_seconds


def _distinct(draws: float, n: int) -> float:
    """Return how many different ones of n equally likely things are expected in some draws; n = 0 takes all."""
    return float(n * (1 - (1 - 1 / n) ** draws)) if n else draws
