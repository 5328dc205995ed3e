"""Which tokens of a document carried its influence: the score of one pair, divided exactly over positions.

A score is linear in the document's gradient, up to the document's length: <P (gradient / sqrt(V)), w> / length,
with w whatever the query and the method make of it (for TrackStar R^(-1/2) M q). The gradient of a weight matrix
is a sum over token positions, D^T A = sum_t D_t^T A_t, so the score is one too. With Q the k x k matrix of w for
the weight's block, position t contributes, summed over the weight matrices,

    (D_t P_out) Q (A_t P_in)^T                              rank-1 V folded into P_out and P_in
    D_t ((P_out Q P_in^T) / sqrt(V)) A_t^T                  V kept whole

A position is where the gradient is formed, not the word that is predicted: D_t holds what the losses of *later*
tokens send back to position t, above all that of the next token, which is predicted there. The word that a
document teaches therefore shows in the words before it, and the last token, which predicts nothing, has none.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from trackstar_db.attribution.backward import backward
from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, Encoder
from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.attribution.projected import Projection
from trackstar_db.attribution.tokens import TokenizedDocument


def token_influences(
    encoder: Encoder, document: TokenizedDocument, query_side: Tensor, token_budget: int = DEFAULT_TOKEN_BUDGET
) -> Tensor:
    """The part of each token position in <P (gradient / sqrt(V)), query_side>, which is their sum.

    A long document's pieces overlap by one token; its two parts are added. Divide by the document's length for a
    cosine.

    query_side: [d]
    returns [token] for the tokens that are read, on the CPU, float32 (float64 for a float64 model)
    """
    model = encoder.loaded.model
    dtype = torch.promote_types(model.dtype, torch.float32)
    rank = encoder.settings.block_rank
    blocks = query_side.to(model.device, dtype).view(encoder.settings.blocks, rank, rank)
    lengths = [len(piece.token_ids) for piece in document.pieces]
    # A piece begins with the last token of the one before.
    starts = list(itertools.accumulate((length - 1 for length in lengths), initial=0))
    influences = torch.zeros(starts[-1] + 1 if lengths else 0, dtype=dtype)
    for batch in token_budget_batches(lengths, token_budget):
        shape = (len(batch), max(lengths[index] for index in batch))
        sink = TokenInfluence(encoder.projections, blocks, torch.zeros(shape, dtype=dtype, device=model.device))
        backward(model, encoder.weights, [document.pieces[index] for index in batch], sink, encoder.settings.loss)
        for index, found in zip(batch, sink.influences.cpu(), strict=True):
            influences[starts[index] : starts[index] + lengths[index]] += found[: lengths[index]]
    return influences


@dataclass
class TokenInfluence:
    """The sink that adds each weight's part at each position to `influences` [example, token].

    query_blocks: [block, k, k], rows from the output side
    """

    projections: dict[str, Projection]
    query_blocks: Tensor
    influences: Tensor

    def keep(self, weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A P_in, [example, token, k]; with full V, A itself."""
        projection = self.projections[weight.name]
        return activations @ projection.right if projection.inverse_root is None else activations

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        projection = self.projections[weight.name]
        dtype = self.influences.dtype
        matrix = self.query_blocks[projection.block]  # [k, k]
        if projection.inverse_root is None:
            left_side = output_gradients @ projection.left
        else:
            left_side = output_gradients
            matrix = projection.left.to(dtype) @ matrix @ projection.right.to(dtype).mT * projection.inverse_root
        self.influences += ((left_side.to(dtype) @ matrix) * kept.to(dtype)).sum(-1)
