"""What a comparison showed, pair by pair: the one place where it is decided whether a difference was shown.

A verdict of three seeds and more rests on `llminit.statistics.two_way`: better or worse means for other users and for
another split and training run. A verdict of fewer seeds rests on the users alone and says so.

A team asks one question: is the method that validation picks better than what it would be without the trouble? That is
the primary one, under the standard protocol: the method against every baseline, and against its own xavier. These two
families share the 5 % (`llminit.statistics.gatekeeping`). Only where all of it is answered with "better" are all other
pairs, the exploratory ones, judged at all, again with 5 % for all of them together. So the chance of any false claim,
among the primary and the exploratory ones and under both protocols, is at most 5 %: before the last primary question is
answered no exploratory claim is made, and after it no primary one is left that could be false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llminit.arrays import Float64Array
from llminit.config import Protocol
from llminit.errors import ConfigError
from llminit.evaluation import PROTOCOLS
from llminit.progress import SILENT, Reporter
from llminit.results.key import Method, distinct_labels
from llminit.results.readable import Results
from llminit.statistics.gatekeeping import corrected_families, levels_left
from llminit.statistics.paired import ALPHA
from llminit.verdicts.choice import Choice, choose
from llminit.verdicts.compare import Compared, compare_all
from llminit.verdicts.families import pairs_of
from llminit.verdicts.record import Outcome, Verdict
from llminit.verdicts.user_scores import UserScores


@dataclass(frozen=True)
class Judgement:
    """All that a comparison showed.

    Attributes:
        choice: The method that validation picks; None where there is none.
        verdicts: By protocol, one for each pair.
    """

    choice: Choice | None
    verdicts: dict[Protocol, list[Verdict]]


def judgement_of(
    folder: Results, metric: str = "recall@10", *, alpha: float = ALPHA, reporter: Reporter = SILENT
) -> Judgement:
    """Compare each method of the results with xavier, with its controls and with every baseline, in both protocols.

    Only seeds that both methods of a pair have are used; a pair without one is left out.

    Args:
        folder: The results, in a folder or an archive.
        metric: As "recall@10".
        alpha: The chance of any false "better" or "worse" that is accepted.
        reporter: Receives progress, in pairs.

    Raises:
        ArtefactError: A cell is damaged, or two methods were tested on different interactions.
        ConfigError: The metric is unknown, or looks further than ranks are kept.
    """
    by_protocol = [UserScores(folder, metric, protocol) for protocol in PROTOCOLS]
    methods = by_protocol[0].methods
    choice, pairs = choose(by_protocol[0].cells), pairs_of(methods)
    with reporter.task("comparing", len(pairs) * len(by_protocol)) as task:
        compared = [one for scores in by_protocol for one in compare_all(scores, pairs, choice, task)]
    verdicts = judge(compared, distinct_labels(methods), metric, alpha=alpha)
    return Judgement(
        choice, {protocol: [verdict for verdict in verdicts if verdict.protocol == protocol] for protocol in PROTOCOLS}
    )


def verdicts_of(
    folder: Results,
    metric: str = "recall@10",
    protocol: Protocol = "standard",
    *,
    alpha: float = ALPHA,
    reporter: Reporter = SILENT,
) -> list[Verdict]:
    """Return the verdicts of one protocol, judged together with those of the other; see `judgement_of`.

    Raises:
        ArtefactError: A cell is damaged, or two methods were tested on different interactions.
        ConfigError: The metric or the protocol is unknown, or the metric looks further than ranks are kept.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"unknown protocol {protocol!r}; expected one of {', '.join(PROTOCOLS)}; choose one of these")
    return judgement_of(folder, metric, alpha=alpha, reporter=reporter).verdicts[protocol]


def judge(
    compared: Sequence[Compared], labels: dict[Method, str], metric: str, *, alpha: float = ALPHA
) -> list[Verdict]:
    """Return the verdicts of all that was compared; the chance that any claim among them is false is at most `alpha`.

    Args:
        compared: All comparisons, of both protocols.
        labels: The methods' names.
        metric: As "recall@10".
        alpha: The chance of any false "better" or "worse" that is accepted.
    """
    primary = _correct([one for one in compared if one.is_primary], alpha)
    exploratory = _correct([one for one in compared if not one.is_primary], alpha)
    gate = max((p if one.comparison.difference > 0 else 1.0 for one, p, _ in primary), default=0.0)
    exploratory = [(one, max(gate, p), level) for one, p, level in exploratory]
    verdicts = {
        (one.pair, one.protocol): _verdict(one, labels, metric, alpha, p, level, len(family))
        for family in (primary, exploratory)
        for one, p, level in family
    }
    return [verdicts[one.pair, one.protocol] for one in compared]


def _correct(compared: Sequence[Compared], alpha: float) -> list[tuple[Compared, float, float]]:
    """Return each comparison with its corrected p-value, and with the alpha that its own is left to be below."""
    families: dict[Any, list[Compared]] = {}
    for one in compared:
        families.setdefault((one.protocol, one.pair.question), []).append(one)
    raw: list[Float64Array] = [np.array([one.comparison.p_value for one in own]) for own in families.values()]
    corrected = corrected_families(raw)
    return [
        (one, float(p), level)
        for own, values, level in zip(families.values(), corrected, levels_left(corrected, alpha), strict=True)
        for one, p in zip(own, values, strict=True)
    ]


def _verdict(
    compared: Compared, labels: dict[Method, str], metric: str, alpha: float, p: float, level: float, n: int
) -> Verdict:
    found, pair = compared.comparison, compared.pair
    return Verdict(
        family=pair.family,
        method=pair.method,
        reference=pair.reference,
        label=labels[pair.method],
        reference_label=labels[pair.reference],
        metric=metric,
        protocol=compared.protocol,
        n_seeds=found.spread.n_seeds,
        n_users=found.spread.n_users,
        mean=found.mean,
        reference_mean=found.reference_mean,
        gain=found.gain,
        interval=found.gain_interval(),
        user_interval=compared.user_interval,
        p=found.p_value,
        p_corrected=p,
        p_user=found.users.p_value,
        p_seed=None if found.seeds is None else found.seeds.p_value,
        effect_user=found.users.effect_size,
        effect_seed=None if found.seeds is None else found.seeds.effect_size,
        alpha=alpha,
        n_comparisons=n,
        is_primary=compared.is_primary,
        detectable=found.detectable_gain(level),
        covers_training=found.spread.covers_training,
        outcome=_outcome(p, found.difference, alpha),
    )


def _outcome(p_corrected: float, difference: float, alpha: float) -> Outcome:
    if p_corrected > alpha:
        return "no difference shown"
    return "better" if difference > 0 else "worse"
