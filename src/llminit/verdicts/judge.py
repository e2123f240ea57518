"""What a comparison showed, pair by pair: how large a gain is, how sure it is, and that in words.

A verdict of three seeds and more rests on `llminit.statistics.two_way`: better or worse means for other users and for
another split and training run. A verdict of fewer seeds rests on the users alone and says so.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llminit.arrays import Float64Array
from llminit.config import Protocol
from llminit.progress import SILENT, Reporter
from llminit.results.key import Method, distinct_labels
from llminit.results.readable import Results
from llminit.statistics.bootstrap import bootstrap_means, percentile_interval
from llminit.statistics.paired import ALPHA, holm
from llminit.statistics.two_way import Comparison, compare_paired
from llminit.verdicts.families import Pair, pairs_of
from llminit.verdicts.record import Outcome, Verdict
from llminit.verdicts.user_scores import Panels


def verdicts_of(
    folder: Results,
    metric: str = "recall@10",
    protocol: Protocol = "standard",
    *,
    alpha: float = ALPHA,
    reporter: Reporter = SILENT,
) -> list[Verdict]:
    """Compare each method of the results with xavier, with its controls and with every baseline.

    Only seeds that both methods of a pair have are used; a pair without one is left out.

    Args:
        folder: The results, in a folder or an archive.
        metric: As "recall@10".
        protocol: "standard" or "paper".
        alpha: The chance of any false "better" or "worse" that is accepted in a family.
        reporter: Receives progress, in pairs.

    Raises:
        ArtefactError: A cell is damaged, or two methods were tested on different interactions.
        ConfigError: The metric or the protocol is unknown, or the metric looks further than ranks are kept.
    """
    panels = Panels(folder, metric, protocol)
    labels = distinct_labels(panels.methods)
    families: dict[Any, list[Compared]] = defaultdict(list)
    for each in _compare_all(panels, pairs_of(panels.methods), reporter):
        families[each.pair.corrected_with].append(each)
    return [verdict for family in families.values() for verdict in judge(family, labels, metric, protocol, alpha=alpha)]


@dataclass(frozen=True)
class Compared:
    """A pair with its numbers, before correction.

    Attributes:
        pair: What is compared.
        comparison: The tests.
        user_interval: The gain's bootstrap interval over users.
    """

    pair: Pair
    comparison: Comparison
    user_interval: tuple[float, float]


def judge(
    family: Sequence[Compared], labels: dict[Method, str], metric: str, protocol: Protocol, *, alpha: float = ALPHA
) -> list[Verdict]:
    """Return the verdicts of one family, whose p-values are corrected together.

    Args:
        family: All its comparisons; the family-wise chance of a false claim is that of this list.
        labels: The methods' names.
        metric: As "recall@10".
        protocol: "standard" or "paper".
        alpha: The chance of any false "better" or "worse" that is accepted.
    """
    p_holm = holm(np.array([each.comparison.p_value for each in family])).tolist()
    p_user = holm(np.array([each.comparison.users.p_value for each in family])).tolist()
    p_seed = _corrected_over_seeds([each.comparison for each in family])
    # Holm's procedure stops at the first comparison that fails; this is the alpha at which it failed.
    stopped_at = alpha / max(1, sum(p > alpha for p in p_holm))
    return [
        Verdict(
            family=each.pair.family,
            method=each.pair.method,
            reference=each.pair.reference,
            label=labels[each.pair.method],
            reference_label=labels[each.pair.reference],
            metric=metric,
            protocol=protocol,
            p_holm=p_holm[i],
            p_user_holm=p_user[i],
            p_seed_holm=p_seed[i],
            alpha=alpha,
            n_comparisons=len(family),
            detectable=each.comparison.detectable_gain(stopped_at),
            outcome=_outcome(p_holm[i], each.comparison.difference, alpha),
            **_measured(each),
        )
        for i, each in enumerate(family)
    ]


def _measured(compared: Compared) -> dict[str, Any]:
    found = compared.comparison
    return {
        "n_seeds": found.spread.n_seeds,
        "n_users": found.spread.n_users,
        "mean": found.mean,
        "reference_mean": found.reference_mean,
        "gain": found.gain,
        "interval": found.gain_interval(),
        "user_interval": compared.user_interval,
        "p": found.p_value,
        "p_user": found.users.p_value,
        "p_seed": None if found.seeds is None else found.seeds.p_value,
        "effect_user": found.users.effect_size,
        "effect_seed": None if found.seeds is None else found.seeds.effect_size,
        "covers_training": found.spread.covers_training,
    }


def _corrected_over_seeds(family: list[Comparison]) -> list[float | None]:
    """Correct the p-values of the tests over seeds, leaving those of one seed out of the family."""
    found = {i: each.seeds.p_value for i, each in enumerate(family) if each.seeds is not None}
    corrected = dict(zip(found, holm(np.array(list(found.values()))).tolist(), strict=True))
    return [corrected.get(i) for i in range(len(family))]


def _outcome(p_holm: float, difference: float, alpha: float) -> Outcome:
    if p_holm > alpha:
        return "no difference shown"
    return "better" if difference > 0 else "worse"


def _compare_all(panels: Panels, pairs: list[Pair], reporter: Reporter) -> list[Compared]:
    alike: dict[tuple[tuple[int, ...], float, int | None], list[Pair]] = defaultdict(list)
    for pair in pairs:
        if seeds := panels.common_seeds(pair.method, pair.reference):
            alike[seeds, pair.method.train_share, pair.method.max_history].append(pair)
    found: dict[Pair, Compared] = {}
    with reporter.task("comparing", sum(map(len, alike.values()))) as task:
        for (seeds, *_), group in alike.items():
            for compared in _compare_alike(panels, group, seeds):
                found[compared.pair] = compared
                task.advance()
    return [found[pair] for pair in pairs if pair in found]


def _compare_alike(panels: Panels, group: list[Pair], seeds: tuple[int, ...]) -> Iterator[Compared]:
    methods = list(dict.fromkeys(each for pair in group for each in (pair.method, pair.reference)))
    values = panels.read(methods, seeds)
    # All pairs share the draws of users, which are what takes the time.
    resampled = bootstrap_means(np.stack([values[each].mean(axis=0) for each in methods], axis=1))
    drawn = dict(zip(methods, resampled.T, strict=True))
    for pair in group:
        comparison = compare_paired(values[pair.method], values[pair.reference])
        yield Compared(pair, comparison, _gain_interval(drawn[pair.method], drawn[pair.reference]))


def _gain_interval(resampled: Float64Array, reference: Float64Array) -> tuple[float, float]:
    if (reference <= 0).any():
        return -math.inf, math.inf
    low, high = percentile_interval(resampled / reference - 1)
    return float(low), float(high)
