"""V, the optimizer's second moment, and what it does to the projections.

V [out, in] is a mean of squared gradients of one weight matrix. It is kept whole, or by its factors
(r [out] its row means, c [in] its column means): V ≈ r c^T / mean(r), as Adafactor has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

# 1/sqrt(V) needs V > 0, and no source says what is done with weights that never saw a gradient. Here V (or
# a factor) is never less than this part of its own mean. An open choice, so a recipe records it.
SECOND_MOMENT_FLOOR = 1e-8


@dataclass(frozen=True)
class RankOne:
    """The factors of V ≈ rows columns^T / mean(rows)."""

    rows: Tensor  # [out]
    columns: Tensor  # [in]


SecondMoment: TypeAlias = RankOne | Tensor
SecondMoments: TypeAlias = Mapping[str, SecondMoment]


def rank_one(second_moment: SecondMoment) -> RankOne:
    """Row and column means of V: the best rank-one fit in generalised Kullback-Leibler divergence.

    second_moment: [out, in], or factors, which come back as they are
    """
    if isinstance(second_moment, RankOne):
        return second_moment
    exact = second_moment.double()
    return RankOne(rows=exact.mean(1), columns=exact.mean(0))


def floored(values: Tensor) -> Tensor:
    """Values with everything under SECOND_MOMENT_FLOOR of their mean lifted to it, in float64."""
    exact = values.double()
    return exact.clamp(min=SECOND_MOMENT_FLOOR * float(exact.mean()))


def fold(factors: RankOne, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Both projections, scaled so that they project G / sqrt(V) when they are given G.

    1/sqrt(V_ij) = r_i^(-1/2) mean(r)^(1/2) c_j^(-1/2): one factor for each row of either side.

    left: [out, k]; right: [in, k]
    """
    rows, columns = floored(factors.rows), floored(factors.columns)
    row_scale = (rows / rows.mean()).rsqrt()
    return _scaled(left, row_scale), _scaled(right, columns.rsqrt())


def inverse_square_root(second_moment: Tensor) -> Tensor:
    """1/sqrt(V), element by element, in float64.

    second_moment: [out, in]
    """
    return floored(second_moment).rsqrt()


def _scaled(matrix: Tensor, row_scale: Tensor) -> Tensor:
    dtype = torch.promote_types(matrix.dtype, torch.float32)
    return (matrix.double() * row_scale.to(matrix.device)[:, None]).to(dtype)
