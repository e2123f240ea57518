"""The two named protocols: `standard` removes seen items from the ranking, `paper` (arXiv 2503.01814) does not.

When testing, seen items are those in the user's training and validation data; when validating, in the training data.
An unmasked value alone misleads: it is lower, and it can order models differently.
"""

from collections.abc import Iterable, Sequence
from typing import get_args

from scipy.sparse import csr_array

from llminit.arrays import IntArray
from llminit.config import Protocol
from llminit.errors import ConfigError
from llminit.evaluation.metrics import DEFAULT_KS, METRICS, mean_metrics
from llminit.evaluation.ranking import RelevantRanks, Scorer, rank_both, rank_relevant
from llminit.progress import SILENT, Reporter

PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)


def evaluate(
    scorer: Scorer,
    relevant: csr_array,
    seen: csr_array,
    ks: Sequence[int] = DEFAULT_KS,
    names: Iterable[str] = tuple(METRICS),
    *,
    block_size: int | None = None,
    reporter: Reporter = SILENT,
) -> dict[Protocol, dict[str, float]]:
    """Measure a scorer under both protocols in one pass over its scores.

    Args:
        scorer: Gives float32 scores of shape (n, n_items) for n user codes.
        relevant: Shape (n_users, n_items); non-zero where an item is held out for the user.
        seen: The same shape; non-zero where `standard` removes an item from the user's ranking.
        ks: The lengths of the lists that are measured.
        names: The metrics, from `METRICS`.
        block_size: Users scored at a time; None takes as many as fit 64 MiB of scores.
        reporter: Receives the progress, in users.

    Returns:
        {"standard": {"recall@10": ...}, "paper": {...}}, means over the users with a relevant item.

    Raises:
        ConfigError: A metric is unknown or a k is less than 1.
        InputError: Shapes differ, a relevant item is also seen, scores hold NaN, or no user has a relevant item.
    """
    names = tuple(names)
    ranks = ranks_by_protocol(scorer, relevant, seen, block_size=block_size, reporter=reporter)
    return {protocol: mean_metrics(ranks[protocol], ks, names) for protocol in PROTOCOLS}


def ranks_by_protocol(
    scorer: Scorer,
    relevant: csr_array,
    seen: csr_array,
    *,
    block_size: int | None = None,
    reporter: Reporter = SILENT,
) -> dict[Protocol, RelevantRanks]:
    """Rank under both protocols in one pass, for callers that need each user's ranks.

    Raises:
        InputError: Shapes differ, a relevant item is also seen, or scores hold NaN.
    """
    masked, unmasked = rank_both(scorer, relevant, seen, block_size=block_size, reporter=reporter)
    return {"standard": masked, "paper": unmasked}


def ranks_under(
    protocol: Protocol,
    scorer: Scorer,
    relevant: csr_array,
    seen: csr_array,
    *,
    users: IntArray | None = None,
    block_size: int | None = None,
    reporter: Reporter = SILENT,
) -> RelevantRanks:
    """Rank under one protocol, as early stopping does; `users` are those to rank for, by default all.

    Raises:
        ConfigError: The protocol is unknown.
        InputError: Shapes differ, a relevant item is also seen, or scores hold NaN.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"unknown protocol {protocol!r}; expected one of {', '.join(PROTOCOLS)}; choose one of these")
    removed = seen if protocol == "standard" else None
    return rank_relevant(scorer, relevant, removed, users=users, block_size=block_size, reporter=reporter)
