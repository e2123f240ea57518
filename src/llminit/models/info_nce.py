"""InfoNCE of a batch's rows against all rows, in blocks, with the gradient computed in the forward pass.

With cosine similarities s_ac between anchor a and candidate c, and m the candidate that is a's match, the loss is

    sum_a log(1 + R_a),    R_a = sum_(c not m) E_ac,    E_ac = exp((s_ac - s_am) / tau).

Relative to the match, which is one of the candidates, the sum is at least 1: no search for the largest similarity is
needed, and a loss near zero is as exact as R. With w_c = 1 / |c|, the gradients need E_ac w_c alone, so candidates are
never normalised in memory:

    unit anchor a:  (sum_(c not m) E_ac w_c c - R_a (unit match)) / ((1 + R_a) tau),
    candidate c:    g - c w_c^2 (c . g),    g = sum_(a: m not c) E_ac w_c (unit anchor a) / ((1 + R_a) tau),

and the match of an anchor also gets the gradient of s_am. A first pass over blocks of candidates computes E and R, a
second one the candidates' gradients. Blocks of E are kept between the passes while memory allows, and else recomputed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch.autograd.function import once_differentiable

from llminit.compiled import info_nce as kernels
from llminit.linalg import matmul

MatmulDtype = Literal["float32", "bfloat16"]

# A row shorter than this has no direction: its cosines and its gradient are zero.
MIN_LENGTH = 1e-12

# The largest exponent of e at which a float32 sum of many terms stays finite.
MAX_EXPONENT = 80.0


@dataclass(frozen=True)
class Blocks:
    """How the candidates are divided into blocks.

    Attributes:
        rows: Candidates in a block; 256 x 1024 similarities stay in a core's second-level cache.
        memory: Bytes of similarities that may be kept between the two passes.
        dtype: The dtype of the matrix products; "bfloat16" has 3 digits and is faster where the processor supports it.
    """

    rows: int = 1024
    memory: int = 256 * 2**20
    dtype: MatmulDtype = "float32"


class Directions(NamedTuple):
    """Rows scaled to length 1 (or 0), and one over each row's original length."""

    units: torch.Tensor
    inverses: torch.Tensor


def info_nce(
    anchors: torch.Tensor,
    candidates: torch.Tensor,
    matches: torch.Tensor,
    tau: float,
    *,
    sizes: Sequence[tuple[int, int]] | None = None,
    weight: float = 1.0,
    blocks: Blocks | None = None,
) -> torch.Tensor:
    """Return weight * sum of -log(exp(a.m / tau) / sum_c exp(a.c / tau)) over cosine similarities (SGL, eq. 10).

    Args:
        anchors: float32 of shape (n_anchors, d), rows of the first view; may repeat.
        candidates: float32 of shape (n_candidates, d), all rows of the second view.
        matches: int64 of shape (n_anchors,), each anchor's positive candidate.
        tau: Temperature, above 0.
        sizes: For several sums at once, such as users among users and items among items: the number of anchors and of
            candidates of each sum, in order. A match is among the candidates of its anchor's sum.
        weight: Factor of the loss.
        blocks: The sizes and dtype of the computation.

    Returns:
        A scalar.
    """
    sizes = sizes if sizes is not None else [(len(anchors), len(candidates))]
    loss: torch.Tensor = _InfoNCE.apply(anchors, candidates, matches, tau, tuple(sizes), weight, blocks or Blocks())  # type: ignore[no-untyped-call]
    return loss


class _InfoNCE(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchors: torch.Tensor,
        candidates: torch.Tensor,
        matches: torch.Tensor,
        tau: float,
        sizes: tuple[tuple[int, int], ...],
        weight: float,
        blocks: Blocks,
    ) -> torch.Tensor:
        backward = any(ctx.needs_input_grad)
        gradients = (torch.empty_like(anchors), torch.empty_like(candidates)) if backward else None
        total, begin, first = anchors.new_zeros(()), 0, 0
        for n_anchors, n_candidates in sizes:
            rows, others = slice(begin, begin + n_anchors), slice(first, first + n_candidates)
            term = _Sum(anchors[rows].contiguous(), candidates[others].contiguous(), matches[rows] - first, tau, blocks)
            total += term.loss(weight, None if gradients is None else (gradients[0][rows], gradients[1][others]))
            begin, first = rows.stop, others.stop
        ctx.save_for_backward(*(gradients or ()))
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        nothing = (None,) * 5
        if upstream.device.type == "cpu" and float(upstream) == 1:
            return (*ctx.saved_tensors, *nothing)
        return (*(upstream * gradient for gradient in ctx.saved_tensors), *nothing)


class _Sum:
    """One InfoNCE sum."""

    def __init__(
        self, anchors: torch.Tensor, candidates: torch.Tensor, matches: torch.Tensor, tau: float, blocks: Blocks
    ) -> None:
        self.candidates, self.matches, self.tau, self.blocks = candidates, matches, tau, blocks
        self.anchors, self.match_directions = _directions(anchors), _directions(candidates[matches])
        self.inverses = _inverse_norms(candidates)
        self.similarities = (self.anchors.units * self.match_directions.units).sum(dim=1)
        self.dtype = torch.bfloat16 if blocks.dtype == "bfloat16" else anchors.dtype
        self.scaled = (self.anchors.units / tau).to(self.dtype)
        self.shifts = self._shifts()
        self.values = torch.exp(self.similarities / tau - self.shifts)

    def loss(self, weight: float, gradients: tuple[torch.Tensor, torch.Tensor] | None) -> torch.Tensor:
        """Return the weighted loss and fill the gradients of anchors and candidates, if there are any."""
        others, pulls, kept = self._first_pass(backward=gradients is not None)
        if gradients is not None:
            factors = (weight / self.tau) / (others + self.values)[:, None]
            self._fill_anchors(gradients[0], factors * pulls, factors * others[:, None])
            self._second_pass(gradients[1], factors * self.anchors.units, kept)
            self._add_matches(gradients[1], factors * others[:, None])
        # log(1 + e^x), with x the logarithm of R; R itself may be too large for float32.
        return weight * F.softplus(torch.log(others) + self.shifts - self.similarities / self.tau).sum()

    def _first_pass(self, *, backward: bool) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Return R (scaled by the shift), the sum of E_ac w_c c and the first blocks of E_ac w_c."""
        sums, pulls = torch.zeros_like(self.similarities), torch.zeros_like(self.anchors.units)
        kept: list[torch.Tensor] = []
        free = self.blocks.memory
        for begin, block in self._candidate_blocks():
            factors = self._factors(begin, block, sums)
            if backward:
                pulls += matmul(factors, block)
                free -= factors.nbytes
                if free >= 0:
                    kept.append(factors)
        return sums, pulls, kept

    def _second_pass(self, out: torch.Tensor, pushes: torch.Tensor, kept: list[torch.Tensor]) -> None:
        transposed = pushes.T.to(self.dtype).contiguous()
        unused = torch.zeros_like(self.similarities)
        for index, (begin, block) in enumerate(self._candidate_blocks()):
            factors = kept[index] if index < len(kept) else self._factors(begin, block, unused)
            rows = slice(begin, begin + len(block))
            gradients = matmul(transposed, factors).to(out.dtype)
            _tangents(gradients, self.candidates[rows], self.inverses[rows], out[rows])

    def _candidate_blocks(self) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield the first index of each block of candidates, and the block."""
        for begin in range(0, len(self.candidates), self.blocks.rows):
            yield begin, self.candidates[begin : begin + self.blocks.rows].to(self.dtype)

    def _factors(self, begin: int, block: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
        """Return E_ac w_c of a block and add its part of R to `sums`."""
        dots = matmul(self.scaled, block.T).to(sums.dtype)
        inverses = self.inverses[begin : begin + len(block)]
        arguments = inverses, self.shifts, self.matches - begin, sums
        if _has_kernels(dots):
            kernels.exponentials(dots.numpy(), *(argument.numpy() for argument in arguments))
        else:
            _exponentials(dots, *arguments)
        return dots.to(self.dtype)

    def _shifts(self) -> torch.Tensor:
        """Return what is subtracted from each anchor's similarities over tau, so that no exponential overflows."""
        if 2 / self.tau <= MAX_EXPONENT:
            return self.similarities / self.tau
        largest = torch.full_like(self.similarities, -torch.inf)
        for begin, block in self._candidate_blocks():
            dots = matmul(self.scaled, block.T).to(largest.dtype) * self.inverses[begin : begin + len(block)]
            largest = torch.maximum(largest, dots.amax(dim=1))
        return largest

    def _fill_anchors(self, out: torch.Tensor, pulls: torch.Tensor, shares: torch.Tensor) -> None:
        units, inverses = self.anchors
        gradient = pulls - shares * self.match_directions.units
        out.copy_(inverses[:, None] * (gradient - units * (units * gradient).sum(dim=1, keepdim=True)))

    def _add_matches(self, out: torch.Tensor, shares: torch.Tensor) -> None:
        units, inverses = self.match_directions
        gradient = self.anchors.units - units * self.similarities[:, None]
        out.index_add_(0, self.matches, -shares * inverses[:, None] * gradient)


def _inverse_norms(rows: torch.Tensor) -> torch.Tensor:
    norms = torch.linalg.vector_norm(rows, dim=1)
    return torch.where(norms < MIN_LENGTH, 0.0, 1 / norms)


def _directions(rows: torch.Tensor) -> Directions:
    inverses = _inverse_norms(rows)
    return Directions(rows * inverses[:, None], inverses)


def _exponentials(
    dots: torch.Tensor,
    scales: torch.Tensor,
    shifts: torch.Tensor,
    matches: torch.Tensor,
    sums: torch.Tensor,
) -> None:
    """Compute the same as `llminit.compiled.info_nce.exponentials`, on any device."""
    dots.mul_(scales).sub_(shifts[:, None]).exp_()
    is_in_block = (matches >= 0) & (matches < dots.shape[1])
    columns = matches.clamp(0, dots.shape[1] - 1)[:, None]
    dots.scatter_(1, columns, torch.where(is_in_block[:, None], 0.0, dots.gather(1, columns)))
    sums += dots.sum(dim=1)
    dots *= scales


def _tangents(transposed: torch.Tensor, rows: torch.Tensor, inverses: torch.Tensor, out: torch.Tensor) -> None:
    """Fill `out` with the parts of the columns of `transposed` that are orthogonal to `rows`."""
    if _has_kernels(out):
        kernels.tangents(transposed.numpy(), rows.numpy(), inverses.numpy(), out.numpy())
    else:
        along = (rows * transposed.T).sum(dim=1) * inverses.square()
        torch.sub(transposed.T, along[:, None] * rows, out=out)


def _has_kernels(rows: torch.Tensor) -> bool:
    return rows.device.type == "cpu" and rows.dtype == torch.float32
