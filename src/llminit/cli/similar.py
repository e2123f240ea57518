"""`llminit similar`: the nearest items of an item."""

from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import print_json, print_table


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A saved recommender.")],
    item: Annotated[str, typer.Option(help="The item's id.")],
    k: Annotated[int, typer.Option(help="How many.")] = 10,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Show the items whose embeddings point most nearly the same way (cosine similarity)."""
    from llminit.recommender import Recommender

    table = Recommender.load(folder).similar_items(item, k)
    if as_json:
        print_json({"item_id": item, "similar": table.to_dicts()})
    else:
        print_table(table.select("rank", "item_id", "score", *(["title"] if "title" in table.columns else [])))
