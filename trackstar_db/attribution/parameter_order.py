"""Names for the numbered parameters of a torch optimizer's state."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from transformers import PreTrainedModel

from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.errors import SecondMomentError

Shape: TypeAlias = tuple[int, ...]

# How training scripts divide parameters into two groups, by a parameter's name and dimensions: not at all,
# vectors apart (Trainer's groups come to the same), biases apart (older scripts).
_DIVISIONS: tuple[Callable[[str, int], bool], ...] = (
    lambda _name, _dimensions: True,
    lambda _name, dimensions: dimensions >= 2,
    lambda name, _dimensions: not name.endswith("bias"),
)


def names_in_order(
    matrices_by_group: Sequence[Sequence[tuple[int, Shape]]],
    model: PreTrainedModel,
    weights: Sequence[CapturedWeight],
    file: Path,
) -> dict[int, str]:
    """Parameter names by the optimizer's number, for matrices.

    Trainer and everyone else hand parameters to an optimizer in the order of `model.named_parameters()`,
    within groups such as "with weight decay" and "without". Vectors (biases, norms) are spread over groups by
    rules that changed over the years, so only matrices are compared: the groups, in exactly one order, have
    to give the shapes of all the model's matrices, or of the captured weights alone where only those were
    trained. Raises SecondMomentError otherwise.

    matrices_by_group: (number, shape) of each matrix, group by group
    """
    captured = {weight.parameter for weight in weights}
    matrices = [(name, tuple(p.shape)) for name, p in model.named_parameters() if p.dim() == 2]
    groups = [group for group in matrices_by_group if group]
    shapes = [[shape for _, shape in group] for group in groups]
    for expected in (matrices, [entry for entry in matrices if entry[0] in captured]):
        orders = _orders(shapes, [shape for _, shape in expected], frozenset(range(len(groups))))
        order = next(orders, None)
        if order is None:
            continue
        if next(orders, None) is not None:
            raise SecondMomentError(
                f"{file} fits the model in more than one way: it has {len(groups)} groups of matrices, some "
                "of the same shapes. Give a .safetensors file of exp_avg_sq by parameter name."
            )
        numbers = [number for index in order for number, _ in groups[index]]
        return dict(zip(numbers, (name for name, _ in expected), strict=True))
    raise SecondMomentError(
        f"{file} does not fit the model: it holds {sum(map(len, groups))} matrices in {len(groups)} groups, "
        f"the model has {len(matrices)}, and number or shapes differ. Give the state that was saved with "
        "this model, or a .safetensors file of exp_avg_sq by parameter name."
    )


def all_names_in_order(
    shapes_by_group: Sequence[Sequence[tuple[int, Shape]]], model: PreTrainedModel, file: Path
) -> dict[int, str]:
    """Parameter names by the optimizer's number, for every parameter of the model, vectors too.

    The groups have to be the model's parameters, divided as training scripts divide them, each group in the
    order of `model.named_parameters()`. Raises SecondMomentError where no division gives the shapes, and where
    two give them with different names.

    shapes_by_group: (number, shape) of each parameter, group by group
    """
    named = [(name, tuple(parameter.shape)) for name, parameter in model.named_parameters()]
    groups = [group for group in shapes_by_group if group]
    found: list[dict[int, str]] = []
    for is_first in _DIVISIONS:
        halves = [[e for e in named if is_first(e[0], len(e[1])) is side] for side in (True, False)]
        for order in itertools.permutations([half for half in halves if half]):
            if [[shape for _, shape in part] for part in order] == [[shape for _, shape in part] for part in groups]:
                pairs = zip(itertools.chain(*groups), itertools.chain(*order), strict=True)
                names = {number: name for (number, _), (name, _) in pairs}
                found.extend([names] if names not in found else [])
    if len(found) == 1:
        return found[0]
    how = "in more than one way" if found else "in no way"
    raise SecondMomentError(
        f"{file} fits the model {how}: it holds {sum(map(len, groups))} parameters in {len(groups)} groups, the "
        f"model has {len(named)}. Give the state that was saved with this model, or a .safetensors file of "
        "exp_avg_sq by parameter name."
    )


def _orders(
    groups: Sequence[Sequence[Shape]], expected: Sequence[Shape], unused: frozenset[int]
) -> Iterator[list[int]]:
    """Every order in which the groups, one after the other, give the expected shapes."""
    if not unused:
        if not expected:
            yield []
        return
    for index in sorted(unused):
        size = len(groups[index])
        if list(expected[:size]) == list(groups[index]):
            for rest in _orders(groups, expected[size:], unused - {index}):
                yield [index, *rest]
