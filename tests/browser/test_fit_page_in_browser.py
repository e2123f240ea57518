"""The report of a fit in a real browser."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llminit.report.fit_page import fit_page
from llminit.report.render import render_fit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DIAL = [(0.5, 0.005, 0.017), (0.65, 0.022, 0.042), (0.7, 0.03, 0.055), (1.0, 0.118, 0.14), (2.0, 0.6, 0.256)]


@pytest.fixture(scope="module")
def fit_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a fit with cold items as a file."""
    metrics = {"standard": {"recall@10": 0.15, "ndcg@10": 0.09}, "paper": {}}
    more = {"ndcg@10": 0.01, "share_of_lists": 0.1, "coverage": 0.5}
    report = {
        "n_users": 1200,
        "n_items": 340,
        "n_interactions": 5678,
        "config": {"backbone": "softmax"},
        "metrics": metrics,
        "baselines": {"a baseline with a long name of several words": {"metrics": metrics}},
        "verdict": "softmax is better than popularity.",
        "cold": [{"exposure": dial, "warm_loss": loss, "recall@10": recall, **more} for dial, loss, recall in DIAL],
        "cold_items": {"n_items": 34, "n_users": 100, "n_interactions": 567, "exposure": 0.7, "most_shown": []},
    }
    path = tmp_path_factory.mktemp("fit") / "report.html"
    path.write_text(render_fit(fit_page(report)), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390, 320])
def test_nothing_is_wider_than_the_window(chromium: "Browser", fit_report: Path, width: int, scheme: str) -> None:
    """The picture shrinks with the window and keeps its shape, and wide tables scroll within themselves."""
    context = chromium.new_context(
        offline=True,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page, messages = context.new_page(), []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(fit_report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.evaluate(
        "(({naturalWidth: w, naturalHeight: h, clientWidth: cw, clientHeight: ch}) => [w, h, cw, ch])"
        "(document.querySelector('figure img'))"
    )
    assert sizes[0] > 0
    assert sizes[2] <= width
    assert sizes[2] / sizes[3] == pytest.approx(sizes[0] / sizes[1], rel=0.02)
    assert messages == []
    context.close()
