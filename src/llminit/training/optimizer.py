"""Adam (Kingma & Ba, arXiv 1412.6980) for every parameter of a backbone.

A parameter with a sparse gradient, as `torch.nn.functional.embedding(..., sparse=True)` gives it, is updated lazily, as
by `torch.optim.SparseAdam`: a step changes the rows, and the moments of the rows, that the gradient has, and leaves all
others as they are; bias is corrected by the number of all steps.

On the CPU the dense gradient of all embeddings would dominate a step's memory traffic, so it is never stored: a kernel
sums each node's gradient and updates the node at once. Other parameters use the dense form of the same kernel; on other
devices torch's own Adam is used.
"""

from dataclasses import dataclass

import numba
import numpy as np
import torch
from torch import nn
from torch.optim.adam import adam

from llminit.arrays import FloatArray
from llminit.compiled.adam import BETA1, BETA2, EPSILON, AdamState, adam_constants, adam_step
from llminit.compiled.graph import Rows
from llminit.compiled.propagation import add_neighbours_and_update
from llminit.graph import RowGradient


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments of one parameter, of the same shape.

    Attributes:
        mean: Running mean of its gradients.
        square: Running mean of their squares.
    """

    mean: torch.Tensor
    square: torch.Tensor

    @classmethod
    def of(cls, parameter: torch.Tensor) -> "Moments":
        """Return the initial moments of a parameter: zeros."""
        return cls(_zeros_like(parameter), _zeros_like(parameter))


class Adam:
    """Updates the parameters of a module from their `grad`, and one of them from deferred row gradients as well.

    Attributes:
        moments: Moments of every trained parameter, by its name in the module.
        steps: Number of steps so far.
        deferred: Gradients of `table` that the backward pass appends; None if the kernels cannot be used.
    """

    def __init__(self, module: nn.Module, learning_rate: float, table: str = "embeddings") -> None:
        """Start with zero moments.

        Args:
            module: Its parameters are updated in place.
            learning_rate: Step size.
            table: Name of the parameter whose gradients may be deferred, of shape (n, d).
        """
        self.parameters = {name: value for name, value in module.named_parameters() if value.requires_grad}
        self.moments = {name: Moments.of(value) for name, value in self.parameters.items()}
        self.learning_rate, self.table = learning_rate, table
        self.steps = 0
        has_kernels = table in self.parameters and _has_kernels(self.parameters[table])
        self.deferred: list[RowGradient] | None = [] if has_kernels else None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters and clear the gradients; a parameter without a gradient does not change."""
        self.steps += 1
        in_torch = []
        for name, parameter in self.parameters.items():
            if name == self.table and self.deferred:
                self._step_table(parameter)
            elif parameter.grad is not None and parameter.grad.is_sparse:
                self._step_sparse(name, parameter, parameter.grad.coalesce())
            elif parameter.grad is not None and _has_kernels(parameter):
                self._step_dense(name, parameter.grad.contiguous().numpy())
            elif parameter.grad is not None:
                in_torch.append(name)
            # A parameter without a gradient is skipped, as in torch's Adam.
        if in_torch:
            self._step_in_torch(in_torch)
        for parameter in self.parameters.values():
            parameter.grad = None

    def state(self, name: str) -> AdamState:
        """Return views of a parameter and its moments, float32 of its shape."""
        moments = self.moments[name]
        return AdamState(*(tensor.detach().numpy() for tensor in (self.parameters[name], moments.mean, moments.square)))

    def _step_table(self, parameter: torch.Tensor) -> None:
        deferred = self.deferred or []
        if len(deferred) > 1:
            parts = [gradient.dense() for gradient in deferred]
            parts += [] if parameter.grad is None else [parameter.grad.contiguous().numpy()]
            self._step_dense(self.table, sum(parts[1:], start=parts[0]))
        else:
            gradient = deferred[0]
            graph = gradient.neighbourhood.adjacency
            dense = np.empty((0, gradient.base.shape[1]), dtype=np.float32)
            add_neighbours_and_update(
                graph.compiled,
                graph.runs(numba.get_num_threads()),
                Rows(gradient.source, gradient.position),
                Rows(gradient.base, gradient.position),
                dense if parameter.grad is None else parameter.grad.contiguous().numpy(),
                self.state(self.table),
                adam_constants(self.steps, self.learning_rate),
            )
        deferred.clear()

    def _step_dense(self, name: str, gradient: FloatArray) -> None:
        # The kernel takes two dimensions: a vector becomes one column, a scalar one entry.
        state = AdamState(*(array.reshape(len(array) if array.ndim else 1, -1) for array in self.state(name)))
        constants = adam_constants(self.steps, self.learning_rate)
        adam_step(gradient.reshape(state.values.shape), state, constants, numba.get_num_threads())

    def _step_sparse(self, name: str, parameter: torch.Tensor, gradient: torch.Tensor) -> None:
        rows, slopes, moments = gradient.indices()[0], gradient.values(), self.moments[name]
        mean = BETA1 * moments.mean[rows] + (1 - BETA1) * slopes
        square = BETA2 * moments.square[rows] + (1 - BETA2) * slopes.square()
        moments.mean[rows], moments.square[rows] = mean, square
        _, _, step_size, square_scale, epsilon = (
            float(value) for value in adam_constants(self.steps, self.learning_rate)
        )
        parameter[rows] -= step_size * mean / (square.sqrt() * square_scale + epsilon)

    def _step_in_torch(self, names: list[str]) -> None:
        parameters = [self.parameters[name] for name in names]
        adam(
            [*parameters],
            [parameter.grad for parameter in parameters if parameter.grad is not None],
            [self.moments[name].mean for name in names],
            [self.moments[name].square for name in names],
            [],
            [torch.tensor(float(self.steps - 1)) for _ in names],
            amsgrad=False,
            beta1=BETA1,
            beta2=BETA2,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=EPSILON,
            maximize=False,
        )


def _has_kernels(parameter: torch.Tensor) -> bool:
    return parameter.device.type == "cpu" and parameter.dtype == torch.float32 and parameter.is_contiguous()


def _zeros_like(parameter: torch.Tensor) -> torch.Tensor:
    """Return zeros; on the CPU numpy allocates them, because it requests large pages."""
    if parameter.device.type != "cpu":
        return torch.zeros_like(parameter.detach())
    zeros = torch.from_numpy(np.empty_like(parameter.detach().numpy()))
    return zeros.zero_()
