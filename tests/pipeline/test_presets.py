"""Presets fill what was left open, by rules from the data, and nothing else."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from llminit import fit
from llminit.config import FitConfig
from llminit.errors import ConfigError
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct
from llminit.pipeline import presets
from llminit.pipeline.inputs import load_dataset
from llminit.pipeline.presets import PRESETS, fitted_to_data, softmax_log_q, with_preset
from llminit.recommender import Recommender
from llminit.text import TextEmbeddings
from noted import Noted

pytestmark = pytest.mark.usefixtures("one_thread")


def table(n_users: int = 40, n_items: int = 30, n_each: int = 6, seed: int = 0) -> pl.DataFrame:
    """Interactions of users with items of their own half of the catalogue, mostly."""
    rng = np.random.default_rng(seed)
    half = n_items // 2
    rows = [
        (f"u{user}", f"i{item}")
        for user in range(n_users)
        for item in rng.choice(half, n_each, replace=False) + (user % 2) * half
    ]
    return pl.DataFrame(rows, schema=["user_id", "item_id"], orient="row")


def vectors(n_items: int = 30, width: int = 12) -> tuple[list[str], np.ndarray]:
    """Text embeddings that tell the halves apart."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(n_items, width)).astype(np.float32)
    rows[n_items // 2 :, 0] += 4
    return [f"i{item}" for item in range(n_items)], rows


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_what_was_left_open(name: str) -> None:
    """Its values stand where the caller named none, and the caller's own stay."""
    filled = with_preset(FitConfig(preset=name, patience=7))
    assert filled.patience == 7
    assert filled.backbone == PRESETS[name]["backbone"]  # type: ignore[index]
    assert filled.embedding_size == PRESETS[name]["embedding_size"]  # type: ignore[index]


def test_fast_is_the_default_and_a_named_backbone_has_none() -> None:
    """Without either it is fast; a named backbone keeps its own defaults, the paper's."""
    assert with_preset(FitConfig()).preset == "fast"
    paper = with_preset(FitConfig(backbone="lightgcn"))
    assert (paper.preset, paper.patience, paper.epochs) == (None, 10, 300)


def test_a_preset_and_another_backbone_are_refused() -> None:
    """Both at once contradict each other, and the message names both."""
    with pytest.raises(ConfigError, match="preset='fast' is about softmax, but the backbone is 'lightgcn'"):
        with_preset(FitConfig(preset="fast", backbone="lightgcn"))


def test_options_survive_being_written() -> None:
    """The filled options, made again from what a report keeps, are the same."""
    filled = with_preset(FitConfig(preset="best"))
    assert with_preset(FitConfig.make(**filled.model_dump(mode="json"))) == filled


def test_rules_from_the_data() -> None:
    """The denser the data, the more of the correction for popularity; the width never exceeds the text's directions."""
    sizes = ((4000, 4000, 2), (400, 400, 2), (40, 30, 12))
    sparse, between, dense = (load_dataset(table(*size), None, FitConfig()) for size in sizes)
    assert softmax_log_q(sparse) == 0 < softmax_log_q(between) < softmax_log_q(dense) == 1
    text = TextEmbeddings.from_arrays(pl.Series(vectors()[0]), vectors()[1])
    for preset, size in (("fast", 12), ("max", 12)):
        asked = FitConfig(preset=preset)
        assert fitted_to_data(asked, with_preset(asked), dense, text).embedding_size == size
    named = FitConfig(embedding_size=3, backbone_options={"log_q": 0.4})
    adapted = fitted_to_data(named, with_preset(named), sparse, None)
    assert (adapted.embedding_size, adapted.backbone_options) == (3, {"log_q": 0.4})


def test_a_model_of_the_order_says_that_there_is_none() -> None:
    """Named for data without timestamps it is L3AE, and that is said; with them nothing is."""
    for rows, said in ((table(), 1), (table().with_columns(timestamp=pl.int_range(pl.len())), 0)):
        reporter = Noted()
        model = fit(rows, embeddings=vectors(), backbone="l3ae-windows", reporter=reporter)
        assert len(model.items) == 30
        assert (
            sum("no timestamps: l3ae-windows learns without their order" in note for note in reporter.messages) == said
        )


def test_a_loss_without_negatives_gets_no_correction_for_them() -> None:
    """DirectAU takes no log_q, so the preset adds none, alone or in a mixture; other losses get it."""
    data = load_dataset(table(40, 30, 12), None, FitConfig())
    for loss, expected in (("directau", {"loss": "directau"}), ("psl", {"loss": "psl", "log_q": 1.0})):
        named = FitConfig(backbone_options={"loss": loss})
        assert fitted_to_data(named, with_preset(named), data, None).backbone_options == expected
        mixed = FitConfig(preset="max", backbone_options={"part_options": {"softmax": {"loss": loss}}})
        options = fitted_to_data(mixed, with_preset(mixed), data, None).backbone_options
        assert options["part_options"]["softmax"] == expected


def test_max_mixes_models_and_its_recommender_is_saved(tmp_path: object) -> None:
    """The mixture beats chance, its weights come from validation, and what was saved recommends the same."""
    out = f"{tmp_path}/model"
    model = fit(table(), embeddings=vectors(), preset="max", epochs=3, out=out)
    assert isinstance(model.model, Mixture)
    options = model.report["options"]
    assert sum(options["weights"]) == pytest.approx(1)
    assert set(options["part_options"]) == {"softmax", "l3ae"}
    assert "hop_weights" in options["part_options"]["softmax"]
    users = [f"u{user}" for user in range(10)]
    again = Recommender.load(out).recommend(users, k=5)
    assert again.equals(model.recommend(users, k=5))
    halves = [int(item[1:]) // 15 == int(user[1:]) % 2 for user, item in again.select("user_id", "item_id").rows()]
    assert np.mean(halves) > 0.8


@pytest.mark.parametrize("preset", PRESETS)
def test_texts_with_few_directions(preset: Any) -> None:
    """Encoders leave some of their columns unused, and texts may be few words: a preset is no wider than they allow."""
    ids, rows = vectors(width=40)
    flat = rows @ np.random.default_rng(2).normal(size=(40, 5)) @ np.random.default_rng(3).normal(size=(5, 40))
    model = fit(table(), embeddings=(ids, flat.astype(np.float32)), preset=preset, epochs=2)
    assert model.report["config"]["embedding_size"] == 5


def test_best_is_two_tables_of_what_max_knows() -> None:
    """It is the mixture of `max`, distilled, with embeddings and maps for newcomers; a named width is the tables'."""
    model = fit(table(), embeddings=vectors(), preset="best", epochs=3)
    assert isinstance(model.model, DotProduct)
    assert model.model.items.shape == (30, 12), "as wide as the text has directions"
    assert model.report["config"]["backbone_options"]["distill"] == model.report["distilled"]["width"] == 12
    assert model.report["options"]["part_options"].keys() == {"softmax", "l3ae"}
    recommended = model.recommend([f"u{user}" for user in range(10)], k=5).select("user_id", "item_id").rows()
    assert np.mean([int(item[1:]) // 15 == int(user[1:]) % 2 for user, item in recommended]) > 0.8
    assert len(model.add_items(pl.DataFrame({"item_id": ["new"]}), embeddings=(["new"], vectors()[1][:1])).items) == 31
    named = FitConfig(preset="best", embedding_size=5)
    data, text = load_dataset(table(), None, named), TextEmbeddings.from_arrays(pl.Series(vectors()[0]), vectors()[1])
    adapted = fitted_to_data(named, with_preset(named), data, text)
    assert (adapted.embedding_size, adapted.backbone_options["distill"]) == (5, 5)


@pytest.mark.parametrize("preset", ["best", "max"])
def test_what_is_left_where_l3ae_cannot_be(preset: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without text, or with too many items, the presets are their backbone alone."""
    model = fit(table(), preset=preset, init="xavier", epochs=2, refit=False, embedding_size=8)
    assert model.report["config"]["backbone"] == "softmax"
    monkeypatch.setattr(presets, "MAX_ITEMS_OF_L3AE", 29)
    options = {"part_options": {"softmax": {"temperature": 0.3}}}
    model = fit(table(), embeddings=vectors(), preset=preset, epochs=2, refit=False, backbone_options=options)
    assert model.report["config"]["backbone"] == "softmax"
    assert model.report["config"]["backbone_options"] == {"log_q": 1.0, "temperature": 0.3}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": ["softmax", "nothing"]}, "names 'nothing'"),
        ({"parts": ["softmax", "lightgcn"]}, "at most one backbone"),
        ({"weights": [1.0]}, "1 weights for 2 parts"),
        ({"part_options": {"l3ae": {"l2": -1000}}}, "add up to 0 or less"),
    ],
)
def test_mixtures_that_cannot_be_made_are_refused(options: dict[str, object], message: str) -> None:
    """Before any work, with what is wrong."""
    with pytest.raises(ConfigError, match=message):
        fit(table(), embeddings=vectors(), backbone="mixture", backbone_options=options)


def test_a_mixture_checks_the_start_of_its_backbone() -> None:
    """An unknown selector is refused before any work, as for the backbone alone; a mixture of baselines needs none."""
    with pytest.raises(ConfigError, match="no-such"):
        fit(None, preset="max", init="no-such")
    parts = {"parts": ["popularity", "item-knn"], "weights": [0.5, 0.5]}
    model = fit(table(), backbone="mixture", backbone_options=parts, init="xavier")
    assert isinstance(model.model, Mixture)


@pytest.mark.parametrize("preset", PRESETS)
def test_svd_needs_no_text_and_is_as_wide_as_the_graph_allows(preset: str) -> None:
    """From interactions alone every preset trains softmax from the graph's spectrum, narrower where data are small."""
    interactions = table()
    model = fit(interactions, preset=preset, init="svd", epochs=1)
    config = model.report["config"]
    assert (config["backbone"], config["init"]) == ("softmax", "svd")
    assert config["embedding_size"] == 29
    assert model.report["n_users_without_history"] == 0
    named = fit(interactions, preset=preset, init="svd", epochs=1, embedding_size=4, refit=False)
    assert named.report["config"]["embedding_size"] == 4
