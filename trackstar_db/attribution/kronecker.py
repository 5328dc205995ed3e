"""EK-FAC: the curvature of a loss, weight matrix by weight matrix, as eigenvalue-corrected Kronecker factors.

Grosse et al. 2023, arXiv 2308.03296 §2.2; George et al. 2018. With A and D the two sides of one weight's gradient
D^T A (`capture`), over the tokens of a sample whose hidden states predict a token:

    Q_A, Q_S    eigenvectors of mean(a a^T) [in, in] and of mean(d d^T) [out, out], means over tokens
    Lambda      mean over pieces of (Q_S^T D^T A Q_A)^2, element by element, [out, in]

The curvature is (Q_S ⊗ Q_A) diag(Lambda) (Q_S ⊗ Q_A)^T. D are gradients of the summed cross-entropy of the
sample's own tokens, not of tokens drawn from the model: this is the empirical Fisher matrix.

Memory: 12 bytes x (in^2 + out^2) of every weight in the first pass, 4 x (in^2 + out^2) + 8 x in x out in the second,
all weights at once: 0.2 GB for a model of 10M weights in matrices of 500 x 500, but 200 GB for one of 7B, which
this is not meant for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trackstar_db.attribution.backward import backward
from trackstar_db.attribution.layers import CapturedWeight, captured_weights
from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.projected import gradients_at_once
from trackstar_db.attribution.tokens import Piece

# Added to every eigenvalue, as a part of the weight's mean eigenvalue: Grosse et al. 2023, appendix.
DEFAULT_CURVATURE_DAMPING = 0.1


@dataclass(frozen=True)
class Eigenbasis:
    """The directions of one weight's curvature, a column each."""

    output_vectors: Tensor  # Q_S, [out, out]
    input_vectors: Tensor  # Q_A, [in, in]


@dataclass(frozen=True)
class KroneckerFactor:
    """The curvature of one weight matrix."""

    basis: Eigenbasis
    eigenvalues: Tensor  # Lambda, [out, in]

    def solve(self, gradients: Tensor, damping: float) -> Tensor:
        """Gradients times the inverse of the damped curvature, in float64.

        Q_S ((Q_S^T G Q_A) / (Lambda + damping * mean(Lambda))) Q_A^T; a direction of no curvature and no damping
        takes no part.

        gradients: [..., out, in]; returns the same shape, on the CPU where the device has no float64
        """
        device = exact_device(gradients.device)
        left, right, eigenvalues, exact = (
            tensor.to(device).double()
            for tensor in (self.basis.output_vectors, self.basis.input_vectors, self.eigenvalues, gradients)
        )
        damped = eigenvalues + damping * eigenvalues.mean()
        inverse = torch.where(damped > 0, 1 / damped, 0.0)
        return left @ (left.mT @ exact @ right * inverse) @ right.mT


class Covariances:
    """Adds up a a^T and d d^T of every weight over the tokens that predict one, batches in float64: the first pass."""

    def __init__(self, loaded: LoadedModel) -> None:
        self.model = loaded.model
        self.weights = captured_weights(loaded.model)
        self.tokens = 0
        device = exact_device(loaded.device)
        self._inputs = {w.name: _zeros(w.in_features, w.in_features, device) for w in self.weights}
        self._outputs = {w.name: _zeros(w.out_features, w.out_features, device) for w in self.weights}
        self._predicts = torch.zeros(0)  # of the batch at hand: [token] indices into its flattened tokens

    def add_pieces(self, pieces: Sequence[Piece]) -> None:
        """Take in one padded batch."""
        width = max(len(piece.token_ids) for piece in pieces)
        # D is zero at a piece's last token and at padding, A is not.
        predicts = [torch.arange(row * width, row * width + len(p.token_ids) - 1) for row, p in enumerate(pieces)]
        self._predicts = torch.cat(predicts).to(self.model.device)
        backward(self.model, self.weights, pieces, self)
        self.tokens += len(self._predicts)

    def eigenbases(self) -> dict[str, Eigenbasis]:
        """Q_S and Q_A by weight name, float32 on the CPU (float64 for a float64 model)."""
        dtype = torch.promote_types(self.model.dtype, torch.float32)
        return {
            weight.name: Eigenbasis(
                torch.linalg.eigh(self._outputs[weight.name] / self.tokens).eigenvectors.to(dtype).cpu(),
                torch.linalg.eigh(self._inputs[weight.name] / self.tokens).eigenvectors.to(dtype).cpu(),
            )
            for weight in self.weights
        }

    def is_finite(self) -> bool:
        """Whether there was a token at all, and every gradient is finite."""
        sums = (*self._inputs.values(), *self._outputs.values())
        return self.tokens > 0 and all(bool(total.isfinite().all()) for total in sums)

    def keep(self, weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A as it is; its sum is taken here already."""
        self._inputs[weight.name] += self._square(activations)
        return activations.new_empty(0)

    def add(self, weight: CapturedWeight, _kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        self._outputs[weight.name] += self._square(output_gradients)

    def _square(self, rows: Tensor) -> Tensor:
        """The sum of the outer products of the rows that predict a token: [width, width]."""
        kept = rows.flatten(0, 1)[self._predicts].to(torch.promote_types(rows.dtype, torch.float32))
        return (kept.mT @ kept).to(exact_device(kept.device)).double()


class Eigenvalues:
    """Adds up squared gradients in the eigenbasis, a piece an example: the second pass."""

    def __init__(self, loaded: LoadedModel, bases: Mapping[str, Eigenbasis]) -> None:
        self.model = loaded.model
        self.weights = captured_weights(loaded.model)
        self.count = 0
        self._bases = bases
        self._on_device = {
            name: Eigenbasis(basis.output_vectors.to(loaded.device), basis.input_vectors.to(loaded.device))
            for name, basis in bases.items()
        }
        device = exact_device(loaded.device)
        self._sums = {w.name: _zeros(w.out_features, w.in_features, device) for w in self.weights}

    def add_pieces(self, pieces: Sequence[Piece]) -> None:
        """Take in one padded batch."""
        backward(self.model, self.weights, pieces, self)
        self.count += len(pieces)

    def factors(self) -> dict[str, KroneckerFactor]:
        """The curvature by weight name, in the number format of the bases, on the CPU."""
        return {
            name: KroneckerFactor(basis, (self._sums[name] / self.count).to(basis.input_vectors.dtype).cpu())
            for name, basis in self._bases.items()
        }

    def keep(self, weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A Q_A, [example, token, in]."""
        vectors = self._on_device[weight.name].input_vectors
        return activations.to(vectors.dtype) @ vectors

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        total, vectors = self._sums[weight.name], self._on_device[weight.name].output_vectors
        rotated = output_gradients.to(vectors.dtype) @ vectors
        chunk = gradients_at_once(weight.out_features, weight.in_features, kept.device)
        for a, d in zip(kept.split(chunk), rotated.split(chunk), strict=True):
            total += (d.mT @ a).to(total.device).double().square_().sum(0)


def exact_device(device: torch.device) -> torch.device:
    """Where float64 is to be had: the device itself, or the CPU for MPS."""
    return torch.device("cpu") if device.type == "mps" else device


def _zeros(rows: int, columns: int, device: torch.device) -> Tensor:
    return torch.zeros(rows, columns, dtype=torch.float64, device=device)
