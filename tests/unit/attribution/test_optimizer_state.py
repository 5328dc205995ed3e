"""V from optimizers' own files, on real optimizers, and what happens to files that do not fit."""

from __future__ import annotations

import copy

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import ARCHITECTURES, small_model
from torch.nn import functional
from transformers.optimization import Adafactor

from trackstar_db.attribution.layers import captured_weights
from trackstar_db.attribution.model import load_model
from trackstar_db.attribution.optimizer_state import read_second_moment
from trackstar_db.attribution.second_moment import RankOne
from trackstar_db.errors import SecondMomentError


def trained(model, optimizer):
    """Two steps, so that every second moment is there and no two are alike."""
    for step in range(2):
        token_ids = torch.randint(0, 320, (2, 9), generator=torch.Generator().manual_seed(step))
        logits = model(input_ids=token_ids).logits
        functional.cross_entropy(logits[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


def trainable(architecture="llama"):
    return small_model(architecture, torch.float32).requires_grad_(True)


def is_decayed(name, _parameter):
    """Trainer's rule: all but biases and norms."""
    return "bias" not in name and "norm" not in name and "ln_" not in name


def is_matrix(_name, parameter):
    """The rule of many training scripts."""
    return parameter.dim() >= 2


def groups(model, rule, reverse=False):
    named = list(model.named_parameters())
    both = [
        {"params": [p for name, p in named if rule(name, p)], "weight_decay": 0.1},
        {"params": [p for name, p in named if not rule(name, p)], "weight_decay": 0.0},
    ]
    return both[::-1] if reverse else both


def read(path, model):
    return read_second_moment(path, model, captured_weights(model)).second_moments


def assert_is_state_of(moments, model, optimizer):
    parameters = dict(model.named_parameters())
    for weight in captured_weights(model):
        expected = optimizer.state[parameters[weight.parameter]]["exp_avg_sq"]
        expected = expected.T if weight.is_transposed else expected
        assert torch.equal(moments[weight.name], expected.float())
        assert moments[weight.name].shape == (weight.out_features, weight.in_features)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_plain_adamw_is_read_by_order(architecture, tmp_path):
    model = trainable(architecture)
    optimizer = trained(model, torch.optim.AdamW(model.parameters()))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    assert_is_state_of(read(tmp_path / "optimizer.pt", model), model, optimizer)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("rule", [is_decayed, is_matrix])
@pytest.mark.parametrize("reverse", [False, True])
def test_groups_with_and_without_decay_are_read_in_either_order(architecture, rule, reverse, tmp_path):
    model = trainable(architecture)
    optimizer = trained(model, torch.optim.AdamW(groups(model, rule, reverse)))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    assert_is_state_of(read(tmp_path, model), model, optimizer)  # the checkpoint's folder


def test_an_optimizer_of_the_captured_weights_alone_is_read(tmp_path):
    model = trainable("llama_tied")
    captured = {weight.parameter for weight in captured_weights(model)}
    parameters = [p for name, p in model.named_parameters() if name in captured]
    optimizer = trained(model, torch.optim.AdamW(parameters))
    torch.save({"model": {}, "optimizer": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    assert_is_state_of(read(tmp_path / "checkpoint.pt", model), model, optimizer)


def test_names_in_the_state_are_used_instead_of_the_order(tmp_path):
    model = trainable()
    named = list(model.named_parameters())[::-1]
    optimizer = trained(model, torch.optim.AdamW(named))
    assert "param_names" in optimizer.state_dict()["param_groups"][0]
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    assert_is_state_of(read(tmp_path, model), model, optimizer)


def test_a_state_keyed_by_wrapped_names_is_read(tmp_path):
    model = trainable()
    optimizer = trained(model, torch.optim.AdamW(model.parameters()))
    names = [name for name, _ in model.named_parameters()]
    state = {f"module._orig_mod.{names[i]}": s for i, s in optimizer.state_dict()["state"].items()}
    torch.save({"state": state, "param_groups": []}, tmp_path / "optimizer.bin")
    assert_is_state_of(read(tmp_path, model), model, optimizer)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_transformers_adafactor_gives_its_factors(architecture, tmp_path):
    model = trainable(architecture)
    optimizer = trained(model, Adafactor(groups(model, is_decayed), lr=1e-3, relative_step=False))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    source = read_second_moment(tmp_path, model, captured_weights(model))
    assert source.description == "optimizer state (Adafactor factors): optimizer.pt"
    parameters = dict(model.named_parameters())
    for weight in captured_weights(model):
        state = optimizer.state[parameters[weight.parameter]]
        first, second = state["exp_avg_sq_row"], state["exp_avg_sq_col"]
        rows, columns = (second, first) if weight.is_transposed else (first, second)
        found = source.second_moments[weight.name]
        assert isinstance(found, RankOne)
        assert torch.equal(found.rows, rows)
        assert torch.equal(found.columns, columns)
        assert (len(rows), len(columns)) == (weight.out_features, weight.in_features)


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_torchs_adafactor_gives_its_factors(architecture, tmp_path):
    model = trainable(architecture)
    optimizer = trained(model, torch.optim.Adafactor(model.parameters()))
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")
    moments = read(tmp_path, model)
    parameters = dict(model.named_parameters())
    for weight in captured_weights(model):
        state = optimizer.state[parameters[weight.parameter]]
        first, second = state["row_var"].flatten(), state["col_var"].flatten()
        rows, columns = (second, first) if weight.is_transposed else (first, second)
        assert torch.equal(moments[weight.name].rows, rows)
        assert torch.equal(moments[weight.name].columns, columns)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: name.removesuffix(".weight"),
        lambda name: f"exp_avg_sq.{name}",
        lambda name: f"{name}.exp_avg_sq",
        lambda name: f"module.{name}",
    ],
)
def test_tensors_by_name_are_read_under_the_usual_names(rename, tmp_path):
    model = trainable("gpt2")
    optimizer = trained(model, torch.optim.AdamW(model.parameters()))
    tensors = {rename(name): optimizer.state[p]["exp_avg_sq"] for name, p in model.named_parameters()}
    save_file({name: t.contiguous() for name, t in tensors.items()}, tmp_path / "v.safetensors")
    assert_is_state_of(read(tmp_path / "v.safetensors", model), model, optimizer)


def test_factors_by_name_and_bfloat16_are_read(tmp_path):
    model = trainable()
    tensors = {}
    for weight in captured_weights(model):
        tensors[f"{weight.parameter}.exp_avg_sq_row"] = torch.rand(weight.out_features).bfloat16()
        tensors[f"{weight.parameter}.exp_avg_sq_col"] = torch.rand(weight.in_features).bfloat16()
    save_file(tensors, tmp_path / "v.safetensors")
    for name, found in read(tmp_path / "v.safetensors", model).items():
        assert found.rows.dtype == torch.float32
        assert torch.equal(found.rows, tensors[f"{name}.weight.exp_avg_sq_row"].float())
        assert torch.equal(found.columns, tensors[f"{name}.weight.exp_avg_sq_col"].float())


def saved(path, change, architecture="llama"):
    """An AdamW state, changed, in a file; and the model."""
    model = trainable(architecture)
    state = copy.deepcopy(trained(model, torch.optim.AdamW(model.parameters())).state_dict())
    torch.save(change(state) or state, path)
    return model


def edit_moment(edit):
    def change(state):
        edit(state["state"][3]["exp_avg_sq"])

    return change


def without(key):
    def change(state):
        for entry in state["state"].values():
            del entry[key]

    return change


def in_two_equal_groups(state):
    """One group a layer: nothing says which layer is which."""
    (group,) = state["param_groups"]
    matrices = [i for i in group["params"] if state["state"][i]["exp_avg_sq"].dim() == 2]
    parts = [matrices[:1], matrices[1:8], matrices[8:15], matrices[15:]]
    state["param_groups"] = [{**group, "params": part} for part in parts]


def with_first_matrix_dropped(state):
    state["param_groups"][0]["params"] = state["param_groups"][0]["params"][1:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit_moment(lambda v: v[0, 0].fill_(float("nan"))), "not finite"),
        (edit_moment(lambda v: v[0, 0].fill_(float("inf"))), "not finite"),
        (edit_moment(lambda v: v[0, 0].fill_(-1.0)), "negative numbers"),
        (edit_moment(lambda v: v.zero_()), "zeros only"),
        (without("exp_avg_sq"), "no second moments of matrices"),
        (in_two_equal_groups, "more than one way"),
        (with_first_matrix_dropped, "does not fit the model"),
        (lambda state: {"state": {}, "param_groups": state["param_groups"]}, "no second moments of matrices"),
        (lambda _state: {"optimizer_state_dict": {"fp32_flat_groups": []}}, "DeepSpeed"),
        (lambda _state: [1, 2], "no `state` and `param_groups`"),
    ],
)
def test_a_state_that_is_wrong_is_refused_in_one_line(change, message, tmp_path):
    model = saved(tmp_path / "optimizer.pt", change)
    with pytest.raises(SecondMomentError, match=message) as caught:
        read(tmp_path / "optimizer.pt", model)
    assert "\n" not in str(caught.value)
    assert "optimizer.pt" in str(caught.value)


def test_a_wrong_number_is_reported_with_its_weight(tmp_path):
    model = saved(tmp_path / "optimizer.pt", edit_moment(lambda v: v[0, 0].fill_(-1.0)))
    names = [name for name, _ in model.named_parameters()]
    with pytest.raises(SecondMomentError, match=names[3].replace(".", r"\.")):
        read(tmp_path, model)


def test_the_state_of_another_model_is_refused(tmp_path):
    saved(tmp_path / "optimizer.pt", dict, "gpt_neox")
    with pytest.raises(SecondMomentError, match="does not fit the model"):
        read(tmp_path, trainable("llama"))


def test_sgd_is_refused(tmp_path):
    model = trainable()
    torch.save(
        trained(model, torch.optim.SGD(model.parameters(), momentum=0.9)).state_dict(),
        tmp_path / "optimizer.pt",
    )
    with pytest.raises(SecondMomentError, match="SGD"):
        read(tmp_path, model)


def write_text(path):
    path.write_text("not a state")


def write_truncated(path):
    torch.save({"state": {0: {"exp_avg_sq": torch.ones(100, 100)}}, "param_groups": []}, path)
    path.write_bytes(path.read_bytes()[:5000])


class Evil:
    def __reduce__(self):
        return (print, ("code of the file was run",))


def write_code(path):
    torch.save({"state": Evil(), "param_groups": []}, path)


@pytest.mark.parametrize("write", [write_text, write_truncated, write_code])
@pytest.mark.parametrize("name", ["optimizer.pt", "v.safetensors"])
def test_a_file_that_is_no_state_is_refused_and_its_code_never_runs(write, name, tmp_path, capsys):
    write(tmp_path / name)
    with pytest.raises(SecondMomentError, match=r"Supported: optimizer\.pt") as caught:
        read(tmp_path / name, trainable())
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("entry", "message"),
    [(None, "no optimizer.pt"), ("global_step10/x.pt", "DeepSpeed"), ("optimizer_0/a.distcp", "distributed")],
)
def test_a_folder_without_a_readable_state_says_what_it_holds(entry, message, tmp_path):
    if entry:
        (tmp_path / entry).parent.mkdir()
        (tmp_path / entry).touch()
    with pytest.raises(SecondMomentError, match=message):
        read(tmp_path, trainable())


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SecondMomentError, match="does not exist"):
        read(tmp_path / "nowhere.pt", trainable())


def test_missing_and_misshapen_tensors_are_named(tmp_path):
    model = trainable()
    good = {weight.parameter: torch.rand(weight.stored_shape) for weight in captured_weights(model)}
    name = "model.layers.1.mlp.up_proj.weight"
    save_file({key: tensor for key, tensor in good.items() if key != name}, tmp_path / "missing.safetensors")
    with pytest.raises(SecondMomentError, match=r"lacks 1 of the 14 weights, first model\.layers\.1\.mlp\.up"):
        read(tmp_path / "missing.safetensors", model)
    save_file({**good, name: torch.rand(24, 40)}, tmp_path / "shape.safetensors")
    with pytest.raises(SecondMomentError, match=r"\[24, 40\] for model\.layers\.1\.mlp\.up.*\[40, 24\]"):
        read(tmp_path / "shape.safetensors", model)


def test_a_models_own_weights_are_no_second_moments(tmp_path):
    model = trainable()
    save_file({n: p.detach().clone() for n, p in model.named_parameters()}, tmp_path / "model.safetensors")
    with pytest.raises(SecondMomentError, match="negative numbers"):
        read(tmp_path / "model.safetensors", model)


@pytest.mark.shared
def test_the_trained_models_state_by_order_is_its_state_by_name(shared_data):
    folder = shared_data / "trex_model"
    model = load_model(folder, device="cpu").model
    by_order = read(folder / "optimizer.pt", model)
    by_name = load_file(folder / "exp_avg_sq.safetensors")
    assert len(by_order) == 28
    for name, found in by_order.items():
        assert torch.equal(found, by_name[f"{name}.weight"])
