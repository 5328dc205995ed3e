"""The two sides of each weight's gradient, caught by hooks: A enters the layer, D comes back to its output.

The gradient of a weight matrix is D^T A, summed over tokens. With every parameter frozen autograd computes
activation gradients only, and only down to the first captured weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

from torch import Tensor, nn

from trackstar_db.attribution.layers import CapturedWeight
from trackstar_db.errors import ModelUnsupported


class GradientSink(Protocol):
    """What is to become of A and D."""

    def keep(self, weight: CapturedWeight, activations: Tensor) -> Tensor:
        """What the backward pass will need of A, [example, token, in]; called in the forward pass."""

    def add(self, weight: CapturedWeight, kept: Tensor, output_gradients: Tensor) -> None:
        """Take in D, [example, token, out], zero at padding; called in the backward pass."""


@contextmanager
def capture(model: nn.Module, weights: Sequence[CapturedWeight], sink: GradientSink) -> Iterator[None]:
    """Within the block, every forward and backward pass of the model feeds the sink.

    The hooks are gone afterwards, whatever happened.
    """
    with ExitStack() as hooks:
        for weight in weights:
            handle = model.get_submodule(weight.name).register_forward_hook(_forward_hook(weight, sink))
            hooks.callback(handle.remove)
        yield


def _forward_hook(
    weight: CapturedWeight, sink: GradientSink
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def catch(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        activations = inputs[0].detach()
        if activations.dim() != 3:
            raise ModelUnsupported(
                f"{weight.name} reads activations of shape {list(activations.shape)}, expected "
                "[example, token, in]. A model that mixes the tokens of several examples cannot be encoded."
            )
        kept = sink.keep(weight, activations)
        if not output.requires_grad:
            # The lowest captured weights: autograd begins here. The copy lets the model write into its own.
            output = output.requires_grad_().clone()
        output.register_hook(lambda output_gradients: sink.add(weight, kept, output_gradients))
        return output

    return catch
