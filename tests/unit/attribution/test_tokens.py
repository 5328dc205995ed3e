"""Documents and queries as the model reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import CONTEXT, byte_level_tokenizer
from tokenizers import processors

from trackstar_db.attribution.tokens import query_piece, tokenize_documents
from trackstar_db.errors import InputError

TOKENIZER = byte_level_tokenizer()
WITHOUT_START = byte_level_tokenizer(has_start=False)
TEXT = "the capital of France is Paris. Zürich 日本 is not."


def loss_text(piece, tokenizer=TOKENIZER):
    """What the tokens with loss say."""
    return tokenizer.decode(piece.token_ids[piece.loss_start :])


def test_a_short_document_is_one_piece_with_the_tokenizers_own_start():
    (document,) = tokenize_documents(TOKENIZER, [TEXT], CONTEXT)
    (piece,) = document.pieces
    assert list(piece.token_ids) == TOKENIZER(TEXT)["input_ids"]
    assert piece.token_ids[0] == TOKENIZER.bos_token_id
    assert (piece.loss_start, document.token_count, document.is_truncated) == (1, len(piece.token_ids), False)


@given(st.text(max_size=80), st.integers(2, 12))
def test_windows_of_a_long_document_carry_loss_on_every_token_but_the_first_once(text, max_tokens):
    (document,) = tokenize_documents(TOKENIZER, [text], max_tokens, "split")
    token_ids = TOKENIZER(text)["input_ids"]
    with_loss = [token for piece in document.pieces for token in piece.token_ids[piece.loss_start :]]
    assert with_loss == token_ids[1:]
    for before, after in zip(document.pieces, document.pieces[1:], strict=False):
        assert after.token_ids[0] == before.token_ids[-1]
    assert all(2 <= len(piece.token_ids) <= max_tokens for piece in document.pieces)
    assert document.token_count == len(token_ids)
    assert not document.is_truncated


def test_a_truncated_document_keeps_its_beginning_and_says_so():
    long, short = tokenize_documents(TOKENIZER, [TEXT, "Paris"], 8, "truncate")
    assert [piece.token_ids for piece in long.pieces] == [tuple(TOKENIZER(TEXT)["input_ids"][:8])]
    assert long.is_truncated
    assert long.token_count == len(TOKENIZER(TEXT)["input_ids"])
    assert not short.is_truncated


@pytest.mark.parametrize("long_documents", ["split", "truncate"])
def test_a_document_of_exactly_the_maximum_is_one_whole_piece(long_documents):
    count = len(TOKENIZER(TEXT)["input_ids"])
    (document,) = tokenize_documents(TOKENIZER, [TEXT], count, long_documents)
    assert len(document.pieces) == 1
    assert not document.is_truncated


def test_a_document_of_fewer_than_two_tokens_has_no_pieces():
    assert tokenize_documents(TOKENIZER, [""], 8)[0].pieces == ()
    one, none = tokenize_documents(WITHOUT_START, ["a", ""], 8)
    assert (one.pieces, one.token_count) == ((), 1)
    assert (none.pieces, none.token_count) == ((), 0)
    assert tokenize_documents(TOKENIZER, [], 8) == []


def test_a_text_longer_than_the_model_gives_no_warning(capsys):
    tokenize_documents(TOKENIZER, ["Paris " * 500], CONTEXT)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("prompt", "target", "text", "with_loss"),
    [
        ("the capital of France is", "Paris", "the capital of France is Paris", " Paris"),
        ("the capital of France is ", "Paris", "the capital of France is Paris", " Paris"),
        ("the capital of France is", " Paris", "the capital of France is Paris", " Paris"),
        ("the capital of France is\n", "Paris", "the capital of France is\nParis", "Paris"),
        ("日本の首都は", "東京", "日本の首都は 東京", " 東京"),
        ("Zürich", "Genève", "Zürich Genève", " Genève"),
        ("", "the capital", "the capital", "the capital"),
    ],
)
def test_a_query_carries_loss_on_its_targets_tokens_only(prompt, target, text, with_loss):
    piece = query_piece(TOKENIZER, prompt, target, CONTEXT)
    assert list(piece.token_ids) == TOKENIZER(text)["input_ids"]
    assert loss_text(piece) == with_loss


def test_a_token_that_reaches_over_the_border_belongs_to_the_target():
    tokenizer = byte_level_tokenizer()
    assert len(tokenizer("  ")["input_ids"]) >= 2
    piece = query_piece(tokenizer, "Paris is the", "  capital", CONTEXT)
    assert loss_text(piece).strip() == "capital"


def test_an_empty_prompt_without_a_start_token_leaves_the_first_token_without_loss():
    piece = query_piece(WITHOUT_START, "", "Paris is the capital", CONTEXT)
    assert piece.loss_start == 1
    assert loss_text(piece, WITHOUT_START) == " is the capital"
    with pytest.raises(InputError, match="Give a prompt"):
        query_piece(WITHOUT_START, "", "a", CONTEXT)


def test_an_empty_target_is_refused():
    with pytest.raises(InputError, match="target is empty"):
        query_piece(TOKENIZER, "the capital of France is", "", CONTEXT)


def test_a_prompt_too_long_for_the_model_loses_its_beginning():
    whole = query_piece(TOKENIZER, "Paris is the capital " * 9 + "of France is", "Paris", 1000)
    piece = query_piece(TOKENIZER, "Paris is the capital " * 9 + "of France is", "Paris", 10)
    assert piece.token_ids == whole.token_ids[-10:]
    assert loss_text(piece) == " Paris"


def test_a_target_too_long_for_the_model_is_refused():
    target_tokens = len(WITHOUT_START(" the capital")["input_ids"])
    piece = query_piece(TOKENIZER, "Paris is", "the capital", target_tokens + 1)
    assert piece.loss_start == 1
    with pytest.raises(InputError, match=f"{target_tokens} tokens; the model reads {target_tokens}"):
        query_piece(TOKENIZER, "Paris is", "the capital", target_tokens)


def test_a_token_that_the_tokenizer_adds_at_the_end_carries_no_loss_in_a_query():
    tokenizer = byte_level_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A <s>", special_tokens=[("<s>", 0)]
    )
    assert loss_text(query_piece(tokenizer, "Paris is", "the capital", CONTEXT)) == " the capital"
