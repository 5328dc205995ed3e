"""How likely a model finds a target after its prompt."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from trackstar_db.attribution.backward import loss_logits
from trackstar_db.attribution.tokens import Piece


def target_log_probabilities(model: PreTrainedModel, pieces: Sequence[Piece]) -> Tensor:
    """The log-probability of each piece's tokens that carry loss, summed, given all before them.

    One padded batch; a piece's neighbours change its value by rounding only.

    returns [piece] float32, or the model's own format where that is finer
    """
    logits, targets = loss_logits(model, pieces)
    dtype = torch.promote_types(logits.dtype, torch.float32)
    log_probabilities = -functional.cross_entropy(logits.to(dtype), targets, reduction="none")
    counts = [len(piece.token_ids) - piece.loss_start for piece in pieces]
    return torch.stack([part.sum() for part in log_probabilities.split(counts)])
