"""Indexes: what they find against the exact search, when they are used, and what becomes of a build that is cut off."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from pgvector import HalfVector, Vector

from tests.integration.conftest import SmallCorpus
from trackstar_db.cli import trackstar
from trackstar_db.cli.base import Context
from trackstar_db.errors import AlreadyExists, EncodingIncomplete, InputError, InUse, NotFound
from trackstar_db.estimates.indexes import KINDS, IndexKind, bytes_per_document
from trackstar_db.search.indexes import IndexSearch
from trackstar_db.search.trace import TraceOptions
from trackstar_db.store import Store

DIMENSION, DOCUMENTS, QUERIES, K = 512, 3000, 12, 10


@pytest.fixture
def gradients(small_corpus: SmallCorpus) -> NDArray[np.float16]:
    """Rows of an encoding of 512 numbers, [document, d], with neighbours at every distance; queries are stored too."""
    random = np.random.default_rng(0)
    groups = random.standard_normal((60, DIMENSION))
    spread = random.uniform(0.2, 1.2, (DOCUMENTS, 1))
    rows = groups[random.integers(60, size=DOCUMENTS)] + spread * random.standard_normal((DOCUMENTS, DIMENSION))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    stored = rows.astype(np.float16)
    store_rows(small_corpus.store, stored, groups[:QUERIES] + 0.5 * random.standard_normal((QUERIES, DIMENSION)))
    return stored


def store_rows(store: Store, documents: NDArray[np.float16], queries: NDArray[np.float64]) -> None:
    """Stand in for an encoding that a model made: an index sees nothing but the stored gradients."""
    with store.database.connect() as connection:
        add_encoding(connection, "made", blocks=2, block_rank=16)
        connection.execute("CREATE TABLE trackstar.gradient_1 PARTITION OF trackstar.gradient FOR VALUES IN (1)")
        add_documents(connection, range(1000, 1000 + len(documents)), documents)
        asked = connection.execute("SELECT query_id FROM trackstar.query ORDER BY 1").fetchall()
        for (number,), gradient in zip(asked, queries, strict=True):
            connection.execute(
                "INSERT INTO trackstar.query_gradient (encoding_id, query_id, gradient) VALUES (1, %s, %s)",
                (number, Vector(gradient)),
            )


def add_encoding(connection: psycopg.Connection[Any], name: str, blocks: int, block_rank: int) -> None:
    connection.execute(
        """
        WITH model AS (
            INSERT INTO trackstar.model (name, content_digest, architecture, parameter_count, config)
            VALUES ('none', sha256(convert_to(%(name)s, 'UTF8')), 'none', 1, '{}') RETURNING model_id)
        INSERT INTO trackstar.encoding (name, model_id, blocks, block_rank, dimension, second_moment, recipe, digest)
        SELECT %(name)s, model_id, %(blocks)s, %(rank)s, %(blocks)s * %(rank)s * %(rank)s, 'none',
               '{"model": {"name": "none"}, "settings": {}}', sha256(convert_to(%(name)s, 'UTF8'))
        FROM model
        """,
        {"name": name, "blocks": blocks, "rank": block_rank},
    )


def add_documents(connection: psycopg.Connection[Any], numbers: range, gradients: NDArray[np.float16]) -> None:
    connection.execute(
        """
        INSERT INTO trackstar.document (document_id, corpus_id, external_id, text, content_digest, metadata)
        OVERRIDING SYSTEM VALUE
        SELECT n, corpus_id, 'd' || n, 'text', sha256(int8send(n)), jsonb_build_object('is_even', n %% 2 = 0)
        FROM trackstar.corpus, unnest(%s::bigint[]) n
        """,
        (list(numbers),),
    )
    connection.execute(
        "INSERT INTO trackstar.encoded_document SELECT 1, n, 'stored', 2, false, 1 FROM unnest(%s::bigint[]) n",
        (list(numbers),),
    )
    with connection.cursor().copy(
        "COPY trackstar.gradient_1 (encoding_id, document_id, gradient) FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["int8", "int8", "halfvec"])
        for number, gradient in zip(numbers, gradients, strict=True):
            copy.write_row((1, number, HalfVector(gradient)))


@pytest.fixture
def reader(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET SESSION AUTHORIZATION tda_reader")
        yield connection


def found(connection: psycopg.Connection[Any], query_id: int, k: int = K, extra: str = "") -> list[int]:
    statement = f"SELECT document_id FROM tda.nearest(%s, %s{extra}) ORDER BY rank"  # noqa: S608
    return [n for (n,) in connection.execute(statement, (query_id, k))]  # type: ignore[arg-type]


def recall(connection: psycopg.Connection[Any], extra: str) -> float:
    shares = []
    for (query_id,) in connection.execute("SELECT query_id FROM tda.query").fetchall():
        exact = found(connection, query_id)
        shares.append(len(set(exact) & set(found(connection, query_id, K, extra))) / K)
    return float(np.mean(shares))


@pytest.mark.parametrize(("kind", "least"), [("signs", 0.99), ("binary", 0.85), ("hnsw", 0.95), ("ivfflat", 0.8)])
def test_an_index_is_used_and_finds_most_of_what_the_exact_search_finds(
    small_corpus: SmallCorpus,
    gradients: NDArray[np.float16],
    reader: psycopg.Connection[Any],
    kind: IndexKind,
    least: float,
) -> None:
    store = small_corpus.store
    built = store.build_index("made", kind)
    assert built.documents == len(gradients)
    # An empty page or list more or less does not count among three thousand documents.
    assert built.bytes / built.documents == pytest.approx(bytes_per_document(kind, DIMENSION), rel=0.15)
    assert recall(reader, f", index => '{kind}'") >= least
    assert recall(reader, f", index => '{kind}', candidates => {DOCUMENTS}") >= 0.999
    with psycopg.connect(str(small_corpus.store.database.url.set(drivername="postgresql"))) as connection:
        uses = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'gradient_signs_1'"
        if kind != "signs":
            uses = f"SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'gradient_1_{kind}'"  # noqa: S608
        reader.execute("SELECT pg_stat_force_next_flush()")
        reader.execute("SELECT 1")
        (used,) = connection.execute(uses).fetchone() or (0,)  # type: ignore[arg-type]
    assert used >= 2 * QUERIES


def test_signs_rank_documents_as_their_definition_does(
    small_corpus: SmallCorpus, gradients: NDArray[np.float16]
) -> None:
    small_corpus.store.build_index("made")
    with small_corpus.store.database.connect() as connection:
        row = connection.execute("SELECT gradient FROM trackstar.query_gradient ORDER BY query_id").fetchone()
        assert row
        query = row[0].to_numpy().astype(np.float64)
        query = (query / np.linalg.norm(query)).astype(np.float16)
        proposed = connection.execute(
            "SELECT document_id FROM trackstar.index_candidates(1, 'signs', %s, 200)", (HalfVector(query),)
        ).fetchall()
    small = np.float16(0.65 / np.sqrt(DIMENSION))
    signs = (gradients > small).astype(np.float64) - (gradients <= -small)
    steps = np.clip(np.floor(query.astype(np.float64) * np.sqrt(DIMENSION) / 3 * 8), -8, 7) + 0.5
    estimates = signs @ steps
    chosen = estimates[np.array([n for (n,) in proposed]) - 1000]
    np.testing.assert_allclose(np.sort(chosen), np.sort(estimates)[-200:])


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_follows_what_is_encoded_and_deleted_after_it(
    small_corpus: SmallCorpus, gradients: NDArray[np.float16], reader: psycopg.Connection[Any], kind: IndexKind
) -> None:
    small_corpus.store.build_index("made", kind)
    (query_id,) = reader.execute("SELECT min(query_id) FROM tda.query").fetchone() or (0,)
    before = found(reader, query_id)
    with small_corpus.store.database.connect() as connection:
        (query,) = connection.execute(
            "SELECT gradient FROM trackstar.query_gradient WHERE query_id = %s", (query_id,)
        ).fetchone() or (None,)
        twin = (query.to_numpy() / np.linalg.norm(query.to_numpy())).astype(np.float16)
        add_documents(connection, range(9000, 9001), twin[None])
        connection.execute("DELETE FROM trackstar.encoded_document WHERE document_id = %s", (before[0],))
    after = found(reader, query_id, K, f", index => '{kind}'")
    assert after[0] == 9000
    assert before[0] not in after
    assert len(after) == K


def test_a_task_is_searched_by_its_side_and_ranked_with_its_norms(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    store = small_corpus.store
    store.create_task("mixed", "small", "facts", 0.5)
    store.build_index("small")
    with store.database.connect() as connection:
        for (query_id,) in connection.execute("SELECT query_id FROM tda.query").fetchall():
            asked = "SELECT rank, document_id, influence FROM tda.nearest(%s, 20, task => 'mixed'{})"
            exact = connection.execute(asked.format(""), (query_id,)).fetchall()  # type: ignore[arg-type]
            by_index = connection.execute(asked.format(", index => 'signs'"), (query_id,)).fetchall()  # type: ignore[arg-type]
            assert by_index == exact


def test_a_trace_by_an_index_finds_what_the_exact_one_finds(small_corpus: SmallCorpus, database_url: str) -> None:
    def run(*arguments: str) -> Result:  # in this process: another takes seconds to import torch
        context = Context(database_url)
        result = CliRunner().invoke(trackstar, arguments, obj=context)
        context.unchecked_database.close()
        return result

    small_corpus.encode()
    store = small_corpus.store
    with pytest.raises(NotFound, match="Run: trackstar index build --encoding small --kind hnsw"):
        store.trace("the king of", "Rome", "small", options=TraceOptions(index=IndexSearch("hnsw")))
    for kind in ("signs", "hnsw"):
        built = run("index", "build", "--encoding", "small", "--kind", kind)
        assert (built.exit_code, built.stderr) == (0, "")
    status = run("index", "status", "--format", "json")
    assert [(row["kind"], row["state"]) for row in json.loads(status.stdout)] == [("signs", "ready"), ("hnsw", "ready")]
    exact = store.trace("the king of", "Rome", "small")
    assert store.trace("the king of", "Rome", "small", options=TraceOptions(index=IndexSearch("signs"))) == exact
    assert store.trace("the king of", "Rome", "small", options=TraceOptions(index=IndexSearch("hnsw", 60))) == exact
    with pytest.raises(InputError, match="candidates is 5, expected at least k = 10"):
        store.trace("the king of", "Rome", "small", options=TraceOptions(index=IndexSearch("hnsw", 5)))
    told = run("trace", "the king of", "Rome", "--encoding", "small", "--index", "signs", "-k", "80")
    assert told.exit_code == 0
    assert "index signs found 60 of 80 documents: searched exactly." in told.stderr
    assert told.stdout.count("\n  60  ") == 2


def test_what_an_index_cannot_answer_is_searched_exactly_and_said(
    small_corpus: SmallCorpus, gradients: NDArray[np.float16], reader: psycopg.Connection[Any]
) -> None:
    small_corpus.store.build_index("made", "binary")
    said: list[str] = []
    reader.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    (query_id,) = reader.execute("SELECT min(query_id) FROM tda.query").fetchone() or (0,)
    everything = found(reader, query_id, DOCUMENTS + 100)
    assert len(everything) == DOCUMENTS
    assert found(reader, query_id, DOCUMENTS + 100, ", index => 'binary'") == everything
    assert said == [f"index binary found {DOCUMENTS} of {DOCUMENTS + 100} documents: searched exactly"]
    assert found(reader, query_id, 2**31 - 1, ", index => 'binary'") == everything
    del said[1:]
    even = [number for number in everything if number % 2 == 0]
    assert found(reader, query_id, K, """, metadata => '{"is_even": true}', index => 'binary'""") == even[:K]
    assert "filtered and searched exactly" in said[1]
    found(reader, query_id)
    assert len(said) == 2


def test_the_settings_of_a_search_end_with_it(
    small_corpus: SmallCorpus, gradients: NDArray[np.float16], database_url: str
) -> None:
    small_corpus.store.build_index("made", "hnsw")
    with psycopg.connect(database_url) as connection:  # one transaction
        connection.execute("SET hnsw.iterative_scan = strict_order")
        (query_id,) = connection.execute("SELECT min(query_id) FROM tda.query").fetchone() or (0,)
        assert len(found(connection, query_id, K, ", index => 'hnsw'")) == K
        names = ("enable_seqscan", "enable_sort", "hnsw.ef_search", "hnsw.iterative_scan")
        settings = [connection.execute("SELECT current_setting(%s)", (name,)).fetchone() for name in names]
        assert settings == [("on",), ("on",), ("40",), ("strict_order",)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("index => 'signs'", "encoding 'made' has no finished index of kind signs"),
        ("index => 'flat'", "no kind of index is called 'flat'"),
        ("candidates => 50", "candidates is 50, and no index is named"),
    ],
)
def test_a_search_says_what_it_lacks(
    small_corpus: SmallCorpus,
    gradients: NDArray[np.float16],
    reader: psycopg.Connection[Any],
    arguments: str,
    message: str,
) -> None:
    with pytest.raises(psycopg.Error, match=message) as raised:
        reader.execute(f"SELECT * FROM tda.nearest((SELECT min(query_id) FROM tda.query), 10, {arguments})")  # type: ignore[arg-type]  # noqa: S608
    assert raised.value.diag.message_hint
    if "finished" in message:
        assert raised.value.diag.message_hint == "Run: trackstar index build --encoding made --kind signs"


def test_fewer_candidates_than_documents_asked_for_are_refused(
    small_corpus: SmallCorpus, gradients: NDArray[np.float16], reader: psycopg.Connection[Any]
) -> None:
    small_corpus.store.build_index("made")
    (query_id,) = reader.execute("SELECT min(query_id) FROM tda.query").fetchone() or (0,)
    with pytest.raises(psycopg.Error, match="candidates is 5, expected at least k = 10"):
        found(reader, query_id, K, ", index => 'signs', candidates => 5")


def test_indexes_are_built_once_listed_and_dropped(small_corpus: SmallCorpus, gradients: NDArray[np.float16]) -> None:
    store = small_corpus.store
    assert store.indexes() == []
    store.build_index("made", "signs")
    store.build_index("made", "binary")
    listed = store.indexes("made")
    assert [(row["kind"], row["state"]) for row in listed] == [("signs", "ready"), ("binary", "ready")]
    assert all(0 < row["bytes"] < row["gradient_bytes"] for row in listed)
    with pytest.raises(AlreadyExists, match="trackstar index drop --encoding made --kind signs"):
        store.build_index("made")
    assert store.drop_index("made", "binary") == ["binary"]
    with pytest.raises(NotFound, match="has no index of kind binary"):
        store.drop_index("made", "binary")
    assert store.drop_index("made") == ["signs"]
    assert store.indexes() == []
    with store.database.connect() as connection:  # nothing is left of it
        add_documents(connection, range(9000, 9001), gradients[:1])


def test_an_encodings_indexes_are_dropped_with_it(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    store = small_corpus.store
    store.build_index("small")
    store.drop_encoding("small")
    assert store.indexes() == []
    with store.database.connect() as connection:
        assert connection.execute("SELECT to_regclass('trackstar.gradient_signs_1')").fetchone() == (None,)


def test_an_unfinished_index_is_seen_and_replaced(
    small_corpus: SmallCorpus, gradients: NDArray[np.float16], reader: psycopg.Connection[Any]
) -> None:
    store = small_corpus.store
    with store.database.session() as session:  # as a server leaves it that was killed while it built
        session.execute("SET statement_timeout = '20ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            session.execute(
                "CREATE INDEX CONCURRENTLY gradient_1_hnsw ON trackstar.gradient_1 "
                "USING hnsw ((gradient::halfvec(512)) halfvec_ip_ops)"
            )
    assert [row["state"] for row in store.indexes()] == ["unfinished"]
    (query_id,) = reader.execute("SELECT min(query_id) FROM tda.query").fetchone() or (0,)
    with pytest.raises(psycopg.Error, match="has no finished index of kind hnsw"):
        found(reader, query_id, K, ", index => 'hnsw'")
    store.build_index("made", "hnsw")
    assert [row["state"] for row in store.indexes()] == ["ready"]


@pytest.mark.parametrize("kind", ["signs", "hnsw"])
def test_an_interrupted_build_leaves_nothing(
    small_corpus: SmallCorpus, gradients: NDArray[np.float16], kind: IndexKind
) -> None:
    store = small_corpus.store
    with store.database.session() as other:
        other.autocommit = False
        other.execute("LOCK TABLE trackstar.gradient_1 IN ROW EXCLUSIVE MODE")  # the build waits for it
        watcher = threading.Thread(target=interrupt_when_waiting, args=(store, other), daemon=True)
        watcher.start()
        with pytest.raises(KeyboardInterrupt):
            store.build_index("made", kind)
        watcher.join()
    assert store.indexes() == []
    assert store.build_index("made", kind).documents == DOCUMENTS


def interrupt_when_waiting(store: Store, other: psycopg.Connection[Any]) -> None:
    """Ctrl-C as soon as a statement waits for a lock, which the other transaction then gives back."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with store.database.session() as session:
        while session.execute(waiting).fetchone() == (0,):
            time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)
    other.rollback()


def test_what_cannot_be_indexed_is_refused_in_words(small_corpus: SmallCorpus) -> None:
    store = small_corpus.store
    store.create_encoding(small_corpus.new_encoding())
    with pytest.raises(NotFound, match="no encoding named 'other'"):
        store.build_index("other")
    with pytest.raises(InputError, match="no kind of index is called 'flat'; there are: signs, binary"):
        store.build_index("small", "flat")  # type: ignore[arg-type]
    with pytest.raises(EncodingIncomplete, match="trackstar encode documents --encoding small"):
        store.build_index("small")
    with store.database.connect() as connection:
        add_encoding(connection, "long", blocks=2, block_rank=45)
        add_encoding(connection, "longer", blocks=5, block_rank=32)
    with pytest.raises(InputError, match="at most 4,000 numbers; encoding 'long' has 4,050"):
        store.build_index("long", "hnsw")
    with pytest.raises(InputError, match="in a row for each layer block, which no index covers"):
        store.build_index("longer")


def test_two_builds_of_one_encoding_are_not_at_once(small_corpus: SmallCorpus, gradients: NDArray[np.float16]) -> None:
    with small_corpus.store.database.session() as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('index 1', 0))")
        with pytest.raises(InUse, match="another process builds an index of encoding 'made'"):
            small_corpus.store.build_index("made")
