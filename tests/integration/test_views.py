"""The public schema tda: what an analyst reads, and only that."""

from __future__ import annotations

import psycopg
import pytest

from tests.integration.conftest import SmallCorpus, WriteRecords
from trackstar_db.database.engine import Database
from trackstar_db.loaders import LabelDefaults
from trackstar_db.search.request import SearchOptions

PROPONENT_COLUMNS = [
    "run",
    "method",
    "query_set",
    "query_id",
    "prompt",
    "target",
    "fact_id",
    "relation",
    "frequency_bucket",
    "direction",
    "rank",
    "influence",
    "document_id",
    "external_id",
    "text",
    "is_annotated",
    "ais_score",
    "is_entailed",
    "corpus",
    "score",
    "tail_patch_delta",
]


def test_every_view_and_column_and_function_has_a_comment(database: Database) -> None:
    with database.connect() as connection:
        bare = connection.execute(
            """SELECT c.relname || coalesce('.' || a.attname, '')
               FROM pg_class c
               JOIN (SELECT attrelid, attnum, attname FROM pg_attribute WHERE attnum > 0
                     UNION ALL SELECT oid, 0, NULL FROM pg_class) a ON a.attrelid = c.oid
               WHERE c.relnamespace = 'tda'::regnamespace AND col_description(c.oid, a.attnum) IS NULL
                 AND (a.attnum > 0 OR obj_description(c.oid, 'pg_class') IS NULL)
               UNION ALL
               SELECT proname FROM pg_proc p
               WHERE pronamespace IN ('tda'::regnamespace, 'trackstar'::regnamespace)
                 AND prorettype <> 'trigger'::regtype AND obj_description(oid, 'pg_proc') IS NULL
                 AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"""
        ).fetchall()
    assert bare == []


def test_no_view_shows_a_vector_or_a_type_of_ours(database: Database) -> None:
    usual = {
        "bigint",
        "integer",
        "text",
        "text[]",
        "boolean",
        "jsonb",
        "double precision",
        "timestamp with time zone",
    }
    with database.connect() as connection:
        types = connection.execute(
            """SELECT DISTINCT format_type(atttypid, NULL) FROM pg_attribute
               JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'tda'::regnamespace AND attnum > 0"""
        ).fetchall()
    assert {name for (name,) in types} <= usual


def test_the_proponent_view_has_the_promised_columns(database: Database) -> None:
    with database.connect() as connection:
        description = connection.execute("SELECT * FROM tda.proponent").description
    assert [column.name for column in description or ()] == PROPONENT_COLUMNS


@pytest.mark.parametrize(
    ("frequency", "bucket"),
    [(0, 0), (1, 1), (10, 1), (31, 1), (32, 2), (100, 2), (113, 2), (316, 2), (317, 3), (1000, 3), (10_000, 4),
     (31_622, 4), (31_623, 5), (212_481, 5)],
)  # fmt: skip
def test_a_frequency_bucket_is_the_nearest_power_of_ten(database: Database, frequency: int, bucket: int) -> None:
    with database.connect() as connection:
        assert connection.execute("SELECT tda.frequency_bucket(%s::bigint)", (frequency,)).fetchone() == (bucket,)


def test_a_proponent_is_joined_with_all_that_is_known_about_it(
    small_corpus: SmallCorpus, write_records: WriteRecords
) -> None:
    store = small_corpus.store
    small_corpus.encode()
    store.attribute("small", "facts", "first", options=SearchOptions(top_k=60))
    labels = [
        {"document_id": "s1", "fact_id": "f1", "score": 0.9, "labeler": "a"},
        {"document_id": "s1", "fact_id": "f1", "score": 0.5, "labeler": "b"},
        {"document_id": "s2", "fact_id": "f1", "score": 0.5, "labeler": "a"},
    ]
    assert store.load_labels([write_records("labels.jsonl", labels)], LabelDefaults(corpus="small")).inserted == 3
    with store.database.connect() as connection:
        connection.execute("INSERT INTO trackstar.fact_frequency VALUES ('f1', 'c4', 113)")
        found = {
            row[0]: row[1:]
            for row in connection.execute(
                """SELECT external_id, relation, frequency_bucket, is_annotated, ais_score, is_entailed
                   FROM tda.proponent WHERE run = 'first' AND fact_id = 'f1' AND direction = 'proponent'"""
            )
        }
    assert len(found) == 60
    assert found["s1"] == ("capital", 2, True, pytest.approx(0.7), True)  # named by the fact
    assert found["s13"] == ("capital", 2, True, None, None)  # names the fact
    assert found["s2"] == ("capital", 2, False, 0.5, False)
    assert found["s3"] == ("capital", 2, False, None, None)


def test_an_annotation_holds_as_soon_as_its_sentence_arrives(
    small_corpus: SmallCorpus, write_records: WriteRecords
) -> None:
    fact = {
        "fact_id": "late", "entity0": "a", "relation": "r", "entity1": "b", "entity0_uri": "Qa", "predicate_uri": "Pr",
        "entity1_uri": "Qb", "entity0_alias": [], "entity1_alias": [], "trex_sentences": ["missing"],
        "is_repetition": False, "prompt0": "a r", "prompt1": "", "prompt2": "",
    }  # fmt: skip
    store = small_corpus.store
    store.load_facts([write_records("late.jsonl", [fact])])
    asked = "SELECT external_id FROM tda.annotation WHERE fact_id = 'late'"
    with store.database.connect() as connection:
        assert connection.execute(asked).fetchall() == []
    sentence = {"sentence_id": "missing", "text": "a is the r of b", "fact_triples": []}
    store.load_sentences([write_records("s.jsonl", [sentence])], corpus="small")
    with store.database.connect() as connection:
        assert connection.execute(asked).fetchall() == [("missing",)]
        counted = connection.execute("SELECT annotated_documents FROM tda.fact WHERE fact_id = 'late'").fetchone()
    assert counted == (1,)


def test_a_query_that_is_no_fact_has_no_annotation(small_corpus: SmallCorpus, write_records: WriteRecords) -> None:
    store = small_corpus.store
    queries = [{"id": "q1", "prompt": "one and one is", "target": "Rome", "kind": "sum"}]
    store.load_queries([write_records("q.jsonl", queries)], query_set="sums")
    small_corpus.encode()
    store.encode_queries("small", "sums")
    store.attribute("small", "sums", "sums", options=SearchOptions(top_k=3))
    with store.database.connect() as connection:
        seen = connection.execute(
            "SELECT DISTINCT fact_id, relation, frequency_bucket, is_annotated, ais_score FROM tda.proponent"
        ).fetchall()
    assert seen == [(None, None, None, None, None)]


def test_a_reader_reads_every_view_and_function_and_no_table(small_corpus: SmallCorpus) -> None:
    small_corpus.encode()
    small_corpus.store.attribute("small", "facts", "first", options=SearchOptions(top_k=3))
    with small_corpus.store.database.connect() as connection:
        connection.execute("SET LOCAL ROLE tda_reader")
        views = connection.execute("SELECT relname FROM pg_class WHERE relnamespace = 'tda'::regnamespace").fetchall()
        for (view,) in views:
            assert connection.execute(f"SELECT count(*) FROM tda.{view}").fetchone() is not None  # type: ignore[arg-type]  # noqa: S608
        assert len(connection.execute("SELECT * FROM tda.nearest(1, 4)").fetchall()) == 4
    for statement in (
        "SELECT * FROM trackstar.document",
        "SELECT * FROM trackstar.nearest(1, 1, 1)",
        "DELETE FROM tda.document",
        "CREATE TABLE tda.mine ()",
    ):
        with small_corpus.store.database.session() as session:
            session.execute("SET ROLE tda_reader")
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)):
                session.execute(statement)
