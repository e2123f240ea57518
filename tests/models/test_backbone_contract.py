"""The contract of backbones: it accepts valid ones, and fails where a promise is broken."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from llminit.arrays import FloatArray
from llminit.compiled.steps import BPR, CompiledLoss
from llminit.config import TrainingConfig
from llminit.errors import ConfigError
from llminit.graph import Adjacency
from llminit.models import BACKBONES, Backbone, BackboneConfig, Batch
from llminit.models.backbones.lightgcn import LightGCN
from llminit.models.backbones.mf import MatrixFactorization
from llminit.models.losses import bpr
from llminit.progress import Task
from llminit.testing import check_backbone
from llminit.training import CheckpointFile, train
from sample_graphs import small_graph, vectors

pytestmark = pytest.mark.usefixtures("one_thread")


class Tempered(Backbone):
    """BPR whose margins are scaled by a temperature that is learned, with a count of epochs as a buffer."""

    name: ClassVar[str] = "tempered"
    n_epochs: torch.Tensor

    def __init__(
        self, users: FloatArray, items: FloatArray, adjacency: Adjacency, options: BackboneConfig | None = None
    ) -> None:
        super().__init__(users, items, adjacency, options)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.scales = nn.Parameter(torch.ones(users.shape[1]))
        self.register_buffer("n_epochs", torch.zeros((), dtype=torch.int64))

    def start_epoch(self, rng: np.random.Generator) -> None:
        self.n_epochs += 1

    def loss(self, batch: Batch) -> torch.Tensor:
        _, (users, positives, negatives) = self.rows(*batch)
        users = users * self.scales * self.log_temperature.exp()
        return bpr(users, positives, negatives)


class Hidden(Tempered):
    """Keeps a trained tensor in a list, where torch does not find it."""

    name: ClassVar[str] = "hidden"

    def __init__(self, *start: Any) -> None:
        super().__init__(*start)
        self.extra = [torch.zeros((), requires_grad=True)]

    def loss(self, batch: Batch) -> torch.Tensor:
        return super().loss(batch) + self.extra[0] ** 2


class Unused(Tempered):
    """Has a parameter that plays no part in its loss."""

    name: ClassVar[str] = "unused"

    def __init__(self, *start: Any) -> None:
        super().__init__(*start)
        self.idle = nn.Parameter(torch.zeros(3))


class Remembering(MatrixFactorization):
    """Keeps state between epochs that is not a buffer, so that no checkpoint holds it."""

    name: ClassVar[str] = "remembering"

    def __init__(self, *start: Any) -> None:
        super().__init__(*start)
        self.n_epochs = 0

    def start_epoch(self, rng: np.random.Generator) -> None:
        self.n_epochs += 1

    def loss(self, batch: Batch) -> torch.Tensor:
        return super().loss(batch) * (1 + self.n_epochs) + 0.1 * self.n_epochs * (self.embeddings**3).sum()


class WronglyCompiled(LightGCN):
    """Returns a compiled loss that differs from its `loss`."""

    name: ClassVar[str] = "wrongly-compiled"

    def loss(self, batch: Batch) -> torch.Tensor:
        return 3 * super().loss(batch) + (self.embeddings**2).sum()

    def compiled_loss(self) -> CompiledLoss:
        return CompiledLoss(BPR, 0.0)


class Noisy(MatrixFactorization):
    """Draws from torch's global generator."""

    name: ClassVar[str] = "noisy"

    def loss(self, batch: Batch) -> torch.Tensor:
        return super().loss(batch) + torch.rand(())


class Stuck(MatrixFactorization):
    """Has no gradient."""

    name: ClassVar[str] = "stuck"

    def loss(self, batch: Batch) -> torch.Tensor:
        return 0 * super().loss(batch)


def start(kind: type[Backbone], seed: int = 0) -> Backbone:
    rng = np.random.default_rng(seed)
    return kind(vectors(rng, 7, 5), vectors(rng, 9, 5), small_graph())


def test_more_parameters_and_buffers_keep_the_contract() -> None:
    """A backbone with a learned number, a learned vector and a buffer is trained, resumed and restored as a whole."""
    check_backbone(Tempered)


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Hidden, "what is trained is a parameter"),
        (Unused, "every parameter affects the loss"),
        (Remembering, "a resumed run"),
        (WronglyCompiled, "its compiled loss trains as its loss does"),
        (Noisy, "the same generator gives the same loss|a small step"),
        (Stuck, "the gradient is finite and not zero"),
    ],
)
def test_broken_promises_are_errors(kind: type[Backbone], promise: str) -> None:
    """The contract fails for each broken promise and names it."""
    with pytest.raises(AssertionError, match=f"backbone {kind.name} breaks its contract: .*({promise})"):
        check_backbone(kind)
    assert kind.name not in BACKBONES, "a check registers nothing"


def test_every_parameter_moves_as_torch_adam_moves_it() -> None:
    """Three epochs of our Adam on a table, a vector and a number end where torch's own Adam does."""
    config = TrainingConfig(epochs=3, train_batch_size=4, learning_rate=0.01)
    ours, theirs = start(Tempered), start(Tempered).double()
    result = train(ours, config, seed=5)
    adjacency, optimizer = theirs.adjacency, torch.optim.Adam(theirs.parameters(), lr=0.01)
    from llminit.training import TripleSampler

    sampler = TripleSampler(*adjacency.edges, adjacency.n_users, adjacency.n_items)
    for epoch in range(1, 4):
        triples = sampler.epoch(np.random.default_rng([5, epoch, 0]), negatives=True)
        for begin in range(0, triples.shape[1], 4):
            optimizer.zero_grad()
            torch.autograd.backward(
                theirs.loss(Batch(*(torch.from_numpy(part[begin : begin + 4]) for part in triples)))
            )
            optimizer.step()
    for (name, found), expected in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(found.double(), expected, atol=2e-5), name
    assert result.n_parameters == 16 * 5 + 5 + 1


def test_a_checkpoint_of_another_shape_is_not_used(tmp_path: Path) -> None:
    """A checkpoint with the right fingerprint and other tensors is ignored, with a note."""
    file, notes = CheckpointFile(tmp_path / "c.safetensors", "same", every_seconds=0), []
    train(start(MatrixFactorization), TrainingConfig(epochs=1), checkpoint=file)

    class Listener:
        def note(self, message: str) -> None:
            notes.append(message)

        def task(self, *_: object) -> AbstractContextManager[Task]:
            from llminit.progress import SILENT

            return SILENT.task("", 0)

    train(start(Tempered), TrainingConfig(epochs=1), checkpoint=file, reporter=Listener())
    assert any("is of another tempered" in note for note in notes)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (type("NoLoss", (Backbone,), {"name": "no-loss"}), r"does not define loss\(self, batch"),
        (type("NoName", (MatrixFactorization,), {}), "has no name of its own; write name: ClassVar"),
        (type("Loud", (MatrixFactorization,), {"name": "LOUD name"}), "lower-case letters"),
        (type("Taken", (MatrixFactorization,), {"name": "lightgcn"}), "is taken by the backbone llminit.models"),
        (type("Untyped", (MatrixFactorization,), {"name": "untyped", "options_type": dict}), "derives from llminit"),
        (type("Bare", (MatrixFactorization,), {"name": "bare", "__init__": lambda _self: None}), "hand all four"),
        (dict, "expected a class that derives from llminit.models.backbone.Backbone"),
        ("lightgcn", "is not a backbone"),
    ],
)
def test_invalid_classes_are_refused_at_registration(broken: Any, says: str) -> None:
    """The error of an incomplete class says what to write."""
    with pytest.raises(ConfigError, match=says):
        BACKBONES.register(broken)
