"""Gradients that are longer than a page, stored by layer block: what works for one row works for seventeen."""

from __future__ import annotations

from typing import Any

import numpy as np
import psycopg
import pytest

from tests.bare_encoding import bare_encoding, note_encoded
from tests.conftest import RunTrackstar
from tests.integration.conftest import SmallCorpus
from trackstar_db.attribution.encoder import unit_norm
from trackstar_db.attribution.tokens import tokenize_documents
from trackstar_db.encoding.encodings import load_encoder
from trackstar_db.encoding.fitting import NewEncoding
from trackstar_db.encoding.gradient_blocks import write_gradient_blocks
from trackstar_db.search.request import SearchOptions

BLOCKS, WIDTH = 5, 29**2  # 4,205 numbers

IN_RUN = """SELECT document_id, influence FROM tda.proponent
            WHERE run = %s AND query_id = %s AND direction = %s ORDER BY rank"""
KIND = """SELECT attstorage, pg_relation_size(attrelid) FROM pg_attribute
          WHERE attrelid = %s::regclass AND attname = 'gradient'"""
OF_RELATION = "SELECT document_id FROM tda.annotation JOIN tda.fact USING (fact_id) WHERE relation = %s"


def ask(corpus: SmallCorpus, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    with corpus.store.database.connect() as connection:
        return connection.execute(statement, parameters).fetchall()  # type: ignore[call-overload, no-any-return]


@pytest.fixture
def full(small_corpus: SmallCorpus) -> SmallCorpus:
    """The small corpus under the encoding `full`, by layer block, and under `small`, in one row."""
    new = NewEncoding("full", str(small_corpus.model), "small", blocks=BLOCKS, block_rank=29)
    assert small_corpus.store.create_encoding(new).is_by_block
    small_corpus.store.encode_documents("full", "small")
    small_corpus.store.encode_queries("full", "facts")
    return small_corpus


def stored(corpus: SmallCorpus, table: str, key: str) -> dict[int, np.ndarray[Any, Any]]:
    """Gradients by document or query: [block, width] float64."""
    found: dict[int, list[Any]] = {}
    for number, gradient in ask(corpus, f"SELECT {key}, gradient::vector FROM trackstar.{table} ORDER BY {key}, block"):  # noqa: S608
        found.setdefault(number, []).append(gradient.to_numpy())
    return {number: np.array(rows, dtype=np.float64) for number, rows in found.items()}


def test_stored_blocks_are_the_encoders_own_numbers_in_unit_norm_over_all_blocks(full: SmallCorpus) -> None:
    found = stored(full, "gradient_block", "document_id")
    with full.store.database.connect() as connection:
        encoding, encoder = load_encoder(connection, "full")
    texts = [text for (text,) in ask(full, "SELECT text FROM trackstar.document ORDER BY document_id")]
    documents = tokenize_documents(encoder.loaded.tokenizer, texts, 64, "split")
    expected, _ = unit_norm(encoder.encode(encoder.document_gradients(documents)))
    assert np.allclose(np.stack(list(found.values())).reshape(60, -1), expected.numpy(), atol=1e-3)
    assert {rows.shape for rows in found.values()} == {(BLOCKS, WIDTH)}
    assert (encoding.rows, encoding.row_width, len(encoding.recipe["blocks"])) == (BLOCKS, WIDTH, BLOCKS)
    counts = "SELECT encoded_documents, encoded_queries FROM tda.encoding"
    assert ask(full, counts) == [(60, 12)]


def test_runs_tasks_and_sql_find_the_same_documents_as_the_definition(full: SmallCorpus) -> None:
    documents, queries = stored(full, "gradient_block", "document_id"), stored(full, "query_gradient", "query_id")
    store = full.store
    store.create_task("own", "full", "facts", mixing_lambda=0.5)
    store.attribute("full", "facts", "corpus", "trackstar_train", SearchOptions(top_k=60))
    store.attribute("full", "facts", "task", "trackstar", SearchOptions(top_k=60, task="own"))
    moment = np.einsum("qbi,qbj->bij", *2 * [np.stack(list(queries.values()))]) / len(queries)
    inverse = np.linalg.inv(0.5 * moment + 0.5 * np.eye(WIDTH))
    for query_id, asked in queries.items():
        cosine = {n: float((d * asked).sum() / np.linalg.norm(asked)) for n, d in documents.items()}
        found = dict(ask(full, IN_RUN, ("corpus", query_id, "proponent")))
        assert found == pytest.approx(cosine, abs=1e-4)
        nearest = dict(ask(full, "SELECT document_id, influence FROM tda.nearest(%s, 60, 'full')", (query_id,)))
        assert nearest == pytest.approx(cosine, abs=1e-3)
        sides = np.einsum("bij,bj->bi", inverse, asked)
        length = np.sqrt((sides * asked).sum())
        mixed = {
            n: float((d * sides).sum() / length / np.sqrt(np.einsum("bi,bij,bj->", d, inverse, d)))
            for n, d in documents.items()
        }
        assert dict(ask(full, IN_RUN, ("task", query_id, "proponent"))) == pytest.approx(mixed, abs=1e-4)
        nearest = dict(ask(full, "SELECT document_id, influence FROM tda.nearest(%s, 60, task => 'own')", (query_id,)))
        assert nearest == pytest.approx(mixed, abs=1e-3)


def test_nearest_by_block_filters_as_it_does_for_one_row(full: SmallCorpus) -> None:
    whole = [number for (number,) in ask(full, "SELECT document_id FROM tda.nearest(1, 60, 'full')")]
    of_relation = {number for (number,) in ask(full, OF_RELATION, ("capital",))}
    found = ask(full, "SELECT document_id FROM tda.nearest(1, 60, 'full', relation => 'capital')")
    assert found == [(number,) for number in whole if number in of_relation]
    assert 0 < len(found) < 60
    assert len(ask(full, "SELECT document_id FROM tda.nearest(1, 7, 'full', corpus => 'small')")) == 7
    assert ask(full, "SELECT document_id FROM tda.nearest(1, 7, 'full', metadata => '{\"no\": 1}')") == []


def test_a_trace_and_an_explanation_by_block_are_the_runs(full: SmallCorpus) -> None:
    full.store.attribute("full", "facts", "run", "trackstar_train", SearchOptions(top_k=5))
    ((name, prompt, target),) = ask(full, "SELECT external_id, prompt, target FROM tda.query WHERE query_id = 3")
    trace = full.store.trace(prompt, target, "full", k=5)
    for direction, traced in (("proponent", trace.proponents), ("opponent", trace.opponents)):
        stored = ask(full, IN_RUN, ("run", 3, direction))
        assert [found.document_id for found in traced] == [number for number, _ in stored]
        assert [found.influence for found in traced] == pytest.approx([score for _, score in stored], abs=1e-3)
    (explained,) = full.store.explain("run", name)
    assert explained.influence == pytest.approx(trace.proponents[0].influence, abs=1e-3)


@pytest.mark.parametrize(("encoding", "blocks"), [("full", BLOCKS), ("small", 4)])
def test_parts_by_block_sum_to_the_influence(full: SmallCorpus, encoding: str, blocks: int) -> None:
    if encoding == "small":
        full.encode()
    full.store.attribute(encoding, "facts", "corpus", "trackstar_train", SearchOptions(top_k=4))
    full.store.attribute(encoding, "facts", "task", "trackstar", SearchOptions(top_k=4))
    full.store.attribute(encoding, "facts", "none", "less", SearchOptions(top_k=4))
    names = [f"{number}: {name}" for number, name in enumerate(full.store.encoding(encoding).recipe["blocks"])]
    with full.store.database.connect() as connection:
        connection.execute("SET ROLE tda_reader")
        found = connection.execute(
            """SELECT run, query_id, direction, rank, sum(b.influence), max(p.influence),
                      array_agg(block || ': ' || block_name ORDER BY block)
               FROM tda.block_influence b JOIN tda.proponent p USING (run, query_id, direction, rank, document_id)
               GROUP BY 1, 2, 3, 4"""
        ).fetchall()
    assert len(found) == 2 * 12 * 2 * 4  # of a run without R there is nothing to see
    for *_, parts, whole, of_blocks in found:
        assert parts == pytest.approx(whole, abs=1e-3)
        assert of_blocks == names


def test_reranking_scores_the_candidates_of_another_run_alone(full: SmallCorpus) -> None:
    full.encode()
    full.store.attribute("small", "facts", "reduced", "trackstar_train", SearchOptions(top_k=20))
    full.store.attribute("full", "facts", "every", "trackstar_train", SearchOptions(top_k=60))
    done = full.store.attribute(
        "full", "facts", "rerank", "trackstar_train", SearchOptions(top_k=10, rerank="reduced", candidates=15)
    )
    assert (done.queries, done.notices) == (12, ())
    ((settings,),) = ask(full, "SELECT settings FROM tda.run WHERE run = 'rerank'")
    assert (settings["rerank"], settings["candidates"]) == ("reduced", 15)
    for query_id in range(1, 13):
        for direction in ("proponent", "opponent"):
            candidates = {number for number, _ in ask(full, IN_RUN, ("reduced", query_id, direction))[:15]}
            every = [row for row in ask(full, IN_RUN, ("every", query_id, direction)) if row[0] in candidates]
            found = ask(full, IN_RUN, ("rerank", query_id, direction))
            assert [number for number, _ in found] == [number for number, _ in every[:10]]
            assert [score for _, score in found] == pytest.approx([score for _, score in every[:10]], abs=2e-4)
    task = full.store.attribute("full", "facts", "task", "trackstar", SearchOptions(rerank="rerank"))
    assert "keeps 10 documents of each query, fewer than the 500 candidates" in task.notices[0]
    of_task = {number for number, _ in ask(full, IN_RUN, ("task", 1, "proponent"))}
    assert of_task == {number for number, _ in ask(full, IN_RUN, ("rerank", 1, "proponent"))}
    full.store.attribute([], "facts", "words", "bm25", SearchOptions(top_k=20))
    full.store.attribute("full", "facts", "from words", options=SearchOptions(top_k=5, rerank="words"))
    directions = "SELECT DISTINCT direction FROM tda.proponent WHERE run = 'from words'"
    assert ask(full, directions) == [("proponent",)]
    ask(full, "DELETE FROM trackstar.encoded_document WHERE document_id > 20 RETURNING 1")
    few = full.store.attribute("full", "facts", "few", "trackstar_train", SearchOptions(top_k=5, rerank="every"))
    assert "40 documents of run 'every' are not encoded by 'full': not ranked" in few.notices


def test_a_new_text_and_a_drop_take_every_block_away(full: SmallCorpus) -> None:
    count = "SELECT count(*) FROM trackstar.gradient_block"
    before = stored(full, "gradient_block", "document_id")
    ask(full, "DELETE FROM trackstar.encoded_document WHERE document_id > 20 RETURNING 1")
    assert ask(full, count) == [(20 * BLOCKS,)]
    assert full.store.encode_documents("full", "small").stored == 40  # as after an interruption
    after = stored(full, "gradient_block", "document_id")
    assert np.allclose(np.stack(list(after.values())), np.stack(list(before.values())), atol=1e-3)
    ask(full, "UPDATE trackstar.document SET text = 'Rome' WHERE document_id = 3 RETURNING 1")
    assert ask(full, count) == [(59 * BLOCKS,)]
    assert full.store.encode_documents("full", "small").stored == 1
    assert ask(full, count) == [(60 * BLOCKS,)]
    with pytest.raises(psycopg.errors.CheckViolation, match="gradient_block_dimension"):
        ask(full, "UPDATE trackstar.gradient_block SET gradient = '[1,0]'")
    full.store.drop_encoding("full")
    assert ask(full, "SELECT to_regclass('trackstar.gradient_block_1')") == [(None,)]


@pytest.mark.parametrize(("block_rank", "storage", "pages"), [(63, "p", 3), (64, "e", 1)])
def test_rows_stay_on_their_page_where_they_fit(
    small_corpus: SmallCorpus, block_rank: int, storage: str, pages: int
) -> None:
    width = block_rank**2
    with small_corpus.store.database.connect() as connection:
        encoding = bare_encoding(connection, "full", small_corpus.model, blocks=3, block_rank=block_rank)
        note_encoded(connection, encoding, [1])
        gradient = np.arange(3 * width).astype(np.float16)
        write_gradient_blocks(connection, encoding, [(1, gradient)])
    assert ask(small_corpus, KIND, ("trackstar.gradient_block_1",)) == [(storage, pages * 8192)]
    found = stored(small_corpus, "gradient_block", "document_id")
    assert np.array_equal(found[1].ravel(), gradient)


def test_a_sample_that_leaves_directions_open_is_said(small_corpus: SmallCorpus, run_trackstar: RunTrackstar) -> None:
    made = run_trackstar("encoding", "create", "few", "--model", small_corpus.model, "--corpus", "small",
                         "--sample", 3, "--block-rank", 4)  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "'few' was fitted on 3 documents, fewer than the 16 directions of a block" in made.stderr
