"""One padded batch through the model and back, for its activation gradients alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from trackstar_db.attribution.capture import GradientSink, capture
from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.attribution.tokens import Piece
from trackstar_db.errors import ModelUnsupported

Loss = Literal["cross-entropy", "margin"]
LEAST_DOUBT = 1e-6  # 1 - p of a token that the model is sure of, where the margin divides by it


def backward(
    model: PreTrainedModel,
    weights: Sequence[CapturedWeight],
    pieces: Sequence[Piece],
    sink: GradientSink,
    loss: Loss = "cross-entropy",
) -> Tensor:
    """The probability of each token that carries loss, [token], in the order of the pieces.

    Feeds the sink with A and D of every captured weight, for the sum of the pieces' losses. A piece's loss is
    the sum over its tokens that carry loss of the cross-entropy -log p, or of the negative margin
    -log(p / (1 - p)) (Park et al. 2023). Padding is on the right, where no real token of a causal model can
    see it: it needs no attention mask, and D is exactly zero there.
    """
    with torch.enable_grad(), capture(model, weights, sink):
        logits, targets = loss_logits(model, pieces)
    gradient, probabilities = loss_gradient(logits.detach(), targets, loss)
    logits.backward(gradient)
    return probabilities


def loss_gradient(logits: Tensor, targets: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
    """The gradient of the summed loss by the logits, and the probability of each target.

    Cross-entropy: softmax(logits) − onehot(targets). Margin: the same over 1 − p, since the derivative of
    log(p / (1 - p)) is that of log p over 1 − p. Written out because nobody asks for the loss itself: one pass
    over the logits in place of four.

    logits: [token, vocabulary]; targets: [token]
    returns [token, vocabulary], [token]
    """
    gradient = torch.softmax(logits, dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
    rows = torch.arange(len(targets), device=targets.device)
    probabilities = gradient[rows, targets]
    gradient[rows, targets] -= 1
    if loss == "margin":
        gradient /= (1 - probabilities).clamp(min=LEAST_DOUBT)[:, None]
    return gradient.to(logits.dtype), probabilities


def loss_logits(model: PreTrainedModel, pieces: Sequence[Piece]) -> tuple[Tensor, Tensor]:
    """The logits that predict a token with loss, of one padded batch, and those tokens, in the order of the pieces.

    returns [token, vocabulary], [token]
    """
    token_ids = _padded(pieces, _vocabulary(model)).to(model.device)
    predicting, targets = _loss_positions(pieces, token_ids)
    with _head_reads(model, predicting):
        logits = model(input_ids=token_ids, use_cache=False).logits.flatten(0, 1)
    return (logits if len(logits) == len(predicting) else logits[predicting]), targets


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
