"""Random projections: frozen for ever, of the right variance, and applied to both sides."""

from __future__ import annotations

import hashlib
import math

import torch

from trackstar_db.attribution.projection import projected, projected_product, projection_matrix

WEIGHT = "model.layers.0.self_attn.q_proj"


def test_the_signs_of_a_recipe_never_change():
    signs = projection_matrix(0, WEIGHT, "left", 3, 8).sign().int().tolist()
    assert signs == GOLDEN
    large = projection_matrix(12345, WEIGHT, "right", 1000, 22).sign().to(torch.int8)
    assert hashlib.sha256(large.numpy().tobytes()).hexdigest() == GOLDEN_DIGEST


def test_entries_are_plus_and_minus_one_over_root_k():
    matrix = projection_matrix(0, WEIGHT, "left", 500, 22)
    assert matrix.dtype == torch.float32
    assert torch.allclose(matrix.abs(), torch.full((500, 22), 1 / math.sqrt(22)), rtol=1e-7)
    assert abs(float(matrix.sign().mean())) < 4 / math.sqrt(500 * 22)


def test_seed_module_and_side_each_give_another_matrix():
    matrices = [
        projection_matrix(0, WEIGHT, "left", 64, 8),
        projection_matrix(1, WEIGHT, "left", 64, 8),
        projection_matrix(0, "model.layers.1.self_attn.q_proj", "left", 64, 8),
        projection_matrix(0, WEIGHT, "right", 64, 8),
    ]
    for i, one in enumerate(matrices):
        for other in matrices[:i]:
            agreement = float((one == other).float().mean())
            assert abs(agreement - 0.5) < 4 * 0.5 / math.sqrt(one.numel())


def test_projections_keep_inner_products_on_average():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 30, 40, generator=generator, dtype=torch.float64)
    products = []
    for seed in range(400):
        left = projection_matrix(seed, WEIGHT, "left", 30, 8).double()
        right = projection_matrix(seed, WEIGHT, "right", 40, 8).double()
        products.append(float(((left.T @ a @ right) * (left.T @ b @ right)).sum()))
    spread = torch.tensor(products).std() / math.sqrt(len(products))
    assert abs(sum(products) / len(products) - float((a * b).sum())) < 4 * spread


def test_the_product_of_projected_sides_is_the_projected_gradient():
    generator = torch.Generator().manual_seed(0)
    activations = torch.randn(4, 7, 10, generator=generator, dtype=torch.float64)
    output_gradients = torch.randn(4, 7, 12, generator=generator, dtype=torch.float64)
    left = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    right = torch.randn(10, 3, generator=generator, dtype=torch.float64)
    found = projected_product(projected(activations, right), projected(output_gradients, left))
    for example in range(4):
        gradient = sum(torch.outer(output_gradients[example, token], activations[example, token]) for token in range(7))
        assert torch.allclose(found[example], left.T @ gradient @ right, rtol=1e-12, atol=1e-12)


def test_low_precision_sides_are_added_up_in_float32():
    ones = torch.ones(1, 1000, 1, dtype=torch.bfloat16)
    right = torch.ones(1, 1, dtype=torch.bfloat16)
    assert projected_product(projected(ones, right), projected(ones, right)).item() == 1000.0


GOLDEN = [
    [1, -1, -1, -1, -1, -1, 1, 1],
    [1, -1, 1, 1, 1, 1, -1, -1],
    [-1, -1, -1, 1, -1, -1, 1, -1],
]
GOLDEN_DIGEST = "419b1928cbea1cb76934fcf1948a46b8d13f1f477e69f580d2e2628d06093b3f"
