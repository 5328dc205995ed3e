"""Unprojected inner products of gradients against captum's TracInCP."""

from __future__ import annotations

import torch
from captum.influence import TracInCP
from examples import DOCUMENTS, QUERIES, check_agreement, losses, our_dot_products, padded, peer_model
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from trackstar_db.attribution.layers import captured_weights


class Logits(nn.Module):
    """A decoder whose output is its logits, as captum expects."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, token_ids: Tensor) -> Tensor:
        return self.model(input_ids=token_ids, use_cache=False).logits


def test_inner_products_of_gradients_are_captums_tracin(record_property):
    model = peer_model()
    layers = [f"model.{weight.name}" for weight in captured_weights(model)]
    tracin = TracInCP(
        Logits(model.requires_grad_(True)),
        TensorDataset(*padded(DOCUMENTS)[:2]),
        checkpoints=["as it is"],
        checkpoints_load_func=lambda _model, _path: 1.0,  # the learning rate that a checkpoint's products are times
        layers=layers,
        loss_fn=losses,
        batch_size=20,
    )
    expected = tracin.influence(padded(QUERIES)[:2]).T
    found = our_dot_products()
    assert torch.count_nonzero(expected) == expected.numel()
    check_agreement(found, expected, record_property, correlation=0.9999, difference=1e-4)
