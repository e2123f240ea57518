"""Questions with a table of their own: about another embedding size, and about runs under other options."""

from collections.abc import Iterator

from llminit.report.data import ReportData
from llminit.results import Method
from results_page.markdown import DASH, count, gain, in_a_line, number, spread, table
from results_page.sources import DataSet, Plan

_LEGEND = (
    "Means ± standard deviations over seeds, medians of seconds. The last column compares the method that validation "
    "picked with each baseline and with its own xavier; signs are those of the section above, the correction is over "
    "the comparisons of one data set here."
)


def section(data_sets: list[DataSet], plan: Plan) -> list[str]:
    """Return the lines of the sections, one a question."""
    lines: list[str] = []
    for title, text, shown in _questions(data_sets, plan):
        if shown:
            lines += [f"## {title}", "", f"{text[:1].upper()}{text[1:]} {_LEGEND}", ""]
        for short, loaded, n_missing in shown:
            lines += [f"### {short}: {in_a_line(title)}", "", *_of(loaded, n_missing)]
    return lines


def _questions(data_sets: list[DataSet], plan: Plan) -> Iterator[tuple[str, str, list[tuple[str, ReportData, int]]]]:
    """Yield the title and the text of each question, and by data set its results and how many runs are missing."""
    for question in plan.question:
        if question.embedding_size is not None:
            having = [data for data in data_sets if question in data.questions]
            yield question.title, question.text, [(data.short, data.questions[question], 0) for data in having]
    for ending, further in plan.further.items():
        having = [data for data in data_sets if ending in data.further] if further.shows == "baselines" else []
        beside = [(data.short, data.further[ending]) for data in having]
        yield further.title, further.text, [(short, each.loaded, len(each.missing)) for short, each in beside]


def _of(loaded: ReportData, n_missing: int) -> list[str]:
    chosen = loaded.choice
    found = {verdict.reference: verdict for verdict in loaded.main_verdicts("standard") if verdict.is_primary}
    methods = sorted(
        (method for method in loaded.main if method.kind != "control"), key=lambda method: -_recall(loaded, method)
    )
    against = f"{loaded.labels[chosen]} against it" if chosen else "against it"
    rows = [[*_measured(loaded, method), DASH if method == chosen else gain(found.get(method))] for method in methods]
    are = "is" if n_missing == 1 else "are"
    state = [f"{count(n_missing, 'planned run')} {are} missing; this may change.", ""] if n_missing else []
    return [*table(["method", f"recall@{loaded.k}", f"ndcg@{loaded.k}", "seeds", "fit, s", against], rows), *state]


def _measured(loaded: ReportData, method: Method) -> list[str]:
    values = [loaded.by_seed(metric).get(method, {}) for metric in ("recall", "ndcg")]
    seconds = loaded.median(method, lambda cell: cell.seconds.get("fit"))
    spreads = [spread([own[seed] for seed in sorted(own)]) for own in values]
    return [loaded.labels[method], *spreads, str(len(loaded.cells_of(method))), number(seconds)]


def _recall(loaded: ReportData, method: Method) -> float:
    mean = loaded.mean(method, "recall")
    return mean.mean if mean else 0.0
