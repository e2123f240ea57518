"""The search space: rules from the data and the text, and trials that stand for options of `fit`."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llminit.config import FitConfig
from llminit.data import Dataset
from llminit.models import BACKBONES, Backbone
from llminit.pipeline.checks import check_names
from llminit.pipeline.inputs import load_dataset
from llminit.pipeline.presets import fitted_to_data, with_preset
from llminit.text import TextEmbeddings
from llminit.tuning import space as rules
from llminit.tuning.config import TuneConfig
from llminit.tuning.space import Choice, Space, search_space

EVERYTHING = ("softmax", "history", "mixture", "mf", "lightgcn", "sgl", "sgcl", "ease", "l3ae")


def data(n_users: int = 60, n_items: int = 400, n_each: int = 30) -> Dataset:
    rng = np.random.default_rng(0)
    rows = [(user, int(item)) for user in range(n_users) for item in rng.choice(n_items, n_each, replace=False)]
    return load_dataset(pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row"), None, FitConfig())


DATA = data()


def text(width: int = 300, rank: int | None = None, n_missing: int = 0) -> TextEmbeddings:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(DATA.n_items, width if rank is None else rank))
    values = values if rank is None else values @ rng.normal(size=(rank, width))
    missing = np.arange(DATA.n_items) < n_missing
    return TextEmbeddings(DATA.items.ids, values.astype(np.float32), missing)


TEXT = text()


def space(dataset: Dataset = DATA, texts: TextEmbeddings | None = TEXT, **options: Any) -> Space:
    return search_space(TuneConfig.make(**options), dataset, texts)


def values_of(found: Space, model: str, name: str) -> tuple[Any, ...]:
    dimension = found.models[model][name]
    assert isinstance(dimension, Choice)
    return dimension.values


class Drawn:
    """Stands for an Optuna trial whose values hypothesis draws."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        return self.draw(st.floats(low, high))

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))


WHOLE = space(backbones=EVERYTHING)


@st.composite
def drawn_values(draw: st.DrawFn) -> dict[str, Any]:
    return WHOLE.suggest(Drawn(draw))


@settings(deadline=None)
@given(drawn_values())
def test_every_point_is_a_fit(values: dict[str, Any]) -> None:
    """Whatever is drawn stands for options that `fit` accepts, and that survive being written."""
    config = WHOLE.config(values)
    check_names(config)
    assert FitConfig.make(**config.model_dump(mode="json")) == config
    assert config.backbone not in ("ease", "l3ae"), "baselines choose their own options"
    assert config.embedding_size <= 300


@pytest.mark.parametrize("named", [{}, {"embedding_size": 40}, {"init": "pca", "epochs": 7, "learning_rate": 0.01}])
@pytest.mark.parametrize("texts", [TEXT, None])
def test_the_first_trials_are_the_presets(named: dict[str, Any], texts: TextEmbeddings | None) -> None:
    """They are what `fit --preset` makes of these data and named options, but for options at their defaults."""
    named = named if texts is not None else {name: value for name, value in named.items() if name != "init"}
    found = space(texts=texts, backbones=("softmax", "mixture") if texts is not None else ("softmax",), **named)
    labels = ["fast", "wide", "max"] if texts is not None else ["fast", "wide"]
    assert [first.label for first in found.first] == labels
    for first in found.first:
        if first.label == "wide":
            assert found.config(first.values).embedding_size == named.get("embedding_size", 300 if texts else 512)
            continue
        asked = FitConfig.make(**named | ({} if texts is not None else {"init": "xavier"}), preset=first.label)
        expected = fitted_to_data(asked, with_preset(asked), DATA, texts)
        config = found.config(first.values)
        different = {name for name in FitConfig.model_fields if getattr(config, name) != getattr(expected, name)}
        assert different <= {"preset", "backbone_options"}
        given = expected.backbone_options.get("part_options", {"softmax": expected.backbone_options})["softmax"]
        own = config.backbone_options.get("part_options", {"softmax": config.backbone_options})["softmax"]
        options = BACKBONES["softmax"].options_type
        assert options.make(**own) == options.make(**given)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (text(300), (64, 128, 256, 300)),
        (text(300, n_missing=DATA.n_items - 200), (64, 128, 199)),
        (text(300, rank=90), (64, 90)),
        (text(300, rank=20), (5, 10, 20)),
        (None, (32, 64, 128, 256, 512)),
    ],
)
def test_widths(texts: TextEmbeddings | None, expected: tuple[int, ...]) -> None:
    """Widths end at the number of directions in which the texts of these items vary; a preset's is always there."""
    models = ("softmax",) if texts is None else ("softmax", "mixture")
    assert values_of(space(texts=texts, backbones=models), "softmax", "embedding_size") == expected


def test_models_that_need_too_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Widths are left out where a model of them would not fit, but never the smallest and the presets'."""
    monkeypatch.setattr(rules, "MAX_MODEL_BYTES", 0)
    assert values_of(space(), "softmax", "embedding_size") == (64, 128, 300)


def test_batches_follow_the_data() -> None:
    """An epoch has at least 64 steps, but for the smallest batch."""
    assert values_of(space(), "softmax", "train_batch_size") == (128,)
    larger = data(n_users=2200)
    assert values_of(space(larger), "softmax", "train_batch_size") == (128, 256, 512, 1024)


def test_starts() -> None:
    """With text there are four selections, without it embeddings start at random."""
    assert values_of(space(), "history", "init") == ("canonical", "propagated-whiten", "whiten", "pca", "variance")
    assert values_of(space(texts=None, backbones=("softmax",)), "softmax", "init") == ("xavier",)
    for texts in (None, TEXT):
        found = space(texts=texts, backbones=("softmax",), init="svd")
        assert values_of(found, "softmax", "init") == ("svd",)
        # The graph of 60 users has 59 directions at most.
        assert max(values_of(found, "softmax", "embedding_size")) == 59


def test_what_is_named_is_not_searched() -> None:
    """An option that the call names has that value in every trial, and models those of their own."""
    named: dict[str, Any] = {
        "init": "uniform",
        "embedding_size": 77,
        "learning_rate": 0.02,
        "train_batch_size": 99,
        "patience": 2,
    }
    found = space(**named, backbones=EVERYTHING)
    for dimensions in found.models.values():
        assert not {"init", "embedding_size", "learning_rate", "train_batch_size"} & {
            name for name, own in dimensions.items() if own != Choice((named.get(name),))
        }
    for first in found.first:
        config = found.config(first.values)
        if first.label not in ("ease", "l3ae"):
            assert {name: getattr(config, name) for name in named} == named


def test_models_train_as_long_as_their_presets() -> None:
    """The softmax kind takes the presets' epochs and patience, other models those of `fit`."""
    found = space(backbones=EVERYTHING)
    lengths = {
        first.label: (found.config(first.values).epochs, found.config(first.values).patience) for first in found.first
    }
    assert lengths["fast"] == lengths["max"] == (50, 2)
    assert lengths["lightgcn"] == lengths["mf"] == (300, 10)


def test_baselines_are_tried_once() -> None:
    """Baselines choose their options on validation by themselves: they come first, and are not searched."""
    found = space(backbones=("ease", "softmax"))
    assert {first.label: first.values for first in found.first}["ease"] == {"backbone": "ease"}
    assert list(found.models) == ["softmax"]


def test_a_backbone_of_another_package() -> None:
    """A model that these rules do not know is searched over what all models have."""

    class Plain(Backbone):
        """A model without options of its own."""

        name = "plain-test"

        def loss(self, batch: Any) -> Any:
            return self.embeddings.sum()

    BACKBONES.register(Plain)
    try:
        found = space(backbones=("plain-test",))
        assert set(found.models["plain-test"]) == {"init", "embedding_size", "learning_rate", "train_batch_size"}
        assert [first.label for first in found.first] == ["plain-test"]
    finally:
        BACKBONES.remove("plain-test")


def test_a_space_is_told_from_another() -> None:
    """The description changes with the text's width, the models, the data's density and what is named."""
    described = [
        space(**options).described()
        for options in (
            {},
            {"backbones": ("softmax",)},
            {"init": "pca"},
            {"dataset": data(n_each=2)},
            {"texts": text(64)},
        )
    ]
    assert all(one != other for index, one in enumerate(described) for other in described[:index])
    assert space().described() == described[0]
