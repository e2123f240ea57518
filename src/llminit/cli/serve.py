"""`llminit serve`: a saved recommender over HTTP."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llminit.cli import options as opt
from llminit.cli.show import print_json
from llminit.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from llminit.serving.encoding import OpenEncoder

TOKEN_VARIABLE = "LLMINIT_TOKEN"
_PACKAGES = ("fastapi", "uvicorn")


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A saved recommender.")],
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    state: Annotated[
        Path | None,
        typer.Option(help="SQLite file of what is added; by default DIR.state, beside the folder."),
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Keep no state and take no changes.")] = False,
    token_file: Annotated[
        Path | None, typer.Option(help=f"File with the token that requests need; else the variable {TOKEN_VARIABLE}.")
    ] = None,
    exposure: Annotated[float | None, typer.Option(min=0, help="How much items that are added are shown.")] = None,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second of one client; 0 sets no limit.")] = 0,
    max_body: Annotated[int, typer.Option(min=1024, help="Bytes of a request.")] = 2**20,
    max_ids: Annotated[int, typer.Option(min=1, help="Ids in a list, and rows in a write.")] = 1000,
    ann_above: Annotated[int, typer.Option(min=0, help="Search larger catalogues by an index: extra ann.")] = 1_000_000,
    watch: Annotated[float, typer.Option(min=0, help="Seconds between looks for a new model in DIR; 0: never.")] = 2.0,
    log_level: Annotated[str, typer.Option("--log", help="debug, info, warning or error.")] = "info",
    encoder: opt.EncoderSpec = None,
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    threads: opt.Threads = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Serve recommendations over HTTP, with a page to look at them; the log goes to stderr as JSON lines.

    POST /recommend, GET /items/ID/similar, POST /items, DELETE /items/ID, POST /interactions, GET /health, GET
    /metrics; /docs says what can be sent. SIGHUP, POST /reload or a new model in DIR puts that in place.
    """
    _check_installed()
    from llminit.serving import ServeSettings, serve
    from llminit.serving.logs import LEVELS, JsonLog

    if log_level not in LEVELS:
        raise ConfigError(f"--log {log_level} is not known; expected one of: {', '.join(LEVELS)}")
    if read_only and state is not None:
        raise ConfigError(f"--read-only keeps no state, but --state {state} was given; leave one out")
    settings = ServeSettings.make(
        state=None if read_only else state or folder.resolve().with_name(f"{folder.resolve().name}.state"),
        token=_token(token_file),
        exposure=exposure,
        rate=rate,
        max_body_bytes=max_body,
        max_ids=max_ids,
        ann_above=ann_above,
        watch_seconds=watch,
    )
    with _blas_threads(threads):
        serve(
            folder,
            settings,
            host,
            port,
            log=JsonLog(log_level),
            open_encoder=_encoders(encoder, encoder_option, base_url),
            ready=lambda address: print_json({"address": address, "pid": os.getpid()}) if as_json else None,
        )


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = tuple(name for name in _PACKAGES if find_spec(name) is None)
    if missing:
        raise MissingExtraError("llminit serve", "serve", missing)


def _token(path: Path | None) -> str | None:
    if path is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--token-file {path} cannot be read ({error}); expected a file of one line") from error
    if not token or len(token.split()) > 1:
        raise ConfigError(
            f"--token-file {path} holds {len(token.split())} words, expected one line of letters and digits; write one "
            "with: openssl rand -hex 32"
        )
    return token


def _encoders(spec: str | None, pairs: list[str] | None, base_url: str | None) -> "OpenEncoder":
    """Return what opens the encoder that the options name, else the one that a recommender was fitted with."""

    def open_for(text: Any) -> Any:
        from llminit.text import open_encoder

        given = opt.opened_encoder(spec, pairs, base_url)
        if given is not None or text.encoder is None:
            return given
        return open_encoder(text.encoder, **text.encoder_options)

    return open_for


def _blas_threads(threads: int | None) -> Any:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(threads)
