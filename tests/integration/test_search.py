"""Runs, traces and tda.nearest: the same answer everywhere, and the one that the definition gives."""

from __future__ import annotations

import numpy as np
import psycopg
import pytest
import torch

from tests.integration.conftest import SmallCorpus, WriteRecords
from trackstar_db.encoding.gradient_reader import BLOCK_ROWS
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, InputError, NotFound
from trackstar_db.search.ranking import Strongest
from trackstar_db.search.request import SearchOptions


def stored_cosines(corpus: SmallCorpus) -> tuple[list[int], list[int], np.ndarray]:
    """Query numbers, document numbers and the cosine of each pair, in float64 from what is stored."""
    with corpus.store.database.connect() as connection:
        queries = connection.execute("SELECT query_id, gradient FROM trackstar.query_gradient ORDER BY 1").fetchall()
        documents = connection.execute("SELECT document_id, gradient FROM trackstar.gradient ORDER BY 1").fetchall()
    q = np.stack([vector.to_numpy() for _, vector in queries]).astype(np.float64)
    d = np.stack([vector.to_numpy() for _, vector in documents]).astype(np.float64)
    cosines = (q @ d.T) / np.linalg.norm(q, axis=1)[:, None] / np.linalg.norm(d, axis=1)
    return [n for n, _ in queries], [n for n, _ in documents], cosines


def test_a_run_holds_the_highest_and_lowest_cosines_in_order(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    summary = small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=7))
    assert (summary.queries, summary.documents, summary.proponents) == (12, 60, 12 * 7 * 2)
    query_ids, document_ids, cosines = stored_cosines(small_corpus)
    with small_corpus.store.database.connect() as connection:
        for row, query_id in enumerate(query_ids):
            for direction, sign in (("proponent", 1), ("opponent", -1)):
                found = connection.execute(
                    "SELECT rank, document_id, influence FROM tda.proponent "
                    "WHERE run = 'first' AND query_id = %s AND direction = %s ORDER BY rank",
                    (query_id, direction),
                ).fetchall()
                expected = np.sort(sign * cosines[row])[::-1][:7]
                assert [rank for rank, _, _ in found] == list(range(1, 8))
                np.testing.assert_allclose([sign * influence for _, _, influence in found], expected, atol=2e-3)
                for _, document_id, influence in found:
                    assert influence == pytest.approx(cosines[row, document_ids.index(document_id)], abs=2e-3)


def test_nearest_and_trace_and_run_agree(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=10))
    with small_corpus.store.database.connect() as connection:
        queries = connection.execute("SELECT query_id, prompt, target FROM tda.query ORDER BY 1 LIMIT 4").fetchall()
        for query_id, prompt, target in queries:
            run = connection.execute(
                "SELECT rank, external_id, influence FROM tda.proponent "
                "WHERE query_id = %s AND direction = 'proponent' ORDER BY rank",
                (query_id,),
            ).fetchall()
            nearest = connection.execute(
                "SELECT rank, external_id, influence, corpus FROM tda.nearest(%s, 10)", (query_id,)
            ).fetchall()
            traced = small_corpus.store.trace(prompt, target, "small", k=10)
            assert [row[:2] for row in nearest] == [row[:2] for row in run]
            assert [(found.rank, found.external_id) for found in traced.proponents] == [row[:2] for row in run]
            np.testing.assert_allclose([row[2] for row in nearest], [row[2] for row in run], atol=1e-3)
            np.testing.assert_allclose([f.influence for f in traced.proponents], [row[2] for row in run], atol=1e-3)
            assert {row[3] for row in nearest} == {"small"}
            assert 0 <= traced.probability <= 1
            assert traced.opponents[0].influence < traced.proponents[-1].influence


def test_a_trace_gives_the_probability_of_the_whole_target(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_corpus.model)
    model = AutoModelForCausalLM.from_pretrained(small_corpus.model).double().eval()
    given, whole = tokenizer("the king of")["input_ids"], tokenizer("the king of Rome")["input_ids"]
    with torch.no_grad():
        log_probabilities = model(torch.tensor([whole])).logits[0].log_softmax(-1)
    expected = sum(float(log_probabilities[t - 1, whole[t]]) for t in range(len(given), len(whole)))
    traced = small_corpus.store.trace("the king of", "Rome", "small", k=1)
    assert np.log(traced.probability) == pytest.approx(expected, rel=1e-4)


def test_equal_influences_are_ordered_by_document(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    twins = [{"id": f"twin{n}", "text": "Paris is the capital"} for n in range(5)]
    small_corpus.store.load_documents([write_records("twins.jsonl", twins)], corpus="small")
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=65))
    with small_corpus.store.database.connect() as connection:
        order = connection.execute(
            "SELECT array_agg(external_id ORDER BY rank) FROM tda.proponent "
            "WHERE external_id LIKE 'twin%' GROUP BY query_id, direction"
        ).fetchall()
    assert len(order) == 24
    assert all(names == [f"twin{n}" for n in range(5)] for (names,) in order)


def test_the_strongest_are_found_across_blocks_with_ties_to_the_lower_number() -> None:
    generator = torch.Generator().manual_seed(0)
    influences = torch.randint(-5, 6, (3, 1000), generator=generator).float() / 5
    strongest = Strongest(queries=3, top_k=20)
    for start in range(0, 1000, 37):
        block = influences[:, start : start + 37]
        strongest.add(np.arange(start, start + block.shape[1]), block)
    ranking = strongest.ranking()
    for row in range(3):
        expected = sorted(range(1000), key=lambda n: (-influences[row, n].item(), n))[:20]
        assert ranking.document_ids[row].tolist() == expected


def test_more_documents_than_one_block_are_all_read(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    with small_corpus.store.database.connect() as connection:  # copies of stored gradients: quicker than encoding
        connection.execute(
            """INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
               SELECT corpus_id, 'copy' || n, 'copy', content_digest
               FROM trackstar.document, generate_series(1, %s) n WHERE external_id = 's0'""",
            (BLOCK_ROWS + 100,),
        )
        connection.execute(
            """INSERT INTO trackstar.encoded_document
               SELECT 1, document_id, 'stored', 2, false, 1 FROM trackstar.document WHERE text = 'copy'"""
        )
        connection.execute(
            """INSERT INTO trackstar.gradient
               SELECT 1, d.document_id, g.gradient FROM trackstar.document d,
               (SELECT gradient FROM trackstar.gradient WHERE document_id = 1) g WHERE d.text = 'copy'"""
        )
    summary = small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=BLOCK_ROWS + 200))
    assert summary.documents == BLOCK_ROWS + 160
    assert summary.proponents == 12 * 2 * summary.documents


def test_a_run_is_made_once(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=3))
    with pytest.raises(AlreadyExists, match="trackstar run drop first"):
        small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=3))
    assert [run["run"] for run in small_corpus.store.runs()] == ["first"]
    small_corpus.store.drop_run("first")
    with pytest.raises(NotFound, match="first"):
        small_corpus.store.drop_run("first")


def test_what_is_missing_is_said(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    store = small_corpus.store
    with pytest.raises(NotFound, match="no encoding named 'small'; the database has none yet"):
        store.attribute("small", "facts", "first")
    store.create_encoding(small_corpus.new_encoding())
    with pytest.raises(EncodingIncomplete, match="trackstar encode queries --encoding small --query-set facts"):
        store.attribute("small", "facts", "first")
    store.encode_queries("small", "facts")
    with pytest.raises(EncodingIncomplete, match="trackstar encode documents --encoding small"):
        store.attribute("small", "facts", "first")
    with pytest.raises(EncodingIncomplete, match="trackstar encode documents --encoding small"):
        store.trace("the king of", "Rome", "small")
    store.encode_documents("small", "small")
    more = write_records("more.jsonl", [{"id": "new", "text": "the king of Rome"}])
    store.load_documents([more], corpus="small")
    notices = store.attribute("small", "facts", "first", options=SearchOptions(top_k=2)).notices
    assert len(notices) == 1
    assert notices[0].startswith("1 documents of the corpora under encoding 'small' are not encoded yet")
    with pytest.raises(NotFound, match="no query set named 'nothing'; the database has: facts"):
        store.attribute("small", "nothing", "second")
    with pytest.raises(InputError, match="top k is 0"):
        store.attribute("small", "facts", "second", options=SearchOptions(top_k=0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("tda.nearest(1, 0)", "k is 0, expected a whole number from 1"),
        ("tda.nearest(1, NULL)", "k is NULL"),
        ("tda.nearest(999)", "no query 999"),
        ("tda.nearest(1)", "query 1 is encoded by 2 encodings"),
        ("tda.nearest(1, 3, 'other')", "query 1 is not encoded by 'other'"),
    ],
)
def test_nearest_says_what_is_wrong(small_corpus: SmallCorpus, call: str, message: str) -> None:
    small_corpus.encode("a")
    small_corpus.encode("b")
    with pytest.raises(psycopg.Error, match=message), small_corpus.store.database.connect() as connection:
        connection.execute(f"SELECT * FROM {call}")  # type: ignore[arg-type]  # noqa: S608


def test_nearest_takes_the_encoding_that_is_named(small_corpus: SmallCorpus) -> None:
    small_corpus.encode("a")
    small_corpus.store.create_encoding(small_corpus.new_encoding("b"))
    small_corpus.store.encode_queries("b", "facts")
    with small_corpus.store.database.connect() as connection:
        assert connection.execute("SELECT count(*) FROM tda.nearest(1, 5, 'a')").fetchone() == (5,)
        assert connection.execute("SELECT count(*) FROM tda.nearest(1, 5, 'b')").fetchone() == (0,)
