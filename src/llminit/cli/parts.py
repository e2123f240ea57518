"""`llminit parts`: the registered encoders, selectors, backbones and baselines, with their options."""

from enum import StrEnum
from typing import Annotated, Any

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import print_json, print_table


class Kind(StrEnum):
    """The kinds of parts."""

    encoders = "encoders"
    selectors = "selectors"
    backbones = "backbones"
    baselines = "baselines"


def command(
    kind: Annotated[Kind | None, typer.Argument(help="Only these.")] = None,
    as_json: opt.Json = False,
) -> None:
    """List what can be named: encoders, selectors, backbones and baselines, those of other packages too.

    Selectors compose: STAGE|STAGE|PART:WIDTH+PART:WIDTH, such as center|pca:96+svd:32. Stages prepare the text: center,
    unit (rows of length 1), whiten, propagate:WEIGHT (a hop over the training graph). Parts stand side by side and are
    selectors, or svd: the training graph's leading singular vectors. One part without a width takes the rest.
    """
    rows = [row for name in ([kind] if kind else Kind) for row in _rows(name.value)]
    if as_json:
        print_json({"parts": rows})
        return
    shown = [row | {"options": ", ".join(_option_text(option) for option in row["options"])} for row in rows]
    print_table(pl.DataFrame(shown).select("kind", "name", "summary", "options", "source"))


def _rows(kind: str) -> list[dict[str, Any]]:
    from llminit.models import BACKBONES, BASELINES
    from llminit.selectors import SELECTORS
    from llminit.text import ENCODERS

    registry: Any = {"encoders": ENCODERS, "selectors": SELECTORS, "backbones": BACKBONES, "baselines": BASELINES}[kind]
    return [
        {
            "kind": registry.kind,
            "name": entry.form,
            "summary": entry.summary,
            "options": _options(entry.options_type),
            "source": entry.source,
        }
        for entry in registry.entries()
    ]


def _options(options_type: Any) -> list[dict[str, Any]]:
    schema = options_type.model_json_schema()["properties"] if options_type.model_fields else {}
    return [
        {
            "name": name,
            "default": schema[name].get("default"),
            "description": field.description or "",
        }
        for name, field in options_type.model_fields.items()
    ]


def _option_text(option: dict[str, Any]) -> str:
    return f"{option['name']}={option['default']}"
