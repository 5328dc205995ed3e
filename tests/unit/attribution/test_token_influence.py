"""A document's influence by token position: every part against outer products in float64, and their sum."""

from __future__ import annotations

import pytest
import torch
from definitions import corrected, random_second_moments, relative_error
from small_models import loaded, random_piece, small_model, trainable_double
from torch.nn import functional

from trackstar_db.attribution.autocorrelation import Autocorrelation, by_block, inverse_root
from trackstar_db.attribution.encoder import Encoder, EncodingSettings, unit_norm
from trackstar_db.attribution.layers import block_of_weight, captured_weights
from trackstar_db.attribution.projection import projection_matrix
from trackstar_db.attribution.token_influence import token_influences
from trackstar_db.attribution.tokens import Piece, TokenizedDocument

ARCHITECTURES = ("llama", "gpt2", "gpt_neox")
KINDS = ("none", "rank1", "full")
QUERY = random_piece(9, loss_start=6, seed=3)


def whole(piece):
    return TokenizedDocument((piece,), len(piece.token_ids), is_truncated=False)


def fitted_encoder(model, kind="rank1", **settings):
    """An encoder with R fitted on a few random texts."""
    settings = EncodingSettings(blocks=3, block_rank=4, second_moment=kind, seed=11, **settings)
    moments = random_second_moments(captured_weights(model))
    correlation = Autocorrelation(settings.blocks, settings.block_rank**2)
    pieces = [random_piece(12, seed=seed) for seed in range(20)]
    correlation.add(Encoder(loaded(model), settings, moments).projected_gradients(pieces))
    return Encoder(loaded(model), settings, moments, inverse_root(correlation.mean())[0])


def query_side(encoder):
    """R^(-1/2) q / |q|: [d]."""
    unit = unit_norm(encoder.encode(encoder.query_gradients([QUERY])))[0]
    return by_block(encoder.inverse_roots, unit)[0]


def score_and_norm(encoder, document):
    """The cosine of query and document on the ordinary path, and the document's length."""
    query = unit_norm(encoder.encode(encoder.query_gradients([QUERY])))[0]
    encoding, norm = unit_norm(encoder.encode(encoder.document_gradients([document])))
    return float(query[0] @ encoding[0]), float(norm)


def influences_by_definition(encoder, piece, side):
    """<P_out^T (outer(D_t, A_t) / sqrt(V)) P_in, Q> for each position t, summed over weight matrices: [token]."""
    settings, k = encoder.settings, encoder.settings.block_rank
    exact = trainable_double(encoder.loaded.model)
    entering, leaving = {}, {}

    def record(name):
        def hook(_module, inputs, output):
            output.retain_grad()
            entering[name], leaving[name] = inputs[0], output

        return hook

    for weight in encoder.weights:
        exact.get_submodule(weight.name).register_forward_hook(record(weight.name))
    token_ids = torch.tensor([piece.token_ids])
    logits = exact(input_ids=token_ids).logits[0]
    functional.cross_entropy(logits[:-1], token_ids[0, 1:], reduction="sum").backward()

    blocks = block_of_weight(encoder.weights, settings.blocks)
    by_hand = side.double().view(settings.blocks, k, k)
    influences = torch.zeros(len(piece.token_ids), dtype=torch.float64)
    for weight in encoder.weights:
        left = projection_matrix(settings.seed, weight.name, "left", weight.out_features, k).double()
        right = projection_matrix(settings.seed, weight.name, "right", weight.in_features, k).double()
        for token in range(len(piece.token_ids)):
            outer = torch.outer(leaving[weight.name].grad[0, token], entering[weight.name][0, token])
            gradient = corrected(outer, encoder.second_moments[weight.name], settings.second_moment)
            influences[token] += (left.T @ gradient @ right * by_hand[blocks[weight.name]]).sum()
    return influences.detach()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float32, 1e-4), (torch.float64, 1e-7)])
def test_each_tokens_influence_is_its_outer_products_and_they_sum_to_the_score(architecture, kind, dtype, allowed):
    encoder = fitted_encoder(small_model(architecture, dtype), kind)
    piece, side = random_piece(17, seed=2), query_side(encoder)
    found = token_influences(encoder, whole(piece), side)
    assert found.dtype == dtype
    assert relative_error(found[None], influences_by_definition(encoder, piece, side)[None]) < allowed
    score, norm = score_and_norm(encoder, whole(piece))
    assert float(found.sum()) / norm == pytest.approx(score, rel=allowed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_documents_tokens_sum_to_its_score_over_all_windows(kind):
    encoder = fitted_encoder(small_model("llama"), kind)
    token_ids, side = random_piece(25).token_ids, query_side(encoder)
    windows = (Piece(token_ids[:10]), Piece(token_ids[9:19]), Piece(token_ids[18:]))
    document = TokenizedDocument(windows, len(token_ids), is_truncated=False)
    found = token_influences(encoder, document, side)
    by_window = [token_influences(encoder, whole(window), side) for window in windows]
    expected = torch.zeros(25, dtype=torch.float64)
    for start, part in zip((0, 9, 18), by_window, strict=True):
        expected[start : start + len(part)] += part
    assert relative_error(found[None], expected[None]) < 1e-10
    score, norm = score_and_norm(encoder, document)
    assert float(found.sum()) / norm == pytest.approx(score, rel=1e-9)
    one_by_one = token_influences(encoder, document, side, token_budget=1)
    assert relative_error(one_by_one[None], found[None]) < 1e-10


def test_only_positions_that_predict_something_have_influence():
    encoder = fitted_encoder(small_model("gpt2"))
    found = token_influences(encoder, whole(random_piece(12)), query_side(encoder))
    assert found[-1] == 0
    assert found[:-1].abs().min() > 0
    last_only = token_influences(encoder, whole(Piece(random_piece(12).token_ids, loss_start=11)), query_side(encoder))
    assert last_only[:11].abs().min() > 0  # the last token's loss goes back to every position before it


def test_the_margin_is_divided_as_the_encoding_has_it():
    encoder = fitted_encoder(small_model("llama"), loss="margin")
    document, side = whole(random_piece(14)), query_side(encoder)
    found = token_influences(encoder, document, side)
    assert float(found.sum()) == pytest.approx(float(encoder.document_gradients([document])[0] @ side), rel=1e-9)


def test_a_document_too_short_to_have_a_loss_has_no_token_with_influence():
    encoder = fitted_encoder(small_model("llama"))
    assert token_influences(encoder, TokenizedDocument((), 1, False), query_side(encoder)).shape == (0,)
