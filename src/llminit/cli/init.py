"""`llminit init`: initial embeddings for a trainer of your own."""

from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json
from llminit.config import InitializeConfig


@opt.with_config_options(InitializeConfig)
def command(
    *,
    config: InitializeConfig,
    interactions: opt.InteractionsFile,
    out: Annotated[Path, typer.Option(help="Folder for the arrays and their ids.")],
    items: opt.ItemsFile = None,
    embeddings: opt.EmbeddingsFile = None,
    encoder: opt.EncoderSpec = None,
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    cache: opt.CacheFolder = None,
    engine: opt.EngineName = "local",
    workers: opt.Workers = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Make initial user and item embeddings, as safetensors, Parquet and numpy, without training anything.

    All interactions given count as training interactions.
    """
    from llminit.initialization import check_can_save
    from llminit.pipeline.initialize import initialize

    check_can_save(out)
    initial = initialize(
        interactions,
        items,
        embeddings=embeddings,
        encoder=opt.opened_encoder(encoder, encoder_option, base_url),
        cache=opt.cache_folder(cache) / "embeddings",
        engine=opt.chosen_engine(engine, workers),
        config=config,
        reporter=RichReporter(),
    )
    initial.save(out)
    summary = {
        "n_users": len(initial.users),
        "n_items": len(initial.items),
        "embedding_size": initial.embedding_size,
        "n_items_without_text": initial.n_items_without_text,
        "n_users_without_history": initial.n_users_without_history,
        "out": str(out),
    }
    if as_json:
        print_json(summary)
    else:
        typer.echo("{n_users} users, {n_items} items, {embedding_size} dimensions, saved to {out}".format(**summary))
        typer.echo("{n_items_without_text} items without text got the mean row".format(**summary))
