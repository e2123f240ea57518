"""`LLMInit`: the manner of scikit-learn, around `fit`."""

from pathlib import Path
from typing import Any, Self

from llminit.config import FitConfig
from llminit.errors import ConfigError
from llminit.pipeline.fit import fit
from llminit.pipeline.parts import named_parts
from llminit.progress import Reporter
from llminit.recommender import Recommender


class LLMInit:
    """A recommender whose model starts from text embeddings.

        model = LLMInit(backbone="sgcl", init="whiten").fit(interactions, items)
        model.recommend(["ada"], k=10)

    Attributes:
        config: The options.
        recommender_: What was fitted; there after `fit`.
    """

    recommender_: Recommender

    def __init__(self, **options: Any) -> None:
        """Take the fields of `FitConfig`.

        Raises:
            ConfigError: An option is unknown, or its value cannot be used.
        """
        self.config = FitConfig.make(**named_parts(options))

    def __repr__(self) -> str:
        """Return the call with the options that are not the default ones."""
        return f"LLMInit({', '.join(f'{name}={value!r}' for name, value in self._changed().items())})"

    def get_params(self, *, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - as scikit-learn calls it
        """Return all options by name."""
        return {name: getattr(self.config, name) for name in FitConfig.model_fields}

    def set_params(self, **options: Any) -> Self:
        """Change options.

        Raises:
            ConfigError: An option is unknown, or its value cannot be used.
        """
        self.config = FitConfig.make(**self.get_params() | named_parts(options))
        return self

    def fit(
        self,
        interactions: Any,
        items: Any = None,
        *,
        embeddings: Any = None,
        encoder: Any = None,
        cache: str | Path | None = None,
        device: str = "cpu",
        reporter: Reporter | None = None,
    ) -> Self:
        """Measure and fit; see `llminit.fit`, whose arguments these are.

        Raises:
            InputError: Something given cannot be used; the message says what to do.
        """
        self.recommender_ = fit(
            interactions,
            items,
            embeddings=embeddings,
            encoder=encoder,
            cache=cache,
            device=device,
            config=self.config,
            reporter=reporter,
        )
        return self

    def recommend(self, user_ids: Any = None, k: Any = 10, **options: Any) -> Any:
        """Return the best items of each user; see `Recommender.recommend`.

        Raises:
            ConfigError: It is not fitted yet.
        """
        return self._fitted().recommend(user_ids, k, **options)

    def similar_items(self, item_id: Any, k: int = 10) -> Any:
        """Return the items that are most like an item; see `Recommender.similar_items`.

        Raises:
            ConfigError: It is not fitted yet.
        """
        return self._fitted().similar_items(item_id, k)

    def evaluate(self, interactions: Any, **options: Any) -> dict[str, Any]:
        """Measure on interactions that it has not seen; see `Recommender.evaluate`.

        Raises:
            ConfigError: It is not fitted yet.
        """
        return self._fitted().evaluate(interactions, **options)

    def _fitted(self) -> Recommender:
        if not hasattr(self, "recommender_"):
            raise ConfigError(
                "this LLMInit is not fitted yet, expected a fitted one; call fit(interactions, items) first"
            )
        return self.recommender_

    def _changed(self) -> dict[str, Any]:
        return self.config.model_dump(exclude_defaults=True)
