"""`llminit encode`: an item table in, text embeddings out."""

from pathlib import Path
from typing import Annotated

import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json
from llminit.out_paths import check_out_file


def command(
    items: Annotated[Path, typer.Option(help="Item table: CSV, TSV, Parquet, JSON Lines or RecBole atomic file.")],
    out: Annotated[Path, typer.Option(help="Parquet file with columns item_id and embedding.")],
    encoder: opt.EncoderSpec = None,
    text: Annotated[str | None, typer.Option(help='Template of the item text, such as "{title}. {brand}".')] = None,
    item_column: Annotated[str, typer.Option(help="Column with the item's id.")] = "item_id",
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    cache: opt.CacheFolder = None,
    engine: opt.EngineName = "local",
    workers: opt.Workers = None,
    threads: opt.Threads = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Encode item texts once; a second run, or a run after a kill, encodes only what is new.

    The result is the same with any engine and any number of workers. Parquet tables of any size are read in batches.
    """
    from llminit.config import ColumnNames
    from llminit.pipeline.encoding import encode_table

    opt.use_threads(threads)
    check_out_file(out, [items])
    encoded = encode_table(
        items,
        out,
        cache=opt.cache_folder(cache) / "embeddings",
        encoder=opt.opened_encoder(encoder, encoder_option, base_url),
        template=text,
        columns=ColumnNames(item_id=item_column),
        engine=opt.chosen_engine(engine, workers, threads),
        reporter=RichReporter(),
    )
    if as_json:
        print_json(
            {
                "n_items": encoded.n_items,
                "n_items_without_text": encoded.n_missing,
                "width": encoded.width,
                "out": str(out),
            }
        )
        return
    typer.echo(
        f"{encoded.n_items} items, {encoded.n_missing} of them without text, {encoded.width} dimensions, saved to {out}"
    )
