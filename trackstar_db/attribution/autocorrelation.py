"""R, the autocorrelation of gradients by layer block, and R^(-1/2).

What memory this takes is known beforehand (`autocorrelation_memory_bytes`): the sums of all blocks in float64, and the
eigendecomposition of one block at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

# Added to every eigenvalue, as a part of the block's mean eigenvalue. No source states the amount.
DEFAULT_DAMPING = 0.1

_EIGENDECOMPOSITION_MATRICES = 6  # R, its eigenvectors, LAPACK's work space (2), and the product that is R^(-1/2)
_LARGEST_CONDITION = 1e6  # of R^(-1/2): what is above is a direction that it leaves out


def autocorrelation_memory_bytes(blocks: int, block_rank: int) -> int:
    """Bytes that fitting R takes, beside the model: 8 k^4 a block and 48 k^4 for the eigenvectors of one.

    17 blocks of 62 take 2.7 GB, 8 of 22 take 26 MB.
    """
    return 8 * block_rank**4 * (blocks + _EIGENDECOMPOSITION_MATRICES)


def inverse_root_memory_bytes(blocks: int, block_rank: int) -> int:
    """Bytes that R^(-1/2) in float32 takes while it is in use, and as much again while it is read.

    17 blocks of 62 take 2 GB, 8 of 22 take 15 MB. M of a task takes the same.
    """
    return 2 * 4 * blocks * block_rank**4


class Autocorrelation:
    """The mean of g g^T over examples, block by block, added up in float64.

    Memory: 8 bytes x blocks x k^4 (15 MB for 8 blocks of 22, 2 GB for 17 of 62), and the gradients of one block.
    """

    def __init__(self, blocks: int, width: int) -> None:
        self.blocks = blocks
        self.width = width  # k^2
        self.count = 0
        self._sums: list[Tensor] = []

    def add(self, gradients: Tensor) -> None:
        """Take more examples in.

        gradients: [example, d], d = blocks * k^2, finite
        """
        if gradients.device.type == "mps":  # has no float64
            gradients = gradients.cpu()
        if not self._sums:
            self._sums = [self._zeros(gradients.device) for _ in range(self.blocks)]
        for total, part in zip(self._sums, gradients.split(self.width, dim=1), strict=True):
            of_block = part.double()
            total.addmm_(of_block.mT, of_block)
        self.count += len(gradients)

    def mean(self) -> Tensor:
        """R: [block, k^2, k^2] float64; zeros before the first example."""
        sums = self._sums or [self._zeros(torch.device("cpu")) for _ in range(self.blocks)]
        return torch.stack(sums) / max(self.count, 1)

    def take_blocks(self) -> Iterator[Tensor]:
        """R of one block after the other, [k^2, k^2] float64, each forgotten as it is given."""
        self._sums.reverse()
        while self._sums:
            yield self._sums.pop().div_(self.count)

    def _zeros(self, device: torch.device) -> Tensor:
        return torch.zeros(self.width, self.width, dtype=torch.float64, device=device)


def inverse_root(autocorrelation: Iterable[Tensor], damping: float = DEFAULT_DAMPING) -> tuple[Tensor, Tensor]:
    """R^(-1/2) of each block, and the eigenvalues of R before damping, in ascending order.

    With R = U diag(s) U^T: U diag((s + damping * mean(s))^(-1/2)) U^T. Where s + damping * mean(s) is zero
    (a block without any gradient, or no damping and few examples) this is the pseudo-inverse: that direction
    takes no part in an encoding.

    autocorrelation: [block, k^2, k^2] float64, or its blocks one after the other
    returns [block, k^2, k^2] float32, [block, k^2] float64
    """
    roots, eigenvalues = zip(*(_inverse_root(block, damping) for block in autocorrelation), strict=True)
    return torch.stack(roots), torch.stack(eigenvalues)


def _inverse_root(autocorrelation: Tensor, damping: float) -> tuple[Tensor, Tensor]:
    """The same of one block: [k^2, k^2] float32, [k^2] float64, on the CPU."""
    eigenvalues, vectors = torch.linalg.eigh(autocorrelation)
    eigenvalues = eigenvalues.clamp(min=0)  # a rounding error below zero
    damped = eigenvalues + damping * eigenvalues.mean()
    is_zero = damped <= 1e-12 * damped.amax()
    scale = damped.rsqrt().masked_fill(is_zero, 0.0)
    return ((vectors * scale) @ vectors.mT).float().cpu(), eigenvalues.cpu()


def root_of_inverse(inverse_root: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """R^(1/2) of each block, from R^(-1/2); directions that R^(-1/2) leaves out stay out.

    inverse_root: [block, k^2, k^2]
    returns [block, k^2, k^2], computed in float64
    """
    return torch.stack([_inverse(block.double()).to(dtype) for block in inverse_root])


def _inverse(matrix: Tensor) -> Tensor:
    """The pseudo-inverse of one symmetric matrix, [k^2, k^2] float64: by its Cholesky factor where that will do.

    The factor is several times faster to have than the eigenvectors, which tell what is to be left out.
    """
    factor, failure = torch.linalg.cholesky_ex(matrix)
    if not failure:
        inverse = torch.cholesky_inverse(factor)
        if torch.linalg.matrix_norm(matrix) * torch.linalg.matrix_norm(inverse) < _LARGEST_CONDITION:
            return inverse
    values, vectors = torch.linalg.eigh(matrix)
    is_out = values <= values.amax() / _LARGEST_CONDITION
    inverted = (1 / values.masked_fill(is_out, 1.0)).masked_fill(is_out, 0.0)
    product: Tensor = (vectors * inverted) @ vectors.mT
    return product


def by_block(matrices: Tensor, encodings: Tensor) -> Tensor:
    """Encodings times a block-diagonal symmetric matrix.

    matrices: [block, k^2, k^2]; encodings: [example, d]
    returns [example, d]
    """
    width = matrices.shape[-1]
    product = torch.empty_like(encodings)
    for start, matrix in zip(range(0, encodings.shape[1], width), matrices, strict=True):
        part = slice(start, start + width)
        product[:, part] = encodings[:, part] @ matrix.to(encodings.dtype)  # one block's matrix in that type at a time
    return product
