"""Tail-patch: how one optimizer step on one document changes the probability of targets (Chang et al. 2025 §3).

From the same checkpoint θ for every document, batch 1, with g = ∇L(document), L the mean cross-entropy over its tokens,
as trainers have it (or their sum), and η the learning rate:

    sgd         θ − η g
    adam        θ − η g / (sqrt(β2 V + (1 − β2) g²) + ε)      V the checkpoint's second moments
    fresh_adam  θ − η g / (|g| + ε)                           Adam's very first step

`adam` takes V as it stands in the checkpoint (β2 = 1), or lets it go on by the document's own gradient (β2 below 1).
Its bias correction, 1 − β2^t, is 1 after many steps, and the first moment starts anew (m = (1 − β1) g, bias-corrected
by 1 − β1 to g): what changes is due to this document alone. No weight decay. Which optimizer and which loss the paper
took is not known: these are open choices, and the figures depend on them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from transformers import PreTrainedModel

from trackstar_db.attribution.batching import token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
from trackstar_db.attribution.likelihood import target_log_probabilities
from trackstar_db.attribution.tokens import Piece

Optimizer = Literal["adam", "sgd", "fresh_adam"]
DocumentLoss = Literal["sum", "mean"]
DEFAULT_BETA2 = 1.0
DEFAULT_EPSILON = 1e-8


@dataclass(frozen=True)
class Step:
    """One step of an optimizer.

    second_moments: V by parameter name, in each parameter's shape; for adam alone
    """

    optimizer: Optimizer
    learning_rate: float
    second_moments: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    beta2: float = DEFAULT_BETA2
    epsilon: float = DEFAULT_EPSILON
    loss: DocumentLoss = "mean"

    def taken(self, name: str, parameter: Tensor, gradient: Tensor) -> Tensor:
        """The parameter after the step; itself stays as it is."""
        if self.optimizer == "sgd":
            return parameter - self.learning_rate * gradient
        if self.optimizer == "adam":
            old = self.second_moments[name].to(gradient)
            scale = (self.beta2 * old).addcmul_(gradient, gradient, value=1 - self.beta2).sqrt_()
        else:
            scale = gradient.abs()
        return parameter.addcdiv(gradient, scale.add_(self.epsilon), value=-self.learning_rate)


class _Likelihood(nn.Module):
    """A model as a function of its parameters: `functional_call` puts others in their place for one call."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pieces: Sequence[Piece]) -> Tensor:
        return target_log_probabilities(self.model, pieces)


def stepped_log_probabilities(
    model: PreTrainedModel,
    document: Piece,
    queries: Sequence[Piece],
    step: Step,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
) -> Tensor:
    """The log-probability of each query's whole target after one step on the document.

    Every parameter is stepped, one that several layers share once. The model is never written to: the stepped
    parameters are new tensors, and stand in for its own in one call after the other.

    returns [query] float32, or the model's own format where that is finer
    """
    stepped = _stepped_parameters(model, document, step)
    likelihood = _Likelihood(model)
    found: list[Tensor] = [torch.empty(0)] * len(queries)
    with torch.no_grad():
        for batch in token_budget_batches([len(piece.token_ids) for piece in queries], token_budget):
            values = functional_call(likelihood, stepped, ([queries[index] for index in batch],))
            for index, value in zip(batch, values.cpu(), strict=True):
                found[index] = value
    return torch.stack(found)


def _stepped_parameters(model: PreTrainedModel, document: Piece, step: Step) -> dict[str, Tensor]:
    """The parameters after the step, by their name in _Likelihood."""
    leaves = {name: parameter.detach().requires_grad_() for name, parameter in model.named_parameters()}
    tokens = len(document.token_ids) - document.loss_start
    with torch.enable_grad():
        said = functional_call(_Likelihood(model), _inside(leaves), ([document],))
        loss = -said.sum() / (tokens if step.loss == "mean" else 1)
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    with torch.no_grad():
        pairs = zip(leaves.items(), gradients, strict=True)
        return _inside({name: leaf if g is None else step.taken(name, leaf, g) for (name, leaf), g in pairs})


def _inside(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"model.{name}": parameter for name, parameter in parameters.items()}
