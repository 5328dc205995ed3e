"""V read from a file: an optimizer's state, matched to the model by order, or tensors by name."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.attribution.parameter_order import names_in_order
from trackstar_db.attribution.second_moment import RankOne, SecondMoment
from trackstar_db.errors import SecondMomentError

_SUPPORTED = (
    "Supported: optimizer.pt of a Hugging Face Trainer or of torch (Adam, AdamW, Adafactor), and a "
    ".safetensors file of exp_avg_sq by parameter name."
)
_STATE_FILES = ("optimizer.pt", "optimizer.bin", "exp_avg_sq.safetensors")
WHOLE = "exp_avg_sq"
# Means over the last and over the second last dimension, as transformers and as torch name them.
FACTORS = (("exp_avg_sq_row", "exp_avg_sq_col"), ("row_var", "col_var"))
_WRAPPERS = ("module.", "_orig_mod.", "_fsdp_wrapped_module.")


@dataclass(frozen=True)
class SecondMomentSource:
    """Second moments by weight name, and a few words on where they came from."""

    second_moments: dict[str, SecondMoment]
    description: str


def read_second_moment(
    path: str | Path, model: PreTrainedModel, weights: Sequence[CapturedWeight]
) -> SecondMomentSource:
    """V of every captured weight, from an optimizer's state, a folder that holds one, or a .safetensors file.

    A torch optimizer's state carries no names: it is matched to the model's matrices by order, and every
    shape has to agree. Raises SecondMomentError where a file cannot be read, fits the model in no way or in
    more than one, or holds numbers that are no second moments.
    """
    file = state_file(path)
    if file.suffix == ".safetensors":
        states, kind = read_tensors(file), "tensors by name"
    else:
        states, kind = _states_by_name(read_optimizer(file), file, model, weights), "optimizer state"
    missing = [weight.parameter for weight in weights if weight.parameter not in states]
    if missing:
        raise SecondMomentError(
            f"{file} lacks {len(missing)} of the {len(weights)} weights, first {missing[0]}. "
            "Give the state that was saved with this model."
        )
    moments = {weight.name: _second_moment(weight, states[weight.parameter], file) for weight in weights}
    is_factored = any(isinstance(moment, RankOne) for moment in moments.values())
    form = "Adafactor factors" if is_factored else WHOLE
    return SecondMomentSource(moments, f"{kind} ({form}): {file.name}")


def state_file(path: str | Path) -> Path:
    """The file of an optimizer's state, itself or in a folder; raises SecondMomentError where there is none."""
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        raise SecondMomentError(f"{path} does not exist. Give an optimizer state. {_SUPPORTED}")
    found = next((path / name for name in _STATE_FILES if (path / name).is_file()), None)
    if found is None:
        is_sharded = any(path.glob("global_step*")) or any(path.rglob("*.distcp"))
        what = "a sharded state (DeepSpeed or distributed checkpoint)" if is_sharded else "no optimizer.pt"
        raise SecondMomentError(f"{path} holds {what}. {_SUPPORTED}")
    return found


def read_tensors(file: Path) -> dict[str, dict[str, Tensor]]:
    """Optimizer states by parameter name; names may carry exp_avg_sq before or after, and lack ".weight"."""
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise SecondMomentError(f"{file} is not a readable safetensors file: {error}. {_SUPPORTED}") from error
    states: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, kind = key, WHOLE
        for candidate in (WHOLE, *(name for pair in FACTORS for name in pair)):
            stripped = key.removeprefix(f"{candidate}.").removesuffix(f".{candidate}")
            if stripped != key:
                name, kind = stripped, candidate
        states.setdefault(parameter_name(name), {})[kind] = tensor
    return states


def read_optimizer(file: Path) -> dict[str, Any]:
    """The state_dict of a torch optimizer, alone or inside a checkpoint."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SecondMomentError(f"{file} is not a readable optimizer state: {reason} {_SUPPORTED}") from error
    if isinstance(content, dict):
        for candidate in (content, content.get("optimizer"), content.get("optimizer_state_dict")):
            if isinstance(candidate, dict) and {"state", "param_groups"} <= candidate.keys():
                return candidate
    raise SecondMomentError(
        f"{file} has no `state` and `param_groups` (is it DeepSpeed's, or a model's?). {_SUPPORTED}"
    )


def _states_by_name(
    optimizer: Mapping[str, Any], file: Path, model: PreTrainedModel, weights: Sequence[CapturedWeight]
) -> dict[str, dict[str, Tensor]]:
    """Optimizer states by parameter name: by the state's own names where it has them, else by order."""
    if (named := named_states(optimizer)) is not None:
        return named
    states, groups = optimizer["state"], optimizer["param_groups"]
    matrices_by_group = [
        [(index, shape) for index in group["params"] if len(shape := state_shape(states.get(index, {}))) == 2]
        for group in groups
    ]
    if not any(matrices_by_group):
        raise SecondMomentError(
            f"{file} holds no second moments of matrices (SGD, an 8-bit optimizer, or no step made yet?). {_SUPPORTED}"
        )
    names = names_in_order(matrices_by_group, model, weights, file)
    return {name: states[index] for index, name in names.items()}


def named_states(optimizer: Mapping[str, Any]) -> dict[str, dict[str, Tensor]] | None:
    """Optimizer states by parameter name, where the state carries names; else None."""
    states, groups = optimizer["state"], optimizer["param_groups"]
    if states and all(isinstance(key, str) for key in states):
        return {parameter_name(name): state for name, state in states.items()}
    if not all("param_names" in group for group in groups):
        return None
    return {
        parameter_name(name): states[index]
        for group in groups
        for index, name in zip(group["params"], group["param_names"], strict=True)
        if index in states
    }


def parameter_name(name: str) -> str:
    """A parameter's name in the model, from its name in an optimizer's state or a file of tensors."""
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "") if wrapper != "module." else name.removeprefix(wrapper)
    return name if name.endswith((".weight", ".bias")) else f"{name}.weight"


def state_shape(state: Mapping[str, Tensor]) -> tuple[int, ...]:
    """The parameter's shape, as its second moment tells it; () where it has none."""
    if WHOLE in state:
        return tuple(state[WHOLE].shape)
    for row, column in FACTORS:
        if row in state and column in state:
            return (state[row].numel(), state[column].numel())
    return ()


def _second_moment(weight: CapturedWeight, state: Mapping[str, Tensor], file: Path) -> SecondMoment:
    """V of one weight, [out, in] float32 or its factors, checked."""
    if state_shape(state) != weight.stored_shape:
        raise SecondMomentError(
            f"{file} has shape {list(state_shape(state))} for {weight.parameter}, the model "
            f"{list(weight.stored_shape)}. Give the state that was saved with this model."
        )
    if WHOLE in state:
        whole = checked(state[WHOLE].float(), weight.parameter, file)
        return whole.mT.contiguous() if weight.is_transposed else whole
    names = next(pair for pair in FACTORS if pair[0] in state)
    first, second = (checked(state[name].float().flatten(), weight.parameter, file) for name in names)
    return RankOne(rows=second, columns=first) if weight.is_transposed else RankOne(first, second)


def checked(values: Tensor, parameter: str, file: Path, may_be_zero: bool = False) -> Tensor:
    """The values; raises SecondMomentError where they cannot be a mean of squared gradients."""
    problem = None
    if not torch.isfinite(values).all():
        problem = "numbers that are not finite"
    elif (values < 0).any():
        problem = "negative numbers"
    elif not may_be_zero and not values.any():
        problem = "zeros only"
    if problem:
        raise SecondMomentError(
            f"The second moment of {parameter} in {file} has {problem}; a mean of squared "
            "gradients cannot. Give the optimizer's own state, or have it estimated."
        )
    return values
