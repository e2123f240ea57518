"""Whole comparisons whose true differences are known, judged by the code that judges real ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from llminit.arrays import Float64Array
from llminit.config import Protocol
from llminit.evaluation import PROTOCOLS
from llminit.progress import SILENT
from llminit.results import Method
from llminit.verdicts.choice import Choice, choice_of
from llminit.verdicts.compare import PRIMARY_PROTOCOL, Compared, compare_all, is_primary
from llminit.verdicts.families import Pair, pairs_of
from llminit.verdicts.judge import judge
from llminit.verdicts.record import Verdict
from llminit.verdicts.user_scores import UserScores

N_USERS = 100
"""So few stand for all users: each one's noise is as much larger as makes a mean over them as noisy as over all."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of a method's mean, as shares of it.

    Attributes:
        users: By which users there are, the same at all seeds, on validation and on test.
        baseline_users: The same of a baseline.
        items: By which items of the users are tested, of one seed.
        baseline_items: The same of a baseline.
        training: By the training run of one seed, the same on validation and on test.
        validation: By which items of the users are validated, of one seed.
    """

    users: float = 0.0023
    baseline_users: float = 0.0062
    items: float = 0.0114
    baseline_items: float = 0.0188
    training: float = 0.0075
    validation: float = 0.0114


def method(model: str, init: str | None = None) -> Method:
    with_text = init is not None and init != "xavier"
    encoder, size = "mini" if with_text else None, 8 if init else None
    return Method(model=model, init=init, encoder=encoder, embedding_size=size)


class SimulatedScores(UserScores):
    """Draws the values of methods whose true means are known, in place of reading them."""

    def __init__(self, values: Mapping[Method, Float64Array], protocol: Protocol) -> None:
        self.values, self.protocol = values, protocol

    @property
    def methods(self) -> list[Method]:
        return list(self.values)

    def common_seeds(self, *methods: Method) -> tuple[int, ...]:
        return tuple(range(min(len(self.values[each]) for each in methods)))

    def has(self, method: Method, seed: int) -> bool:
        return method in self.values and seed < len(self.values[method])

    def read(self, methods: Iterable[Method], seeds: tuple[int, ...]) -> dict[Method, Float64Array]:
        return {each: self.values[each][list(seeds)] for each in methods}

    def read_rows(self, methods: Iterable[Method], seeds: tuple[int, ...]) -> Float64Array:
        return np.stack([self.values[each][seed] for each, seed in zip(methods, seeds, strict=True)])


def simulated_verdicts(
    rng: np.random.Generator,
    truths: Mapping[Method, float],
    noise: Noise = Noise(),
    n_seeds: int = 5,
    *,
    only_primary: bool = False,
) -> list[Verdict]:
    """Draw a comparison, let its validation scores pick a method, and judge both protocols.

    Args:
        rng: Of all that is drawn.
        truths: The true mean of each method, the same under both protocols.
        noise: How much the measured means vary.
        n_seeds: How many seeds.
        only_primary: Whether what is exploratory is left out, which takes most of the time.
    """
    scores: dict[Method, dict[int, float]] = {}
    by_protocol: dict[Protocol, dict[Method, Float64Array]] = {protocol: {} for protocol in PROTOCOLS}
    for each, truth in truths.items():
        is_baseline = each.kind == "baseline"
        users = (noise.baseline_users if is_baseline else noise.users) * np.sqrt(N_USERS) * rng.standard_normal(N_USERS)
        training = (0.0 if is_baseline else noise.training) * rng.standard_normal(n_seeds)
        items = (noise.baseline_items if is_baseline else noise.items) * np.sqrt(N_USERS)
        for protocol in PROTOCOLS:
            tested = items * rng.standard_normal((n_seeds, N_USERS))
            by_protocol[protocol][each] = truth * (1 + users + training[:, np.newaxis] + tested)
        if each.kind == "backbone":
            validated = users.mean() + training + noise.validation * rng.standard_normal(n_seeds)
            scores[each] = dict(enumerate((truth * (1 + validated)).tolist()))
    labels, choice = {each: each.label for each in truths}, choice_of(scores)
    pairs = pairs_of(truths)
    asked = [pair for pair in pairs if is_primary(pair, PRIMARY_PROTOCOL, choice)]
    primary = _compared(by_protocol, asked, choice, (PRIMARY_PROTOCOL,))
    verdicts = judge(primary, labels, "recall@10")
    # Behind a closed gate nothing is claimed.
    is_closed = any(verdict.outcome != "better" for verdict in verdicts)
    if is_closed or only_primary:
        return verdicts
    return judge(_compared(by_protocol, pairs, choice, PROTOCOLS), labels, "recall@10")


def _compared(
    values: Mapping[Protocol, dict[Method, Float64Array]],
    pairs: list[Pair],
    choice: Choice | None,
    protocols: Iterable[Protocol],
) -> list[Compared]:
    # The bootstrap decides nothing, and takes most of the time.
    without = patch("llminit.verdicts.compare.bootstrap_means", lambda values: np.ones((1, values.shape[1])))
    with without, SILENT.task("comparing", len(pairs)) as task:
        return [
            one
            for protocol in protocols
            for one in compare_all(SimulatedScores(values[protocol], protocol), pairs, choice, task)
        ]


def false_claims(verdicts: Iterable[Verdict], truths: Mapping[Method, float]) -> list[Verdict]:
    """Return the claims that are not true: a difference is claimed where there is none, or the other way round."""
    claims = [verdict for verdict in verdicts if verdict.outcome != "no difference shown"]
    return [
        verdict
        for verdict in claims
        if not (truths[verdict.method] - truths[verdict.reference]) * (1 if verdict.outcome == "better" else -1) > 0
    ]
