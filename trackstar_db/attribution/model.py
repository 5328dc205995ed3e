"""A Hugging Face decoder, read from a folder or the hub, frozen, with its digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from trackstar_db.attribution.model_files import find_model, model_digest, read_configuration
from trackstar_db.attribution.quiet import quiet
from trackstar_db.errors import ModelUnreadable, ModelUnsupported

DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
DEFAULT_CONTEXT_LENGTH = 2048  # where neither configuration nor tokenizer names a limit


@dataclass(frozen=True)
class LoadedModel:
    """A decoder in evaluation mode with every parameter frozen, and what a database keeps about it."""

    model: PreTrainedModel = field(repr=False)
    tokenizer: Any = field(repr=False)
    name: str
    revision: str | None
    digest: bytes
    architecture: str
    parameter_count: int
    config: dict[str, Any] = field(repr=False)
    context_length: int
    device: torch.device


def load_model(
    name_or_directory: str | Path,
    revision: str | None = None,
    dtype: str = "float32",
    device: str | None = None,
) -> LoadedModel:
    """The model and its tokenizer, from a folder or by its id on the Hugging Face hub.

    dtype: float32, float64 or bfloat16, whatever the weights are stored in
    device: CUDA, then MPS, then the CPU where none is named
    Raises ModelUnreadable (no such model, weights or tokenizer missing or damaged), ModelUnsupported (not a
    decoder, or a tokenizer that cannot say where a token stands in the text).
    """
    if dtype not in DTYPES:
        raise ModelUnsupported(f"The number format is {dtype!r}; expected one of {', '.join(DTYPES)}.")
    directory, revision = find_model(name_or_directory, revision)
    digest = model_digest(directory)
    with quiet():
        tokenizer = read_tokenizer(directory)
        model = _read_model(directory, DTYPES[dtype])
    chosen = chosen_device(device)
    model.eval().requires_grad_(False)
    nn.Module.to(model, chosen)  # the model's own `to` is typed for quantized models only
    _require_causal(model)
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        # Where a folder lies, whichever folder one looks from later; a hub id as it is.
        name=str(directory.resolve() if Path(name_or_directory).expanduser().is_dir() else name_or_directory),
        revision=revision,
        digest=digest,
        architecture=type(model).__name__,
        parameter_count=sum(parameter.numel() for parameter in model.parameters()),
        config=read_configuration(directory),
        context_length=find_context_length(model, tokenizer),
        device=chosen,
    )


def read_tokenizer(directory: Path) -> Any:
    """The tokenizer in a folder; raises ModelUnreadable, ModelUnsupported."""
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, use_fast=True)
    except Exception as error:  # the tokenizers library raises a bare Exception
        raise ModelUnreadable(
            f"The tokenizer in {directory} cannot be read: {first_line(error)}. Save it again."
        ) from error
    if not tokenizer.is_fast:
        raise ModelUnsupported(
            f"{type(tokenizer).__name__} does not tell where its tokens stand in the text. Convert it to "
            "a fast tokenizer (tokenizer.json)."
        )
    return tokenizer


def _read_model(directory: Path, dtype: torch.dtype) -> PreTrainedModel:
    config = read_config(directory)
    if config.model_type not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise ModelUnsupported(
            f"{config.model_type!r} in {directory} is not a causal language model. Use a decoder such as Llama."
        )
    return read_weights(AutoModelForCausalLM, directory, config, dtype)


def read_config(directory: Path) -> PreTrainedConfig:
    """The configuration of the model in a folder; raises ModelUnsupported."""
    try:
        return cast(PreTrainedConfig, AutoConfig.from_pretrained(directory))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelUnsupported(
            f"transformers does not know the model in {directory}: {first_line(error)}. Use a model type that it has."
        ) from error


def read_weights(kind: Any, directory: Path, config: PreTrainedConfig, dtype: torch.dtype) -> PreTrainedModel:
    """A model with every weight from its folder, none left at random; raises ModelUnreadable.

    kind: a class of transformers with from_pretrained
    """
    try:
        loaded: Any = kind.from_pretrained(directory, config=config, dtype=dtype, output_loading_info=True)
    except Exception as error:  # safetensors, pickle and torch each raise their own
        raise ModelUnreadable(
            f"The weights in {directory} cannot be read: {first_line(error)}. Copy or download them again."
        ) from error
    model, report = cast(tuple[PreTrainedModel, dict[str, Any]], loaded)
    missing = sorted(report["missing_keys"])
    if missing:
        raise ModelUnreadable(
            f"The weights in {directory} lack {len(missing)} tensors, first {missing[0]}. Save the whole model again."
        )
    return model


def _require_causal(model: PreTrainedModel) -> None:
    """Raise ModelUnsupported where a token's prediction depends on a later token, as in BERT."""
    token_ids = torch.tensor([[0, 1, 0], [0, 1, 1]], device=model.device)
    with torch.no_grad(), quiet():
        logits = model(input_ids=token_ids, use_cache=False).logits[:, :2].float()
    if not torch.allclose(logits[0], logits[1], rtol=1e-2, atol=1e-2, equal_nan=True):
        raise ModelUnsupported(
            f"{type(model).__name__} looks at later tokens when it predicts one. Use a causal language model."
        )


def find_context_length(model: PreTrainedModel, tokenizer: Any) -> int:
    """The most tokens that model and tokenizer take."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    # A tokenizer without a limit says 10^30.
    known = [
        int(limit) for limit in (positions, tokenizer.model_max_length) if limit is not None and 2 <= limit < 10**9
    ]
    return min(known, default=DEFAULT_CONTEXT_LENGTH)


def chosen_device(device: str | None) -> torch.device:
    """The device named, else CUDA, MPS or the CPU; raises ModelUnsupported for one that is not there."""
    if device is None:
        has_mps = torch.backends.mps.is_available()
        device = "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelUnsupported(f"The device {device!r} cannot be used: {first_line(error)}. Try 'cpu'.") from error
    return chosen


def first_line(error: BaseException) -> str:
    """The first line of another library's message, without its full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
