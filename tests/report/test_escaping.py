"""Every string of the results is text on the page: it adds no element, ends no attribute and runs no template."""

import json
import re
from html import unescape
from pathlib import Path

import pytest

from hostile_results import PAYLOAD, PLAN, TITLES, harmless, hostile, hostile_init, write_hostile_results
from llminit.report.content import (
    Block,
    Code,
    CommandLines,
    Content,
    Definition,
    Definitions,
    Folded,
    Page,
    Paragraph,
    PlainList,
    PlainText,
    Section,
    SentenceList,
    Tile,
    Tiles,
)
from llminit.report.figures import Figure, LegendEntry, Panel, SideBySide
from llminit.report.render import render
from llminit.report.styles import Style
from llminit.report.tables import Column, ColumnGroup, Table, TableCell, TableRow
from oracles_report import ParsedPage, figures_of, page_of

SHOWN_AS_THEY_ARE = [
    *PLAN.encoders,
    *("lightgcn", "sgcl", "ease", "popularity", "item-knn", "text-only"),
    *("split", "metric", "fingerprint", "count", "count-value", "encoder-fact", "encoder-value"),
    *("package", "version", "machine", "planned", "command", "argument", "second", "error"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(write_hostile_results(tmp_path_factory.mktemp("hostile") / "results"))


@pytest.fixture(scope="module")
def parsed(page: str) -> ParsedPage:
    return ParsedPage(page)


def test_hostile_texts_change_no_element(parsed: ParsedPage, tmp_path: Path) -> None:
    """A page of hostile results has the elements and attributes of one of harmless results, and no others."""
    clean = ParsedPage(page_of(write_hostile_results(tmp_path / "results", harmless)))
    assert parsed.elements == clean.elements
    assert not any(element[0] == "img" or any(name.startswith("on") for name in element) for element in parsed.elements)


@pytest.mark.parametrize("field", SHOWN_AS_THEY_ARE)
def test_every_text_is_read_as_it_is(parsed: ParsedPage, field: str) -> None:
    """Labels, encoders, options, versions, commands and errors are on the page letter by letter, braces included."""
    assert hostile(field) in parsed.text


@pytest.mark.parametrize("selector", ["variance", "whiten", "pca"])
def test_every_initialisation_is_read_as_it_is(parsed: ParsedPage, selector: str) -> None:
    """The name of a selector is on the page letter by letter."""
    assert hostile_init(selector) in parsed.text


def test_options_are_read_as_json(parsed: ParsedPage) -> None:
    """Options are shown as JSON, whose strings hold what the results hold."""
    for field in ("option", "option-value"):
        assert json.dumps(hostile(field), ensure_ascii=False) in parsed.text


def test_attributes_hold_the_whole_text(parsed: ParsedPage) -> None:
    """Attributes for sorting, filtering and labels hold the whole text, quotes included."""
    assert hostile("ease") in parsed.attributes
    assert hostile("lightgcn") in parsed.attributes
    assert any(PAYLOAD in value and value.endswith("against epochs.") for value in parsed.attributes)


def test_no_template_runs_on_data(parsed: ParsedPage) -> None:
    """Expressions in braces in the data are never evaluated."""
    assert parsed.text.count("autofocus x='{{ 7*7 }}{% raw %}${7*7}") == parsed.text.count("autofocus x='") > 50


def test_figures_hold_the_text_for_plotly(page: str) -> None:
    """In the plots' JSON nothing can end the script element, and plotly reads the texts unchanged."""
    for script in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, flags=re.DOTALL):
        assert not set(script) & set("<>&\u2028\u2029")
    figures = figures_of(page)
    assert [unescape(title) for title in figures["map-text"]["data"][0]["text"]] == list(TITLES)
    assert hostile("ease") in map(unescape, figures["dots"]["layout"]["yaxis"]["ticktext"])
    assert unescape(figures["learning-0-epochs"]["layout"]["yaxis"]["title"]["text"]) == hostile("metric")
    assert not re.search("[<>]", "".join(figures["dots"]["layout"]["yaxis"]["ticktext"]))


def every_block(text: str) -> list[Block]:
    """One of each kind of block, with `text` wherever a string can stand."""
    figure = Figure(text, [{"name": text, "x": [1], "y": [1]}], {"title": {"text": text}}, text, hover_group=text)
    row = TableRow([TableCell(text, text, text), TableCell(text, 1.0, text)], text, text)
    columns = [Column(text), Column(text, numeric=True)]
    groups = [ColumnGroup(text, 1), ColumnGroup("", 1)]
    contents: list[Content] = [
        PlainText(text),
        Code(text),
        CommandLines([text, text, text]),
        Folded(text, text),
        PlainList([text]),
    ]
    return [
        Paragraph(text, text),
        SentenceList([text, text], text),
        Tiles([Tile(text, text, text, [text, text])]),
        Table(text, text, columns, [row], groups, (1, text), [text, text], tall=True),
        figure,
        Panel(text, [LegendEntry(text, text, Style(text, "circle-open", "dot"))], [figure]),
        SideBySide([figure, figure]),
        Definitions([Definition(text, content) for content in contents]),
    ]


def test_every_template_escapes_every_string() -> None:
    """Each kind of block, with the payload as every one of its strings, makes the elements of a harmless one."""
    pages = [
        ParsedPage(render(Page(text, text, text, [Section(text, text, text, every_block(text))])))
        for text in (PAYLOAD, "harmless")
    ]
    assert pages[0].elements == pages[1].elements
    assert pages[0].text.count(PAYLOAD) == pages[1].text.count("harmless")
    assert sum(value.count(PAYLOAD) for value in pages[0].attributes) == sum(
        value.count("harmless") for value in pages[1].attributes
    )
