"""`llminit compare`: a resumable comparison of methods over several seeds."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.cold import cold_summary, cold_table
from llminit.cli.show import RichReporter, print_json, print_table
from llminit.config import CompareConfig

if TYPE_CHECKING:
    from llminit.results import ColdFailure, Failure, ResultsFolder


@opt.with_config_options(CompareConfig)
def command(
    *,
    config: CompareConfig,
    interactions: opt.InteractionsFile,
    out: Annotated[Path, typer.Option(help="Folder for the results; what is finished there is not run again.")],
    items: opt.ItemsFile = None,
    embeddings: opt.EmbeddingsFile = None,
    encoders: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Encoders and files of text embeddings, separated by commas, to be compared."),
    ] = None,
    base_url: opt.BaseUrl = None,
    cache: opt.CacheFolder = None,
    workers: Annotated[
        int | None, typer.Option(min=0, help="Processes that run cells side by side; by default one to two cores.")
    ] = None,
    device: opt.Device = "cpu",
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    checkpoint_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = 60.0,
    as_json: opt.Json = False,
) -> None:
    """Compare backbones, initialisations and baselines over several seeds, under both protocols.

    Killed, the same command continues; with more backbones, inits or seeds it adds what is missing. `llminit report`
    makes a page of the results.
    """
    from llminit.comparison import compare

    folder = compare(
        interactions,
        items,
        out=out,
        embeddings=embeddings,
        encoders=_opened(encoders, base_url),
        cache=opt.cache_folder(cache) / "embeddings",
        config=config,
        workers=workers,
        device=device,
        reporter=RichReporter(),
        checkpoint_seconds=checkpoint_seconds,
        command=shlex.join(["llminit", *sys.argv[1:]]),
    )
    _report(folder, as_json=as_json)


def _opened(encoders: str | None, base_url: str | None) -> dict[str, Any] | None:
    """Return files and opened encoders by their labels."""
    from llminit.comparison.sources import is_file, labelled_sources

    if encoders is None:
        return None
    named = labelled_sources(None, encoders)
    return {
        label: source
        if is_file(source)
        else opt.opened_encoder(source, None, base_url if source.startswith("openai:") else None)
        for label, source in named.items()
    }


def _report(folder: "ResultsFolder", *, as_json: bool) -> None:
    """Print the results, and exit with code 1 if cells of this call failed."""
    # Failures of an earlier call with a larger grid are not failures of this call.
    failures: list[Failure | ColdFailure] = [*folder.new_failures(), *folder.cold.new_failures()]
    if as_json:
        print_json(_summary(folder, failures))
    else:
        _show(folder, failures)
    if failures:
        raise typer.Exit(1)


def _summary(folder: "ResultsFolder", failures: "list[Failure | ColdFailure]") -> dict[str, Any]:
    return {
        "out": str(folder.path),
        **folder.header.data,
        "n_cells": len(folder.names()),
        "failed": {failure.key.name: failure.error for failure in failures},
        "methods": _table(folder).to_dicts(),
        **({"cold": cold} if (cold := cold_summary(folder.cold_cells())) else {}),
    }


def _show(folder: "ResultsFolder", failures: "list[Failure | ColdFailure]") -> None:
    from llminit.cli.show import stderr

    data = folder.header.data
    typer.echo(
        f"{data['n_users']} users, {data['n_items']} items, {data['n_interactions']} interactions; "
        f"{len(folder.names())} cells in {folder.path}"
    )
    print_table(_readable(_table(folder)), "mean and standard deviation over seeds")
    if cold := cold_summary(folder.cold_cells()):
        print_table(cold_table(cold), "new items (at a loss of warm recall@10) and new users, means over seeds")
    all_failures: list[Failure | ColdFailure] = [*folder.failures(), *folder.cold.failures()]
    for failure in all_failures:
        when = "failed" if failure in failures else "failed in an earlier call and is not part of this one"
        stderr.print(f"{failure.key.name} {when}: {failure.error}", markup=False, highlight=False)
    if failures:
        stderr.print(f"{len(failures)} cells failed; the same command tries them again", markup=False, highlight=False)


def _table(folder: "ResultsFolder") -> pl.DataFrame:
    """Return one row per method: mean and standard deviation over seeds for every shown metric and protocol."""
    from llminit.evaluation import PROTOCOLS
    from llminit.results import distinct_labels
    from llminit.results.shown_metrics import shown_metrics

    cells, shown = folder.cells(), shown_metrics(folder.header.config["ks"])
    labels = distinct_labels(cell.key.method for cell in cells)
    rows = []
    for method, label in labels.items():
        method_cells = [cell for cell in cells if cell.key.method == method]
        row: dict[str, Any] = {"method": label, "kind": method.kind, "n_seeds": len(method_cells)}
        for protocol in PROTOCOLS:
            for name in shown:
                values = pl.Series([cell.metrics[protocol].get(name) for cell in method_cells], dtype=pl.Float64)
                row |= {f"{protocol} {name}": values.mean(), f"{protocol} {name} sd": values.std()}
        rows.append(row)
    best_first = f"{PROTOCOLS[0]} {shown[0]}"
    return pl.DataFrame(rows).sort(best_first, descending=True, nulls_last=True) if rows else pl.DataFrame()


def _readable(table: pl.DataFrame) -> pl.DataFrame:
    measured = [name for name in table.columns if f"{name} sd" in table.columns]
    shown = [
        pl.struct(name, f"{name} sd").map_elements(_mean_and_spread, return_dtype=pl.String).alias(name)
        for name in measured
    ]
    return table.select("method", *shown, pl.col("n_seeds").alias("seeds")) if measured else table


def _mean_and_spread(pair: dict[str, float | None]) -> str:
    mean, spread = pair.values()
    if mean is None:
        return ""
    return f"{mean:.4f}" + ("" if spread is None else f" ± {spread:.4f}")
