"""What the page holds, as plain data: only the templates in `page/` make HTML, and they escape every string.

A section is made of blocks. A block's `macro` names the template macro that draws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from llminit.report.figures import Figure, Panel, SideBySide
from llminit.report.tables import Table


@dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Attributes:
        text: Plain text.
        style: Its CSS class; empty for none.
    """

    macro: ClassVar[str] = "paragraph"
    text: str
    style: str = ""


@dataclass(frozen=True)
class SentenceList:
    """Sentences as a list, in which no number is parted from its percent sign, nor p from its value.

    Attributes:
        sentences: Plain text.
        style: The list's CSS class; empty for none.
    """

    macro: ClassVar[str] = "sentence_list"
    sentences: Sequence[str]
    style: str = ""


@dataclass(frozen=True)
class Tile:
    """One number in large type.

    Attributes:
        title: What the number is.
        method: The label of the method that it belongs to.
        number: The number as text.
        details: Smaller lines below it.
    """

    title: str
    method: str
    number: str
    details: Sequence[str]


@dataclass(frozen=True)
class Tiles:
    """Tiles beside each other.

    Attributes:
        tiles: One or more.
    """

    macro: ClassVar[str] = "tile_list"
    tiles: Sequence[Tile]


@dataclass(frozen=True)
class Definition:
    """A term and what it stands for.

    Attributes:
        term: Plain text.
        content: Plain text in the form that suits it.
    """

    term: str
    content: "Content"


@dataclass(frozen=True)
class Definitions:
    """Terms and what they stand for.

    Attributes:
        entries: In their order.
    """

    macro: ClassVar[str] = "definition_list"
    entries: Sequence[Definition]


@dataclass(frozen=True)
class PlainText:
    """Text within a line."""

    macro: ClassVar[str] = "plain_text"
    text: str


@dataclass(frozen=True)
class Code:
    """Text in the type of code, within a line."""

    macro: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True)
class CommandLines:
    """Commands, in which no option's name is broken at the end of a line.

    Attributes:
        parts: The text in order; every second part, from the second on, is the name of an option.
    """

    macro: ClassVar[str] = "command_lines"
    parts: Sequence[str]


@dataclass(frozen=True)
class Folded:
    """Long text that a click unfolds.

    Attributes:
        title: What is always shown.
        text: What is folded, its line breaks kept.
    """

    macro: ClassVar[str] = "folded"
    title: str
    text: str


@dataclass(frozen=True)
class PlainList:
    """Lines as a list."""

    macro: ClassVar[str] = "plain_list"
    lines: Sequence[str]


Content = PlainText | Code | CommandLines | Folded | PlainList
Block = Paragraph | SentenceList | Tiles | Table | Figure | Panel | SideBySide | Definitions


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    Attributes:
        anchor: Its id in the page.
        title: Its heading, plain text.
        short_title: What the list of sections calls it, plain text.
        blocks: What it holds, from top to bottom.
    """

    anchor: str
    title: str
    short_title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: Its heading, plain text.
        facts: One line on the data and the runs, plain text.
        version: Of LLMInit.
        sections: From top to bottom.
    """

    title: str
    facts: str
    version: str
    sections: Sequence[Section]
