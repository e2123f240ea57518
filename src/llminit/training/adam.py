"""Adam (Kingma & Ba, arXiv 1412.6980), fused with the last hop of the backward pass where there is one.

On the CPU the gradient of all embeddings is the largest thing that a step would write and read again, so it is not
made: the kernel adds up each node's gradient and updates the node at once. Elsewhere the same formula is written in
torch.
"""

import numba
import numpy as np
import torch

from llminit.arrays import FloatArray
from llminit.graph import RowGradient
from llminit.graph.kernels import adam_constants, adam_step, add_neighbours_and_update


class Adam:
    """Updates one parameter matrix from its `grad`, from deferred row gradients, or from both.

    Attributes:
        deferred: Gradients that the backward pass leaves here; None where the kernels cannot be used.
    """

    def __init__(self, parameter: torch.nn.Parameter, learning_rate: float) -> None:
        """Start with zero moments.

        Args:
            parameter: Shape (n, d).
            learning_rate: Step size.
        """
        self.parameter, self.learning_rate = parameter, learning_rate
        self.mean, self.square = _zeros_like(parameter), _zeros_like(parameter)
        self.steps = 0
        on_cpu = parameter.device.type == "cpu" and parameter.dtype == torch.float32
        self.deferred: list[RowGradient] | None = [] if on_cpu else None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameter and forget the gradients."""
        self.steps += 1
        constants = adam_constants(self.steps, self.learning_rate)
        if self.deferred is None:
            self._step_in_torch(*(float(value) for value in constants))
        elif len(self.deferred) == 1:
            self._step_fused(self.deferred.pop(), constants)
        else:
            gradient = self._dense_gradient()
            adam_step(gradient, *self.arrays(), constants, numba.get_num_threads())
        self.parameter.grad = None

    def _step_fused(self, gradient: RowGradient, constants: tuple[np.float32, ...]) -> None:
        graph = gradient.neighbourhood.adjacency
        dense = np.empty((0, gradient.base.shape[1]), dtype=np.float32)
        if self.parameter.grad is not None:
            dense = self.parameter.grad.contiguous().numpy()
        add_neighbours_and_update(
            graph.indptr,
            graph.indices,
            graph.weights,
            graph.runs(numba.get_num_threads()),
            gradient.neighbourhood.position,
            gradient.source,
            gradient.base,
            dense,
            *self.arrays(),
            constants,
            graph.longest,
        )

    def _dense_gradient(self) -> FloatArray:
        parts = [gradient.dense() for gradient in self.deferred or []]
        if self.parameter.grad is not None:
            parts.append(self.parameter.grad.contiguous().numpy())
        if self.deferred is not None:
            self.deferred.clear()
        return sum(parts[1:], start=parts[0])

    def arrays(self) -> tuple[FloatArray, ...]:
        """Return the parameter, the mean and the square, float32 of shape (n, d), as memory that they share."""
        return tuple(tensor.detach().numpy() for tensor in (self.parameter, self.mean, self.square))

    def _step_in_torch(
        self, keep_mean: float, keep_square: float, step_size: float, square_scale: float, epsilon: float
    ) -> None:
        gradient = self.parameter.grad
        if gradient is None:
            return
        self.mean.lerp_(gradient, 1 - keep_mean)
        self.square.mul_(keep_square).addcmul_(gradient, gradient, value=1 - keep_square)
        self.parameter.addcdiv_(self.mean, self.square.sqrt().mul_(square_scale).add_(epsilon), value=-step_size)


def _zeros_like(parameter: torch.Tensor) -> torch.Tensor:
    """Return zeros, on the CPU in memory of numpy's, which asks for large pages."""
    if parameter.device.type != "cpu":
        return torch.zeros_like(parameter.detach())
    zeros = torch.from_numpy(np.empty_like(parameter.detach().numpy()))
    return zeros.zero_()
