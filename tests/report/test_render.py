"""The templates: strict, escaping, and the only place that makes HTML."""

import hashlib
import json
import re
from base64 import b64encode
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

import llminit.report
from llminit.report.content import Block, Page, Section
from llminit.report.figures import Figure
from llminit.report.plots import panel
from llminit.report.render import digest, inline_script, render, script_json, templates
from llminit.report.styles import COLOURS, DASHES, SYMBOLS, Style, assign_styles
from llminit.report.tables import Column, ColumnGroup, Table, TableCell, TableRow
from oracles_report import ParsedPage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
PACKAGE = Path(str(resources.files(llminit.report)))
COLUMNS = [Column("Method"), Column("value", numeric=True)]
ROWS = [TableRow([TableCell("a", "a"), TableCell("–", None)], group="one")]


def html_of(*blocks: Block) -> str:
    """A section that holds these blocks."""
    section = Section("s", "Title", "Short", blocks)
    return str(templates().get_template("section.html").module.section(section))  # type: ignore[attr-defined]


@settings(max_examples=50, deadline=None)
@given(JSON)
@example(["</script><!--<script>&amp;\u2028\u2029"])
def test_script_json_is_read_back_unchanged_and_never_ends_its_element(value: Any) -> None:
    """JSON in a script element is read back unchanged and holds no character that HTML or JavaScript could act on."""
    text = script_json(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


def test_script_json_refuses_what_browsers_cannot_read() -> None:
    """Infinity is not JSON."""
    with pytest.raises(ValueError, match="JSON compliant"):
        script_json([float("inf")])


def test_an_inlined_script_cannot_end_its_element() -> None:
    """The end of a script element within a script's string becomes the same string without it."""
    assert inline_script('x = "</script>"') == 'x = "<\\/script>"'


def test_the_policy_allows_the_scripts_of_the_page_alone() -> None:
    """Each script that the page runs is named by its digest, in the bytes that the page holds, and nothing else is."""
    page = render(Page("Title", "facts", "1.0", []))
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 2
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    expected = [f"'sha256-{b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in scripts]
    assert f"default-src 'none'; script-src {' '.join(expected)}; style-src 'unsafe-inline'; " in policy
    assert [f"'{digest(script)}'" for script in scripts] == expected


def test_no_template_turns_the_escaping_off() -> None:
    """Templates have no `safe` filter and no `autoescape` block."""
    files = sorted((PACKAGE / "page").glob("*.html"))
    assert len(files) > 3
    for file in files:
        assert not re.search(r"\|\s*safe\b|autoescape|Markup", file.read_text(encoding="utf-8")), file.name


def test_only_templates_make_html() -> None:
    """No Python file of the report holds a tag of HTML, and only render.py says that a text is safe.

    svg.py writes pictures that are files of their own, for pages outside the report, and escapes their texts.
    """
    modules = {file.name: file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py") if file.name != "svg.py"}
    assert [name for name, text in modules.items() if "Markup(" in text] == ["render.py"]
    # Plotly reads <br> and <extra> in the texts of its hovers; they are no part of the page's HTML.
    assert not [name for name, text in modules.items() if re.search(r"</?(?!br>|extra>)[a-z][a-z0-9]*[ >]", text)]


def test_a_name_that_is_not_known_is_an_error() -> None:
    """A template that asks for what is not there fails; it does not leave a gap."""
    for source in ("{{ missing }}", "{{ block.missing }}", "{% if missing %}{% endif %}"):
        with pytest.raises(UndefinedError, match="missing"):
            templates().from_string(source).render(block=ROWS[0])


def test_a_missing_value_has_nothing_to_sort_by() -> None:
    """What is missing is marked for the page's sorting."""
    html = html_of(Table("t", "caption", COLUMNS, ROWS))
    assert '<th scope="row" data-value="a">a</th>' in html
    assert '<td class="number" data-value="">–</td>' in html
    assert "aria-sort" not in html


def test_a_filter_needs_a_choice() -> None:
    """A filter appears only where there are two groups or more."""
    assert "<select" not in html_of(Table("t", "caption", COLUMNS, ROWS, filters=["one"]))
    html = html_of(Table("t", "caption", COLUMNS, ROWS, filters=["one", "two"]))
    assert '<select data-filters="t">' in html
    assert re.findall(r'<option value="([^"]*)">', html) == ["", "one", "two"]


def test_headings_say_how_rows_are_sorted_and_what_they_share() -> None:
    """The column that rows are sorted by has aria-sort, and a heading above columns spans them."""
    groups = [ColumnGroup("", 1), ColumnGroup("standard", 1)]
    html = html_of(Table("t", "caption", COLUMNS, ROWS, groups, sorted_by=(1, "descending")))
    assert re.findall(r"<th scope=\"col\"([^>]*)>", html) == ["", ' class="number" aria-sort="descending"']
    assert '<th scope="colgroup" colspan="1">standard</th>' in html


def test_a_row_that_does_not_fit_is_refused() -> None:
    """A row has one cell a column."""
    with pytest.raises(ValueError, match="a row of the table t has 1 cells, expected one for each of its 2 columns"):
        Table("t", "caption", COLUMNS, [TableRow([TableCell("a", "a")])])


def test_every_style_has_a_swatch() -> None:
    """A legend draws each marker and each line pattern that a series can have, open markers in the page's colour."""
    styles = assign_styles(f"series {index}" for index in range(len(SYMBOLS) * len(DASHES)))
    assert {style.shape for style in styles.values()} == set(SYMBOLS)
    assert {style.dash for style in styles.values()} == {*DASHES, "dot"}
    html = html_of(panel("Panel", [Figure("f", [{"name": name} for name in styles], {}, "caption")], styles))
    assert html.count("<svg") == len(styles)
    assert html.count('fill="var(--paper)"') == 1
    shapes = re.findall(r'<path d="([^"]+)" fill', html)
    assert len(set(shapes)) == len(SYMBOLS)


def test_a_legend_names_only_what_is_drawn() -> None:
    """A series that no figure of a panel draws has no button."""
    styles = {name: Style(COLOURS[0], "circle", "solid") for name in ("drawn & shown", "left out")}
    html = html_of(panel("Panel", [Figure("f", [{"name": "drawn &amp; shown"}], {}, "caption")], styles))
    assert re.findall(r'data-series="([^"]*)"', html) == ["drawn &amp;amp; shown"]
    assert "left out" not in ParsedPage(html).text
    assert 'data-plots="f"' in html
