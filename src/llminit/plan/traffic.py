"""What a step over ranks sends.

The rows of users and items are spread over the ranks. In a step of B pairs a rank with P - 1 others takes part of its R
distinct rows from them: it sends their numbers (8 bytes each) and gradients (4 d), and as many rows of its own (4 d)
go to the others. R is at most 2 B / P with the negatives of a rank, and B / P + B with shared ones.
"""

from llminit.plan.problem import Problem

_NUMBER, _VALUE = 8, 4
"""Bytes of a row's number and of a value."""

EXCHANGES = 2
"""Exchanges of a step that wait for one another: for the rows, and for their gradients."""


def rows_a_step(problem: Problem) -> float:
    """Return R, the distinct rows that a rank needs in a step, if all users and items are as likely."""
    pairs = problem.batch / problem.ranks
    columns = pairs if problem.negatives == "rank" else problem.batch
    return _distinct(pairs, problem.users) + _distinct(columns, problem.items)


def bytes_a_step(problem: Problem) -> float:
    """Return the bytes that a rank sends to others in a step."""
    others = problem.ranks - 1
    return others / problem.ranks * rows_a_step(problem) * (_NUMBER + 2 * _VALUE * problem.dim) + _NUMBER * others


def _distinct(draws: float, n: int) -> float:
    """Return how many different ones of n equally likely things are expected in some draws."""
    return float(n * (1 - (1 - 1 / n) ** draws))
