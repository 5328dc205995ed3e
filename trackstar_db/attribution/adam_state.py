"""What a checkpoint's optimizer knew of every parameter, to take one more step with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from trackstar_db.attribution.optimizer_state import (
    FACTORS,
    WHOLE,
    checked,
    named_states,
    parameter_name,
    read_optimizer,
    read_tensors,
    state_file,
    state_shape,
)
from trackstar_db.attribution.parameter_order import all_names_in_order
from trackstar_db.errors import SecondMomentError


@dataclass(frozen=True)
class AdamState:
    """The second moments of every parameter, and the settings beside them where the file has any.

    second_moments: exp_avg_sq by parameter name, each in its parameter's shape, float32
    learning_rate: of the last step
    """

    second_moments: dict[str, Tensor] = field(repr=False)
    file: Path
    epsilon: float | None = None
    learning_rate: float | None = None


def read_adam_state(path: str | Path, model: PreTrainedModel) -> AdamState:
    """The state of Adam or AdamW, or Adafactor's factors multiplied out, from a file or a folder that holds one.

    A torch optimizer's state without names is matched by order. Raises SecondMomentError where a file cannot be
    read, does not fit the model, lacks a parameter, or holds numbers that are no second moments.
    """
    file = state_file(path)
    if file.suffix == ".safetensors":
        return AdamState(_second_moments(read_tensors(file), model, file), file)
    optimizer = read_optimizer(file)
    states = named_states(optimizer)
    if states is None:
        states = _states_in_order(optimizer, model, file)
    group: dict[str, Any] = next(iter(optimizer["param_groups"]), {})
    return AdamState(
        _second_moments(states, model, file),
        file,
        epsilon=_number(group.get("eps")),
        learning_rate=_number(group.get("lr")),
    )


def last_learning_rate(path: str | Path) -> float | None:
    """The learning rate that an optimizer's state holds, in a file or a folder; None where there is none."""
    try:
        file = state_file(path)
        groups = [] if file.suffix == ".safetensors" else read_optimizer(file)["param_groups"]
    except SecondMomentError:
        return None
    group: dict[str, Any] = next(iter(groups), {})
    return _number(group.get("lr"))


def _states_in_order(optimizer: Mapping[str, Any], model: PreTrainedModel, file: Path) -> dict[str, dict[str, Tensor]]:
    states = optimizer["state"]
    shapes = [
        [(index, state_shape(states.get(index, {}))) for index in group["params"]]
        for group in optimizer["param_groups"]
    ]
    return {name: states[index] for index, name in all_names_in_order(shapes, model, file).items()}


def _second_moments(
    states: Mapping[str, Mapping[str, Tensor]], model: PreTrainedModel, file: Path
) -> dict[str, Tensor]:
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    found = {name: states.get(name, states.get(parameter_name(name), {})) for name in shapes}
    missing = [name for name, state in found.items() if not state_shape(state)]
    if missing:
        raise SecondMomentError(
            f"{file} lacks the second moments of {len(missing)} of the model's {len(shapes)} parameters, first "
            f"{missing[0]}. Give the optimizer's whole state, or take --optimizer fresh_adam or sgd."
        )
    for name, shape in shapes.items():
        if state_shape(found[name]) != shape:
            raise SecondMomentError(
                f"{file} has shape {list(state_shape(found[name]))} for {name}, the model {list(shape)}. "
                "Give the state that was saved with this model."
            )
    # A parameter that never saw a gradient has zeros only, and may.
    return {
        name: checked(_whole(state), name, file, may_be_zero=True).to(model.device) for name, state in found.items()
    }


def _whole(state: Mapping[str, Tensor]) -> Tensor:
    """V in its parameter's shape, float32: as it is, or from the factors, V = r c^T / mean(r)."""
    if WHOLE in state:
        return state[WHOLE].float()
    rows, columns = next(
        (state[row].double().flatten(), state[column].double().flatten()) for row, column in FACTORS if row in state
    )
    return (torch.outer(rows, columns) / rows.mean()).float()


def _number(value: object) -> float | None:
    """Settings may be tensors, or a pair as Adafactor's eps."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value)
    return float(value) if isinstance(value, (int, float)) else None
