"""`llminit data`: public data sets, and tables prepared out of core."""

from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json, print_table

app = typer.Typer(help="List and fetch public data sets; prepare tables of any size.", no_args_is_help=True)


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


@app.command("prepare")
def prepare_command(
    interactions: Annotated[
        list[Path], typer.Option("--interactions", help="Files of one table, or folders of them; may be repeated.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the result, which `--interactions` of other commands takes.")],
    *,
    min_rating: Annotated[float | None, typer.Option(help="Keep interactions with at least this rating.")] = None,
    k_core: Annotated[int, typer.Option(min=1, help="Keep users and items with at least so many interactions.")] = 1,
    user_column: Annotated[str, typer.Option(help="Column with the user's id.")] = "user_id",
    item_column: Annotated[str, typer.Option(help="Column with the item's id.")] = "item_id",
    rating_column: Annotated[str, typer.Option(help="Column with the rating.")] = "rating",
    timestamp_column: Annotated[str, typer.Option(help="Column that orders interactions in time.")] = "timestamp",
    rows_at_once: Annotated[int, typer.Option(min=1, help="Rows in memory at once; fewer need less.")] = 2_000_000,
    as_json: opt.Json = False,
) -> None:
    """Filter and code interactions that need not fit in memory; a killed command, given again, continues."""
    from llminit.config import ColumnNames, FilterConfig
    from llminit.data.out_of_core import prepare_interactions

    prepared = prepare_interactions(
        interactions,
        out,
        columns=ColumnNames(user_id=user_column, item_id=item_column, rating=rating_column, timestamp=timestamp_column),
        filters=FilterConfig.make(min_rating=min_rating, k_core=k_core),
        rows_at_once=rows_at_once,
        reporter=RichReporter(),
    )
    counts = {name: getattr(prepared, name) for name in ("n_users", "n_items", "n_interactions")}
    if as_json:
        print_json({**counts, "digest": prepared.digest, "out": str(out)})
    else:
        typer.echo("{n_users} users, {n_items} items, {n_interactions} interactions".format(**counts) + f" in {out}")
