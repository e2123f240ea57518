"""A results folder in which every text is hostile: names, labels, titles, commands, versions, options and errors."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import polars as pl

from llminit.results import Cell, CellKey, Failure, Header, ResultsFolder
from synthetic_results import Plan, write_results

# Ends a script, a style, an attribute and a comment, starts elements with handlers, holds template expressions, and
# has the characters that JavaScript once read as the end of a line.
PAYLOAD = (
    "</script></style>--><script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>"
    '" onfocus="window.stolen = 1" autofocus x=\'{{ 7*7 }}{% raw %}${7*7}&amp;\u2028\u2029'
)
PLAN = Plan(seeds=(0, 1), encoders=("words", "minilm"), sizes=(16,), shares=(0.5,), histories=(), with_map=False)
TITLES = (
    PAYLOAD[:80],
    '" onfocus="window.stolen = 1" autofocus x=\'{{ 7*7 }}&amp;\u2028',
    "--ink",
    "<b>bold</b> %{x}",
    "costs $5, or $6 in blue",
)


def harmless(field: str) -> str:
    """A plain text that no other field has, for a folder without hostile texts."""
    return f"the-{field}"


def hostile(field: str) -> str:
    """The payload, after the name of its field."""
    return f"the-{field} {PAYLOAD}"


def hostile_init(init: str) -> str:
    """A hostile name of a selector: without a slash, which would name a control, and short enough for a file's name."""
    return f"the-{init} \"'><img src=x onerror='window.stolen = 1'>{{{{ 7*7 }}}}\u2028"


def write_hostile_results(path: Path, text: Callable[[str], str] = hostile) -> ResultsFolder:
    """Write a small comparison whose every text is made by `text` from the name of its field.

    Args:
        path: The folder; an intermediate folder is written beside it.
        text: `hostile` or `harmless`.
    """
    plain = write_results(path.with_name(f"{path.name}-plain"), PLAN)
    folder = ResultsFolder(path)
    with patch("llminit.storage.os.fsync"):
        folder.write_header(_header(plain.header, text))
        cells = [cell.model_copy(update={"key": _renamed(cell.key, text)}) for cell in plain.cells()]
        for original, cell in zip(plain.cells(), cells, strict=True):
            if not folder.has_split(cell.split):
                folder.write_split(cell.split, plain.split(cell.split))
            folder.write_cell(cell, _ranks(plain, original))
        mapped = next(cell.key for cell in cells if cell.key.kind == "backbone" and cell.key.encoder)
        folder.write_map(mapped, _map())
        failed = mapped.model_copy(update={"seed": 9})
        folder.write_failure(Failure(key=failed, error=text("error")))
    return folder


def _header(header: Header, text: Callable[[str], str]) -> Header:
    facts = {"n_missing": 3, text("encoder-fact"): text("encoder-value")}
    anisotropy = next(iter(header.encoders.values()))["anisotropy"]
    return Header(
        config={"split": text("split"), "valid_metric": text("metric"), text("option"): [text("option-value")]},
        fingerprint=text("fingerprint"),
        data=header.data | {text("count"): text("count-value")},
        encoders={text(name): facts | {"anisotropy": anisotropy} for name in PLAN.encoders},
        versions={text("package"): text("version")},
        machine=text("machine"),
        planned=[text("planned")],
        command=f"llminit --{text('command')} --k-core {text('argument')}\nsecond {text('second')}",
    )


def _renamed(key: CellKey, text: Callable[[str], str]) -> CellKey:
    update: dict[str, str] = {"model": text(key.model)}
    if key.init and key.init != "xavier":
        selector, slash, control = key.init.partition("/")
        renamed = hostile_init(selector) if text is hostile else text(selector)
        update["init"] = f"{renamed}{slash}{control}"
    if key.encoder:
        update["encoder"] = text(key.encoder)
    return key.model_copy(update=update)


def _ranks(folder: ResultsFolder, cell: Cell) -> pl.DataFrame:
    return pl.read_parquet(folder.path / "cells" / f"{cell.key.name}.ranks.parquet")


def _map() -> pl.DataFrame:
    n_items = len(TITLES)
    columns = ("x_text", "y_text", "x_trained", "y_trained")
    coordinates = {name: [float(item) for item in range(n_items)] for name in columns}
    return pl.DataFrame(
        {"item": range(n_items), **coordinates, "title": TITLES, "popularity": [5] * n_items},
        schema_overrides={"item": pl.Int32},
    )
