"""Which words carried an influence: the parts add up to what the run has, for every method that can be divided."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.integration.conftest import SmallCorpus, WriteRecords, save_small_model
from trackstar_db.attribution.encoder import unit_norm
from trackstar_db.attribution.tokens import query_piece, tokenize_documents
from trackstar_db.encoding.encodings import load_encoder
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.encoding.queries import query_encodings
from trackstar_db.errors import EncodingMismatch, InputError, NotFound
from trackstar_db.explanation.explain import Explanation
from trackstar_db.search.request import SearchOptions

FEW = SearchOptions(top_k=3)


def check_parts(found: Explanation) -> None:
    """The tokens and the words cover the text and sum to the influence."""
    assert sum(token.influence for token in found.tokens) == pytest.approx(found.influence, rel=1e-9)
    assert sum(word.influence for word in found.words) == pytest.approx(found.influence, rel=1e-9)
    assert [word.text for word in found.words if word.end] == found.text.split()
    end = 0
    for token in found.tokens:
        if token.start != token.end:
            assert token.text == found.text[token.start : token.end]
            assert found.text[end : token.start].strip() == ""
            end = max(end, token.end)
    assert end == len(found.text)


@pytest.mark.parametrize(
    ("new", "methods"),
    [
        (NewEncoding("small", "", "small"), ("less", "trackstar_train", "trackstar")),
        (NewEncoding("small", "", "small", second_moment="none"), ("tracin", "grad_cosine", "logra")),
        (NewEncoding("small", "", "small", second_moment="none", loss="margin"), ("trak",)),
    ],
    ids=["corrected", "uncorrected", "margin"],
)
def test_the_tokens_of_every_gradient_method_sum_to_the_score_that_its_run_has(
    small_corpus: SmallCorpus, new: NewEncoding, methods: tuple[str, ...]
) -> None:
    small_corpus.store.create_encoding(replace(new, model=str(small_corpus.model), block_rank=4))
    small_corpus.store.encode_documents("small", "small")
    small_corpus.store.encode_queries("small", "facts")
    for method in methods:
        small_corpus.store.attribute("small", "facts", method, method, FEW)
        for found in small_corpus.store.explain(method, "f3", (1, 3), "opponent"):
            check_parts(found)
            assert found.influence == pytest.approx(found.stored_influence, rel=0.02)
            assert (found.run, found.method, found.query, found.direction) == (method, method, "f3", "opponent")


def test_the_tokens_sum_to_the_cosine_to_four_digits(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "run", options=FEW)
    with small_corpus.store.database.connect() as connection:
        _, encoder = load_encoder(connection, "small")
    first, second, third = small_corpus.store.explain("run", "f5", (3, 1, 2))
    assert [found.rank for found in (first, second, third)] == [3, 1, 2]
    for found in (first, second, third):
        piece = query_piece(encoder.loaded.tokenizer, found.prompt, found.target, 64)
        document = tokenize_documents(encoder.loaded.tokenizer, [found.text], 64)
        query = unit_norm(query_encodings(encoder, [piece]))[0]
        encoding = unit_norm(encoder.encode(encoder.document_gradients(document)))[0]
        assert found.influence == pytest.approx(float(torch.sum(query * encoding)), rel=1e-4)


def test_a_long_document_is_divided_over_all_its_windows_and_a_truncated_one_over_its_first(
    small_corpus: SmallCorpus, write_records: WriteRecords
) -> None:
    text = "  who lived by the sea?\nNever \N{EM DASH} a king \N{CROWN}, Zoë " + "of Rome and Paris " * 30 + "\n"
    path = write_records("long.jsonl", [{"id": "long", "text": text}])
    small_corpus.store.load_documents([path], corpus="small")
    small_corpus.store.create_encoding(small_corpus.new_encoding())
    found = small_corpus.store.explain_document(("the king of", "Rome"), "small", "long")
    assert len(found.tokens) > 2 * 64
    check_parts(found)
    assert all(token.influence for token in found.tokens[:-1])
    crown = [token for token in found.tokens if found.text[token.start : token.end].strip() == "\N{CROWN}"]
    assert len(crown) > 1  # a character of several tokens
    cut = NewEncoding("cut", str(small_corpus.model), "small", block_rank=4, long_documents="truncate")
    small_corpus.store.create_encoding(cut)
    beginning = small_corpus.store.explain_document(("the king of", "Rome"), "cut", "long")
    assert beginning.tokens[-1].end < len(text)
    assert len(beginning.tokens) == 64
    assert sum(word.influence for word in beginning.words) == pytest.approx(beginning.influence, rel=1e-9)


def test_a_pair_by_itself_is_explained_as_in_a_run_and_its_first_token_stands_for_no_text(
    small_corpus: SmallCorpus,
) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "run", options=FEW)
    (found,) = small_corpus.store.explain("run", "f7")
    alone = small_corpus.store.explain_document((found.prompt, found.target), "small", found.document)
    assert alone.tokens == found.tokens
    assert (alone.corpus, alone.text, alone.influence) == (found.corpus, found.text, found.influence)
    assert (alone.run, alone.rank, alone.stored_influence) == (None, None, None)
    start, *others = found.tokens
    assert (start.text, start.start, start.end) == ("<s>", 0, 0)
    assert start.influence != 0
    assert found.words[0] == start
    assert all(token.end > token.start for token in others)


def test_what_cannot_be_explained_is_said(
    small_corpus: SmallCorpus, write_records: WriteRecords, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = small_corpus.store
    small_corpus.encode()
    store.attribute([], "facts", "stated", "gold", FEW)
    with pytest.raises(InputError, match=r"'gold', which takes no inner products .* No run here can be explained yet"):
        store.explain("stated", "f1")
    store.attribute("small", "facts", "run", options=FEW)
    with pytest.raises(InputError, match="These can be explained: run;"):
        store.explain("stated", "f1")
    with pytest.raises(NotFound, match="no run named 'walk'"):
        store.explain("walk", "f1")
    with pytest.raises(NotFound, match="no query of id 'f99'; its query set is 'facts'"):
        store.explain("run", "f99")
    with pytest.raises(NotFound, match="no opponent of rank 4 for query 'f1': it keeps 3"):
        store.explain("run", "f1", (1, 4), "opponent")
    with pytest.raises(NotFound, match="no document of id 's999' in corpus 'small'"):
        store.explain_document(("a", "b"), "small", "s999", "small")
    twin = write_records("twin.jsonl", [{"id": "s1", "text": "a twin"}, {"id": "short", "text": ""}])
    store.load_documents([twin], corpus="other")
    with pytest.raises(InputError, match="several corpora have a document of id 's1': small, other"):
        store.explain_document(("the king of", "Rome"), "small", "s1")
    assert store.explain_document(("the king of", "Rome"), "small", "s1", "other").text == "a twin"
    another = tmp_path_factory.mktemp("another")
    save_small_model(another, seed=2)
    with pytest.raises(EncodingMismatch, match="digest"):
        store.explain("run", "f1", model=str(another))


def test_scores_that_were_averaged_over_checkpoints_are_not_divided(small_corpus: SmallCorpus, tmp_path: Path) -> None:
    save_small_model(tmp_path / "later", seed=2)
    small_corpus.encode("early")
    SmallCorpus(small_corpus.store, tmp_path / "later").encode("late")
    small_corpus.store.attribute(["early", "late"], "facts", "both", options=FEW)
    with pytest.raises(InputError, match="'both' averages the scores of 2 encodings"):
        small_corpus.store.explain("both", "f1")
