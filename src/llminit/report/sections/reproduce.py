"""How to get these numbers again."""

import json
import re

from llminit.report.html import Section, escaped
from llminit.report.loaded import Loaded


def section(loaded: Loaded) -> Section:
    """Return the section."""
    header = loaded.header
    versions = ", ".join(f"{name} {version}" for name, version in sorted(header.versions.items()))
    asked = "Commands, the oldest first" if "\n" in header.command else "Command"
    parts = {
        asked: f"<pre>{_commands(header.command)}</pre>" if header.command else "",
        "Versions": escaped(versions),
        "Machine": escaped(header.machine),
        "Fingerprint of the data and options": f"<code>{escaped(header.fingerprint)}</code>",
        "Data after filtering": escaped(_counts(header.data)),
        "Text embeddings": escaped("; ".join(f"{name}: {_counts(each)}" for name, each in header.encoders.items())),
        "Options": _folded("all options", json.dumps(header.config, indent=1, ensure_ascii=False, default=str)),
        "Cells that failed": _failures(loaded),
    }
    entries = "".join(f"<dt>{title}</dt><dd>{shown}</dd>" for title, shown in parts.items() if shown)
    return Section("reproduce", "How to reproduce this", "Reproduce", f'<dl class="reproduce">{entries}</dl>')


def _commands(text: str) -> str:
    """Return commands as HTML in which no option's name is broken."""
    return re.sub(r"(?<!\S)--[a-z-]+", r'<span class="option">\g<0></span>', escaped(text))


def _counts(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in values.items() if not isinstance(value, dict))


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _folded(title: str, text: str) -> str:
    return f"<details><summary>{title}</summary><pre>{escaped(text)}</pre></details>"


def _failures(loaded: Loaded) -> str:
    failed = "".join(f"<li>{escaped(each.key.name)}: {escaped(each.error)}</li>" for each in loaded.failures)
    return f"<ul>{failed}</ul>" if failed else ""
