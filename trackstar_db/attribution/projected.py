"""The sink that projects: A P_in in the forward pass, (D P_out)^T (A P_in) in the backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.attribution.projection import projected, projected_product

# Full V forms per-example gradients of one weight matrix at a time: at most this many numbers at once, or one
# gradient (two on a CPU). 4 MB stay in a CPU's cache; a GPU wants large products.
CPU_GRADIENT_NUMBERS = 1 << 20
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
        """A P_in, [k, example, token]; with full V, A itself."""
        projection = self.projections[weight.name]
        return projected(activations, projection.right) if projection.inverse_root is None else activations

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        projection = self.projections[weight.name]
        into, inverse_root = self.gradients[:, projection.block], projection.inverse_root
        if inverse_root is None:
            into += projected_product(kept, projected(output_gradients, projection.left))
        else:
            into += _full_products(kept, output_gradients, projection, inverse_root).to(into.dtype)


def _full_products(
    activations: Tensor, output_gradients: Tensor, projection: Projection, inverse_root: Tensor
) -> Tensor:
    """P_out^T (D^T A / sqrt(V)) P_in, a few examples at a time, in memory that is used again.

    activations: [example, token, in]; output_gradients: [example, token, out]; inverse_root: [out, in]
    returns [example, k, k]
    """
    left, shape = projection.left.mT, inverse_root.shape
    chunk = min(len(activations), gradients_at_once(shape[0], shape[1], activations.device))
    gradients = activations.new_empty(chunk, *shape)
    left_sides = activations.new_empty(len(activations), len(left), shape[1])  # P_out^T G, [example, k, in]
    for part, a, d in zip(
        left_sides.split(chunk), activations.split(chunk), output_gradients.split(chunk), strict=True
    ):
        gradient = gradients[: len(part)]
        torch.bmm(d.mT, a, out=gradient).mul_(inverse_root)
        torch.bmm(left.expand(len(part), -1, -1), gradient, out=part)  # batched; broadcasting would copy
    return left_sides @ projection.right


def gradients_at_once(out_features: int, in_features: int, device: torch.device) -> int:
    """How many gradients of one weight matrix are formed at the same time.

    At least two on a CPU, which takes twice as long for the product of a narrow matrix with one alone as for each of
    several; a GPU's memory may hold no more than one.
    """
    numbers, least = (CPU_GRADIENT_NUMBERS, 2) if device.type == "cpu" else (GPU_GRADIENT_NUMBERS, 1)
    return max(least, numbers // (out_features * in_features))
