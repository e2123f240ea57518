"""The answer to the question that a team asks, from verdicts alone: what to use, and in numbers that anybody reads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from llminit.config import TEXT_FREE, XAVIER
from llminit.evaluation import parse_metric
from llminit.statistics.two_way import MIN_SEEDS
from llminit.verdicts.record import Verdict

Advice = Literal["use", "not decided", "do not bother", "nothing to compare"]

MOST_SEEDS = 20
"""More seeds than so many are not worth their while, so a gain that takes more to be shown is no reason to run them."""

RECOMMENDED_SEEDS = 5


@dataclass(frozen=True)
class Answer:
    """Whether to use the method that validation picks.

    Attributes:
        advice: "use": shown better than every baseline that ran. "not decided": more seeds would tell. "do not bother":
            a baseline is as good, as far as was shown. "nothing to compare": no baseline ran beside it.
        chosen: The method's name; empty where validation picked none.
        baseline: The verdict against the baseline that decides: the best of those that the method was not shown to
            beat, or the best of all; None where none ran.
        xavier: The verdict against the same model without text; None where it was not run, or is what was picked.
        beaten: The baselines that the method was shown to beat.
        seeds_needed: About how many seeds would show the gain over `baseline`; None where it was shown, or never would.
        start_without_text: What validation picked starts from, where that is no text, such as xavier; otherwise None.
        sentences: The answer in words.
    """

    advice: Advice
    chosen: str = ""
    baseline: Verdict | None = None
    xavier: Verdict | None = None
    beaten: tuple[Verdict, ...] = ()
    seeds_needed: int | None = None
    start_without_text: str | None = None
    sentences: tuple[str, ...] = ()


def answer_of(verdicts: Sequence[Verdict], *, leave_one_out: bool = True) -> Answer:
    """Return the answer.

    Args:
        verdicts: Of one comparison; only the primary ones are read.
        leave_one_out: Whether each user has a single held-out item, so that recall counts users.
    """
    primary = [verdict for verdict in verdicts if verdict.is_primary]
    if not primary:
        nothing = "Nothing can be recommended yet: no trained method was picked by validation and compared."
        return Answer("nothing to compare", sentences=(nothing,))
    of_baselines = [verdict for verdict in primary if verdict.family == "baseline"]
    baselines = sorted(of_baselines, key=lambda verdict: -verdict.reference_mean)
    unbeaten = [verdict for verdict in baselines if verdict.outcome != "better"]
    deciding = next(iter(unbeaten or baselines), None)
    needed = _seeds_needed(unbeaten)
    answer = Answer(
        _advice(baselines, unbeaten, needed),
        primary[0].label,
        deciding,
        next((verdict for verdict in primary if verdict.family == "init"), None),
        tuple(verdict for verdict in baselines if verdict.outcome == "better"),
        needed,
        primary[0].method.init if primary[0].method.init in TEXT_FREE else None,
    )
    return replace(answer, sentences=_sentences(answer, primary, leave_one_out))


def _advice(baselines: Sequence[Verdict], unbeaten: Sequence[Verdict], needed: int | None) -> Advice:
    if not baselines:
        return "nothing to compare"
    if not unbeaten:
        return "use" if all(verdict.covers_training for verdict in baselines) else "not decided"
    if all(verdict.covers_training for verdict in unbeaten) and needed is None:
        return "do not bother"
    # Without the spread between training runs nobody can tell how many seeds it would take.
    return "not decided" if all(verdict.gain > 0 for verdict in unbeaten) else "do not bother"


def _seeds_needed(unbeaten: Sequence[Verdict]) -> int | None:
    """Return about how many seeds would show all gains: what can be shown shrinks with the root of their number."""
    if not unbeaten or any(verdict.outcome == "worse" or not verdict.gain > 0 for verdict in unbeaten):
        return None
    needed = [verdict.n_seeds * (verdict.detectable / verdict.gain) ** 2 for verdict in unbeaten]
    most = max(needed) if all(map(math.isfinite, needed)) else math.inf
    return max(math.ceil(most), max(verdict.n_seeds for verdict in unbeaten) + 1) if most <= MOST_SEEDS else None


def _sentences(answer: Answer, primary: Sequence[Verdict], leave_one_out: bool) -> tuple[str, ...]:
    few = [verdict for verdict in primary if not verdict.covers_training]
    warning = [_warning(few[0])] if few else []
    return (_first(answer, leave_one_out), *_on_text(answer), *warning)


def _first(answer: Answer, leave_one_out: bool) -> str:
    against, chosen = answer.baseline, answer.chosen
    if against is None:
        return f"No baseline was run beside {chosen}, so whether it is worth its while is not known."
    if answer.advice == "use":
        return (
            f"Use {chosen}: {_counts(against, leave_one_out)}, against {_theirs(against)} with the best baseline, "
            f"{against.reference_label}."
        )
    other = against.reference_label
    if answer.advice == "not decided":
        return (
            f"Not decided between {chosen} and {other}: {_counts(against, leave_one_out)} with the former, against "
            f"{_theirs(against)} with the latter{_what_tells(answer)}."
        )
    shown = "was shown to be better" if against.outcome == "worse" else "was not shown to be worse"
    return (
        f"Do not bother: use {other}, which {shown} and needs no training from embeddings. "
        f"With {chosen}, {_counts(against, leave_one_out)}, against {_theirs(against)} with {other}."
    )


def _what_tells(answer: Answer) -> str:
    if answer.seeds_needed is None or answer.baseline is None or not answer.baseline.covers_training:
        return ""
    return f", and so few seeds would often miss such a gain; about {answer.seeds_needed} would tell"


def _on_text(answer: Answer) -> list[str]:
    """Say whether the start from text is part of the gain."""
    if answer.start_without_text is not None:
        return [
            f"Text is no part of it: the start that validation picked is {answer.start_without_text}, without text."
        ]
    xavier = answer.xavier
    if xavier is None:
        return []
    begin = {
        "better": "The text is part of it",
        "worse": "The text does harm",
        "no difference shown": "That the text is part of it was not shown",
    }[xavier.outcome]
    return [f"{begin}: the same model from {XAVIER}, without text, has {_theirs(xavier)} against {_mine(xavier)}."]


def _warning(verdict: Verdict) -> str:
    seeds = "one seed" if verdict.n_seeds == 1 else f"{verdict.n_seeds} seeds"
    return (
        f"With {seeds} this is about these trained models, and another training run may differ: compare with at least "
        f"{MIN_SEEDS} seeds, better {RECOMMENDED_SEEDS}, before you ship."
    )


def _counts(verdict: Verdict, leave_one_out: bool) -> str:
    metric, k = parse_metric(verdict.metric)
    mine = _mine(verdict)
    if metric != "recall":
        return f"its {verdict.metric} is {mine}"
    if leave_one_out:
        return f"of 1,000 users, {mine} find their held-out item among the first {k}"
    return f"of 1,000 held-out items, {mine} are among the first {k} of their user"


def _mine(verdict: Verdict) -> str:
    return _both(verdict)[0]


def _theirs(verdict: Verdict) -> str:
    return _both(verdict)[1]


def _both(verdict: Verdict) -> tuple[str, str]:
    """Return both means, recall in thousandths, with a decimal only where they would look alike without."""
    if parse_metric(verdict.metric)[0] != "recall":
        return f"{verdict.mean:.4f}", f"{verdict.reference_mean:.4f}"
    both = 1000 * verdict.mean, 1000 * verdict.reference_mean
    digits = 0 if round(both[0]) != round(both[1]) or both[0] == both[1] else 1
    return f"{both[0]:.{digits}f}", f"{both[1]:.{digits}f}"
