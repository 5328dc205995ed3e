"""Projected gradients against autograd in float64, on each architecture and with each treatment of V."""

from __future__ import annotations

import pytest
import torch
from definitions import (
    projected_gradient,
    random_second_moments,
    relative_error,
)
from small_models import ARCHITECTURES, loaded, random_piece, small_model
from torch import nn

from trackstar_db.attribution.backward import backward
from trackstar_db.attribution.encoder import Encoder, EncodingSettings, unit_norm
from trackstar_db.attribution.layers import captured_weights
from trackstar_db.attribution.model import load_model
from trackstar_db.attribution.optimizer_state import read_second_moment
from trackstar_db.attribution.second_moment import rank_one
from trackstar_db.attribution.tokens import Piece, TokenizedDocument, query_piece, tokenize_documents
from trackstar_db.errors import EncodingIncomplete, InputError, ModelUnsupported, SecondMomentError

KINDS = ("none", "rank1", "full")
PIECES = [
    random_piece(5, seed=1),
    random_piece(17, seed=2),
    random_piece(9, loss_start=6, seed=3),
    random_piece(2, seed=4),
    random_piece(17, loss_start=16, seed=5),
]


def encoder_of(model, kind="rank1", blocks=3, block_rank=6):
    settings = EncodingSettings(blocks=blocks, block_rank=block_rank, second_moment=kind, seed=11)
    return Encoder(loaded(model), settings, random_second_moments(captured_weights(model)))


def definition(encoder, pieces=PIECES):
    arguments = (encoder.weights, encoder.settings, encoder.second_moments)
    return torch.stack([projected_gradient(encoder.loaded.model, *arguments, piece) for piece in pieces])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", KINDS)
def test_projected_gradients_are_the_projection_of_autograds_gradients(architecture, kind):
    encoder = encoder_of(small_model(architecture), kind)
    assert relative_error(encoder.projected_gradients(PIECES), definition(encoder)) < 1e-10


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", KINDS)
def test_float32_keeps_five_digits_and_half_precision_storage_three(architecture, kind):
    encoder = encoder_of(small_model(architecture, torch.float32), kind)
    found, expected = encoder.projected_gradients(PIECES), definition(encoder)
    assert found.dtype == torch.float32
    assert relative_error(found, expected) < 1e-5
    assert relative_error(unit_norm(found)[0].half(), unit_norm(expected)[0]) < 2e-3


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_stays_within_its_own_rounding(kind):
    encoder = encoder_of(small_model("llama", torch.bfloat16), kind)
    found = encoder.projected_gradients(PIECES)
    assert found.dtype == torch.float32
    assert relative_error(found, definition(encoder)) < 0.06


def test_factors_of_v_are_used_as_they_are_even_when_full_v_is_asked_for():
    model = small_model("gpt2")
    encoder = encoder_of(model, "rank1")
    factors = {name: rank_one(moment) for name, moment in encoder.second_moments.items()}
    settings = EncodingSettings(blocks=3, block_rank=6, second_moment="full", seed=11)
    found = Encoder(loaded(model), settings, factors).projected_gradients(PIECES)
    assert relative_error(found, encoder.projected_gradients(PIECES)) < 1e-6


def test_full_v_gives_the_same_a_few_examples_at_a_time(monkeypatch):
    encoder = encoder_of(small_model("llama"), "full")
    whole = encoder.projected_gradients(PIECES)
    monkeypatch.setattr("trackstar_db.attribution.projected.CPU_GRADIENT_NUMBERS", 2 * 24 * 24)
    assert relative_error(encoder.projected_gradients(PIECES), whole) < 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_results_do_not_depend_on_batch_order_or_padding(kind):
    encoder = encoder_of(small_model("llama", torch.float32), kind)
    together = encoder.projected_gradients(PIECES)
    alone = torch.cat([encoder.projected_gradients([piece]) for piece in PIECES])
    backwards = encoder.projected_gradients(PIECES[::-1]).flip(0)
    padded = encoder.projected_gradients([*PIECES, random_piece(60)])[:-1]
    for other in (alone, backwards, padded):
        assert relative_error(other, together) < 1e-5


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_batchings_of_documents_agree_and_keep_their_order(architecture):
    encoder = encoder_of(small_model(architecture, torch.float32))
    documents = [
        TokenizedDocument((random_piece(length, seed=length),), length, is_truncated=False)
        for length in (30, 3, 17, 17, 2, 41, 9)
    ]
    large = encoder.document_gradients(documents, token_budget=4096)
    small = encoder.document_gradients(documents, token_budget=20)
    expected = torch.cat([encoder.projected_gradients(document.pieces) for document in documents])
    assert relative_error(large, expected) < 1e-5
    assert relative_error(small, large) < 1e-5


def test_a_long_documents_gradient_is_the_sum_of_its_windows():
    encoder = encoder_of(small_model("llama"))
    whole = random_piece(25).token_ids
    windows = (Piece(whole[:10]), Piece(whole[9:19]), Piece(whole[18:]))
    document = TokenizedDocument(windows, len(whole), is_truncated=False)
    found = encoder.document_gradients([document], token_budget=12)
    assert relative_error(found, definition(encoder, windows).sum(0)[None]) < 1e-10


def test_a_document_without_pieces_has_a_zero_gradient():
    encoder = encoder_of(small_model("llama"))
    empty = TokenizedDocument((), 1, is_truncated=False)
    full = TokenizedDocument((PIECES[0],), 5, is_truncated=False)
    gradients = encoder.document_gradients([empty, full, empty])
    assert not gradients[0].any()
    assert not gradients[2].any()
    assert relative_error(gradients[1:2], encoder.projected_gradients(PIECES[:1])) < 1e-12
    assert encoder.document_gradients([]).shape == (0, encoder.settings.dimension)


def test_on_batch_hears_of_every_piece_once():
    encoder = encoder_of(small_model("llama"))
    documents = [TokenizedDocument((piece, piece), 9, is_truncated=False) for piece in PIECES]
    counts = []
    encoder.document_gradients(documents, token_budget=18, on_batch=counts.append)
    assert sum(counts) == 2 * len(PIECES)
    assert len(counts) > 1


def test_loss_counts_on_the_targets_tokens_only():
    encoder = encoder_of(small_model("gpt_neox"))
    tokens = random_piece(12).token_ids
    query, document = Piece(tokens, loss_start=9), Piece(tokens)
    context = Piece(tokens[:9])
    # The loss of the whole is the loss of the context plus that of the rest given the context.
    found = encoder.projected_gradients([query])
    expected = encoder.projected_gradients([document]) - encoder.projected_gradients([context])
    assert relative_error(found, expected) < 1e-10


def test_the_projection_of_a_sum_is_the_sum_of_the_projections():
    encoder = encoder_of(small_model("llama"), "rank1", blocks=4)
    k, weights = encoder.settings.block_rank, encoder.weights
    merged = Encoder(
        encoder.loaded,
        EncodingSettings(blocks=1, block_rank=k, seed=11),
        encoder.second_moments,
    )
    by_block = encoder.projected_gradients(PIECES).view(len(PIECES), 4, k * k)
    assert len({weight.sublayer for weight in weights}) == 4
    assert relative_error(by_block.sum(1), merged.projected_gradients(PIECES)) < 1e-10


def test_no_parameter_takes_a_gradient_and_every_hook_is_gone_afterwards():
    model = small_model("llama_tied")
    encoder_of(model, "full").projected_gradients(PIECES)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert hooks_of(model) == 0


@pytest.mark.parametrize("method", ["keep", "add"])
def test_hooks_are_gone_after_an_error_in_either_pass(method):
    class Failing:
        def keep(self, _weight, activations):
            if method == "keep":
                raise RuntimeError("out of memory")
            return activations

        def add(self, _weight, _kept, _gradients):
            raise RuntimeError("out of memory")

    model = small_model("gpt2")
    with pytest.raises(RuntimeError, match="out of memory"):
        backward(model, captured_weights(model), PIECES, Failing())
    assert hooks_of(model) == 0


def hooks_of(model: nn.Module) -> int:
    return sum(
        len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
        for module in model.modules()
    )


def test_a_gradient_that_is_not_finite_is_handed_on_as_it_is():
    model = small_model("llama", torch.float32)
    nn.init.constant_(model.model.layers[1].mlp.down_proj.weight, float("inf"))
    assert not encoder_of(model).projected_gradients(PIECES).isfinite().all(dim=1).any()


def test_a_token_outside_the_models_vocabulary_is_refused():
    encoder = encoder_of(small_model("llama"))
    with pytest.raises(ModelUnsupported, match="token id 320"):
        encoder.projected_gradients([Piece((3, 320))])


def test_a_weight_without_second_moment_is_refused():
    model = small_model("llama")
    moments = random_second_moments(captured_weights(model)[1:])
    with pytest.raises(SecondMomentError, match=r"model\.layers\.0\.self_attn\.q_proj"):
        Encoder(loaded(model), EncodingSettings(blocks=4), moments)
    with pytest.raises(SecondMomentError, match="have it estimated"):
        Encoder(loaded(model), EncodingSettings(blocks=4, second_moment="full"), None)


def test_a_model_that_mixes_examples_is_refused():
    class Flattening(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, hidden):
            return self.inner(hidden.flatten(0, 1)).view_as(hidden)

    model = small_model("llama")
    model.model.layers[0].mlp = Flattening(model.model.layers[0].mlp)
    encoder = encoder_of(model, "none")
    with pytest.raises(ModelUnsupported, match=r"\[example, token, in\]"):
        encoder.projected_gradients(PIECES)


def test_an_encoding_is_the_inverse_root_applied_block_by_block():
    model = small_model("llama")
    roots = torch.randn(3, 36, 36, generator=torch.Generator().manual_seed(0))
    roots = roots + roots.mT
    settings = EncodingSettings(blocks=3, block_rank=6, second_moment="none")
    gradients = torch.randn(5, 108, dtype=torch.float64)
    found = Encoder(loaded(model), settings, None, roots).encode(gradients)
    expected = [
        torch.cat([roots[block].double() @ row[36 * block : 36 * block + 36] for block in range(3)])
        for row in gradients
    ]
    assert relative_error(found, torch.stack(expected)) < 1e-12


def test_encoding_before_r_is_fitted_is_refused():
    with pytest.raises(EncodingIncomplete, match="Fit it"):
        encoder_of(small_model("llama")).encode(torch.zeros(1, 108))


def test_unit_norm_keeps_direction_and_length_and_leaves_zero_alone():
    unit, norms = unit_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0], [3e6, 4e6]]))
    assert torch.allclose(unit, torch.tensor([[0.6, 0.8], [0.0, 0.0], [0.6, 0.8]]))
    assert norms.tolist() == [5.0, 0.0, 5e6]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("blocks", 0),
        ("block_rank", 0),
        ("max_tokens", 1),
        ("damping", -0.1),
        ("damping", float("nan")),
        ("second_moment", "rank2"),
        ("long_documents", "drop"),
        ("dtype", "float8"),
    ],
)
def test_settings_that_cannot_be_are_refused(setting, value):
    with pytest.raises(InputError, match=f"^{setting} is"):
        EncodingSettings(**{setting: value})


@pytest.mark.shared
@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_models_gradients_keep_five_digits(kind, shared_data):
    folder = shared_data / "trex_model"
    model = load_model(folder, device="cpu")
    source = read_second_moment(folder / "optimizer.pt", model.model, captured_weights(model.model))
    settings = EncodingSettings(second_moment=kind)
    encoder = Encoder(model, settings, source.second_moments)
    texts = [
        "Julian Huxley specializes in biology.",
        "The capital of the Roman province lay on the coast, and nothing of it is left but a wall of brick.",
    ]
    pieces = [piece for d in tokenize_documents(model.tokenizer, texts, 256) for piece in d.pieces]
    pieces.append(query_piece(model.tokenizer, "Julian Huxley works in the field of", "biology", 256))
    found, expected = encoder.projected_gradients(pieces), definition(encoder, pieces)
    assert relative_error(found, expected) < 1e-5
    assert relative_error(unit_norm(found)[0].half(), unit_norm(expected)[0]) < 2e-3
