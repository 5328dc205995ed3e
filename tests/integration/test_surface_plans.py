"""A view asked for one query of one run, or for a page of a list, finds its rows by indexes, for readers too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from trackstar_db.database.engine import open_database
from trackstar_db.store import Store

QUERIES, DOCUMENTS = 2000, 12_000
ROWS = f"""
    SET session_replication_role = replica;
    INSERT INTO trackstar.corpus (name) VALUES ('c');
    INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
    SELECT 1, 's' || n, 'text ' || n, sha256('') FROM generate_series(1, {DOCUMENTS}) n;
    INSERT INTO trackstar.relation (uri, label) SELECT 'P' || n, 'relation ' || n FROM generate_series(1, 9) n;
    INSERT INTO trackstar.entity (uri, label) SELECT 'Q' || n, 'entity ' || n FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.fact (fact_id, subject_entity_id, relation_id, object_entity_id, content_digest)
    SELECT 'f' || n, n, 1 + n % 9, n, sha256('') FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.query_set (name) VALUES ('facts');
    INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, fact_id, content_digest)
    SELECT 1, 'q' || n, 'prompt ' || n, 'target', 'f' || n, sha256('') FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version, started_at,
                               finished_at)
    SELECT name, 'bm25', 1, 10, {QUERIES}, {DOCUMENTS}, '0', now(), now() FROM (VALUES ('one'), ('two')) names (name);
    INSERT INTO trackstar.run_corpus SELECT run_id, 1 FROM trackstar.run;
    INSERT INTO trackstar.run_query (run_id, query_id, position)
    SELECT run_id, n, n FROM trackstar.run, generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.proponent
    SELECT run_id, q, 'proponent', k, 1 + (q * 7 + k * 101 + run_id * (k % 3)) % {DOCUMENTS}, 1.0 / k
    FROM trackstar.run, generate_series(1, {QUERIES}) q, generate_series(1, 10) k;
    INSERT INTO trackstar.annotation SELECT 'f' || n, 's' || n FROM generate_series(1, {QUERIES}) n;
    INSERT INTO trackstar.entailment_label (document_id, fact_id, score, labeler)
    SELECT n, 'f' || n, 0.9, 'nli' FROM generate_series(1, {QUERIES}) n;
    ANALYZE;
    RESET session_replication_role"""  # noqa: S608
LARGE = {
    "annotation", "document", "document_reach", "entailment_label", "entity", "fact", "proponent", "query",
    "query_overview", "run_query",
}  # fmt: skip
NUMBER = "(SELECT run_id FROM tda.run WHERE run = 'one')"
ASKED = [
    "SELECT * FROM tda.proponent WHERE run = 'one' AND query_id = 7 AND direction = 'proponent' ORDER BY rank",
    "SELECT * FROM tda.proponent WHERE document_id = 7",
    "SELECT * FROM tda.proponent_explanation WHERE run = 'one' AND query_id = 7",
    "SELECT * FROM tda.query_metric WHERE run = 'one' AND query_id = 7",
    "SELECT * FROM tda.query_agreement WHERE run = 'one' AND other_run = 'two' AND query_id = 7",
    "SELECT * FROM tda.run_query WHERE run = 'one' AND query_id = 7",
    "SELECT * FROM tda.tail_patch WHERE run = 'one' AND query_id = 7",
    "SELECT * FROM tda.query WHERE query_id = 7",
    "SELECT * FROM tda.fact WHERE fact_id = 'f7'",
    "SELECT * FROM tda.annotation WHERE fact_id = 'f7'",
    "SELECT * FROM tda.annotation WHERE document_id = 7",
    "SELECT * FROM tda.entailment_label WHERE fact_id = 'f7'",
    "SELECT * FROM tda.entailment_label WHERE document_id = 7",
    "SELECT * FROM tda.document WHERE corpus = 'c' AND external_id = 's7'",
    "SELECT * FROM tda.query_overview WHERE run = 'one' AND query_id = 7",
    f"SELECT * FROM tda.query_overview WHERE run_id = {NUMBER} AND position > 50 ORDER BY position LIMIT 20",  # noqa: S608
    f"SELECT * FROM tda.query_overview WHERE run_id = {NUMBER} ORDER BY best_ais_score DESC NULLS LAST LIMIT 20",  # noqa: S608
    f"SELECT * FROM tda.query_overview WHERE run_id = {NUMBER} ORDER BY reciprocal_rank DESC NULLS LAST LIMIT 20",  # noqa: S608
    f"SELECT * FROM tda.document_reach WHERE run_id = {NUMBER} AND direction = 'proponent' "  # noqa: S608
    "ORDER BY facts DESC, mean_score DESC LIMIT 10",
    "SELECT * FROM tda.document_reach WHERE document_id = 7",
]


@pytest.fixture
def reader(database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(ROWS)
    database = open_database(database_url)
    Store(database).refresh()
    database.close()
    with psycopg.connect(database_url.replace("trackstar@", "tda_reader@"), autocommit=True) as connection:
        yield connection


def scanned(node: dict[str, Any]) -> Iterator[str]:
    """Tables that a plan reads from end to end."""
    if node["Node Type"] == "Seq Scan":
        yield node["Relation Name"]
    for part in node.get("Plans", ()):
        yield from scanned(part)


def test_one_query_or_one_page_is_found_by_indexes_and_functions_read_a_few_pages_for_each_row(
    reader: psycopg.Connection[tuple[Any, ...]],
) -> None:
    through = {}
    for statement in ASKED:
        ((plan,),) = reader.execute(f"EXPLAIN (FORMAT JSON) {statement}")  # type: ignore[arg-type]
        if found := LARGE & set(scanned(plan[0]["Plan"])):
            through[statement] = found
    assert through == {}
    answered = [statement for statement in ASKED if reader.execute(statement).fetchall()]  # type: ignore[arg-type]
    assert len(answered) == len(ASKED) - 1  # none was tail-patched
    for call in ("explain('one', 7)", "trace_document(1000)"):
        statement = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM tda.{call}"  # noqa: S608
        for _ in range(2):  # the first time the catalog is read too
            ((plan,),) = reader.execute(statement)  # type: ignore[arg-type]
        top = plan[0]["Plan"]
        assert 0 < top["Actual Rows"] < 20
        assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 150 * top["Actual Rows"], call
