"""What a report should show, computed from the cells the slow and obvious way, and parsers of what a page shows."""

import json
import math
import re
import statistics
from collections import Counter
from html.parser import HTMLParser
from typing import Any

from llminit.report.outline import page_content
from llminit.report.read import read_report_data
from llminit.report.render import render
from llminit.results import Cell, Method, ResultsFolder


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

    by_seed = {cell.key.seed: measured(cell) for cell in cells if cell.key.method == method}
    reference_by_seed = {cell.key.seed: measured(cell) for cell in cells if cell.key.method == reference}
    return statistics.fmean(by_seed[seed] - reference_by_seed[seed] for seed in by_seed)


def page_of(folder: ResultsFolder) -> str:
    """The page as `write_report` writes it."""
    return render(page_content(read_report_data(folder)))


def figures_of(page: str) -> dict[str, dict[str, Any]]:
    """By anchor, the plotly data and layout that a page holds."""
    scripts = re.findall(r'<script type="application/json" id="([^"]+)-spec">(.*?)</script>', page, flags=re.DOTALL)
    return {anchor: json.loads(text) for anchor, text in scripts}


class ParsedPage(HTMLParser):
    """A page as a browser's parser reads it.

    Attributes:
        elements: How often each element occurs, with the names of its attributes.
        attributes: All values of attributes.
        text: The text between the tags, without scripts and styles; every run of white space is one space.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, ...]] = Counter()
        self.attributes: list[str] = []
        self._pieces: list[str] = []
        self._hidden = 0
        self.feed(page)
        self.close()
        self.text = re.sub(r"[ \t\n\u00a0]+", " ", " ".join(self._pieces))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag, *(name for name, _ in attrs)] += 1
        self.attributes += [value for _, value in attrs if value]
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._pieces.append(data)
