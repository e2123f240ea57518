"""`llminit export`: a recommender's embeddings for other libraries and for vector stores."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json

# Written out, since the help is shown without importing what the registry needs.
TARGET_NAMES = "recbole, pyg, implicit, torch, parquet, safetensors, npy, lancedb, qdrant, usearch, faiss, pgvector"


class Form(StrEnum):
    """The forms of embeddings."""

    dot = "dot"
    cosine = "cosine"


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A saved recommender.")],
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help=f"One of: {TARGET_NAMES}.")],
    out: Annotated[
        str,
        typer.Option(metavar="PATH", help="Folder to write; for pgvector also postgresql://USER:PASSWORD@HOST/NAME."),
    ],
    form: Annotated[
        Form,
        typer.Option(help="dot: for search by dot product. cosine: a column more, for stores that know cosine alone."),
    ] = Form.dot,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export.")] = False,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Export the user and item embeddings to another library or a vector store.

    A score is the dot product of a user's and an item's embedding. SEARCH THEM BY DOT PRODUCT: a search by cosine finds
    other items, and this command says how many.
    """
    from llminit.export import export

    summary = export(folder, to, out, form=form.value, overwrite=overwrite, reporter=RichReporter())
    if as_json:
        print_json(summary)
        return
    where = f"saved to {summary['out']}" if "out" in summary else "written to the database"
    typer.echo("{n_users} users, {n_items} items, {width} columns ({form}) for {target}, ".format(**summary) + where)
