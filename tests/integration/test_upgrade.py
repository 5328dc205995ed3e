"""A database of an earlier revision becomes what a new one is, and keeps its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from psycopg import sql
from psycopg.errors import ForeignKeyViolation

import trackstar_db.migrations
from trackstar_db.database.engine import Database, find_vector, open_database
from trackstar_db.database.schema import initialize
from trackstar_db.database.server import create_extension

OBJECTS = Path(__file__).with_name("first_release.sql")

# All that the catalog says of our two schemas, and nothing that depends on when they were made: a fact a line.
OURS = "IN ('trackstar'::regnamespace, 'tda'::regnamespace)"
CATALOG = {
    "schemas": """
        SELECT nspname, pg_get_userbyid(nspowner), grants.line, obj_description(n.oid, 'pg_namespace')
        FROM pg_namespace n LEFT JOIN LATERAL unnest(nspacl::text[]) grants (line) ON true
        WHERE n.oid {ours}""",
    "relations": """
        SELECT c.oid::regclass::text, relkind, relpersistence, relrowsecurity, relforcerowsecurity, reloptions,
               relispartition, pg_get_userbyid(relowner), obj_description(c.oid, 'pg_class'),
               pg_get_expr(relpartbound, c.oid), pg_get_partkeydef(c.oid)
        FROM pg_class c WHERE relnamespace {ours}""",
    "rights": """
        SELECT c.oid::regclass::text, grants.line
        FROM pg_class c
        CROSS JOIN LATERAL unnest(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char",
                                                              relowner))::text[]) grants (line)
        WHERE relnamespace {ours}""",
    "columns": """
        SELECT c.oid::regclass::text, attname, attnum, format_type(atttypid, atttypmod), attnotnull, attstorage,
               attcompression, attstattarget, attidentity, attgenerated, attcollation::regcollation::text, attoptions,
               attacl::text, pg_get_expr(adbin, adrelid), col_description(c.oid, attnum)
        FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
        LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
        WHERE relnamespace {ours} AND attnum > 0 AND NOT attisdropped""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype, pg_get_constraintdef(oid), convalidated, condeferrable
        FROM pg_constraint WHERE connamespace {ours}""",
    "indexes": """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid, indisclustered, indisreplident
        FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace {ours}""",
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(t.oid), tgenabled
        FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace {ours} AND NOT tgisinternal""",
    "policies": """
        SELECT polrelid::regclass::text, polname, polcmd, polpermissive, polroles::regrole[]::text,
               pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
        FROM pg_policy JOIN pg_class c ON c.oid = polrelid WHERE relnamespace {ours}""",
    "functions": """
        SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), pg_get_userbyid(proowner), proacl::text,
               obj_description(p.oid, 'pg_proc')
        FROM pg_proc p WHERE pronamespace {ours}
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')""",
    "views": """
        SELECT c.oid::regclass::text, pg_get_viewdef(c.oid)
        FROM pg_class c WHERE relnamespace {ours} AND relkind IN ('v', 'm')""",
    "statistics": "SELECT stxrelid::regclass::text, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext "
    "WHERE stxnamespace {ours}",
    "sequences": "SELECT seqrelid::regclass::text, seqtypid::regtype::text, seqstart, seqincrement, seqmax, seqmin, "
    "seqcache, seqcycle FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid WHERE relnamespace {ours}",
    "types": "SELECT oid::regtype::text, typtype, typcategory FROM pg_type WHERE typnamespace {ours}",
    "rights to come": "SELECT defaclnamespace::regnamespace::text, defaclobjtype, defaclacl::text FROM pg_default_acl",
}

# A row in every table of the first revision, and a partition of gradients.
ROWS = """
    INSERT INTO trackstar.corpus (name) VALUES ('small');
    INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
    SELECT 1, 'd' || n, 'text', sha256(n::text::bytea) FROM generate_series(1, 3) n;
    INSERT INTO trackstar.relation (uri, label) VALUES ('P36', 'capital');
    INSERT INTO trackstar.entity (uri, label, aliases) VALUES ('Q1', 'France', '{la France}'), ('Q2', 'Paris', '{}');
    INSERT INTO trackstar.fact (fact_id, subject_entity_id, relation_id, object_entity_id, prompts, content_digest)
    VALUES ('f1', 1, 1, 2, '{"The capital of France is"}', sha256('f1'));
    INSERT INTO trackstar.annotation VALUES ('f1', 'd1'), ('f1', 'not loaded');
    INSERT INTO trackstar.fact_frequency VALUES ('f1', 'c4', 113);
    INSERT INTO trackstar.query_set (name) VALUES ('asked');
    INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, fact_id, content_digest)
    SELECT 1, 'q' || n, 'prompt', 'target', CASE n WHEN 1 THEN 'f1' END, sha256(n::text::bytea)
    FROM generate_series(1, 2) n;
    INSERT INTO trackstar.entailment_label (document_id, fact_id, query_id, score, labeler)
    VALUES (1, 'f1', NULL, 0.75, 'nli'), (2, NULL, 2, 0.25, 'nli');
    INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
    VALUES ('model', 'Llama', 1, '{}', sha256('model'));
    INSERT INTO trackstar.encoding (name, model_id, blocks, block_rank, dimension, second_moment, recipe, digest)
    VALUES ('old', 1, 1, 2, 4, 'none', '{}', sha256('encoding'));
    INSERT INTO trackstar.encoding_tensor VALUES (1, 'R', 'float32', '{1}', '\\x00000000');
    INSERT INTO trackstar.encoded_document SELECT 1, n, 'stored', 2, false FROM generate_series(1, 3) n;
    CREATE TABLE trackstar.gradient_1 PARTITION OF trackstar.gradient FOR VALUES IN (1);
    INSERT INTO trackstar.gradient SELECT 1, n, '[1,0,0,0]' FROM generate_series(1, 2) n;
    INSERT INTO trackstar.query_gradient VALUES (1, 1, '[1,0,0,0]');
    INSERT INTO trackstar.run (name, method, encoding_id, query_set_id, top_k, query_count, document_count,
                               code_version, started_at, finished_at)
    VALUES ('first', 'trackstar_train', 1, 1, 2, 2, 3, '0.1.0', now(), now());
    INSERT INTO trackstar.proponent SELECT 1, q, 'proponent', n, n, 0.5
    FROM generate_series(1, 2) n, generate_series(1, 2) q;
    INSERT INTO trackstar.load (kind, destination, source) VALUES ('documents', 'small', 'a.jsonl');
    INSERT INTO trackstar.load_part VALUES (1, 0, sha256('part'), 3, 3, 0, 0, 0);"""


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
        find_vector(connection)
        connection.execute(OBJECTS.read_bytes())
        connection.execute("COMMENT ON SCHEMA trackstar IS 'of the first release'")
        connection.execute(ROWS)
    yield database
    database.close()


def catalog(database: Database) -> dict[str, list[str]]:
    """What the catalog says, by subject, in an order of its own."""
    with database.connect() as connection:
        connection.execute("SET LOCAL search_path = pg_catalog")
        found = {name: connection.execute(text.format(ours=OURS).encode()).fetchall() for name, text in CATALOG.items()}
    return {name: sorted(map(repr, lines)) for name, lines in found.items()}


def rows(database: Database) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by the table's name."""
    with database.connect() as connection:
        tables = connection.execute(
            "SELECT relname::text FROM pg_class "
            "WHERE relnamespace = 'trackstar'::regnamespace AND relkind IN ('r', 'p')"
        ).fetchall()
        found = {
            name: connection.execute(
                sql.SQL("SELECT to_jsonb(t) FROM trackstar.{} t").format(sql.Identifier(name))
            ).fetchall()
            for (name,) in tables
        }
    return {name: [row[0] for row in lines] for name, lines in found.items()}


def test_an_upgraded_database_is_what_a_new_one_is(
    first_revision: Database, make_database_url: Callable[[], str]
) -> None:
    assert initialize(first_revision).revision == "0001"
    new = open_database(make_database_url())
    try:
        with new.connect() as connection:  # one is made with each encoding
            connection.execute("CREATE TABLE trackstar.gradient_1 PARTITION OF trackstar.gradient FOR VALUES IN (1)")
        found, expected = catalog(first_revision), catalog(new)
        for subject, lines in expected.items():
            assert found[subject] == lines, subject
            assert lines or subject == "statistics", subject
    finally:
        new.close()


def test_an_upgrade_keeps_every_row_of_every_table(first_revision: Database) -> None:
    before = rows(first_revision)
    before.pop("alembic_version")
    assert [name for name, lines in before.items() if not lines] == []
    initialize(first_revision)
    after = rows(first_revision)
    for name, lines in before.items():
        kept = [{column: row[column] for column in lines[0]} for row in after[name]]  # others may have been added
        assert sorted(map(repr, kept)) == sorted(map(repr, lines)), name


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
    initialize(first_revision)
    with first_revision.connect() as connection:
        with pytest.raises(ForeignKeyViolation), connection.transaction():
            connection.execute("INSERT INTO trackstar.gradient_1 VALUES (1, 99, '[1,0,0,0]')")
        connection.execute("DELETE FROM trackstar.encoded_document WHERE document_id = 1")
        assert connection.execute("SELECT document_id FROM trackstar.gradient").fetchall() == [(2,)]


def test_an_upgrade_forgets_what_the_planner_knew_of_texts(first_revision: Database) -> None:
    known = (
        "SELECT attname FROM pg_stats WHERE schemaname = 'trackstar' AND tablename = 'document' "
        "AND attname IN ('text', 'corpus_id')"
    )
    with first_revision.session() as session:
        session.execute("ANALYZE trackstar.document")
        assert len(session.execute(known).fetchall()) == 2
    initialize(first_revision)
    with first_revision.session() as session:
        assert session.execute(known).fetchall() == [("corpus_id",)]
        session.execute("ANALYZE trackstar.document")
        assert session.execute(known).fetchall() == [("corpus_id",)]
