"""Verdicts in plain words: what was shown, what was not, and how far it carries."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from llminit.results.key import FULL, Method, distinct_labels
from llminit.statistics.two_way import MIN_SEEDS
from llminit.verdicts.certainty import most_shown, n_better, often_missed
from llminit.verdicts.families import Setting
from llminit.verdicts.record import Outcome, Verdict
from llminit.verdicts.standing import standing_of

_VERBS: dict[Outcome, str] = {"better": "beats", "worse": "loses to"}
_NOT_SHOWN = "was not shown to differ from"
_CONTROLS = {
    "shuffled": "the same with its items shuffled",
    "noise": "noise of the same mean and spread",
    "untrained": "itself untrained",
}


def sentence_of(verdict: Verdict) -> str:
    """Return one verdict as a sentence without a full stop."""
    parts = [f"{_claim(verdict)}, {_p(verdict)}, {_count(verdict.n_seeds, 'seed')}"]
    if verdict.outcome == "no difference shown" and 0 < verdict.detectable < math.inf:
        percent = 100 * verdict.detectable
        size = f"{percent:.2g}" if percent < 10 else f"{percent:.0f}"
        parts.append(f"a difference of less than about {size} % would often be missed")
    if not verdict.covers_training:
        parts.append("this holds for these trained models, and another training run may differ")
    return "; ".join(parts)


def headline(verdicts: Sequence[Verdict], values: Mapping[Method, Mapping[int, float]]) -> list[str]:
    """Return a few sentences on the setting that most verdicts are about, the whole training data first."""
    if not verdicts:
        return []
    setting = _main_setting([verdict for verdict in verdicts if verdict.method.selector != FULL] or verdicts)
    main = _relabelled([verdict for verdict in verdicts if _belongs(verdict, setting)])
    by_family = {
        name: [verdict for verdict in main if verdict.family == name] for name in ("baseline", "init", "control")
    }
    return [
        *_on_best(main, by_family["baseline"], values),
        *(_on_text(list(found)) for _, found in groupby(by_family["init"], key=lambda verdict: verdict.reference)),
        *_on_meaning(by_family["control"]),
        _how_sure(main),
    ]


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
    value = "p < .001" if verdict.p_holm < 0.001 else f"p = {verdict.p_holm:.2g}".replace("0.", ".")
    return f"{value} (Holm, {verdict.n_comparisons} comparisons)" if verdict.n_comparisons > 1 else value


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _main_setting(verdicts: Sequence[Verdict]) -> Setting:
    found = Counter(verdict.setting for verdict in verdicts)
    return max(
        found,
        key=lambda setting: (
            setting.max_history is None,
            setting.train_share,
            found[setting],
            -(setting.embedding_size or 0),
        ),
    )


def _belongs(verdict: Verdict, setting: Setting) -> bool:
    """Whether a verdict is about the main setting, or about text at full width beside it."""
    own = verdict.setting
    same_data = (own.train_share, own.max_history) == (setting.train_share, setting.max_history)
    return own == setting or (same_data and verdict.method.selector == FULL)


def _relabelled(main: Sequence[Verdict]) -> list[Verdict]:
    """Name methods with only as much as tells these apart, and controls by what they are."""
    labels = distinct_labels(method for verdict in main for method in (verdict.method, verdict.reference))
    return [
        replace(
            verdict,
            label=labels[verdict.method],
            reference_label=_CONTROLS.get(verdict.reference.control or "", labels[verdict.reference]),
        )
        for verdict in main
    ]


def _on_best(
    main: Sequence[Verdict], against: Sequence[Verdict], values: Mapping[Method, Mapping[int, float]]
) -> list[str]:
    """Name the highest mean, and what the best trained method was shown to beat."""
    trained = {verdict.method: verdict.label for verdict in main}
    trained |= {verdict.reference: verdict.reference_label for verdict in main if verdict.family == "init"}
    labels = trained | {verdict.reference: verdict.reference_label for verdict in against}
    standing = standing_of({label: values.get(label, {}) for label in labels})
    own = [method for method in trained if method in standing.means]
    if standing.best is None or not own:
        return []
    best_trained = max(own, key=lambda method: standing.means[method])
    uneven = len({len(values[label]) for label in labels if values.get(label)}) > 1
    where = f"{main[0].metric}, {main[0].protocol} protocol"
    where += f", {_count(len(standing.seeds), 'seed')} that all of these have" if uneven else ""
    first = f"The highest mean ({where}) is that of {labels[standing.best]}: {standing.means[standing.best]:.4f}."
    found = [verdict for verdict in against if verdict.method == best_trained]
    if not found:
        return [first]
    subject = (
        "It"
        if standing.best == best_trained
        else f"The best trained method, {trained[best_trained]} ({standing.means[best_trained]:.4f}),"
    )
    second = " ".join(filter(None, [f"{subject} {_outcomes(found)}.", often_missed(found)]))
    return [first, second, *_on_surest(against, n_better(found), values)]


def _on_surest(against: Sequence[Verdict], n_of_best: int, values: Mapping[Method, Mapping[int, float]]) -> list[str]:
    """Name the method that was shown better than more baselines than the best one."""
    found = most_shown(against)
    if found is None or n_better(found[1]) <= n_of_best:
        return []
    method, own = found
    mean = sum(values[method].values()) / len(values[method])
    seeds = _count(len(values[method]), "seed")
    return [f"More was shown of {own[0].label} ({mean:.4f}, {seeds}): it {_outcomes(own)}."]


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
        names = [f"{verdict.reference_label}{_in_brackets(verdict)}" for verdict in own]
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


def _how_sure(main: Sequence[Verdict]) -> str:
    n_seeds = [verdict.n_seeds for verdict in main]
    min_seeds, max_seeds = min(n_seeds), max(n_seeds)
    seeds = _count(max_seeds, "seed") if min_seeds == max_seeds else f"{min_seeds} to {max_seeds} seeds"
    if max_seeds < MIN_SEEDS:
        return (
            f"How sure: only {seeds}, so this is about these trained models and says nothing of another training run; "
            f"compare with at least {MIN_SEEDS} seeds, better 5, before you ship."
        )
    limit = (
        "" if min_seeds >= MIN_SEEDS else f" What has fewer than {MIN_SEEDS} seeds is about these trained models alone."
    )
    accepted = f"{100 * main[0].alpha:g} %"
    return (
        f"How sure: {seeds} of splitting and training. A claim is about the mean over users like these and over "
        f"training runs on this data; in each family of comparisons the chance that any claim is false is at most "
        f"{accepted}. Other data may differ. Intervals are 95 % for each comparison on its own.{limit}"
    )
