"""The engine of one process: shard after shard, or several at a time where an endpoint does the work."""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice

from llminit.text.cache import CacheSection
from llminit.text.encoder import Encoder
from llminit.text.shard import Order, Outcome, encode_shard


def is_endpoint(encoder: Encoder) -> bool:
    """Return whether an encoder computes elsewhere and says how many texts it wants on their way at a time."""
    return getattr(encoder, "texts_in_flight", None) is not None


def run_here(orders: Iterator[Order], encoder: Encoder, section: CacheSection, width: int | None) -> Iterator[Outcome]:
    """Encode shards in this process."""
    if is_endpoint(encoder):
        yield from _several(orders, encoder, section, width)
        return
    for order in orders:
        outcome = encode_shard(order, encoder, section, width)
        width = width or outcome.width
        yield outcome


def _several(orders: Iterator[Order], encoder: Encoder, section: CacheSection, width: int | None) -> Iterator[Outcome]:
    """Encode several shards at a time, so that requests are on their way while a shard ends and the next begins."""
    texts_in_flight: int = encoder.texts_in_flight  # type: ignore[attr-defined]
    first = next(orders, None)
    if first is None:
        return
    # The width of the others is compared with that of the first.
    outcome = encode_shard(first, encoder, section, width)
    width = width or outcome.width
    yield outcome
    n_threads = 1 + -(-texts_in_flight // len(first.texts))
    running: set[Future[Outcome]] = set()
    with ThreadPoolExecutor(n_threads) as pool:
        try:
            while True:
                for order in islice(orders, n_threads - len(running)):
                    running.add(pool.submit(encode_shard, order, encoder, section, width))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            for future in running:
                future.cancel()
