"""Tail-patch: the step and what it changes, against torch's own optimizers in float64, and the model left alone."""

from __future__ import annotations

import copy

import pytest
import torch
from small_models import random_piece, small_model
from torch.nn import functional

from trackstar_db.attribution.tail_patch import Step, stepped_log_probabilities
from trackstar_db.errors import ModelUnsupported

LEARNING_RATE = 0.003
BETA2 = 0.99
STEPS_BEFORE = 100_000  # so many that the bias correction of V is 1


def log_probability(model, piece):
    """The summed log-probability of the tokens with loss, plainly."""
    token_ids = torch.tensor([piece.token_ids])
    log_probabilities = model(input_ids=token_ids).logits[0].log_softmax(-1)
    positions = range(piece.loss_start, len(piece.token_ids))
    return sum(log_probabilities[position - 1, token_ids[0, position]] for position in positions)


def torchs_optimizer(kind, model, second_moments):
    """torch's optimizer as the definition has it: m = 0 and its bias correction that of a first step, V going on."""
    parameters = dict(model.named_parameters())
    if kind == "sgd":
        return torch.optim.SGD(parameters.values(), lr=LEARNING_RATE)
    if kind == "fresh_adam":
        return torch.optim.Adam(parameters.values(), lr=LEARNING_RATE, betas=(0.9, BETA2))
    # beta1 = 0: m is the gradient, whatever the step's number.
    optimizer = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE, betas=(0.0, BETA2))
    for name, parameter in parameters.items():
        optimizer.state[parameter] = {
            "step": torch.tensor(float(STEPS_BEFORE)),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": second_moments[name].clone(),
        }
    return optimizer


def random_moments(model):
    generator = torch.Generator().manual_seed(3)
    return {
        name: 1e-3 * torch.exp(2 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        for name, parameter in model.named_parameters()
    }


@pytest.mark.parametrize("architecture", ["llama", "llama_tied", "gpt2"])
@pytest.mark.parametrize(("kind", "loss"), [("adam", "sum"), ("adam", "mean"), ("sgd", "mean"), ("fresh_adam", "sum")])
def test_probabilities_after_a_step_are_those_of_torchs_optimizer(architecture, kind, loss):
    model = small_model(architecture)
    moments = random_moments(model)
    document, queries = random_piece(17), [random_piece(length, length - 2) for length in (5, 9, 12)]

    trained = copy.deepcopy(model).requires_grad_(True)
    optimizer = torchs_optimizer(kind, trained, moments)
    token_ids = torch.tensor([document.token_ids])
    logits = trained(input_ids=token_ids).logits[0, :-1]
    functional.cross_entropy(logits, token_ids[0, 1:], reduction=loss).backward()
    optimizer.step()
    with torch.no_grad():
        expected = torch.stack([log_probability(trained, query) for query in queries])
        before = torch.stack([log_probability(model, query) for query in queries])

    step = Step(kind, LEARNING_RATE, moments if kind == "adam" else {}, BETA2, loss=loss)
    found = stepped_log_probabilities(model, document, queries, step)
    assert found.dtype == torch.float64
    assert (expected - before).abs().min() > 1e-4  # the step changes something
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_with_beta2_at_1_the_checkpoints_second_moments_stand_alone():
    model = small_model("llama")
    moments = random_moments(model)
    document, query = random_piece(17), random_piece(9, 6)
    trained = copy.deepcopy(model).requires_grad_(True)
    (-log_probability(trained, document)).backward()
    with torch.no_grad():
        for name, parameter in trained.named_parameters():
            parameter -= LEARNING_RATE * parameter.grad / (moments[name].sqrt() + 1e-8)
        expected = log_probability(trained, query)
    found = stepped_log_probabilities(model, document, [query], Step("adam", LEARNING_RATE, moments, loss="sum"))
    torch.testing.assert_close(found[0], expected, rtol=1e-9, atol=1e-9)


def contents(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def assert_unchanged(model, before, pointers):
    after = model.state_dict()
    assert [tensor.data_ptr() for tensor in after.values()] == pointers
    assert all(torch.equal(after[name].view(torch.uint8), tensor.view(torch.uint8)) for name, tensor in before.items())
    assert not any(parameter.requires_grad or parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("architecture", ["llama_tied", "gpt2"])
def test_the_model_is_left_bit_for_bit_as_it_was(architecture):
    model = small_model(architecture, torch.float32)
    before, pointers = contents(model), [tensor.data_ptr() for tensor in model.state_dict().values()]
    stepped_log_probabilities(model, random_piece(9), [random_piece(7, 4)], Step("sgd", 1.0))
    assert_unchanged(model, before, pointers)


def test_an_error_in_the_middle_leaves_the_model_as_it_was():
    model = small_model("llama_tied", torch.float32)
    before, pointers = contents(model), [tensor.data_ptr() for tensor in model.state_dict().values()]
    unknown = type(random_piece(3))((1, 2, 5000), 1)
    with pytest.raises(ModelUnsupported, match="token id 5000"):  # of a query: after the step
        stepped_log_probabilities(model, random_piece(9), [unknown], Step("sgd", 1.0))

    def fail(*_arguments):
        raise KeyboardInterrupt

    calls = []
    layer = model.get_submodule("model.layers.1")
    handle = layer.register_forward_pre_hook(lambda *_arguments: fail() if calls else calls.append(1))
    with pytest.raises(KeyboardInterrupt):  # inside the second forward pass
        stepped_log_probabilities(model, random_piece(9), [random_piece(7, 4)], Step("sgd", 1.0))
    handle.remove()
    assert calls
    assert_unchanged(model, before, pointers)


def test_a_querys_company_changes_its_value_by_rounding_only():
    model = small_model("gpt2", torch.float32)
    queries = [random_piece(length, 2) for length in (4, 30, 11, 60, 11)]
    step = Step("fresh_adam", 1e-3)
    together = stepped_log_probabilities(model, random_piece(20), queries, step, token_budget=64)
    alone = torch.cat([stepped_log_probabilities(model, random_piece(20), [query], step) for query in queries])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-4)
