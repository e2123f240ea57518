"""The registered selectors: functions of a `SelectorInput` and keyword options that return a `Selection`."""

import inspect
from functools import partial
from typing import Any

from pydantic import create_model

from llminit.config import SVD, Config
from llminit.errors import ConfigError
from llminit.registry import Entry, Registry
from llminit.selectors.composition import (
    Composition,
    Selector,
    fit_composition,
    is_composed,
    parse_composition,
)
from llminit.selectors.selection import Selection, SelectorInput


def describe_selector(part: Any, name: str | None) -> Entry[Selector]:
    """Return the registry's entry of a selector; its options are its keyword-only parameters.

    Raises:
        ConfigError: The function does not keep the contract; the message says what to write.
    """
    key = name or getattr(part, "__name__", None)
    if not callable(part) or key is None:
        raise ConfigError(
            f"{part!r} is not a selector; expected a function of a SelectorInput that returns a Selection"
        )
    parameters = list(inspect.signature(part, eval_str=True).parameters.values())
    if not parameters or parameters[0].kind not in (parameters[0].POSITIONAL_ONLY, parameters[0].POSITIONAL_OR_KEYWORD):
        raise ConfigError(f"the selector {key!r} takes no SelectorInput; write def {key}(data: SelectorInput, ...)")
    fields: dict[str, Any] = {option.name: _field(key, option) for option in parameters[1:]}
    options_type: type[Config] = create_model(f"selector {key}", __base__=Config, **fields)
    return Entry(key, part, options_type, key)


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


class SelectorRegistry(Registry[Selector]):
    """Selectors by their names; a composed name stands for the selectors that it is made of."""

    def composition(self, name: str) -> Composition | None:
        """Return a composed name, taken apart; None for the name of one selector.

        Raises:
            ConfigError: It cannot be read, or one of its selectors is unknown.
        """
        if not is_composed(name) or super().__contains__(name):
            return None
        composition = parse_composition(name)
        for part in composition.selectors:
            if not super().__contains__(part):
                known = ", ".join([*self.names(), SVD])
                raise ConfigError(f"unknown part {part!r} in {name!r}; choose from: {known}")
        return composition

    def entry(self, name: str) -> Entry[Selector]:
        """Return the entry of a selector; a composed one takes no options.

        Raises:
            ConfigError: There is no selector of that name, or it cannot be used.
        """
        composition = self.composition(name)
        if composition is None:
            return super().entry(name)

        def composed(data: SelectorInput) -> Selection:
            """Stages that prepare the text, then selectors side by side."""
            return fit_composition(composition, data, self._default)

        return Entry(name, composed, create_model(f"selector {name}", __base__=Config), name)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (isinstance(name, str) and is_composed(name))

    def _default(self, name: str) -> Selector:
        """Return a selector with its default options, as a function of its input."""
        entry = super().entry(name)
        options = entry.options_type.make()
        chosen = {option: getattr(options, option) for option in entry.options_type.model_fields}
        return partial(entry.part, **chosen)


SELECTORS = SelectorRegistry("selector", "llminit.selectors", describe_selector)
"""Functions that fit maps from text embeddings to item embeddings."""
