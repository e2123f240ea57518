"""Pictures as SVG text: well formed whatever is in them, and with every point where its numbers say."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from llminit.report.front import Point
from llminit.report.numbers import Mean
from llminit.report.plots import even_ticks
from llminit.report.quality_svg import draw_quality
from llminit.report.sizes_svg import SizeLine, draw_sizes
from llminit.report.styles import COLOURS, DASHES, OUTLINES, SYMBOLS, Style
from llminit.report.svg import SCHEMES, Scheme, colours_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = """</text><script>alert(1)</script> & "quoted" 'too'"""
OURS, THEIRS = Style("--s1", "circle", "solid"), Style("--ink", "diamond-tall", "solid")
MEASURED = {
    "popularity": (0.4, 0.01),
    "ease": (20.0, 0.082),
    HOSTILE: (12.0, 0.091),
    "lightgcn": (200.0, 0.08),
    "l3ae": (90.0, 0.097),
}


def points() -> list[Point]:
    return [
        Point(name, seconds, Mean(value, value - 0.001, value + 0.001, 3), name, kind, style)
        for name, (seconds, value) in MEASURED.items()
        for kind, style in [("baselines", THEIRS) if name in ("popularity", "ease", "l3ae") else ("whiten", OURS)]
    ]


def parsed(picture: str) -> ElementTree.Element:
    # Of our own making; nothing in it is expanded.
    return ElementTree.fromstring(picture)


def words_of(picture: str) -> list[str]:
    return [element.text or "" for element in parsed(picture).iter(f"{SVG}text")]


def markers_of(picture: str) -> list[tuple[float, float]]:
    """The places of the markers, without the first ones, which are the legend's."""
    places = [element.get("transform") or "" for element in parsed(picture).iter(f"{SVG}path")]
    return [(float(x) + 17, float(y) + 7) for x, y in (re.findall(r"-?[\d.]+", place) for place in places)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_names_are_text_and_nothing_else(scheme: Scheme) -> None:
    """Whatever a model is called, the picture has no element but its own, and the name is read as it is."""
    picture = draw_quality(points(), "ndcg@10", scheme, "seconds", HOSTILE)
    assert {element.tag.removeprefix(SVG) for element in parsed(picture).iter()} == {
        *("svg", "title", "text", "line", "polyline", "path")
    }
    words = words_of(picture)
    assert words.count(HOSTILE) == 2
    assert {"ease", "lightgcn", "l3ae", "popularity 0.0100", "ndcg@10", "seconds", "whiten", "baselines"} <= {*words}


def test_points_stand_where_their_numbers_say() -> None:
    """From left to right as the seconds, on a logarithmic axis, and from top to bottom as the quality."""
    places = markers_of(draw_quality(points(), "ndcg@10", "light", "seconds"))[2:]
    assert len(places) == len(MEASURED)
    by_seconds = sorted(MEASURED.values())
    across = sorted(x for x, _ in places)
    # 0.4 s to 200 s: each factor of ten takes as much room.
    per_decade = (across[-1] - across[0]) / 2.69897
    assert across[1] - across[0] == pytest.approx(per_decade * 1.47712, abs=0.2)
    heights = [y for _, y in sorted(places)]
    assert [heights.index(y) for y in sorted(heights)] == [
        by_seconds.index(pair) for pair in sorted(by_seconds, key=lambda pair: -pair[1])
    ]


def test_the_front_is_a_rising_line() -> None:
    """It goes through those that nobody beats, in steps to the right and upwards."""
    (line,) = parsed(draw_quality(points(), "ndcg@10", "light", "seconds")).iter(f"{SVG}polyline")
    steps = [tuple(map(float, place.split(","))) for place in (line.get("points") or "").split()]
    assert len(steps) == 2 * len(["popularity", HOSTILE, "l3ae"]) - 1
    assert all(before[0] <= after[0] and before[1] >= after[1] for before, after in pairwise(steps))
    assert all(before[0] == after[0] or before[1] == after[1] for before, after in pairwise(steps))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_lines_of_sizes(scheme: Scheme) -> None:
    """Each method is a line with a marker a size and its name, sizes at equal distances for equal factors."""
    lines = [
        SizeLine(name, {size: Mean(start + 0.01 * index, None, None, 1) for index, size in enumerate(sizes)}, OURS)
        for name, start, sizes in ((HOSTILE, 0.1, (16, 64, 256)), ("mf + whiten", 0.2, (16, 64)))
    ]
    picture = draw_sizes(lines, "recall@10", scheme)
    assert {HOSTILE, "mf + whiten", "16", "64", "256", "embedding size", "recall@10"} <= {*words_of(picture)}
    assert len(list(parsed(picture).iter(f"{SVG}polyline"))) == 2
    first, second, third, *_ = markers_of(picture)
    assert second[0] - first[0] == pytest.approx(third[0] - second[0], abs=0.2)
    assert first[1] > second[1] > third[1]


def test_one_size_is_a_picture_too() -> None:
    """A line of one size is a marker with a name."""
    picture = draw_sizes([SizeLine("mf", {16: Mean(0.1, None, None, 1)}, OURS)], "recall@10", "light")
    assert len(markers_of(picture)) == 1
    assert "mf" in words_of(picture)


def test_colours_are_those_of_the_page() -> None:
    """Both schemes have a colour for each series and for what stands around it, and no two schemes have the same."""
    light, dark = map(colours_of, SCHEMES)
    assert {*COLOURS, "--base", "--ink", "--soft", "--line", "--paper"} <= light.keys() == dark.keys()
    assert all(light[name] != dark[name] for name in light)


def test_every_style_can_be_drawn() -> None:
    """Each marker that a series may have has an outline, and each pattern its dashes."""
    for symbol in (*SYMBOLS, "diamond-tall", "triangle-down"):
        assert Style("--s1", f"{symbol}-open", "dot").outline == OUTLINES[symbol]
    assert [Style("--s1", "circle", dash).dashes for dash in DASHES].count("") == 1


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (0.055, 0.0995, {0.06: "0.06", 0.07: "0.07", 0.08: "0.08", 0.09: "0.09"}),
        (0.1, 0.12, {0.1: "0.100", 0.105: "0.105", 0.11: "0.110", 0.115: "0.115", 0.12: "0.120"}),
        (
            -0.05,
            0.25,
            {-0.05: "−0.05", 0.0: "0.00", 0.05: "0.05", 0.1: "0.10", 0.15: "0.15", 0.2: "0.20", 0.25: "0.25"},
        ),
    ],
)
def test_ticks_of_quality_are_round(begin: float, end: float, expected: dict[float, str]) -> None:
    """At equal distances, with as many decimals as they need, and not too many of them."""
    assert even_ticks(begin, end) == expected
