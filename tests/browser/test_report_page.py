"""The report in a browser: it draws, sorts, filters, follows the theme and loads nothing."""

from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from llminit.report.data import ReportData
from llminit.report.front import pareto_front
from llminit.report.sections import quality
from open_pages import OpenReport

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page


def column(page: "Page", table: str, index: int) -> list[str]:
    """The values that a column is sorted by, from top to bottom."""
    values: list[str] = page.evaluate(
        "([name, i]) => [...document.querySelectorAll(`#${name} tbody tr`)].map((row) => row.cells[i].dataset.value)",
        [table, index],
    )
    return values


def header(page: "Page", table: str, title: str) -> "Locator":
    return page.locator(f"#{table} thead button", has_text=title).first


def drawn(page: "Page", figure: str) -> list[dict[str, Any]]:
    """The traces that plotly holds of a figure."""
    kept = "({name, x, text, visible}) => ({name, x, text, visible})"
    traces: list[dict[str, Any]] = page.evaluate(f"figure => document.getElementById(figure).data.map({kept})", figure)
    return traces


def brightness(page: "Page", expression: str) -> float:
    """Of a CSS colour, from 0 (black) to 255 (white)."""
    script = f"() => {{ const c = ({expression}).match(/[0-9.]+/g); return (+c[0] + +c[1] + +c[2]) / 3 }}"
    return float(page.evaluate(script))


PAPER = "getComputedStyle(document.body).backgroundColor"
TICK = "getComputedStyle(document.querySelector('#dots .xtick text')).fill"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_draws_and_is_silent(open_report: OpenReport, report: Path, width: int, scheme: str) -> None:
    """Every plot is drawn, nothing is written to the console, and no file but the report is requested."""
    seen = open_report(width, scheme)
    n_plots = seen.page.locator(".plot").count()
    assert n_plots > 12
    assert seen.page.locator(".plot:has(svg.main-svg)").count() == n_plots
    assert seen.messages == []
    assert seen.requests == [report.as_uri()]


def test_plots_hold_the_numbers_of_the_results(wide: "Page", data: ReportData) -> None:
    """The dots that the browser drew are the means, in sight, one a method."""
    shown = {text: x for trace in drawn(wide, "dots") for text, x in zip(trace["text"], trace["x"], strict=True)}
    assert wide.locator("#dots .scatterlayer .point").count() == len(shown) == len(data.main)
    for method in data.main:
        values = [cell.metrics["standard"]["recall@10"] for cell in data.cells if cell.key.method == method]
        assert shown[data.labels[method]] == pytest.approx(sum(values) / len(values), rel=1e-5)


def test_dots_stand_where_their_numbers_say(wide: "Page") -> None:
    """On the screen, dots from left to right are in the order of their numbers."""
    boxes = wide.evaluate(
        """() => [...document.querySelectorAll('#dots .scatterlayer .trace')].flatMap((trace, t) =>
            [...trace.querySelectorAll('.point')].map((point, i) => {
                const box = point.getBoundingClientRect();
                return [document.getElementById('dots').data[t].x[i], box.x + box.width / 2];
            }))"""
    )
    on_screen = [x for _, x in sorted(boxes)]
    assert len(on_screen) > 10
    assert all(left <= right + 0.5 for left, right in pairwise(on_screen))


@pytest.mark.parametrize("width", [1280, 390])
def test_names_of_points_can_be_read(open_report: OpenReport, data: ReportData, width: int) -> None:
    """Every model is a point; in both widths the names on the screen cover no other, and the front's are among them."""
    page = open_report(width).page
    assert page.locator("#quality-seconds .scatterlayer .point").count() == len(quality.models_of(data))
    boxes = page.evaluate(
        """() => [...document.querySelectorAll('#quality-seconds .textpoint text')].filter((one) => one.textContent)
            .map((one) => [one.textContent, one.getBoundingClientRect()])
            .map(([name, box]) => [name, box.left, box.top, box.right, box.bottom])"""
    )
    assert len(boxes) > 5
    for (_, left, top, right, bottom), (_, *other) in combinations(boxes, 2):
        assert right <= other[0] or other[2] <= left or bottom <= other[1] + 1 or other[3] <= top + 1
    assert all(left >= 0 and right <= width for _, left, _, right, _ in boxes)
    front = pareto_front(list(quality.points_of(data).values()))
    # In a narrow plot a name is broken into two lines.
    assert {point.name.replace(" ", "") for point in front} <= {name.replace(" ", "") for name, *_ in boxes}


def test_a_click_sorts(wide: "Page") -> None:
    """A first click on a number sorts best first, a second click reverses the order; only that heading shows it."""
    button = header(wide, "results-table", "ndcg@10")
    button.click()
    values = [float(value) for value in column(wide, "results-table", 2)]
    assert values == sorted(values, reverse=True)
    button.click()
    values = [float(value) for value in column(wide, "results-table", 2)]
    assert values == sorted(values)
    assert wide.locator("#results-table th[aria-sort]").count() == 1
    assert wide.locator("#results-table th[aria-sort=ascending]").inner_text().startswith("ndcg@10")


def test_the_keyboard_sorts(wide: "Page") -> None:
    """A heading that has the focus sorts by Enter and by Space, and the focus can be seen."""
    button = header(wide, "results-table", "Method")
    wide.locator("#results-table").evaluate("table => table.parentElement.focus()")
    wide.keyboard.press("Tab")
    assert button.evaluate("button => button === document.activeElement")
    assert button.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"
    wide.keyboard.press("Enter")
    names = column(wide, "results-table", 0)
    assert names == wide.evaluate("names => [...names].sort((a, b) => a.localeCompare(b))", names)
    wide.keyboard.press("Space")
    assert column(wide, "results-table", 0) == names[::-1]


def test_what_is_missing_stays_last(wide: "Page") -> None:
    """Baselines have no best epoch and stand last whichever way the epochs are sorted."""
    for _ in range(2):
        header(wide, "cost-table", "best epoch").click()
        values = column(wide, "cost-table", 2)
        assert values[-4:] == [""] * 4
        assert "" not in values[:-4]


def test_the_filter_shows_one_backbone(wide: "Page") -> None:
    """Choosing a backbone shows its rows only, choosing all rows shows the others again."""
    select, rows = wide.locator("select[data-filters=results-table]"), wide.locator("#results-table tbody tr:visible")
    everything = rows.count()
    select.select_option("sgcl")
    assert 0 < rows.count() < everything
    assert all(name.startswith("sgcl") for name in rows.locator("th").all_inner_texts())
    select.select_option("")
    assert rows.count() == everything


def test_dark_and_light_reach_the_plots(open_report: OpenReport) -> None:
    """The page follows the system, the button switches it, and the plots' text and lines change with it."""
    page = open_report(scheme="dark").page
    assert brightness(page, PAPER) < 60
    assert brightness(page, TICK) > 180
    page.locator("#theme").focus()
    page.keyboard.press("Enter")
    assert brightness(page, PAPER) > 240
    page.wait_for_function(f"() => +{TICK}.match(/\\d+/)[0] < 90")
    assert page.locator("#theme").get_attribute("aria-label") == "Switch to dark colours"


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_scrolls_one_way_only(open_report: OpenReport, width: int) -> None:
    """In a narrow window nothing is wider than it; wide tables scroll within themselves."""
    page = open_report(width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("Math.max(...[...document.querySelectorAll('.plot')].map(plot => plot.scrollWidth))") <= width
    assert page.evaluate("document.querySelector('.table').scrollWidth") > width


def test_a_finger_on_a_plot_scrolls_the_page(open_report: OpenReport) -> None:
    """On a phone a swipe that starts on a plot scrolls the page and draws no zoom box."""
    page = open_report(390).page
    modes = "[...document.querySelectorAll('.plot')].map(plot => plot._fullLayout.dragmode)"
    assert set(page.evaluate(modes)) == {False}


def test_a_narrower_window_redraws(open_report: OpenReport) -> None:
    """Plots are fitted to the window when it changes."""
    page = open_report(1280).page
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_function("() => document.querySelector('#dots .main-svg').getBoundingClientRect().width < 390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_legend_button_hides_its_series(wide: "Page") -> None:
    """Pressing a name in a legend takes its line out of both plots below it; pressing it again brings the line back."""
    button = wide.locator(".legend[data-plots^=learning-0] button").first
    name = button.get_attribute("data-series")
    for pressed in ("false", "true"):
        button.click()
        assert button.get_attribute("aria-pressed") == pressed
        for figure in ("learning-0-epochs", "learning-0-seconds"):
            lines = {trace["name"]: trace["visible"] is not False for trace in drawn(wide, figure)}
            assert lines.pop(name) is (pressed == "true")
            assert all(lines.values())


def test_pointing_at_an_item_shows_its_title_in_both_maps(open_report: OpenReport) -> None:
    """A title that is a script is shown as text and never runs, in the map that is pointed at and in the other."""
    seen = open_report()
    page = seen.page
    page.locator("#map-text").scroll_into_view_if_needed()
    page.evaluate("Plotly.Fx.hover('map-text', [{curveNumber: 0, pointNumber: 0}])")
    page.wait_for_selector("#map-text .hovertext")
    assert '<script>window.stolen = 1</script> "Tom & Jerry' in (
        page.locator("#map-text .hovertext").text_content() or ""
    )
    point = page.locator("#map-text .point").nth(5).bounding_box()
    assert point is not None
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    page.wait_for_function("() => document.querySelectorAll('#map-trained .hovertext').length")
    titles = [page.locator(f"#map-{space} .hovertext").text_content() for space in ("text", "trained")]
    assert titles[0] == titles[1]
    assert page.evaluate("window.stolen") is None
    assert seen.messages == []


def test_a_foreign_script_never_runs(open_report: OpenReport) -> None:
    """Were a script to get into the page, its policy would refuse it."""
    seen = open_report()
    seen.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.stolen = 1";
            document.body.append(script);
        }"""
    )
    assert seen.page.evaluate("window.stolen") is None
    assert any("Content Security Policy" in message for message in seen.messages)


def test_the_first_tab_skips_to_the_results(open_report: OpenReport) -> None:
    """The first Tab reaches a link that can then be seen and leads past the list of sections."""
    page = open_report().page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_printing_is_light_and_fits_the_paper(open_report: OpenReport) -> None:
    """A dark page prints dark on white, in plots no wider than the paper, and is dark again after."""
    page = open_report(scheme="dark").page
    widths = "Math.max(...[...document.querySelectorAll('.main-svg')].map(svg => svg.getBoundingClientRect().width))"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(widths) <= 680
    assert brightness(page, TICK) < 90
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.wait_for_function(f"() => +{TICK}.match(/\\d+/)[0] > 180")


def test_the_page_can_be_read_without_scripts(chromium: "Browser", report: Path) -> None:
    """Without JavaScript the verdict and the tables are there, and a note says what is missing."""
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#verdict li").count() > 2
    assert page.locator("#results-table tbody tr").count() > 10
    assert "need JavaScript" in page.locator("noscript").inner_text()
    context.close()
