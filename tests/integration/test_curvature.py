"""EK-FAC over a database: what a run holds, factors that are kept, and re-ranking another run's best documents."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.integration.conftest import SmallCorpus, WriteRecords
from trackstar_db.attribution.encoder import Encoder
from trackstar_db.attribution.tokens import Piece, query_piece, tokenize_documents
from trackstar_db.encoding.encodings import Encoding, load_encoder
from trackstar_db.encoding.kronecker_factors import kronecker_factors
from trackstar_db.errors import EncodingIncomplete, InputError, NotFound
from trackstar_db.search.request import SearchOptions

FULL_RANK = 40  # the larger side of the small model's widest weight


def rows(corpus: SmallCorpus, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    with corpus.store.database.connect() as connection:
        return connection.execute(statement, parameters).fetchall()


def influences(corpus: SmallCorpus, run: str, direction: str = "proponent") -> dict[int, dict[int, float]]:
    """By query, the documents of a run in their order, with their influence."""
    found: dict[int, dict[int, float]] = {}
    statement = "SELECT query_id, document_id, influence FROM tda.proponent WHERE run = %s AND direction = %s"
    for query_id, document_id, influence in rows(corpus, statement + " ORDER BY query_id, rank", run, direction):
        found.setdefault(query_id, {})[document_id] = influence
    return found


def factor_rows(corpus: SmallCorpus) -> list[tuple[object, ...]]:
    """Every stored factor, and the transaction that wrote it."""
    return rows(corpus, "SELECT name, xmin::text, md5(data) FROM trackstar.kronecker_factor ORDER BY name")


def settings(corpus: SmallCorpus, run: str) -> dict[str, object]:
    ((found,),) = rows(corpus, "SELECT settings FROM trackstar.run WHERE name = %s", run)
    assert isinstance(found, dict)
    return found


def loaded_encoding(corpus: SmallCorpus) -> tuple[Encoding, Encoder]:
    with corpus.store.database.connect() as connection:
        return load_encoder(connection, "small")


def defined_influences(corpus: SmallCorpus) -> np.ndarray:
    """[query, document] in the order of their numbers, from autograd's gradients and the stored factors."""
    encoding, encoder = loaded_encoding(corpus)
    factors = kronecker_factors(corpus.store.database, encoding, encoder)
    model, tokenizer = encoder.loaded.model.double().requires_grad_(True), encoder.loaded.tokenizer

    def gradients(piece: Piece) -> dict[str, torch.Tensor]:
        model.zero_grad()
        token_ids = torch.tensor([piece.token_ids])
        logits = model(input_ids=token_ids).logits[0]
        start = piece.loss_start
        functional.cross_entropy(logits[start - 1 : -1], token_ids[0, start:], reduction="sum").backward()
        parameters = dict(model.named_parameters())
        return {name: parameters[f"{name}.weight"].grad.clone() for name in factors}

    queries = rows(corpus, "SELECT prompt, target FROM trackstar.query ORDER BY query_id")
    texts = [text for (text,) in rows(corpus, "SELECT text FROM trackstar.document ORDER BY document_id")]
    documents = [[gradients(p) for p in d.pieces] for d in tokenize_documents(tokenizer, texts, 64)]
    result = np.zeros((len(queries), len(documents)))
    for row, (prompt, target) in enumerate(queries):
        of_query = gradients(query_piece(tokenizer, str(prompt), str(target), 64))
        solved = {name: factors[name].solve(gradient, 0.1) for name, gradient in of_query.items()}
        for column, pieces in enumerate(documents):
            result[row, column] = sum(float((p[name] * solved[name]).sum()) for p in pieces for name in solved)
    return result


def test_a_run_holds_the_highest_and_lowest_influences_of_the_definition(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    options = SearchOptions(top_k=60, curvature_rank=FULL_RANK)
    summary = small_corpus.store.attribute("small", "facts", "exact", "ekfac", options)
    assert (summary.queries, summary.documents, summary.proponents) == (12, 60, 12 * 60 * 2)
    expected = defined_influences(small_corpus)
    proponents, opponents = influences(small_corpus, "exact"), influences(small_corpus, "exact", "opponent")
    for query, found in enumerate(proponents.values()):
        assert list(found.values()) == sorted(found.values(), reverse=True)
        in_order = [found[number] for number in sorted(found)]
        np.testing.assert_allclose(in_order, expected[query], rtol=1e-3, atol=1e-4 * abs(expected[query]).max())
    assert [list(found) for found in opponents.values()] == [list(found)[::-1] for found in proponents.values()]
    recorded = settings(small_corpus, "exact")
    assert recorded["kept_energy_least"] == pytest.approx(1.0)
    assert (recorded["rerank"], recorded["candidates"], recorded["curvature_damping"]) == (None, None, 0.1)


def test_factors_are_fitted_once_and_a_fit_goes_on_after_its_first_pass(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "first", "ekfac")
    stored = factor_rows(small_corpus)
    assert len(stored) == 3 * 14  # two layers of seven weights: two bases and the eigenvalues of each
    small_corpus.store.attribute("small", "facts", "second", "ekfac")
    assert factor_rows(small_corpus) == stored
    assert influences(small_corpus, "second") == influences(small_corpus, "first")

    with small_corpus.store.database.connect() as connection:
        connection.execute("DELETE FROM trackstar.kronecker_factor WHERE name LIKE 'eigenvalues/%'")
    small_corpus.store.attribute("small", "facts", "third", "ekfac")
    again = factor_rows(small_corpus)
    bases = [row for row in stored if not str(row[0]).startswith("eigenvalues/")]
    assert [row for row in again if row in bases] == bases
    assert [(name, digest) for name, _, digest in again] == [(name, digest) for name, _, digest in stored]
    assert influences(small_corpus, "third") == influences(small_corpus, "first")


def test_a_re_ranker_scores_the_best_of_another_run_and_nothing_else(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "by gradient", options=SearchOptions(top_k=10))
    small_corpus.store.attribute("small", "facts", "all", "ekfac", SearchOptions(top_k=60, curvature_rank=2))
    options = SearchOptions(top_k=60, curvature_rank=2, rerank="by gradient", candidates=4)
    summary = small_corpus.store.attribute("small", "facts", "again", "ekfac", options)
    assert summary.proponents == 12 * 4
    everything, candidates = influences(small_corpus, "all"), influences(small_corpus, "by gradient")
    for query_id, found in influences(small_corpus, "again").items():
        best = list(candidates[query_id])[:4]
        assert list(found) == [number for number in everything[query_id] if number in best]
        assert found == {n: pytest.approx(everything[query_id][n], rel=1e-3, abs=1e-3) for n in found}
    assert influences(small_corpus, "again", "opponent") == {}
    recorded = settings(small_corpus, "again")
    assert (recorded["rerank"], recorded["candidates"], recorded["curvature_rank"]) == ("by gradient", 4, 2)
    assert 0 < float(str(recorded["kept_energy_least"])) <= float(str(recorded["kept_energy_mean"])) < 1


def test_one_corpus_alone_can_be_ranked(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    other = [{"id": f"other{n}", "text": f"Paris is the capital {n}"} for n in range(3)]
    small_corpus.store.load_documents([write_records("other.jsonl", other)], corpus="other")
    small_corpus.encode()
    small_corpus.store.encode_documents("small", "other")
    summary = small_corpus.store.attribute("small", "facts", "one", "ekfac", SearchOptions(corpus="other"))
    assert (summary.documents, summary.proponents) == (3, 12 * 3 * 2)


def test_a_query_that_cannot_be_tokenized_is_a_notice(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    queries = [
        {"id": "right", "prompt": "the capital of France is", "target": "Paris"},
        {"id": "long", "prompt": "the capital is", "target": "Paris " * 200},
    ]
    small_corpus.store.load_queries([write_records("queries.jsonl", queries)], query_set="two")
    small_corpus.encode()
    summary = small_corpus.store.attribute("small", "two", "two", "ekfac", SearchOptions(top_k=5))
    assert (summary.queries, summary.proponents) == (1, 10)
    (notice,) = summary.notices
    assert "was not answered: The target has" in notice


def test_what_is_missing_is_said(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    store = small_corpus.store
    store.create_encoding(small_corpus.new_encoding())
    with pytest.raises(EncodingIncomplete, match="none of the documents to score is encoded by 'small'"):
        store.attribute("small", "facts", "first", "ekfac")
    store.encode_documents("small", "small")
    with pytest.raises(NotFound, match="no run named 'nothing'"):
        store.attribute("small", "facts", "first", "ekfac", SearchOptions(rerank="nothing"))
    other = write_records("other.jsonl", [{"id": "q", "prompt": "the capital of France is", "target": "Paris"}])
    store.load_queries([other], query_set="other")
    store.attribute("small", "other", "of other", "ekfac")
    with pytest.raises(InputError, match="run 'of other' has no proponent of a query of 'facts'"):
        store.attribute("small", "facts", "first", "ekfac", SearchOptions(rerank="of other"))


def test_a_model_whose_gradients_are_not_finite_fits_nothing(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    encoding, encoder = loaded_encoding(small_corpus)
    with torch.no_grad():
        encoder.loaded.model.get_input_embeddings().weight[:] = torch.nan
    with pytest.raises(EncodingIncomplete, match="Kronecker factors cannot be fitted on"):
        kronecker_factors(small_corpus.store.database, encoding, encoder)
    assert factor_rows(small_corpus) == []


def test_factors_go_with_their_encoding(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    encoding, encoder = loaded_encoding(small_corpus)
    kronecker_factors(small_corpus.store.database, encoding, encoder)
    small_corpus.store.drop_encoding("small")
    assert factor_rows(small_corpus) == []
    with pytest.raises(NotFound, match="encoding 'small' was dropped while its Kronecker factors were fitted"):
        kronecker_factors(small_corpus.store.database, encoding, encoder)
