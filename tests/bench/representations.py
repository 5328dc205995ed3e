"""Ways of keeping a gradient in fewer bytes: what a search would multiply with, and what it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor

from trackstar_db.attribution.autocorrelation import by_block
from trackstar_db.encoding.codes import code_bytes, decode, encode

FOUR_BIT_STEP = 0.335  # the best for 16 even levels and a normal distribution of variance 1 (Max 1960)

OVERSAMPLED, ITERATIONS = 4, 4  # of the subspace iteration that finds the factors of a block


@dataclass(frozen=True)
class Representation:
    """One way of keeping gradients.

    bytes_per_document: of the numbers alone
    kept: [row, d] unit norm to what is kept of it, as numbers again, of any norm
    side: what becomes of the queries' side, [query, d]
    """

    name: str
    bytes_per_document: int
    kept: Callable[[Tensor], Tensor]
    side: Callable[[Tensor], Tensor] = lambda side: side


def half(d: int) -> Representation:
    """As the product stores it."""
    return Representation("half", 2 * d, lambda gradients: gradients.half().float())


def codes(d: int, bits: int) -> Representation:
    """The product's own codes of one or two bits a number; the queries' side keeps its numbers."""

    def kept(rows: Tensor) -> Tensor:
        numbers = rows.half().numpy()
        return torch.from_numpy(decode(*encode(numbers, bits), d, bits)).float()

    return Representation(f"{bits} bits" if bits > 1 else "signs", code_bytes(d, bits) + 4, kept)


def eight_bits(d: int) -> Representation:
    """Integers of 8 bits, the largest number of a gradient being 127."""
    return Representation("8 bits", d + 4, _eight_bits)


def four_bits(d: int) -> Representation:
    """16 levels, evenly spaced as is best for a normal distribution."""
    return Representation("4 bits", -(-d // 2) + 4, _four_bits)


def signs_of_both(d: int) -> Representation:
    """One bit a number on either side: the Hamming distance."""
    return Representation("signs, of the query too", -(-d // 8), _signs, _signs)


def rotated_signs(d: int) -> Representation:
    """Signs after a random rotation of the whole gradient: random signs, then a cosine transform."""
    flips = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), d)

    def rotated(rows: Tensor) -> Tensor:
        return torch.from_numpy(dct(rows.numpy() * flips, norm="ortho", axis=1))

    return Representation("signs after a rotation", -(-d // 8), lambda rows: _signs(rotated(rows)), rotated)


def factors(blocks: int, block_rank: int, rank: int) -> Representation:
    """Each k × k block by its strongest `rank` pairs of singular vectors in half precision (LoRIF)."""
    size = blocks * 2 * block_rank * rank * 2
    return Representation(f"rank {rank}", size, lambda rows: _truncated(rows, blocks, rank))


def factors_before_whitening(roots: Tensor, inverse_roots: Tensor, block_rank: int, rank: int) -> Representation:
    """The same of the gradient before R^(-1/2), which is applied again by the search.

    roots, inverse_roots: R^(1/2) and R^(-1/2), [block, k², k²]
    """
    blocks = len(roots)
    size = blocks * 2 * block_rank * rank * 2

    def kept(rows: Tensor) -> Tensor:
        return by_block(inverse_roots, _truncated(by_block(roots, rows), blocks, rank))

    return Representation(f"rank {rank}, before R", size, kept)


def _eight_bits(rows: Tensor) -> Tensor:
    scale = rows.abs().amax(1, keepdim=True) / 127
    return (rows / scale).round() * scale


def _four_bits(rows: Tensor) -> Tensor:
    scale = FOUR_BIT_STEP * rows.std(1, keepdim=True)
    return ((rows / scale).floor() + 0.5).clamp(-7.5, 7.5) * scale


def _signs(rows: Tensor) -> Tensor:
    return torch.where(rows >= 0, 1.0, -1.0)


def _truncated(rows: Tensor, blocks: int, rank: int) -> Tensor:
    """Each block's nearest matrix of a rank, its factors in half precision.

    By subspace iteration, which at these ranks is many times as fast as a singular value decomposition.

    rows: [row, d]; returns [row, d]
    """
    k = round((rows.shape[1] // blocks) ** 0.5)
    matrices = rows.reshape(-1, k, k)
    scale = matrices.abs().amax((1, 2), keepdim=True).clamp(min=1e-30)
    matrices = matrices / scale
    generator = torch.Generator().manual_seed(0)
    right = torch.randn(len(matrices), k, min(k, rank + OVERSAMPLED), generator=generator)
    for _ in range(ITERATIONS):
        right = torch.linalg.qr(matrices.mT @ (matrices @ right)).Q
    left = matrices @ right
    vectors = torch.linalg.eigh(left.mT @ left).eigenvectors[:, :, -rank:]
    left, right = (left @ vectors).half().float(), (right @ vectors).half().float()
    return (left @ right.mT * scale).view_as(rows)
