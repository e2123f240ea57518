"""The model that answers now, and how it changes: by what the server is told, or by a new folder.

Questions read one attribute and go on with the model that it held, whatever happens meanwhile. Changes are made one
after the other in a thread of their own: applied to a copy, stored, and only then put in place and acknowledged.
"""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from llminit.checksums import sha256_of_file
from llminit.errors import ArtefactError, LLMInitError, StorageError
from llminit.recommender import Recommender
from llminit.serving.ann import Index
from llminit.serving.batching import Batcher
from llminit.serving.changes import Change, ExposureSet, ItemsAdded, StoredText, recipe_of
from llminit.serving.encoding import Encoders
from llminit.serving.logs import Log
from llminit.serving.metrics import Metrics
from llminit.serving.model import Model
from llminit.serving.problems import Problem
from llminit.serving.replay import replayed
from llminit.serving.settings import ServeSettings
from llminit.serving.store import Store

_LOAD_ATTEMPTS = 5
_MAX_CHANGES = 256


class Live:
    """The model of a server, with what the server was told.

    Args:
        folder: A saved recommender.
        store: Where changes are stored; None refuses them.
        encoders: Open the encoder.
        settings: The limits.
        metrics: Counts.
        log: Told what happens.

    Raises:
        ArtefactError: The folder cannot be loaded.
    """

    def __init__(
        self, folder: Path, store: Store | None, encoders: Encoders, settings: ServeSettings, metrics: Metrics, log: Log
    ) -> None:
        self.folder, self.store, self.encoders = folder, store, encoders
        self._settings, self._metrics, self._log = settings, metrics, log
        self.reload_error: str | None = None
        if store is not None and settings.exposure is not None:
            store.write([ExposureSet(settings.exposure)])
        self.model = self._replayed(*load(folder))
        self._writer = ThreadPoolExecutor(1, "llminit-writer")
        self._indexer = ThreadPoolExecutor(1, "llminit-indexer")
        self.search: dict[str, Any] = {"kind": "exact"}
        self._start_index(self.model)
        self._changes: Batcher[Change, Model] = Batcher(
            self._commit, self._writer, window=0, max_batch=_MAX_CHANGES, max_waiting=settings.max_waiting
        )

    async def change(self, change: Change) -> Model:
        """Make a change; when this returns it is stored and the model that is returned knows it.

        Raises:
            Problem: The server keeps no state, or too many changes wait.
            LLMInitError: It cannot be made, or not be stored; nothing has changed.
        """
        if self.store is None:
            raise Problem(
                403, "this server keeps no state, so it takes no changes; start it with one, or ask the one that has it"
            )
        return await self._changes.ask(change)

    async def reload(self) -> Model:
        """Load the folder again and put it in place; questions are answered meanwhile.

        Raises:
            ArtefactError: It cannot be loaded; the model before goes on.
        """
        loop = asyncio.get_running_loop()
        try:
            loaded = await loop.run_in_executor(None, load, self.folder)
            model = await loop.run_in_executor(self._writer, self._put_in_place, *loaded)
        except Exception as error:
            self.reload_error = str(error)
            self._metrics.reloads.add(result="failed")
            self._log("error", "reload failed", folder=str(self.folder), error=str(error))
            raise
        self.reload_error = None
        self._start_index(model)
        self._metrics.reloads.add(result="done")
        self._log("info", "reloaded", folder=str(self.folder), model=model.version)
        return model

    async def close(self) -> None:
        """Wait until all changes are made, and close the store."""
        await self._changes.close()
        self._writer.shutdown()
        self._indexer.shutdown(cancel_futures=True)
        if self.store is not None:
            self.store.close()

    def _put_in_place(self, recommender: Recommender, version: str) -> Model:
        self.model = self._replayed(recommender, version)
        return self.model

    def _start_index(self, model: Model) -> None:
        """Make an index of a large catalogue; until it is there all items are scored."""
        self.search = {"kind": "exact"}
        n_items, form = model.recommender.n_warm, model.recommender.model.form
        if n_items > self._settings.ann_above and form == "dot-product":
            self.search["note"] = "an index is being made"
            self._indexer.submit(self._make_index, model)

    def _make_index(self, model: Model) -> None:
        scorer: Any = model.recommender.model
        try:
            index = Index(scorer.items[: model.recommender.n_warm], scorer.users, np.random.default_rng(0))
        except Exception as error:  # noqa: BLE001 - in a thread of its own; without an index all items are scored
            self.search = {"kind": "exact", "note": f"there is no index: {error}"}
            self._log("warning", "no index", error=repr(error))
            return
        self._writer.submit(self._use_index, model.version, index)

    def _use_index(self, version: str, index: Index) -> None:
        if self.model.version == version:
            self.model.index = index
            self.search = {"kind": "index", "recall@10": round(index.recall, 4), "n_items": index.n_items}
            self._log("info", "index", recall=index.recall, n_items=index.n_items)

    def _replayed(self, recommender: Recommender, version: str) -> Model:
        if self.store is not None:
            recommender = replayed(
                recommender, self.store.contents(), self._log, lambda model: self.encoders.of(model.text)
            )
        elif self._settings.exposure is not None and recommender.exposure is not None:
            recommender = recommender.with_exposure(self._settings.exposure)
        return Model(recommender, time.time(), version).warm()

    def _commit(self, changes: Sequence[Change]) -> list[Model | Exception]:
        """Make changes: each is applied and all are stored, or is an error and leaves no trace."""
        recommender = self.model.recommender
        results: list[Model | Exception | None] = [None] * len(changes)
        made: list[Change] = []
        for rows in _runs(changes):
            recommender, done = self._made(recommender, [changes[row] for row in rows])
            for row, result in zip(rows, done, strict=True):
                if isinstance(result, Exception):
                    results[row] = result
                else:
                    made.append(result)
        if not made or self.store is None:
            return [StorageError("there is no state") if result is None else result for result in results]
        try:
            self.store.write(made)
        except StorageError as error:
            return [error if result is None else result for result in results]
        self.model = self.model.changed(recommender).warm()
        for change in made:
            self._metrics.writes.add(kind=type(change).__name__)
        return [self.model if result is None else result for result in results]

    def _made(
        self, recommender: Recommender, changes: Sequence[Change]
    ) -> tuple[Recommender, list[Change | Exception]]:
        """Apply changes of one kind together; where that cannot be, one by one."""
        merged: Any = changes[0]
        for change in changes[1:]:
            merged = merged.merged(change)
        try:
            encoder = self.encoders.of(recommender.text) if isinstance(merged, ItemsAdded) else None
            after = merged.applied(recommender, encoder)
        except (LLMInitError, OverflowError) as error:
            if len(changes) == 1:
                return recommender, [error]
        else:
            return after, [_with_texts(after, change) for change in changes]
        results: list[Change | Exception] = []
        for change in changes:
            recommender, done = self._made(recommender, [change])
            results += done
        return recommender, results


def load(folder: Path) -> tuple[Recommender, str]:
    """Return a saved recommender and the digest of its manifest.

    A folder that is being replaced is not whole for a moment, so a damaged one is looked at again.

    Raises:
        ArtefactError: It cannot be loaded.
    """
    for attempt in range(_LOAD_ATTEMPTS):
        try:
            version = version_of(folder)
            recommender = Recommender.load(folder)
            if version == version_of(folder):
                return recommender, version
        except ArtefactError:
            if attempt == _LOAD_ATTEMPTS - 1:
                raise
        time.sleep(0.1 * 2**attempt)
    raise ArtefactError(f"{folder} changes all the time, expected it to be at rest; try again when it is")


def version_of(folder: Path) -> str:
    """Return the digest of a folder's manifest, or "" without one."""
    try:
        return sha256_of_file(folder / "manifest.json")[:16]
    except OSError:
        return ""


def _runs(changes: Sequence[Change]) -> list[list[int]]:
    """Return the positions of changes, those of one kind that follow each other together."""
    runs: list[list[int]] = []
    for row, change in enumerate(changes):
        if runs and type(changes[runs[-1][-1]]) is type(change):
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _with_texts(recommender: Recommender, change: Change) -> Change:
    """Return items with their text embeddings, so that they need no encoder when they are added again."""
    if not isinstance(change, ItemsAdded) or recommender.folded_texts is None:
        return change
    codes = recommender.items.codes([str(row["item_id"]) for row in change.rows])
    recipe = recipe_of(recommender.text)
    texts = {
        str(row["item_id"]): StoredText(recommender.folded_texts[code - recommender.n_warm], recipe)
        for row, code in zip(change.rows, codes.tolist(), strict=True)
        if code >= recommender.n_warm
    }
    return replace(change, texts=texts)
