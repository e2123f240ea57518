"""The section of the page about new items, from result files of benchmarks/cold.py."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import write_results as script
from llminit.errors import ArtefactError
from results_pages import PLANNED, rows_of, text_of

ITEMS = """
[[new_items]]
title = "a tenth of films"
file = "cold.json"
data = "films"
text = "`fast` is a preset."
ways = { "fast: chosen" = "fast", "others: L3AE, closed form" = "l3ae", "others: text kNN" = "text kNN" }
"""
GRID = np.linspace(0, 0.1, 21).tolist()
STRENGTHS = {"fast: chosen": 1.0, "others: L3AE, closed form": 0.8, "others: text kNN": 0.95, "others: hidden": 2.0}


def curve(strength: float, seed: int, way: str) -> dict[str, Any]:
    """Recall that is half the loss by strength; of text kNN the seeds differ much."""
    noise = 1 + 0.02 * seed * (-8 if "kNN" in way and seed % 2 else 1)
    rows = [
        {"warm_loss": loss, "dial": 1.0, "recall@10": strength * noise * loss / 2, "share_of_lists": loss}
        for loss in GRID
    ]
    return {"warm": 0.15, "among_cold": 0.25, "rows": rows}


def runs(seeds: int) -> list[dict[str, Any]]:
    found = []
    for seed in range(seeds):
        for side in ("fast", "others"):
            ways = {key.partition(": ")[2]: key for key in STRENGTHS if key.startswith(side)}
            curves = {name: curve(STRENGTHS[key], seed, key) for name, key in ways.items()}
            found.append({"data": "films", "side": side, "seed": seed, "ways": curves})
    return [*found, {"data": "books", "side": "fast", "seed": 0, "ways": {"chosen": curve(9.0, 0, "")}}]


@pytest.fixture
def with_items(copied: Path) -> Path:
    content = {"setting": "10% of the items held out, at random", "runs": runs(4)}
    (copied / "cold.json").write_text(json.dumps(content), encoding="utf-8")
    (copied / "planned.toml").write_text(PLANNED + ITEMS, encoding="utf-8")
    return copied


def test_every_way_has_its_numbers(with_items: Path) -> None:
    """Means and deviations over the seeds of the data set that is named, of the ways that are named, best first."""
    page = text_of(with_items, ["beauty"])
    rows = rows_of(page, "### New items: a tenth of films")
    assert [row["way"] for row in rows] == ["fast", "l3ae", "text kNN"]
    at = [0.01 * (1 + 0.02 * seed) for seed in range(4)]
    assert rows[0]["at 2 % loss"] == f"{np.mean(at):.4f} ± {np.std(at, ddof=1):.4f}".replace("0.", ".")
    assert rows[1]["at 6 % loss"].startswith(f"{np.mean(at) * 3 * 0.8:.4f}".removeprefix("0"))
    assert rows[0]["others"] == ".1500 ± .0000"
    assert rows[0]["share of lists"] == "2.0 %"
    assert "10 % of the items held out, at random; 4 seeds. `fast` is a preset." in page
    assert "cold.md)" not in page.split("Not shown here")[1].split("\n")[0]


def test_what_was_shown(with_items: Path) -> None:
    """A model is said to be better where paired seeds show it, and not where they differ too much."""
    page = text_of(with_items, ["beauty"])
    rows = {row["way"]: row for row in rows_of(page, "### New items: a tenth of films")}
    assert rows["l3ae"]["fast against it, at 2 % loss"].startswith("▲ +.0021 [")
    assert rows["text kNN"]["fast against it, at 2 % loss"].startswith("○ ")
    assert rows["fast"]["fast against it, at 2 % loss"] == "–"
    assert "At 2 % loss fast was shown better than 1 of 2 ways, but not than text kNN; at 6 % loss" in page


def test_the_pictures(with_items: Path) -> None:
    """There is a picture a colour scheme, with a line a way, all of it inside."""
    _, drawn = script.contents_of([with_items / "beauty"], with_items / "planned.toml")
    pictures = {name: text for name, text in drawn.items() if name.startswith("new-items")}
    assert pictures.keys() == {"new-items-0-light.svg", "new-items-0-dark.svg"}
    assert len({*pictures.values()}) == 2
    for text in pictures.values():
        root = ET.fromstring(text)
        width, height = map(float, root.attrib["viewBox"].split()[2:])
        lines = list(root.iter("{http://www.w3.org/2000/svg}polyline"))
        assert len(lines) == 3
        for line in lines:
            places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
            assert all(0 <= x <= width and 0 <= y <= height for x, y in places)
            assert places == sorted(places)
            assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)
        words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert {"fast", "l3ae", "text kNN", "10 %"} <= {*words}


def test_without_a_plan_there_is_no_section(copied: Path) -> None:
    """A page whose plan names no such result says nothing of new items, but where they are told of."""
    page = text_of(copied, ["beauty"])
    assert "## New items" not in page
    assert "items that are new, which have [a page of their own](cold.md)" in page


def test_a_file_that_is_none(with_items: Path) -> None:
    """A missing file, or another one, is named."""
    for content in ("{}", "[", json.dumps({"setting": "", "runs": [{"data": "films"}]})):
        (with_items / "cold.json").write_text(content, encoding="utf-8")
        with pytest.raises(ArtefactError, match=r"cold\.json is not a result of benchmarks/cold\.py"):
            text_of(with_items, ["beauty"])
