"""`compare`: runs the missing cells of a grid and writes all results."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from llminit.analysis import anisotropy
from llminit.comparison.cell import COLD_OPTIONS, held_out_of, split_rows
from llminit.comparison.cold_grid import check_cold, cold_cells
from llminit.comparison.cold_stage import missing_jobs, run_cold
from llminit.comparison.execute import Job, Workplace
from llminit.comparison.fingerprints import (
    cell_fingerprint,
    check_same,
    cold_fingerprint,
    merged,
)
from llminit.comparison.grid import check_grid, check_sizes, grid_cells, named_in, needs_text, without_order
from llminit.comparison.pool import Event, WorkerOptions, run_here, run_in_workers
from llminit.comparison.resources import chosen_workers, described_machine
from llminit.comparison.scoreboard import Scoreboard
from llminit.comparison.sources import default_sources, labelled_sources, load_texts
from llminit.config import CompareConfig, FitConfig
from llminit.data import Dataset, split_interactions
from llminit.errors import ArtefactError
from llminit.locks import exclusive_lock
from llminit.pipeline.cold_split import split_cold
from llminit.pipeline.inputs import load_dataset
from llminit.pipeline.parts import foreign_parts, is_importable, named_parts
from llminit.pipeline.prepared import PreparedData
from llminit.pipeline.provenance import data_fingerprint, text_fingerprint, versions
from llminit.progress import Reporter
from llminit.reporters import automatic_reporter
from llminit.results import Cell, CellKey, Failure, Header, ResultsFolder
from llminit.storage import replacing_file
from llminit.text import TextEmbeddings
from llminit.training import checked_device
from llminit.worker_processes import n_cores

WRITE_EVERY_SECONDS = 20.0


def compare(
    interactions: Any,
    items: Any = None,
    *,
    out: str | Path,
    embeddings: Any = None,
    encoders: Any = None,
    cache: str | Path | None = None,
    config: CompareConfig | None = None,
    workers: int | None = None,
    device: str = "cpu",
    reporter: Reporter | None = None,
    checkpoint_seconds: float = 60.0,
    command: str = "",
    **options: Any,
) -> ResultsFolder:
    """Run every backbone from every initialisation, and every baseline, for several seeds, and evaluate them.

    A finished cell is never run again: a call that was killed continues when it is repeated, and a call with more
    seeds, backbones or other parts of the grid adds the missing cells. A cell that fails is recorded, and the next call
    tries it again.

    Args:
        interactions: A path (CSV, TSV, Parquet, JSON Lines, RecBole atomic) or a pandas, polars or Arrow table.
        items: The same, for the item table; needed where item texts are encoded.
        out: Folder for the results.
        embeddings: Text embeddings: a path, a frame, or a pair of ids and an array of shape (n, D).
        encoders: Instead of `embeddings`, one or several encoders: SPECs, files of text embeddings, or objects; or a
            mapping from labels to them. By default `minilm`, where text is needed.
        cache: Folder where encoded texts are kept.
        config: All options at once, instead of `options`.
        workers: Processes that run cells side by side; 0 runs them in this process. None takes as many as the cores
            and the memory allow, and one on an accelerator.
        device: A torch device, "cpu" or "cuda".
        reporter: Receives progress; by default bars in a terminal or notebook, and elsewhere the logger `llminit`.
        checkpoint_seconds: Shortest time between two writes of a cell's state.
        command: The command line of this call, which the header records.
        options: Fields of `CompareConfig`, such as `backbones="lightgcn,sgl"`, `seeds=5`.

    Returns:
        The results folder, with the finished and the failed cells; its `new_failures` are those of this call.

    Raises:
        InputError: An input or an option cannot be used, or the folder holds results of other data or options.
        StorageError: `out` cannot be written, or another comparison is running there.
    """
    reporter = automatic_reporter(reporter)
    config = CompareConfig.from_options(config, named_parts(options))
    check_grid(config)
    check_cold(config)
    checked_device(device)
    sources = labelled_sources(embeddings, encoders) or (default_sources() if needs_text(config) else {})
    folder = ResultsFolder(out)
    folder.check_writable()
    dataset = load_dataset(interactions, items, config, reporter)
    config = config if dataset.interactions.timestamps is not None else without_order(config)
    # What cannot be divided is refused before encoding.
    split_interactions(dataset, config.splitting, config.first_seed)
    _check_cold_split(dataset, config)
    texts = load_texts(dataset, sources, config, None if cache is None else Path(cache), reporter)
    _note_missing(texts, reporter)
    data = PreparedData(dataset, texts, dataset.item_titles(), categories=dataset.item_categories())
    check_sizes(config, data.widths)
    with _reserved(folder):
        keys = grid_cells(config, data.widths)
        header = _extended(folder, _header(config, data, keys, command), reporter)
        # All lists of a folder are measured in the space of its first encoder; without it, diversity is left out.
        data = replace(data, measures_diversity=next(iter(header.encoders), None))
        jobs = [Job(key, cell_fingerprint(key, config, header)) for key in keys]
        cold_keys = cold_cells(config, keys, data.categories)
        cold_jobs = [Job(key, cold_fingerprint(key, config, header, data.categories)) for key in cold_keys]
        finished, waiting = _finished(folder, jobs), missing_jobs(folder, cold_jobs)
        _restore_splits(folder, finished, jobs, data, config, reporter)
        folder.write_header(header)
        workplace = Workplace(data, config, folder.path, device, checkpoint_seconds)
        _run(folder, finished, [job for job in jobs if job.key.name not in finished], workplace, workers, reporter)
        if cold_jobs:
            _run_cold(folder, cold_jobs, waiting, workplace, workers, reporter)
    return folder


def _check_cold_split(dataset: Dataset, config: CompareConfig) -> None:
    """Check, before any work, that items and users can be held out.

    Raises:
        DataError: They cannot.
    """
    shares = {name: getattr(config, name) for name in COLD_OPTIONS}
    split_cold(dataset, FitConfig(seed=config.first_seed, **shares))


def _reserved(folder: ResultsFolder) -> AbstractContextManager[None]:
    """Keep other comparisons from this folder while a block runs."""
    refusal = f"another `llminit compare` is running in {folder.path}; wait until it is done, or choose another folder"
    return exclusive_lock(folder.lock_path, refusal)


def _run(
    folder: ResultsFolder,
    finished: dict[str, Cell],
    jobs: Sequence[Job],
    workplace: Workplace,
    workers: int | None,
    reporter: Reporter,
) -> None:
    parts = foreign_parts(named_in(jobs))
    n_workers = chosen_workers(workers, jobs, workplace) if _can_be_shared(parts, workers, reporter) else 0
    board = Scoreboard(finished, jobs, max(1, n_workers), workplace.config.valid_metric)
    written = time.monotonic()
    try:
        with (
            reporter.task("cells", len(finished) + len(jobs), len(finished)) as task,
            _events(jobs, workplace, n_workers, parts, reporter) as events,
        ):
            task.advance(0, board.status(), board.seconds_left())
            for event in events:
                if event.kind == "note":
                    reporter.note(f"{event.job.key.name}: {event.text}")
                    continue
                _note(event, folder, finished, board, reporter)
                task.advance(0 if event.kind == "progress" else 1, board.status(), board.seconds_left())
                if time.monotonic() - written >= WRITE_EVERY_SECONDS:
                    folder.write_tidy(finished.values())
                    written = time.monotonic()
    finally:
        folder.remove_leftovers()
        folder.write_tidy(finished.values())


def _run_cold(
    folder: ResultsFolder,
    jobs: Sequence[Job],
    waiting: Sequence[Job],
    workplace: Workplace,
    workers: int | None,
    reporter: Reporter,
) -> None:
    def events(some: Sequence[Job], asked: int | None) -> AbstractContextManager[Iterator[Event]]:
        if asked == 0:
            return _events(some, workplace, 0, [], reporter)
        parts = foreign_parts(named_in(some))
        n_workers = chosen_workers(workers, some, workplace) if _can_be_shared(parts, workers, reporter) else 0
        return _events(some, workplace, n_workers, parts, reporter)

    run_cold(folder, jobs, waiting, events, reporter)


def _note(
    event: Event, folder: ResultsFolder, finished: dict[str, Cell], board: Scoreboard, reporter: Reporter
) -> None:
    key = event.job.key
    # A process that fails or is killed after it has written its cell has finished the cell.
    if event.kind == "done" or (event.kind == "failed" and folder.has_cell(key.name)):
        cell = finished[key.name] = folder.cell(key.name)
        board.finish(cell)
        reporter.note(board.line(cell))
    elif event.kind == "failed":
        folder.write_failure(Failure(key=key, error=event.text))
        board.fail(key)
        reporter.note(f"{key.name} failed: {event.text}")
    else:
        board.progress(key, event.text)


def _can_be_shared(parts: Sequence[tuple[str, str]], workers: int | None, reporter: Reporter) -> bool:
    """Return whether worker processes can import all parts; note it where they cannot and were not ruled out."""
    local = [source for option, source in parts if not is_importable(option, source)]
    if local and workers != 0:
        reporter.note(
            f"{local[0]} is defined where no other process can import it, so all cells run in this one; define it at "
            "the top of a module to use workers"
        )
    return not local


@contextmanager
def _events(
    jobs: Sequence[Job], workplace: Workplace, n_workers: int, parts: list[tuple[str, str]], reporter: Reporter
) -> Iterator[Iterator[Event]]:
    """Give the events of the running cells; the workers end with the block, for whatever reason it ends."""
    if not jobs or n_workers == 0:
        yield run_here(jobs, workplace, reporter)
        return
    work = workplace.out / ".work"
    try:
        workplace.data.save(work)
        with replacing_file(work / "config.json") as temporary:
            temporary.write_text(workplace.config.model_dump_json(), encoding="utf-8")
        threads = max(1, n_cores() // n_workers)
        options = WorkerOptions(
            str(work), str(workplace.out), workplace.device, threads, workplace.checkpoint_seconds, parts
        )
        events = run_in_workers(jobs, n_workers, options)
        try:
            yield events
        finally:
            events.close()  # type: ignore[attr-defined]
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _finished(folder: ResultsFolder, jobs: Sequence[Job]) -> dict[str, Cell]:
    """Return the finished cells by name, those of earlier and larger grids too.

    Raises:
        ArtefactError: A cell is damaged, or was made from other data or with other options.
    """
    cells = {cell.key.name: cell for cell in folder.cells()}
    folder.check_ranks(cells)
    for job in jobs:
        name = job.key.name
        if name in cells and cells[name].fingerprint != job.fingerprint:
            raise ArtefactError(
                f"the cell {name} was made from other data or with other options than those in {folder.path}; "
                f"delete cells/{name}.json, and the same command runs it again"
            )
    return cells


def _restore_splits(
    folder: ResultsFolder,
    finished: Mapping[str, Cell],
    jobs: Sequence[Job],
    data: PreparedData,
    config: CompareConfig,
    reporter: Reporter,
) -> None:
    """Read the existing splits, to notice damage before any work, and write again those that finished cells miss.

    Raises:
        ArtefactError: One is damaged.
    """
    needed = {cell.split: cell.key for cell in finished.values()}
    for name in dict.fromkeys([*needed, *(job.key.split_name for job in jobs)]):
        if folder.has_split(name):
            folder.split(name)
        elif name in needed:
            folder.write_split(name, split_rows(held_out_of(data.dataset, config, needed[name])))
            reporter.note(f"splits/{name}.parquet was missing and was written again")


def _header(config: CompareConfig, data: PreparedData, keys: Sequence[CellKey], command: str) -> Header:
    dataset = data.dataset
    return Header(
        config=config.model_dump(mode="json"),
        fingerprint=data_fingerprint(dataset),
        data={
            "n_users": dataset.n_users,
            "n_items": dataset.n_items,
            "n_interactions": dataset.n_interactions,
            "density": dataset.n_interactions / (dataset.n_users * dataset.n_items),
        },
        encoders={
            label: {
                "fingerprint": text_fingerprint(text),
                "width": text.width,
                "n_missing": text.n_missing,
                "anisotropy": anisotropy(text.values[~text.missing]),
            }
            for label, text in data.texts.items()
        },
        versions=versions(),
        machine=described_machine(),
        planned=[key.name for key in keys],
        command=command,
    )


def _note_missing(texts: Mapping[str, TextEmbeddings], reporter: Reporter) -> None:
    for label, text in texts.items():
        if text.n_missing:
            reporter.note(
                f"{text.n_missing} of {len(text)} items have no text embedding in {label} and get the mean of the "
                "others, which makes all methods that use text weaker"
            )


def _extended(folder: ResultsFolder, header: Header, reporter: Reporter) -> Header:
    """Return the header of the folder after this call: that of the call, merged with that of the folder.

    Raises:
        ConfigError: The folder holds results of other data or options.
    """
    if not folder.exists:
        return header
    old = folder.header
    check_same(old, header)
    _note_versions(old, header, reporter)
    return merged(old, header)


def _note_versions(old: Header, new: Header, reporter: Reporter) -> None:
    changed = [name for name, version in new.versions.items() if old.versions.get(name) != version]
    if changed:
        shown = ", ".join(f"{name} {old.versions.get(name)}, now {new.versions[name]}" for name in changed)
        reporter.note(f"the finished cells were made with other versions: {shown}; each cell records its versions")
