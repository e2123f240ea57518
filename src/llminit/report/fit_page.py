"""The report of one fit as a page: what was measured, and what newcomers gain and cost, with a picture."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llminit.errors import ArtefactError
from llminit.report import svg
from llminit.report.cold_svg import DialPoint, draw_cold
from llminit.report.numbers import count, decimals, percent
from llminit.version import __version__

REPORT = "report.json"
"""The file of a saved recommender that has what was measured."""

METRICS = ("recall@10", "ndcg@10")


@dataclass(frozen=True)
class FitPage:
    """What the page shows; every string is plain text.

    Attributes:
        title: Its title.
        facts: What it was fitted to.
        verdict: A sentence.
        quality: A row a model: its name and its metrics.
        cold: What items that training has not seen gain and cost; None where none were held out.
        new_users: A sentence about users that training has not seen; empty where none were held out.
        version: Of this package.
    """

    title: str
    facts: str
    verdict: str
    quality: Sequence[Sequence[str]]
    cold: "ColdSection | None"
    new_users: str
    version: str = __version__


@dataclass(frozen=True)
class ColdSection:
    """What items that training has not seen gain and cost.

    Attributes:
        lines: Sentences.
        pictures: By scheme, an SVG picture as a data URL.
        columns: Headings.
        rows: One a value of the dial.
        most_shown: The items that are shown most: an id and the share of users who get it.
    """

    lines: Sequence[str]
    pictures: Mapping[str, str]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    most_shown: Sequence[Sequence[str]]


def is_fit(folder: Path) -> bool:
    """Return whether a folder is a saved recommender."""
    return (folder / REPORT).is_file() and (folder / "manifest.json").is_file()


def read_fit(folder: Path) -> FitPage:
    """Read what a saved recommender says about its fit.

    Raises:
        ArtefactError: The file cannot be read, or does not hold what it should.
    """
    try:
        report = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        return fit_page(report)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(
            f"{folder / REPORT} is not the report of a fit ({error!r}); make the folder anew"
        ) from error


def fit_page(report: Mapping[str, Any]) -> FitPage:
    """Return the page of a fit's report."""
    others = {name: other["metrics"] for name, other in report["baselines"].items()}
    measured = {report["config"]["backbone"]: report["metrics"], **others}
    return FitPage(
        f"{report['config']['backbone']}, fitted",
        f"{count(report['n_users'])} users, {count(report['n_items'])} items, {count(report['n_interactions'])} "
        "interactions after filtering",
        report["verdict"],
        [[name, *(decimals(own["standard"][metric]) for metric in METRICS)] for name, own in measured.items() if own],
        cold_section(report) if report.get("cold") else None,
        _new_users(report.get("new_users") or {}),
    )


def cold_section(report: Mapping[str, Any]) -> ColdSection:
    """Return what a report has of cold items."""
    rows, details = report["cold"], report["cold_items"]
    points = [DialPoint(row["exposure"], row["warm_loss"], row["recall@10"]) for row in rows]
    saved = next(row for row in rows if row["exposure"] == details["exposure"])
    held_out = (
        f"{count(details['n_items'])} items were kept out of training and ranked in the whole catalogue by their text, "
        f"for {count(details['n_users'])} users who have {count(details['n_interactions'])} interactions with them."
    )
    outcome = (
        f"Saved is exposure {saved['exposure']:.2f}: recall@10 of cold items is {decimals(saved['recall@10'])}, warm "
        f"items lose {100 * saved['warm_loss']:.1f} % of theirs, cold items take {100 * saved['share_of_lists']:.1f} % "
        f"of the places in lists of ten, and {100 * saved['coverage']:.0f} % of them are in any list."
    )
    return ColdSection(
        (held_out, outcome),
        {scheme: _data_url(draw_cold(points, details["exposure"], scheme)) for scheme in svg.SCHEMES},
        ("exposure", "warm loss", "recall@10", "ndcg@10", "share of lists", "coverage"),
        [_dial_row(row) for row in rows],
        [[str(item["item_id"]), percent(item["share_of_users"]).lstrip("+")] for item in details["most_shown"]],
    )


def _dial_row(row: Mapping[str, float]) -> list[str]:
    shares = [f"{100 * row[name]:.1f} %" for name in ("share_of_lists", "coverage")]
    quality = [decimals(row[metric]) for metric in METRICS]
    return [f"{row['exposure']:.2f}", percent(row["warm_loss"]).lstrip("+"), *quality, *shares]


def _new_users(users: Mapping[str, Any]) -> str:
    if not users.get("metrics"):
        return ""
    values = ", ".join(f"{metric} {decimals(users['metrics'][metric])}" for metric in METRICS)
    return f"{count(users['n_users'])} users were kept out of training and made of their histories alone: {values}."


def _data_url(picture: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"
