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
    threads: opt.Threads = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Encode item texts once; a second run, or a run after a kill, encodes only what is new."""
    from llminit.config import ColumnNames
    from llminit.data import read_items
    from llminit.pipeline.inputs import DEFAULT_ENCODER
    from llminit.text import EncodingCache, encode_items, open_encoder, write_embeddings

    opt.use_threads(threads)
    check_out_file(out, [items])
    table = read_items(items, ColumnNames(item_id=item_column))
    opened = opt.opened_encoder(encoder, encoder_option, base_url) or open_encoder(DEFAULT_ENCODER)
    folder = EncodingCache(opt.cache_folder(cache) / "embeddings")
    embeddings = encode_items(table, text, opened, folder, RichReporter())
    write_embeddings(out, embeddings)
    if as_json:
        print_json(
            {
                "n_items": len(embeddings),
                "n_items_without_text": embeddings.n_missing,
                "width": embeddings.width,
                "out": str(out),
            }
        )
        return
    typer.echo(
        f"{len(embeddings)} items, {embeddings.n_missing} of them without text, {embeddings.width} dimensions, "
        f"saved to {out}"
    )
