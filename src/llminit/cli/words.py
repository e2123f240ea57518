"""The library's messages in the words of the command line: flags for keywords, `--min-rating 4` for `min_rating=4`."""

import re
from functools import cache
from typing import Any

import typer

_QUOTE = "'"


def in_flags(message: str) -> str:
    """Return a message in which keywords of the library stand as flags.

    A keyword with its value, such as `k=0`, is translated wherever it is one of an option; a keyword alone only where
    it has an underscore, as the others are words of English. What is quoted is the caller's and stays.
    """
    flags = _flags()
    names = "|".join(sorted(map(re.escape, flags), key=len, reverse=True))
    alone = "|".join(sorted((re.escape(name) for name in flags if "_" in name), key=len, reverse=True))
    pattern = rf"(?<![\w'\"./=-])(?:({names})=('[^']*'|[^\s;,:)]+)|({alone})(?![\w'\"=]))"
    return re.sub(pattern, lambda match: _flag(match, flags), message)


def _flag(match: re.Match[str], flags: dict[str, str]) -> str:
    name, value, alone = match.groups()
    return flags[alone] if alone else f"{flags[name]} {value.strip(_QUOTE) or _QUOTE * 2}"


@cache
def _flags() -> dict[str, str]:
    """Map the names of the options of all commands to their flags."""
    from llminit.cli.main import app

    commands: list[Any] = [typer.main.get_command(app)]
    flags: dict[str, str] = {}
    while commands:
        command = commands.pop()
        commands += getattr(command, "commands", {}).values()
        flags |= {
            parameter.name: parameter.opts[0] for parameter in command.params if parameter.opts[0].startswith("--")
        }
    return flags
