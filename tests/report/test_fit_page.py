"""The report of one fit as a page."""

import base64
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from llminit.errors import ArtefactError
from llminit.report import write_report
from llminit.report.cold_svg import DialPoint, draw_cold
from llminit.report.fit_page import fit_page
from llminit.report.render import render_fit

SVG = "{http://www.w3.org/2000/svg}"


def metrics(recall: float) -> dict[str, Any]:
    return {"standard": {"recall@10": recall, "ndcg@10": recall / 2}, "paper": {}}


def row(exposure: float, loss: float, recall: float) -> dict[str, float]:
    """One value of the dial."""
    shown = {"share_of_lists": loss / 2, "coverage": 0.5}
    return {"exposure": exposure, "warm_loss": loss, "recall@10": recall, "ndcg@10": recall / 2, **shown}


def report(**more: Any) -> dict[str, Any]:
    """Return what a fit with cold items and users reports."""
    return {
        "n_users": 1200,
        "n_items": 340,
        "n_interactions": 5678,
        "config": {"backbone": "softmax"},
        "metrics": metrics(0.1234),
        "baselines": {"popularity": {"metrics": metrics(0.0123)}},
        "verdict": "softmax is better than popularity.",
        "cold": [row(0.5, -0.001, 0.01), row(0.7, 0.02, 0.06), row(1.0, 0.1, 0.15)],
        "cold_items": {
            "n_items": 34,
            "n_users": 1001,
            "n_interactions": 567,
            "exposure": 0.7,
            "most_shown": [{"item_id": "<script>alert(1)</script>", "share_of_users": 0.125}],
        },
        "new_users": {"n_users": 120, "metrics": {"recall@10": 0.111, "ndcg@10": 0.055}},
        **more,
    }


def test_all_that_was_measured_is_shown() -> None:
    """The numbers of the model, its baselines, the dial, the items that are shown most and the new users are there."""
    html = render_fit(fit_page(report()))
    for expected in ("0.1234", "0.0123", "5,678", "0.0600", "2.0", "12.5", "0.1110", "120 users", "34 items"):
        assert expected in html
    assert html.startswith("<!doctype html>")


def test_no_script_can_run() -> None:
    """An id that looks like a script is text, and the page's policy allows none."""
    html = render_fit(fit_page(report()))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "script-src" not in html
    assert "default-src 'none'" in html


def test_the_pictures_are_whole() -> None:
    """There is one picture a colour scheme, of well-formed SVG, inside the file."""
    pictures = re.findall(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", render_fit(fit_page(report())))
    drawn = [base64.b64decode(picture).decode() for picture in pictures]
    assert len({*drawn}) == 2
    assert all(ET.fromstring(picture).tag == f"{SVG}svg" for picture in drawn)


def test_without_newcomers() -> None:
    """A fit that held nothing out has its quality alone."""
    bare = {name: value for name, value in report().items() if name not in ("cold", "cold_items", "new_users")}
    html = render_fit(fit_page(bare))
    assert "0.1234" in html
    assert "Items that are new" not in html
    assert "Users that are new" not in html


@pytest.mark.parametrize("points", [[(1.0, 0.0, 0.0)], [(0.5, -0.01, 0.01), (1.0, 0.02, 0.05), (2.0, 0.3, 0.2)]])
def test_the_curve(points: list[tuple[float, float, float]]) -> None:
    """Points stand further right the more warm items lose, higher the more cold ones gain, and inside the picture."""
    picture = ET.fromstring(draw_cold([DialPoint(*point) for point in points], 1.0, "dark"))
    (line,) = picture.iter(f"{SVG}polyline")
    places = [tuple(map(float, place.split(","))) for place in line.attrib["points"].split()]
    width, height = map(float, picture.attrib["viewBox"].split()[2:])
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)
    assert places == sorted(places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)
    assert any((text.text or "") == "1.00 (saved)" for text in picture.iter(f"{SVG}text"))


def test_a_damaged_report_is_bad_input(tmp_path: Path) -> None:
    """What is not the report of a fit ends with a message that names the file, and writes nothing."""
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    for content in ("{", "[]", json.dumps({"baselines": {}})):
        (tmp_path / "report.json").write_text(content, encoding="utf-8")
        with pytest.raises(ArtefactError, match="not the report of a fit"):
            write_report(tmp_path, tmp_path / "out.html")
    assert not (tmp_path / "out.html").exists()
