"""Options that commands share, and options made from the fields of a configuration.

`with_config_options` adds one option per field of a configuration to a command, with the name, type, default and
description of the field, so that the command line, the TOML file and the Python keywords stay consistent.
"""

import inspect
import json
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_origin

import typer
from pydantic.fields import FieldInfo

from llminit.config import CompareConfig, Config, FitConfig, InitializeConfig, read_toml
from llminit.errors import ConfigError
from llminit.folders import user_cache_folder
from llminit.reporters import stderr
from llminit.tuning.config import TuneConfig

if TYPE_CHECKING:
    from llminit.recommender import TextRecipe
    from llminit.text import Encoder, Engine


def _apply_config_file(context: typer.Context, path: Path | None) -> Path | None:
    if path is None:
        return None
    known = _parameter_names(context)
    values = {name.replace("-", "_"): value for name, value in read_toml(path).items()}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"unknown option {unknown[0]!r} in {path}; `llminit {context.info_name}` takes: "
            f"{', '.join(map(repr, sorted(known)))}"
        )
    takes_many = {parameter.name for parameter in context.command.params if getattr(parameter, "multiple", False)}
    defaults = {known[name]: _as_argument(value) for name, value in values.items()}
    context.default_map = {
        name: ",".join(value) if isinstance(value, list) and name not in takes_many else value
        for name, value in defaults.items()
    }
    return path


def _parameter_names(context: typer.Context) -> dict[str, str]:
    """Map the names that a file may use, those of the flags and of the configuration, to parameter names."""
    names = {}
    for parameter in context.command.params:
        if parameter.name in (None, "config_file", "help"):
            continue
        flags = [flag.lstrip("-").replace("-", "_") for flag in parameter.opts]
        fields = [parameter.name] if parameter.name in _FIELDS else []
        names.update(dict.fromkeys([*flags, *fields], str(parameter.name)))
    return names


_PANELS = {
    "FilterConfig": "Data",
    "DataConfig": "Data",
    "HeldOutConfig": "Split",
    "TrainingConfig": "Training",
    "CompareConfig": "Grid",
    "TuneConfig": "Search",
}

# A grid takes one size too, under the name that it has everywhere else.
_OTHER_SPELLINGS = {"--embedding-sizes": ["--embedding-size"]}

_FIELDS = FitConfig.model_fields | InitializeConfig.model_fields | CompareConfig.model_fields | TuneConfig.model_fields


def _as_argument(value: Any) -> Any:
    """Return a TOML value as it is written on the command line, so that both are validated in the same way."""
    if isinstance(value, dict):
        return [f"{key}={_as_text(inner)}" for key, inner in value.items()]
    return [_as_text(inner) for inner in value] if isinstance(value, list) else _as_text(value)


InteractionsFile = Annotated[
    Path, typer.Option("--interactions", help="Interactions: CSV, TSV, Parquet, JSON Lines or RecBole atomic file.")
]
ItemsFile = Annotated[Path | None, typer.Option("--items", help="Item table, in one of the same formats.")]
EmbeddingsFile = Annotated[
    Path | None,
    typer.Option("--embeddings", help="Text embeddings instead of an encoder: Parquet, npy or atomic file."),
]
EncoderSpec = Annotated[
    str | None,
    typer.Option("--encoder", help="What encodes the item texts; by default minilm."),
]
EncoderOptions = Annotated[
    list[str] | None, typer.Option("--encoder-option", metavar="KEY=VALUE", help="An option of the encoder's own.")
]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="Address of an OpenAI-compatible endpoint.")]
CacheFolder = Annotated[
    Path | None, typer.Option("--cache", help="Folder of encoded texts and downloads.", envvar="LLMINIT_CACHE")
]
EngineName = Annotated[
    str, typer.Option("--engine", help="What encodes the texts: local, this machine, or ray, a cluster (extra: ray).")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", min=1, help="Processes that encode; by default one with local, one a core or GPU with ray."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="TOML file with any of these options; the command line wins.",
        is_eager=True,
        callback=_apply_config_file,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="CPU threads; by default all cores.")]
Device = Annotated[str, typer.Option("--device", help="cpu or cuda.")]


def with_config_options(config_type: type[Config]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add an option per field of a configuration to a command, which receives the configuration as `config`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(command, eval_str=True)
        fields = config_type.model_fields

        @wraps(command)
        def wrapped(**values: Any) -> Any:
            options = {name: values.pop(name) for name in fields}
            _check_lists(options, fields)
            return command(config=config_type.make(**_without_unset(options, fields)), **values)

        parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "config"]
        parameters += [_option(name, info, _panel(name, config_type)) for name, info in fields.items()]
        wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapped

    return decorate


def parse_pairs(pairs: list[str] | None) -> dict[str, Any]:
    """Turn KEY=VALUE texts into a dictionary; values are read as JSON where they are JSON, else as text.

    Raises:
        ConfigError: A text has no "=".
    """
    parsed = {}
    for pair in pairs or []:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise ConfigError(f"{pair!r} is not KEY=VALUE; write, for example, n_layers=3")
        try:
            parsed[key.strip().replace("-", "_")] = json.loads(value)
        except json.JSONDecodeError:
            parsed[key.strip().replace("-", "_")] = value
    return parsed


def opened_encoder(spec: str | None, pairs: list[str] | None, base_url: str | None) -> "Encoder | None":
    """Open the encoder that the options name, or return None without one; the API key comes from OPENAI_API_KEY.

    Raises:
        ConfigError: The encoder or an option is unknown, or a base URL was given for an encoder that has none.
    """
    from llminit.text import open_encoder

    options = parse_pairs(pairs)
    is_endpoint = (spec or "").startswith("openai:")
    if base_url and not is_endpoint:
        raise ConfigError(f"--base-url belongs to openai:MODEL, but the encoder is {spec or 'minilm'}; leave it out")
    if options and spec is None:
        raise ConfigError("--encoder-option was given without --encoder; name the encoder that it belongs to")
    if base_url:
        options["base_url"] = base_url
    if is_endpoint and "OPENAI_API_KEY" in os.environ:
        options.setdefault("api_key", os.environ["OPENAI_API_KEY"])
    return None if spec is None else open_encoder(spec, **options)


def encoder_of_recipe(
    spec: str | None, pairs: list[str] | None, base_url: str | None
) -> "Callable[[TextRecipe], Encoder | None]":
    """Return a function that opens the encoder of a saved recommender: the one that the options name, or its own.

    The API key comes from OPENAI_API_KEY, as it is saved nowhere.
    """

    def opened(recipe: "TextRecipe") -> "Encoder | None":
        from llminit.text import open_encoder

        if spec is not None or recipe.encoder is None:
            return opened_encoder(spec, pairs, base_url)
        options = recipe.encoder_options | parse_pairs(pairs)
        if recipe.encoder.startswith("openai:"):
            options |= {"base_url": base_url} if base_url else {}
            if "OPENAI_API_KEY" in os.environ:
                options.setdefault("api_key", os.environ["OPENAI_API_KEY"])
        return open_encoder(recipe.encoder, **options)

    return opened


def cache_folder(chosen: Path | None) -> Path:
    """Return the folder of encoded texts and downloads: the value of --cache, or the user's cache folder."""
    return user_cache_folder() if chosen is None else chosen


def chosen_engine(name: str, workers: int | None, threads: int | None = None) -> "Engine":
    """Return what encodes texts.

    Raises:
        ConfigError: There is no such engine.
    """
    from llminit.text import Engine

    return Engine(name, workers, threads)  # type: ignore[arg-type]


def use_threads(threads: int | None) -> None:
    """Limit the threads of torch and numba."""
    if threads is None:
        return
    import numba
    import torch

    available = numba.config.NUMBA_NUM_THREADS
    if threads > available:
        raise ConfigError(f"--threads {threads} exceeds the {available} that this machine offers; lower it")
    torch.set_num_threads(threads)
    numba.set_num_threads(threads)


def _check_lists(options: dict[str, Any], fields: dict[str, FieldInfo]) -> None:
    """Check that no list is there and empty, which would leave a part of the work out without a word.

    Raises:
        ConfigError: One is.
    """
    for name, value in options.items():
        has_default = get_origin(fields[name].annotation) is tuple and fields[name].default
        if has_default and isinstance(value, str) and not value.strip(" ,"):
            if name == "backbones" and not any(getattr(rule, "min_length", None) for rule in fields[name].metadata):
                stderr.print("--backbones is empty: only baselines are compared")
                continue
            none = ", or name none" if name == "baselines" else ""
            raise ConfigError(
                f"{name}='' is empty, expected values separated by commas; leave it out for the default{none}"
            )


def _without_unset(options: dict[str, Any], fields: dict[str, FieldInfo]) -> dict[str, Any]:
    """Drop options that were not set, and turn KEY=VALUE lists into dictionaries."""
    return {
        name: parse_pairs(value) if _is_mapping(fields[name]) else value
        for name, value in options.items()
        if value is not None and value != []
    }


def _panel(name: str, config_type: type[Config]) -> str:
    """Return the heading of the help under which an option stands: that of the configuration that defines it."""
    for parent in reversed(config_type.__mro__):
        if name in getattr(parent, "__annotations__", {}):
            return _PANELS.get(parent.__name__, "Model")
    return "Model"


def _option(name: str, info: FieldInfo, panel: str) -> inspect.Parameter:
    is_list = get_origin(info.annotation) is tuple
    annotation: Any = list[str] if _is_mapping(info) else str if is_list else info.annotation
    flag = f"--{(name.removesuffix('s') if _is_mapping(info) else name).replace('_', '-')}"
    flag = f"{flag}/{flag.replace('--', '--no-', 1)}" if info.annotation is bool else flag
    metavar = "KEY=VALUE" if _is_mapping(info) else "A,B" if is_list else None
    help_text = f"{info.description}{_shown_default(info)}".replace("[", "\\[")
    flags = [flag, *_OTHER_SPELLINGS.get(flag, [])]
    option = typer.Option(*flags, help=help_text, metavar=metavar, show_default=False, rich_help_panel=panel)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[annotation | None, option]
    )


def _shown_default(info: FieldInfo) -> str:
    if _is_mapping(info) or info.default in (None, ()):
        return ""
    is_list = isinstance(info.default, tuple)
    shown = ",".join("all" if value is None else str(value) for value in info.default) if is_list else info.default
    return f" [default: {shown}]"


def _is_mapping(info: FieldInfo) -> bool:
    return info.annotation == dict[str, Any]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
