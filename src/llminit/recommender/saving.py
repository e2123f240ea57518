"""A recommender as a folder.

Version 2, since the model may be of any form:

    model.safetensors       the arrays of the serving model
    seen.safetensors        what each user has
    selection.safetensors   the fitted selection, where text was used
    users.parquet           ids in code order
    items.parquet           ids in code order and the item table's columns
    model.json              the model's form, and how text became embeddings
    report.json             how it was made
    fold_in.safetensors     the arrays of the maps that fold cold items and users in, where there are maps
    fold_in.json            their kinds
    trained.safetensors     the rows that training ended with, where refresh can go on from them; not read to serve
    added.safetensors       the text embeddings of items that were folded in, and which items were removed

A folder with items that were removed has version 3: earlier versions would recommend them.

Version 1 had `embeddings.safetensors`, two tables, in place of the model, and titles alone of the item table.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import scipy.sparse as sp

from llminit.arrays import AnyArray
from llminit.data.vocabulary import Vocabulary
from llminit.errors import ArtefactError
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct, ServingModel, serving_from
from llminit.recommender import trained_rows
from llminit.recommender.artefact import Artefact, read_artefact, write_artefact
from llminit.recommender.folding import FoldIn
from llminit.recommender.text_recipe import TextRecipe
from llminit.recommender.trained_rows import TrainedRows
from llminit.version import __version__

if TYPE_CHECKING:
    from llminit.recommender.state import State

KIND = "recommender"
LAYOUT_VERSION = 3
_LAYOUT_WITHOUT_REMOVED = 2
FILES = frozenset(
    {
        "embeddings.safetensors",
        "model.safetensors",
        "seen.safetensors",
        "selection.safetensors",
        "users.parquet",
        "items.parquet",
        "model.json",
        "report.json",
        "fold_in.safetensors",
        "fold_in.json",
        "added.safetensors",
        trained_rows.NAME,
        "manifest.json",
    }
)
"""What a folder of a recommender may hold, of any version."""


def save(recommender: "State", folder: Path) -> None:
    """Write a recommender, replacing what is there as a whole.

    Raises:
        StorageError: It cannot be written; what was there before is untouched.
    """
    seen = recommender.seen.sorted_indices()
    arrays = {
        "model": recommender.model.arrays(),
        "seen": {"indptr": seen.indptr.astype(np.int64), "indices": seen.indices.astype(np.int32)},
    }
    document: dict[str, Any] = {"form": recommender.model.form, "text": None}
    if recommender.text is not None:
        arrays["selection"] = recommender.text.arrays()
        document["text"] = recommender.text.document()
    documents = {"model": document, "report": recommender.report}
    if recommender.fold_in is not None:
        documents["fold_in"] = recommender.fold_in.document()
        arrays["fold_in"] = recommender.fold_in.arrays()
    if recommender.pending is not None:
        arrays["seen"]["pending"] = marks(seen, recommender.pending)
    trained = recommender.trained
    if trained is not None and trained.in_memory is not None:
        arrays["trained"] = dict(trained.in_memory)
    if added := _added(recommender):
        arrays["added"] = added
    items = pl.DataFrame({"item_id": recommender.items.ids})
    if recommender.item_table is not None:
        items = items.hstack(recommender.item_table.drop("item_id", strict=False).get_columns())
    artefact = Artefact(
        KIND,
        arrays=arrays,
        tables={"users": pl.DataFrame({"user_id": recommender.users.ids}), "items": items},
        documents=documents,
        files={trained_rows.NAME: trained.checked_file()} if trained is not None and trained.file is not None else {},
    )
    version = _LAYOUT_WITHOUT_REMOVED if recommender.removed is None else LAYOUT_VERSION
    write_artefact(folder, artefact, __version__, version, FILES)


def load(folder: Path) -> dict[str, Any]:
    """Read a recommender that was saved by this version or an earlier one.

    Returns:
        The fields of a `Recommender`.

    Raises:
        ArtefactError: It is missing, damaged, of another kind or of a newer version.
    """
    artefact = read_artefact(folder, KIND, LAYOUT_VERSION, [trained_rows.NAME])
    try:
        return _fields(artefact)
    except (KeyError, ValueError, TypeError, IndexError, pl.exceptions.PolarsError) as error:
        raise ArtefactError(f"{folder} is not a whole recommender ({error!r}); make it anew") from error


def _added(recommender: "State") -> dict[str, AnyArray]:
    named = {"folded_texts": recommender.folded_texts, "removed": recommender.removed}
    return {name: array for name, array in named.items() if array is not None}


def _model(form: str, arrays: Mapping[str, AnyArray]) -> ServingModel:
    return Mixture.from_arrays(arrays) if form == Mixture.form else serving_from(form, arrays)


def _fields(artefact: Artefact) -> dict[str, Any]:
    users, items = artefact.tables["users"], artefact.tables["items"]
    seen, shape = artefact.arrays["seen"], (len(users), len(items))
    ones = np.ones(len(seen["indices"]), dtype=np.float32)
    if "embeddings" in artefact.arrays:  # version 1
        document: dict[str, Any] = {"form": DotProduct.form, "text": None}
        model = artefact.arrays["embeddings"]
    else:
        document, model = artefact.documents["model"], artefact.arrays["model"]
    text, added = document["text"], artefact.arrays.get("added", {})
    return {
        "users": Vocabulary(users["user_id"], "user"),
        "items": Vocabulary(items["item_id"], "item"),
        "model": _model(document["form"], model),
        "seen": sp.csr_array((ones, seen["indices"], seen["indptr"]), shape=shape),
        "item_table": items if len(items.columns) > 1 else None,
        "text": None if text is None else TextRecipe.from_parts(text, artefact.arrays["selection"]),
        "report": artefact.documents["report"],
        "fold_in": _fold_in(artefact),
        "pending": _pending(seen, shape),
        "trained": _trained(artefact),
        **{name: added.get(name) for name in ("folded_texts", "removed")},
    }


def marks(seen: sp.csr_array, pending: sp.csr_array) -> AnyArray:
    """Return which of the entries of what users have are pending too, bool of shape (nnz,); indices are sorted."""
    marked = sp.csr_array((np.ones(seen.nnz, dtype=np.int8), seen.indices, seen.indptr), shape=seen.shape)
    marked = sp.csr_array(marked + sp.csr_array(pending, dtype=np.int8))  # 2 where an entry is in both
    both: AnyArray = marked.data == 2
    return both


def _pending(seen: Mapping[str, AnyArray], shape: tuple[int, int]) -> sp.csr_array | None:
    if "pending" not in seen:
        return None
    arrays = (seen["pending"].astype(np.float32), seen["indices"], seen["indptr"])
    marks = sp.csr_array(arrays, shape=shape, copy=True)
    marks.eliminate_zeros()
    return marks


def _trained(artefact: Artefact) -> TrainedRows | None:
    if trained_rows.NAME not in artefact.files:
        return None
    return TrainedRows(file=artefact.files[trained_rows.NAME], sha256=artefact.sha256[trained_rows.NAME])


def _fold_in(artefact: Artefact) -> FoldIn | None:
    if "fold_in" not in artefact.documents:
        return None
    return FoldIn.from_parts(artefact.documents["fold_in"], artefact.arrays["fold_in"])
