"""A database of an earlier revision becomes what a new one is, and keeps its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from psycopg.errors import ForeignKeyViolation

import trackstar_db.migrations
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.schema import initialize
from trackstar_db.database.server import create_extension

# What two schemas of the same tables have in common, and nothing that depends on when they were made.
SHAPE = """
    SELECT table_name, column_name, data_type, is_nullable, column_default
    FROM information_schema.columns WHERE table_schema = 'trackstar'
    UNION ALL
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype::text, NULL
    FROM pg_constraint WHERE connamespace = 'trackstar'::regnamespace
    UNION ALL
    SELECT tablename, indexname, indexdef, NULL, NULL FROM pg_indexes WHERE schemaname = 'trackstar'
    UNION ALL
    SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), NULL, NULL
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT proname, '', prosrc, NULL, NULL FROM pg_proc WHERE pronamespace = 'trackstar'::regnamespace
    ORDER BY 1, 2, 3"""

ROWS = """
    INSERT INTO trackstar.corpus (name) VALUES ('small');
    INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
    SELECT 1, 'd' || n, 'text', sha256(n::text::bytea) FROM generate_series(1, 3) n;
    INSERT INTO trackstar.query_set (name) VALUES ('asked');
    INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, content_digest)
    SELECT 1, 'q' || n, 'prompt', 'target', sha256(n::text::bytea) FROM generate_series(1, 2) n;
    INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
    VALUES ('model', 'Llama', 1, '{}', sha256('model'));
    INSERT INTO trackstar.encoding (name, model_id, blocks, block_rank, dimension, second_moment, recipe, digest)
    VALUES ('old', 1, 1, 2, 4, 'none', '{}', sha256('encoding'));
    INSERT INTO trackstar.encoded_document SELECT 1, n, 'stored', 2, false FROM generate_series(1, 3) n;
    INSERT INTO trackstar.run (name, method, encoding_id, query_set_id, top_k, query_count, document_count,
                               code_version, started_at, finished_at)
    VALUES ('first', 'trackstar_train', 1, 1, 2, 2, 3, '0.1.0', now(), now());
    INSERT INTO trackstar.proponent SELECT 1, q, 'proponent', n, n, 0.5
    FROM generate_series(1, 2) n, generate_series(1, 2) q"""


@pytest.fixture
def first_revision(empty_database_url: str) -> Iterator[Database]:
    """A database that trackstar-db 0.1 made and filled."""
    database = open_database(empty_database_url)
    with database.bound() as (bound, connection):
        create_extension(connection)
        config = Config()
        config.set_main_option("script_location", str(Path(str(trackstar_db.migrations.__file__)).parent))
        config.attributes["connection"] = bound
        command.upgrade(config, "0001")
        connection.execute(ROWS)
    yield database
    database.close()


def shape(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(SHAPE).fetchall()


def test_an_upgraded_database_is_what_a_new_one_is(
    first_revision: Database, make_database_url: Callable[[], str]
) -> None:
    assert initialize(first_revision).revision == "0001"
    new = open_database(make_database_url())
    try:
        assert shape(first_revision) == shape(new)
    finally:
        new.close()


def test_an_upgrade_keeps_the_rows_and_says_what_runs_asked(first_revision: Database) -> None:
    initialize(first_revision)
    with first_revision.connect() as connection:
        assert connection.execute("SELECT count(*), count(norm) FROM trackstar.encoded_document").fetchone() == (3, 0)
        assert connection.execute("SELECT run_id, encoding_id FROM trackstar.run_encoding").fetchall() == [(1, 1)]
        asked = connection.execute("SELECT query_id, position FROM trackstar.run_query ORDER BY 2").fetchall()
        assert asked == [(1, 1), (2, 2)]
        found = connection.execute("SELECT run, query_id, rank, influence, score FROM tda.proponent").fetchall()
        assert sorted(found) == [("first", q, rank, 0.5, 0.5) for q in (1, 2) for rank in (1, 2)]


def test_a_gradient_from_before_still_goes_with_its_outcome_and_a_new_one_needs_one(first_revision: Database) -> None:
    with first_revision.connect() as connection:
        connection.execute("CREATE TABLE trackstar.gradient_1 PARTITION OF trackstar.gradient FOR VALUES IN (1)")
        connection.execute("INSERT INTO trackstar.gradient SELECT 1, n, '[1,0,0,0]' FROM generate_series(1, 2) n")
    initialize(first_revision)
    with first_revision.connect() as connection:
        with pytest.raises(ForeignKeyViolation), connection.transaction():
            connection.execute("INSERT INTO trackstar.gradient_1 VALUES (1, 99, '[1,0,0,0]')")
        connection.execute("DELETE FROM trackstar.encoded_document WHERE document_id = 1")
        assert connection.execute("SELECT document_id FROM trackstar.gradient").fetchall() == [(2,)]
