"""A recommender as a folder.

Version 2, since the model may be of any form:

    model.safetensors       the arrays of the serving model
    seen.safetensors        what each user has
    selection.safetensors   the fitted selection, where text was used
    users.parquet           ids in code order
    items.parquet           ids in code order and the item table's columns
    model.json              the model's form, and how text became embeddings
    report.json             how it was made

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
from llminit.recommender.artefact import Artefact, read_artefact, write_artefact
from llminit.recommender.text_recipe import TextRecipe
from llminit.version import __version__

if TYPE_CHECKING:
    from llminit.recommender.recommender import Recommender

KIND = "recommender"
LAYOUT_VERSION = 2
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
        "manifest.json",
    }
)
"""What a folder of a recommender may hold, of any version."""


def save(recommender: "Recommender", folder: Path) -> None:
    """Write a recommender, replacing what is there as a whole.

    Raises:
        StorageError: It cannot be written; what was there before is untouched.
    """
    seen = recommender.seen
    arrays = {
        "model": recommender.model.arrays(),
        "seen": {"indptr": seen.indptr.astype(np.int64), "indices": seen.indices.astype(np.int32)},
    }
    document: dict[str, Any] = {"form": recommender.model.form, "text": None}
    if recommender.text is not None:
        arrays["selection"] = recommender.text.arrays()
        document["text"] = recommender.text.document()
    items = pl.DataFrame({"item_id": recommender.items.ids})
    if recommender.item_table is not None:
        items = items.hstack(recommender.item_table.drop("item_id", strict=False).get_columns())
    artefact = Artefact(
        KIND,
        arrays=arrays,
        tables={"users": pl.DataFrame({"user_id": recommender.users.ids}), "items": items},
        documents={"model": document, "report": recommender.report},
    )
    write_artefact(folder, artefact, __version__, LAYOUT_VERSION, FILES)


def load(folder: Path) -> dict[str, Any]:
    """Read a recommender that was saved by this version or an earlier one.

    Returns:
        The fields of a `Recommender`.

    Raises:
        ArtefactError: It is missing, damaged, of another kind or of a newer version.
    """
    artefact = read_artefact(folder, KIND, LAYOUT_VERSION)
    try:
        return _fields(artefact)
    except (KeyError, ValueError, TypeError, IndexError, pl.exceptions.PolarsError) as error:
        raise ArtefactError(f"{folder} is not a whole recommender ({error!r}); make it anew") from error


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
    text = document["text"]
    return {
        "users": Vocabulary(users["user_id"], "user"),
        "items": Vocabulary(items["item_id"], "item"),
        "model": _model(document["form"], model),
        "seen": sp.csr_array((ones, seen["indices"], seen["indptr"]), shape=shape),
        "item_table": items if len(items.columns) > 1 else None,
        "text": None if text is None else TextRecipe.from_parts(text, artefact.arrays["selection"]),
        "report": artefact.documents["report"],
    }
