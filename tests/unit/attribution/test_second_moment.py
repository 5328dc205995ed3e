"""V: factors, floor, folding into projections, and the estimate from examples."""

from __future__ import annotations

import pytest
import torch
from definitions import relative_error, weight_gradients
from small_models import ARCHITECTURES, loaded, random_piece, small_model

from trackstar_db.attribution.estimate import SecondMomentEstimate
from trackstar_db.attribution.second_moment import (
    SECOND_MOMENT_FLOOR,
    RankOne,
    fold,
    inverse_square_root,
    rank_one,
)

GENERATOR = torch.Generator().manual_seed(3)
V = torch.rand(12, 10, generator=GENERATOR, dtype=torch.float64) * 1e-9
LEFT = torch.randn(12, 4, generator=GENERATOR, dtype=torch.float64)
RIGHT = torch.randn(10, 4, generator=GENERATOR, dtype=torch.float64)
GRADIENT = torch.randn(12, 10, generator=GENERATOR, dtype=torch.float64)


def test_the_factors_are_row_and_column_means_and_keep_the_mean():
    factors = rank_one(V)
    assert torch.allclose(factors.rows, V.mean(1))
    assert torch.allclose(factors.columns, V.mean(0))
    whole = torch.outer(factors.rows, factors.columns) / factors.rows.mean()
    assert torch.allclose(whole.mean(), V.mean())
    assert torch.allclose(whole.sum(0), V.sum(0))


def test_a_rank_one_v_is_its_own_factors():
    exact = torch.outer(torch.arange(1.0, 13.0), torch.arange(1.0, 11.0)).double()
    factors = rank_one(exact)
    assert torch.allclose(torch.outer(factors.rows, factors.columns) / factors.rows.mean(), exact)
    assert rank_one(factors) is factors


def test_folding_projects_the_gradient_over_the_root_of_v():
    left, right = fold(rank_one(V), LEFT, RIGHT)
    whole = torch.outer(V.mean(1), V.mean(0)) / V.mean()
    assert torch.allclose(left.T @ GRADIENT @ right, LEFT.T @ (GRADIENT / whole.sqrt()) @ RIGHT, rtol=1e-12)


def test_numbers_under_the_floor_are_lifted_to_it():
    v = V.clone()
    v[0, 0], v[1] = 0.0, 0.0
    scale = inverse_square_root(v)
    assert scale.isfinite().all()
    assert scale[0, 0] == pytest.approx(float((SECOND_MOMENT_FLOOR * v.mean()) ** -0.5))
    assert torch.allclose(scale[2:], v[2:].rsqrt())
    left, _ = fold(rank_one(v), LEFT, RIGHT)
    assert left.isfinite().all()
    expected = LEFT[1] * float(SECOND_MOMENT_FLOOR**-0.5)
    assert torch.allclose(left[1], expected, rtol=0.05)  # the floor itself raises the mean a little


def test_factors_in_float32_are_folded_in_float64():
    factors = RankOne(V.mean(1).float(), V.mean(0).float())
    left, right = fold(factors, LEFT, RIGHT)
    exact_left, exact_right = fold(rank_one(V), LEFT, RIGHT)
    assert left.dtype == torch.float64
    assert torch.allclose(left, exact_left, rtol=1e-6)
    assert torch.allclose(right, exact_right, rtol=1e-6)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_estimate_is_the_mean_of_squared_gradients_of_single_examples(architecture, monkeypatch):
    monkeypatch.setattr("trackstar_db.attribution.projected.CPU_GRADIENT_NUMBERS", 2 * 24 * 24)
    model = small_model(architecture)
    pieces = [random_piece(length, seed=length) for length in (4, 9, 9, 15)]
    estimate = SecondMomentEstimate(loaded(model))
    estimate.add_pieces(pieces[:3])
    estimate.add_pieces(pieces[3:])
    gradients = [weight_gradients(model, estimate.weights, piece) for piece in pieces]
    for name, found in estimate.mean().items():
        expected = torch.stack([gradient[name] ** 2 for gradient in gradients]).mean(0)
        assert relative_error(found.flatten()[None], expected.flatten()[None]) < 1e-6
        assert found.dtype == torch.float32
    assert estimate.count == 4
