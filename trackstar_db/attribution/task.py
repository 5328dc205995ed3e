"""Task-specific R = lambda R_eval + (1 - lambda) R_train, in the basis where the damped R_train is the identity.

Chang et al. 2025 §A.1.3. There R becomes lambda S + (1 - lambda) I with S = mean(q q^T) over the task's base-encoded
queries, and the task-specific TrackStar is a cosine under M = R^(-1): nothing that is stored changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

CROSSING_SHARE = 0.015
"""Where the two spectra are to cross: about 1,000 of 65,536 components (Chang et al. 2025 §A.1.3)."""

LARGEST_LAMBDA = 0.99
"""What the spectra rule gives at most: with 1, few queries would leave R without an inverse."""


@dataclass(frozen=True)
class TaskMatrix:
    """What makes a task's scores of base encodings.

    root: M^(1/2), [block, k^2, k^2] float32
    mixing_lambda: the weight of R_eval, from 0 to below 1
    ranks: rank of R_eval by block, of k^2
    crossing: the component, from 1, at which the spectra cross; None where lambda was given
    """

    root: Tensor
    mixing_lambda: float
    ranks: tuple[int, ...]
    crossing: int | None


def task_matrix(
    queries: Tensor, train_root: Iterable[Tensor], train_eigenvalues: Tensor, mixing_lambda: float | None = None
) -> TaskMatrix:
    """M^(1/2) = (lambda S + (1 - lambda) I)^(-1/2) of each block.

    Beside what comes back, memory holds a few matrices of one block in float64.

    queries: [query, d] base encodings before unit norm
    train_root: R_train^(1/2), damped, [block, k^2, k^2], or its blocks one after the other
    train_eigenvalues: of R_train, [block, k^2]
    mixing_lambda: from 0 to below 1; None chooses it by the spectra
    """
    by_block = queries.split(train_eigenvalues.shape[1], dim=1)
    crossing = None
    if mixing_lambda is None:
        spectra = [
            _spectrum(part.double() @ root.double())[0]  # of R_eval
            for part, root in zip(by_block, train_root, strict=True)
        ]
        mixing_lambda, crossing = spectra_lambda(torch.cat(spectra), train_eigenvalues)
    roots, ranks = zip(*(_root(part, mixing_lambda) for part in by_block), strict=True)
    return TaskMatrix(torch.stack(roots), mixing_lambda, ranks, crossing)


def _root(queries: Tensor, mixing_lambda: float) -> tuple[Tensor, int]:
    """M^(1/2) of one block, [k^2, k^2] float32, and the rank of its S.

    queries: [query, k^2]
    """
    values, vectors = _spectrum(queries.double())
    rank = int((values > 1e-10 * values.amax()).sum())
    elsewhere = (1 - mixing_lambda) ** -0.5  # in directions of which the queries say nothing
    scale = (mixing_lambda * values + (1 - mixing_lambda)).rsqrt() - elsewhere
    root = (vectors * scale) @ vectors.mT
    root.diagonal().add_(elsewhere)
    return root.float(), rank


def _spectrum(queries: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of S = mean(q q^T), [k^2] and [k^2, k^2]; of fewer queries only as many.

    queries: [query, k^2] float64
    """
    triangular = torch.linalg.qr(queries, mode="r").R  # of the same singular values, and never of more rows than k^2
    _, singular, vectors = torch.linalg.svd(triangular, full_matrices=False)
    return singular.square() / len(queries), vectors.mT


def spectra_lambda(evaluation: Tensor, train: Tensor) -> tuple[float, int]:
    """The lambda at which lambda * evaluation and (1 - lambda) * train cross, both sorted, and the component.

    The component is the CROSSING_SHARE of all of them; where the evaluation's spectrum ends before it (fewer
    queries than that), its last one. At most LARGEST_LAMBDA.

    evaluation, train: eigenvalues in any shape; those of the evaluation may lack zeros
    """
    evaluation, train = (values.double().flatten().sort(descending=True).values for values in (evaluation, train))
    present = int((evaluation > 1e-10 * evaluation[0]).sum())
    crossing = max(1, min(round(CROSSING_SHARE * len(train)), present))
    ours, theirs = float(evaluation[crossing - 1]), float(train[crossing - 1])
    if ours <= 0:
        return 0.0, crossing
    return min(theirs / (ours + theirs), LARGEST_LAMBDA), crossing


def lengths_under(root: Tensor, encodings: Tensor) -> Tensor:
    """|M^(1/2) b| of each encoding b, one block's product at a time.

    root: M^(1/2), [block, k^2, k^2]; encodings: [example, d]
    returns [example]
    """
    squares = encodings.new_zeros(len(encodings))
    for matrix, part in zip(root, encodings.split(root.shape[-1], dim=1), strict=True):
        squares += (part @ matrix.to(part.dtype)).square_().sum(1)
    return squares.sqrt_()
