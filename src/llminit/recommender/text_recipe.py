"""How the texts of a fitted recommender's items became initial embeddings, so that a new item can go the same way."""

from dataclasses import dataclass, field
from typing import Any

from llminit.arrays import AnyArray
from llminit.errors import ConfigError
from llminit.selectors import Selection


@dataclass(frozen=True, eq=False)
class TextRecipe:
    """The encoder, the template and the fitted selection.

    Attributes:
        selector: The name of the selector.
        selector_options: Its options.
        selection: What it was fitted to.
        encoder: The encoder's SPEC; None where text embeddings were given, whose encoder is not known.
        encoder_options: Options that the encoder was opened with.
        identity: What the encoder says of itself: its model's state and all that changes its vectors.
        template: The template of the item text; None where text embeddings were given.
        fingerprint: Digest of the text embeddings that the selection was fitted to.
    """

    selector: str
    selector_options: dict[str, Any]
    selection: Selection
    encoder: str | None = None
    encoder_options: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)
    template: str | None = None
    fingerprint: str = ""

    def document(self) -> dict[str, Any]:
        """Return all but the arrays, as JSON values."""
        return {
            "selector": self.selector,
            "selector_options": self.selector_options,
            "encoder": self.encoder,
            "encoder_options": self.encoder_options,
            "identity": self.identity,
            "template": self.template,
            "fingerprint": self.fingerprint,
        }

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays of the selection by name."""
        return self.selection.arrays()

    @classmethod
    def from_parts(cls, document: dict[str, Any], arrays: dict[str, AnyArray]) -> "TextRecipe":
        """Make a recipe from what `document` and `arrays` gave.

        Raises:
            KeyError: A part is missing.
            TypeError: The document has other names.
        """
        if not any(name in ("dims", "matrix", "unit") or name.startswith("parts.") for name in arrays):
            raise KeyError("the selection's dims, matrix, unit or parts")
        return cls(selection=Selection.from_arrays(arrays), **document)

    def check_identity(self, identity: dict[str, Any]) -> None:
        """Check that an encoder is the one that made this recipe's embeddings.

        Raises:
            ConfigError: Its identity is another; vectors of two encoders cannot be mixed.
        """
        if identity != self.identity:
            changed = sorted(
                name for name in {*identity, *self.identity} if identity.get(name) != self.identity.get(name)
            )
            raise ConfigError(
                f"the encoder {self.encoder} is not the one that this recommender was fitted with (other: "
                f"{', '.join(changed)}); install the same model, or fit again"
            )
