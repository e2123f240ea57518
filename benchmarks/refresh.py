"""(l) A stream: a recommender that learns on with each part, against one that is fitted again to everything.

The newest tenth of the interactions comes in ten parts, in the order of time. Each part is first predicted by every
recommender from what came before, then learned. Users and items come with their first interaction. All is done by one
thread, and its seconds are those of its core, so that what else runs on the machine does not count.

    python benchmarks/refresh.py --json benchmarks/results/refresh.json
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numba
import numpy as np
import polars as pl
import torch
from scipy.sparse import csr_array

import benchmark_data
import common
import llminit
from llminit import FitConfig, Recommender
from llminit.arrays import Float64Array
from llminit.data import make_dataset, read_interactions, read_items, to_csr
from llminit.pipeline.learn import learn
from llminit.pipeline.presets import PRESETS, WIDE_SOFTMAX
from llminit.pipeline.refit import everything
from llminit.pipeline.refresh import refreshed
from llminit.text import TextEmbeddings, read_embeddings

N_PARTS, SHARE = 10, 0.1
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "fast": ("softmax with the options of preset fast", {"preset": "fast"}),
    "wide": ("softmax of 512 dimensions", WIDE_SOFTMAX),
    "history": ("history of 128 dimensions", PRESETS["fast"] | {"backbone": "history"}),
}
REFIT, REFRESHED, ADDED, STALE = "fitted again", "refreshed", "added, not trained", "left alone"


@dataclass
class Side:
    """A recommender on its way, the gain of each prediction, and the seconds that its updates took."""

    recommender: Recommender
    gains: list[Float64Array] = field(default_factory=list)
    seconds: float = 0.0


def main() -> None:
    """Run the stream, and print and write the table."""
    parser = common.options_parser(__doc__)
    parser.add_argument("--data", default="amazon-beauty")
    parser.add_argument("--model", choices=list(MODELS), default="fast")
    options = parser.parse_args()
    numba.set_num_threads(1)
    torch.set_num_threads(1)
    started = time.perf_counter()
    name, folder = _folder(options.data)
    first, parts, items, text = _stream(folder)
    model, values = MODELS[options.model]
    base = llminit.fit(first, items, embeddings=text, **values)
    fit_started = time.process_time()
    llminit.fit(first, items, embeddings=text, **values)
    fit_seconds = time.process_time() - fit_started
    sides = _run(base, first, parts, items, text)
    rows = [_row(which, side, sides[REFIT]) for which, side in sides.items()]
    for row in rows:
        common.say(str(row))
    content = {
        "benchmark": "refresh",
        "setting": (
            f"{name}: {len(first):,} interactions, then {N_PARTS} parts of {len(parts[0]):,}; {model}, "
            f"{base.report['refit']['epochs']} epochs, one thread; `fit`, which measures first, takes "
            f"{fit_seconds:.1f} s"
        ),
        "machine": common.machine(),
        "seconds": time.perf_counter() - started,
        "sides": rows,
    }
    common.write_json(options.json, content)


def _folder(name: str) -> tuple[str, Path]:
    found, path = benchmark_data.find_interactions(name)
    return found, path.parent


def _stream(folder: Path) -> tuple[pl.DataFrame, list[pl.DataFrame], pl.DataFrame, TextEmbeddings]:
    """Return the interactions of the beginning, the parts that come, the items and their text embeddings."""
    items = read_items(folder / "items.parquet")
    dataset = make_dataset(read_interactions(folder / "interactions.parquet"), items, benchmark_data.FILTERS)
    coded = dataset.interactions
    times = np.zeros(len(coded)) if coded.timestamps is None else np.nan_to_num(coded.timestamps, nan=0)
    order = np.argsort(times, kind="stable")
    table = pl.DataFrame(
        {
            "user_id": dataset.users.ids_of(coded.users[order]),
            "item_id": dataset.items.ids_of(coded.items[order]),
            "timestamp": np.arange(len(order)),
        }
    )
    size = int(len(table) * SHARE / N_PARTS)
    begin = len(table) - size * N_PARTS
    parts = [table[begin + size * number :][:size] for number in range(N_PARTS)]
    text = read_embeddings(folder / "embeddings-mpnet.parquet").aligned_to(dataset.items.ids)
    return table[:begin], parts, items, text


def _run(
    base: Recommender, first: pl.DataFrame, parts: list[pl.DataFrame], items: pl.DataFrame, text: TextEmbeddings
) -> dict[str, Side]:
    sides = {which: Side(base) for which in (REFIT, REFRESHED, ADDED, STALE)}
    known = first
    for number, part in enumerate(parts):
        is_known = part["user_id"].is_in(known["user_id"].implode()) & part["item_id"].is_in(known["item_id"].implode())
        for side in sides.values():
            side.gains.append(_gains(side.recommender, part.filter(is_known), known))
        if number == len(parts) - 1:
            break
        known = pl.concat([known, part])
        _update(sides, base, known, part, items, text)
        means = {which: round(float(np.concatenate(side.gains).mean()), 4) for which, side in sides.items()}
        common.say(f"part {number + 1}: {means}")
    return sides


def _update(
    sides: dict[str, Side],
    base: Recommender,
    known: pl.DataFrame,
    part: pl.DataFrame,
    items: pl.DataFrame,
    text: TextEmbeddings,
) -> None:
    def timed(which: str, made: Any) -> None:
        started = time.process_time()
        sides[which].recommender = made(sides[which].recommender)
        sides[which].seconds += time.process_time() - started

    new = items.filter(
        pl.col("item_id").is_in(part["item_id"].implode())
        & ~pl.col("item_id").is_in(known[: -len(part)]["item_id"].implode())
    )
    timed(REFIT, lambda _: _fitted_again(base, known, items, text))
    timed(REFRESHED, lambda old: refreshed(old, part, new, embeddings=text)[0])
    timed(ADDED, lambda old: (old.add_items(new, embeddings=text) if len(new) else old).add_interactions(part))


def _fitted_again(base: Recommender, known: pl.DataFrame, items: pl.DataFrame, text: TextEmbeddings) -> Recommender:
    """Return what `fit` would save: a model of everything, without measuring one before it."""
    report = base.report
    options = report["config"]["backbone_options"] | report["options"]
    config = FitConfig.make(**report["config"] | {"backbone_options": options, "epochs": report["refit"]["epochs"]})
    dataset = make_dataset(read_interactions(known), items)
    learned = learn(everything(dataset), text.aligned_to(dataset.items.ids), config)
    seen = to_csr(dataset.interactions, dataset.n_users, dataset.n_items)
    return Recommender(dataset.users, dataset.items, learned.model, seen)


def _gains(recommender: Recommender, part: pl.DataFrame, known: pl.DataFrame) -> Float64Array:
    """Return the gain (NDCG@20) of each interaction whose user and item are known; one that is not scored gains 0.

    What a user has by then is not ranked, whether or not the recommender was told.
    """
    users, items = recommender.users.codes(part["user_id"]), recommender.items.codes(part["item_id"])
    pairs = known.filter(
        pl.col("user_id").is_in(part["user_id"].implode()) & pl.col("item_id").is_in(recommender.items.ids.implode())
    )
    rows, columns = recommender.users.codes(pairs["user_id"]), recommender.items.codes(pairs["item_id"])
    ones, shape = np.ones((rows >= 0).sum(), dtype=np.float32), recommender.seen.shape
    seen = csr_array((ones, (rows[rows >= 0], columns[rows >= 0])), shape=shape)
    gains = np.zeros(len(part))
    for row in np.flatnonzero((users >= 0) & (items >= 0)):
        scores = recommender.model.scores(users[[row]], recommender.seen[[users[row]]])[0]
        own = scores[items[row]]
        scores[seen[[users[row]]].indices] = -np.inf
        rank = int((scores > own).sum())
        gains[row] = 1 / np.log2(rank + 2) if rank < 20 else 0.0
    return gains


def _row(which: str, side: Side, refit: Side) -> dict[str, Any]:
    gains, best = np.concatenate(side.gains), np.concatenate(refit.gains)
    difference = (gains - best) / best.mean()
    return {
        "side": which,
        "ndcg@20": float(gains.mean()),
        "change": float(difference.mean()),
        "error": float(difference.std(ddof=1) / np.sqrt(len(gains))),
        "n": len(gains),
        "seconds": side.seconds,
        "time": side.seconds / refit.seconds,
    }


if __name__ == "__main__":
    main()
