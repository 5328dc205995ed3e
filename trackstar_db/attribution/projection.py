"""Two-sided random projection of a weight matrix's gradient, without ever forming the gradient."""

from __future__ import annotations

import hashlib
import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Side = Literal["left", "right"]


def projection_matrix(seed: int, module: str, side: Side, rows: int, block_rank: int) -> Tensor:
    """A random matrix of +1/sqrt(k) and -1/sqrt(k): variance 1/k, Chang et al. 2025 §A.1.2.

    The signs are the raw bits of a Philox counter generator whose key is a digest of (seed, module, side):
    the same on every device, in every worker, with every version of numpy.

    returns [rows, k] float32, k = block_rank
    """
    digest = hashlib.sha256(f"{seed}\0{module}\0{side}".encode()).digest()
    generator = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64))
    words = generator.random_raw(-(-rows * block_rank // 64))
    bits = np.unpackbits(words.astype("<u8").view(np.uint8), bitorder="little", count=rows * block_rank)
    signs = torch.from_numpy(bits.astype(np.float32).reshape(rows, block_rank)) * 2 - 1
    return signs / math.sqrt(block_rank)


def projected(vectors: Tensor, matrix: Tensor) -> Tensor:
    """Every token's vector times a projection.

    The result lies the long way round: a product with k rows takes a CPU half the time of one with k columns.

    vectors: [example, token, n]; matrix: [n, k]
    returns [k, example, token]
    """
    return (matrix.mT @ vectors.flatten(0, 1).mT).view(-1, *vectors.shape[:2])


def projected_product(activations: Tensor, output_gradients: Tensor) -> Tensor:
    """Projected per-example gradients of one weight matrix, from two sides that are already projected.

    (D P_out)^T (A P_in), Chang et al. 2025 §3: the sum over tokens of outer products.

    Low-precision inputs are added up in float32.

    activations: [k, example, token]; output_gradients: [k, example, token]
    returns [example, k, k], rows from the output side
    """
    dtype = torch.promote_types(activations.dtype, torch.float32)
    return output_gradients.to(dtype).transpose(0, 1) @ activations.to(dtype).permute(1, 2, 0)
