"""Item texts from columns."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.errors import ConfigError, DataError
from llminit.text.template import default_template, render_texts

WORDS = st.text(alphabet="abcdefXYZ 0123éß日", max_size=8)
MAYBE = st.one_of(st.none(), WORDS, st.sampled_from(["", "  ", "\n"]))


def render_one(template: str, **row: Any) -> str | None:
    return render_texts(pl.DataFrame({name: [value] for name, value in row.items()}), template)[0]


def present(*values: str | None) -> list[str]:
    return [" ".join(value.split()) for value in values if value and value.strip()]


@settings(max_examples=50, deadline=None)
@given(MAYBE, MAYBE, MAYBE, st.sampled_from([". ", ", ", " | ", " - ", "; "]))
def test_separated_fields_are_joined_without_a_trace_of_missing_ones(
    title: str | None, brand: str | None, kind: str | None, separator: str
) -> None:
    """Between fields that exist there is exactly one separator, and none before the first or after the last."""
    table = pl.DataFrame({"t": [title], "b": [brand], "k": [kind]}, schema=dict.fromkeys("tbk", pl.String))
    text = render_texts(table, f"{{t}}{separator}{{b}}{separator}{{k}}")[0]
    assert text == (separator.join(present(title, brand, kind)) or None)


@settings(max_examples=50, deadline=None)
@given(MAYBE, MAYBE, MAYBE)
def test_a_label_goes_with_its_field(title: str | None, brand: str | None, year: str | None) -> None:
    """A label is there exactly when its field is, and brackets never stay behind empty or half."""
    schema = dict.fromkeys(("title", "brand", "year"), pl.String)
    table = pl.DataFrame({"title": [title], "brand": [brand], "year": [year]}, schema=schema)
    text = render_texts(table, "Title: {title}, by {brand} (from {year})")[0] or ""
    assert text.count("Title:") == len(present(title))
    assert ("by " in text) == bool(present(brand))
    assert ("(from " in text) == (")" in text) == bool(present(year))
    assert not text.startswith((",", " "))


@settings(max_examples=50, deadline=None)
@given(WORDS.filter(str.strip), WORDS.filter(str.strip))
def test_an_item_with_every_field_gets_plain_substitution(title: str, brand: str) -> None:
    """With no field missing, the text is what str.format gives, white space apart."""
    template = 'A "{title}" [by {brand}, {title}], {{{brand}}} -- ({title})) USD'
    expected = " ".join(template.format(title=title, brand=brand).split())
    # Values are stripped, so compare without any white space at all.
    text = render_one(template, title=title, brand=brand)
    assert text is not None
    assert "".join(text.split()) == "".join(expected.split())


@pytest.mark.parametrize(
    ("template", "row", "expected"),
    [
        ("{title} ({brand})", {"title": "Tea", "brand": None}, "Tea"),
        ("{title} ({brand})", {"title": None, "brand": "Acme"}, "(Acme)"),
        ("{title} [{brand}, {year}].", {"title": "Tea", "brand": None, "year": 1999}, "Tea [1999]."),
        ("{title} [{brand}, {year}].", {"title": "Tea", "brand": None, "year": None}, "Tea."),
        ('"{title}" by {brand}', {"title": None, "brand": "Acme"}, "by Acme"),
        ("{title}, {price} USD", {"title": "Tea", "price": None}, "Tea"),
        ("{title}, {price} USD", {"title": "Tea", "price": 3.5}, "Tea, 3.5 USD"),
        ("{title} - {brand}, ", {"title": "Tea", "brand": None}, "Tea"),
        ("(new) {title}", {"title": "Tea"}, "(new) Tea"),
        ("{title} :) {brand}", {"title": "Tea", "brand": "Acme"}, "Tea :) Acme"),
        ("{a b:token}/{ß}", {"a b:token": "x", "ß": "y"}, "x/y"),
        ("{{{title}}}", {"title": "Tea"}, "{Tea}"),
    ],
)
def test_examples(template: str, row: dict[str, Any], expected: str) -> None:
    """Brackets, quotes, units and odd column names come out as a person would write them."""
    assert render_one(template, **row) == expected


def test_values_are_cleaned() -> None:
    """Entities are undone, also twice escaped ones; white space collapses; 1999.0 is written 1999; NaN is nothing."""
    table = pl.DataFrame(
        {
            "title": ["Salt &amp;amp; Pepper", "a\n\t b&nbsp; c", "&lt;i&gt;"],
            "year": [1999.0, float("nan"), None],
        }
    )
    assert render_texts(table, "{title} ({year})") == ["Salt & Pepper (1999)", "a b c", "<i>"]


def test_lists_are_joined() -> None:
    """List columns, also lists of lists, are joined with a separator that can be chosen; empty entries vanish."""
    table = pl.DataFrame({"kinds": [[["Beauty", "Hair"], ["", None]], [], None], "tags": [["x", "y"], [" "], None]})
    assert render_texts(table, "{kinds}; {tags}") == ["Beauty | Hair; x | y", None, None]
    assert render_texts(table, "{kinds}", list_separator=", ")[0] == "Beauty, Hair"


def test_an_item_without_any_field_has_no_text() -> None:
    """An item in which every field is empty gives None, not its labels."""
    assert render_one("Title: {title}.", title="  ") is None


def test_unknown_column_names_the_columns() -> None:
    """A template with a column that does not exist is an error that lists what there is."""
    with pytest.raises(DataError, match=r"'brnad'.*title, brand"):
        render_texts(pl.DataFrame({"title": ["x"], "brand": ["y"]}), "{title} {brnad}")


@pytest.mark.parametrize("template", ["no field", "", "{{title}}", "{title", "title}", "{}"])
def test_templates_that_are_none(template: str) -> None:
    """A template without a field, or with a lone brace, is refused."""
    with pytest.raises(ConfigError):
        render_texts(pl.DataFrame({"title": ["x"]}), template)


def test_default_template() -> None:
    """The usual columns are chosen where they exist, else every column of strings but the id."""
    usual = {"item_id": ["1"], "genres": ["g"], "name": ["n"], "other": ["o"]}
    assert default_template(pl.DataFrame(usual)) == "{name}. {genres}"
    assert default_template(pl.DataFrame({"title": ["t"], "brand": ["b"], "categories": ["c"]})) == (
        "{title}. {brand}. {categories}"
    )
    assert default_template(pl.DataFrame({"item_id": ["1"], "movie_title": ["m"], "year": [1]})) == "{movie_title}"
    with pytest.raises(DataError, match="item_id, year"):
        default_template(pl.DataFrame({"item_id": ["1"], "year": [1]}))
