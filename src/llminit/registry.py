"""One registry for every kind of part: encoders, selectors, backbones and baselines, ours and those of other packages.

A part gets in by a decorator,

    @BACKBONES.register
    class Tempered(Backbone): ...

by an entry point of an installed package, with the part's name,

    [project.entry-points."llminit.backbones"]
    tempered = "my_package:Tempered"

or by being passed to a function of this library instead of a name. Everything about a part (its options and their
defaults, help texts, grids, memory estimates) is read from the registered class or function.
"""

import difflib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module, metadata
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar, overload

from llminit.config import Config
from llminit.errors import ConfigError

Part = TypeVar("Part")
Decorated = TypeVar("Decorated")

NAME = re.compile(r"[a-z0-9][a-z0-9.+_-]*")
"""What a part may be called: its name is an option's value, a prefix of options and a piece of file names."""


@dataclass(frozen=True)
class Entry(Generic[Part]):
    """A registered part.

    Attributes:
        name: What it is called.
        part: The class or function itself.
        options_type: Its options, with their types, defaults and descriptions.
        form: How users write it: its name, with what must follow it, such as "st:NAME_OR_PATH".
    """

    name: str
    part: Part
    options_type: type[Config]
    form: str

    @property
    def summary(self) -> str:
        """The first line of the part's documentation."""
        return (inspect.getdoc(self.part) or "").partition("\n")[0]

    @property
    def source(self) -> str:
        """Where the part is defined, as MODULE:NAME."""
        return _source_of(self.part)


class Registry(Generic[Part]):
    """The parts of one kind by their names.

    Args:
        kind: What a part is called in messages, such as "backbone".
        package: The package whose modules register the built-in parts; imported when a part is first looked up.
        describe: Checks a part and returns its entry. It takes the part and the requested name, or None for the part's
            own name. If the part breaks the contract of its kind, it raises a ConfigError that says what to write.
    """

    def __init__(self, kind: str, package: str, describe: Callable[[Any, str | None], Entry[Part]]) -> None:
        self.kind = kind
        self._package = package
        self._describe = describe
        self._entries: dict[str, Entry[Part]] = {}
        self._is_imported = False

    @overload
    def register(self, part: Decorated, *, name: str | None = None) -> Decorated: ...

    @overload
    def register(self, part: None = None, *, name: str | None = None) -> Callable[[Decorated], Decorated]: ...

    def register(self, part: Any = None, *, name: str | None = None) -> Any:
        """Register a part; a decorator, with or without a name.

        Args:
            part: A class or function.
            name: The name to register it under; by default its own name.

        Returns:
            The part, unchanged.

        Raises:
            ConfigError: The part does not keep the contract of its kind, or its name is taken.
        """
        if part is None:
            return lambda decorated: self.register(decorated, name=name)
        self._add(self._describe(part, name))
        return part

    def describe(self, part: Any) -> Entry[Part]:
        """Return the entry of a part without registering it.

        Raises:
            ConfigError: The part does not keep the contract of its kind.
        """
        return self._describe(part, None)

    def remove(self, name: str) -> None:
        """Remove a registered part, if it is registered."""
        self._entries.pop(name, None)

    def names(self) -> list[str]:
        """Return the names of all parts, sorted; parts of other packages are not imported."""
        self._import_builtin()
        return sorted({*self._entries, *self._entry_points})

    def entries(self) -> list[Entry[Part]]:
        """Return all parts, in order of their names.

        Raises:
            ConfigError: A part of another package cannot be used; the message names the package.
        """
        return [self.entry(name) for name in self.names()]

    def entry(self, name: str) -> Entry[Part]:
        """Return the entry of a part.

        Raises:
            ConfigError: There is no part of that name, or it cannot be used.
        """
        self._import_builtin(name)
        if name not in self._entries and name in self._entry_points:
            self._load(self._entry_points[name])
        if name not in self._entries:
            close = difflib.get_close_matches(name, self.names(), n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise ConfigError(f"unknown {self.kind} {name!r}{hint}; choose one of: {', '.join(self.names())}")
        return self._entries[name]

    def __getitem__(self, name: str) -> Part:
        return self.entry(name).part

    def __contains__(self, name: object) -> bool:
        self._import_builtin(name if isinstance(name, str) else None)
        return name in self._entries or name in self._entry_points

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def name_of(self, part: Any) -> str:
        """Return the name of a part that was passed instead of a name; it is registered if it was not yet.

        Args:
            part: A name, which is returned as it is, or a class or function.

        Raises:
            ConfigError: The part does not keep the contract of its kind, or its name is taken.
        """
        if isinstance(part, str):
            return part
        entry = self._describe(part, None)
        self._add(entry)
        return entry.name

    def foreign_source(self, name: str) -> str | None:
        """Return where another process must import a part from, as MODULE:NAME; None if it finds the part by its name.

        Raises:
            ConfigError: There is no part of that name.
        """
        source = self.entry(name).source
        return None if self._is_builtin(source) or name in self._entry_points else source

    def _is_builtin(self, source: str) -> bool:
        return source.startswith(f"{self._package}.")

    def _add(self, entry: Entry[Part]) -> None:
        if not self._is_builtin(entry.source):
            self._import_builtin()  # So that the names of built-in parts are known to be taken.
        if not NAME.fullmatch(entry.name):
            raise ConfigError(
                f"{entry.source} calls itself {entry.name!r}; expected lower-case letters, digits, dashes, dots or "
                f"underscores, beginning with a letter or digit; rename the {self.kind}"
            )
        taken = self._entries.get(entry.name)
        # A module that is reloaded, as in a notebook, registers the same part again.
        if taken is not None and taken.source != entry.source:
            raise ConfigError(
                f"the name {entry.name!r} of {entry.source} is taken by the {self.kind} {taken.source}; choose another "
                "name"
            )
        self._entries[entry.name] = entry

    def _load(self, point: metadata.EntryPoint) -> None:
        package = point.dist.name if point.dist is not None else point.value
        try:
            part = point.load()
        except Exception as error:
            raise ConfigError(
                f"the {self.kind} {point.name!r} of the package {package} cannot be imported "
                f"({type(error).__name__}: {error}); repair or uninstall that package"
            ) from error
        try:
            entry = self._describe(part, point.name)
        except ConfigError as error:
            raise ConfigError(f"the {self.kind} {point.name!r} of the package {package}: {error}") from error
        self._add(entry)

    def _import_builtin(self, wanted: str | None = None) -> None:
        """Import the built-in parts; where the module that is named like the wanted one has it, that module alone."""
        if self._is_imported or wanted in self._entries:
            return
        package = import_module(self._package)
        modules = [module.name for module in iter_modules(package.__path__)]
        if wanted is not None and (own := wanted.replace("-", "_")) in modules:
            import_module(f"{self._package}.{own}")
            if wanted in self._entries:
                return
        self._is_imported = True
        for name in modules:
            import_module(f"{self._package}.{name}")

    @cached_property
    def _entry_points(self) -> dict[str, metadata.EntryPoint]:
        return {point.name: point for point in metadata.entry_points(group=f"llminit.{self.kind}s")}


def named_class(part: Any, requested: str | None, base: type, kind: str) -> str:
    """Return a class's own name, after checking that it can be registered.

    Args:
        part: The object to register.
        requested: The name to register it under; None takes its own name.
        base: The class that parts of this kind derive from.
        kind: What a part is called in messages.

    Raises:
        ConfigError: It is not a subclass, lacks a method, has no name, or its name is not the requested one; the
            message says what to write.
    """
    if not (isinstance(part, type) and issubclass(part, base)):
        raise ConfigError(
            f"{_source_of(part)} is not a {kind}; expected a class that derives from {base.__module__}.{base.__name__}"
        )
    missing = sorted(getattr(part, "__abstractmethods__", ()))
    if missing:
        shown = ", ".join(f"{name}{inspect.signature(getattr(part, name))}" for name in missing)
        raise ConfigError(f"the {kind} {_source_of(part)} does not define {shown}; write it")
    name = vars(part).get("name")
    if not isinstance(name, str):
        raise ConfigError(
            f'the {kind} {_source_of(part)} has no name of its own; write name: ClassVar[str] = "..." in its class'
        )
    if requested not in (None, name):
        raise ConfigError(
            f"the {kind} {_source_of(part)} calls itself {name!r} and is to be registered as {requested!r}; give both "
            "the same name"
        )
    return name


def check_defaults(options_type: Any, owner: Any, kind: str) -> None:
    """Check that every option of a part has a default.

    Raises:
        ConfigError: The options are not a `Config`, or an option has no default.
    """
    if not (isinstance(options_type, type) and issubclass(options_type, Config)):
        raise ConfigError(
            f"the options_type of the {kind} {_source_of(owner)} is {options_type!r}; expected a class that derives "
            "from llminit.config.Config, with a type and a default for every option"
        )
    required = [name for name, field in options_type.model_fields.items() if field.is_required()]
    if required:
        raise ConfigError(
            f"the option {required[0]!r} of the {kind} {_source_of(owner)} has no default; write one, such as "
            f"{required[0]}: int = 1"
        )


def _source_of(part: Any) -> str:
    module, name = getattr(part, "__module__", None), getattr(part, "__qualname__", None)
    return f"{module}:{name}" if module and name else repr(part)
