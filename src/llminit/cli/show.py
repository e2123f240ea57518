"""Showing results: progress and messages on stderr, results on stdout."""

import json
import sys
from io import TextIOWrapper
from typing import Any, TextIO

import polars as pl
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from llminit import reporters
from llminit.cli.words import in_flags
from llminit.reporters import stderr

__all__ = ["RichReporter", "print_json", "print_metrics", "print_table", "stderr"]


class RichReporter(reporters.RichReporter):
    """Shows progress, and notes in the words of the command line."""

    def note(self, message: str) -> None:
        """Write a line."""
        super().note(in_flags(message))


def print_json(value: Any) -> None:
    """Write one JSON object to stdout."""
    # Where the output cannot hold every letter, JSON has a form that needs only ASCII.
    typer.echo(json.dumps(value, ensure_ascii=not is_unicode(sys.stdout), allow_nan=False, default=str))


def is_unicode(stream: TextIO) -> bool:
    """Return whether a stream can hold every letter."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def show_unknown_letters_as_escapes() -> None:
    r"""Let letters that the output has no place for, as in a Windows code page, appear as \uXXXX instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if not is_unicode(stream) and isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_table(table: pl.DataFrame, title: str | None = None) -> None:
    """Write a table to stdout."""
    shown = Table(title=title, title_justify="left")
    for name, dtype in table.schema.items():
        shown.add_column(name, justify="right" if dtype.is_numeric() else "left")
    for row in table.iter_rows():
        shown.add_row(*(_cell(value) for value in row))
    # Output to a file or pipe must not be cut to the default width of a terminal.
    console = Console(emoji=False) if Console().is_terminal else Console(width=160, emoji=False)
    console.print(shown)


def print_metrics(models: dict[str, dict[str, dict[str, float]]]) -> None:
    """Write a table of the metrics of models to stdout, one row per protocol and model."""
    rows = [
        {"model": model, "protocol": protocol, **values}
        for model, metrics in models.items()
        for protocol, values in metrics.items()
    ]
    chosen = ["recall@10", "ndcg@10", "recall@20", "ndcg@20", "hit@10", "mrr@10"]
    if rows:
        table = pl.DataFrame(rows).sort("protocol", descending=True, maintain_order=True)
        print_table(table.select("model", "protocol", *(name for name in chosen if name in table.columns)))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else escape(str(value))
