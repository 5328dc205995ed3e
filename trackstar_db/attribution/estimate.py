"""V without an optimizer state: the mean squared gradient over examples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trackstar_db.attribution.backward import backward
from trackstar_db.attribution.layers import CapturedWeight, captured_weights
from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.projected import gradients_at_once
from trackstar_db.attribution.tokens import Piece


class SecondMomentEstimate:
    """Adds up squared gradients of single examples, weight by weight. A piece counts as an example.

    Exact: each example's gradient is formed, a few examples of one weight matrix at a time.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.model = loaded.model
        self.weights = captured_weights(loaded.model)
        self.count = 0
        dtype = torch.float32 if loaded.device.type == "mps" else torch.float64
        self._sums = {
            weight.name: torch.zeros(weight.out_features, weight.in_features, dtype=dtype, device=loaded.device)
            for weight in self.weights
        }

    def add_pieces(self, pieces: Sequence[Piece]) -> None:
        """Take in one padded batch."""
        backward(self.model, self.weights, pieces, self)
        self.count += len(pieces)

    def mean(self) -> dict[str, Tensor]:
        """V by weight name, [out, in] float32."""
        return {name: (total / max(self.count, 1)).float().cpu() for name, total in self._sums.items()}

    def keep(self, _weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A as it is."""
        return activations

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        total = self._sums[weight.name]
        chunk = gradients_at_once(weight.out_features, weight.in_features, kept.device)
        for a, d in zip(kept.split(chunk), output_gradients.split(chunk), strict=True):
            gradient = (d.mT @ a).to(total.dtype)  # [example, out, in]
            total += gradient.square_().sum(0)
