"""Which weights are captured, and how sublayers fall into blocks."""

from __future__ import annotations

import numpy as np
import pytest
from small_models import small_model
from torch import nn
from transformers import MambaConfig, MambaForCausalLM

from trackstar_db.attribution.layers import (
    block_names,
    block_of_weight,
    captured_weights,
    default_blocks,
)
from trackstar_db.errors import ModelUnsupported

EXPECTED = {
    "llama": [
        ("model.layers.1.self_attn.q_proj", 2, (24, 24)),
        ("model.layers.1.self_attn.k_proj", 2, (12, 24)),
        ("model.layers.1.self_attn.v_proj", 2, (12, 24)),
        ("model.layers.1.self_attn.o_proj", 2, (24, 24)),
        ("model.layers.1.mlp.gate_proj", 3, (40, 24)),
        ("model.layers.1.mlp.up_proj", 3, (40, 24)),
        ("model.layers.1.mlp.down_proj", 3, (24, 40)),
    ],
    "gpt2": [
        ("transformer.h.1.attn.c_attn", 2, (72, 24)),
        ("transformer.h.1.attn.c_proj", 2, (24, 24)),
        ("transformer.h.1.mlp.c_fc", 3, (96, 24)),
        ("transformer.h.1.mlp.c_proj", 3, (24, 96)),
    ],
    "gpt_neox": [
        ("gpt_neox.layers.1.attention.query_key_value", 2, (72, 24)),
        ("gpt_neox.layers.1.attention.dense", 2, (24, 24)),
        ("gpt_neox.layers.1.mlp.dense_h_to_4h", 3, (48, 24)),
        ("gpt_neox.layers.1.mlp.dense_4h_to_h", 3, (24, 48)),
    ],
}


@pytest.mark.parametrize("architecture", EXPECTED)
def test_attention_and_mlp_matrices_are_captured_and_nothing_else(architecture):
    weights = captured_weights(small_model(architecture))
    second_layer = [
        (weight.name, weight.sublayer, (weight.out_features, weight.in_features))
        for weight in weights
        if weight.sublayer >= 2
    ]
    assert sorted(second_layer) == sorted(EXPECTED[architecture])
    assert len(weights) == 2 * len(second_layer)


@pytest.mark.parametrize("architecture", EXPECTED)
def test_a_captured_weight_names_its_parameter_and_its_shape(architecture):
    model = small_model(architecture)
    parameters = dict(model.named_parameters())
    for weight in captured_weights(model):
        assert parameters[weight.parameter].shape == weight.stored_shape
        assert weight.is_transposed == (architecture == "gpt2")


def test_a_weight_shared_by_two_layers_counts_once():
    model = small_model("llama")
    model.model.layers[1].mlp = model.model.layers[0].mlp
    names = [weight.name for weight in captured_weights(model)]
    assert len(names) == 7 + 4
    assert not any(name.startswith("model.layers.1.mlp") for name in names)


@pytest.mark.parametrize("blocks", range(1, 7))
def test_blocks_are_an_even_contiguous_split_of_the_sublayers(blocks):
    weights = captured_weights(small_model("llama", layers=3))
    found = block_of_weight(weights, blocks)
    expected = [list(part) for part in np.array_split(range(6), blocks)]
    assert {weight.sublayer: found[weight.name] for weight in weights} == {
        sublayer: block for block, part in enumerate(expected) for sublayer in part
    }


@pytest.mark.parametrize("blocks", [5, 6, 13, 14])
def test_more_blocks_than_sublayers_are_an_even_split_of_the_weight_matrices(blocks):
    weights = captured_weights(small_model("llama"))
    found = block_of_weight(weights, blocks)
    in_order = [weight.name for weight in weights]
    assert {name: found[name] for name in in_order} == {
        str(name): block for block, part in enumerate(np.array_split(in_order, blocks)) for name in part
    }


@pytest.mark.parametrize("blocks", [0, 15, -1])
def test_more_blocks_than_weight_matrices_are_refused(blocks):
    weights = captured_weights(small_model("llama"))
    with pytest.raises(ModelUnsupported, match=r"14 weight matrices in 4 sublayers .* from 1 to 14 blocks"):
        block_of_weight(weights, blocks)


def test_default_blocks_are_eight_or_every_sublayer():
    assert default_blocks(captured_weights(small_model("llama"))) == 4
    assert default_blocks(captured_weights(small_model("gpt2", layers=6))) == 8


def test_block_names_say_what_a_block_covers():
    weights = captured_weights(small_model("llama"))
    assert block_names(weights, 3) == ["layer 0 attention to layer 0 MLP", "layer 1 attention", "layer 1 MLP"]
    of_matrices = block_names(captured_weights(small_model("gpt2")), 5)
    assert of_matrices[0] == "layer 0 attention c_attn to layer 0 attention c_proj"
    assert of_matrices[3:] == ["layer 1 MLP c_fc", "layer 1 MLP c_proj"]


def test_a_model_without_attention_splits_the_sublayers_it_has():
    config = MambaConfig(vocab_size=320, hidden_size=16, num_hidden_layers=3, state_size=4)
    weights = captured_weights(MambaForCausalLM(config))
    assert set(block_of_weight(weights, 3).values()) == {0, 1, 2}


def test_a_model_without_linear_layers_is_refused():
    model = small_model("llama")
    model.model.layers = nn.ModuleList([nn.LayerNorm(24), nn.LayerNorm(24)])
    with pytest.raises(ModelUnsupported, match="no Linear or Conv1D"):
        captured_weights(model)


def test_a_model_without_a_list_of_layers_is_refused():
    model = small_model("llama")
    model.config.num_hidden_layers = 7
    with pytest.raises(ModelUnsupported, match="7 decoder layers"):
        captured_weights(model)
