"""Changing a saved recommender: read, changed, and written as a whole in the place of the old one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llminit.errors import ConfigError
from llminit.locks import exclusive_lock
from llminit.out_paths import check_out_folder
from llminit.progress import SILENT, Reporter
from llminit.recommender.editing import Added, add_items
from llminit.recommender.recommender import Recommender
from llminit.recommender.saving import FILES
from llminit.recommender.text_recipe import TextRecipe
from llminit.storage import check_replaceable, check_target_folder, remove_leftovers
from llminit.text import Encoder


def add_items_to_folder(
    folder: str | Path,
    items: Any,
    *,
    embeddings: Any = None,
    open_encoder: Callable[[TextRecipe], Encoder | None] | None = None,
    exposure: float | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    reporter: Reporter = SILENT,
) -> tuple[Recommender, Added]:
    """Add items to a saved recommender; a killed call leaves the folder as it was.

    Args:
        folder: A saved recommender.
        items: See `Recommender.add_items`.
        embeddings: The same.
        open_encoder: Opens the encoder of the fit; None opens it as it was.
        exposure: See `Recommender.add_items`.
        out: Where to write; None replaces `folder`.
        overwrite: Replace what is at `out`.
        reporter: Receives progress and notes.

    Returns:
        The new recommender, and what was done.

    Raises:
        InputError: Something given cannot be used; the message says what to do.
        StorageError: The folder cannot be written, or another command is working on it.
    """
    with changing(Path(folder), None if out is None else Path(out), overwrite=overwrite) as target:
        recommender = Recommender.load(folder)
        encoder = None
        if embeddings is None and open_encoder is not None and recommender.text is not None:
            encoder = open_encoder(recommender.text)
        changed, counts = add_items(
            recommender, items, embeddings=embeddings, encoder=encoder, exposure=exposure, reporter=reporter
        )
        changed.save(target)
    return changed, counts


@contextmanager
def changing(folder: Path, out: Path | None, *, overwrite: bool) -> Iterator[Path]:
    """Reserve where a changed recommender goes while the block runs, and remove what killed calls left there.

    Args:
        folder: The recommender that is changed.
        out: Where the result goes; None for the place of the old one.
        overwrite: Whether something at `out` may be replaced.

    Yields:
        Where to save.

    Raises:
        ConfigError: There is something at `out`, and it may not be replaced.
        StorageError: It cannot be written, or another command is working there.
    """
    target = folder if out is None else out
    check_out_folder(target)
    check_target_folder(target)
    if out is not None and out.exists() and any(out.iterdir()) and not overwrite:
        raise ConfigError(f"{out} is there already, expected a new folder; choose another path or pass overwrite")
    check_replaceable(target, FILES)
    real = target.resolve()
    refusal = f"another command is working on {target}; wait until it is done, or choose another path"
    with exclusive_lock(real.with_name(f".{real.name}.lock"), refusal):
        yield target
        remove_leftovers(target)
