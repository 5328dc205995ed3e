"""One padded batch through the model and back, for its activation gradients alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from trackstar_db.attribution.capture import GradientSink, capture
from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.attribution.tokens import Piece
from trackstar_db.errors import ModelUnsupported


def backward(
    model: PreTrainedModel, weights: Sequence[CapturedWeight], pieces: Sequence[Piece], sink: GradientSink
) -> None:
    """Feed the sink with A and D of every captured weight, for the sum of the pieces' losses.

    A piece's loss is the cross-entropy summed over its tokens that carry loss. Padding is on the right, where
    no real token of a causal model can see it: it needs no attention mask, and D is exactly zero there.
    """
    token_ids = _padded(pieces, _vocabulary(model)).to(model.device)
    predicting, targets = _loss_positions(pieces, token_ids)
    with torch.enable_grad(), capture(model, weights, sink), _head_reads(model, predicting):
        logits = model(input_ids=token_ids, use_cache=False).logits
    logits = logits.flatten(0, 1)
    if len(logits) != len(predicting):
        logits = logits[predicting]
    logits.backward(cross_entropy_gradient(logits.detach(), targets))


def cross_entropy_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    """The gradient of the summed cross-entropy by the logits: softmax(logits) − onehot(targets).

    Written out because nobody asks for the loss itself: one pass over the logits in place of four.

    logits: [token, vocabulary]; targets: [token]
    """
    gradient = torch.softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    gradient[torch.arange(len(targets), device=targets.device), targets] -= 1
    return gradient.to(logits.dtype)


def _vocabulary(model: PreTrainedModel) -> int:
    return len(cast(Tensor, model.get_input_embeddings().weight))


def _padded(pieces: Sequence[Piece], vocabulary: int) -> Tensor:
    """Token ids [example, token], each row filled up with its own last token."""
    largest = max(max(piece.token_ids) for piece in pieces)
    if largest >= vocabulary:
        raise ModelUnsupported(
            f"The tokenizer gave token id {largest}; the model has embeddings for {vocabulary} tokens. "
            "Use the tokenizer that the model was trained with."
        )
    longest = max(len(piece.token_ids) for piece in pieces)
    return torch.tensor([piece.token_ids + piece.token_ids[-1:] * (longest - len(piece.token_ids)) for piece in pieces])


def _loss_positions(pieces: Sequence[Piece], token_ids: Tensor) -> tuple[Tensor, Tensor]:
    """Flat positions whose logits predict a token with loss, and those tokens: [token] both."""
    width = token_ids.shape[1]
    predicting = torch.cat(
        [
            torch.arange(row * width + piece.loss_start - 1, row * width + len(piece.token_ids) - 1)
            for row, piece in enumerate(pieces)
        ]
    ).to(token_ids.device)
    return predicting, token_ids.flatten()[predicting + 1]


@contextmanager
def _head_reads(model: PreTrainedModel, positions: Tensor) -> Iterator[None]:
    """Within the block the LM head sees only the given positions: logits nobody needs are never made."""
    head = model.get_output_embeddings()
    if head is None:
        yield
        return

    def select(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]  # [example, token, hidden]
        return (hidden.flatten(0, 1).index_select(0, positions)[None], *inputs[1:])

    handle = head.register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()
