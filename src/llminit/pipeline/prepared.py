"""The data of many fits, and the files in which worker processes get them: codes and text embeddings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from safetensors import safe_open
from safetensors.numpy import save_file

from llminit.arrays import AnyArray
from llminit.data import Dataset
from llminit.data.dataset import Interactions
from llminit.data.vocabulary import Vocabulary
from llminit.storage import replacing_file, write_npy
from llminit.text import TextEmbeddings

_INTERACTIONS = "interactions.safetensors"


@dataclass(frozen=True, eq=False)
class PreparedData:
    """The data that every fit of a comparison or a search starts from.

    Attributes:
        dataset: The filtered interactions.
        texts: Text embeddings, one row an item, by the label of their encoder.
        titles: The items' titles, String of shape (n_items,), for maps; None where there are none.
        measures_diversity: Label of the encoder whose text embeddings measure the diversity of all lists.
        categories: The items' categories, String of shape (n_items,); None where there are none. They are not in the
            files for workers.
    """

    dataset: Dataset
    texts: Mapping[str, TextEmbeddings] = field(default_factory=dict)
    titles: pl.Series | None = None
    measures_diversity: str | None = None
    categories: pl.Series | None = None

    @property
    def widths(self) -> dict[str, int]:
        """The width of each encoder's text embeddings."""
        return {label: text.width for label, text in self.texts.items()}

    def save(self, folder: Path) -> None:
        """Write what `load` reads.

        Raises:
            StorageError: It cannot be written.
        """
        coded = self.dataset.interactions
        arrays = {"users": coded.users, "items": coded.items}
        arrays |= {} if coded.timestamps is None else {"timestamps": coded.timestamps}
        counts = {"n_users": str(self.dataset.n_users), "n_items": str(self.dataset.n_items)}
        with replacing_file(folder / _INTERACTIONS) as temporary:
            save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary, counts)
        titles = pl.Series("title", [], pl.String) if self.titles is None else self.titles
        with replacing_file(folder / "titles.parquet") as temporary:
            titles.to_frame().write_parquet(temporary)
        with replacing_file(folder / "texts.parquet") as temporary:
            labels = pl.Series("label", list(self.texts), pl.String)
            labels.to_frame().with_columns(measures=labels == (self.measures_diversity or "")).write_parquet(temporary)
        for index, text in enumerate(self.texts.values()):
            for name, array in (("values", text.values), ("missing", text.missing)):
                with replacing_file(folder / f"text-{index}-{name}.npy") as temporary:
                    write_npy(temporary, array)

    @classmethod
    def load(cls, folder: Path) -> "PreparedData":
        """Read what `save` wrote; ids are codes, and text embeddings are mapped into memory, not copied."""
        with safe_open(folder / _INTERACTIONS, framework="np") as file:
            counts = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        users, items = (
            Vocabulary(pl.Series("id", np.arange(int(counts[f"n_{kind}s"]))), kind) for kind in ("user", "item")
        )
        coded = Interactions(arrays["users"], arrays["items"], arrays.get("timestamps"))
        listed = pl.read_parquet(folder / "texts.parquet")
        labels, measuring = listed["label"].to_list(), listed.filter("measures")["label"].to_list()
        texts = {label: _read_text(folder, index, items.ids) for index, label in enumerate(labels)}
        titles = pl.read_parquet(folder / "titles.parquet")["title"]
        return cls(Dataset(users, items, coded), texts, titles if len(titles) else None, next(iter(measuring), None))


def _read_text(folder: Path, index: int, ids: pl.Series) -> TextEmbeddings:
    values = _mapped(folder / f"text-{index}-values.npy")
    return TextEmbeddings(ids, values, np.asarray(_mapped(folder / f"text-{index}-missing.npy")))


def _mapped(path: Path) -> AnyArray:
    array: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
