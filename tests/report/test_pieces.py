"""Numbers as text, and HTML and JSON that hold any text safely."""

import json
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.report.html import Row, Shown, Table, script_json, sentence
from llminit.report.loaded import Loaded
from llminit.report.numbers import count, decimals, duration, interval, mean_of, megabytes, p_value, percent
from llminit.report.plots import styles_of, window
from llminit.report.sections.gains import Steps, gains_figure
from llminit.report.sections.learning import curve
from llminit.report.sections.results import dots
from llminit.results import CellKey, Method

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_script_json_gives_back_what_went_in_and_never_ends_its_element(value):
    """JSON in a script element is read back unchanged and holds no character that HTML or JavaScript could act on."""
    text = script_json(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


def test_script_json_refuses_what_browsers_cannot_read():
    """Infinity is not JSON."""
    with pytest.raises(ValueError, match="JSON compliant"):
        script_json([float("inf")])


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (decimals(0.12345), "0.1235"),
        (decimals(-1.5, 1), "−1.5"),
        (decimals(None), "–"),
        (percent(0.0412), "+4.1 %"),
        (percent(-0.0412), "−4.1 %"),
        (p_value(0.0004), "< 0.001"),
        (p_value(0.04), "0.040"),
        (p_value(None), "–"),
        (count(2129792), "2,129,792"),
        (duration(59.94), "59.9 s"),
        (duration(600), "10.0 min"),
        (duration(7200), "2.0 h"),
        (megabytes(610_000_000), "610 MB"),
        (sentence("by 4 % <b>"), "by 4&nbsp;% &lt;b&gt;"),
        (sentence("a + b, p = .01, p < .001"), "a&nbsp;+ b, p&nbsp;=&nbsp;.01, p&nbsp;&lt;&nbsp;.001"),
    ],
)
def test_numbers_are_written_for_people(shown, expected):
    """Numbers come with their units, a true minus sign, and a dash where there is none."""
    assert shown == expected


def test_one_seed_has_a_mean_and_no_interval():
    """The interval of a single value is not made up."""
    assert interval(mean_of([0.1])) == ""
    assert (mean_of([0.1]).mean, mean_of([0.1]).n) == (0.1, 1)


def test_a_curve_ends_where_the_first_seed_stops():
    """Epochs that were not measured, or that a seed did not reach, are left out."""
    first = [{"epoch": 1, "valid": 0.1, "seconds": 1.0}, {"epoch": 2, "valid": None, "seconds": 2.0}]
    first += [{"epoch": 3, "valid": 0.3, "seconds": 3.0}]
    second = [{"epoch": epoch, "valid": 0.5, "seconds": 3.0 * epoch} for epoch in (1, 2, 3, 4)]
    epochs, seconds, valid = curve([first, second])
    assert epochs == [1, 3]
    assert seconds == [2.0, 6.0]
    assert valid == pytest.approx([0.3, 0.4])
    assert curve([]) == ([], [], [])


def test_a_curve_s_seconds_are_those_of_a_usual_run():
    """Epochs during which one of three runs was held up count as they were for the others."""
    seconds = ([1, 2, 3, 4], [1.5, 3, 4.5, 6], [1, 500, 501, 1000])
    runs = [[{"epoch": i, "valid": 0.1, "seconds": run[i - 1]} for i in (1, 2, 3, 4)] for run in seconds]
    assert curve(runs)[1] == [1.0, 2.5, 3.5, 5.0]


def test_embeddings_at_full_width_are_shown_beside_the_others():
    """Text at its encoder's full width has a size of its own, and neither hides the other starts nor is hidden."""
    starts = [("xavier", None, 128), ("full", "mpnet", 768), ("xavier", None, 16)]
    keys = [CellKey(model="lightgcn", init=init, encoder=of, embedding_size=d, seed=0) for init, of, d in starts]
    keys.append(CellKey(model="ease", seed=0))
    loaded = Loaded(None, [SimpleNamespace(key=key) for key in keys], None, [], {}, {})
    assert {each.label for each in loaded.main} == {"lightgcn + xavier", "lightgcn + full", "ease"}
    assert {each.embedding_size for each in loaded.main} == {128, 768, None}


def test_a_missing_value_has_nothing_to_sort_by():
    """What is missing is marked for the page's sorting, and a filter appears only where there is a choice."""
    rows = [Row([Shown("a", "a"), Shown("–", None)], group="one")]
    html = Table("t", "caption", ["Method", "#value"], rows, filters=["one"]).html()
    assert '<td class="number" data-value="">–</td>' in html
    assert "<select" not in html
    assert '<select data-filters="t">' in Table("t", "caption", ["Method", "#value"], rows, filters=["a", "b"]).html()


POINTS = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(POINTS, st.none() | st.floats(0, 1e6)), max_size=6), st.lists(POINTS, max_size=2))
def test_a_window_shows_all_points_and_gives_them_most_of_the_room(points, holding):
    """Whatever the intervals are, every point is within, and the points span at least a third of the plot."""
    middle = [value for value, _ in points]
    low, high = ([None if half is None else value + sign * half for value, half in points] for sign in (-1, 1))
    begin, end = window(low, middle, high, *holding)
    assert begin < end
    shown = [*middle, *holding]
    assert all(begin <= value <= end for value in shown)
    if len(set(shown)) > 1:
        assert max(shown) - min(shown) >= (end - begin) / 3


def test_a_window_holds_short_intervals_whole():
    """Intervals that are not long beside the spread of the points are not cut."""
    begin, end = window([0.5, 1.5], [1.0, 2.0], [1.5, 2.5])
    assert begin < 0.5
    assert end > 2.5


def few_seeds(*values):
    """Give a mean over seeds, and what the plots ask a report for beside it."""
    methods = [Method(model="lightgcn", init=f"text-{i}", embedding_size=8) for i in range(len(values))]
    means = dict(zip(methods, map(mean_of, values), strict=True))
    loaded = SimpleNamespace(
        main=methods,
        k=10,
        labels={each: each.init for each in methods},
        styles=styles_of(["xavier", *(each.init for each in methods)]),
        series=lambda method: method.init,
        mean=lambda method, _: means[method],
        best=lambda _: None,
        cells_of=lambda _: [1, 2],
    )
    return loaded, means


def test_intervals_over_two_seeds_do_not_flatten_the_gains():
    """Bars that are many times as long as the gains leave the plot, which says so; short ones do not."""
    steps = Steps([1], ["1"], "interactions")
    for values, cut in (((0.01, 0.03), True), ((0.0199, 0.0201), False)):
        loaded, means = few_seeds(values)
        gains = {method: {1: mean} for method, mean in means.items()}
        figure = gains_figure(loaded, "g", gains, steps, "Gains.")
        assert figure.says.startswith("Gains.")
        assert ("longer than the plot" in figure.says) == cut
        assert figure.layout["yaxis"]["range"][1] < 0.04


def test_a_method_far_below_is_named_by_an_arrow():
    """Popularity at a tenth of the others does not push them into a corner: its line has an arrow and its mean."""
    loaded, _ = few_seeds((0.1, 0.11), (0.12, 0.13), (0.01, 0.012))
    figure = dots(loaded)
    assert figure.layout["xaxis"]["range"][0] > 0.05
    (arrow,) = figure.layout["annotations"]
    assert arrow["text"] == "◂ 0.0110"
    assert figure.layout["yaxis"]["ticktext"][arrow["y"]] == "text-2"
    assert "further left" in figure.says
    assert "reach the edge are longer" in figure.says
    loaded, _ = few_seeds((0.1, 0.11), (0.12, 0.13), (0.07, 0.071))
    assert not dots(loaded).layout["annotations"]
    loaded, means = few_seeds((0.1, 0.1001), (0.12, 0.1201), (0.01, 0.01))
    loaded.best = lambda _: list(means)[2]
    assert "reach the edge" not in dots(loaded).says
    assert not dots(loaded).layout["shapes"]
    assert "dashed" not in dots(loaded).says
