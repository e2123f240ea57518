"""What training ended with, before it was propagated to serve: where `refresh` goes on from.

It is as large as what serves and not needed to serve, so that of a folder it is read only when asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from safetensors import SafetensorError
from safetensors.numpy import load_file

from llminit.arrays import AnyArray
from llminit.checksums import sha256_of_file
from llminit.errors import ArtefactError

NAME = "trained.safetensors"


@dataclass(frozen=True, eq=False)
class TrainedRows:
    """Arrays in memory, or in a file that is read when asked for.

    There may be "items", float32 of shape (n_warm, d), a backbone's rows; where it has a user table too, "users",
    float32 of shape (n_trained, d), those of the first users; "texts", float32 of shape (n_warm, D), the text
    embeddings, zeros for an item without text; and "order", int32 of shape (n_interactions,), the place of each
    interaction that was learned among those of its user, users and their items ascending.

    Attributes:
        in_memory: The arrays; None where they are in a file.
        file: The file; None where they are in memory.
        sha256: Of the file.
    """

    in_memory: Mapping[str, AnyArray] | None = None
    file: Path | None = None
    sha256: str = ""

    @classmethod
    def of(cls, **arrays: AnyArray | None) -> Self:
        """Hold arrays in memory, those of them that are not None."""
        return cls({name: array for name, array in arrays.items() if array is not None})

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays by name.

        Raises:
            ArtefactError: The file is gone, damaged, or another one by now.
        """
        if self.in_memory is not None:
            return dict(self.in_memory)
        path = self.checked_file()
        try:
            return dict(load_file(path))
        except (OSError, SafetensorError) as error:
            raise ArtefactError(f"{path} cannot be read ({error!r}); restore the folder or fit again") from error

    def checked_file(self) -> Path:
        """Return the file, after checking that it is the one that belongs to the model.

        Raises:
            ArtefactError: It is gone, damaged, or another one by now.
        """
        path = self.file or Path(NAME)
        try:
            found = sha256_of_file(path)
        except OSError as error:
            raise ArtefactError(f"{path} cannot be read ({error!r}); restore the folder or fit again") from error
        if found != self.sha256:
            raise ArtefactError(
                f"{path} does not match its checksum: it was damaged, or the recommender there was replaced since this "
                "one was loaded; load it again"
            )
        return path
