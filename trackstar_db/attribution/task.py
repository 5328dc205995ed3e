"""Task-specific R = lambda R_eval + (1 - lambda) R_train, in the basis where the damped R_train is the identity.

Chang et al. 2025 §A.1.3. There R becomes lambda S + (1 - lambda) I with S = mean(q q^T) over the task's base-encoded
queries, and the task-specific TrackStar is a cosine under M = R^(-1): nothing that is stored changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trackstar_db.attribution.autocorrelation import Autocorrelation

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
    queries: Tensor, train_root: Tensor, train_eigenvalues: Tensor, mixing_lambda: float | None = None
) -> TaskMatrix:
    """M^(1/2) = (lambda S + (1 - lambda) I)^(-1/2) of each block.

    queries: [query, d] base encodings before unit norm
    train_root: R_train^(1/2), damped, [block, k^2, k^2]; train_eigenvalues: of R_train, [block, k^2]
    mixing_lambda: from 0 to below 1; None chooses it by the spectra
    """
    blocks, width = train_eigenvalues.shape
    autocorrelation = Autocorrelation(blocks, width)
    autocorrelation.add(queries)
    second_moment = autocorrelation.mean()  # S
    crossing = None
    if mixing_lambda is None:
        evaluation = train_root.double() @ second_moment @ train_root.double()  # R_eval
        mixing_lambda, crossing = spectra_lambda(torch.linalg.eigvalsh(evaluation), train_eigenvalues)
    values, vectors = torch.linalg.eigh(second_moment)
    values = values.clamp(min=0)  # a rounding error below zero
    ranks = (values > 1e-10 * values.amax(-1, keepdim=True)).sum(-1).tolist()
    scale = (mixing_lambda * values + (1 - mixing_lambda)).rsqrt()
    root = (vectors * scale[:, None, :]) @ vectors.mT
    return TaskMatrix(root.float(), mixing_lambda, tuple(ranks), crossing)


def spectra_lambda(evaluation: Tensor, train: Tensor) -> tuple[float, int]:
    """The lambda at which lambda * evaluation and (1 - lambda) * train cross, both sorted, and the component.

    The component is the CROSSING_SHARE of all of them; where the evaluation's spectrum ends before it (fewer
    queries than that), its last one. At most LARGEST_LAMBDA.

    evaluation, train: eigenvalues in any shape, equally many
    """
    evaluation, train = (values.double().flatten().sort(descending=True).values for values in (evaluation, train))
    present = int((evaluation > 1e-10 * evaluation[0]).sum())
    crossing = max(1, min(round(CROSSING_SHARE * len(train)), present))
    ours, theirs = float(evaluation[crossing - 1]), float(train[crossing - 1])
    if ours <= 0:
        return 0.0, crossing
    return min(theirs / (ours + theirs), LARGEST_LAMBDA), crossing
