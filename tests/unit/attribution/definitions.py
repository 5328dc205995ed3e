"""Float64 definitions, written as the mathematics has them, with plain autograd and no hooks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from small_models import trainable_double
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from trackstar_db.attribution.encoder import EncodingSettings
from trackstar_db.attribution.layers import CapturedWeight, block_of_weight
from trackstar_db.attribution.projection import projection_matrix
from trackstar_db.attribution.tokens import Piece


def weight_gradients(model: PreTrainedModel, weights: Sequence[CapturedWeight], piece: Piece) -> dict[str, Tensor]:
    """Each weight's gradient [out, in] of the piece's summed cross-entropy."""
    exact = trainable_double(model)
    token_ids = torch.tensor([piece.token_ids])
    logits = exact(input_ids=token_ids).logits[0]
    loss = sum(
        functional.cross_entropy(logits[position - 1], token_ids[0, position])
        for position in range(piece.loss_start, len(piece.token_ids))
    )
    loss.backward()
    parameters = dict(exact.named_parameters())
    gradients = {weight.name: parameters[weight.parameter].grad for weight in weights}
    return {w.name: gradients[w.name].T if w.is_transposed else gradients[w.name] for w in weights}


def sides(model: PreTrainedModel, weights: Sequence[CapturedWeight], piece: Piece) -> dict[str, tuple[Tensor, Tensor]]:
    """A [token, in] and D [token, out] of each weight, for the piece's summed cross-entropy."""
    exact = trainable_double(model)
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def see(name: str, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        output.retain_grad()
        seen[name] = inputs[0].detach()[0], output

    for weight in weights:
        exact.get_submodule(weight.name).register_forward_hook(
            lambda _module, inputs, output, name=weight.name: see(name, inputs, output)
        )
    token_ids = torch.tensor([piece.token_ids])
    logits = exact(input_ids=token_ids).logits[0]
    start = piece.loss_start
    functional.cross_entropy(logits[start - 1 : -1], token_ids[0, start:], reduction="sum").backward()
    return {name: (a, output.grad[0]) for name, (a, output) in seen.items()}


def corrected(gradient: Tensor, second_moment: Tensor | None, kind: str) -> Tensor:
    """G / sqrt(V), with V as it is or by its row and column means."""
    if kind == "none" or second_moment is None:
        return gradient
    exact = second_moment.double()
    if kind == "rank1":
        exact = torch.outer(exact.mean(1), exact.mean(0)) / exact.mean()
    return gradient / exact.sqrt()


def projected_gradient(
    model: PreTrainedModel,
    weights: Sequence[CapturedWeight],
    settings: EncodingSettings,
    second_moments: dict[str, Tensor] | None,
    piece: Piece,
) -> Tensor:
    """The sum over a block's weights of P_out^T (G / sqrt(V)) P_in: [d]."""
    k = settings.block_rank
    blocks = block_of_weight(weights, settings.blocks)
    result = torch.zeros(settings.blocks, k, k, dtype=torch.float64)
    gradients = weight_gradients(model, weights, piece)
    for weight in weights:
        left = projection_matrix(settings.seed, weight.name, "left", weight.out_features, k).double()
        right = projection_matrix(settings.seed, weight.name, "right", weight.in_features, k).double()
        second_moment = (second_moments or {}).get(weight.name)
        gradient = corrected(gradients[weight.name], second_moment, settings.second_moment)
        result[blocks[weight.name]] += left.T @ gradient @ right
    return result.flatten()


def random_second_moments(weights: Sequence[CapturedWeight]) -> dict[str, Tensor]:
    """Positive numbers over three orders of magnitude, with rows and columns of unequal size."""
    generator = torch.Generator().manual_seed(7)

    def spread(*shape: int) -> Tensor:
        return torch.exp(torch.randn(*shape, generator=generator))

    return {
        weight.name: 1e-6
        * spread(weight.out_features, 1)
        * spread(1, weight.in_features)
        * spread(weight.out_features, weight.in_features)
        for weight in weights
    }


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Largest |found - expected| / |expected| over rows, by Euclidean length."""
    difference = torch.linalg.vector_norm(found.double() - expected.double(), dim=-1)
    return float((difference / torch.linalg.vector_norm(expected.double(), dim=-1)).max())
