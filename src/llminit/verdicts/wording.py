"""Verdicts in plain words: what was shown, what was not, and how far it carries."""

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from llminit.results.key import Method
from llminit.verdicts.answer import answer_of
from llminit.verdicts.certainty import how_sure, often_missed
from llminit.verdicts.record import Outcome, Verdict
from llminit.verdicts.standing import standing_of

_VERBS: dict[Outcome, str] = {"better": "beats", "worse": "loses to"}
_NOT_SHOWN = "was not shown to differ from"
_CONTROLS = {
    "shuffled": "the same with its items shuffled",
    "noise": "noise of the same mean and spread",
    "untrained": "itself untrained",
}
NOT_JUDGED = (
    "Exploratory: no other comparison is claimed, because the question above is not answered with better throughout."
)


def sentence_of(verdict: Verdict) -> str:
    """Return one verdict as a sentence without a full stop."""
    kind = "" if verdict.is_primary else "exploratory, "
    parts = [f"{_claim(verdict)}, {kind}{_p(verdict)}, {_count(verdict.n_seeds, 'seed')}"]
    if verdict.outcome == "no difference shown" and 0 < verdict.detectable < math.inf:
        percent = 100 * verdict.detectable
        size = f"{percent:.2g}" if percent < 10 else f"{percent:.0f}"
        parts.append(f"a difference of less than about {size} % would often be missed")
    if not verdict.covers_training:
        parts.append("this holds for these trained models, and another training run may differ")
    return "; ".join(parts)


def headline(
    verdicts: Sequence[Verdict], values: Mapping[Method, Mapping[int, float]], *, leave_one_out: bool = True
) -> list[str]:
    """Return what a comparison says: first the answer for everybody, then what it rests on, then what is exploratory.

    Args:
        verdicts: Of the main setting and the standard protocol.
        values: By method the metric at each seed.
        leave_one_out: Whether each user has a single held-out item.
    """
    if not verdicts:
        return []
    primary = [verdict for verdict in verdicts if verdict.is_primary]
    return [
        *answer_of(verdicts, leave_one_out=leave_one_out).sentences,
        *_on_primary(primary),
        *_on_highest(verdicts, values),
        *_on_exploratory(verdicts),
        f"How sure: {_uncapitalised(how_sure(verdicts))}",
    ]


def is_answered(verdicts: Sequence[Verdict]) -> bool:
    """Whether every part of the primary question is answered with "better", so that exploratory claims can be made."""
    return all(verdict.outcome == "better" for verdict in verdicts if verdict.is_primary)


def _claim(verdict: Verdict) -> str:
    where = f"in {verdict.metric} ({verdict.protocol})"
    names = f"{verdict.label} {_VERBS.get(verdict.outcome, _NOT_SHOWN)} {verdict.reference_label}"
    if not all(map(math.isfinite, (verdict.gain, *verdict.interval))):
        return f"{names} {where} ({verdict.mean:.4f} against {verdict.reference_mean:.4f})"
    if verdict.outcome == "no difference shown":
        return f"{names} {where}:{_gain(verdict)}"
    low, high = sorted(verdict.interval if verdict.outcome == "better" else (-bound for bound in verdict.interval))
    return f"{names} by {_percent(abs(verdict.gain))} % [{_percent(low)}, {_percent(high)}] {where}"


def _p(verdict: Verdict) -> str:
    value = "p < .001" if verdict.p_corrected < 0.001 else f"p = {verdict.p_corrected:.2g}".replace("0.", ".")
    return f"{value} (corrected for {verdict.n_comparisons} comparisons)" if verdict.n_comparisons > 1 else value


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _on_primary(primary: Sequence[Verdict]) -> list[str]:
    """Say what the method that validation picked was shown to beat."""
    if not primary:
        return []
    where = f"{primary[0].metric}, {primary[0].protocol} protocol"
    first = f"Picked by validation and then tested ({where}): {primary[0].label} {_outcomes(primary)}."
    return [" ".join(filter(None, [first, often_missed(primary)]))]


def _on_highest(main: Sequence[Verdict], values: Mapping[Method, Mapping[int, float]]) -> list[str]:
    """Name the highest mean of the test, over the seeds that all have."""
    labels = {verdict.method: verdict.label for verdict in main}
    labels |= {verdict.reference: verdict.reference_label for verdict in main if verdict.family != "control"}
    standing = standing_of({method: values.get(method, {}) for method in labels})
    if standing.best is None:
        return []
    uneven = len({len(values[method]) for method in labels if values.get(method)}) > 1
    where = f"{main[0].metric}, {main[0].protocol} protocol"
    where += f", {_count(len(standing.seeds), 'seed')} that all of these have" if uneven else ""
    return [f"The highest mean ({where}) is that of {labels[standing.best]}: {standing.means[standing.best]:.4f}."]


def _on_exploratory(verdicts: Sequence[Verdict]) -> list[str]:
    """Say what else was shown; nothing where the primary question is not answered with yes."""
    exploratory = [verdict for verdict in verdicts if not verdict.is_primary]
    if not exploratory:
        return []
    if not is_answered(verdicts):
        return [NOT_JUDGED]
    starts = [verdict for verdict in exploratory if verdict.family == "init"]
    controls = [verdict for verdict in exploratory if verdict.family == "control"]
    lines = [
        *(_on_text(list(own)) for _, own in groupby(starts, key=lambda verdict: verdict.reference)),
        *_on_meaning(controls),
    ]
    return [f"Exploratory: {_uncapitalised(line)}" for line in lines]


def _on_text(found: Sequence[Verdict]) -> str:
    return f"Text as a start for {found[0].method.model}, against {found[0].reference_label}: {_by_outcome(found)}."


def _on_meaning(found: Sequence[Verdict]) -> list[str]:
    """Say of each method with controls whether the gain needs the text's meaning, and the training."""
    return [
        f"Controls: {label} {_outcomes(list(own))}." for label, own in groupby(found, key=lambda verdict: verdict.label)
    ]


def _outcomes(found: Sequence[Verdict]) -> str:
    """Return "beats a (+4.1 %) and b (+2.0 %); was not shown to differ from c (+0.2 %)"."""
    parts = []
    for outcome, verb in (("better", "beats"), ("no difference shown", _NOT_SHOWN), ("worse", "loses to")):
        own = sorted((verdict for verdict in found if verdict.outcome == outcome), key=lambda verdict: verdict.gain)
        names = [f"{_reference(verdict)}{_in_brackets(verdict)}" for verdict in own]
        if names:
            parts.append(f"{verb} {_listed(names)}")
    return "; ".join(parts)


def _by_outcome(found: Sequence[Verdict]) -> str:
    """Return "better from pca (+4.1 %) and random (+2.0 %); not shown to differ from uniform (+0.2 %)"."""
    parts = []
    for outcome, words in (
        ("better", "better from"),
        ("no difference shown", "not shown to differ from"),
        ("worse", "worse from"),
    ):
        own = sorted((verdict for verdict in found if verdict.outcome == outcome), key=lambda verdict: -verdict.gain)
        names = [
            f"{verdict.label.removeprefix(f'{verdict.method.model} + ')}{_in_brackets(verdict)}" for verdict in own
        ]
        if names:
            parts.append(f"{words} {_listed(names)}")
    return "; ".join(parts)


def _reference(verdict: Verdict) -> str:
    """Name what a verdict is against, a control by what it is."""
    return _CONTROLS.get(verdict.reference.control or "", verdict.reference_label)


def _gain(verdict: Verdict) -> str:
    if not all(map(math.isfinite, (verdict.gain, *verdict.interval))):
        return ""
    low, high = map(_percent, verdict.interval)
    sign = "+" if verdict.gain > 0 else ""
    return f" {sign}{_percent(verdict.gain)} % [{low}, {high}]"


def _in_brackets(verdict: Verdict) -> str:
    return f" ({gain.strip()})" if (gain := _gain(verdict)) else ""


def _percent(share: float) -> str:
    return (f"{100 * share:.1f}" if abs(share) < 1 else f"{100 * share:.0f}").replace("-", "−")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _uncapitalised(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
