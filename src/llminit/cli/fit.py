"""`llminit fit`: two tables in, a recommender out."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli import ranks
from llminit.cli.show import RichReporter, print_json, print_metrics, print_table
from llminit.config import FitConfig

_NEGATIVES = (
    "Under a launcher of several ranks: compare pairs with the items of their rank's part of a batch (rank), or of the "
    "whole batch (shared), as one process does."
)


@opt.with_config_options(FitConfig)
def command(
    *,
    config: FitConfig,
    interactions: opt.InteractionsFile,
    out: Annotated[Path, typer.Option(help="Folder for the recommender.")],
    items: opt.ItemsFile = None,
    embeddings: opt.EmbeddingsFile = None,
    encoder: opt.EncoderSpec = None,
    encoder_option: opt.EncoderOptions = None,
    base_url: opt.BaseUrl = None,
    cache: opt.CacheFolder = None,
    engine: opt.EngineName = "local",
    workers: opt.Workers = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another recommender at --out.")] = False,
    device: opt.Device = "cpu",
    threads: opt.Threads = None,
    config_file: opt.ConfigFile = None,  # noqa: ARG001 - read before the other options
    negatives: Annotated[Literal["rank", "shared"], typer.Option(help=_NEGATIVES, rich_help_panel="Training")] = "rank",
    rank_timeout: Annotated[float, typer.Option(hidden=True, min=1)] = 300.0,
    checkpoint_seconds: Annotated[float, typer.Option(hidden=True, min=0)] = 20.0,
    as_json: opt.Json = False,
) -> None:
    """Measure a recommender that starts from text embeddings, then fit it to all interactions.

    Beside it stand popularity and a tuned EASE, or RP3-beta where items are many. Killed, the same command continues
    where it was. Both protocols are reported: `standard` removes seen items from the ranking, `paper` (as published)
    does not. Under torchrun, with the same options, all ranks train together and the first one does the rest.
    """
    from llminit.pipeline.fit import fit
    from llminit.pipeline.fit_over_ranks import fit_over_ranks

    opt.use_threads(ranks.threads_of_rank() if threads is None else threads)
    call = partial(fit_over_ranks, negatives=negatives, timeout=rank_timeout) if ranks.are_several() else fit
    recommender = call(
        interactions,
        items,
        embeddings=embeddings,
        encoder=opt.opened_encoder(encoder, encoder_option, base_url),
        cache=opt.cache_folder(cache) / "embeddings",
        engine=opt.chosen_engine(engine, workers, threads),
        out=out,
        overwrite=overwrite,
        device=device,
        config=config,
        reporter=RichReporter(),
        checkpoint_seconds=checkpoint_seconds,
    )
    if recommender is None:
        return  # Another rank, whose work is in what the first one saves.
    if as_json:
        hidden = ("history", "fingerprint")
        shown = {name: value for name, value in recommender.report.items() if name not in hidden}
        print_json(shown | {"out": str(out)})
    else:
        _show(recommender.report, out)


def _show(report: dict[str, Any], out: Path) -> None:
    config, refit = report["config"], report["refit"]
    width = report["distilled"]["width"] if "distilled" in report else config["embedding_size"]
    trained = "" if config["preset"] is None else f"; preset {config['preset']}, d={width}"
    trained += "" if report["best_epoch"] is None else f"; best epoch {report['best_epoch']}"
    typer.echo(
        f"{report['n_users']} users, {report['n_items']} items, {report['n_interactions']} interactions{trained}; "
        f"{report['seconds']:.0f} s"
    )
    name = config["backbone"] if report["best_epoch"] is None else f"{config['backbone']}, {config['init']}"
    others = {other: values["metrics"] for other, values in report["baselines"].items()}
    print_metrics({name: report["metrics"], **others})
    typer.echo(report["verdict"])
    _show_newcomers(report)
    if refit is None:
        typer.echo(f"Saved to {out}: the model that was measured")
    else:
        epochs = "" if refit["epochs"] is None else f" for {refit['epochs']} epochs"
        typer.echo(f"Saved to {out}: the same, trained once more on all {refit['n_interactions']} interactions{epochs}")


def _show_newcomers(report: dict[str, Any]) -> None:
    """Show what was measured of items and users that were held out of training."""
    if "cold" in report:
        cold = report["cold_items"]
        title = (
            f"{cold['n_items']} items never seen in training, {cold['n_interactions']} interactions with them, ranked "
            f"in the whole catalogue; saved is exposure {cold['exposure']:.2f}"
        )
        columns = ["exposure", "warm_loss", "recall@10", "ndcg@10", "share_of_lists"]
        print_table(pl.DataFrame(report["cold"]).select(columns), title)
    if report.get("new_users", {}).get("metrics"):
        users = report["new_users"]
        typer.echo(
            f"{users['n_users']} users never seen in training, made of their histories: recall@10 "
            f"{users['metrics']['recall@10']:.4f}, ndcg@10 {users['metrics']['ndcg@10']:.4f}"
        )
