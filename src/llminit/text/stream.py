"""Any number of texts through the cache, in bounded memory: of a text, its hash and the place of its vector stay."""

import shutil
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from llminit.arrays import BoolArray, FloatArray
from llminit.errors import LLMInitError, StorageError
from llminit.progress import Reporter
from llminit.text.cache import CacheSection
from llminit.text.catalogue import Catalogue, TextBatches
from llminit.text.encoder import Encoder
from llminit.text.engines import Engine, run_orders
from llminit.text.plan import Plan, Shard, make_plan
from llminit.text.shard import Order, another_width

Writes = tuple[tuple[Path, int], ...]

POLL_SECONDS = 0.3
MAX_IDLE_ROUNDS = 3
FLOAT_BYTES = 4
HASH_AND_FILE_BYTES = 20
"""Of each text, beside its vector."""
SPARE_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors that are whole and checked, in the cache.

    Attributes:
        catalogue: The texts.
        plan: Where each vector is.
        section: The cache.
        width: Columns, D.
    """

    catalogue: Catalogue
    plan: Plan
    section: CacheSection
    width: int

    def __len__(self) -> int:
        return len(self.catalogue.distinct_of)

    def rows(self, start: int, stop: int) -> FloatArray:
        """Return the vectors of some texts, float32 of shape (stop - start, D)."""
        distinct = self.catalogue.distinct_of[start:stop]
        parts, rows = self.plan.part_of[distinct], self.plan.row_of[distinct].astype(np.int64)
        values = np.empty((len(distinct), self.width), dtype=np.float32)
        order = np.argsort(parts, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(parts[order])) + 1):
            if len(group):
                values[group] = self.section.rows(self.plan.parts[parts[group[0]]], rows[group])
        return values


def encode_stream(
    catalogue: Catalogue,
    texts: TextBatches,
    encoder: Encoder,
    section: CacheSection,
    engine: Engine,
    reporter: Reporter,
    shard_size: int,
    writes: Writes = (),
) -> Encoded:
    """Encode texts that the cache does not have, until all of them are there and were read back whole.

    Args:
        catalogue: The texts after they were read once, at least one.
        texts: They are read once more, unless the cache has all of them.
        encoder: Makes the vectors.
        section: The cache of this encoder.
        engine: What encodes.
        reporter: Receives progress, and notes about damaged parts and about waiting.
        shard_size: Texts in a shard.
        writes: Files of vectors that are to be written afterwards, which need space too: their folders and rows.

    Raises:
        DataError: The texts change while they are read.
        EmbeddingError: The encoder gave vectors that cannot be used.
        StorageError: The cache cannot be written, or its disk is too small.
        LLMInitError: A worker or the cluster has failed.
    """
    plan = make_plan(catalogue, section, shard_size, reporter)
    checked = _Checked(section, reporter)
    idle_rounds = 0
    while True:
        missing = checked.missing(catalogue, plan)
        if missing is None:
            plan = make_plan(catalogue, section, shard_size, reporter)
            continue
        if not missing:
            return Encoded(catalogue, plan, section, checked.width)
        run = _Round(catalogue, plan, missing, texts, section, checked.known_width, writes)
        run.encode(encoder, engine, reporter)
        idle_rounds = 0 if run.has_progressed else idle_rounds + 1
        if idle_rounds >= MAX_IDLE_ROUNDS and not run.is_waiting:
            raise LLMInitError(
                f"{len(missing)} shards are not in {section.folder} after they were encoded; check that all workers "
                "see this folder, then run the same command again"
            )
        if run.is_waiting and not run.has_progressed:
            if idle_rounds == 1:
                reporter.note("another process encodes the same texts; waiting for it")
            time.sleep(POLL_SECONDS)


class _Checked:
    """Which parts were read as a whole, and compared with their checksums, in this run."""

    def __init__(self, section: CacheSection, reporter: Reporter) -> None:
        self._section, self._reporter = section, reporter
        self._widths: dict[str, int] = {}

    @property
    def width(self) -> int:
        """The width of all parts."""
        return next(iter(self._widths.values()))

    @property
    def known_width(self) -> int | None:
        """The width, or None before any part was read."""
        return next(iter(self._widths.values()), None)

    def missing(self, catalogue: Catalogue, plan: Plan) -> list[int] | None:
        """Read the parts of a plan that were not read yet.

        Returns:
            The indices of the shards whose parts are not there; None if an earlier part is lost, so that the plan does
            not hold any more.
        """
        used = np.bincount(plan.part_of, minlength=len(plan.parts)) > 0
        missing = []
        for index in np.flatnonzero(used).tolist():
            name = plan.parts[index]
            if name in self._widths:
                continue
            shard = plan.shards[index - plan.n_earlier] if index >= plan.n_earlier else None
            if self._is_whole(name, shard, catalogue):
                continue
            if shard is None:
                return None
            missing.append(index - plan.n_earlier)
        return missing

    def _is_whole(self, name: str, shard: Shard | None, catalogue: Catalogue) -> bool:
        part = self._section.read(name, self._reporter)
        if part is None:
            return False
        if shard is not None and not np.array_equal(part.hashes, catalogue.hashes[shard.texts]):
            self._section.discard(name, "it holds other texts than its name says", self._reporter)
            return False
        width = part.embeddings.shape[1]
        if self._widths and width != self.width:
            self._section.discard(name, f"its width is {width}, that of the others {self.width}", self._reporter)
            return False
        self._widths[name] = width
        return True


class _Round:
    """One pass over the texts, in which the missing shards are encoded."""

    def __init__(
        self,
        catalogue: Catalogue,
        plan: Plan,
        missing: list[int],
        texts: TextBatches,
        section: CacheSection,
        width: int | None,
        writes: Writes,
    ) -> None:
        self._catalogue, self._plan, self._missing, self._texts = catalogue, plan, missing, texts
        self._section, self._width, self._writes = section, width, writes
        self._n_texts = sum(len(plan.shards[index].texts) for index in missing)
        self.has_progressed, self.is_waiting = False, False

    def encode(self, encoder: Encoder, engine: Engine, reporter: Reporter) -> None:
        """Give the orders to the engine and follow what becomes of them."""
        expected = self._width or _stated_width(encoder)
        if expected is not None:
            self._check_disk(expected, self._n_texts)
        n_left = self._n_texts
        outcomes = run_orders(engine, self._orders(), len(self._missing), encoder, self._section, self._width, reporter)
        with reporter.task(f"encoding with {encoder.name}", self._n_texts) as task:
            for outcome in outcomes:
                if outcome.state == "busy":
                    self.is_waiting = True
                    continue
                self.has_progressed = True
                n_left -= outcome.n_texts
                if self._width not in (None, outcome.width or self._width):
                    raise another_width(encoder.name, outcome.width or 0, self._width or 0)
                if expected is None and outcome.width is not None:
                    expected = outcome.width
                    self._check_disk(expected, n_left)
                task.advance(outcome.n_texts)

    def _orders(self) -> Iterator[Order]:
        """Collect the texts of the missing shards while the table goes by; at most a window of them is held."""
        plan, n_earlier = self._plan, self._plan.n_earlier
        waiting = deque(self._missing)
        wanted = np.zeros(len(plan.parts), dtype=np.bool_)
        wanted[[n_earlier + index for index in self._missing]] = True
        held: dict[int, dict[int, str]] = defaultdict(dict)
        for row, text in self._first_times(wanted):
            held[int(plan.part_of[row]) - n_earlier][int(plan.row_of[row])] = text
            while waiting and len(held[waiting[0]]) == len((shard := plan.shards[waiting[0]]).texts):
                texts = held.pop(waiting.popleft())
                yield Order(shard.key, [texts[number] for number in range(len(texts))])

    def _first_times(self, wanted: BoolArray) -> Iterator[tuple[int, str]]:
        """Yield each distinct text of some parts, with its row in the catalogue, when it comes for the first time."""
        seen = np.zeros(len(self._plan.part_of), dtype=np.bool_)
        start = 0
        for batch in self._texts():
            distinct = self._catalogue.distinct_of[start : start + len(batch)]
            start += len(batch)
            rows, first = np.unique(distinct, return_index=True)
            is_new = wanted[self._plan.part_of[rows]] & ~seen[rows]
            seen[rows] = True
            yield from ((int(row), batch[position]) for row, position in zip(rows[is_new], first[is_new], strict=True))

    def _check_disk(self, width: int, n_texts: int) -> None:
        """Check that what is still to be written has room on its disks.

        Raises:
            StorageError: It has not.
        """
        row_bytes = width * FLOAT_BYTES + HASH_AND_FILE_BYTES
        needed: dict[int, int] = defaultdict(lambda: SPARE_BYTES)
        for folder, n_rows in ((self._section.folder, n_texts), *self._writes):
            there = next(path for path in (folder, *folder.parents) if path.exists())
            device = there.stat().st_dev
            needed[device] += n_rows * row_bytes
            free = shutil.disk_usage(there).free
            if needed[device] > free:
                raise StorageError(
                    f"cannot write the vectors of {n_texts} texts, {width} columns each: they need "
                    f"{needed[device] / 1e9:.1f} GB on the disk of {folder}, where {free / 1e9:.1f} GB are free. Free "
                    "some space or choose another folder, then run the same command again"
                )


def _stated_width(encoder: Encoder) -> int | None:
    """Return the width that an encoder states before it has encoded anything, if it does."""
    stated = getattr(encoder, "width", None)
    return stated if isinstance(stated, int) else None
