"""Help texts that list the registered parts; the lookup imports the models, so it happens only when help is shown."""

from typing import Any

from typer.core import TyperCommand

from llminit.reporters import stderr

NAMES_OF_MODELS_AND_STARTS = ("backbone", "backbones", "baselines", "control_init", "init", "inits", "select")
"""The options of `PART_OPTIONS`, which imports the models."""


class PartsCommand(TyperCommand):
    """A command whose help lists the registered parts beside every option that takes the name of one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments; where one replaces an earlier one, say so."""
        values, _, order = self.make_parser(ctx).parse_args(list(args))
        for parameter in dict.fromkeys(order):
            takes_one = not getattr(parameter, "multiple", False) and not getattr(parameter, "is_flag", False)
            if takes_one and order.count(parameter) > 1:
                times, last = order.count(parameter), values.get(parameter.name or "")
                stderr.print(f"{parameter.opts[0]} is there {times} times: the last, {last}, counts", markup=False)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        for parameter in self.params:
            choices = _choices(parameter.name or "", ctx.info_name)
            if choices:
                parameter.help = f"{getattr(parameter, 'help', '') or ''} \\[one of: {', '.join(choices)}]"  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)


def _choices(option: str, command: str) -> list[str]:
    """Return the parts that an option of a command accepts, or an empty list for an option that takes no part."""
    if option in ("encoder", "encoders"):
        from llminit.text import ENCODERS

        return [entry.form for entry in ENCODERS.entries()]
    if option not in NAMES_OF_MODELS_AND_STARTS:
        return []
    from llminit.config import TEXT_FREE
    from llminit.models import BACKBONES, BASELINES
    from llminit.pipeline.mixture import MIXTURE
    from llminit.pipeline.parts import PART_OPTIONS

    if (command, option) == ("tune", "backbones"):
        return [*BACKBONES, MIXTURE, *BASELINES]
    first = {"init": [*TEXT_FREE], "inits": [*TEXT_FREE], "baselines": ["all", "none"], "backbones": ["none"]}
    return [*first.get(option, []), *PART_OPTIONS[option].names()]
