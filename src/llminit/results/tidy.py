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

_MEASURE_COLUMNS = ("protocol", "metric", "k", "group", "n", "value")
_KEY_COLUMNS = [name for name in TIDY_SCHEMA if name not in _MEASURE_COLUMNS]


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
        measures = list(_measures(cell))
        for name, values in zip(_MEASURE_COLUMNS, zip(*measures, strict=True), strict=False):
            columns[name] += values
        key = cell.key.model_dump() | {"kind": cell.key.kind}
        for name in _KEY_COLUMNS:
            columns[name] += [key[name]] * len(measures)
    return pl.DataFrame(columns, schema=TIDY_SCHEMA)


def measures_of(rows: pl.DataFrame) -> dict[CellKey, dict[str, dict[str, Any]]]:
    """Return the `metrics`, `groups` and `beyond` of each cell, the inverse of `tidy_rows`.

    Of the group "all" only the size is in `groups`: its values are those of `metrics`.

    Args:
        rows: A table with the columns of `TIDY_SCHEMA`.
    """
    by_key = rows.partition_by([*CellKey.model_fields], as_dict=True)
    return {
        CellKey(**dict(zip(CellKey.model_fields, key, strict=True))): _measures_of_cell(cell_rows)
        for key, cell_rows in by_key.items()
    }


def tidy_json(cells: Sequence[Cell]) -> str:
    """Return the same rows as JSON: `columns` names the values of a row, of which the first is an index into `cells`.

    Values have 6 significant digits, more than their accuracy.
    """
    keys = [cell.key.model_dump(mode="json") | {"kind": cell.key.kind} for cell in cells]
    rows = [
        [index, *measure[:-1], float(f"{measure[-1]:.6g}")]
        for index, cell in enumerate(cells)
        for measure in _measures(cell)
    ]
    head = json.dumps({"format": 1, "columns": ["cell", *_MEASURE_COLUMNS], "cells": keys}, ensure_ascii=False)
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


def _measures_of_cell(rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the measures of one cell; the inverse of `_measures`."""
    measures: dict[str, dict[str, Any]] = {"metrics": {}, "groups": {}, "beyond": {}}
    for protocol, metric, k, group, n, value in rows.select(_MEASURE_COLUMNS).iter_rows():
        of_group = measures["groups"].setdefault(protocol, {}).setdefault(group, {"n": n})
        of_all = measures["metrics" if metric in METRICS else "beyond"].setdefault(protocol, {})
        (of_all if group == ALL else of_group)[f"{metric}@{k}"] = value
    return measures
