"""A report of hostile results in a browser: all of it is shown as text, and none of it runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hostile_results import PAYLOAD, TITLES, hostile, hostile_init, write_hostile_results
from llminit.report.outline import page_content
from llminit.report.read import read_report_data
from llminit.report.render import render
from open_pages import OpenFile, Seen

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN = ["lightgcn", "ease", "words", "split", "metric", "fingerprint", "machine", "version", "argument", "error"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_hostile_results(tmp_path_factory.mktemp("hostile") / "results")
    path = folder.path / "report.html"
    path.write_text(render(page_content(read_report_data(folder))), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def seen(open_file: OpenFile, file: Path) -> Seen:
    return open_file(file)


@pytest.fixture
def page(seen: Seen) -> "Page":
    return seen.page


def text_of(page: "Page", selector: str) -> str:
    text = page.locator(selector).first.text_content()
    assert text is not None
    return text


def test_nothing_runs_and_nothing_is_loaded(seen: Seen, file: Path) -> None:
    """No script of the results runs, no image is made, no handler is bound, and the policy refuses nothing."""
    page = seen.page
    assert page.evaluate("window.stolen") is None
    assert page.locator("img").count() == 0
    attributes = "[...document.querySelectorAll('*')].flatMap(element => element.getAttributeNames())"
    assert not [name for name in page.evaluate(attributes) if name.startswith("on") or name == "autofocus"]
    n_scripts = page.locator("script:not([type])").count()
    assert n_scripts == 2
    assert seen.messages == []
    assert seen.requests == [file.as_uri()]


@pytest.mark.parametrize("field", SHOWN)
def test_texts_are_read_letter_by_letter(page: "Page", field: str) -> None:
    """Labels, options, commands and errors are what a reader sees, braces, quotes and tags included."""
    assert hostile(field) in text_of(page, "header") + text_of(page, "main")


def test_every_plot_is_drawn(page: "Page") -> None:
    """Hostile names of series and axes keep no plot from being drawn, and are text in it."""
    n_plots = page.locator(".plot").count()
    assert n_plots > 8
    assert page.locator(".plot:has(svg.main-svg)").count() == n_plots
    assert PAYLOAD[:20] in text_of(page, "#dots .yaxislayer-above")
    assert "window.stolen" in text_of(page, "#learning-0-epochs .ytitle")
    assert page.locator(".plot image, .plot foreignObject, .plot script").count() == 0


def test_a_legend_hides_a_hostile_series(page: "Page") -> None:
    """A button finds its series by its name, whatever the name holds."""
    button = page.locator(".legend[data-plots^=learning-0] button", has_text=hostile_init("whiten")).first
    name = button.get_attribute("data-series")
    button.click()
    hidden = "name => document.getElementById('learning-0-epochs').data.find(t => t.name === name).visible"
    assert page.evaluate(hidden, name) is False
    button.click()
    assert page.evaluate(hidden, name) is True


def test_a_hostile_group_can_be_chosen(page: "Page") -> None:
    """A filter chooses rows by their group, whatever the group is called."""
    select = page.locator("select[data-filters=results-table]")
    select.select_option(hostile("sgcl"))
    rows = page.locator("#results-table tbody tr:visible th")
    assert rows.count() > 2
    assert all(text.startswith("the-sgcl ") for text in rows.all_text_contents())
    select.select_option("")


@pytest.mark.parametrize("item", range(len(TITLES)))
def test_titles_are_text_in_the_map(page: "Page", item: int) -> None:
    """Pointing at an item shows its title letter by letter, also where it is a tag or the name of a colour."""
    page.locator("#map-text").scroll_into_view_if_needed()
    page.evaluate(f"Plotly.Fx.hover('map-text', [{{curveNumber: 0, pointNumber: {item}}}])")
    page.wait_for_function("() => document.querySelector('#map-text .hovertext')")
    assert TITLES[item].replace("\u2028", "") in text_of(page, "#map-text .hovertext").replace("\u2028", "")
    page.evaluate("Plotly.Fx.unhover('map-text')")
    assert page.evaluate("window.stolen") is None
