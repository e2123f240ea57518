"""faiss: an exact index of the items."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from llminit.export.content import COSINE, Content
from llminit.export.tables import write_items, write_users
from llminit.export.target import TARGETS, Client, Target


@TARGETS.register
class Faiss(Target):
    """`items.faiss`, an `IndexFlatIP` whose row numbers are those of `items.parquet`; the queries in `users.parquet`.

    faiss has no cosine of its own: in the form "cosine", items have the length 1, as faiss expects it.
    """

    name: ClassVar[str] = "faiss"
    client: ClassVar[Client | None] = Client("faiss", "faiss-cpu")

    def write(self, content: Content, folder: Path) -> None:
        """Write the index and both tables."""
        import faiss

        index = faiss.IndexFlatIP(content.width)
        items = content.items
        if content.form == COSINE and content.longest:
            items = items / np.float32(content.longest)
        index.add(np.ascontiguousarray(items))
        # faiss's own writing says nothing where the disk is full.
        (folder / "items.faiss").write_bytes(faiss.serialize_index(index).tobytes())
        write_items(content, folder)
        write_users(content, folder)
