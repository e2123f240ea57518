"""Help texts that list the registered parts; the lookup imports the models, so it happens only when help is shown."""

from typing import Any

from typer.core import TyperCommand


class PartsCommand(TyperCommand):
    """A command whose help lists the registered parts beside every option that takes the name of one."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        for parameter in self.params:
            choices = _choices(parameter.name or "")
            if choices:
                parameter.help = f"{getattr(parameter, 'help', '') or ''} \\[one of: {', '.join(choices)}]"  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def _choices(option: str) -> list[str]:
    """Return the parts that an option accepts, or an empty list for an option that takes no part."""
    from llminit.initialization import XAVIER
    from llminit.pipeline.parts import PART_OPTIONS
    from llminit.text import ENCODERS

    if option in ("encoder", "encoders"):
        return [entry.form for entry in ENCODERS.entries()]
    if option not in PART_OPTIONS:
        return []
    first = {"init": [XAVIER], "inits": [XAVIER], "baselines": ["all", "none"]}
    return [*first.get(option, []), *PART_OPTIONS[option].names()]
