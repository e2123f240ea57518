"""`prepare_interactions`: a table of any size -> filtered, coded shards, in bounded memory; killed, it continues."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from llminit.arrays import AnyArray, BoolArray
from llminit.config import ColumnNames, FilterConfig
from llminit.data.out_of_core.appearance import ItemCodes
from llminit.data.out_of_core.core import core_items, largest_core
from llminit.data.out_of_core.folder import MANIFEST, PreparedInteractions, is_prepared, open_prepared
from llminit.data.out_of_core.inputs import Reader, fingerprint_of, input_paths, opened, rows_of
from llminit.data.out_of_core.parts import part_files, write_part
from llminit.data.out_of_core.room import check_room
from llminit.data.out_of_core.runs import read_ahead, read_new_items, run_files, user_bounds, write_run
from llminit.data.out_of_core.shards import write_result
from llminit.data.out_of_core.work import WorkFolder, mapped, write_array
from llminit.errors import ConfigError, DataError
from llminit.locks import exclusive_lock
from llminit.out_paths import check_out_folder
from llminit.progress import SILENT, Reporter
from llminit.storage import check_target_folder, remove
from llminit.worker_processes import n_cores

ROWS_AT_ONCE = 2_000_000
_PART_ROWS = 1
"""A range of users has about so many times the rows that are read at once."""
_MOST_ITEMS = 2**31 - 1


def prepare_interactions(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    columns: ColumnNames | None = None,
    filters: FilterConfig | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
    reporter: Reporter = SILENT,
) -> PreparedInteractions:
    """Filter and code a table of interactions that need not fit in memory.

    The result is that of `make_dataset` on all files as one table, exactly. Memory holds the ids of users and items and
    some rows, never all. A killed call, made again, continues after the last step that was finished; a finished one
    returns what it made.

    Args:
        sources: Files of one table, or folders of them: Parquet, CSV or TSV, also packed; other formats are read one
            file at a time.
        out: Folder for the result.
        columns: Names of the columns.
        filters: The filters; by default only repeated interactions are removed.
        rows_at_once: How many rows are read at once; lower it where memory is short.
        reporter: Receives progress.

    Raises:
        DataError: A file cannot be used, or the filters leave nothing.
        ConfigError: The memory is too small, or there is something else at `out`.
        StorageError: The disk has too little room, or another call prepares the same folder.
    """
    columns, filters, out = columns or ColumnNames(), filters or FilterConfig(), Path(out)
    if rows_at_once < 1:
        raise ConfigError(f"rows_at_once={rows_at_once}; expected at least 1")
    paths = input_paths([sources] if isinstance(sources, str | Path) else sources)
    check_out_folder(out)
    check_target_folder(out)
    request = {
        "inputs": fingerprint_of(paths),
        "columns": columns.model_dump(),
        "filters": filters.model_dump(include=set(FilterConfig.model_fields)),
        "rows_at_once": rows_at_once,
    }
    work = WorkFolder.beside(out)
    refusal = f"{out} is being prepared by another process; wait until it is done, or choose another path"
    with exclusive_lock(work.path.with_suffix(".lock"), refusal):
        finished = _finished(out, request, reporter)
        if finished is None:
            if work.begin(request):
                reporter.note("continuing what an earlier call has left")
            result = _Preparation(work, columns, filters, rows_at_once, reporter).result(paths, out, request)
            remove(out)
            result.rename(out.resolve())
        work.remove()
    return open_prepared(out)


def _finished(out: Path, request: Mapping[str, Any], reporter: Reporter) -> PreparedInteractions | None:
    """Return what an equal call left; None where there is nothing, or something damaged of the same request."""
    if not out.exists() or not any(out.iterdir()):
        return None
    if not is_prepared(out):
        raise ConfigError(f"{out} holds other things, expected nothing or prepared interactions; choose another path")
    try:
        there = open_prepared(out)
        if there.manifest["request"] == dict(request):
            there.check()
            reporter.note(f"{out} was already prepared from the same files with the same options")
            return there
    except DataError as error:
        reporter.note(f"{error}. It is made anew")
        return None
    raise ConfigError(
        f"{out} was prepared from other files or with other options; choose another path, or remove the folder"
    )


@dataclass(frozen=True)
class _Preparation:
    """One preparation.

    Attributes:
        work: Where unfinished work is kept.
        columns: Names of the columns.
        filters: The filters.
        rows_at_once: How many rows are read at once.
        reporter: Receives progress.
    """

    work: WorkFolder
    columns: ColumnNames
    filters: FilterConfig
    rows_at_once: int
    reporter: Reporter

    def result(self, paths: Sequence[Path], out: Path, request: Mapping[str, Any]) -> Path:
        """Take all steps that are not finished, and return the folder of the result."""
        parts_mark = self.work.done("parts")
        if parts_mark is None:
            runs = self._coded(paths, out)
            parts_mark = self._parts(runs)
            for step in runs:
                for name in run_files(step):
                    remove(self.work.path / name)
        parts = [self.work.path / f"part-{part:05}" for part in range(parts_mark["n_parts"])]
        items = pl.read_ipc(self.work.path / "items.arrow")["id"]
        kept = self._core(parts, len(items), parts_mark["n_interactions"])
        self.reporter.note("writing the shards")
        return write_result(self.work, parts, items, self.filters, kept, parts_mark["time"], request)

    def _coded(self, paths: Sequence[Path], out: Path) -> dict[str, dict[str, Any]]:
        """Take the first pass, and return what its runs say of themselves, by their names."""
        files = opened(paths, self.columns, self.work.path)
        reader = Reader(files, self.columns)
        self._check_rating(reader)
        check_room(reader, files, out, self.rows_at_once)
        batches = rows_of(files, self.rows_at_once)
        n_rows = sum(file.n_rows for file in files)
        bounds = self._bounds(reader, files, -(-n_rows // (_PART_ROWS * self.rows_at_once)))
        steps = [f"run-{number:05}" for number in range(len(batches))]
        n_done = next((n for n, step in enumerate(steps) if self.work.done(step) is None), len(batches))
        marks = {step: self.work.done(step) or {} for step in steps[:n_done]}
        items = ItemCodes()
        for step in marks:
            items.coded(read_new_items(self.work, step))
        with self.reporter.task("coding rows", len(batches), n_done) as task:
            for step, table in zip(steps[n_done:], read_ahead(reader, batches[n_done:]), strict=True):
                facts = write_run(self.work, step, table, items, bounds, self.filters.min_rating)
                marks[step] = self.work.finish(step, run_files(step), **facts)
                task.advance(1, f"{len(items)} items")
        self._check_kept(marks)
        self._rank(items)
        return marks

    def _check_rating(self, reader: Reader) -> None:
        if self.filters.min_rating is not None and not reader.has("rating"):
            raise DataError(
                f"found no ratings, but min_rating={self.filters.min_rating:g} needs them; "
                "name the rating column (rating_column=NAME) or leave the minimum out"
            )

    def _check_kept(self, marks: Mapping[str, dict[str, Any]]) -> None:
        if any(mark["rows"] for mark in marks.values()):
            return
        highest = max((mark["highest"] for mark in marks.values() if mark["highest"] is not None), default=None)
        raise DataError(
            f"the minimum rating of {self.filters.min_rating:g} removes all "
            f"{sum(mark['read'] for mark in marks.values())} interactions; the highest rating is "
            f"{'missing' if highest is None else format(highest, 'g')}: lower the minimum"
        )

    def _bounds(self, reader: Reader, files: Any, n_parts: int) -> pl.Series:
        if self.work.done("bounds") is None:
            bounds = user_bounds(reader, files, n_parts)
            with self.work.new_file("bounds.arrow") as temporary:
                bounds.to_frame().write_ipc(temporary, compression="uncompressed")
            self.work.finish("bounds", ("bounds.arrow",))
        return pl.read_ipc(self.work.path / "bounds.arrow")["user_id"]

    def _rank(self, items: ItemCodes) -> None:
        """Write the items' ids, ascending, and the place in that order of each item in order of appearance."""
        if self.work.done("items") is not None:
            return
        if len(items) > _MOST_ITEMS:
            raise DataError(f"found {len(items)} items; expected at most {_MOST_ITEMS}: filter the table first")
        ids = items.ids
        order = ids.arg_sort()
        ranks = np.empty(len(items), dtype=np.uint32)
        ranks[order.to_numpy()] = np.arange(len(items), dtype=np.uint32)
        with self.work.new_file("items.arrow") as temporary:
            ids.gather(order).to_frame().write_ipc(temporary, compression="uncompressed")
        with self.work.new_file("ranks.npy") as temporary:
            write_array(temporary, ranks)
        self.work.finish("items", ("items.arrow", "ranks.npy"))

    def _parts(self, runs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Take the second pass, and return what all parts together say of themselves."""
        n_parts = len(next(iter(runs.values()))["starts"]) - 1
        has_times = _time_kind(runs) is not None
        ranks: AnyArray = mapped(self.work.path / "ranks.npy")
        marks = [self.work.done(f"part-{part:05}-done") for part in range(n_parts)]
        n_done = sum(mark is not None for mark in marks)

        def work_on(part: int) -> dict[str, Any]:
            step = f"part-{part:05}"
            facts = write_part(self.work, step, runs, part, ranks)
            return self.work.finish(f"{step}-done", part_files(step, has_times=has_times), **facts)

        todo = [part for part, mark in enumerate(marks) if mark is None]
        with self.reporter.task("sorting interactions", n_parts, n_done) as task, ThreadPoolExecutor(n_cores()) as pool:
            for part, mark in zip(todo, pool.map(work_on, todo), strict=True):
                marks[part] = mark
                task.advance()
        n_interactions = sum(mark["n_interactions"] for mark in marks if mark is not None)
        return self.work.finish("parts", n_parts=n_parts, n_interactions=n_interactions, time=_time_kind(runs))

    def _core(self, parts: Sequence[Path], n_items: int, n_interactions: int) -> BoolArray | None:
        k = self.filters.k_core
        if k <= 1:
            return None
        self.reporter.note(f"finding the {k}-core")
        kept, n_kept = core_items(parts, n_items, k, self.work)
        if not n_kept:
            raise DataError(
                f"the {k}-core removes all {n_interactions} interactions; the largest k that leaves any is "
                f"{largest_core(parts, n_items, k - 1)}: lower k_core, or filter less before it"
            )
        return kept


def _time_kind(runs: Mapping[str, dict[str, Any]]) -> str | None:
    """Return the kind of all times; a run in which all are missing has whole numbers."""
    kinds = {mark["time"] for mark in runs.values()}
    return None if None in kinds else ("float" if "float" in kinds else "int")


__all__ = ["MANIFEST", "ROWS_AT_ONCE", "prepare_interactions"]
