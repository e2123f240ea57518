"""Exporting a recommender."""

from pathlib import Path
from typing import Any

from llminit.errors import ConfigError, shown
from llminit.export.content import COSINE, DOT, FORMS, Content, content_of
from llminit.export.destination import Destination, written_folder
from llminit.export.forms import Kept, kept_by_cosine
from llminit.export.target import TARGETS, Target
from llminit.progress import Reporter
from llminit.recommender import Recommender
from llminit.reporters import automatic_reporter
from llminit.version import __version__


def export(
    source: Recommender | str | Path,
    to: str,
    out: str | Path,
    *,
    form: str = DOT,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Write a recommender's embeddings as another library reads them.

    Args:
        source: A recommender, or the folder of one.
        to: The target: "parquet", "npy", "safetensors", "torch", "pyg", "implicit", "recbole", "lancedb", "qdrant",
            "usearch", "faiss" or "pgvector".
        out: The folder to write, or for "pgvector" also the address of a database, "postgresql://...".
        form: "dot": the embeddings as they are, to be searched by dot product. "cosine": with one column more, so that
            a search by cosine ranks items as the dot product does; for stores that know nothing else.
        overwrite: Replace an earlier export.
        reporter: Receives notes on how to search what was written; by default what suits where the process runs.

    Returns:
        What was written: "target", "form", "n_users", "n_items", "width" (columns of the embeddings), "out"; in the
        form "cosine" also "longest" (the length of the longest item), and in the form "dot", where others search,
        "cosine_keeps": which share of users' ten best items a search by cosine would find.

    Raises:
        ConfigError: There is no such target or form, the model has no embeddings, or something is at `out`.
        ArtefactError: The folder holds no whole recommender.
        MissingExtraError: The target's library is not installed; the message has the pip command.
        EndpointError: The database cannot be reached, or refuses.
        StorageError: The export cannot be written; what was there before is untouched.
    """
    if form not in FORMS:
        raise ConfigError(f"form={shown(form)} cannot be used, expected one of: {', '.join(FORMS)}; choose one")
    target = TARGETS[to](overwrite=overwrite)
    destination = Destination.make(target, out)
    target.check(form, destination.address)
    destination.check(overwrite=overwrite)
    recommender = source if isinstance(source, Recommender) else Recommender.load(source)
    content = content_of(recommender, form)
    summary, notes = _described(target, content)
    if destination.folder is None:
        target.send(content, str(destination.address))
    else:
        with written_folder(destination.folder, target.failures, summary) as folder:
            target.write(content, folder)
    for note in notes:
        automatic_reporter(reporter).note(note)
    return summary if destination.folder is None else summary | {"out": str(out)}


def _described(target: Target, content: Content) -> tuple[dict[str, Any], list[str]]:
    """Return what is said of an export: values for programs, and notes for people."""
    summary: dict[str, Any] = {
        "target": target.name,
        "form": content.form,
        "n_users": len(content.users),
        "n_items": len(content.items),
        "width": content.width,
        "llminit_version": __version__,
    }
    notes = []
    if content.form == COSINE:
        summary["longest"] = content.longest
        notes.append(
            "items have a last column with which cosine ranks them as the model does; users have a 0 there. Give both "
            f"to the store as they are; with an item that is longer than {content.longest:.6g}, export again"
        )
    elif target.is_searched:
        kept = kept_by_cosine(content.users, content.items, content.seen)
        summary["cosine_keeps"] = round(kept.share, 4)
        notes.append(_warning(kept))
    return summary | target.details(content), [*notes, *target.notes(content)]


def _warning(kept: Kept) -> str:
    if kept.share == 1:
        return f"search by dot product; by cosine, {kept.n_users} users would here find the same {kept.k} best items"
    return (
        f"SEARCH BY DOT PRODUCT: by cosine, these vectors keep {kept.share * kept.k:.1f} of a user's {kept.k} best "
        f"items (measured on {kept.n_users} users). For a store that knows cosine alone, export with form='cosine'"
    )
