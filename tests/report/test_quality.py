"""Quality against seconds: who is on the front, where names stand, and that the figure has the numbers of the cells."""

import statistics
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.report.data import ReportData
from llminit.report.front import Point, pareto_front
from llminit.report.names import SIDES, name_box, placed_names
from llminit.report.numbers import Mean
from llminit.report.plots import log_ticks
from llminit.report.scene import scene_of
from llminit.report.sections import quality
from llminit.report.styles import Style
from llminit.report.tables import Table
from llminit.results import Cell, CellKey, Header, Method
from llminit.results.tidy import tidy_rows
from oracles_report import mean_and_margin, values

STYLE = Style("--s1", "circle", "solid")
# Few values, so that ties are common.
MEASURES = st.tuples(st.sampled_from([0.5, 1.0, 2.0, 60.0]), st.sampled_from([0.01, 0.05, 0.06, 0.1]))
PLACES = st.tuples(st.floats(0, 400), st.floats(0, 300))

Figures = dict[str, dict[str, Any]]


def points_of(measures: list[tuple[float, float]]) -> list[Point]:
    return [
        Point(f"model {index}", seconds, Mean(value, None, None, 1), "family", "series", STYLE)
        for index, (seconds, value) in enumerate(measures)
    ]


def report_data(measured: dict[Method, list[tuple[float, dict[str, float]]]]) -> ReportData:
    """The data of a report in which each method has these values of ndcg and these seconds, one pair a seed."""
    cells = [
        Cell(
            key=CellKey(**method.model_dump(), seed=seed),
            fingerprint="",
            split=f"seed-{seed}",
            metrics={"standard": {"recall@10": 2 * value, "ndcg@10": value}},
            seconds=seconds,
        )
        for method, pairs in measured.items()
        for seed, (value, seconds) in enumerate(pairs)
    ]
    return ReportData(Header(config={}, fingerprint="", data={}), cells, tidy_rows(cells), [], {}, {})


def table_of(data: ReportData) -> dict[str, list[str]]:
    section = quality.section(data)
    assert section is not None
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    return {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in table.rows}


def has_figure(data: ReportData) -> bool:
    section = quality.section(data)
    return section is not None and any(block.macro == "panel" for block in section.blocks)


@settings(max_examples=200, deadline=None)
@given(st.lists(MEASURES, min_size=1, max_size=8))
def test_the_front_is_what_nobody_beats(measures: list[tuple[float, float]]) -> None:
    """From left to right the front rises, nobody is above and left of it, and equal points share their place on it."""
    points = points_of(measures)
    front = pareto_front(points)
    steps = dict.fromkeys((point.seconds, point.quality.mean) for point in front)
    assert list(steps) == sorted(steps)
    assert [value for _, value in steps] == sorted({value for _, value in steps})
    for point in points:
        mine = (point.seconds, point.quality.mean)
        assert (point in front) == (mine in steps)
        # Whoever is not on the front has somebody on it who is as fast and better, or as good and faster.
        others = [one for one in steps if one[0] <= mine[0] and one[1] >= mine[1] and one != mine]
        assert bool(others) == (point not in front)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(PLACES, st.text("abc\n", max_size=12)), max_size=10), st.integers(0, 3), st.floats(1, 3))
def test_names_cover_nothing(named: list[tuple[tuple[float, float], str]], n_above: int, wider: float) -> None:
    """No name covers a point or another name or leaves the plot, there or in a plot that is wider."""
    places, names = [place for place, _ in named], [name for _, name in named]
    sides = placed_names(places, names, (400, 300), 12, n_above)
    assert [side is None for side, name in zip(sides, names, strict=True) if not name] == [True] * names.count("")
    for scale in (1.0, wider):
        moved = [(x * scale, y) for x, y in places]
        boxes = [
            name_box(x, y, name, side, 12)
            for (x, y), name, side in zip(moved, names, sides, strict=True)
            if side is not None
        ]
        assert not any(one.meets(other) for one, other in combinations(boxes, 2))
        for box in boxes:
            assert box.top >= 0
            assert box.bottom <= 300
            assert not any(box.left < x < box.right and box.top < y < box.bottom for x, y in moved)
            assert scale > 1 or (box.left >= 0 and box.right <= 400)


def test_a_lone_name_is_shown() -> None:
    """With room on all sides a name stands to the right, above where a line leads to the right."""
    assert placed_names([(200, 150)], ["ease"], (400, 300), 12) == [SIDES[0]]
    (side,) = placed_names([(200, 150)], ["ease"], (400, 300), 12, n_above=1)
    assert side is not None
    assert (side.across, side.up) == (0, 1)


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (0.5, 2000, [1, 10, 100, 1000]),
        (0.3, 20, [0.3, 1, 3, 10]),
        (5, 20, [5, 10, 20]),
        (45, 80, [50, 60, 70, 80]),
    ],
)
def test_ticks_of_time_are_round_and_few(begin: float, end: float, expected: list[float]) -> None:
    """Whole powers of ten where there are three, and smaller steps only where there are not."""
    assert log_ticks(begin, end) == expected


def test_points_are_means_and_median_seconds(figures: Figures, data: ReportData) -> None:
    """Each model of all training data is a point at its mean ndcg and median seconds; controls are none."""
    figure = figures["quality-seconds"]
    shown = {
        described[0]: (x, y, plus)
        for trace in figure["data"][1:]
        for described, x, y, plus in zip(
            trace["customdata"], trace["x"], trace["y"], trace["error_y"]["array"], strict=True
        )
    }
    models = quality.models_of(data)
    assert len(shown) == len(models) == 2 * 7 + 4 + 2 * 2 * 2
    bottom = figure["layout"]["yaxis"]["range"][0]
    for method, point in quality.points_of(data).items():
        mean, margin = mean_and_margin(values(data.cells, method, "ndcg@10"))
        seconds = [cell.seconds["fit"] for cell in data.cells if cell.key.method == method]
        x, y, plus = shown[point.name]
        assert x == pytest.approx(statistics.median(seconds))
        if method.model == "popularity":
            assert bottom < y < bottom + 0.01
            assert plus == 0
        else:
            assert (y, plus) == (pytest.approx(mean, rel=1e-5), pytest.approx(margin, rel=1e-5))


def test_far_below_shows_its_number(figures: Figures) -> None:
    """A model that would compress the scale is a triangle at the lower edge, with its quality in its name."""
    (trace,) = [trace for trace in figures["quality-seconds"]["data"] if trace["name"] == "baselines"]
    shown = dict(zip(trace["text"], trace["marker"]["symbol"], strict=True))
    assert [symbol for name, symbol in shown.items() if name.startswith("popularity 0.01")] == ["triangle-down"]
    assert shown["ease"] == "diamond-tall"


def test_a_narrow_plot_has_other_names(figures: Figures) -> None:
    """Names for narrow windows go with every trace of points, as many as there are points."""
    for trace in figures["quality-seconds"]["data"][1:]:
        narrow = trace["meta"]["narrow"]
        assert len(narrow["text"]) == len(narrow["textposition"]) == len(trace["x"])


def test_the_table_says_who_is_on_the_front() -> None:
    """Quality, seconds and whether on the front, the best first; a method without seconds has a dash in both places."""
    data = report_data(
        {
            Method(model="softmax", init="whiten", embedding_size=8): [(0.09, {"fit": 12.0}), (0.092, {"fit": 11.0})],
            Method(model="lightgcn", init="whiten", embedding_size=8): [(0.08, {"fit": 120.0}), (0.08, {"fit": 130.0})],
            Method(model="mf", init="whiten", embedding_size=8): [(0.095, {}), (0.095, {})],
            Method(model="ease"): [(0.082, {"fit": 20.0}), (0.082, {"fit": 20.0})],
            Method(model="item-knn"): [(0.07, {"fit": 0.0}), (0.07, {"fit": 0.0})],
        }
    )
    rows = table_of(data)
    assert list(rows) == ["mf + whiten", "softmax + whiten", "ease", "lightgcn + whiten", "item-knn"]
    assert {name: row[1:] for name, row in rows.items()} == {
        "mf + whiten": ["–", "–"],
        "softmax + whiten": ["11.5 s", "yes"],
        "ease": ["20.0 s", "no"],
        "lightgcn + whiten": ["2.1 min", "no"],
        "item-knn": ["0.0 s", "yes"],
    }
    assert rows["softmax + whiten"][0] == "0.0910"
    assert [point.name for point in pareto_front(list(quality.points_of(data).values()))] == [
        "item-knn",
        "softmax + whiten",
    ]


@pytest.mark.parametrize(
    ("seconds", "is_drawn"), [({"fit": 12.0}, True), ({}, False)], ids=["one model", "without its time"]
)
def test_one_model_is_enough(seconds: dict[str, float], is_drawn: bool) -> None:
    """A single model without baselines has its section; without a time the table stands alone."""
    data = report_data({Method(model="softmax", init="xavier", embedding_size=8): [(0.09, seconds)]})
    assert has_figure(data) == is_drawn
    assert table_of(data) == {"softmax + xavier": ["0.0900", "12.0 s" if is_drawn else "–", "yes" if is_drawn else "–"]}


def test_nothing_that_can_be_chosen_has_no_section() -> None:
    """Controls and models of less data are no answer to which model to take."""
    data = report_data(
        {
            Method(model="softmax", init="whiten/noise", embedding_size=8): [(0.09, {"fit": 1.0})],
            Method(model="ease", train_share=0.5): [(0.09, {"fit": 1.0})],
        }
    )
    assert quality.section(data) is None


def test_the_best_of_each_family_is_named_before_its_kin() -> None:
    """Where names lack room, those on the front come first, then the best of each family."""
    measured = {"a1": (1.0, 0.05), "a2": (2.0, 0.04), "b1": (3.0, 0.03), "b2": (2.5, 0.02), "c1": (9.0, 0.08)}
    points = [
        Point(name, seconds, Mean(value, None, None, 1), name[0], "series", STYLE)
        for name, (seconds, value) in measured.items()
    ]
    scene = scene_of(points)
    assert [dot.point.name for dot in scene.dots] == ["c1", "a1", "b1", "a2", "b2"]
    assert [dot.point.name for dot in scene.front] == ["a1", "c1"]
