"""Which weight matrices an encoding looks at, and which layer block each belongs to."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from trackstar_db.errors import ModelUnsupported

DEFAULT_BLOCKS = 8


@dataclass(frozen=True)
class CapturedWeight:
    """One weight matrix of attention or MLP; its gradient is always written [out, in]."""

    name: str  # the module's path, "model.layers.0.self_attn.q_proj"
    sublayer: int  # 2 * layer, + 1 in the MLP
    in_features: int
    out_features: int
    is_transposed: bool  # the parameter is stored [in, out], as GPT-2's Conv1D does

    @property
    def parameter(self) -> str:
        """The parameter's name in `model.named_parameters()`."""
        return f"{self.name}.weight"

    @property
    def stored_shape(self) -> tuple[int, int]:
        """The parameter's own shape: [out, in], or [in, out] where it is transposed."""
        shape = (self.out_features, self.in_features)
        return (shape[1], shape[0]) if self.is_transposed else shape


def captured_weights(model: PreTrainedModel) -> list[CapturedWeight]:
    """The Linear and Conv1D weights inside the decoder's layers, in the model's own order.

    Embeddings, the LM head, norms and biases are left out. A weight that several layers share counts once.
    Raises ModelUnsupported where there is none.
    """
    prefix, layers = _decoder_layers(model)
    weights: list[CapturedWeight] = []
    seen: set[nn.Module] = set()
    for index, layer in enumerate(layers):
        for path, module in layer.named_modules():
            if not isinstance(module, nn.Linear | Conv1D) or module in seen:
                continue
            seen.add(module)
            sublayer = 2 * index + (0 if _is_attention(path) else 1)
            weights.append(_captured(f"{prefix}.{index}.{path}", sublayer, module))
    if not weights:
        raise ModelUnsupported(
            f"The layers of {type(model).__name__} hold no Linear or Conv1D. "
            "Use a decoder whose attention and MLP are made of them, such as Llama, GPT-2 or GPT-NeoX."
        )
    return weights


def sublayer_count(weights: Sequence[CapturedWeight]) -> int:
    """How many attentions and MLPs hold captured weights: 2 x layers in the usual decoder."""
    return len({weight.sublayer for weight in weights})


def default_blocks(weights: Sequence[CapturedWeight]) -> int:
    """The number of layer blocks where nobody asks for another: 8, or every sublayer of a small model."""
    return min(DEFAULT_BLOCKS, sublayer_count(weights))


def block_of_weight(weights: Sequence[CapturedWeight], blocks: int) -> dict[str, int]:
    """The block of each weight by its name: sublayers in order, cut into `blocks` even, contiguous parts.

    The first parts are the longer ones where the division leaves a remainder (numpy.array_split).
    Raises ModelUnsupported where there are fewer sublayers than blocks.
    """
    block_of_sublayer = {sublayer: block for block, part in enumerate(_split(weights, blocks)) for sublayer in part}
    return {weight.name: block_of_sublayer[weight.sublayer] for weight in weights}


def block_names(weights: Sequence[CapturedWeight], blocks: int) -> list[str]:
    """What each block covers, for reports: "layer 0 attention", "layer 0 attention to layer 1 MLP"."""
    names = [[_sublayer_name(sublayer) for sublayer in part] for part in _split(weights, blocks)]
    return [part[0] if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in names]


def _decoder_layers(model: PreTrainedModel) -> tuple[str, nn.ModuleList]:
    count = getattr(model.config.get_text_config(), "num_hidden_layers", None)
    candidates = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == count
    ]
    if not candidates:
        raise ModelUnsupported(
            f"{type(model).__name__} has no list of {count} decoder layers (config.num_hidden_layers). "
            "Use a decoder-only language model of Hugging Face transformers."
        )
    return max(candidates, key=lambda candidate: sum(p.numel() for p in candidate[1].parameters()))


def _is_attention(path: str) -> bool:
    return "att" in path.split(".")[0].lower()


def _captured(name: str, sublayer: int, module: nn.Linear | Conv1D) -> CapturedWeight:
    is_transposed = isinstance(module, Conv1D)
    out_features, in_features = reversed(module.weight.shape) if is_transposed else module.weight.shape
    return CapturedWeight(name, sublayer, in_features, out_features, is_transposed)


def _split(weights: Sequence[CapturedWeight], blocks: int) -> list[list[int]]:
    sublayers = sorted({weight.sublayer for weight in weights})
    if not 1 <= blocks <= len(sublayers):
        raise ModelUnsupported(
            f"{blocks} blocks were asked of a model with {len(sublayers)} sublayers (the attention and the "
            f"MLP of each layer). Choose from 1 to {len(sublayers)} blocks."
        )
    size, remainder = divmod(len(sublayers), blocks)
    starts = [block * size + min(block, remainder) for block in range(blocks + 1)]
    return [sublayers[start:end] for start, end in itertools.pairwise(starts)]


def _sublayer_name(sublayer: int) -> str:
    return f"layer {sublayer // 2} {'MLP' if sublayer % 2 else 'attention'}"
