"""`llminit demo`: what a language model's head start gains on MovieLens-100K, in a few minutes."""

import time
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json, print_table, stderr
from llminit.config import FitConfig
from llminit.out_paths import check_out_folder

BASELINES = ("popularity", "item-knn", "ease")
FITS: dict[str, dict[str, Any]] = {
    "LightGCN, xavier": {"backbone": "lightgcn", "init": "xavier"},
    "LightGCN, whiten": {"backbone": "lightgcn", "init": "whiten"},
    "LLMInit fast": {"preset": "fast"},
}


def command(
    folder: Annotated[Path, typer.Option(help="Where data and recommenders go.")] = Path("demo"),
    cache: opt.CacheFolder = None,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
) -> None:
    """Fit LightGCN without and with text, and the default model, beside three baselines, and recommend."""
    from llminit.data.sources import get_source
    from llminit.pipeline.fit import fit
    from llminit.pipeline.inputs import opened_encoder

    check_out_folder(folder)
    # The first two minutes need no encoder, and a missing one should be said before them.
    encoder = opened_encoder()
    opt.use_threads(threads)
    reporter = RichReporter()
    caches = opt.cache_folder(cache)
    data = get_source("ml-100k", folder / "ml-100k", cache=caches / "downloads", reporter=reporter)
    tables = (data / "interactions.parquet", data / "items.parquet")
    # It compares, so what was measured is what it shows; nobody is served by it.
    shared = {"min_rating": 4, "k_core": 5, "text": "{title}. {genres}", "refit": False}
    rows = _baseline_rows(tables, FitConfig.make(**shared))
    for name, options in FITS.items():
        stderr.print(f"fitting {name}", highlight=False)
        recommender = fit(
            *tables,
            encoder=None if options.get("init") == "xavier" else encoder,
            cache=caches / "embeddings",
            out=folder / name.lower().replace(", ", "-").replace(" ", "-"),
            config=FitConfig.make(**shared | options),
            reporter=reporter,
        )
        report = recommender.report
        rows.append(_row(name, report["metrics"], report["seconds_training"], report["best_epoch"]))
    user = recommender.users.ids[0]
    history, recommended = recommender.user_history(user), recommender.recommend([user])
    if as_json:
        print_json({"results": rows, "user_id": user, "recommendations": recommended.to_dicts()})
        return
    print_table(pl.DataFrame(rows, infer_schema_length=None), "MovieLens-100K, ratings of 4 and more")
    liked = ", ".join(history["title"].head(5).to_list())
    print_table(recommended.drop("user_id"), f"User {user} liked {liked} ...; {name} recommends")


def _baseline_rows(tables: tuple[Path, Path], config: FitConfig) -> list[dict[str, Any]]:
    from llminit.data import HeldOut, split_interactions
    from llminit.evaluation import evaluate
    from llminit.models import BASELINES as REGISTERED
    from llminit.pipeline.inputs import load_dataset

    dataset = load_dataset(*tables, config)
    held_out = HeldOut(dataset, split_interactions(dataset, config.splitting, config.seed))
    rows = []
    for name in BASELINES:
        started = time.perf_counter()
        fitted = REGISTERED[name].make().fit(held_out.train)
        metrics = evaluate(fitted.scores, held_out.test, held_out.seen_at_test)
        rows.append(_row(name, metrics, time.perf_counter() - started, None))
    return rows


def _row(model: str, metrics: Any, seconds: float, best_epoch: int | None) -> dict[str, Any]:
    measured = {
        f"{metric} {protocol}": metrics[protocol][metric]
        for protocol in ("standard", "paper")
        for metric in ("recall@10", "ndcg@10")
    }
    return {"model": model, **measured, "best epoch": best_epoch, "seconds": f"{seconds:.1f}"}
