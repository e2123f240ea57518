"""usearch: an approximate index of the items."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from llminit.export.content import DOT, Content
from llminit.export.tables import write_items, write_users
from llminit.export.target import TARGETS, Client, Target


@TARGETS.register
class USearch(Target):
    """`items.usearch`, whose keys are the row numbers of `items.parquet`; the queries in `users.parquet`.

    `Index.restore(path)` loads it; its distance is 1 less the dot product, or less the cosine. `search` is approximate,
    `search(..., exact=True)` is not.
    """

    name: ClassVar[str] = "usearch"
    client: ClassVar[Client | None] = Client("usearch", "usearch")
    failures: ClassVar[tuple[type[Exception], ...]] = (RuntimeError,)

    def write(self, content: Content, folder: Path) -> None:
        """Write the index and both tables."""
        from usearch.index import Index

        index = Index(ndim=content.width, metric="ip" if content.form == DOT else "cos", dtype="f32")
        index.add(np.arange(len(content.items), dtype=np.uint64), content.items)
        index.save(str(folder / "items.usearch"))
        write_items(content, folder)
        write_users(content, folder)
