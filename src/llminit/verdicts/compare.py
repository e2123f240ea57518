"""The numbers of each pair, before anything is decided."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from llminit.arrays import Float64Array
from llminit.config import XAVIER, Protocol
from llminit.progress import Task
from llminit.results.key import Method
from llminit.statistics.bootstrap import bootstrap_means, percentile_interval
from llminit.statistics.two_way import Comparison, compare_paired
from llminit.verdicts.choice import Choice
from llminit.verdicts.families import Pair
from llminit.verdicts.user_scores import UserScores

PRIMARY_PROTOCOL: Protocol = "standard"


@dataclass(frozen=True)
class Compared:
    """A pair with its numbers, before correction.

    Attributes:
        pair: What is compared.
        protocol: "standard" or "paper".
        comparison: The tests.
        user_interval: The gain's bootstrap interval over users.
        is_primary: Whether it is part of the question that a team asks; all others are exploratory.
    """

    pair: Pair
    protocol: Protocol
    comparison: Comparison
    user_interval: tuple[float, float]
    is_primary: bool = False


def is_primary(pair: Pair, protocol: Protocol, choice: Choice | None) -> bool:
    """Whether a pair is the method that validation picks against a baseline or its own xavier, under `standard`."""
    is_chosen = choice is not None and pair.method == choice.method
    return is_chosen and pair.family in ("baseline", "init") and protocol == PRIMARY_PROTOCOL


def compare_all(user_scores: UserScores, pairs: list[Pair], choice: Choice | None, task: Task) -> Iterator[Compared]:
    """Compare pairs over the seeds that both methods of each have; those without one are left out.

    Args:
        user_scores: The measures of one protocol.
        pairs: What is compared.
        choice: What validation picks.
        task: Is advanced by each pair.

    Raises:
        ArtefactError: A cell is damaged, or two methods were tested on different interactions.
    """
    alike: dict[tuple[tuple[int, ...], float, int | None], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if seeds := user_scores.common_seeds(pair.method, pair.reference):
            alike[seeds, pair.method.train_share, pair.method.max_history].append(pair)
    found: dict[Pair, Compared] = {}
    for (seeds, *_), group in alike.items():
        for compared in _compare_alike(user_scores, group, seeds, choice):
            found[compared.pair] = compared
            task.advance()
    yield from (found[pair] for pair in pairs if pair in found)


def compare_chosen(
    values: Float64Array, reference: Float64Array, n_candidates: int, by_other_seeds: Float64Array
) -> Comparison:
    """Compare a method that validation picked, so that neither users nor training runs are counted twice.

    What is tested and what picked the method share the users, and the training runs of the same seeds. For the users
    the threshold is that of the best of all candidates. For the training runs the comparison is made once more with
    what the other seeds pick at each seed, and the larger p-value counts: where all seeds agree, they are the same.

    Args:
        values: float64 of shape (n_seeds, n_users), of the method.
        reference: The same of the reference.
        n_candidates: How many methods it was picked from.
        by_other_seeds: float64 of shape (n_seeds, n_users): by how much what the other seeds pick exceeds its
            reference.
    """
    comparison = compare_paired(values, reference, n_candidates)
    if not comparison.spread.covers_training:
        return comparison
    again = compare_paired(by_other_seeds, np.zeros_like(by_other_seeds), n_candidates)
    agrees = again.difference * comparison.difference > 0
    return replace(comparison, p_value=max(comparison.p_value, again.p_value if agrees else 1.0))


def _compare_alike(
    user_scores: UserScores, group: list[Pair], seeds: tuple[int, ...], choice: Choice | None
) -> Iterator[Compared]:
    methods = list(dict.fromkeys(method for pair in group for method in (pair.method, pair.reference)))
    values = user_scores.read(methods, seeds)
    # All pairs share the draws of users, which are what takes the time.
    resampled = bootstrap_means(np.stack([values[method].mean(axis=0) for method in methods], axis=1))
    drawn = dict(zip(methods, resampled.T, strict=True))
    for pair in group:
        tested, interval = (values[pair.method], values[pair.reference]), (drawn[pair.method], drawn[pair.reference])
        primary = is_primary(pair, user_scores.protocol, choice)
        if primary and choice is not None:
            again = _picked_by_others(user_scores, pair, seeds, choice)
            comparison = compare_chosen(*tested, choice.n_candidates, tested[0] - tested[1] if again is None else again)
        else:
            comparison = compare_paired(*tested)
        yield Compared(pair, user_scores.protocol, comparison, _gain_interval(*interval), primary)


def _picked_by_others(
    user_scores: UserScores, pair: Pair, seeds: tuple[int, ...], choice: Choice
) -> Float64Array | None:
    """Return by how much what the other seeds pick exceeds its reference; None where they all pick the same method."""
    picked = [_pair_at(user_scores, pair, seed, choice) for seed in seeds]
    if set(picked) == {(pair.method, pair.reference)}:
        return None
    mine, theirs = zip(*picked, strict=True)
    return user_scores.read_rows(mine, seeds) - user_scores.read_rows(theirs, seeds)


def _pair_at(user_scores: UserScores, pair: Pair, seed: int, choice: Choice) -> tuple[Method, Method]:
    method = choice.by_other_seeds.get(seed, pair.method)
    if pair.family == "baseline":
        return method, pair.reference
    reference = method.model_copy(update={"init": XAVIER, "encoder": None})
    # Without a xavier of its own there is nothing to set it against.
    return (method, reference) if user_scores.has(reference, seed) else (pair.method, pair.reference)


def _gain_interval(resampled: Float64Array, reference: Float64Array) -> tuple[float, float]:
    if (reference <= 0).any():
        return -math.inf, math.inf
    low, high = percentile_interval(resampled / reference - 1)
    return float(low), float(high)
