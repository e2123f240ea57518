"""`llminit add-items`: tonight's items, into a recommender that was fitted before they came."""

from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A saved recommender.")],
    items: Annotated[Path, typer.Option(help="The new items: item_id and the columns of the item text.")],
    embeddings: opt.EmbeddingsFile = None,
    encoder: opt.EncoderSpec = None,
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    exposure: Annotated[
        float | None,
        typer.Option(
            min=0, help="How much added items are shown: 1 as warm items with few interactions, 0 not at all."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the result; by default it replaces DIR.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.")] = False,
    threads: opt.Threads = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Add new items by their text, without training: they are recommended at once.

    Items that were added before are replaced, and removed ones are there again. The folder is replaced as a whole:
    killed, the command leaves the old one.
    """
    from llminit.recommender.in_folder import add_items_to_folder

    opt.use_threads(threads)
    recommender, counts = add_items_to_folder(
        folder,
        items,
        embeddings=embeddings,
        open_encoder=opt.encoder_of_recipe(encoder, encoder_option, base_url),
        exposure=exposure,
        out=out,
        overwrite=overwrite,
        reporter=RichReporter(),
    )
    saved = folder if out is None else out
    if as_json:
        shown = {
            "added": counts.n_added,
            "replaced": counts.n_replaced,
            "restored": counts.n_restored,
            "without_text": counts.n_without_text,
            "n_items": len(recommender.items),
            "exposure": recommender.exposure,
            "out": str(saved),
        }
        print_json(shown)
    else:
        restored = f", {counts.n_restored} restored" if counts.n_restored else ""
        typer.echo(
            f"{counts.n_added} items added, {counts.n_replaced} replaced{restored}; {len(recommender.items)} items, "
            f"saved to {saved}"
        )
