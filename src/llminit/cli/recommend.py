"""`llminit recommend`: what next, for one user, some users or all."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json, print_table, stderr
from llminit.errors import ConfigError
from llminit.ids import checked
from llminit.out_paths import check_out_file

WRITERS: dict[str, Callable[..., None]] = {
    ".parquet": pl.DataFrame.write_parquet,
    ".csv": pl.DataFrame.write_csv,
    ".jsonl": pl.DataFrame.write_ndjson,
}


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A saved recommender.")],
    user: Annotated[list[str] | None, typer.Option(help="A user's id; may be there several times.")] = None,
    users: Annotated[Path | None, typer.Option(help="File with a column user_id.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every known user.")] = False,
    k: Annotated[int, typer.Option(help="Items a user.")] = 10,
    out: Annotated[Path | None, typer.Option(help="Parquet, CSV or JSON Lines file, by ending.")] = None,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Also what the user already has.")] = False,
    skip_unknown: Annotated[bool, typer.Option("--skip-unknown", help="Leave out users that are not known.")] = False,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Recommend items; columns user_id, item_id, score, rank and, where known, title."""
    from llminit.recommender import FILES, Recommender

    if sum([bool(user), users is not None, everyone]) != 1:
        raise ConfigError("give exactly one of --user ID, --users FILE and --all")
    if out is not None and out.suffix not in WRITERS:
        raise ConfigError(f"--out {out} ends in {out.suffix!r}, expected one of: {', '.join(WRITERS)}")
    if out is not None:
        check_out_file(out, [*(folder / name for name in FILES), *([] if users is None else [users])])
    recommender = Recommender.load(folder)
    requested = None if everyone else pl.Series(user) if user else _read_users(users)
    if skip_unknown and requested is not None:
        known = requested.filter(recommender.knows_user(requested))
        if known.is_empty():
            recommender.recommend(requested)  # Which says what is unknown, and what the model knows.
        stderr.print(
            f"{len(requested) - len(known)} of {len(requested)} users are unknown and left out", highlight=False
        )
        requested = known
    table = recommender.recommend(requested, k, exclude_seen=not include_seen, reporter=RichReporter())
    n_users = len(recommender.users) if requested is None else len(requested)
    _write(table, out, as_json=as_json, n_users=n_users)


def _write(table: pl.DataFrame, out: Path | None, *, as_json: bool, n_users: int) -> None:
    if out is not None:
        from llminit.storage import replacing_file

        with replacing_file(out) as temporary:
            WRITERS[out.suffix](table, temporary)
    if as_json:
        summary = {"n_users": n_users, "n_recommendations": len(table)}
        print_json(summary | ({"out": str(out)} if out is not None else {"recommendations": table.to_dicts()}))
    elif out is not None:
        typer.echo(f"{len(table)} recommendations for {n_users} users, saved to {out}")
    elif table["user_id"].n_unique() <= 1:
        print_table(table.select("rank", "item_id", "score", *(["title"] if "title" in table.columns else [])))
    else:
        typer.echo(table.write_csv(), nl=False)


def _read_users(path: Path | None) -> pl.Series:
    from llminit.data import read_table

    table = read_table(path)
    if "user_id" not in table.columns:
        raise ConfigError(f"{path} has columns {', '.join(table.columns)}, expected user_id; rename the column")
    return checked(table["user_id"], "user_id", str(path))
