"""The registered selectors: functions of a `SelectorInput` and keyword options that return a `Selection`."""

import inspect
from collections.abc import Callable
from typing import Any

from pydantic import create_model

from llminit.config import Config
from llminit.errors import ConfigError
from llminit.registry import Entry, Registry
from llminit.selectors.selection import Selection

Selector = Callable[..., Selection]


def describe_selector(part: Any, name: str | None) -> Entry[Selector]:
    """Return the registry's entry of a selector; its options are its keyword-only parameters.

    Raises:
        ConfigError: The function does not keep the contract; the message says what to write.
    """
    own = name or getattr(part, "__name__", None)
    if not callable(part) or own is None:
        raise ConfigError(f"{part!r} is no selector; expected a function of a SelectorInput that gives a Selection")
    parameters = list(inspect.signature(part, eval_str=True).parameters.values())
    if not parameters or parameters[0].kind not in (parameters[0].POSITIONAL_ONLY, parameters[0].POSITIONAL_OR_KEYWORD):
        raise ConfigError(f"the selector {own!r} takes no SelectorInput; write def {own}(data: SelectorInput, ...)")
    fields: dict[str, Any] = {option.name: _field(own, option) for option in parameters[1:]}
    options_type: type[Config] = create_model(f"selector {own}", __base__=Config, **fields)
    return Entry(own, part, options_type, own)


def _field(selector: str, option: inspect.Parameter) -> tuple[Any, Any]:
    if option.kind is not option.KEYWORD_ONLY:
        raise ConfigError(
            f"the option {option.name!r} of the selector {selector!r} is not keyword-only; write a * before it"
        )
    if option.annotation is option.empty or option.default is option.empty:
        lacks = "type" if option.annotation is option.empty else "default"
        raise ConfigError(
            f"the option {option.name!r} of the selector {selector!r} has no {lacks}; write both, such as "
            f"{option.name}: float = 1.0"
        )
    return option.annotation, option.default


SELECTORS: Registry[Selector] = Registry("selector", "llminit.selectors", describe_selector)
"""From text embeddings to item embeddings."""
