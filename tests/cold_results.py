"""Cells about new items and users without any training: curves of a known form."""

from typing import Any

import numpy as np

from llminit.results import ColdCell, ColdKey, Method, ResultsFolder

DIALS = tuple(np.round(np.geomspace(0.1, 4, 20), 3).tolist())
STRENGTHS = {
    Method(model="softmax", init="whiten", encoder="minilm", embedding_size=64): 1.0,
    Method(model="l3ae", encoder="minilm"): 0.8,
    Method(model="text-knn", encoder="minilm"): 0.98,
    Method(model="category-popularity"): 0.1,
}
"""By method, its recall of new items for each unit of loss, in halves."""


def cold_cell(method: Method, seed: int, strength: float, **held_out: Any) -> ColdCell:
    """Return a cell whose loss is a fiftieth of the dial, and whose recall of new items is half the loss by strength.

    Seeds differ: the even ones are a little better, all methods alike, except for text-knn, which differs more.
    """
    noise = 1 + 0.01 * (seed % 3) * (-4 if method.model == "text-knn" and seed % 2 else 1)
    rows = []
    for dial in DIALS:
        loss = dial / 50
        recall = strength * noise * loss / 2
        shown = {"share_of_lists": loss / 2, "most_shown": loss / 4, "coverage": 0.5}
        losses = {"warm_loss": loss, "warm_loss_ndcg@10": loss / 2}
        rows.append({"dial": dial, **losses, "recall@10": recall, "ndcg@10": recall / 2, **shown})
    key = ColdKey(**method.model_dump(), seed=seed, **{"cold_share": 0.1, **held_out})
    has_users = key.cold_users is not None and method.model != "text-knn"
    return ColdCell(
        key=key,
        fingerprint="f",
        n_items=12,
        n_interactions=345,
        n_users=300,
        warm={"recall@10": 0.1234, "ndcg@10": 0.06},
        among_cold={"recall@10": 0.4321, "ndcg@10": 0.2},
        rows=rows,
        saved=1.0 if method.kind == "backbone" else None,
        new_users={"n_users": 1040, "metrics": {"recall@10": 0.11 * strength, "ndcg@10": 0.05}} if has_users else None,
        seconds={"fit": 1.0, "evaluate": 0.5},
    )


def write_cold(folder: ResultsFolder, seeds: int = 3, **held_out: Any) -> None:
    """Write a cell a method and seed."""
    for method, strength in STRENGTHS.items():
        for seed in range(seeds):
            folder.cold.write(cold_cell(method, seed, strength, **held_out))
