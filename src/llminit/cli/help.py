"""Help that names the registered parts: looked up when help is asked for, because that imports the models."""

from typing import Any

from typer.core import TyperCommand


class PartsCommand(TyperCommand):
    """A command whose help lists, beside each option that names a part, the parts that there are."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        for parameter in self.params:
            choices = _choices(parameter.name or "")
            if choices:
                parameter.help = f"{getattr(parameter, 'help', '') or ''} \\[one of: {', '.join(choices)}]"  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def _choices(option: str) -> list[str]:
    """Return what an option may name, empty for an option that names no part."""
    from llminit.initialization import XAVIER
    from llminit.pipeline.parts import PART_OPTIONS
    from llminit.text import ENCODERS

    if option in ("encoder", "encoders"):
        return [entry.form for entry in ENCODERS.entries()]
    if option not in PART_OPTIONS:
        return []
    first = {"init": [XAVIER], "inits": [XAVIER], "baselines": ["all", "none"]}
    return [*first.get(option, []), *PART_OPTIONS[option].names()]
