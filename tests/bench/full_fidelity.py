"""What does a re-rank at full dimension cost over reading the same pages?

The best 500 documents of each query in a run of 3,872 numbers are scored again at 65,348 (17 layer blocks of 62²).
Gradients are random: nothing here depends on their values. `queries` 100 is `trackstar attribute --rerank`, whole,
against a COPY of each candidate's rows to nowhere; `queries` 1 is a statement inside the database, against one that
fetches the same rows and looks at none.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.bare_encoding import bare_encoding, insert_query_gradients, note_encoded
from tests.bench.corpus import BenchCorpus
from tests.bench.measure import Measurement, alternate
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.gradient_blocks import write_gradient_blocks
from trackstar_db.encoding.gradient_writer import write_gradients
from trackstar_db.search.request import SearchOptions
from trackstar_db.store import Store

NAME = "rerank_full"
QUERIES, CANDIDATES = 100, 500
REDUCED_SHAPE, FULL_SHAPE = (8, 22), (17, 62)

RERANK = """
    WITH side AS MATERIALIZED (
        SELECT s.direction, s.length, s.number - 1 AS block
        FROM trackstar.nearest_sides_by_block(%(encoding)s, NULL, %(query)s) q,
             unnest(q.directions, q.lengths) WITH ORDINALITY AS s (direction, length, number))
    SELECT g.document_id, sum(-(g.gradient <#> side.direction) * side.length) AS influence
    FROM trackstar.gradient_block g JOIN side USING (block)
    WHERE g.encoding_id = %(encoding)s AND g.document_id = ANY (%(documents)s)
    GROUP BY g.document_id ORDER BY influence DESC LIMIT 100"""
FETCH = """
    SELECT sum(vector_dims(gradient)) FROM trackstar.gradient_block
    WHERE encoding_id = %(encoding)s AND document_id = ANY (%(documents)s)"""
DRAIN = """
    COPY (SELECT gradient FROM trackstar.gradient_block
          WHERE encoding_id = %(encoding)s AND document_id = ANY (%(documents)s)) TO STDOUT (FORMAT BINARY)"""
IN_RUN = "SELECT query_id, document_id FROM tda.proponent WHERE run = 'reduced' ORDER BY query_id, rank"


def rerank_full(store: Store, corpus: BenchCorpus) -> list[Measurement]:
    """100 queries in one run, and one query in SQL."""
    with store.database.connect() as connection:
        reduced = _encoded(connection, "reduced", corpus, REDUCED_SHAPE)
        full = _encoded(connection, "full", corpus, FULL_SHAPE)
    with store.database.session() as session:
        session.execute("VACUUM ANALYZE trackstar.gradient_block")  # a page is then found without asking who sees it
    store.attribute(reduced.name, NAME, "reduced", options=SearchOptions(top_k=CANDIDATES))
    with store.database.connect() as connection:
        pairs = np.array(connection.execute(IN_RUN).fetchall())
    by_query = {int(number): pairs[pairs[:, 0] == number, 1].tolist() for number in np.unique(pairs[:, 0])}
    return [_in_a_run(store, full, np.unique(pairs[:, 1]).tolist()), _in_sql(store, full, by_query)]


def _in_a_run(store: Store, full: Encoding, documents: list[int]) -> Measurement:
    numbers = itertools.count()
    options = SearchOptions(rerank="reduced", candidates=CANDIDATES)

    def ours() -> None:
        store.attribute(full.name, NAME, f"rerank {next(numbers)}", options=options)

    def reference() -> None:
        with store.database.connect() as connection:
            parameters = {"encoding": full.encoding_id, "documents": documents}
            with connection.cursor().copy(DRAIN, parameters) as copy:
                for _ in copy:
                    pass

    measured = alternate(NAME, "COPY of the same rows to nowhere", ours, reference)
    return replace(measured, extra=_extra(measured, QUERIES, len(documents)))


def _in_sql(store: Store, full: Encoding, by_query: dict[int, list[int]]) -> Measurement:
    asked = itertools.cycle(by_query.items())

    def timed_statement(statement: str) -> None:
        number, documents = next(asked)
        parameters = {"encoding": full.encoding_id, "query": number, "documents": documents}
        with store.database.connect() as connection:
            connection.execute(statement, parameters, binary=True, prepare=False).fetchall()

    measured = alternate(
        NAME,
        "fetching the same rows in SQL",
        lambda: timed_statement(RERANK),
        lambda: timed_statement(FETCH),
        rounds=25,
    )
    return replace(measured, extra=_extra(measured, 1, CANDIDATES))


def _extra(measured: Measurement, queries: int, documents: int) -> dict[str, object]:
    milliseconds = 1000 * (measured.ours_seconds or 0) / queries
    return {"queries": queries, "documents_read": documents, "milliseconds_per_query": milliseconds}


def _encoded(connection: Connection[TupleRow], name: str, corpus: BenchCorpus, shape: tuple[int, int]) -> Encoding:
    """An encoding of every document and of 100 queries, all random."""
    random = np.random.default_rng(0)
    encoding = bare_encoding(connection, name, corpus.model, *shape)
    documents = [n for (n,) in connection.execute("SELECT document_id FROM trackstar.document ORDER BY 1")]
    note_encoded(connection, encoding, documents)
    rows = ((number, _unit(random, encoding.dimension)) for number in documents)
    if encoding.is_by_block:
        write_gradient_blocks(connection, encoding, rows)
    else:
        write_gradients(connection, encoding.encoding_id, rows)
    gradients = random.standard_normal((QUERIES, encoding.dimension), np.float32)
    insert_query_gradients(connection, encoding, _queries(connection), gradients)
    return encoding


def _queries(connection: Connection[TupleRow]) -> list[int]:
    """The numbers of the queries, made where they are not there yet."""
    connection.execute(
        "WITH made AS (INSERT INTO trackstar.query_set (name) VALUES (%s) ON CONFLICT DO NOTHING "
        "              RETURNING query_set_id) "
        "INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, content_digest) "
        "SELECT query_set_id, n, 'random', 'query', sha256(n::text::bytea) FROM made, generate_series(1, %s) AS n",
        (NAME, QUERIES),
    )
    rows = connection.execute(
        "SELECT query_id FROM trackstar.query JOIN trackstar.query_set USING (query_set_id) WHERE name = %s ORDER BY 1",
        (NAME,),
    )
    return [number for (number,) in rows]


def _unit(random: np.random.Generator, dimension: int) -> NDArray[np.float16]:
    gradient = random.standard_normal(dimension, np.float32)
    return (gradient / np.linalg.norm(gradient)).astype(np.float16)


BENCHMARKS = (rerank_full,)
