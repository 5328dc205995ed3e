"""The second moments of every parameter, and the settings beside them, from optimizers' own files."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file
from small_models import ARCHITECTURES
from test_optimizer_state import groups, is_decayed, is_matrix, trainable, trained
from transformers.optimization import Adafactor

from trackstar_db.attribution.adam_state import last_learning_rate, read_adam_state
from trackstar_db.errors import SecondMomentError


def is_no_bias(name, _parameter):
    """The rule of older scripts: norms decay, biases do not."""
    return not name.endswith("bias")


def assert_is_state_of(state, model, optimizer):
    assert state.second_moments.keys() == dict(model.named_parameters()).keys()
    for name, parameter in model.named_parameters():
        assert torch.equal(state.second_moments[name], optimizer.state[parameter]["exp_avg_sq"])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("rule", [None, is_decayed, is_matrix, is_no_bias])
@pytest.mark.parametrize("reverse", [False, True])
def test_every_parameter_is_found_by_order_however_the_groups_were_made(architecture, rule, reverse, tmp_path):
    model = trainable(architecture)
    parameters = groups(model, rule, reverse) if rule else model.parameters()
    optimizer = trained(model, torch.optim.AdamW(parameters, lr=0.002, betas=(0.8, 0.95), eps=1e-7))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    state = read_adam_state(tmp_path, model)
    assert_is_state_of(state, model, optimizer)
    assert (state.epsilon, state.learning_rate) == (1e-7, 0.002)
    assert last_learning_rate(tmp_path) == 0.002


def test_names_in_the_state_are_used_instead_of_the_order(tmp_path):
    model = trainable("gpt2")
    optimizer = trained(model, torch.optim.AdamW(list(model.named_parameters())[::-1]))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    assert_is_state_of(read_adam_state(tmp_path, model), model, optimizer)


def test_tensors_by_name_come_without_settings(tmp_path):
    model = trainable()
    optimizer = trained(model, torch.optim.AdamW(model.parameters()))
    tensors = {name: optimizer.state[p]["exp_avg_sq"].contiguous() for name, p in model.named_parameters()}
    save_file(tensors, tmp_path / "exp_avg_sq.safetensors")
    state = read_adam_state(tmp_path, model)
    assert_is_state_of(state, model, optimizer)
    assert (state.epsilon, state.learning_rate) == (None, None)
    assert last_learning_rate(tmp_path) is None
    assert last_learning_rate(tmp_path / "nothing") is None


def test_adafactors_factors_are_multiplied_out(tmp_path):
    model = trainable("gpt2")
    optimizer = trained(model, Adafactor(model.parameters(), lr=1e-3, relative_step=False))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    state = read_adam_state(tmp_path, model)
    for name, parameter in model.named_parameters():
        stored = optimizer.state[parameter]
        if parameter.dim() == 2:
            rows, columns = stored["exp_avg_sq_row"], stored["exp_avg_sq_col"]
            expected = rows[:, None] * columns[None, :] / rows.mean()
        else:
            expected = stored["exp_avg_sq"]
        torch.testing.assert_close(state.second_moments[name], expected)
    assert state.epsilon is None  # Adafactor has two
    assert state.learning_rate == 1e-3


def test_a_parameter_without_gradients_may_have_zeros_and_a_wrong_one_is_named(tmp_path):
    model = trainable()
    tensors = {name: torch.rand(p.shape) for name, p in model.named_parameters()}
    first, second = list(tensors)[:2]
    save_file({**tensors, first: torch.zeros_like(tensors[first])}, tmp_path / "zero.safetensors")
    assert not read_adam_state(tmp_path / "zero.safetensors", model).second_moments[first].any()
    save_file({name: v for name, v in tensors.items() if name != second}, tmp_path / "lacks.safetensors")
    with pytest.raises(SecondMomentError, match=rf"lacks the second moments of 1 of .* first {second}.*fresh_adam"):
        read_adam_state(tmp_path / "lacks.safetensors", model)
    save_file({**tensors, second: torch.rand(7)}, tmp_path / "shape.safetensors")
    with pytest.raises(SecondMomentError, match=rf"shape \[7\] for {second}"):
        read_adam_state(tmp_path / "shape.safetensors", model)
    save_file({**tensors, second: -tensors[second]}, tmp_path / "negative.safetensors")
    with pytest.raises(SecondMomentError, match=f"The second moment of {second} .* negative"):
        read_adam_state(tmp_path / "negative.safetensors", model)


def test_the_state_of_another_model_or_in_unknown_groups_is_refused(tmp_path):
    other = trainable("gpt_neox")
    torch.save(trained(other, torch.optim.AdamW(other.parameters())).state_dict(), tmp_path / "other.pt")
    with pytest.raises(SecondMomentError, match="fits the model in no way"):
        read_adam_state(tmp_path / "other.pt", trainable())
    model = trainable()
    parts = [{"params": list(model.parameters())[start::3]} for start in range(3)]
    torch.save(trained(model, torch.optim.AdamW(parts)).state_dict(), tmp_path / "thirds.pt")
    with pytest.raises(SecondMomentError, match="in no way: it holds 21 parameters in 3 groups"):
        read_adam_state(tmp_path / "thirds.pt", model)
