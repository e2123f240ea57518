"""How to reproduce the results."""

import json
import re
from collections.abc import Mapping

from llminit.report.content import (
    Code,
    CommandLines,
    Definition,
    Definitions,
    Folded,
    PlainList,
    PlainText,
    Section,
)
from llminit.report.data import ReportData
from llminit.results import Header

_OPTION_NAME = re.compile(r"(?<!\S)(--[a-z-]+)")


def section(data: ReportData) -> Section:
    """Return the section."""
    header = data.header
    versions = ", ".join(f"{name} {version}" for name, version in sorted(header.versions.items()))
    encoders = "; ".join(f"{name}: {_listed(facts)}" for name, facts in header.encoders.items())
    texts = {"Versions": versions, "Machine": header.machine}
    counts = {"Data after filtering": _listed(header.data), "Text embeddings": encoders}
    options = json.dumps(header.config, indent=1, ensure_ascii=False, default=str)
    entries = [
        *_commands(header),
        *_texts(texts),
        Definition("Fingerprint of the data and options", Code(header.fingerprint)),
        *_texts(counts),
        Definition("Options", Folded("all options", options)),
        *_failures(data),
    ]
    return Section("reproduce", "How to reproduce this", "Reproduce", [Definitions(entries)])


def _commands(header: Header) -> list[Definition]:
    if not header.command:
        return []
    term = "Commands, the oldest first" if "\n" in header.command else "Command"
    return [Definition(term, CommandLines(_OPTION_NAME.split(header.command)))]


def _texts(texts: Mapping[str, str]) -> list[Definition]:
    return [Definition(term, PlainText(text)) for term, text in texts.items() if text]


def _failures(data: ReportData) -> list[Definition]:
    lines = [f"{failure.key.name}: {failure.error}" for failure in data.failures]
    return [Definition("Cells that failed", PlainList(lines))] if lines else []


def _listed(facts: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in facts.items() if not isinstance(value, dict))


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
