"""R and its inverse root against plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trackstar_db.attribution.autocorrelation import (
    Autocorrelation,
    autocorrelation_memory_bytes,
    inverse_root,
    inverse_root_memory_bytes,
    root_of_inverse,
)

BLOCKS, WIDTH = 3, 9


@pytest.fixture
def gradients():
    generator = np.random.Generator(np.random.Philox(1))
    scales = 10.0 ** generator.uniform(-2, 4, BLOCKS * WIDTH)
    return torch.from_numpy(generator.standard_normal((40, BLOCKS * WIDTH)) * scales)


def definition(gradients):
    """The mean over examples of g g^T, for each block."""
    by_block = gradients.numpy().reshape(len(gradients), BLOCKS, WIDTH)
    return np.stack([np.mean([np.outer(g[b], g[b]) for g in by_block], axis=0) for b in range(BLOCKS)])


def fitted(gradients):
    autocorrelation = Autocorrelation(BLOCKS, WIDTH)
    for batch in gradients.split(7):
        autocorrelation.add(batch)
    return autocorrelation


def test_the_mean_over_batches_is_the_mean_over_examples(gradients):
    autocorrelation = fitted(gradients)
    assert autocorrelation.count == 40
    assert np.allclose(autocorrelation.mean().numpy(), definition(gradients), rtol=1e-12)


def test_float32_gradients_are_added_up_in_float64(gradients):
    rounded = gradients.float()
    assert np.allclose(fitted(rounded).mean().numpy(), definition(rounded.double()), rtol=1e-12)


def test_without_examples_r_is_zero():
    assert not Autocorrelation(BLOCKS, WIDTH).mean().any()


@pytest.mark.parametrize("damping", [0.01, 0.1, 1.0])
def test_the_inverse_root_squared_inverts_the_damped_r(gradients, damping):
    r = definition(gradients)
    roots, eigenvalues = inverse_root(torch.from_numpy(r), damping)
    assert (roots.dtype, eigenvalues.dtype) == (torch.float32, torch.float64)
    for block in range(BLOCKS):
        damped = r[block] + damping * np.trace(r[block]) / WIDTH * np.eye(WIDTH)
        s, u = np.linalg.eigh(damped)
        expected = u @ np.diag(s**-0.5) @ u.T
        assert np.linalg.norm(roots[block].numpy() - expected) < 1e-6 * np.linalg.norm(expected)
        assert np.allclose(eigenvalues[block].numpy(), np.linalg.eigvalsh(r[block]), rtol=1e-6)


def test_encoded_examples_have_autocorrelation_one_without_damping(gradients):
    roots, _ = inverse_root(torch.from_numpy(definition(gradients)), damping=0.0)
    by_block = gradients.view(40, BLOCKS, WIDTH).transpose(0, 1)
    encoded = by_block @ roots.double()
    assert torch.allclose(encoded.mT @ encoded / 40, torch.eye(WIDTH).double().expand(3, 9, 9), atol=1e-3)


def test_few_examples_without_damping_give_the_pseudo_inverse(gradients):
    r = definition(gradients[:4] / gradients[:4].norm(dim=0))
    roots, eigenvalues = inverse_root(torch.from_numpy(r), damping=0.0)
    for block in range(BLOCKS):
        squared = roots[block].double().numpy() @ roots[block].double().numpy()
        expected = np.linalg.pinv(r[block], rcond=1e-10, hermitian=True)
        assert np.linalg.norm(squared - expected) < 1e-4 * np.linalg.norm(expected)
    assert (eigenvalues >= 0).all()


def test_a_block_without_gradients_takes_no_part(gradients):
    r = torch.from_numpy(definition(gradients))
    r[1] = 0
    roots, eigenvalues = inverse_root(r)
    assert not roots[1].any()
    assert not eigenvalues[1].any()
    assert roots[0].any()
    assert roots.isfinite().all()


def test_blocks_that_are_taken_one_by_one_are_the_mean_and_gone(gradients):
    autocorrelation = fitted(gradients)
    assert np.allclose(np.stack([block.numpy() for block in autocorrelation.take_blocks()]), definition(gradients))
    assert list(autocorrelation.take_blocks()) == []
    assert autocorrelation.count == 40


@pytest.mark.parametrize("examples", [40, 4])
def test_the_root_of_the_inverse_inverts_what_takes_part(gradients, examples):
    scaled = gradients[:examples] / gradients.norm(dim=0)
    inverse_roots, _ = inverse_root(torch.from_numpy(definition(scaled)), damping=0.0)
    roots = root_of_inverse(inverse_roots)
    for block in range(BLOCKS):
        expected = np.linalg.pinv(inverse_roots[block].double().numpy(), rcond=1e-6, hermitian=True)
        assert np.linalg.norm(roots[block].numpy() - expected) < 1e-6 * np.linalg.norm(expected)
    assert root_of_inverse(inverse_roots, torch.float32).dtype == torch.float32


def test_the_memory_of_fitting_is_told_beforehand():
    assert autocorrelation_memory_bytes(17, 62) == 8 * 62**4 * (17 + 6)
    assert inverse_root_memory_bytes(17, 62) == 2 * 17 * 4 * 62**4
