"""Choosing an engine, and giving it orders."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from llminit.errors import ConfigError
from llminit.progress import Reporter
from llminit.text.cache import CacheSection
from llminit.text.encoder import Encoder
from llminit.text.engines.here import is_endpoint, run_here
from llminit.text.engines.local import run_in_processes
from llminit.text.engines.opening import opening_of
from llminit.text.shard import Order, Outcome
from llminit.worker_processes import n_cores

EngineName = Literal["local", "ray"]


@dataclass(frozen=True)
class Engine:
    """What encodes; it decides how fast the vectors come, never what they are."""

    name: EngineName = "local"
    """`local`: this machine; `ray`: the Ray cluster that RAY_ADDRESS names or that runs here, else one started here."""
    workers: int | None = None
    """Processes, each with a model of its own. None: with `local` this process alone, with `ray` one a core or GPU."""
    threads: int | None = None
    """CPU threads of all workers together; None takes all cores."""

    def __post_init__(self) -> None:
        if self.name not in get_args(EngineName):
            raise ConfigError(f"unknown engine {self.name!r}; choose one of: {', '.join(get_args(EngineName))}")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"workers={self.workers} cannot encode; expected at least 1")

    @classmethod
    def of(cls, engine: "Engine | str") -> "Engine":
        """Return an engine, by its name too.

        Raises:
            ConfigError: There is none of that name.
        """
        return engine if isinstance(engine, cls) else cls(engine)  # type: ignore[arg-type]

    @property
    def is_this_process(self) -> bool:
        """Whether no other process is needed."""
        return self.name == "local" and (self.workers or 1) == 1

    def threads_each(self, workers: int) -> int:
        """Return the threads of one of several workers."""
        return max(1, (self.threads or n_cores()) // workers)


HERE = Engine()
"""This process alone."""


def run_orders(
    engine: Engine,
    orders: Iterator[Order],
    n_orders: int,
    encoder: Encoder,
    section: CacheSection,
    width: int | None,
    reporter: Reporter,
) -> Iterator[Outcome]:
    """Run orders and yield what became of each, in any order.

    Raises:
        ConfigError: The engine cannot run this encoder.
        MissingExtraError: The engine's package is not installed.
        LLMInitError: A worker has failed or died; the parts that were written stay.
    """
    if is_endpoint(encoder):
        if engine.name == "ray":
            raise ConfigError(
                f"{encoder.name} computes at its endpoint, expected an encoder that computes in the Ray cluster; use "
                "the engine local, whose one process keeps an endpoint busy, with concurrency=N for the encoder"
            )
        if (engine.workers or 1) > 1:
            reporter.note(
                f"{encoder.name} computes at its endpoint: workers plays no part, the option concurrency does"
            )
        yield from run_here(orders, encoder, section, width)
    elif engine.name == "ray":
        from llminit.text.engines.ray_cluster import run_on_ray

        yield from run_on_ray(orders, n_orders, opening_of(encoder), section, engine.workers)
    elif (engine.workers or 1) == 1:
        yield from run_here(orders, encoder, section, width)
    else:
        workers = min(engine.workers or 1, n_orders)
        yield from run_in_processes(orders, workers, engine.threads_each(workers), opening_of(encoder), section)
