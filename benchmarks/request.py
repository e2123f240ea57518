"""(i) One request to a recommender in memory: milliseconds, on one thread and on the threads used by default.

A synthetic recommender (random embeddings, about 20 seen items a user, a genre for each item) answers for one user or
one item at a time, each time for another one.

    python benchmarks/request.py --json benchmarks/results/request.json
"""

import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

import common
from llminit import Recommender
from llminit.data import Vocabulary
from llminit.models.serving import DotProduct

TARGET_MS = 3.0
PRODUCT = "the product alone"
N_GENRES = 20
N_EXCLUDED = 50
N_WARM_UP = 5
Request = Callable[[int], Any]


def main() -> None:
    """Time every kind of request, and print and write the table."""
    parser = common.options_parser(__doc__, repeats=200)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--embedding-size", type=int, default=128)
    parser.add_argument("--seen", type=int, default=20, help="items that a user has")
    options = parser.parse_args()
    recommender = synthetic(options.users, options.items, options.embedding_size, options.seen)
    rows = [
        timed(what, request, threads, options.repeats)
        for threads in (1, None)
        for what, request in [*requests(recommender).items(), product(recommender)]
    ]
    setting = (
        f"{options.users:,} users with {options.seen} seen items, {options.items:,} items, d={options.embedding_size}; "
        f"10 items a request, {options.repeats} requests"
    )
    content = {"benchmark": "request", "setting": setting, "machine": common.machine(), "rows": rows}
    show(content)
    common.write_json(options.json, content)


def synthetic(n_users: int, n_items: int, embedding_size: int, n_seen: int, seed: int = 0) -> Recommender:
    """Return a recommender of random embeddings, with text ids, titles and genres."""
    rng = np.random.default_rng(seed)
    users, items = (
        rng.standard_normal((n_rows, embedding_size)).astype(np.float32) / np.float32(np.sqrt(embedding_size))
        for n_rows in (n_users, n_items)
    )
    columns = np.sort(rng.integers(n_items, size=(n_users, n_seen)), axis=1).ravel()
    ones = np.ones(len(columns), dtype=np.float32)
    seen = csr_array((ones, columns, np.arange(0, len(columns) + 1, n_seen)), shape=(n_users, n_items))
    seen.sum_duplicates()
    table = pl.DataFrame(
        {
            "item_id": [f"i{code:07d}" for code in range(n_items)],
            "title": [f"Title of item {code}" for code in range(n_items)],
            "genre": [f"genre {code % N_GENRES}" for code in range(n_items)],
        }
    )
    user_ids = Vocabulary(pl.Series("id", [f"u{code:07d}" for code in range(n_users)]), "user")
    return Recommender(user_ids, Vocabulary(table["item_id"].alias("id")), DotProduct(users, items), seen, table)


def requests(recommender: Recommender) -> dict[str, Request]:
    """Return the kinds of requests; each takes a number that chooses the user or the item."""
    user_ids, item_ids = recommender.users.ids, recommender.items.ids

    def user(number: int) -> list[Any]:
        return [user_ids[number * 7919 % len(user_ids)]]

    excluded = item_ids.head(N_EXCLUDED).to_list()
    return {
        "recommend": lambda number: recommender.recommend(user(number)),
        "recommend, with exclude": lambda number: recommender.recommend(user(number), exclude=excluded),
        "recommend, with where": lambda number: recommender.recommend(user(number), where={"genre": "genre 3"}),
        "similar items": lambda number: recommender.similar_items(item_ids[number * 7919 % len(item_ids)]),
    }


def product(recommender: Recommender) -> tuple[str, Request]:
    """Return what every exact request does at least: a product of all item embeddings with one vector."""
    embeddings = recommender.item_embeddings()["embedding"].to_numpy()
    return PRODUCT, lambda number: embeddings @ embeddings[number]


def timed(what: str, request: Request, threads: int | None, repeats: int) -> dict[str, Any]:
    """Time a kind of request after a few that are not counted."""
    milliseconds, before, cpu = [], common.core_seconds(), time.process_time()
    with nullcontext() if threads is None else threadpool_limits(threads):
        for number in range(-N_WARM_UP, repeats):
            started = time.perf_counter()
            request(number)
            if number >= 0:
                milliseconds.append(1000 * (time.perf_counter() - started))
    cpu = time.process_time() - cpu
    median, slowest = statistics.median(milliseconds), float(np.quantile(milliseconds, 0.99))
    common.say(f"{what}, {threads or 'default'} threads: {median:.2f} ms")
    return {
        "what": what,
        "threads": threads,
        "median_ms": median,
        "p99_ms": slowest,
        "cpu_ms": 1000 * cpu / (repeats + N_WARM_UP),
        "target_ms": None if what == PRODUCT else TARGET_MS,
        "notes": {common.OTHERS: common.others_share(before, common.core_seconds(), cpu)},
    }


def show(content: dict[str, Any]) -> None:
    """Print the table."""
    print(f"\n{content['setting']}\n{content['machine']}")
    print(f"{'request':28}{'threads':>9}{'median ms':>11}{'99% within, ms':>16}{'CPU ms':>9}")
    for row in content["rows"]:
        threads = row["threads"] or "default"
        print(f"{row['what']:28}{threads:>9}{row['median_ms']:11.2f}{row['p99_ms']:16.2f}{row['cpu_ms']:9.2f}")


if __name__ == "__main__":
    main()
