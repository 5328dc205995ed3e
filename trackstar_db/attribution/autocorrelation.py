"""R, the autocorrelation of gradients by layer block, and R^(-1/2)."""

from __future__ import annotations

import torch
from torch import Tensor

# Added to every eigenvalue, as a part of the block's mean eigenvalue. No source states the amount.
DEFAULT_DAMPING = 0.1


class Autocorrelation:
    """The mean of g g^T over examples, block by block, added up in float64.

    Memory: 8 bytes x blocks x k^4 (15 MB for 8 blocks of 22).
    """

    def __init__(self, blocks: int, width: int) -> None:
        self.blocks = blocks
        self.width = width  # k^2
        self.count = 0
        self._sum: Tensor | None = None

    def add(self, gradients: Tensor) -> None:
        """Take more examples in.

        gradients: [example, d], d = blocks * k^2, finite
        """
        if gradients.device.type == "mps":  # has no float64
            gradients = gradients.cpu()
        by_block = gradients.double().view(len(gradients), self.blocks, self.width).transpose(0, 1)
        products = by_block.mT @ by_block  # [block, k^2, k^2]
        self._sum = products if self._sum is None else self._sum.add_(products)
        self.count += len(gradients)

    def mean(self) -> Tensor:
        """R: [block, k^2, k^2] float64; zeros before the first example."""
        if self._sum is None:
            return torch.zeros(self.blocks, self.width, self.width, dtype=torch.float64)
        return self._sum / self.count


def inverse_root(autocorrelation: Tensor, damping: float = DEFAULT_DAMPING) -> tuple[Tensor, Tensor]:
    """R^(-1/2) of each block, and the eigenvalues of R before damping, in ascending order.

    With R = U diag(s) U^T: U diag((s + damping * mean(s))^(-1/2)) U^T. Where s + damping * mean(s) is zero
    (a block without any gradient, or no damping and few examples) this is the pseudo-inverse: that direction
    takes no part in an encoding.

    autocorrelation: [block, k^2, k^2] float64
    returns [block, k^2, k^2] float32, [block, k^2] float64
    """
    eigenvalues, vectors = torch.linalg.eigh(autocorrelation)
    eigenvalues = eigenvalues.clamp(min=0)  # a rounding error below zero
    damped = eigenvalues + damping * eigenvalues.mean(-1, keepdim=True)
    is_zero = damped <= 1e-12 * damped.amax(-1, keepdim=True)
    scale = damped.rsqrt().masked_fill(is_zero, 0.0)
    return ((vectors * scale[:, None, :]) @ vectors.mT).float(), eigenvalues


def root_of_inverse(inverse_root: Tensor) -> Tensor:
    """R^(1/2) of each block, from R^(-1/2); directions that R^(-1/2) leaves out stay out.

    inverse_root: [block, k^2, k^2]
    returns [block, k^2, k^2] float64
    """
    values, vectors = torch.linalg.eigh(inverse_root.double())
    is_out = values <= 1e-6 * values.amax(-1, keepdim=True)
    inverted = (1 / values.masked_fill(is_out, 1.0)).masked_fill(is_out, 0.0)
    root: Tensor = (vectors * inverted[:, None, :]) @ vectors.mT
    return root


def by_block(matrices: Tensor, encodings: Tensor) -> Tensor:
    """Encodings times a block-diagonal symmetric matrix.

    matrices: [block, k^2, k^2]; encodings: [example, d]
    returns [example, d]
    """
    blocks, width, _ = matrices.shape
    split = encodings.view(len(encodings), blocks, width).transpose(0, 1)
    return (split @ matrices.to(encodings.dtype)).transpose(0, 1).reshape(encodings.shape)
