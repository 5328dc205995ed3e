"""Models from folders: what is loaded, what identifies it, and one clear line for what is wrong."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import ARCHITECTURES, CONTEXT, byte_level_tokenizer, small_model
from transformers import BertConfig, BertLMHeadModel, T5Config, T5ForConditionalGeneration

from trackstar_db.attribution.model import load_model
from trackstar_db.attribution.model_files import model_digest
from trackstar_db.errors import ModelUnreadable, ModelUnsupported


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory):
    """One folder for each architecture, as save_pretrained writes it."""
    root = tmp_path_factory.mktemp("models")
    for architecture in ARCHITECTURES:
        small_model(architecture, torch.float32).save_pretrained(root / architecture)
        byte_level_tokenizer().save_pretrained(root / architecture)
    return root


@pytest.fixture
def folder(saved_models, tmp_path):
    """A copy of the Llama's folder, to damage."""
    return shutil.copytree(saved_models / "llama", tmp_path / "llama")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_saved_model_is_loaded_frozen_and_whole(architecture, saved_models, capfd):
    loaded = load_model(saved_models / architecture, device="cpu")
    original = small_model(architecture, torch.float32)
    for name, parameter in original.named_parameters():
        assert torch.equal(dict(loaded.model.named_parameters())[name], parameter)
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.parameter_count == sum(parameter.numel() for parameter in original.parameters())
    assert loaded.architecture == type(original).__name__
    assert loaded.context_length == CONTEXT
    assert loaded.config["model_type"] == original.config.model_type
    assert loaded.tokenizer("Paris")["input_ids"] == byte_level_tokenizer()("Paris")["input_ids"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_the_number_format_is_the_one_asked_for(dtype, saved_models):
    assert load_model(saved_models / "llama", dtype=dtype, device="cpu").model.dtype == getattr(torch, dtype)


def test_an_unknown_number_format_or_device_is_refused(saved_models):
    with pytest.raises(ModelUnsupported, match="float32, float64, bfloat16"):
        load_model(saved_models / "llama", dtype="int4")
    with pytest.raises(ModelUnsupported, match="'warp' cannot be used"):
        load_model(saved_models / "llama", device="warp")


def test_the_digest_is_the_same_for_the_same_model_and_no_other(saved_models, folder):
    original = model_digest(saved_models / "llama")
    assert len(original) == 32
    assert model_digest(folder) == original
    assert load_model(folder, device="cpu").digest == original
    assert len({model_digest(saved_models / architecture) for architecture in ARCHITECTURES}) == 4


def test_the_digest_ignores_how_the_model_was_saved_and_files_beside_it(folder):
    before = model_digest(folder)
    config = json.loads((folder / "config.json").read_text())
    config["transformers_version"] = "0.0"
    (folder / "config.json").write_text(json.dumps(dict(reversed(config.items()))))
    (folder / "exp_avg_sq.safetensors").write_bytes(b"an optimizer's")
    (folder / "README.md").write_text("about")
    assert model_digest(folder) == before


@pytest.mark.parametrize("part", ["weights", "configuration", "tokenizer"])
def test_the_digest_changes_with_a_weight_a_setting_or_the_tokenizer(part, folder):
    before = model_digest(folder)
    if part == "weights":
        weights = load_file(folder / "model.safetensors")
        weights["model.norm.weight"][0] += 1e-6
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    else:
        name = "config.json" if part == "configuration" else "tokenizer.json"
        content = json.loads((folder / name).read_text())
        content["rms_norm_eps" if part == "configuration" else "normalizer"] = 0.5
        (folder / name).write_text(json.dumps(content))
    assert model_digest(folder) != before


def test_sharded_weights_are_loaded_and_a_missing_shard_is_named(tmp_path):
    model = small_model("llama", torch.float32)
    model.save_pretrained(tmp_path, max_shard_size="30KB")
    byte_level_tokenizer().save_pretrained(tmp_path)
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    loaded = load_model(tmp_path, device="cpu")
    assert torch.equal(loaded.model.lm_head.weight, model.lm_head.weight)
    shards[-1].unlink()
    with pytest.raises(ModelUnreadable, match=f"lacks 1 of {len(shards)} weight files.*{shards[-1].name}"):
        load_model(tmp_path, device="cpu")


def remove(*names):
    def damage(folder):
        for name in names:
            (folder / name).unlink()

    return damage


def overwrite(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def truncate(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:3000])


def without_a_tensor(folder):
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def with_another_shape(folder):
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"] = torch.zeros(3, 3)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("config.json"), "has no config.json"),
        (overwrite("config.json", b"{"), "not readable JSON"),
        (overwrite("config.json", b"\xff\xfe"), "not readable JSON"),
        (overwrite("config.json", b"{}"), "names no model_type"),
        (remove("model.safetensors"), "has no weights"),
        (truncate("model.safetensors"), "weights in .* cannot be read"),
        (overwrite("model.safetensors", b""), "weights in .* cannot be read"),
        (without_a_tensor, r"lack 1 tensors, first model\.layers\.1\.mlp\.up_proj\.weight"),
        (with_another_shape, "weights in .* cannot be read"),
        (remove("tokenizer.json", "tokenizer_config.json"), "has no tokenizer"),
        (overwrite("tokenizer.json", b"{}"), "tokenizer in .* cannot be read"),
        (overwrite("tokenizer.json", b"\x00\x01"), "tokenizer in .* cannot be read"),
    ],
)
def test_a_damaged_folder_is_reported_in_one_line(damage, message, folder, capfd):
    damage(folder)
    with pytest.raises(ModelUnreadable, match=message) as caught:
        load_model(folder, device="cpu")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert capfd.readouterr() == ("", "")


def test_a_path_that_is_no_folder_is_refused(tmp_path, folder):
    for wrong in (tmp_path / "nowhere", folder / "config.json", "./nowhere", "a/b/c"):
        with pytest.raises(ModelUnreadable, match="is not a folder"):
            load_model(wrong)


def test_a_name_that_the_hub_does_not_give_is_refused(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in ("nobody-has/this-model", "not a name!"):
        with pytest.raises(ModelUnreadable, match="the Hugging Face hub did not give it") as caught:
            load_model(name)
        assert "\n" not in str(caught.value)


def test_a_model_type_unknown_to_transformers_is_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "oracle"}))
    with pytest.raises(ModelUnsupported, match="does not know the model") as caught:
        load_model(folder, device="cpu")
    assert "\n" not in str(caught.value)


def test_an_encoder_decoder_is_refused(tmp_path):
    T5ForConditionalGeneration(
        T5Config(vocab_size=320, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    ).save_pretrained(tmp_path)
    byte_level_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelUnsupported, match=r"'t5' .* is not a causal language model"):
        load_model(tmp_path, device="cpu")


def test_a_model_that_sees_later_tokens_is_refused(tmp_path):
    config = BertConfig(
        vocab_size=320, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16
    )
    torch.manual_seed(0)
    BertLMHeadModel(config).apply(_spread).save_pretrained(tmp_path)
    byte_level_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelUnsupported, match="looks at later tokens"):
        load_model(tmp_path, device="cpu")


def _spread(module):
    for parameter in module.parameters(recurse=False):
        torch.nn.init.normal_(parameter, 0.0, 0.5)
