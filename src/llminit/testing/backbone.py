"""The contract of a backbone."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from llminit.arrays import FloatArray
from llminit.config import TrainingConfig
from llminit.errors import ConfigError, EmbeddingError
from llminit.graph import Adjacency, normalized_adjacency
from llminit.models import BACKBONES, Backbone, Batch, Sizes
from llminit.testing.promise import close, promise, refuses
from llminit.training import CheckpointFile, TrainingResult, train

_EPOCHS = 3


def check_backbone(kind: type[Backbone]) -> None:
    """Check that a backbone keeps the promises of `llminit.models.Backbone`.

    Args:
        kind: The class; it is run on a graph of a few nodes with its default options.

    Raises:
        AssertionError: A promise is broken; the message says which.
        ConfigError: The class cannot be registered; the message says what to write.
    """
    part = f"backbone {BACKBONES.describe(kind).name}"
    users, items, adjacency = _small_start()
    backbone = kind(users, items, adjacency)
    start = np.concatenate([users, items]) if kind.has_user_table else items
    promise(np.array_equal(backbone.embeddings.detach().numpy(), start), "it starts from the initial embeddings", part)
    unknown = refuses(ConfigError, lambda: kind.options_type.make(no_such_option=1))
    promise(unknown, "it refuses unknown options", part)
    broken = items.copy()
    broken[2, 1] = np.nan
    for wrong in (items[1:], items[:, 1:], broken):
        refused = refuses(EmbeddingError, lambda wrong=wrong: kind(users, wrong, adjacency))  # type: ignore[misc]
        promise(refused, "it refuses embeddings of another shape, and NaN", part)
    few, many = (kind.memory_bytes(Sizes(n, n, 10 * n, 64)) for n in (1000, 100_000))
    promise(0 <= few <= many, "its estimate of memory grows with the data", part)
    _check_step(kind, part)
    _check_final(kind, part)
    _check_parameters(kind, part)
    _check_compiled(kind, part)
    _check_training(kind, part)


def _check_step(kind: type[Backbone], part: str) -> None:
    backbone, batch = kind(*_small_start()), _small_batch(kind)
    state = torch.get_rng_state()
    backbone.start_epoch(np.random.default_rng(3))
    loss = backbone.loss(batch)
    promise(loss.ndim == 0 and bool(torch.isfinite(loss)), "the loss is one finite number", part)
    (gradient,) = torch.autograd.grad(loss, backbone.embeddings)
    gradient = gradient.to_dense()
    promise(bool(torch.isfinite(gradient).all() and gradient.any()), "the gradient is finite and not zero", part)
    with torch.no_grad():
        backbone.embeddings.sub_(gradient / gradient.norm(), alpha=1e-3)
    promise(bool(backbone.loss(batch) < loss), "a small step against the gradient lowers the loss", part)
    again = kind(*_small_start())
    again.start_epoch(np.random.default_rng(3))
    promise(bool(again.loss(batch) == loss), "the same generator gives the same loss", part)
    promise(torch.equal(state, torch.get_rng_state()), "it leaves torch's global generator alone", part)


def _check_final(kind: type[Backbone], part: str) -> None:
    backbone = kind(*_small_start())
    users, items = backbone.final_embeddings()
    shapes = (len(users), len(items)) == (5, 6) and users.shape[1] == items.shape[1]
    promise(shapes and users.dtype == items.dtype == np.float32, "final embeddings are float32, a row per node", part)
    promise(bool(np.isfinite(users).all() and np.isfinite(items).all()), "final embeddings are finite", part)
    backbone.start_epoch(np.random.default_rng(4))
    after = backbone.final_embeddings()
    promise(np.array_equal(users, after[0]) and np.array_equal(items, after[1]), "they are not random", part)
    users[:] = 0
    promise(bool(backbone.final_embeddings()[0].any()), "final embeddings are copies", part)


def _check_parameters(kind: type[Backbone], part: str) -> None:
    """Check that all that is trained is a parameter of the module and that every parameter affects the loss."""
    backbone = kind(*_small_start())
    known = {id(parameter) for parameter in backbone.parameters()}
    hidden = [
        f"{type(module).__name__}.{name}"
        for module in backbone.modules()
        for name, value in vars(module).items()
        for tensor in _tensors_in(value)
        if tensor.requires_grad and tensor.is_leaf and id(tensor) not in known
    ]
    what = (
        f"what is trained is a parameter (nn.Parameter, nn.ParameterList or a module), but {', '.join(hidden)} is not"
    )
    promise(not hidden, what, part)
    backbone.start_epoch(np.random.default_rng(3))
    backbone.loss(_small_batch(kind)).backward()  # type: ignore[no-untyped-call]
    unused = [name for name, value in backbone.named_parameters() if value.requires_grad and value.grad is None]
    promise(not unused, f"every parameter affects the loss, but {', '.join(unused)} does not", part)


def _tensors_in(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, list | tuple):
        return [tensor for entry in value for tensor in _tensors_in(entry)]
    if isinstance(value, dict) and not any(isinstance(key, str) and key.startswith("_") for key in value):
        return [tensor for entry in value.values() for tensor in _tensors_in(entry)]
    return []


def _check_compiled(kind: type[Backbone], part: str) -> None:
    """Check that the compiled loss equals `loss`: an epoch with either ends in the same embeddings."""
    if kind(*_small_start()).compiled_loss() is None:
        return
    compiled, plain = kind(*_small_start()), kind(*_small_start())
    plain.compiled_loss = lambda: None  # type: ignore[method-assign]
    _trained(compiled, epochs=1)
    _trained(plain, epochs=1)
    first, second = (backbone.embeddings.detach().numpy() for backbone in (compiled, plain))
    promise(close(first, second, 1e-5), "its compiled loss trains as its loss does", part)


def _check_training(kind: type[Backbone], part: str) -> None:
    """Check that all parameters are trained, counted, saved in checkpoints and restored to their best epoch."""
    whole = kind(*_small_start())
    before = _state(whole)
    result = _trained(whole)
    after = _state(whole)
    unchanged = [name for name, _ in whole.named_parameters() if np.array_equal(before[name], after[name])]
    promise(not unchanged, f"training changes every parameter, but {', '.join(unchanged)} did not change", part)
    n_parameters = sum(value.numel() for value in whole.parameters() if value.requires_grad)
    promise(result.n_parameters == n_parameters, "all its parameters are counted", part)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.safetensors"
        _trained(kind(*_small_start()), epochs=1, checkpoint=path)
        resumed = kind(*_small_start())
        resumed_result = _trained(resumed, checkpoint=path)
    promise(_same(after, _state(resumed)), "a resumed run ends in the same parameters and buffers", part)
    same = _same_embeddings(resumed_result, result)
    promise(same, "a resumed run gives the same final embeddings: all state is in parameters and buffers", part)
    first, falling = kind(*_small_start()), iter(range(_EPOCHS, 0, -1))
    expected = _trained(first, epochs=1, validate=lambda *_: 0.0)
    best_first = kind(*_small_start())
    best_result = _trained(best_first, validate=lambda *_: float(next(falling, 0)))
    promise(_same(_state(first), _state(best_first)), "the best epoch's parameters and buffers are restored", part)
    promise(_same_embeddings(best_result, expected), "the best epoch's final embeddings are returned", part)


def _trained(
    backbone: Backbone,
    epochs: int = _EPOCHS,
    checkpoint: Path | None = None,
    validate: Callable[[FloatArray, FloatArray], float] | None = None,
) -> TrainingResult:
    config = TrainingConfig(epochs=epochs, train_batch_size=4, learning_rate=0.01)
    file = None if checkpoint is None else CheckpointFile(checkpoint, "contract", every_seconds=0)
    return train(backbone, config, validate, seed=1, checkpoint=file)


def _state(backbone: Backbone) -> dict[str, FloatArray]:
    return {name: value.detach().cpu().numpy().copy() for name, value in backbone.state_dict().items()}


def _same(left: dict[str, FloatArray], right: dict[str, FloatArray]) -> bool:
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def _same_embeddings(left: TrainingResult, right: TrainingResult) -> bool:
    return np.array_equal(left.users, right.users) and np.array_equal(left.items, right.items)


def _small_start() -> tuple[FloatArray, FloatArray, Adjacency]:
    """Return initial embeddings and a graph of 5 users and 6 items; the last user and item have no interaction."""
    rng = np.random.default_rng(5)
    users, items = (rng.normal(scale=0.3, size=(n_rows, 4)).astype(np.float32) for n_rows in (5, 6))
    user_codes, item_codes = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3]), np.array([0, 1, 1, 2, 3, 4, 0, 2, 4])
    return users, items, normalized_adjacency(user_codes, item_codes, 5, 6)


def _small_batch(kind: type[Backbone]) -> Batch:
    negatives = [9, 7, 10] if kind.uses_negatives else []
    rows = [torch.tensor(part, dtype=torch.int64) for part in ([0, 0, 2], [5, 6, 8], negatives)]
    return Batch(*rows)
