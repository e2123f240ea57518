"""torch: the state dict of two `nn.Embedding`s, as safetensors, so that loading it runs no code."""

from pathlib import Path
from typing import ClassVar

from llminit.export.content import DOT, Content
from llminit.export.tables import write_ids, write_tensors
from llminit.export.target import TARGETS, Target


@TARGETS.register
class Torch(Target):
    """`state_dict.safetensors` of a module with the `nn.Embedding`s `user_embedding` and `item_embedding`; the ids.

    `module.load_state_dict(safetensors.torch.load_file(path))` loads it; there is no pickle in it, as `torch.save` has.
    """

    name: ClassVar[str] = "torch"
    forms: ClassVar[tuple[str, ...]] = (DOT,)
    is_searched: ClassVar[bool] = False

    def write(self, content: Content, folder: Path) -> None:
        """Write the state dict and the ids."""
        tables = {"user_embedding__weight": content.users, "item_embedding__weight": content.items}
        write_tensors(folder / "state_dict.safetensors", **tables)
        write_ids(content, folder)
