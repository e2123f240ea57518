"""What an export target is, and the registry of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from llminit.config import Config
from llminit.errors import ConfigError, MissingExtraError
from llminit.export.content import FORMS, Content
from llminit.registry import Entry, Registry, named_class


@dataclass(frozen=True)
class Client:
    """A library that a target needs for writing.

    Attributes:
        module: What is imported.
        package: What pip installs.
    """

    module: str
    package: str


class Target(ABC):
    """Writes the embeddings of a recommender as another library reads them.

    A subclass is one file: it sets `name` and implements `write`.
    """

    name: ClassVar[str]
    forms: ClassVar[tuple[str, ...]] = FORMS
    """The forms of embeddings that it takes."""
    is_searched: ClassVar[bool] = True
    """Whether what reads the embeddings may search them by cosine; libraries that score by themselves do not."""
    client: ClassVar[Client | None] = None
    schemes: ClassVar[tuple[str, ...]] = ()
    """The beginnings of addresses that it takes in place of a folder, such as "postgresql://"."""
    failures: ClassVar[tuple[type[Exception], ...]] = ()
    """What the client raises where it cannot write, apart from an OSError."""

    def __init__(self, *, overwrite: bool = False) -> None:
        """Take the run option `overwrite`: whether what an earlier export wrote is replaced."""
        self.overwrite = overwrite

    def check(self, form: str, address: str | None = None) -> None:
        """Check, before any work, that this target can write a form.

        Args:
            form: "dot" or "cosine".
            address: Where to, unless it is a folder.

        Raises:
            ConfigError: It does not take the form.
            MissingExtraError: Its client is not installed; the message has the pip command.
        """
        if form not in self.forms:
            raise ConfigError(
                f"form={form!r} is not for {self.name}, expected {' or '.join(map(repr, self.forms))}; leave it out, "
                "since what loads this export scores by dot product"
            )
        client = self.needed_client(address)
        if client is not None and find_spec(client.module) is None:
            command = f"pip install '{client.package}'"
            raise MissingExtraError(f"exporting to {self.name}", "export", (client.package,), command)

    def needed_client(self, address: str | None) -> Client | None:  # noqa: ARG002 - for a subclass
        """Return the library that writing to an address, or to a folder, needs."""
        return self.client

    @abstractmethod
    def write(self, content: Content, folder: Path) -> None:
        """Write into an empty folder."""

    def send(self, content: Content, address: str) -> None:
        """Write to an address that begins with one of `schemes`."""
        raise NotImplementedError

    def notes(self, content: Content) -> list[str]:  # noqa: ARG002 - for a subclass
        """Return what who exports should know about this target."""
        return []

    def details(self, content: Content) -> dict[str, Any]:  # noqa: ARG002 - for a subclass
        """Return what is written to `export.json` beside the counts: JSON values."""
        return {}


def describe_target(part: Any, name: str | None) -> Entry[type[Target]]:
    """Return the registry's entry of a target.

    Raises:
        ConfigError: The class does not keep the contract; the message says what to write.
    """
    target_name = named_class(part, name, Target, "target")
    return Entry(target_name, part, Config, target_name)


TARGETS: Registry[type[Target]] = Registry("target", "llminit.export.targets", describe_target)
"""What a recommender can be exported to."""
