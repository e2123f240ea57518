"""safetensors: both tables in one file."""

from pathlib import Path
from typing import ClassVar

from llminit.export.content import Content
from llminit.export.tables import write_ids, write_tensors
from llminit.export.target import TARGETS, Target


@TARGETS.register
class Safetensors(Target):
    """`embeddings.safetensors` with the tensors `users` and `items`, and the ids as Parquet."""

    name: ClassVar[str] = "safetensors"

    def write(self, content: Content, folder: Path) -> None:
        """Write the tensors and the ids."""
        write_tensors(folder / "embeddings.safetensors", users=content.users, items=content.items)
        write_ids(content, folder)
