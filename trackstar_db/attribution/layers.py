"""Which weight matrices an encoding looks at, and which layer block each belongs to."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from trackstar_db.errors import ModelUnsupported

DEFAULT_BLOCKS = 8

Item = TypeVar("Item")


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

    Where more blocks are asked for than there are sublayers, single weight matrices are cut so. The first parts are
    the longer ones where the division leaves a remainder (numpy.array_split).
    Raises ModelUnsupported where there are fewer weights than blocks.
    """
    return {weight.name: block for block, part in enumerate(_parts(weights, blocks)) for weight in part}


def block_names(weights: Sequence[CapturedWeight], blocks: int) -> list[str]:
    """What each block covers, for reports: "layer 0 attention", "layer 0 attention to layer 0 MLP".

    Blocks of single weight matrices name those: "layer 0 attention q_proj to layer 0 attention k_proj".
    """
    is_by_sublayer = blocks <= sublayer_count(weights)
    ends = [(_name(part[0], is_by_sublayer), _name(part[-1], is_by_sublayer)) for part in _parts(weights, blocks)]
    return [first if first == last else f"{first} to {last}" for first, last in ends]


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


def _parts(weights: Sequence[CapturedWeight], blocks: int) -> list[list[CapturedWeight]]:
    """The weights of each block, in order."""
    if not 1 <= blocks <= len(weights):
        raise ModelUnsupported(
            f"{blocks} blocks were asked of a model with {len(weights)} weight matrices in "
            f"{sublayer_count(weights)} sublayers (the attention and the MLP of each layer). Choose from 1 to "
            f"{len(weights)} blocks."
        )
    in_order = sorted(weights, key=lambda weight: weight.sublayer)  # a model may keep its MLP first
    if blocks > sublayer_count(weights):
        return _split(in_order, blocks)
    sublayers = [list(sublayer) for _, sublayer in itertools.groupby(in_order, lambda weight: weight.sublayer)]
    return [list(itertools.chain.from_iterable(part)) for part in _split(sublayers, blocks)]


def _split(items: Sequence[Item], parts: int) -> list[list[Item]]:
    """Even, contiguous parts, the longer ones first."""
    size, remainder = divmod(len(items), parts)
    starts = [part * size + min(part, remainder) for part in range(parts + 1)]
    return [list(items[start:end]) for start, end in itertools.pairwise(starts)]


def _name(weight: CapturedWeight, is_by_sublayer: bool) -> str:
    sublayer = f"layer {weight.sublayer // 2} {'MLP' if weight.sublayer % 2 else 'attention'}"
    return sublayer if is_by_sublayer else f"{sublayer} {weight.name.rsplit('.', 1)[-1]}"
