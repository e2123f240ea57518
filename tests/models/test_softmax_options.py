"""The options of the softmax's family: what each does in training, and what is refused."""

from typing import Any

import numpy as np
import pytest
import torch

import oracles
import oracles_losses
from llminit.config import TrainingConfig
from llminit.errors import ConfigError
from llminit.models import BACKBONES, Batch
from llminit.models.backbones.history import History, HistoryConfig
from llminit.models.backbones.softmax import Softmax, SoftmaxConfig
from llminit.models.sampled_softmax import SampledSoftmax
from llminit.testing import check_backbone
from llminit.training import train
from sample_graphs import pairs_of, small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS: list[dict[str, Any]] = [
    {"loss": "sl@k", "quantile_k": 2, "quantile_sample": 4, "quantile_every": 2},
    {"loss": "bsl", "positive_temperature": 0.3, "anchor_weight": 0.5},
    {"loss": "psl", "surrogate": "atan"},
    {"loss": "directau", "gamma": 0.5},
    {"loss": "directau", "anchor_weight": 0.5},
    {"learn_temperature": True},
]
GRAPH: list[dict[str, Any]] = [{"n_layers": 2}, {"n_layers": 1, "loss": "sl@k", "anchor_weight": 1.0}]
MADE = [("softmax", options) for options in [*OPTIONS, *GRAPH]] + [("history", options) for options in OPTIONS]


@pytest.mark.parametrize(("name", "options"), MADE)
def test_every_loss_keeps_the_contract(name: str, options: dict[str, Any]) -> None:
    """With any loss a backbone resumes to the same bits, is restored to its best epoch, and trains as it compiles."""
    base, base_options = (Softmax, SoftmaxConfig) if name == "softmax" else (History, HistoryConfig)
    values = {"__annotations__": {key: base_options.model_fields[key].annotation for key in options}, **options}
    options_type = type("Options", (base_options,), {"__module__": __name__, **values})
    kind = type("Variant", (base,), {"name": f"{name}-variant", "options_type": options_type})
    check_backbone(kind)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "directau", "sampled_negatives": True}, "loss='directau' has no sampled_negatives; leave it out, or"),
        ({"loss": "directau", "temperature": 0.2}, "has no temperature"),
        ({"loss": "directau", "log_q": 1.0}, "has no log_q"),
        ({"loss": "directau", "learn_temperature": True}, "has no learn_temperature"),
        ({"loss": "bsl", "learn_temperature": True}, "choose the loss softmax or sl@k or psl"),
        ({"loss": "bsl", "weight_temperature": 0.5}, "loss='bsl' has no weight_temperature.*choose the loss sl@k"),
        ({"gamma": 2.0}, "loss='softmax' has no gamma.*choose the loss directau"),
        ({"quantile_k": 5}, "has no quantile_k"),
        ({"loss": "sl@k", "surrogate": "relu"}, "has no surrogate"),
        ({"loss": "psl", "negative_power": 1.1}, "has no negative_power"),
        ({"loss": "psl", "positive_temperature": 1.1}, "has no positive_temperature"),
        ({"loss": "psl", "surrogate": "sigmoid"}, "surrogate='sigmoid' cannot be used"),
        ({"loss": "sl@20"}, "loss='sl@20' cannot be used"),
        ({"loss": "bsl", "positive_temperature": 0}, "greater than 0"),
        ({"loss": "sl@k", "quantile_every": 0}, "greater than or equal to 1"),
        ({"anchor_weight": -1}, "greater than or equal to 0"),
        ({"learn_temperature": True, "temperature": 2.0}, "between 0.01 and 1, and temperature=2"),
    ],
)
@pytest.mark.parametrize("name", ["softmax", "history"])
def test_bad_values_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    """An option of another loss, and a value that no loss can use, say what to do."""
    with pytest.raises(ConfigError, match=message):
        BACKBONES[name].options_type.make(**options)


def test_options_at_their_defaults_suit_every_loss() -> None:
    """What another loss does not take may be named with its default value, as a file of all options does."""
    everything = SoftmaxConfig().model_dump()
    assert SoftmaxConfig.make(**(everything | {"loss": "directau"})).loss == "directau"
    with pytest.raises(ConfigError, match="unknown option 'n_layers'"):
        HistoryConfig.make(n_layers=1)


def make(name: str, **options: Any) -> SampledSoftmax:
    kind, rng = BACKBONES[name], np.random.default_rng(0)
    backbone = kind(vectors(rng, 7, 5), vectors(rng, 9, 5), small_graph(), kind.options_type.make(**options))
    assert isinstance(backbone, SampledSoftmax)
    return backbone


BATCH = Batch(torch.tensor([0, 1, 1, 5]), torch.tensor([7, 8, 9, 7]), torch.empty(0, dtype=torch.int64))


@pytest.mark.parametrize("n_layers", [0, 1, 3])
@pytest.mark.parametrize("loss", ["softmax", "directau"])
def test_layers_are_lightgcns(n_layers: int, loss: str) -> None:
    """Loss and gradient are those of cosines of rows that are averaged over the layers; the anchor's, of the table."""
    backbone = make("softmax", n_layers=n_layers, loss=loss, anchor_weight=0.3)
    start = oracles.tensor(backbone.embeddings.detach())
    with torch.no_grad():
        backbone.embeddings.add_(0.1)
    table = oracles.tensor(backbone.embeddings.detach()).requires_grad_()
    matrix = oracles.dense_adjacency(pairs_of(small_graph()), 7, 9)
    final = oracles.average_layers(table, [matrix] * n_layers)
    users, items = final[BATCH.users], final[BATCH.positives]
    if loss == "directau":
        expected = oracles_losses.directau(users, items, 1.0)
    else:
        cosines = torch.stack([torch.stack([oracles.cosine(user, item) for item in items]) for user in users])
        kept = (BATCH.positives != BATCH.positives[:, None]).numpy() | np.eye(4, dtype=bool)
        expected = oracles_losses.family_loss(cosines, kept, BATCH.users.tolist(), {}, [0.0] * 4)
    expected = expected + 0.3 * oracles_losses.anchor(table, start, {0, 1, 5, 7, 8, 9}, 4)
    found = backbone.loss(BATCH)
    assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5, abs=1e-6)
    (gradient,) = torch.autograd.grad(found, backbone.embeddings)
    oracles.assert_close(gradient.to_dense(), torch.autograd.grad(expected, table)[0], 1e-4)


def test_a_trained_graph_serves_without_a_hop_until_validation_chooses() -> None:
    """Early stopping watches the rows that training compares; hops are chosen afterwards as for all."""
    backbone = make("softmax", n_layers=2)
    assert np.array_equal(np.concatenate(backbone.final_embeddings()), backbone.trained_units().numpy())
    assert backbone.choose_serving(lambda *_: 1.0) == {"hop_weights": []}


@pytest.mark.parametrize("name", ["softmax", "history"])
def test_a_learned_temperature_moves_and_stays_within_bounds(name: str) -> None:
    """It starts at the option, is trained by Adam with the rows, and never leaves 0.01 to 1."""
    backbone = make(name, learn_temperature=True, temperature=0.9)
    assert float(backbone.temperature()) == pytest.approx(0.9)
    config = TrainingConfig(epochs=3, train_batch_size=8, learning_rate=0.05)
    assert train(backbone, config).n_parameters == backbone.embeddings.numel() + 1
    assert float(backbone.temperature()) != pytest.approx(0.9)
    with torch.no_grad():
        backbone.log_temperature.fill_(3.0)
    assert float(backbone.temperature()) == pytest.approx(1.0)
    backbone.loss(BATCH).backward()  # type: ignore[no-untyped-call]
    assert backbone.log_temperature.grad is not None
    assert float(backbone.log_temperature.grad) != 0, "at its bound it can still turn back"


@pytest.mark.parametrize("name", ["softmax", "history"])
def test_a_strong_anchor_keeps_rows_near_their_start(name: str) -> None:
    """With a strong anchor, rows turn less than without."""
    turned = {}
    for weight in (0.0, 100.0):
        backbone = make(name, anchor_weight=weight)
        start = backbone.trained_units()
        train(backbone, TrainingConfig(epochs=20, train_batch_size=8, learning_rate=0.01))
        turned[weight] = float((backbone.trained_units() - start).norm())
    assert turned[100.0] < 0.3 * turned[0.0]


def test_a_subclass_with_other_rows_does_not_inherit_the_compiled_step() -> None:
    """Compiled steps know the rows of their own backbone alone."""

    class Doubled(Softmax):
        name = "doubled"

        def batch_rows(self, batch: Batch, columns: torch.Tensor) -> Any:
            rows = super().batch_rows(batch, columns)
            return rows._replace(users=2 * rows.users)

    assert make("softmax").compiled_loss() is not None
    users, items = (vectors(np.random.default_rng(0), n_rows, 5) for n_rows in (7, 9))
    assert Doubled(users, items, small_graph()).compiled_loss() is None
