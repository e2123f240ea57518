"""`llminit recommend`: what next, for users, for a history or for a text."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json, print_table, stderr
from llminit.errors import ConfigError, shown
from llminit.ids import checked
from llminit.out_paths import check_out_file

if TYPE_CHECKING:
    from llminit.recommender import Recommender

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
    history: Annotated[
        str | None, typer.Option(metavar="A,B", help="Items that somebody has who is no known user; or a JSON list.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What somebody is looking for, in words.")] = None,
    k: Annotated[int, typer.Option(help="Items a user.")] = 10,
    diversity: Annotated[
        float, typer.Option(help="From 0, best first, to 1: how unlike each other the items are.")
    ] = 0,
    out: Annotated[Path | None, typer.Option(help="Parquet, CSV or JSON Lines file, by ending.")] = None,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Also what the user already has.")] = False,
    skip_unknown: Annotated[bool, typer.Option("--skip-unknown", help="Leave out users that are not known.")] = False,
    encoder: opt.EncoderSpec = None,
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Recommend items; columns user_id (for known users), item_id, score, rank and, where known, title."""
    from llminit.recommender import FILES, Recommender

    if sum([bool(user), users is not None, everyone, history is not None, text is not None]) != 1:
        raise ConfigError("give exactly one of --user ID, --users FILE, --all, --history A,B and --text TEXT")
    if out is not None and out.suffix not in WRITERS:
        raise ConfigError(f"--out {out} ends in {out.suffix!r}, expected one of: {', '.join(WRITERS)}")
    if out is not None:
        check_out_file(out, [*(folder / name for name in FILES), *([] if users is None else [users])])
    recommender = Recommender.load(folder)
    n_users = None
    if text is not None:
        open_encoder = opt.encoder_of_recipe(encoder, encoder_option, base_url)
        opened = None if recommender.text is None else open_encoder(recommender.text)
        table = recommender.recommend_for_text(text, k, encoder=opened, diversity=diversity)
    else:
        shown_options: dict[str, Any] = {
            "exclude_seen": not include_seen,
            "diversity": diversity,
            "reporter": RichReporter(),
        }
        if history is not None:
            table = recommender.recommend_for_history(_read_history(history), k, **shown_options)
        else:
            requested = None if everyone else pl.Series(user) if user else _read_users(users)
            if skip_unknown and requested is not None:
                requested = _known(recommender, requested)
            table = recommender.recommend(requested, k, **shown_options)
            n_users = len(recommender.users) if requested is None else len(requested)
    _write(table, out, as_json=as_json, n_users=n_users)


def _write(table: pl.DataFrame, out: Path | None, *, as_json: bool, n_users: int | None) -> None:
    if out is not None:
        from llminit.storage import replacing_file

        with replacing_file(out) as temporary:
            WRITERS[out.suffix](table, temporary)
    if as_json:
        summary = {} if n_users is None else {"n_users": n_users}
        summary |= {"n_recommendations": len(table)}
        print_json(summary | ({"out": str(out)} if out is not None else {"recommendations": table.to_dicts()}))
    elif out is not None:
        of_users = "" if n_users is None else f" for {n_users} users"
        typer.echo(f"{len(table)} recommendations{of_users}, saved to {out}")
    elif n_users is None or table["user_id"].n_unique() <= 1:
        print_table(table.select("rank", "item_id", "score", *(["title"] if "title" in table.columns else [])))
    else:
        typer.echo(table.write_csv(), nl=False)


def _known(recommender: "Recommender", requested: pl.Series) -> pl.Series:
    known = requested.filter(recommender.knows_user(requested))
    if known.is_empty():
        recommender.recommend(requested)  # Which says what is unknown, and what the model knows.
    stderr.print(f"{len(requested) - len(known)} of {len(requested)} users are unknown and left out", highlight=False)
    return known


def _read_history(text: str) -> list[Any]:
    """Return the ids of "A,B", or of a JSON list where ids hold commas."""
    if not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        ids = json.loads(text)
    except ValueError as error:
        raise ConfigError(f'--history {shown(text)} is no JSON list ({error}); write A,B or ["A", "B"]') from error
    if not all(isinstance(entry, str | int) and not isinstance(entry, bool) for entry in ids):
        raise ConfigError(f'--history {shown(text)} holds other things than ids; write A,B or ["A", "B"]')
    return list(ids)


def _read_users(path: Path | None) -> pl.Series:
    from llminit.data import read_table

    table = read_table(path)
    if "user_id" not in table.columns:
        raise ConfigError(f"{path} has columns {', '.join(table.columns)}, expected user_id; rename the column")
    return checked(table["user_id"], "user_id", str(path))
