"""Plots stay readable: one long interval flattens no axis, and one slow run stretches no curve."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.report.data import ReportData
from llminit.report.numbers import Mean, mean_of
from llminit.report.plots import axis_range
from llminit.report.sections.dots import recall_by_method
from llminit.report.sections.gains import Steps, gains_figure
from llminit.report.sections.learning import mean_curve
from llminit.results import Cell, CellKey, Header, Method
from llminit.results.tidy import tidy_rows

POINTS = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))


def report_data(recalls: dict[Method, tuple[float, ...]]) -> ReportData:
    """The data of a report in which each method has these recalls, one per seed."""
    cells = [
        Cell(
            key=CellKey(**method.model_dump(), seed=seed),
            fingerprint="",
            split=f"seed-{seed}",
            metrics={"standard": {"recall@10": recall}},
        )
        for method, values in recalls.items()
        for seed, recall in enumerate(values)
    ]
    return ReportData(Header(config={}, fingerprint="", data={}), cells, tidy_rows(cells), [], {}, {})


def text_methods(*values: tuple[float, ...]) -> dict[Method, tuple[float, ...]]:
    return {
        Method(model="lightgcn", init=f"text-{index}", embedding_size=8): recalls
        for index, recalls in enumerate(values)
    }


def means_of(points: list[tuple[float, float | None]]) -> list[Mean]:
    """Means with intervals of these half-lengths; None is no interval."""
    return [
        Mean(value, None, None, 2) if half is None else Mean(value, value - half, value + half, 2)
        for value, half in points
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(POINTS, st.none() | st.floats(0, 1e6)), max_size=6), st.lists(POINTS, max_size=2))
def test_an_axis_shows_all_points_and_gives_them_most_of_the_room(
    points: list[tuple[float, float | None]], included: list[float]
) -> None:
    """Whatever the intervals are, every point is within, and the points span at least a third of the plot."""
    begin, end = axis_range(means_of(points), *included)
    assert begin < end
    shown = [*(value for value, _ in points), *included]
    assert all(begin <= value <= end for value in shown)
    if len(set(shown)) > 1:
        assert max(shown) - min(shown) >= (end - begin) / 3


def test_an_axis_holds_short_intervals_whole() -> None:
    """Intervals that are not long beside the spread of the points are not cut."""
    begin, end = axis_range(means_of([(1.0, 0.5), (2.0, 0.5)]))
    assert begin < 0.5
    assert end > 2.5


@pytest.mark.parametrize(("values", "is_cut"), [((0.01, 0.03), True), ((0.0199, 0.0201), False)])
def test_intervals_over_two_seeds_do_not_flatten_the_gains(values: tuple[float, ...], is_cut: bool) -> None:
    """Bars that are many times as long as the gains are cut off, and the caption says so; short ones are not."""
    recalls = text_methods(values)
    gains: dict[Method, dict[object, Mean]] = {method: {1: mean_of(values)} for method in recalls}
    figure = gains_figure(report_data(recalls), "g", gains, Steps([1], ["1"], "interactions"), "Gains.")
    assert figure is not None
    assert figure.caption.startswith("Gains.")
    assert ("longer than the plot" in figure.caption) == is_cut
    assert figure.layout["yaxis"]["range"][1] < 0.04


def test_a_method_far_below_is_named_by_an_arrow() -> None:
    """Popularity at a tenth of the others does not compress their scale: its line has an arrow and its mean."""
    figure = recall_by_method(report_data(text_methods((0.1, 0.11), (0.12, 0.13), (0.01, 0.012))))
    assert figure.layout["xaxis"]["range"][0] > 0.05
    (arrow,) = figure.layout["annotations"]
    assert arrow["text"] == "◂ 0.0110"
    assert figure.layout["yaxis"]["ticktext"][arrow["y"]] == "lightgcn + text-2"
    assert "further left" in figure.caption
    assert "reach the edge are longer" in figure.caption


def test_methods_near_each_other_need_no_arrow() -> None:
    """Where no method is far below the others, all are drawn where they are."""
    figure = recall_by_method(report_data(text_methods((0.1, 0.11), (0.12, 0.13), (0.07, 0.071))))
    assert not figure.layout["annotations"]
    assert "further left" not in figure.caption


@pytest.mark.parametrize(("recalls", "is_drawn"), [((0.01, 0.01), False), ((0.11, 0.1101), True)])
def test_a_baseline_outside_the_axis_has_no_line(recalls: tuple[float, ...], is_drawn: bool) -> None:
    """The strongest baseline has a dashed line, unless it is far below all others."""
    methods = text_methods((0.1, 0.1001), (0.12, 0.1201)) | {Method(model="popularity"): recalls}
    figure = recall_by_method(report_data(methods))
    assert bool(figure.layout["shapes"]) == is_drawn
    assert ("dashed line is the strongest baseline, popularity" in figure.caption) == is_drawn
    assert "reach the edge" not in figure.caption


def test_a_curve_ends_where_the_first_seed_stops() -> None:
    """Epochs that were not measured, or that a seed did not reach, are left out."""
    first = [{"epoch": epoch, "valid": valid, "seconds": epoch} for epoch, valid in ((1, 0.1), (2, None), (3, 0.3))]
    second = [{"epoch": epoch, "valid": 0.5, "seconds": 3.0 * epoch} for epoch in (1, 2, 3, 4)]
    curve = mean_curve([first, second])
    assert curve.epochs == [1, 3]
    assert curve.seconds == [2.0, 6.0]
    assert curve.valid == pytest.approx([0.3, 0.4])
    assert mean_curve([]) == ([], [], [])


def test_the_seconds_of_a_curve_are_medians() -> None:
    """Epochs during which one of three runs was held up count as they were for the others."""
    seconds = ([1, 2, 3, 4], [1.5, 3, 4.5, 6], [1, 500, 501, 1000])
    runs = [[{"epoch": i, "valid": 0.1, "seconds": run[i - 1]} for i in (1, 2, 3, 4)] for run in seconds]
    assert mean_curve(runs).seconds == [1.0, 2.5, 3.5, 5.0]


def test_embeddings_at_full_width_are_shown_beside_the_others() -> None:
    """Text at its encoder's full width has a size of its own and is shown beside the other initialisations."""
    starts = [("xavier", None, 128), ("full", "mpnet", 768), ("xavier", None, 16)]
    methods = [Method(model="lightgcn", init=init, encoder=of, embedding_size=size) for init, of, size in starts]
    data = report_data(dict.fromkeys([*methods, Method(model="ease")], (0.1,)))
    assert {method.label for method in data.main} == {"lightgcn + xavier", "lightgcn + full", "ease"}
    assert {method.embedding_size for method in data.main} == {128, 768, None}


def test_no_recall_on_the_page_is_said_to_be_below_nothing() -> None:
    """The interval of a mean recall stays within 0 and 1; that of a gain is not cut off."""
    methods: dict[Method, tuple[float, ...]] = {
        Method(model="lightgcn", init="xavier", embedding_size=8): (0.001, 0.03, 0.001),
        Method(model="lightgcn", init="pca", encoder="mini", embedding_size=8): (0.99, 0.4, 0.99),
    }
    data = report_data(methods)
    means = [data.mean(method, "recall") for method in methods]
    ends = [end for mean in means if mean for end in (mean.low, mean.high)]
    assert len(ends) == 4
    assert all(end is not None and 0 <= end <= 1 for end in ends)
    gain = data.gain(list(methods)[1], "recall")
    assert gain is not None
    assert gain.high is not None
    assert gain.high > 1


def test_a_mean_beside_another_is_over_the_seeds_of_both() -> None:
    """What stands beside a method that ran on two seeds is not the mean over a third, which may be easier."""
    ease, text = Method(model="ease"), Method(model="lightgcn", init="pca", encoder="mini", embedding_size=8)
    data = report_data({ease: (0.1, 0.2, 0.9), text: (0.3, 0.4)})
    beside, alone = data.mean(ease, "recall", beside=text), data.mean(ease, "recall")
    assert beside is not None
    assert alone is not None
    assert [beside.mean, alone.mean] == pytest.approx([0.15, 0.4])
