"""All measures of a cell as rows: protocol, metric, k and group."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import polars as pl

from llminit.evaluation import METRICS
from llminit.results.cell import Cell
from llminit.results.key import CellKey

TIDY_SCHEMA = pl.Schema(
    {
        "model": pl.String,
        "init": pl.String,
        "encoder": pl.String,
        "embedding_size": pl.Int32,
        "train_share": pl.Float64,
        "max_history": pl.Int32,
        "seed": pl.Int32,
        "kind": pl.String,
        "protocol": pl.String,
        "metric": pl.String,
        "k": pl.Int32,
        "group": pl.String,
        "n": pl.Int32,
        "value": pl.Float64,
    }
)
ALL = "all"

_OWN = ("protocol", "metric", "k", "group", "n", "value")
_KEYED = [name for name in TIDY_SCHEMA if name not in _OWN]


def tidy_rows(cells: Iterable[Cell]) -> pl.DataFrame:
    """Return the measures of cells with the columns of `TIDY_SCHEMA`.

    Args:
        cells: Any number of cells.

    Returns:
        One row a cell, protocol, metric, k and group. `n` counts the users, or for groups of items the test
        interactions, that the value is a mean over.
    """
    columns: dict[str, list[Any]] = {name: [] for name in TIDY_SCHEMA}
    for cell in cells:
        own = list(_measures(cell))
        for name, values in zip(_OWN, zip(*own, strict=True), strict=False):
            columns[name] += values
        key = cell.key.model_dump() | {"kind": cell.key.kind}
        for name in _KEYED:
            columns[name] += [key[name]] * len(own)
    return pl.DataFrame(columns, schema=TIDY_SCHEMA)


def measures_of(rows: pl.DataFrame) -> dict[CellKey, dict[str, dict[str, Any]]]:
    """Return what `tidy_rows` was given: by cell, its `metrics`, `groups` and `beyond`.

    Of the group "all" only its size comes back: its values are those of `metrics`.

    Args:
        rows: With the columns of `TIDY_SCHEMA`.
    """
    by_key = rows.partition_by([*CellKey.model_fields], as_dict=True)
    return {CellKey(**dict(zip(CellKey.model_fields, key, strict=True))): _own(own) for key, own in by_key.items()}


def tidy_json(cells: Sequence[Cell]) -> str:
    """Return the same rows as JSON: `columns` names what a row holds, and its first number counts into `cells`.

    Values have 6 significant digits, which is more than any of them is sure of.
    """
    keys = [cell.key.model_dump(mode="json") | {"kind": cell.key.kind} for cell in cells]
    rows = [
        [place, *measure[:-1], float(f"{measure[-1]:.6g}")]
        for place, cell in enumerate(cells)
        for measure in _measures(cell)
    ]
    head = json.dumps({"format": 1, "columns": ["cell", *_OWN], "cells": keys}, ensure_ascii=False)
    body = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    return f'{head[:-1]}, "rows": [\n{body}\n]}}\n'


def _measures(cell: Cell) -> Iterator[tuple[str, str, int, str, int, float]]:
    for protocol, metrics in cell.metrics.items():
        groups = cell.groups.get(protocol, {})
        n_users = int(groups.get(ALL, {}).get("n", 0))
        measured = {ALL: {"n": n_users, **metrics, **cell.beyond.get(protocol, {})}}
        for group, values in (groups | measured).items():
            for name, value in values.items():
                metric, is_metric, k = name.partition("@")
                if is_metric:
                    yield protocol, metric, int(k), group, int(values["n"]), value


def _own(rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the measures of one cell; the inverse of `_measures`."""
    found: dict[str, dict[str, Any]] = {"metrics": {}, "groups": {}, "beyond": {}}
    for protocol, metric, k, group, n, value in rows.select(_OWN).iter_rows():
        of_group = found["groups"].setdefault(protocol, {}).setdefault(group, {"n": n})
        of_all = found["metrics" if metric in METRICS else "beyond"].setdefault(protocol, {})
        (of_all if group == ALL else of_group)[f"{metric}@{k}"] = value
    return found
