"""What `llminit compare` shows of new items and users."""

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from llminit.results import ColdCell

_MEASURES = ("recall@10", "ndcg@10", "share_of_lists", "most_shown")


def cold_summary(cells: "Sequence[ColdCell]") -> list[dict[str, Any]]:
    """Return one row a method and what was held out: means over seeds, and the standard deviation of recall.

    Args:
        cells: Cells about new items and users.
    """
    from llminit.results import distinct_labels

    labels = distinct_labels(cell.key.method for cell in cells)
    groups = dict.fromkeys((cell.key.held_out, cell.key.method) for cell in cells)
    rows = []
    for held_out, method in groups:
        own = [cell for cell in cells if (cell.key.held_out, cell.key.method) == (held_out, method)]
        share, kind, users = held_out
        about = {"method": labels[method], "cold_share": share, "cold_split": kind, "cold_users": users}
        rows.append(about | {"n_seeds": len(own)} | _of_items(own) | _of_users(own))
    return rows


def cold_table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    """Return the rows for people: recall@10 at each loss, and of new users."""
    from llminit.results.cold import TRADES

    shown = []
    for row in rows:
        at = {f"at {loss:.0%} loss": row.get("at", {}).get(str(loss), {}).get("recall@10") for loss in TRADES}
        users = {"new users": row["new_users"]["recall@10"]} if "new_users" in row else {"new users": None}
        items = [] if row["cold_share"] is None else [f"{row['cold_share']:.0%} {row['cold_split']}"]
        of_users = [] if row["cold_users"] is None else [f"{row['cold_users']:.0%} of users"]
        numbers = {name: None if value is None else f"{value:.4f}" for name, value in (at | users).items()}
        shown.append(
            {"method": row["method"], "held out": ", ".join([*items, *of_users]), **numbers, "seeds": row["n_seeds"]}
        )
    return pl.DataFrame(shown)


def _of_items(cells: "Sequence[ColdCell]") -> dict[str, Any]:
    from llminit.results.cold import TRADES

    measured = [cell for cell in cells if cell.rows]
    if not measured:
        return {}
    at: dict[str, dict[str, float | None]] = {}
    for loss in TRADES:
        recalls = [cell.at(loss, "recall@10") for cell in measured]
        means = {name: statistics.mean(cell.at(loss, name) for cell in measured) for name in _MEASURES}
        at[str(loss)] = {**means, "recall@10 sd": statistics.stdev(recalls) if len(recalls) > 1 else None}
    return {
        "warm recall@10": statistics.mean(cell.warm["recall@10"] for cell in measured),
        "among_cold recall@10": statistics.mean(cell.among_cold.get("recall@10", 0.0) for cell in measured),
        "at": at,
    }


def _of_users(cells: "Sequence[ColdCell]") -> dict[str, Any]:
    found = [cell.new_users["metrics"] for cell in cells if cell.new_users and cell.new_users["metrics"]]
    if not found:
        return {}
    return {"new_users": {name: statistics.mean(own[name] for own in found) for name in ("recall@10", "ndcg@10")}}
