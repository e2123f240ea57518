"""`llminit data`: public data sets."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json, print_table

app = typer.Typer(help="List and fetch public data sets.", no_args_is_help=True)


@app.command("list")
def list_command(as_json: opt.Json = False) -> None:
    """List the data sets that can be fetched."""
    from llminit.data.sources import list_sources

    rows = [
        {
            "name": source.name,
            "users": source.n_users,
            "items": source.n_items,
            "interactions": source.n_interactions,
            "about": source.about,
            "license": source.license,
        }
        for source in list_sources()
    ]
    if as_json:
        print_json({"sources": rows})
    else:
        print_table(pl.DataFrame(rows))


@app.command("get")
def get_command(
    name: Annotated[str, typer.Argument(help="A name from `data list`.")],
    to: Annotated[Path | None, typer.Option(help="Folder for the two tables; by default one of that name.")] = None,
    cache: opt.CacheFolder = None,
    as_json: opt.Json = False,
) -> None:
    """Fetch a data set into interactions.parquet and items.parquet."""
    from llminit.data.sources import get_source

    folder = get_source(name, to or Path(name), cache=opt.cache_folder(cache) / "downloads", reporter=RichReporter())
    if as_json:
        print_json({"name": name, "folder": str(folder)})
    else:
        typer.echo(f"{name}: {folder / 'interactions.parquet'} and {folder / 'items.parquet'}")
