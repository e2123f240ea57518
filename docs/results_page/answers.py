"""The answers to the questions that were asked of a data set, and what they rest on."""

from llminit.report.data import ReportData
from llminit.results import Method
from llminit.verdicts.certainty import n_better, often_missed
from llminit.verdicts.record import Verdict
from results_page.markdown import count, gain_in_words, in_a_line, listed, number, share
from results_page.sources import DataSet, Plan


def answers(data: DataSet, plan: Plan) -> list[str]:
    """Return a sentence or more for each question: about all models, about some, and about what was run beside them."""
    return [
        _on_all(data),
        *(_on_part(data, question.title, judged) for question, judged in data.questions.items()),
        *_on_confirmation(data),
        *(
            _on_further(data, plan.further[ending].title, beside)
            for ending, beside in data.further.items()
            if plan.further[ending].shows == "baselines"
        ),
    ]


def outcomes(judged: ReportData) -> list[str]:
    """Say in sentences which baselines the method that validation picked was shown to beat."""
    found = primary(judged)
    baselines = [baseline for baseline in _baselines(judged) if baseline in found]
    n_shown = n_better(found.values())
    if not baselines:
        return []
    if n_shown == len(found):
        every = (
            "every baseline run here"
            if len(found) == len(_baselines(judged))
            else f"all {len(found)} baselines on its seeds"
        )
        return [f"It was shown better than {every}; the strongest is {_versus(judged, found[baselines[0]])}."]
    parts = [f"It was shown better than {n_shown} of {len(found)} baselines."]
    for outcome, words in (("worse", "It was shown worse than"), ("no difference shown", "No difference was shown to")):
        if own := [_versus(judged, found[baseline]) for baseline in baselines if found[baseline].outcome == outcome]:
            parts.append(f"{words} {listed(own)}.")
    return parts


def primary(judged: ReportData) -> dict[Method, Verdict]:
    """Return the verdicts of the method that validation picked, by baseline."""
    return {
        verdict.reference: verdict
        for verdict in judged.main_verdicts("standard")
        if verdict.is_primary and verdict.family == "baseline"
    }


def _on_all(data: DataSet) -> str:
    """Answer the question that was asked first, and say what the answer rests on."""
    answer = data.loaded.answer
    parts = [f"**{data.short}:**", *answer.sentences]
    if answer.baseline is None:
        return " ".join(parts)
    parts += outcomes(data.loaded)
    if answer.advice != "use":
        parts.append(often_missed(list(primary(data.loaded).values())))
    # Where the question was asked once more, the answer is there.
    if data.confirmation is None or data.confirmation.missing:
        parts.append(costs(data.loaded, answer.baseline))
    return " ".join(filter(None, parts))


def _on_part(data: DataSet, title: str, judged: ReportData) -> str:
    answer = judged.answer
    # Where no baseline has a part in the question, that there is none is no answer.
    said = answer.sentences if answer.baseline else (*answer.sentences[1:], *_on_xavier(answer.xavier))
    parts = [f"**{data.short}, {in_a_line(title)}:**", *said, *outcomes(judged), _left_out(data, judged)]
    return " ".join(filter(None, parts))


def _on_xavier(verdict: Verdict | None) -> list[str]:
    return [f"{verdict.label} against xavier: {gain_in_words(verdict)}."] if verdict else []


def _on_confirmation(data: DataSet) -> list[str]:
    """Say what became of the question that was asked once more."""
    again = data.confirmation
    if again is None or not again.baselines():
        return []
    if again.missing:
        return [f"**{data.short}, on new seeds:** [the confirmation](#confirmation) is not finished."]
    begin = f"**{data.short}, on new seeds** ([a question that was fixed before](#confirmation)):"
    return [" ".join(filter(None, [begin, *_answered(again.loaded), _left_out(data, again.loaded)]))]


def _on_further(data: DataSet, title: str, beside: DataSet) -> str:
    state = f"{count(len(beside.missing), 'planned run')} missing: this may change." if beside.missing else ""
    begin = f"**{data.short}, {in_a_line(title)}:**"
    return " ".join(filter(None, [begin, *_answered(beside.loaded), state]))


def _answered(judged: ReportData) -> list[str]:
    answer = judged.answer
    costing = [costs(judged, answer.baseline)] if answer.baseline else []
    return [*answer.sentences, *outcomes(judged), *costing]


def _left_out(data: DataSet, judged: ReportData) -> str:
    """Name the baselines that a question leaves out and that are better than those that it asks about."""
    asked = [mean.mean for baseline in _baselines(judged) if (mean := judged.mean(baseline, "recall"))]
    others = {
        baseline: mean.mean
        for baseline in data.baselines()
        if baseline not in judged.methods and (mean := data.loaded.mean(baseline, "recall"))
    }
    better = [
        f"{data.loaded.labels[baseline]} ({share(mean)})"
        for baseline, mean in others.items()
        if asked and mean > max(asked)
    ]
    return f"This question leaves out {listed(better)}: see above." if better else ""


def _baselines(judged: ReportData) -> list[Method]:
    """Return the baselines, the one with the highest recall first."""
    means = {method: judged.mean(method, "recall") for method in judged.main if method.kind == "baseline"}
    return sorted(means, key=lambda method: (-(mean.mean if (mean := means[method]) else 0.0), method.name))


def _versus(judged: ReportData, verdict: Verdict) -> str:
    """Name a baseline with its mean over the seeds that are compared, so that it fits the gain beside it."""
    mean = f"{share(verdict.reference_mean)} over {count(verdict.n_seeds, 'seed')}"
    return f"{judged.labels[verdict.reference]} ({mean}; {gain_in_words(verdict)})"


def costs(judged: ReportData, verdict: Verdict) -> str:
    """Say how long a method and a baseline took to fit; empty where that is not known."""
    seconds = [
        judged.median(each, lambda cell: cell.seconds.get("fit")) for each in (verdict.reference, verdict.method)
    ]
    if None in seconds:
        return ""
    named = judged.labels[verdict.reference]
    return f"To fit, {named} took {number(seconds[0])} s, options chosen, and {verdict.label} {number(seconds[1])} s."
