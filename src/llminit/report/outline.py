"""The sections of the page in their order, as plain data."""

from collections.abc import Callable

from llminit.report.content import Page, Section
from llminit.report.data import ReportData
from llminit.report.sections import (
    beyond_accuracy,
    collapse,
    comparisons,
    cost,
    groups,
    learning,
    maps,
    new_items,
    quality,
    reproduce,
    results,
    sparsity,
    verdict,
)
from llminit.version import __version__

_TITLE = "Do text embeddings give a head start?"
_SECTIONS: tuple[Callable[[ReportData], Section | None], ...] = (
    verdict.section,
    quality.section,
    results.section,
    learning.section,
    groups.section,
    sparsity.section,
    new_items.section,
    collapse.section,
    beyond_accuracy.section,
    maps.section,
    cost.section,
    comparisons.section,
    reproduce.section,
)


def page_content(data: ReportData) -> Page:
    """Return the content of the page; sections with nothing to show are left out."""
    sections = [section for make_section in _SECTIONS if (section := make_section(data)) is not None]
    return Page(_TITLE, _facts(data), __version__, sections)


def _facts(data: ReportData) -> str:
    counts, n_seeds = data.header.data, len({cell.key.seed for cell in data.cells})
    facts = [f"{counts[f'n_{name}']:,} {name}" for name in ("users", "items", "interactions") if f"n_{name}" in counts]
    split = data.header.config.get("split")
    facts += [f"{split} split"] if split else []
    facts += [f"{n_seeds} seed{'s' if n_seeds != 1 else ''}", f"{len(data.cells)} trained and measured"]
    return " · ".join(facts)
