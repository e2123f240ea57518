"""Which methods are compared with which, in families whose p-values are corrected together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from llminit.config import XAVIER
from llminit.results.key import Method
from llminit.verdicts.setting import Setting

Family = Literal["init", "control", "baseline"]


@dataclass(frozen=True)
class Pair:
    """A method and what it is compared with.

    Attributes:
        family: "init": other initial embeddings against xavier; "control": meaningful ones against controls that keep
            all but the meaning, or the training; "baseline": a backbone against a baseline.
        method: What is compared.
        reference: What it is compared with.
    """

    family: Family
    method: Method
    reference: Method

    @property
    def question(self) -> tuple[Family, Setting, str | None]:
        """What pairs share that ask the same question.

        Which start to take is asked for each backbone on its own. Which model to take is asked once: the best of all
        backbones is only found by looking at all, so all of them against all baselines are one question.
        """
        return self.family, Setting.of(self.method), None if self.family == "baseline" else self.method.model


def pairs_of(methods: Iterable[Method]) -> list[Pair]:
    """Return all pairs that are compared: each method against xavier, its controls and every baseline.

    Every baseline is a reference, because one chosen for its test result would be a moving target.
    """
    distinct = list(dict.fromkeys(methods))
    trained = [method for method in distinct if method.kind == "backbone"]
    return [
        Pair(family, method, reference)
        for family in ("init", "control", "baseline")
        for method in trained
        for reference in distinct
        if _belongs(family, method, reference)
    ]


def _belongs(family: Family, method: Method, reference: Method) -> bool:
    if family == "baseline":
        same_data = (method.train_share, method.max_history) == (reference.train_share, reference.max_history)
        return reference.kind == "baseline" and same_data
    if method.init == XAVIER or method.model != reference.model or Setting.of(method) != Setting.of(reference):
        return False
    if family == "init":
        return reference.init == XAVIER
    return reference.kind == "control" and (method.init, method.encoder) == (reference.selector, reference.encoder)
