"""Influence without a projection: query gradients through the curvature, in low rank, against documents.

Grosse et al. 2023 §3.2.2. The influence of a document on a query is the sum over weight matrices of the inner
product of the document's gradient D^T A with P, the query's gradient times the inverse curvature. With P = U W^T of
rank r that is

    sum over tokens t and ranks of (D_t U) (A_t W)

without the document's gradient ever being formed; where documents are long and weights small it is cheaper to form
both, a few at a time (`forms_gradients`). A document of several pieces is the sum over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trackstar_db.attribution.backward import backward
from trackstar_db.attribution.batching import piece_batches, token_budget_batches
from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
from trackstar_db.attribution.kronecker import KroneckerFactor
from trackstar_db.attribution.layers import CapturedWeight, captured_weights
from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.projected import gradients_at_once
from trackstar_db.attribution.tokens import Piece, TokenizedDocument
from trackstar_db.errors import InputError

PRODUCT_NUMBERS = 1 << 23
"""Numbers of one product of a batch with the factors, and of the gradients formed at once: 32 MB."""

FORMING_COST = 2.0
"""How much longer a multiplication of whole gradients takes than one by tokens: measured on a CPU."""


@dataclass(frozen=True)
class QueryFactors:
    """P of every query and weight as U W^T, all in memory: 4 bytes x r x (out + in) for each query and weight.

    left, right: U [out, query, r] and W [in, query, r] by weight name, r at most the smaller side
    kept_energy: the share of P's squared length, over all weights, that its rank keeps, [query] float64
    """

    left: Mapping[str, Tensor]
    right: Mapping[str, Tensor]
    kept_energy: Tensor

    @property
    def queries(self) -> int:
        return len(self.kept_energy)


def query_factors(
    loaded: LoadedModel,
    curvature: Mapping[str, KroneckerFactor],
    pieces: Sequence[Piece],
    rank: int | None,
    damping: float,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
) -> QueryFactors:
    """The queries' gradients times the inverse of the damped curvature, cut to a rank.

    rank: of every weight matrix; None keeps all of it
    """
    if rank is not None and rank < 1:
        raise InputError(f"the rank of query gradients is {rank}; expected a whole number from 1.")
    weights = captured_weights(loaded.model)
    sink = _Solved(weights, curvature, len(pieces), rank, damping, loaded)
    for batch in token_budget_batches([len(piece.token_ids) for piece in pieces], token_budget):
        sink.rows = torch.tensor(batch, device=loaded.device)
        backward(loaded.model, weights, [pieces[index] for index in batch], sink)
    return QueryFactors(sink.left, sink.right, sink.kept / sink.whole.clamp(min=torch.finfo(torch.float64).tiny))


def document_scores(
    loaded: LoadedModel,
    factors: QueryFactors,
    documents: Sequence[TokenizedDocument],
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    is_asked: Tensor | None = None,
) -> Tensor:
    """The influence of each document on each query.

    is_asked: [document, query] which pairs are wanted, None for all
    returns [document, query] on the CPU, -inf for a pair that is not wanted
    """
    weights = captured_weights(loaded.model)
    dtype = torch.promote_types(loaded.model.dtype, torch.float32)
    scores = torch.zeros(len(documents), factors.queries, dtype=dtype, device=loaded.device)
    for owners, pieces in piece_batches(documents, token_budget):
        rows = torch.tensor(owners)
        of_pieces = torch.zeros(len(pieces), factors.queries, dtype=dtype, device=loaded.device)
        sink = _AllPairs(factors, of_pieces) if is_asked is None else _SomePairs(factors, of_pieces, is_asked[rows])
        backward(loaded.model, weights, pieces, sink)
        scores.index_add_(0, rows.to(loaded.device), of_pieces)
    found = scores.cpu()
    return found if is_asked is None else found.masked_fill(~is_asked, -torch.inf)


def cut_to_rank(matrices: Tensor, rank: int) -> tuple[Tensor, Tensor, Tensor]:
    """The closest matrices U W^T of a rank, and the squared length that each keeps.

    U are the leading left singular vectors and W = M^T U, or the other way round, by the eigenvectors of the
    smaller of M M^T and M^T M. Of full rank nothing is computed: U or W is the identity.

    matrices: [matrix, out, in] float64
    returns [matrix, out, r], [matrix, in, r], [matrix]
    """
    _, out_features, in_features = matrices.shape
    if out_features > in_features:
        right, left, kept = cut_to_rank(matrices.mT, rank)
        return left, right, kept
    if rank >= out_features:
        identity = torch.eye(out_features, dtype=matrices.dtype, device=matrices.device)
        return identity.expand(len(matrices), -1, -1), matrices.mT, matrices.square().sum((1, 2))
    left = torch.linalg.eigh(matrices @ matrices.mT).eigenvectors[:, :, -rank:]
    right = matrices.mT @ left
    return left, right, right.square().sum((1, 2))


class _Solved:
    """Writes U and W of each query of a batch, the query number `rows[example]`."""

    rows: Tensor

    def __init__(
        self,
        weights: Sequence[CapturedWeight],
        curvature: Mapping[str, KroneckerFactor],
        queries: int,
        rank: int | None,
        damping: float,
        loaded: LoadedModel,
    ) -> None:
        self._curvature = curvature
        self._damping = damping
        dtype = torch.promote_types(loaded.model.dtype, torch.float32)
        self._rank = {
            w.name: min(w.out_features, w.in_features, w.out_features if rank is None else rank) for w in weights
        }
        self.left, self.right = (
            {
                w.name: torch.zeros(width, queries, self._rank[w.name], dtype=dtype, device=loaded.device)
                for w, width in zip(weights, widths, strict=True)
            }
            for widths in ([w.out_features for w in weights], [w.in_features for w in weights])
        )
        self.kept, self.whole = torch.zeros(2, queries, dtype=torch.float64)

    def keep(self, _weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A as it is."""
        return activations

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        name, into = weight.name, self.left[weight.name]
        chunk = gradients_at_once(weight.out_features, weight.in_features, kept.device)
        parts = (tensor.split(chunk) for tensor in (self.rows, kept, output_gradients))
        for rows, a, d in zip(*parts, strict=True):
            gradient = d.to(into.dtype).mT @ a.to(into.dtype)
            solved = self._curvature[name].solve(gradient, self._damping)
            left, right, energy = cut_to_rank(solved, self._rank[name])
            self.left[name][:, rows] = left.transpose(0, 1).to(into)
            self.right[name][:, rows] = right.transpose(0, 1).to(into)
            self.kept[rows.cpu()] += energy.cpu()
            self.whole[rows.cpu()] += solved.square().sum((1, 2)).cpu()


class _AllPairs:
    """Adds every piece's score for every query to `scores` [piece, query], some queries at a time."""

    def __init__(self, factors: QueryFactors, scores: Tensor) -> None:
        self._factors = factors
        self._scores = scores

    def keep(self, _weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A as it is."""
        return activations

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        left, right = self._factors.left[weight.name], self._factors.right[weight.name]
        a, d = kept.to(left.dtype), output_gradients.to(left.dtype)
        examples = max(1, PRODUCT_NUMBERS // (weight.out_features * weight.in_features))
        if forms_gradients(weight, left, tokens=a.shape[1], examples=min(examples, len(a))):
            for scores, of_a, of_d in zip(*(side.split(examples) for side in (self._scores, a, d)), strict=True):
                _add_by_gradients(scores, (of_d.mT @ of_a).flatten(1), left, right)
        else:
            _add_by_tokens(self._scores, a, d, left, right)


def forms_gradients(weight: CapturedWeight, left: Tensor, tokens: int, examples: int) -> bool:
    """Whether scores are cheaper from whole gradients than from tokens, by the multiplications of a score.

    tokens: of each document; examples: documents whose gradients are formed at once
    """
    _, queries, rank = left.shape
    by_tokens = tokens * rank * (weight.out_features + weight.in_features)
    whole = weight.out_features * weight.in_features
    return FORMING_COST * whole * (1 + tokens / queries + rank / examples) < by_tokens


def _add_by_gradients(scores: Tensor, gradients: Tensor, left: Tensor, right: Tensor) -> None:
    """scores: [example, query]; gradients: [example, out * in]; left, right: [out and in, query, r]."""
    queries = max(1, PRODUCT_NUMBERS // gradients.shape[1])
    for part, u, w in zip(*(side.split(queries, dim=1) for side in (scores, left, right)), strict=True):
        part += gradients @ (u.transpose(0, 1) @ w.permute(1, 2, 0)).flatten(1).T


def _add_by_tokens(scores: Tensor, a: Tensor, d: Tensor, left: Tensor, right: Tensor) -> None:
    """scores: [example, query]; a, d: [example, token, in and out]; left, right: [out and in, query, r]."""
    queries = max(1, PRODUCT_NUMBERS // (a.shape[0] * a.shape[1] * left.shape[2]))
    for part, u, w in zip(*(side.split(queries, dim=1) for side in (scores, left, right)), strict=True):
        products = (d.flatten(0, 1) @ u.flatten(1)).mul_(a.flatten(0, 1) @ w.flatten(1))  # [token, query * r]
        part += products.view(*a.shape[:2], *u.shape[1:]).sum((1, 3))


class _SomePairs:
    """Adds the scores of the pairs that are asked for to `scores` [piece, query]."""

    def __init__(self, factors: QueryFactors, scores: Tensor, is_asked: Tensor) -> None:
        self._factors = factors
        self._scores = scores
        self._pairs = is_asked.to(scores.device).nonzero()  # [pair, 2]: piece, query

    def keep(self, _weight: CapturedWeight, activations: Tensor) -> Tensor:
        """A as it is."""
        return activations

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out]."""
        left, right = self._factors.left[weight.name], self._factors.right[weight.name]
        longest = kept.shape[1] * max(weight.in_features, weight.out_features)
        for pairs in self._pairs.split(max(1, PRODUCT_NUMBERS // longest)):
            pieces, queries = pairs.unbind(1)
            u, w = (side.index_select(1, queries).transpose(0, 1) for side in (left, right))
            products = (output_gradients[pieces].to(u.dtype) @ u).mul_(kept[pieces].to(w.dtype) @ w)
            self._scores[pieces, queries] += products.sum((1, 2))
