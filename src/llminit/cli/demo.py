"""`llminit demo`: what a language model's head start gains on MovieLens-100K, and what it does for newcomers."""

import time
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from llminit.cli import options as opt
from llminit.cli.show import RichReporter, print_json, print_table, stderr
from llminit.config import FitConfig
from llminit.out_paths import check_out_folder
from llminit.recommender import Recommender

BASELINES = ("popularity", "item-knn", "ease")
FITS: dict[str, dict[str, Any]] = {
    "LightGCN, xavier": {"backbone": "lightgcn", "init": "xavier"},
    "LightGCN, whiten": {"backbone": "lightgcn", "init": "whiten"},
    "LLMInit fast": {"preset": "fast"},
}
NEW_FILM = {"item_id": 1683, "title": "The Last Starship (1998)", "genres": "Action | Adventure | Sci-Fi"}
NEW_USER_LIKES = (50, 181, 127)


def command(
    folder: Annotated[Path, typer.Option(help="Where data and recommenders go.")] = Path("demo"),
    cache: opt.CacheFolder = None,
    threads: opt.Threads = None,
    as_json: opt.Json = False,
) -> None:
    """Fit LightGCN without and with text, and the default model, beside three baselines, and recommend.

    At the end, a film that nobody has seen and a user who is not in the data come in, without training.
    """
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
    grown = recommender.add_items(pl.DataFrame([NEW_FILM]), encoder=encoder)
    film, newcomer = new_film(grown), new_user(grown)
    if as_json:
        lists = {"recommendations": recommended.to_dicts(), "new_user": newcomer.to_dicts()}
        print_json({"results": rows, "user_id": user, "new_film": film, **lists})
        return
    print_table(pl.DataFrame(rows, infer_schema_length=None), "MovieLens-100K, ratings of 4 and more")
    liked = ", ".join(history["title"].head(5).to_list())
    print_table(recommended.drop("user_id"), f"User {user} liked {liked} ...; {name} recommends")
    _show_newcomers(film, newcomer, grown)


def _show_newcomers(film: dict[str, Any], newcomer: pl.DataFrame, grown: Recommender) -> None:
    stderr.print(
        f"A new film, {film['title']} ({film['genres']}), comes in by its text, without training: it is most like "
        f"{', '.join(film['most_like'])}, and among the first ten of {film['n_lists']} of {len(grown.users)} users, or "
        f"of {film['n_lists_at_1']} with the dial at 1 (exposure)",
        highlight=False,
    )
    liked = ", ".join(grown.item_columns(grown.item_codes(NEW_USER_LIKES))[1])
    print_table(newcomer, f"A new user likes {liked}, and gets")


def new_film(recommender: Recommender) -> dict[str, Any]:
    """Return the new film, how many users get it among their ten, and the films that it is most like."""

    def n_lists(shown: Recommender) -> int:
        return int((shown.recommend(k=10)["item_id"] == NEW_FILM["item_id"]).sum())

    alike = recommender.similar_items(NEW_FILM["item_id"], 3)["title"].to_list()
    lists = {"n_lists": n_lists(recommender), "n_lists_at_1": n_lists(recommender.with_exposure(1.0))}
    return NEW_FILM | lists | {"most_like": alike}


def new_user(recommender: Recommender) -> pl.DataFrame:
    """Return a list for somebody who is not in the data, each film with that of theirs which speaks most for it."""
    found: pl.DataFrame = recommender.recommend_for_history(NEW_USER_LIKES, 5)
    reasons = recommender.reasons(found["item_id"], history=NEW_USER_LIKES, n=1)
    return found.join(reasons.select("item_id", pl.col("because_title").alias("because")), on="item_id", how="left")


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
