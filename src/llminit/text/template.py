"""Item columns -> item texts, by a template such as "{title} ({year}). {brand}".

How a template is read:

1. `{name}` is the field of the column `name`; `{{` and `}}` are braces. A field is *empty* when the item's value is
   null, NaN, infinite, white space or an empty list.
2. Brackets and double quotes around at least one field make a group: `({year})`, `"{title}"`. A group is empty when
   all its fields are empty, and is then dropped with its brackets.
3. The words and punctuation before a field or group belong to it and are dropped with it: in
   "Title: {title}, by {brand}" the pieces are "Title: " + title and ", by " + brand. When everything before a piece was
   dropped, the separators at the start of its words are dropped too: "by Acme", not ", by Acme".
4. What follows the last field stays if it only ends a sentence ("." or "!"); anything else (" USD") goes with that
   field.

So the text of an item with every field is that of plain substitution, except for white space.
"""

import html
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from llminit.errors import ConfigError, DataError
from llminit.frames import described, holds_text

LIST_SEPARATOR = " | "
DEFAULT_COLUMNS = (("title", "name"), ("brand",), ("categories", "genres"))
BRACKETS = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»", '"': '"'}
SEPARATORS = " \t\r\n.,;:|/\\-–—·•&+>→"
SENTENCE_ENDS = frozenset(".!?… ")
UNESCAPE_ROUNDS = 3
_TOKEN = re.compile(r"\{\{|\}\}|\{[^{}]+\}|[\s\S]")


@dataclass(frozen=True)
class _Field:
    column: str


@dataclass(frozen=True)
class _Phrase:
    """Pieces, each a field or group with the words before it, and the words after the last one."""

    pieces: "tuple[tuple[str, _Field | _Group], ...]"
    tail: str


@dataclass(frozen=True)
class _Group:
    opening: str
    inside: _Phrase
    closing: str


_Item = str | _Field | _Group


def render_texts(table: pl.DataFrame, template: str, list_separator: str = LIST_SEPARATOR) -> list[str | None]:
    """Render the item text of every row.

    HTML entities are unescaped (twice escaped ones too), white space is collapsed, and empty fields are dropped with
    the words that belong to them; the module's documentation has the rules.

    Args:
        table: Any columns; lists, also of lists, are joined.
        template: Text with column names in braces, such as "{title}. {brand}. {categories}".
        list_separator: Separator of the entries of a list column.

    Returns:
        One text per row; None for a row in which every field is empty.

    Raises:
        ConfigError: The template has no field, or an unmatched brace.
        DataError: The template names a column that the table does not have, or one that holds no text.
    """
    phrase = _parse(template)
    columns = columns_of(template)
    check_template(table, template)
    cleaned = [[_clean(value, list_separator) for value in table[name].to_list()] for name in columns]
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*cleaned, strict=True))
    return [" ".join(_render(phrase, row).split()) or None for row in rows]


def check_template(table: pl.DataFrame, template: str) -> None:
    """Check, before any work, that a table has the columns of a template and that they can be text.

    Raises:
        ConfigError: The template has no field, or an unmatched brace.
        DataError: The table lacks a column, or one holds bytes or Python objects.
    """
    _parse(template)
    columns = columns_of(template)
    unknown = [name for name in columns if name not in table.columns]
    if unknown:
        raise DataError(
            f"the text template {template!r} names {', '.join(map(repr, unknown))}, which the item table does not "
            f"have; it has: {', '.join(table.columns)}"
        )
    for name in columns:
        if not holds_text(table.schema[name]):
            raise DataError(
                f"column {name!r} of the item table holds {described(table[name])}, expected text, numbers, dates or "
                f"lists of them, as the text template {template!r} names it; convert it, or name other columns"
            )


def default_template(table: pl.DataFrame) -> str:
    """Choose a template for a table: title or name, brand, and categories or genres, those of them that exist.

    For a table with none of these columns it names every column of strings except `item_id`.

    Raises:
        DataError: The table has no column of strings.
    """
    readable = [name for name, dtype in table.schema.items() if holds_text(dtype)]
    usual = [next((name for name in names if name in readable), None) for names in DEFAULT_COLUMNS]
    chosen = [name for name in usual if name is not None] or _string_columns(table)
    if not chosen:
        unreadable = [f"{name!r} holds {described(table[name])}" for name in table.columns if name not in readable]
        raise DataError(
            f"the item table has no column of text; it has: {', '.join(table.columns)}"
            f"{''.join(f'; {reason}' for reason in unreadable[:2])}; give a text template that names the columns to use"
        )
    return ". ".join(f"{{{name}}}" for name in chosen)


def _string_columns(table: pl.DataFrame) -> list[str]:
    texts = (pl.String, pl.Categorical, pl.Enum)
    columns = [name for name, dtype in table.schema.items() if dtype in texts and name != "item_id"]
    return [name for name in columns if not set(name) & set("{}")]


def _clean(value: Any, list_separator: str) -> str:
    """Return a value as text, "" for an empty value."""
    if value is None:
        return ""
    if isinstance(value, float):
        return _clean_number(value)
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return list_separator.join(text for entry in value if (text := _clean(entry, list_separator)))
    return " ".join(_unescape(str(value)).split())


def _clean_number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    # A column of whole numbers with missing values often arrives as floats: 1999.0 means 1999.
    return str(int(value)) if value.is_integer() else str(value)


def _unescape(text: str) -> str:
    for _ in range(UNESCAPE_ROUNDS):
        unescaped = html.unescape(text)
        if unescaped == text:
            break
        text = unescaped
    return text


def columns_of(template: str) -> list[str]:
    """Return the columns that a template names, in order.

    Raises:
        ConfigError: The template has an unmatched brace.
    """
    fields = (token for token in _tokens(template) if isinstance(token, _Field))
    return list(dict.fromkeys(field.column for field in fields))


def _tokens(template: str) -> list[str | _Field]:
    tokens: list[str | _Field] = []
    for token in _TOKEN.findall(template):
        if token in ("{", "}"):
            raise ConfigError(
                f"the text template {template!r} has an unmatched {token!r}; write fields as {{column}}, and a "
                "literal brace as {{ or }}"
            )
        if token in ("{{", "}}"):
            tokens.append(token[0])
        else:
            tokens.append(_Field(token[1:-1]) if len(token) > 1 else token)
    return tokens


def _parse(template: str) -> _Phrase:
    tokens = _tokens(template)
    if not any(isinstance(token, _Field) for token in tokens):
        raise ConfigError(
            f"the text template {template!r} has no field; name at least one column in braces, such as {{title}}"
        )
    # A stack of open brackets, each with the items read since; the first entry is the template itself.
    open_brackets: list[tuple[str, list[_Item]]] = [("", [])]
    for token in tokens:
        if isinstance(token, str) and any(BRACKETS.get(sign) == token for sign, _ in open_brackets):
            _close(open_brackets, token)
        elif isinstance(token, str) and token in BRACKETS:
            open_brackets.append((token, []))
        else:
            open_brackets[-1][1].append(token)
    while len(open_brackets) > 1:
        _treat_innermost_as_text(open_brackets)
    return _phrase(open_brackets[0][1])


def _close(open_brackets: list[tuple[str, list[_Item]]], closing: str) -> None:
    while BRACKETS[open_brackets[-1][0]] != closing:
        _treat_innermost_as_text(open_brackets)
    opening, items = open_brackets.pop()
    outer = open_brackets[-1][1]
    if all(isinstance(item, str) for item in items):
        outer.extend([opening, *items, closing])
    else:
        outer.append(_Group(opening, _phrase(items), closing))


def _treat_innermost_as_text(open_brackets: list[tuple[str, list[_Item]]]) -> None:
    """Treat the innermost open bracket as an ordinary character, because it is unmatched."""
    opening, items = open_brackets.pop()
    open_brackets[-1][1].extend([opening, *items])


def _phrase(items: list[_Item]) -> _Phrase:
    pieces: list[tuple[str, _Field | _Group]] = []
    words = ""
    for item in items:
        if isinstance(item, str):
            words += item
        else:
            pieces.append((words, item))
            words = ""
    return _Phrase(tuple(pieces), words)


def _render(phrase: _Phrase, row: Mapping[str, str]) -> str:
    kept: list[str] = []
    text = ""
    for index, (words, item) in enumerate(phrase.pieces):
        text = _render_item(item, row)
        if text:
            kept.append((words.lstrip(SEPARATORS) if index and not kept else words) + text)
    ends_sentence = set(phrase.tail) <= SENTENCE_ENDS
    if kept and (text or ends_sentence):
        kept.append(phrase.tail)
    return "".join(kept)


def _render_item(item: _Field | _Group, row: Mapping[str, str]) -> str:
    if isinstance(item, _Field):
        return row[item.column]
    inside = _render(item.inside, row)
    return item.opening + inside + item.closing if inside else ""
