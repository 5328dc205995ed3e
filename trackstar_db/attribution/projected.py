"""The sink that projects: A P_in in the forward pass, (D P_out)^T (A P_in) in the backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.attribution.projection import projected_product

# Full V forms per-example gradients of one weight matrix at a time: at most this many numbers at once (or one
# gradient). 2 MB stay in a CPU's cache, measured 1.3x faster than 64 MB; a GPU wants large products.
CPU_GRADIENT_NUMBERS = 1 << 19
GPU_GRADIENT_NUMBERS = 1 << 26


@dataclass(frozen=True)
class Projection:
    """How one weight matrix's gradient is projected, and into which layer block."""

    block: int
    left: Tensor  # [out, k], with rank-1 V folded in
    right: Tensor  # [in, k], with rank-1 V folded in
    inverse_root: Tensor | None = None  # [out, in], 1/sqrt(V) where V is kept whole

    def to(self, model: nn.Module) -> Projection:
        """The same, on the model's device and in its number format."""
        parameter = next(model.parameters())
        left, right = (matrix.to(parameter) for matrix in (self.left, self.right))
        inverse_root = None if self.inverse_root is None else self.inverse_root.to(parameter)
        return Projection(self.block, left, right, inverse_root)


class ProjectedGradients:
    """Adds each weight's projected gradients to `gradients` [example, block, k, k]."""

    def __init__(self, projections: Mapping[str, Projection], gradients: Tensor) -> None:
        self.projections = projections
        self.gradients = gradients

    def keep(self, weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A P_in, [example, token, k]; with full V, A itself."""
        projection = self.projections[weight.name]
        return activations @ projection.right if projection.inverse_root is None else activations

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        projection = self.projections[weight.name]
        into = self.gradients[:, projection.block]
        if projection.inverse_root is None:
            into += projected_product(kept, output_gradients @ projection.left)
        else:
            _add_full(into, kept, output_gradients, projection)


def _add_full(into: Tensor, activations: Tensor, output_gradients: Tensor, projection: Projection) -> None:
    """P_out^T (D^T A / sqrt(V)) P_in, a few examples at a time.

    into: [example, k, k]; activations: [example, token, in]; output_gradients: [example, token, out]
    """
    left, right, inverse_root = projection.left, projection.right, projection.inverse_root
    chunk = gradients_at_once(len(left), len(right), activations.device)
    for part, a, d in zip(into.split(chunk), activations.split(chunk), output_gradients.split(chunk), strict=True):
        gradient = (d.mT @ a).mul_(inverse_root)  # [example, out, in]
        left_sides = left.mT.expand(len(gradient), -1, -1)  # a batched product; broadcasting would copy
        part += (left_sides @ gradient @ right).to(part.dtype)


def gradients_at_once(out_features: int, in_features: int, device: torch.device) -> int:
    """How many gradients of one weight matrix are formed at the same time."""
    numbers = CPU_GRADIENT_NUMBERS if device.type == "cpu" else GPU_GRADIENT_NUMBERS
    return max(1, numbers // (out_features * in_features))
