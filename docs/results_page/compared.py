"""What paired tests say: against xavier, against controls and against baselines."""

from collections.abc import Iterable

from llminit.results import Method
from llminit.verdicts.record import Verdict
from results_page.markdown import gain, share, table
from results_page.sources import DataSet, labels_in, trained_in

_LEGEND = (
    "A cell reads: outcome, gain in percent [its 95 % interval], p-value corrected so that the chance of any false "
    "claim on one data set is at most 5 %. The primary question is that of the method that validation picked; all else "
    "is exploratory, and claimed only where all of the primary question is answered with better. ▲ shown better, ▼ "
    "shown worse, ○ no difference shown (which is not: shown to be equal); – not measured yet. A pair is compared on "
    "the seeds that both have, paired by user and seed, so a gain need not be the ratio of two means that are printed. "
    "From 3 seeds on the claim covers other users and other training runs; with fewer (△ and ▽) it is about these "
    "trained models alone."
)

_QUESTIONS = (
    "All models and baselines together are one question. Some were asked on their own besides, each with its own 5 %. "
    "A pair is judged in the last of these that holds it, and only where none does among all:"
)


def section(data_sets: list[DataSet]) -> list[str]:
    """Return the lines of the section."""
    questions = dict.fromkeys(question for data in data_sets for question in data.questions)
    asked = [line for question in questions for line in (f"- **{question.title}**: {question.text}",)]
    return [
        "## Which differences are real",
        "",
        f"recall@{data_sets[0].loaded.k}. {_LEGEND}",
        "",
        *([_QUESTIONS, "", *asked, ""] if asked else []),
        "### Against xavier",
        "",
        *_against_xavier(data_sets),
        "### Against controls (`standard`)",
        "",
        *_against_controls(data_sets),
        *(line for data in data_sets for line in _against_baselines(data)),
    ]


def _against_xavier(data_sets: list[DataSet]) -> list[str]:
    protocols = ("standard", "paper")
    columns = [_by_pair(data.verdicts(protocol), "init") for data in data_sets for protocol in protocols]
    labels = labels_in(data_sets)
    head = ["method", *(f"{data.short}, {protocol}" for data in data_sets for protocol in protocols)]
    rows = [
        [labels[method], *(gain(next(iter(column.get(method, {}).values()), None)) for column in columns)]
        for method in trained_in(data_sets)
        if any(method in column for column in columns)
    ]
    return table(head, rows) if rows else ["Nothing to compare yet.", ""]


def _against_controls(data_sets: list[DataSet]) -> list[str]:
    columns = [_by_pair(data.verdicts(), "control") for data in data_sets]
    pairs = dict.fromkeys((method, control) for column in columns for method in column for control in column[method])
    labels = labels_in(data_sets)
    head = ["method", "control", *(data.short for data in data_sets)]
    rows = [
        [labels[method], str(control.control), *(gain(column.get(method, {}).get(control)) for column in columns)]
        for method, control in sorted(pairs, key=lambda pair: (pair[0].name, pair[1].name))
    ]
    return table(head, rows, (0, 1)) if rows else ["No control is finished yet.", ""]


def _against_baselines(data: DataSet) -> list[str]:
    """Show the best method of each backbone; the correction is over all methods."""
    found = _by_pair(data.verdicts(), "baseline")
    best = [method for backbone in data.loaded.backbones if (method := data.loaded.best(data.loaded.trained(backbone)))]
    shown = [method for method in best if method in found]
    title = [f"### {data.short}: each backbone's best against every baseline (`standard`)", ""]
    if not shown:
        return [*title, "Nothing to compare yet.", ""]
    return [*title, *against_baselines(data, shown)]


def against_baselines(data: DataSet, methods: Iterable[Method]) -> list[str]:
    """Return the lines of a table of methods against every baseline."""
    found, shown = _by_pair(data.verdicts(), "baseline"), list(methods)
    rows = [
        [
            data.loaded.labels[baseline],
            _mean(data, baseline),
            *(gain(found.get(method, {}).get(baseline)) for method in shown),
        ]
        for baseline in data.baselines()
    ]
    heads = [f"{data.loaded.labels[method]} {_mean(data, method)}" for method in shown]
    return table(["baseline", "its mean", *heads], rows)


def _by_pair(verdicts: Iterable[Verdict], family: str) -> dict[Method, dict[Method, Verdict]]:
    found: dict[Method, dict[Method, Verdict]] = {}
    for verdict in verdicts:
        if verdict.family == family:
            found.setdefault(verdict.method, {})[verdict.reference] = verdict
    return found


def _mean(data: DataSet, method: Method) -> str:
    mean = data.loaded.mean(method, "recall")
    return share(mean.mean if mean else None)
