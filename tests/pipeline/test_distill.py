"""A mixture that is distilled: fitted, saved, loaded, and measured beside the mixture."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llminit import Recommender, fit
from llminit.errors import ConfigError, InputError
from llminit.models.mixture import Mixture
from llminit.models.serving import DotProduct, ItemModel
from noted import Noted
from planted import plant

pytestmark = pytest.mark.usefixtures("one_thread")

WORLD = plant()
PAIR = (WORLD.embeddings["item_id"], WORLD.embeddings["embedding"].to_numpy())
PARTS: dict[str, Any] = {"parts": ["softmax", "l3ae"]}
SMALL: dict[str, Any] = {"embedding_size": 8, "epochs": 3, "backbone": "mixture"}


def fitted(distill: int | None, **options: Any) -> Recommender:
    mixture = PARTS | ({} if distill is None else {"distill": distill})
    return fit(WORLD.interactions, embeddings=PAIR, backbone_options=mixture, **SMALL | options)


def test_it_is_saved_as_two_tables_that_recommend_as_the_mixture(tmp_path: Path) -> None:
    """Wide enough, its lists are the mixture's; it has embeddings and finds like items, after loading too."""
    mixture = fitted(None, refit=False)
    assert isinstance(mixture.model, Mixture)
    with pytest.raises(ConfigError, match=r"has no embeddings; fit a backbone .* distill=256"):
        mixture.item_embeddings()
    made = fitted(40, refit=False, out=tmp_path / "model")
    again = Recommender.load(tmp_path / "model")
    assert isinstance(again.model, DotProduct)
    assert again.item_embeddings().shape == (40, 2)
    assert again.user_embeddings()["embedding"].dtype.size == 40  # type: ignore[attr-defined]
    assert again.similar_items("i00", k=3).equals(made.similar_items("i00", k=3))
    ours, theirs = (each.recommend(None, k=5) for each in (again, mixture))
    shared = ours.join(theirs, on=["user_id", "item_id"], how="semi")
    assert len(shared) > 0.95 * len(theirs)


def test_the_loss_is_measured_on_validation_and_told() -> None:
    """The report has both metrics and what is lost; a note says whether it is little. A mixture alone has neither."""
    noted = Noted()
    wide = fitted(40, reporter=noted).report
    assert set(wide["distilled"]) == {"width", "metric", "mixture", "distilled", "loss"}
    assert wide["distilled"]["loss"] == pytest.approx(1 - wide["distilled"]["distilled"] / wide["distilled"]["mixture"])
    assert abs(wide["distilled"]["loss"]) < 0.05
    assert wide["options"]["distill"] == 40
    assert any("distilled into two tables of 40 columns" in message for message in noted.messages)
    narrow = fitted(1, reporter=noted).report
    assert narrow["distilled"]["loss"] > 0.02
    assert any("a larger width loses less" in message for message in noted.messages)
    assert narrow["metrics"]["standard"]["ndcg@10"] < wide["metrics"]["standard"]["ndcg@10"]
    assert "distilled" not in fitted(None).report


def test_what_is_saved_after_a_refit_is_distilled_too() -> None:
    """Learned once more from everything, a mixture of baselines keeps its width."""
    options = {"parts": ["ease", "item-knn"], "distill": 6}
    model = fit(WORLD.interactions, backbone="mixture", backbone_options=options, init="xavier")
    assert isinstance(model.model, DotProduct)
    assert model.model.items.shape == (40, 6)
    assert model.report["refit"] is not None


def test_a_width_that_cannot_be_used_is_refused() -> None:
    """Before any work."""
    with pytest.raises(ConfigError, match="distill=0"):
        fit(None, backbone="mixture", backbone_options={"distill": 0})


def test_models_of_different_catalogues_are_not_mixed() -> None:
    """The message says how many items each has; nor are more weights than models."""
    models = [ItemModel([], np.ones(n, dtype=np.float32)) for n in (3, 3, 4)]
    with pytest.raises(InputError, match="models of 3, 4 items, expected models of the same items"):
        Mixture(models[1:], [0.5, 0.5])
    with pytest.raises(InputError, match="2 models and 3 weights"):
        Mixture(models[:2], [0.5, 0.3, 0.2])
    arrays = Mixture(models[:2], [0.5, 0.5]).arrays()
    arrays["1:item-model:popularity"] = np.ones(5, dtype=np.float32)
    with pytest.raises(ValueError, match="models of 3, 5 items"):
        Mixture.from_arrays(arrays)
