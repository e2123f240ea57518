"""(d) A whole fit, from an interactions file to test metrics, against RecBole 1.2.1.

Each run is a separate process, timed from its start to its answer: import, read, filter (rating >= 4, 5-core), split,
train, validate after each epoch, test. Both read the same atomic file and start from Xavier embeddings; each draws a
different random leave-one-out split, so the metrics agree up to chance. RecBole saves no checkpoints here.

    python benchmarks/whole_fit.py --json benchmarks/results/whole_fit.json
"""

import argparse
import functools
import tempfile
from pathlib import Path
from typing import Any

import polars as pl

import benchmark_data
import common
import peers
from epoch import RECBOLE_NAMES
from lines import Worker
from llminit.data import read_interactions


def main() -> None:
    """Compare whole fits of each backbone and print the ratios."""
    parser = common.options_parser(__doc__)
    common.add_model_options(parser, list(RECBOLE_NAMES))
    parser.set_defaults(backbone=["lightgcn"])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--eval-batch-size", type=int, default=4096, help="RecBole's, in scores; its default is 4096")
    options = parser.parse_args()
    versions: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        name, n_rows = write_raw(options.data, Path(folder))
        rows = [compare(backbone, Path(folder), options, versions) for backbone in options.backbone]
    setting = (
        f"{name}: {n_rows:,} rated interactions in the file; d={options.embedding_size}, batch {options.batch}, "
        f"{options.layers} layers, {options.epochs} epochs, RecBole's evaluation batch {options.eval_batch_size}"
    )
    common.report("whole_fit", setting, rows, options, versions)


def write_raw(name: str | None, folder: Path) -> tuple[str, int]:
    """Write the interactions that have a rating as an atomic file; return the data set's name and the rows.

    RecBole would replace a missing rating by the mean; LLMInit would leave the row out.
    """
    name, path = benchmark_data.find_interactions(name)
    table = read_interactions(path)
    if "rating" not in table.columns:
        raise SystemExit(f"{name} has no ratings, which this benchmark filters by; choose another data set")
    table = table.drop_nulls("rating").select(
        pl.col("user_id").alias("user_id:token"),
        pl.col("item_id").alias("item_id:token"),
        pl.col("rating").alias("rating:float"),
    )
    (folder / "raw").mkdir()
    table.write_csv(folder / "raw" / "raw.inter", separator="\t")
    return name, len(table)


def compare(backbone: str, folder: Path, options: argparse.Namespace, versions: dict[str, str]) -> common.Comparison:
    """Time whole fits of one backbone on both sides, in turn, after a short warm-up of each."""
    common.say(f"{backbone}: warming up the file caches and compiling")
    sides = fit_recbole, fit_llminit
    for side in sides:
        versions.update(side(backbone, folder, options, 1)["versions"])
    peer, ours = (functools.partial(side, backbone, folder, options, options.epochs) for side in sides)
    answers = common.in_turn(peer, ours, options.repeats)
    last = [side[-1] for side in answers]
    notes = {
        "users and items after filtering, peer and LLMInit": [[side["n_users"], side["n_items"]] for side in last],
        "test recall@10, peer and LLMInit": [round(side["metrics"]["recall@10"], 4) for side in last],
        "seconds without the start of Python and imports, last run": [round(side["inside"], 3) for side in last],
        common.OTHERS: common.max_others_share(answers),
        "peak memory, peer and LLMInit": [common.in_gib(side["peak"]) for side in last],
    }
    seconds = common.seconds_of(answers)
    return common.Comparison(f"whole fit of {backbone}", "RecBole 1.2.1", *seconds, 10.0, notes)


def fit_recbole(backbone: str, folder: Path, options: argparse.Namespace, epochs: int) -> dict[str, Any]:
    """Run RecBole once in a new process."""
    with Worker("recbole_worker.py", folder / "recbole.log", python=peers.recbole_python(), cwd=folder) as worker:
        answer = worker.ask(
            "fit",
            folder=str(folder),
            model=RECBOLE_NAMES[backbone],
            embedding_size=options.embedding_size,
            batch=options.batch,
            n_layers=options.layers,
            eval_batch_size=options.eval_batch_size,
            epochs=epochs,
        )
        return _with_whole_time(answer, worker)


def fit_llminit(backbone: str, folder: Path, options: argparse.Namespace, epochs: int) -> dict[str, Any]:
    """Run LLMInit once in a new process."""
    layers = {} if backbone == "mf" else {"n_layers": options.layers}
    with Worker("llminit_worker.py", folder / "llminit.log") as worker:
        answer = worker.ask(
            "fit",
            interactions=str(folder / "raw" / "raw.inter"),
            backbone=backbone,
            backbone_options=layers,
            min_rating=4,
            k_core=5,
            embedding_size=options.embedding_size,
            train_batch_size=options.batch,
            epochs=epochs,
            patience=epochs,
        )
        return _with_whole_time(answer, worker)


def _with_whole_time(answer: dict[str, Any], worker: Worker) -> dict[str, Any]:
    return answer | {"inside": answer["seconds"], "seconds": worker.elapsed(), "cpu": answer["process_cpu"]}


if __name__ == "__main__":
    main()
