"""What a report should show, the slow and obvious way: straight from the cells."""

import json
import math
import re
import statistics
from typing import Any

from llminit.results import Cell, Method


def values(cells: list[Cell], method: Method, metric: str = "recall@10", protocol: str = "standard") -> list[float]:
    return [cell.metrics[protocol][metric] for cell in cells if cell.key.method == method]


def mean_and_margin(numbers: list[float]) -> tuple[float, float]:
    """For three numbers; 4.302652 is the 97.5 % point of Student's t with two degrees of freedom."""
    assert len(numbers) == 3
    return statistics.fmean(numbers), 4.302652 * statistics.stdev(numbers) / math.sqrt(3)


def gain(cells: list[Cell], method: Method, reference: Method, group: str | None = None) -> float:
    """Mean over seeds of the difference in recall@10 under the standard protocol."""

    def measured(cell: Cell) -> float:
        return cell.groups["standard"][group]["recall@10"] if group else cell.metrics["standard"]["recall@10"]

    mine = {cell.key.seed: measured(cell) for cell in cells if cell.key.method == method}
    theirs = {cell.key.seed: measured(cell) for cell in cells if cell.key.method == reference}
    return statistics.fmean(mine[seed] - theirs[seed] for seed in mine)


def figures_of(page: str) -> dict[str, dict[str, Any]]:
    """By name, the plotly data and layout that a page holds."""
    found = re.findall(r'<script type="application/json" id="([^"]+)-spec">(.*?)</script>', page, flags=re.DOTALL)
    return {name: json.loads(text) for name, text in found}
