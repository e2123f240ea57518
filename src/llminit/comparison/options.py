"""Options of backbones, selectors and baselines: `n_layers` for every part that takes it, or `sgl.n_layers`."""

from collections.abc import Collection, Mapping
from typing import Any

from llminit.errors import ConfigError


def part_options(options: Mapping[str, Any], name: str, known: Collection[str]) -> dict[str, Any]:
    """Return the options that apply to one part.

    Args:
        options: Options by name, as the user wrote them.
        name: The part, such as "sgl".
        known: The options that it takes.
    """
    shared = {option: value for option, value in options.items() if "." not in option and option in known}
    named = {option.partition(".")[2]: value for option, value in options.items() if _part(option) == _plain(name)}
    return shared | named


def check_options(options: Mapping[str, Any], parts: Mapping[str, Collection[str]], what: str) -> None:
    """Check that every option is one that a part takes.

    Args:
        options: Options by name, as the user wrote them.
        parts: The options that each part in the grid takes, by its name.
        what: "backbone", "selector" or "baseline".

    Raises:
        ConfigError: An option names a part that is not compared, or one that does not take it.
    """
    by_name = {_plain(name): known for name, known in parts.items()}
    taken = sorted({option for known in parts.values() for option in known})
    for option in options:
        part, _, inner = option.rpartition(".")
        if part and _plain(part) not in by_name:
            raise ConfigError(
                f"option {option!r} is for the {what} {part!r}, which is not compared; the {what}s compared are: "
                f"{', '.join(parts) or 'none'}"
            )
        if inner not in (by_name[_plain(part)] if part else taken):
            known = by_name[_plain(part)] if part else taken
            raise ConfigError(
                f"no {what} {part or 'that is compared'} takes the option {inner!r}; expected one of: "
                f"{', '.join(known) or 'none'}"
            )


def _part(option: str) -> str | None:
    part, dot, _ = option.partition(".")
    return _plain(part) if dot else None


def _plain(name: str) -> str:
    # On the command line, the dashes of a name are written as underscores.
    return name.replace("-", "_")
