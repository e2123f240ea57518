"""What we conclude, in words chosen by rules: nothing is claimed that a corrected test did not show."""

from collections.abc import Sequence

from llminit.config import TEXT_FREE
from llminit.verdicts.certainty import how_sure
from llminit.verdicts.record import Verdict
from results_page import sizes
from results_page.answers import answers
from results_page.markdown import count, gain_in_words, listed, p_in_words, percent, share
from results_page.sources import XAVIER, DataSet, Number, Plan, Published, baselines_in, besides

_PAPERS_INIT = "variance"
_NOT_TESTED = "Starts were compared with xavier, not with each other, and this is exploratory."
_ON_ITS_OWN = " Each question above is judged as a comparison of its own, so the chances of several add up."
_RIVAL = "l3ae"
_RIVALS = (
    "closed-form models that use text and interactions together, such as L3AE (arXiv 2508.13500), which may well be "
    "better than all of these"
)
_MEANING = {"shuffled": "the same embeddings with their rows shuffled", "noise": "noise of the same mean and spread"}


def section(data_sets: list[DataSet], plan: Plan, published: Published) -> list[str]:
    """Return the lines of the section."""
    bullets = [
        *(line for data in data_sets for line in answers(data, plan)),
        *_on_starts(data_sets),
        *_on_meaning(data_sets),
        *sizes.in_short(data_sets, plan),
        *(line for data in data_sets for line in _on_published(data, published)),
        *_how_sure(data_sets),
        _limits(data_sets, plan),
    ]
    return [
        "## What we conclude",
        "",
        _state([*data_sets, *besides(data_sets)]),
        "",
        *(f"- {line}" for line in bullets),
        "",
    ]


def _state(data_sets: list[DataSet]) -> str:
    planned, missing = (sum(len(getattr(data, name)) for data in data_sets) for name in ("planned", "missing"))
    if not missing:
        return f"All {planned} planned runs are finished."
    return (
        f"**Not finished: {planned - missing} of {planned} planned runs are there** (see [what is missing]"
        "(#what-is-missing)). What follows holds for these, and may change."
    )


def _on_starts(data_sets: list[DataSet]) -> list[str]:
    found = [verdict for verdict in _of_family(data_sets, "init") if verdict.method.init not in TEXT_FREE]
    by_init: dict[str, list[Verdict]] = {}
    for verdict in _covering_training(found):
        by_init.setdefault(str(verdict.method.init), []).append(verdict)
    if not by_init:
        return ["Nothing can be said of text as a start yet: no such run is finished beside xavier."]
    # A start that is missing in some comparisons may have missed the hard ones.
    ordered = sorted(
        by_init,
        key=lambda init: (-len(by_init[init]), -_share_better(by_init[init]), -_mean_gain(by_init[init]), init),
    )
    counted = "; ".join(f"`{init}` {_counted(by_init[init])}" for init in ordered)
    n_left_out = len(found) - sum(map(len, by_init.values()))
    left_out = f" Not counted: {count(n_left_out, 'comparison')} on fewer than 3 seeds." if n_left_out else ""
    return [
        f"**Which start?** {_advice(ordered[0], by_init[ordered[0]])} {_NOT_TESTED}",
        f"Shown better than xavier (a comparison is one backbone on one data set, `standard`): {counted}.{left_out}",
    ]


def _advice(init: str, found: list[Verdict]) -> str:
    better, worse = _n(found, "better"), _n(found, "worse")
    if better == len(found):
        text = (
            f"Start from text rather than from xavier: `{init}` was shown better in every comparison here, with the "
            "largest gain on average"
        )
    elif better > len(found) / 2:
        text = f"`{init}` is the best bet: it was shown better than xavier in {better} of {len(found)} comparisons"
    elif better:
        text = f"Try before you rely on it: even `{init}` was shown better than xavier in only {better} of {len(found)}"
    else:
        text = "No text start was shown better than xavier in any comparison here"
    return text + (f", and worse in {worse}." if worse else ".")


def _counted(found: list[Verdict]) -> str:
    gains = sorted(verdict.gain for verdict in found)
    shown = f"{percent(gains[0])} %" if len(gains) == 1 else f"{percent(gains[0])} to {percent(gains[-1])} %"
    worse = f", worse in {_n(found, 'worse')}" if _n(found, "worse") else ""
    return f"in {_n(found, 'better')} of {len(found)}{worse} ({shown})"


def _on_meaning(data_sets: list[DataSet]) -> list[str]:
    found = [verdict for verdict in _of_family(data_sets, "control") if verdict.reference.control in _MEANING]
    found = _covering_training(found)
    if not found:
        return ["Whether the text's meaning matters is not known yet: no control is finished."]
    parts = [
        f"{words}: better in {_n(own, 'better')} of {len(own)}"
        for control, words in _MEANING.items()
        if (own := [verdict for verdict in found if verdict.reference.control == control])
    ]
    inits = listed([f"`{init}`" for init in sorted({str(verdict.method.init) for verdict in found})])
    better = _n(found, "better")
    claim = (
        "In every comparison it is what the text means that counts, not only the shape of its embeddings."
        if better == len(found)
        else "That the text's meaning counts was shown in some comparisons only."
        if better
        else "It was not shown that the text's meaning counts."
    )
    return [f"**Is it the meaning?** (exploratory) {claim} Controls of {inits}, against {'; '.join(parts)}."]


def _on_published(data: DataSet, published: Published) -> list[str]:
    """Set the paper's own comparison beside ours, under its protocol."""
    lines = []
    numbers = {(each.model, each.init): each for each in published.number if each.data == data.name}
    for (model, init), theirs in numbers.items():
        reference = numbers.get((model, XAVIER))
        found = [
            verdict for verdict in data.verdicts("paper") if verdict.family == "init" and verdict.method.init == init
        ]
        found = [verdict for verdict in found if verdict.method.model == model]
        if init == _PAPERS_INIT and reference and found:
            lines.append(_beside(data, theirs, reference, found[0]))
    return lines


def _beside(data: DataSet, theirs: Number, reference: Number, ours: Verdict) -> str:
    # Judged as every other verdict. The paper makes this one comparison, so its own p-value stands beside, but a rule
    # that was chosen when the numbers were known decides nothing.
    result = {
        "better": "a gain is shown here too",
        "worse": "here the opposite is shown",
        "no difference shown": "here no difference is shown",
    }[ours.outcome]
    return (
        f"**The paper's own claim, {data.short}** (`{theirs.init}` for {theirs.model}, `paper` protocol): published "
        f"{share(reference.value)} → {share(theirs.value)} ({percent(theirs.value / reference.value - 1)} %); here "
        f"{share(ours.reference_mean)} → {share(ours.mean)} ({gain_in_words(ours)} among all that was compared "
        f"here; {p_in_words(ours.p)} as the one comparison that the paper makes): {result}."
    )


def _how_sure(data_sets: list[DataSet]) -> list[str]:
    found: dict[str, list[str]] = {}
    for data in data_sets:
        if verdicts := data.verdicts():
            found.setdefault(how_sure(verdicts), []).append(data.short)
    more = _ON_ITS_OWN if any(data.questions for data in data_sets) else ""
    if len(found) == 1:
        return [f"**How sure?** {text}{more}" for text in found]
    return [f"**How sure, {listed(names)}?** {text}{more}" for text, names in found.items()]


def _limits(data_sets: list[DataSet], plan: Plan) -> str:
    """Say what these runs cannot show."""
    every = [*data_sets, *besides(data_sets)]
    splits = {data.config.split for data in every}
    encoders = {label for data in data_sets for label in data.loaded.header.encoders}
    sizes = {method.embedding_size for data in every for method in data.loaded.methods if method.embedding_size}
    parts = [f"data other than {listed([data.short for data in data_sets])}"]
    if not splits & {"temporal-loo", "global-time"}:
        parts.append("recommending into the future (the splits are random, so training sees what came after the test)")
    if len(encoders) == 1:
        parts.append(f"other encoders than that of `{next(iter(encoders))}`")
    tuned = " (only baselines were tuned)" if any(data.is_tuned for data in data_sets) else ""
    parts.append(f"{'other embedding sizes and' if len(sizes) == 1 else 'other'} hyper-parameters{tuned}")
    parts += [] if _RIVAL in {method.model for method in baselines_in(data_sets)} else [_RIVALS]
    parts += [] if plan.new_items else ["items that are new, which have [a page of their own](cold.md)"]
    return f"**Not shown here:** {'; '.join(parts)}."


def _of_family(data_sets: list[DataSet], family: str) -> list[Verdict]:
    return [verdict for data in data_sets for verdict in data.verdicts() if verdict.family == family]


def _covering_training(found: list[Verdict]) -> list[Verdict]:
    """Leave out what says nothing of another training run, where there is anything else."""
    return [verdict for verdict in found if verdict.covers_training] or found


def _n(found: Sequence[Verdict], outcome: str) -> int:
    return sum(verdict.outcome == outcome for verdict in found)


def _share_better(found: Sequence[Verdict]) -> float:
    return _n(found, "better") / len(found)


def _mean_gain(found: Sequence[Verdict]) -> float:
    return sum(verdict.gain for verdict in found) / len(found)
