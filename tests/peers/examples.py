"""The small model, the documents and the queries that every peer is given, and our own scores of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy.stats import spearmanr
from small_models import loaded, random_piece, small_model
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedModel

from trackstar_db.attribution.kronecker import Covariances, Eigenbasis, Eigenvalues, KroneckerFactor
from trackstar_db.attribution.layers import CapturedWeight, captured_weights
from trackstar_db.attribution.low_rank import document_scores, query_factors
from trackstar_db.attribution.tokens import Piece, TokenizedDocument

NO_LOSS = -100  # the label of a token that carries none
WIDTH = 40
DOCUMENTS = [random_piece(5 + 7 * number % 36, seed=number) for number in range(150)]
QUERIES = [random_piece(6 + number % 9, loss_start=4 + number % 3, seed=100 + number) for number in range(12)]


def peer_model(architecture: str = "llama") -> PreTrainedModel:
    """A float32 model of its own for each caller: peers wrap what they are given."""
    return small_model(architecture, torch.float32)


def labels(piece: Piece) -> list[int]:
    """The piece's tokens where they carry loss."""
    return [token if index >= piece.loss_start else NO_LOSS for index, token in enumerate(piece.token_ids)]


def padded(pieces: list[Piece], width: int = WIDTH) -> tuple[Tensor, Tensor, Tensor]:
    """Token ids, labels, and whether a token predicts another: [piece, width] each."""
    ids = torch.zeros(len(pieces), width, dtype=torch.int64)
    targets = torch.full((len(pieces), width), NO_LOSS)
    predicts = torch.zeros(len(pieces), width, dtype=torch.int64)
    for row, piece in enumerate(pieces):
        length = len(piece.token_ids)
        ids[row, :length] = torch.tensor(piece.token_ids)
        targets[row, :length] = torch.tensor(labels(piece))
        predicts[row, : length - 1] = 1
    return ids, targets, predicts


def losses(logits: Tensor, targets: Tensor) -> Tensor:
    """The summed cross-entropy of each example: [example]."""
    token_losses = torch.nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2), targets[:, 1:], ignore_index=NO_LOSS, reduction="none"
    )
    return token_losses.sum(1)


class Examples(Dataset[dict[str, Tensor]]):
    """Pieces as a peer's loader wants them: `input_ids`, `labels` and `predicts` by name."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._columns = dict(zip(("input_ids", "labels", "predicts"), padded(pieces), strict=True))

    def __len__(self) -> int:
        return len(self._columns["input_ids"])

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {name: column[index] for name, column in self._columns.items()}


def our_dot_products() -> Tensor:
    """[document, query], inner products of whole gradients: EK-FAC without curvature."""
    flat = {weight.name: _no_curvature(weight) for weight in captured_weights(peer_model())}
    return _our_scores(flat, 0.0, None)


def our_ekfac(damping: float, rank: int | None = None) -> Tensor:
    """[document, query], influence through the curvature fitted on all documents."""
    model = loaded(peer_model())
    covariances = Covariances(model)
    covariances.add_pieces(DOCUMENTS)
    eigenvalues = Eigenvalues(model, covariances.eigenbases())
    eigenvalues.add_pieces(DOCUMENTS)
    return _our_scores(eigenvalues.factors(), damping, rank)


def _our_scores(curvature: dict[str, KroneckerFactor], damping: float, rank: int | None) -> Tensor:
    model = loaded(peer_model())
    factors = query_factors(model, curvature, QUERIES, rank, damping)
    documents = [TokenizedDocument((piece,), len(piece.token_ids), is_truncated=False) for piece in DOCUMENTS]
    return document_scores(model, factors, documents)


def _no_curvature(weight: CapturedWeight) -> KroneckerFactor:
    basis = Eigenbasis(torch.eye(weight.out_features), torch.eye(weight.in_features))
    return KroneckerFactor(basis, torch.ones(weight.out_features, weight.in_features))


def check_agreement(
    found: Tensor,
    expected: Tensor,
    record_property: Callable[[str, object], None],
    correlation: float,
    difference: float,
) -> None:
    """Raises where scores are ordered differently, or differ by more; both figures stand in the run's summary.

    correlation: what the smallest over queries must be above; difference: the largest allowed
    """
    assert found.shape == expected.shape == (len(DOCUMENTS), len(QUERIES))
    least, largest = least_rank_correlation(found, expected), largest_difference(found, expected)
    record_property("rank correlation", f"at least {least:.6f}")
    record_property("relative difference", f"at most {largest:.1e}")
    assert least > correlation
    assert largest <= difference


def least_rank_correlation(found: Tensor, expected: Tensor) -> float:
    """The smallest Spearman correlation over queries.

    found, expected: [document, query]
    """
    pairs = zip(found.double().T.numpy(), expected.double().T.numpy(), strict=True)
    return min(float(spearmanr(a, b).statistic) for a, b in pairs)


def largest_difference(found: Tensor, expected: Tensor) -> float:
    """Largest |found − expected| of a query over its largest |expected|.

    found, expected: [document, query]
    """
    difference = (found.double() - expected.double()).abs().amax(0)
    return float((difference / expected.double().abs().amax(0)).max())
