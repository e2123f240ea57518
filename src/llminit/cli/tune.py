"""`llminit tune`: searches for the best options of `fit`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json, print_table
from llminit.tuning.config import TuneConfig

if TYPE_CHECKING:
    from llminit.tuning.result import Tuned


@opt.with_config_options(TuneConfig)
def command(
    *,
    config: TuneConfig,
    interactions: opt.InteractionsFile,
    out: Annotated[Path, typer.Option(help="TOML file for the best options; the search is kept beside it.")],
    items: opt.ItemsFile = None,
    embeddings: opt.EmbeddingsFile = None,
    encoder: opt.EncoderSpec = None,
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    cache: opt.CacheFolder = None,
    workers: Annotated[int, typer.Option(min=1, help="Trials that run side by side, each in a process.")] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is at --out, and search anew.")] = False,
    device: opt.Device = "cpu",
    threads: opt.Threads = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    as_json: opt.Json = False,
) -> None:
    """Search for the options of `fit` that are best on the validation interactions (extra `tune`).

    The presets' models are tried first, so that the result is never worse on validation; test interactions are never
    used. Then `llminit fit --config best.toml --out model`. Killed, the same command continues; with more --trials it
    goes on. Options of `fit` that are named are not searched.
    """
    from llminit.tuning.tune import tune

    opt.use_threads(threads)
    tuned = tune(
        interactions,
        items,
        embeddings=embeddings,
        encoder=opt.opened_encoder(encoder, encoder_option, base_url),
        cache=opt.cache_folder(cache) / "embeddings",
        out=out,
        overwrite=overwrite,
        workers=workers,
        device=device,
        config=config,
        reporter=RichReporter(),
    )
    if as_json:
        print_json(_summary(tuned) | {"out": str(out)})
    else:
        _show(tuned, out)


def _summary(tuned: "Tuned") -> dict[str, Any]:
    return {
        "metric": tuned.metric,
        "value": tuned.best.value,
        "first": tuned.first,
        "best": tuned.best.position,
        "options": tuned.config.model_dump(mode="json", exclude={"preset", "refit"}),
        "finished": tuned.count("finished"),
        "pruned": tuned.count("pruned"),
        "failed": tuned.count("failed"),
        "seconds": tuned.seconds,
        "trials": [vars(trial) for trial in tuned.trials],
    }


def _show(tuned: "Tuned", out: Path) -> None:
    """Print the first trials and the best one, and what they gave."""
    shown = [trial for trial in tuned.trials if trial.label and trial is not tuned.best]
    rows = [
        {
            "trial": trial.label or f"trial {trial.position}",
            f"validation {tuned.metric}": trial.value,
            "options": trial.shown,
        }
        for trial in [tuned.best, *shown]
    ]
    counts = ", ".join(f"{tuned.count(state)} {state}" for state in ("finished", "pruned", "failed"))
    print_table(pl.DataFrame(rows, infer_schema_length=None), f"{len(tuned.trials)} trials: {counts}")
    typer.echo(f"The best is {_against_first(tuned)} on validation; what it is worth, only the test says.")
    typer.echo(f"Written to {out}; use it so: llminit fit --config {out} --out FOLDER")


def _against_first(tuned: "Tuned") -> str:
    """Return how much better the best trial is than the default of `fit`, or than the first that finished."""
    found = tuned.best.value or 0.0
    label, value = next(((label, value) for label, value in tuned.first.items() if value), (None, None))
    if label is None or value is None:
        return f"{tuned.metric} {found:.4f}"
    return f"{100 * (found / value - 1):+.1f} % against {label}, {found:.4f} and {value:.4f},"
