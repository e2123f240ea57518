"""A small finished cell with fixed ranks."""

from typing import Any

import numpy as np
import polars as pl

from llminit.evaluation import METRICS, RelevantRanks, grouped_metrics, mean_metrics
from llminit.results import Cell, CellKey, Header

SPLIT = pl.DataFrame(
    {"user": [0, 0, 1, 3], "item": [1, 4, 2, 0], "user_degree": [2, 2, 1, 5], "item_popularity": [3, 0, 1, 4]}
)
COLUMNS = pl.DataFrame({"standard": [7, 2, 1, 1001], "paper": [9, 3, 1, 1001]}).cast(pl.UInt16)


def ranks_of(column: str) -> RelevantRanks:
    users, items = (SPLIT[name].to_numpy().astype(np.int64) for name in ("user", "item"))
    return RelevantRanks.from_rows(users, items, COLUMNS[column].to_numpy().astype(np.int64))


def header(**changes: Any) -> Header:
    data = {"n_users": 4, "n_items": 5, "n_interactions": 12}
    return Header(**{"config": {"seeds": 1}, "fingerprint": "f", "data": data, **changes})


def cell(**names: Any) -> Cell:
    metrics: dict[str, dict[str, float]] = {}
    groups: dict[str, dict[str, dict[str, float]]] = {}
    for protocol in ("standard", "paper"):
        ranks = ranks_of(protocol)
        metrics[protocol] = mean_metrics(ranks, (10, 20), tuple(METRICS))
        groups[protocol] = {}
        rows = grouped_metrics(
            ranks, ranks.items, np.array([2, 1, 0, 5]), np.array([4, 3, 1, 0, 0]), (10,), ("recall",)
        )
        for row in rows:
            groups[protocol].setdefault(row.group, {"n": row.n})[f"{row.metric}@{row.k}"] = row.value
    beyond = {protocol: {"coverage@10": 0.5} for protocol in metrics}
    key = CellKey(**{"model": "ease", **names})
    return Cell(key=key, fingerprint="f", split=key.split_name, metrics=metrics, groups=groups, beyond=beyond)
