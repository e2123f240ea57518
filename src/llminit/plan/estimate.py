"""The plan: memory of a rank, time and traffic of a step and of an epoch, and what comes before training.

Training is that of `softmax`: rows of users and items with Adam's two moments and the best epoch's copy, in float32;
interactions as codes. What is counted is what `llminit.training` holds at its peak.
"""

import math
from typing import NamedTuple

from llminit.data.out_of_core.room import bytes_in_memory, bytes_on_disk
from llminit.distributed.cost import EXCHANGES, StepSizes, bytes_per_step
from llminit.plan.constants import Constants
from llminit.plan.problem import Problem

_TABLE_COPIES = 4
"""The rows, Adam's two moments, and the rows of the best epoch."""
_COPIES_EVALUATING = 3
"""The rows at length 1, what serves, and the copy of it that is returned."""
_COPIES_COLLECTED = 6
"""The same on rank 0 of several, which collects the table for it."""
_BYTES_AN_INTERACTION = 72
"""The caller's codes (16), the graph's edges (16) and both directions of it (16), and an epoch's order (24)."""
_BYTES_A_NODE = 20
"""Where a node's neighbours begin (8), its place in a step (4), and its name or code (8)."""
_ANCHORS = 128
"""Pairs whose gradients of the columns are kept apart; there are two such parts at least."""
_ID_BYTES = 8
_ROWS_AT_ONCE = 2_000_000


class Memory(NamedTuple):
    """Bytes of a rank at its peak: its part of the tables, all interactions, a step, and the process itself.

    Attributes:
        tables: The rank's part of the rows, Adam's moments and the best epoch's copy.
        interactions: The graph and an epoch's order; every rank has all of it.
        step: What a step writes to.
        base: The process before it has any data.
        evaluating: What rank 0 needs beside, while it propagates and ranks the whole table.
    """

    tables: float
    interactions: float
    step: float
    base: float
    evaluating: float

    @property
    def total(self) -> float:
        """All of it: what rank 0 needs."""
        return sum(self)

    @property
    def of_others(self) -> float:
        """What every other rank needs."""
        return self.total - self.evaluating


class Step(NamedTuple):
    """One step of one rank: seconds and bytes."""

    compute: float
    communication: float
    sent_bytes: float

    @property
    def seconds(self) -> float:
        """Both, one after the other: a step changes the rows that the next one reads."""
        return self.compute + self.communication


class Epoch(NamedTuple):
    """One epoch of all ranks: steps, seconds, and bytes that a rank sends."""

    steps: int
    seconds: float
    sent_bytes: float


class Before(NamedTuple):
    """What comes before training, on one machine but for the encoding, which all ranks share."""

    tables_seconds: float
    tables_disk_bytes: float
    tables_memory_bytes: float
    encoding_seconds: float
    embeddings_disk_bytes: float
    statistics_seconds: float


class Plan(NamedTuple):
    """All of it, and what it was computed from."""

    problem: Problem
    constants: Constants
    memory: Memory
    step: Step
    epoch: Epoch
    before: Before

    @property
    def training_seconds(self) -> float:
        """Seconds of all epochs."""
        return self.epoch.seconds * self.problem.epochs

    def as_json(self) -> dict[str, object]:
        """Return all figures as JSON values: bytes and seconds."""
        return {
            "problem": self.problem.model_dump(),
            "constants": self.constants.model_dump(),
            "memory_per_rank": {
                **self.memory._asdict(),
                "total": self.memory.total,
                "of_others": self.memory.of_others,
            },
            "step": {**self.step._asdict(), "seconds": self.step.seconds},
            "epoch": self.epoch._asdict(),
            "training_seconds": self.training_seconds,
            "before": self.before._asdict(),
        }


def plan(problem: Problem, constants: Constants) -> Plan:
    """Return what a problem takes on machines of these constants."""
    step = _step(problem, constants)
    return Plan(
        problem,
        constants,
        _memory(problem, constants),
        step,
        _epoch(problem, constants, step),
        _before(problem, constants),
    )


def _memory(problem: Problem, constants: Constants) -> Memory:
    nodes = problem.users + problem.items
    copies = _COPIES_EVALUATING if problem.ranks == 1 else _COPIES_COLLECTED
    pairs, columns = _pairs_and_columns(problem)
    shares = max(min(pairs, 2), math.ceil(pairs / _ANCHORS)) * columns * problem.dim
    return Memory(
        tables=4 * problem.dim * _TABLE_COPIES * nodes / problem.ranks,
        interactions=_BYTES_AN_INTERACTION * problem.interactions + _BYTES_A_NODE * nodes,
        step=4 * (pairs * columns + shares + (2 * pairs + columns) * problem.dim),
        base=constants.base_bytes,
        evaluating=4 * problem.dim * copies * nodes,
    )


def _step(problem: Problem, constants: Constants) -> Step:
    sent = bytes_a_step(problem)
    rounds = EXCHANGES * problem.round_ms / 1000 if problem.ranks > 1 else 0.0
    return Step(
        compute_seconds(*_pairs_and_columns(problem), problem.dim, constants),
        sent / (problem.bandwidth * 1e9) + rounds,
        sent,
    )


def bytes_a_step(problem: Problem) -> float:
    """Return the bytes that a rank sends to others in a step."""
    sizes = StepSizes(
        problem.batch,
        problem.dim,
        problem.ranks,
        problem.negatives,
        n_users=problem.users,
        n_items=problem.items,
    )
    return bytes_per_step(sizes)


def compute_seconds(pairs: float, columns: float, dim: int, constants: Constants) -> float:
    """Return what the kernels of a step take; see `Constants`."""
    on_pairs = pairs * columns * (dim * constants.product + constants.logit)
    return on_pairs + (pairs + columns) * dim * constants.row_value + constants.step


def _epoch(problem: Problem, constants: Constants, step: Step) -> Epoch:
    steps = math.ceil(problem.interactions / problem.batch)
    drawing = constants.interaction * problem.interactions
    return Epoch(steps, steps * step.seconds + drawing, steps * step.sent_bytes)


def _before(problem: Problem, constants: Constants) -> Before:
    embeddings = 4 * problem.items * problem.text_width
    return Before(
        tables_seconds=problem.interactions / constants.table_rows_a_second,
        tables_disk_bytes=bytes_on_disk(problem.interactions, _ID_BYTES),
        tables_memory_bytes=bytes_in_memory(min(_ROWS_AT_ONCE, problem.interactions), _ID_BYTES)
        + 2 * _ID_BYTES * (problem.users + problem.items),
        encoding_seconds=problem.items / constants.texts_a_second / problem.ranks,
        embeddings_disk_bytes=embeddings,
        statistics_seconds=embeddings / constants.statistics_bytes_a_second,
    )


def _pairs_and_columns(problem: Problem) -> tuple[float, float]:
    pairs = problem.batch / problem.ranks
    return pairs, pairs if problem.negatives == "rank" else problem.batch
