"""A mixture of models: weighted sums of their scores, each on the scale of its own user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.sparse import csr_array

from llminit.arrays import AnyArray, FloatArray, IntArray
from llminit.errors import InputError
from llminit.models.serving import Factor, ServingModel, serving_from


def standardized(scores: FloatArray) -> FloatArray:
    """Return each user's scores with mean 0 and standard deviation 1 over all items; constant ones become 0.

    Args:
        scores: float32 of shape (n, n_items).
    """
    centred = scores - scores.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    result: FloatArray = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return result


def mixed(scores: Sequence[FloatArray], weights: Sequence[float]) -> FloatArray:
    """Return the weighted sum of the models' standardized scores, float32 of shape (n, n_items)."""
    total = np.zeros_like(scores[0])
    for weight, part in zip(weights, scores, strict=True):
        total += np.float32(weight) * standardized(part)
    return total


@dataclass(frozen=True, eq=False)
class Mixture:
    """Scores by the weighted sum of other models' standardized scores.

    Attributes:
        models: The models, of the same items.
        weights: One for each.
    """

    models: Sequence[ServingModel]
    weights: Sequence[float]
    form: ClassVar[str] = "mixture"

    def __post_init__(self) -> None:
        """Check that the models can be mixed.

        Raises:
            InputError: There are not as many weights as models, or the models are of different catalogues.
        """
        if not self.models or len(self.models) != len(self.weights):
            raise InputError(
                f"found {len(self.models)} models and {len(self.weights)} weights, expected one weight for each of at "
                "least one model; give as many"
            )
        sizes = [model.n_items for model in self.models]
        if len(set(sizes)) != 1:
            raise InputError(
                f"found models of {', '.join(map(str, sizes))} items, expected models of the same items; mix models "
                "that were fitted to the same data with the same filters"
            )

    @property
    def n_items(self) -> int:
        """How many items are scored."""
        return self.models[0].n_items

    def scores(self, users: IntArray, history: csr_array) -> FloatArray:
        """Return float32 of shape (n, n_items); see `ServingModel`."""
        return mixed([model.scores(users, history) for model in self.models], self.weights)

    def item_vectors(self) -> Factor:
        """Return those of the model with the largest weight."""
        return self.models[int(np.argmax(self.weights))].item_vectors()

    def arrays(self) -> dict[str, AnyArray]:
        """Return the weights, and the models' arrays under their number and form."""
        arrays: dict[str, AnyArray] = {"weights": np.asarray(self.weights, dtype=np.float64)}
        for index, model in enumerate(self.models):
            arrays |= {f"{index}:{model.form}:{name}": array for name, array in model.arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, AnyArray]) -> "Mixture":
        """Make the mixture whose `arrays` these are.

        Raises:
            KeyError: An array is missing.
            ValueError: The arrays do not fit together, or hold models that cannot be mixed.
        """
        weights = arrays["weights"].tolist()
        parts: list[dict[str, dict[str, AnyArray]]] = [{} for _ in weights]
        for key in arrays.keys() - {"weights"}:
            index, form, name = key.split(":", 2)
            parts[int(index)].setdefault(form, {})[name] = arrays[key]
        models = [serving_from(form, own) for part in parts for form, own in part.items()]
        return cls(models, weights)
