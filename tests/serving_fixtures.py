"""The types of the serving fixtures."""

from pathlib import Path
from typing import Any, Protocol

from served import Server


class Start(Protocol):
    """Starts a server of a folder with options and environment variables; it is killed when the test is over."""

    def __call__(self, folder: Path, *options: Any, **environment: str) -> Server: ...
