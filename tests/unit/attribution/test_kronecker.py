"""EK-FAC against its definition in float64: autograd's gradients, and the whole curvature matrix as one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from definitions import relative_error, sides, weight_gradients
from small_models import loaded, random_piece, small_model

from trackstar_db.attribution.kronecker import Covariances, Eigenbasis, Eigenvalues, KroneckerFactor
from trackstar_db.attribution.layers import CapturedWeight, captured_weights
from trackstar_db.attribution.low_rank import cut_to_rank, document_scores, forms_gradients, query_factors
from trackstar_db.attribution.tokens import Piece, TokenizedDocument

ARCHITECTURES = ("llama", "gpt2", "gpt_neox")
DAMPING = 0.1
SAMPLE = [random_piece(length, seed=20 + length) for length in (31, 9, 24, 17, 2, 40, 12)]
DOCUMENTS = [random_piece(length, seed=50 + length) for length in (14, 3, 30, 8)]
QUERIES = [random_piece(9, loss_start=6, seed=3), random_piece(17, loss_start=16, seed=5), random_piece(4, seed=8)]
WINDOWS = (Piece(random_piece(25).token_ids[:13]), Piece(random_piece(25).token_ids[12:]))


def document(*pieces):
    return TokenizedDocument(pieces, sum(len(piece.token_ids) for piece in pieces), is_truncated=False)


def fitted(model, batches):
    """The curvature of a model on the pieces of SAMPLE, in batches of their indices."""
    covariances = Covariances(loaded(model))
    for batch in batches:
        covariances.add_pieces([SAMPLE[index] for index in batch])
    assert covariances.is_finite()
    eigenvalues = Eigenvalues(loaded(model), covariances.eigenbases())
    for batch in batches:
        eigenvalues.add_pieces([SAMPLE[index] for index in batch])
    return eigenvalues.factors()


def scores_of(model, curvature, rank=None, **options):
    factors = query_factors(loaded(model), curvature, QUERIES, rank, DAMPING)
    documents = [*(document(piece) for piece in DOCUMENTS), document(*WINDOWS), document()]
    return document_scores(loaded(model), factors, documents, **options), factors


def defined_curvature(model, weights):
    """Each weight's curvature over SAMPLE as one symmetric matrix [out * in, out * in]."""
    sample = [sides(model, weights, piece) for piece in SAMPLE]
    gradients = [weight_gradients(model, weights, piece) for piece in SAMPLE]
    curvature = {}
    for weight in weights:
        a = torch.cat([found[weight.name][0][:-1] for found in sample]).numpy()  # the last token predicts nothing
        d = torch.cat([found[weight.name][1][:-1] for found in sample]).numpy()
        basis = np.kron(np.linalg.eigh(d.T @ d / len(d))[1], np.linalg.eigh(a.T @ a / len(a))[1])
        rotated = np.stack([basis.T @ gradient[weight.name].flatten().numpy() for gradient in gradients])
        curvature[weight.name] = (basis * (rotated**2).mean(0)) @ basis.T
    return curvature


def solved_queries(model, weights):
    """Each query's gradient by weight name, times the inverse of the damped curvature."""
    gradients = [weight_gradients(model, weights, query) for query in QUERIES]
    solved = [{} for _ in QUERIES]
    for name, matrix in defined_curvature(model, weights).items():
        damped = matrix + DAMPING * np.trace(matrix) / len(matrix) * np.eye(len(matrix))
        columns = np.linalg.solve(damped, np.stack([of[name].flatten().numpy() for of in gradients], axis=1))
        for query, of, column in zip(solved, gradients, columns.T, strict=True):
            query[name] = torch.from_numpy(column.reshape(of[name].shape))
    return solved


def defined_scores(model, weights, solved):
    pieces = [*([piece] for piece in DOCUMENTS), WINDOWS, ()]
    scores = torch.zeros(len(pieces), len(solved), dtype=torch.float64)
    for row, parts in enumerate(pieces):
        for piece in parts:
            gradients = weight_gradients(model, weights, piece)
            for column, query in enumerate(solved):
                scores[row, column] += sum((gradients[name] * query[name]).sum() for name in query)
    return scores


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_full_rank_is_the_definition_and_a_rank_is_its_truncated_svd(architecture):
    model = small_model(architecture, layers=1)
    weights = captured_weights(model)
    curvature = fitted(model, [[0, 1, 2], [3, 4], [5, 6]])
    solved = solved_queries(model, weights)
    found, factors = scores_of(model, curvature)
    assert relative_error(found[:-1], defined_scores(model, weights, solved)[:-1]) < 1e-8
    assert found[-1].tolist() == [0, 0, 0]  # a document without pieces
    torch.testing.assert_close(factors.kept_energy, torch.ones(3, dtype=torch.float64))

    cut, energy = [], []
    for query in solved:
        cut.append({})
        kept, whole = 0.0, 0.0
        for name, matrix in query.items():
            u, s, v = np.linalg.svd(matrix.numpy(), full_matrices=False)
            cut[-1][name] = torch.from_numpy((u[:, :3] * s[:3]) @ v[:3])
            kept, whole = kept + (s[:3] ** 2).sum(), whole + (s**2).sum()
        energy.append(kept / whole)
    found, factors = scores_of(model, curvature, rank=3)
    assert relative_error(found[:-1], defined_scores(model, weights, cut)[:-1]) < 1e-8
    assert min(energy) < 0.99  # the rank does cut something off
    torch.testing.assert_close(factors.kept_energy, torch.tensor(energy, dtype=torch.float64))
    assert {left.shape[2] for left in factors.left.values()} == {3}


def test_neither_the_batches_nor_the_chunks_of_a_product_change_the_scores(monkeypatch):
    model = small_model("llama")
    expected, _ = scores_of(model, fitted(model, [range(7)]), rank=4)
    one_by_one = fitted(model, [[index] for index in reversed(range(7))])
    monkeypatch.setattr("trackstar_db.attribution.low_rank.PRODUCT_NUMBERS", 300)
    monkeypatch.setattr("trackstar_db.attribution.projected.CPU_GRADIENT_NUMBERS", 1)
    found, _ = scores_of(model, one_by_one, rank=4, token_budget=20)
    assert relative_error(found[:-1], expected[:-1]) < 1e-9


def test_scores_from_tokens_and_from_whole_gradients_are_the_same(monkeypatch):
    model = small_model("gpt2")
    curvature = fitted(model, [range(7)])
    scores = {}
    for is_whole in (True, False):
        monkeypatch.setattr(
            "trackstar_db.attribution.low_rank.forms_gradients", lambda *_, is_whole=is_whole, **__: is_whole
        )
        scores[is_whole], _ = scores_of(model, curvature, rank=4)
    assert relative_error(scores[True][:-1], scores[False][:-1]) < 1e-12


def test_gradients_are_formed_where_documents_are_long_and_weights_small():
    small, large = CapturedWeight("w", 0, 200, 200, False), CapturedWeight("w", 0, 4000, 4000, False)
    factors = {weight: torch.empty(weight.out_features, 400, 8, device="meta") for weight in (small, large)}
    assert forms_gradients(small, factors[small], tokens=100, examples=50)
    assert not forms_gradients(small, factors[small], tokens=5, examples=50)
    assert not forms_gradients(large, factors[large], tokens=100, examples=1)
    assert not forms_gradients(small, factors[small][:, :1], tokens=100, examples=50)  # one query does not pay for it


def test_float32_keeps_four_digits():
    expected, _ = scores_of(small_model("llama"), fitted(small_model("llama"), [range(7)]))
    model = small_model("llama", torch.float32)
    curvature = fitted(model, [range(4), range(4, 7)])
    found, _ = scores_of(model, curvature)
    assert {factor.eigenvalues.dtype for factor in curvature.values()} == {found.dtype} == {torch.float32}
    assert relative_error(found[:-1], expected[:-1]) < 1e-4


def test_only_the_pairs_asked_for_are_scored():
    model = small_model("gpt2")
    curvature = fitted(model, [range(7)])
    every, _ = scores_of(model, curvature, rank=2)
    is_asked = torch.rand(every.shape, generator=torch.Generator().manual_seed(1)) < 0.5
    is_asked[4] = torch.tensor([True, False, True])  # the document of two pieces
    is_asked[1] = False
    found, _ = scores_of(model, curvature, rank=2, is_asked=is_asked, token_budget=40)
    torch.testing.assert_close(found[is_asked], every[is_asked])
    assert (found[~is_asked] == -torch.inf).all()


def test_without_curvature_the_score_is_the_inner_product_of_gradients():
    model = small_model("gpt_neox")
    weights = captured_weights(model)
    flat = {
        w.name: KroneckerFactor(
            Eigenbasis(torch.eye(w.out_features), torch.eye(w.in_features)), torch.ones(w.out_features, w.in_features)
        )
        for w in weights
    }
    factors = query_factors(loaded(model), flat, QUERIES, None, damping=0.0)
    found = document_scores(loaded(model), factors, [document(piece) for piece in DOCUMENTS])
    gradients = [weight_gradients(model, weights, query) for query in QUERIES]
    assert relative_error(found, defined_scores(model, weights, gradients)[:4]) < 1e-10


def test_a_direction_without_curvature_takes_no_part_unless_it_is_damped():
    basis = Eigenbasis(torch.eye(2), torch.eye(2))
    factor = KroneckerFactor(basis, torch.tensor([[4.0, 0.0], [2.0, 2.0]]))
    gradient = torch.ones(1, 2, 2)
    assert factor.solve(gradient, 0.0).tolist() == [[[0.25, 0.0], [0.5, 0.5]]]
    assert factor.solve(gradient, 1.0)[0, 0].tolist() == pytest.approx([1 / 6, 1 / 2])


@pytest.mark.parametrize("shape", [(5, 9), (9, 5)])
def test_a_cut_keeps_what_the_svd_keeps(shape):
    matrices = torch.randn(4, *shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for rank in (1, 4, 5):
        left, right, kept = cut_to_rank(matrices, rank)
        u, s, v = torch.linalg.svd(matrices, full_matrices=False)
        expected = (u[:, :, :rank] * s[:, None, :rank]) @ v[:, :rank]
        torch.testing.assert_close(left @ right.mT, expected)
        torch.testing.assert_close(kept, s[:, :rank].square().sum(1))


def test_a_sample_without_a_token_to_predict_or_with_a_broken_model_is_not_finite():
    model = small_model("llama")
    assert not Covariances(loaded(model)).is_finite()
    with torch.no_grad():
        next(model.parameters())[SAMPLE[0].token_ids[3]] = torch.nan
    covariances = Covariances(loaded(model))
    covariances.add_pieces(SAMPLE[:1])
    assert not covariances.is_finite()
