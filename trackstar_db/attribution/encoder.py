"""From pieces of text to encodings: G = R^(-1/2) P (gradient / sqrt(V)).

Chang et al., ICLR 2025, arXiv 2410.17413.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch import Tensor

from trackstar_db.attribution.autocorrelation import DEFAULT_DAMPING, by_block
from trackstar_db.attribution.backward import Loss, backward
from trackstar_db.attribution.batching import piece_batches
from trackstar_db.attribution.layers import DEFAULT_BLOCKS, CapturedWeight, block_of_weight, captured_weights
from trackstar_db.attribution.model import DEFAULT_CONTEXT_LENGTH, DTYPES, LoadedModel
from trackstar_db.attribution.projected import ProjectedGradients, Projection
from trackstar_db.attribution.projection import projection_matrix
from trackstar_db.attribution.second_moment import (
    RankOne,
    SecondMoments,
    fold,
    inverse_square_root,
    rank_one,
)
from trackstar_db.attribution.tokens import LongDocuments, Piece, TokenizedDocument
from trackstar_db.errors import EncodingIncomplete, InputError, SecondMomentError

SecondMomentKind = Literal["rank1", "full", "none"]
DEFAULT_BLOCK_RANK = 22
DEFAULT_TOKEN_BUDGET = 2048  # tokens of one padded batch: fastest on a CPU; a GPU wants more
_CHOICES = {
    "second_moment": get_args(SecondMomentKind),
    "long_documents": get_args(LongDocuments),
    "dtype": tuple(DTYPES),
    "loss": get_args(Loss),
    "bits": (16, 2, 1),
}


@dataclass(frozen=True)
class EncodingSettings:
    """What defines an encoding's numbers, next to the model, V and R. Batch sizes and devices do not.

    bits: of each number of a document's gradient as it is stored: 16 is half precision
    """

    blocks: int = DEFAULT_BLOCKS
    block_rank: int = DEFAULT_BLOCK_RANK
    second_moment: SecondMomentKind = "rank1"
    seed: int = 0
    damping: float = DEFAULT_DAMPING
    max_tokens: int = DEFAULT_CONTEXT_LENGTH
    long_documents: LongDocuments = "split"
    dtype: str = "float32"
    loss: Loss = "cross-entropy"
    bits: int = 16

    def __post_init__(self) -> None:
        for name, least in (("blocks", 1), ("block_rank", 1), ("max_tokens", 2), ("damping", 0)):
            if not getattr(self, name) >= least:  # so that NaN is refused too
                raise InputError(f"{name} is {getattr(self, name)}; expected {least} or more.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"{name} is {getattr(self, name)!r}; expected one of {', '.join(map(str, choices))}.")

    @property
    def dimension(self) -> int:
        """d, the length of an encoding."""
        return self.blocks * self.block_rank**2


@dataclass(frozen=True)
class Encoder:
    """A model with all that turns examples into encodings. It keeps no state between calls.

    second_moments: V by weight name, [out, in] or factors; None where settings.second_moment is "none"
    inverse_roots: [block, k^2, k^2] float32; None while R is being fitted
    """

    loaded: LoadedModel
    settings: EncodingSettings
    second_moments: SecondMoments | None = None
    inverse_roots: Tensor | None = None
    weights: list[CapturedWeight] = field(init=False, repr=False)
    projections: dict[str, Projection] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        weights = captured_weights(self.loaded.model)
        blocks = block_of_weight(weights, self.settings.blocks)
        projections = {weight.name: self._projection(weight, blocks[weight.name]) for weight in weights}
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "projections", projections)
        if self.inverse_roots is not None:
            object.__setattr__(self, "inverse_roots", self.inverse_roots.to(self.loaded.device))

    def projected_gradients(self, pieces: Sequence[Piece]) -> Tensor:
        """P (gradient / sqrt(V)) of each piece's loss, in one padded batch.

        returns [piece, d] on the model's device, float32 (float64 for a float64 model)
        """
        return self._projected(pieces)[0]

    def _projected(self, pieces: Sequence[Piece]) -> tuple[Tensor, Tensor]:
        """The same, and the sum of 1 − p over each piece's tokens that carry loss, [piece]."""
        settings, model = self.settings, self.loaded.model
        dtype = torch.promote_types(model.dtype, torch.float32)
        shape = (len(pieces), settings.blocks, settings.block_rank, settings.block_rank)
        gradients = torch.zeros(shape, dtype=dtype, device=model.device)
        sink = ProjectedGradients(self.projections, gradients)
        probabilities = backward(model, self.weights, pieces, sink, settings.loss)
        counts = [len(piece.token_ids) - piece.loss_start for piece in pieces]
        doubts = torch.stack([part.sum() for part in (1 - probabilities).split(counts)])
        return gradients.flatten(1), doubts.to(dtype)

    def document_gradients(
        self,
        documents: Sequence[TokenizedDocument],
        token_budget: int = DEFAULT_TOKEN_BUDGET,
        on_batch: Callable[[int], object] | None = None,
    ) -> Tensor:
        """Projected gradients of whole documents, in their own order; a document without pieces is zero.

        A document's gradient is the sum of its pieces'. `on_batch` is told how many pieces each batch had.

        returns [document, d] as `projected_gradients`
        """
        return self.gradients_and_doubts(documents, token_budget, on_batch)[0]

    def gradients_and_doubts(
        self,
        documents: Sequence[TokenizedDocument],
        token_budget: int = DEFAULT_TOKEN_BUDGET,
        on_batch: Callable[[int], object] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`document_gradients`, and the mean of 1 − p over each document's tokens that carry loss, [document]."""
        dtype = torch.promote_types(self.loaded.model.dtype, torch.float32)
        gradients = torch.zeros(len(documents), self.settings.dimension, dtype=dtype, device=self.loaded.device)
        doubts = torch.zeros(len(documents), dtype=dtype, device=self.loaded.device)
        for owners, pieces in piece_batches(documents, token_budget):
            rows = torch.tensor(owners, device=gradients.device)
            projected, doubt = self._projected(pieces)
            gradients.index_add_(0, rows, projected)
            doubts.index_add_(0, rows, doubt)
            if on_batch is not None:
                on_batch(len(pieces))
        counts = [sum(len(p.token_ids) - p.loss_start for p in document.pieces) for document in documents]
        return gradients, doubts / torch.tensor(counts, device=doubts.device).clamp(min=1)

    def query_gradients(self, pieces: Sequence[Piece], token_budget: int = DEFAULT_TOKEN_BUDGET) -> Tensor:
        """Projected gradients of queries, in their own order: [query, d]."""
        wholes = [TokenizedDocument((piece,), len(piece.token_ids), False) for piece in pieces]
        return self.document_gradients(wholes, token_budget)

    def encode(self, gradients: Tensor) -> Tensor:
        """Base encodings, R^(-1/2) g block by block, not yet of unit norm.

        gradients: [example, d]
        returns [example, d]
        """
        if self.inverse_roots is None:
            raise EncodingIncomplete("R is not fitted yet. Fit it on a sample of the corpus before encoding.")
        return by_block(self.inverse_roots, gradients)

    def _projection(self, weight: CapturedWeight, block: int) -> Projection:
        seed, rank, kind = self.settings.seed, self.settings.block_rank, self.settings.second_moment
        left = projection_matrix(seed, weight.name, "left", weight.out_features, rank)
        right = projection_matrix(seed, weight.name, "right", weight.in_features, rank)
        scale = None
        if kind != "none":
            moment = _moment_of(weight, self.second_moments)
            if kind == "rank1" or isinstance(moment, RankOne):
                # Factors are all that Adafactor has: its V, in full, is rank one.
                left, right = fold(rank_one(moment), left.double(), right.double())
            else:
                scale = inverse_square_root(moment)
        return Projection(block, left, right, scale).to(self.loaded.model)


def unit_norm(encodings: Tensor) -> tuple[Tensor, Tensor]:
    """Encodings of length 1 and the lengths they had; a zero encoding stays zero.

    encodings: [example, d]
    returns [example, d], [example]
    """
    norms = torch.linalg.vector_norm(encodings, dim=1)
    return encodings / norms.clamp(min=torch.finfo(norms.dtype).tiny)[:, None], norms


def _moment_of(weight: CapturedWeight, second_moments: SecondMoments | None) -> RankOne | Tensor:
    if second_moments is None or weight.name not in second_moments:
        raise SecondMomentError(
            f"There is no second moment for {weight.name}. Give an optimizer state, have it estimated, "
            'or choose second_moment "none".'
        )
    return second_moments[weight.name]
