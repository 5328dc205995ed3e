"""The task's matrix and the choice of lambda, against the definitions of Chang et al. 2025 §A.1.3."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trackstar_db.attribution.autocorrelation import inverse_root, root_of_inverse
from trackstar_db.attribution.task import LARGEST_LAMBDA, spectra_lambda, task_matrix

BLOCKS, WIDTH = 3, 16


def fitted(documents: int = 400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Projected gradients [document, block, width], R^(-1/2) and the eigenvalues of R."""
    generator = torch.Generator().manual_seed(3)
    scales = torch.logspace(0, -2, WIDTH, dtype=torch.float64)
    gradients = torch.randn(documents, BLOCKS, WIDTH, dtype=torch.float64, generator=generator) * scales
    autocorrelation = torch.einsum("nbi,nbj->bij", gradients, gradients) / documents
    return gradients, *inverse_root(autocorrelation)


def queries(inverse_roots: torch.Tensor, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Projected query gradients, and their base encodings [query, d]."""
    generator = torch.Generator().manual_seed(4)
    gradients = torch.randn(number, BLOCKS, WIDTH, dtype=torch.float64, generator=generator)
    return gradients, torch.einsum("bij,nbj->nbi", inverse_roots.double(), gradients).flatten(1)


@pytest.mark.parametrize("number", [40, 5])  # more than a block has directions, and fewer
def test_scores_of_base_encodings_are_those_of_the_mixed_autocorrelation(number: int) -> None:
    documents, inverse_roots, eigenvalues = fitted()
    asked, base = queries(inverse_roots, number)
    matrix = task_matrix(base, root_of_inverse(inverse_roots), eigenvalues, mixing_lambda=0.7)
    train = np.linalg.inv(inverse_roots.double().numpy()) @ np.linalg.inv(inverse_roots.double().numpy())
    evaluation = np.einsum("nbi,nbj->bij", asked.numpy(), asked.numpy()) / number
    inverse = np.linalg.inv(0.7 * evaluation + 0.3 * train)
    expected = np.einsum("qbi,bij,mbj->qm", asked.numpy(), inverse, documents.numpy())
    stored = torch.einsum("bij,nbj->nbi", inverse_roots.double(), documents)
    rooted = [
        torch.einsum("bij,nbj->nbi", matrix.root.double(), side.view(-1, BLOCKS, WIDTH)) for side in (base, stored)
    ]
    found = torch.einsum("qbi,mbi->qm", *rooted).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert matrix.crossing is None


def test_lambda_is_where_the_sorted_spectra_cross() -> None:
    train, evaluation = torch.linspace(10, 1, 200), torch.linspace(30, 2, 200)
    found, component = spectra_lambda(evaluation[torch.randperm(200)], train[torch.randperm(200)])
    assert component == 3  # 1.5 % of 200
    assert found * float(evaluation[2]) == pytest.approx((1 - found) * float(train[2]), rel=1e-6)


def test_lambda_stays_below_one_where_the_queries_are_few_or_weak() -> None:
    evaluation = torch.zeros(200)
    evaluation[0] = 5.0
    assert spectra_lambda(evaluation, torch.full((200,), 1.0)) == (pytest.approx(1 / 6), 1)
    evaluation[0] = 1e-9
    assert spectra_lambda(evaluation, torch.full((200,), 1.0)) == (LARGEST_LAMBDA, 1)
    assert spectra_lambda(torch.zeros(200), torch.ones(200)) == (0.0, 1)


def test_the_spectrum_of_the_queries_is_taken_before_the_whitening() -> None:
    _, inverse_roots, eigenvalues = fitted()
    asked, base = queries(inverse_roots, 40)
    evaluation = torch.einsum("nbi,nbj->bij", asked, asked) / 40
    expected, crossing = spectra_lambda(torch.linalg.eigvalsh(evaluation), eigenvalues)
    matrix = task_matrix(base, root_of_inverse(inverse_roots), eigenvalues)
    assert matrix.mixing_lambda == pytest.approx(expected, rel=1e-4)
    assert matrix.crossing == crossing


def test_few_queries_leave_the_rest_to_the_corpus() -> None:
    _, inverse_roots, eigenvalues = fitted()
    _, base = queries(inverse_roots, 5)
    matrix = task_matrix(base, root_of_inverse(inverse_roots), eigenvalues, mixing_lambda=0.5)
    assert matrix.ranks == (5, 5, 5)
    values = torch.linalg.eigvalsh(matrix.root.double())
    assert int((values > np.sqrt(2) - 1e-4).sum()) == BLOCKS * (WIDTH - 5)  # (1 - lambda)^(-1/2) where S is zero


def test_without_weight_the_queries_change_nothing() -> None:
    _, inverse_roots, eigenvalues = fitted()
    _, base = queries(inverse_roots, 30)
    matrix = task_matrix(base, root_of_inverse(inverse_roots), eigenvalues, mixing_lambda=0.0)
    np.testing.assert_allclose(matrix.root.numpy(), np.broadcast_to(np.eye(WIDTH), matrix.root.shape), atol=1e-6)


def test_the_root_of_an_inverse_root_gives_back_what_was_inverted() -> None:
    gradients, inverse_roots, _ = fitted()
    autocorrelation = torch.einsum("nbi,nbj->bij", gradients, gradients) / len(gradients)
    damping = 0.1 * autocorrelation.diagonal(dim1=1, dim2=2).mean(1)
    expected = autocorrelation + damping[:, None, None] * torch.eye(WIDTH)
    root = root_of_inverse(inverse_roots)
    assert float((root @ root - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    half_empty = inverse_roots.clone()
    half_empty[0] = 0
    half_empty[0, 0, 0] = 2.0
    assert root_of_inverse(half_empty)[0].flatten().nonzero().tolist() == [[0]]
    assert float(root_of_inverse(half_empty)[0, 0, 0]) == pytest.approx(0.5)
