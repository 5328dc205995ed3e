"""Decoders of three families, small enough for float64 definitions, and a byte-level tokenizer."""

from __future__ import annotations

import copy

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.tokens import Piece

ARCHITECTURES = ("llama", "llama_tied", "gpt2", "gpt_neox")
VOCABULARY = 320
CONTEXT = 64


def small_model(architecture: str, dtype: torch.dtype = torch.float64, layers: int = 2) -> PreTrainedModel:
    """A decoder with random weights, the biases and norms too, frozen."""
    torch.manual_seed(0)
    model = _BUILDERS[architecture](layers)
    for name, parameter in model.named_parameters():
        spread = 0.1 if parameter.dim() == 1 else 0.2
        offset = 1.0 if name.endswith("weight") and parameter.dim() == 1 else 0.0
        nn.init.normal_(parameter, offset, spread)
    return model.to(dtype).eval().requires_grad_(False)


def _llama(layers: int, is_tied: bool = False) -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=is_tied,
    )
    return LlamaForCausalLM(config)


def _gpt2(layers: int) -> PreTrainedModel:
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=24,
        n_layer=layers,
        n_head=4,
        n_positions=CONTEXT,
        bos_token_id=0,
        eos_token_id=0,
    )
    return GPT2LMHeadModel(config)


def _gpt_neox(layers: int) -> PreTrainedModel:
    config = GPTNeoXConfig(
        vocab_size=VOCABULARY,
        hidden_size=24,
        intermediate_size=48,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
    )
    return GPTNeoXForCausalLM(config)


_BUILDERS = {
    "llama": _llama,
    "llama_tied": lambda layers: _llama(layers, is_tied=True),
    "gpt2": _gpt2,
    "gpt_neox": _gpt_neox,
}


def loaded(model: PreTrainedModel) -> LoadedModel:
    """The model as `load_model` gives it, without files."""
    return LoadedModel(
        model=model,
        tokenizer=None,
        name="small",
        revision=None,
        digest=b"\0" * 32,
        architecture=type(model).__name__,
        parameter_count=sum(parameter.numel() for parameter in model.parameters()),
        config={},
        context_length=CONTEXT,
        device=torch.device("cpu"),
    )


def trainable_double(model: PreTrainedModel) -> PreTrainedModel:
    """A float64 copy whose weights take gradients."""
    return copy.deepcopy(model).double().requires_grad_(True)


def random_piece(length: int, loss_start: int = 1, seed: int = 0) -> Piece:
    generator = torch.Generator().manual_seed(1000 * seed + length)
    token_ids = torch.randint(0, VOCABULARY, (length,), generator=generator).tolist()
    return Piece(tuple(token_ids), loss_start)


def byte_level_tokenizer(has_start: bool = True) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that knows a few words; it begins every text with a token, or does not."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the capital of France is Paris", "Paris is the capital"] * 5, trainer)
    if has_start:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", model_max_length=CONTEXT)
