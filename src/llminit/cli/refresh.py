"""`llminit refresh`: what came since the fit is learned, in a fraction of its time."""

from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A saved recommender.")],
    interactions: opt.InteractionsFile,
    items: opt.ItemsFile = None,
    embeddings: opt.EmbeddingsFile = None,
    encoder: opt.EncoderSpec = None,
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the result; by default it replaces DIR.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out.")] = False,
    device: opt.Device = "cpu",
    threads: opt.Threads = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Learn new interactions, users and items into a recommender, going on from what it has learned.

    The files may hold all that there is: what is known already is left out. The folder is replaced as a whole at the
    end and serves until then; killed, the same command gives the same result.
    """
    from llminit.pipeline.refresh import refresh

    opt.use_threads(threads)
    recommender, record = refresh(
        folder,
        interactions,
        items,
        embeddings=embeddings,
        open_encoder=opt.encoder_of_recipe(encoder, encoder_option, base_url),
        out=out,
        overwrite=overwrite,
        device=device,
        reporter=RichReporter(),
    )
    saved = folder if out is None else out
    if as_json:
        counts = {"n_all_users": len(recommender.users), "n_all_items": len(recommender.items)}
        print_json(record | counts | {"out": str(saved)})
    else:
        typer.echo(
            f"{record['n_interactions']} new interactions of {record['n_users']} new users and {record['n_items']} new "
            f"items learned in {record['seconds']:.1f} s; saved to {saved}"
        )
