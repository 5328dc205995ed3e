"""A reader sees the corpora that are granted, and nothing of the others: every view and function, by logging in."""

from __future__ import annotations

import re
from contextlib import suppress

import psycopg
import pytest

from tests.integration.two_corpora import Connection, Seen, TwoCorpora, assert_kept, attempt, named

# What differs with the day, or counts all rows: how many rows there are is no secret.
BESIDE = {"refresh": {"rows", "duration_seconds", "newer_runs"}}
TIMES = {"refreshed_at", "granted_at"}

# At least one call of each function of tda; with a reader's eyes each answers as where zebra never was.
CALLS = {
    "compare_runs": ["tda.compare_runs('first', 'second')", "tda.compare_runs('first', 'zebra')"],
    "explain": ["tda.explain('first', 1)", "tda.explain('zebra', 1)"],
    "frequency_bucket": ["tda.frequency_bucket(5::bigint)"],
    "imported_record": ["""tda.imported_record('{"c4_frequency": 5}')"""],
    "is_entailed": ["tda.is_entailed(0.5)", "tda.is_entailed(0.5, 0.4)"],
    "search_documents": [
        "tda.search_documents('entity')",
        "tda.search_documents('zebra')",
        "tda.search_documents('entity -open', 1000)",
        "tda.search_documents('zebra or entity', corpus => 'open')",
        "tda.search_documents('entity', corpus => 'zebra')",
        "tda.search_documents('entity', corpus => 'nowhere')",
    ],
    "trace_document": ["tda.trace_document(1)", "tda.trace_document(7)", "tda.trace_document(18)"],
    "nearest": [
        "tda.nearest(1, 1000, 'whole')",
        "tda.nearest(1, 1, 'whole')",
        "tda.nearest(1, 1000, task => 'own')",
        "tda.nearest(1, 1000, 'by_block')",
        "tda.nearest(1, 1000, 'codes')",
        "tda.nearest(1, 1000, 'whole', corpus => 'open')",
        "tda.nearest(1, 1000, 'whole', corpus => 'zebra')",
        "tda.nearest(1, 1000, 'whole', corpus => 'nowhere')",
        "tda.nearest(1, 1000, 'whole', relation => 'river')",
        "tda.nearest(1, 1000, 'whole', relation => 'nothing')",
        """tda.nearest(1, 1000, 'whole', metadata => '{"kind": "zebra"}')""",
        "tda.nearest(1, 1000, 'whole', metadata => '{}')",
        "tda.nearest(1, 1000, 'whole', index => 'signs')",
        "tda.nearest(1, 1000, 'whole', index => 'signs', candidates => 2000)",
        "tda.nearest(1, 1000, 'nothing')",
        "tda.nearest(99)",
    ],
}


def views(connection: Connection) -> list[str]:
    found = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'tda' ORDER BY 1").fetchall()
    assert found
    return [str(name) for (name,) in found]


def content(connection: Connection, view: str) -> list[str]:
    """The rows of a view, without what differs with the day."""
    cursor = connection.execute(named("SELECT * FROM tda.{}", view))
    names = [column.name for column in cursor.description or ()]
    left_out = TIMES | BESIDE.get(view, set())
    return sorted(
        repr({name: _rounded(value) for name, value in zip(names, row, strict=True) if name not in left_out})
        for row in cursor.fetchall()
    )


def _rounded(value: object) -> object:
    """Sums of doubles depend on the order of their rows."""
    return round(value, 9) if isinstance(value, float) else value


# What is granted -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["tda_reader", "maker", "member"])
def test_every_view_is_as_if_the_other_corpus_had_never_been(corpora: TwoCorpora, role: str) -> None:
    with corpora.login(role) as reader, corpora.login("trackstar", corpora.alone) as owner:
        if role == "member":  # without the rights of roles that it is in, until it takes one
            reader.execute("SET ROLE tda_reader")
        for view in views(reader):
            found, expected = content(reader, view), content(owner, view)
            if view == "encoding":  # the recipe of an encoding that is made from zebra stays with it
                expected = [line.replace(str(ZEBRA_RECIPE), "None") for line in expected]
            assert found == expected, view
            assert found or view in EMPTY, view
            assert_kept(Seen(said=found))


ZEBRA_RECIPE = {"blocks": ["all"], "corpus": "zebra", "settings": {"bits": 1}}
EMPTY: set[str] = set()


def test_whoever_is_granted_every_corpus_sees_what_the_owner_sees(corpora: TwoCorpora) -> None:
    with corpora.login("keeper") as keeper, corpora.login("trackstar") as owner:
        for view in views(owner):
            assert content(keeper, view) == content(owner, view), view


@pytest.mark.parametrize("role", ["tda_reader", "maker"])
def test_every_function_answers_as_if_the_other_corpus_had_never_been(corpora: TwoCorpora, role: str) -> None:
    with corpora.login(role) as reader, corpora.login("trackstar", corpora.alone) as owner:
        names = reader.execute(
            "SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'tda'::regnamespace"
        ).fetchall()
        assert {str(name) for (name,) in names} == set(CALLS), "call each function of tda here"
        for call in [call for calls in CALLS.values() for call in calls]:
            found, expected = (attempt(asked, f"SELECT * FROM {call}") for asked in (reader, owner))  # noqa: S608
            # An index knows nothing of filters, and says so; and that a corpus is kept filters.
            found.said = [line for line in found.said if "filter" not in line]
            if "'signs'" in call:
                found.said = expected.said = []
            assert (found.rows, found.said) == (expected.rows, expected.said), call


def test_a_member_of_a_role_has_its_corpora_once_it_takes_it(corpora: TwoCorpora) -> None:
    asked = "SELECT array_agg(corpus ORDER BY corpus) FROM tda.corpus"
    with corpora.login("member") as member:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            member.execute(asked)
        for role, seen in (("keeper", ["open", "zebra"]), ("tda_reader", ["open"])):
            member.execute(named("SET ROLE {}", role))
            assert member.execute(asked).fetchone() == (seen,)
            documents = member.execute("SELECT count(*) FROM tda.nearest(1, 1000, 'whole')").fetchone()
            assert documents == (6 * len(seen),)


def test_the_owner_as_the_reader_sees_what_the_reader_sees(corpora: TwoCorpora) -> None:
    with corpora.login("trackstar") as owner:
        assert owner.execute("SELECT count(*) FROM tda.nearest(1, 1000, 'whole')").fetchone() == (12,)
        owner.execute("SET ROLE tda_reader")
        assert owner.execute("SELECT count(*) FROM tda.nearest(1, 1000, 'whole')").fetchone() == (6,)
        assert owner.execute("SELECT array_agg(corpus) FROM tda.corpus").fetchone() == (["open"],)


def test_several_processes_see_what_one_sees(corpora: TwoCorpora) -> None:
    with corpora.login("member") as member:
        for setting in ("debug_parallel_query = on", "parallel_setup_cost = 0", "parallel_tuple_cost = 0",
                        "min_parallel_table_scan_size = 0", "min_parallel_index_scan_size = 0"):  # fmt: skip
            member.execute(f"SET {setting}".encode())
        for role, documents, runs in (("tda_reader", 6, 2), ("keeper", 512, 6)):
            member.execute(named("SET ROLE {}", role))
            plan = attempt(member, "EXPLAIN SELECT count(*) FROM tda.document").text
            assert "Gather" in plan
            assert member.execute("SELECT count(*) FROM tda.document").fetchone() == (documents,)
            assert member.execute("SELECT count(*) FROM tda.run").fetchone() == (runs,)


def test_a_login_that_is_no_reader_sees_nothing(corpora: TwoCorpora) -> None:
    with corpora.login("guest") as guest:
        for view in views(guest):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                guest.execute(named("SELECT * FROM tda.{}", view))


def test_a_plan_made_with_one_roles_corpora_is_not_used_with_anothers(corpora: TwoCorpora) -> None:
    with corpora.login("member") as member:
        member.execute("SET ROLE keeper")
        member.execute("SET plan_cache_mode = force_generic_plan")
        member.execute("PREPARE texts AS SELECT text FROM tda.document UNION ALL SELECT run FROM tda.run")
        assert "zebra" in attempt(member, "EXECUTE texts").text
        member.execute("SET ROLE tda_reader")
        found = attempt(member, "EXECUTE texts")
        assert len(found.rows) == 6 + 2
        assert_kept(found)


def test_others_views_and_functions_lend_nobody_their_corpora(corpora: TwoCorpora) -> None:
    with corpora.login("keeper") as keeper:
        keeper.execute("CREATE OR REPLACE VIEW keeper.texts AS SELECT text FROM tda.document")
        keeper.execute(
            "CREATE OR REPLACE FUNCTION keeper.texts() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER "
            "RETURN (SELECT string_agg(text, ' ') FROM tda.document)"
        )
        keeper.execute("GRANT SELECT ON keeper.texts TO tda_reader")
        assert "zebra" in attempt(keeper, "SELECT keeper.texts()").text
    with corpora.login() as reader:
        for statement in ("SELECT * FROM keeper.texts", "SELECT keeper.texts()"):
            found = attempt(reader, statement)
            assert "open says" in found.text
            assert_kept(found)


# Attempts ------------------------------------------------------------------------------------------

ATTEMPTS = [
    # straight at the tables
    "SELECT * FROM trackstar.document",
    "TABLE trackstar.corpus",
    "SELECT * FROM trackstar.gradient_1",
    "SELECT * FROM trackstar.query_overview",
    "SELECT trackstar.closed_corpus_names()",
    "SELECT * FROM trackstar.find_nearest(1, 1000, 'whole', NULL, NULL, NULL, NULL, NULL, NULL)",
    "SELECT table_to_xml(oid::regclass, true, false, '') FROM pg_class WHERE relname = 'document' AND relkind = 'r'",
    "SELECT schema_to_xml('trackstar', true, false, '')",
    "SELECT schema_to_xml('tda', true, false, '')",
    "SELECT query_to_xml('SELECT * FROM tda.document', true, false, '')",
    "SELECT * FROM pg_get_publication_tables('x')",
    "COPY trackstar.document TO STDOUT",
    "COPY tda.document TO STDOUT",
    "SELECT * FROM tda.document FOR KEY SHARE",
    "SELECT pg_read_file('base/1/1')",
    "SELECT lo_export(1, '/tmp/x')",
    # as somebody else
    "SET ROLE keeper",
    "SELECT set_config('role', 'keeper', false)",
    "SET SESSION AUTHORIZATION keeper",
    "SELECT set_config('session_authorization', 'keeper', false)",
    "SET row_security = off; SELECT * FROM tda.document",
    "SELECT set_config('is_superuser', 'on', false)",
    # by errors that show a value, and by what is worked out before a row is refused
    "SELECT * FROM tda.document WHERE text::integer = 1",
    "SELECT * FROM tda.document WHERE external_id::integer = 1",
    "SELECT * FROM tda.document WHERE (metadata ->> 'kind')::integer = 1",
    "SELECT * FROM tda.document WHERE 1 / (token_count - 987654) = 1 AND text::xml IS NOT NULL",
    "SELECT corpus::integer FROM tda.corpus",
    "SELECT * FROM tda.corpus WHERE corpus::integer = 1",
    "SELECT run::integer FROM tda.run",
    "SELECT * FROM tda.run WHERE run::date IS NULL",
    "SELECT * FROM tda.run WHERE (settings ->> 'corpus')::integer = 1",
    "SELECT * FROM tda.proponent WHERE text::integer = 1 OR external_id::integer = 1",
    "SELECT * FROM tda.entailment_label WHERE labeler::integer = 1",
    "SELECT * FROM tda.fact_frequency WHERE corpus::integer = 1",
    "SELECT * FROM tda.fact_frequency WHERE 1 / (frequency - 987654) = 1",
    "SELECT * FROM tda.lds WHERE 1 / (queries - 987654) = 1 OR retraining::integer = 1",
    "SELECT * FROM tda.encoding WHERE (recipe ->> 'corpus')::integer = 1",
    "SELECT * FROM tda.document_reach WHERE text::integer = 1",
    "SELECT * FROM tda.query_overview WHERE run::integer = 1",
    # by joins, subqueries, cursors, prepared statements
    "SELECT * FROM tda.run r, LATERAL tda.explain(r.run, 1) e",
    "SELECT * FROM generate_series(1, 600) n, LATERAL (SELECT * FROM tda.document d WHERE d.document_id = n) d",
    "SELECT * FROM tda.query q, LATERAL tda.nearest(q.query_id, 1000, 'whole') n",
    "SELECT * FROM generate_series(1, 600) n FULL JOIN tda.document d ON d.document_id = n",
    "SELECT string_agg(text, ' ') OVER () FROM tda.document",
    "WITH RECURSIVE d AS (SELECT * FROM tda.document UNION SELECT * FROM tda.document) TABLE d",
    "PREPARE p AS SELECT * FROM tda.document; EXECUTE p",
    "BEGIN; DECLARE c CURSOR FOR SELECT * FROM tda.document; FETCH ALL FROM c; COMMIT",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM tda.document",
    "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM tda.query_overview",
    "EXPLAIN VERBOSE SELECT * FROM tda.fact_frequency",
    # in the catalogs
    "SELECT * FROM pg_stats",
    "SELECT * FROM pg_statistic",
    "SELECT * FROM pg_stats_ext",
    "SELECT * FROM pg_stats_ext_exprs",
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM pg_class",
    "SELECT * FROM pg_policies",
    "SELECT * FROM pg_prepared_statements",
    "SELECT * FROM pg_description",
    "SELECT * FROM pg_largeobject_metadata",
    "SELECT * FROM pg_sequences",
]  # fmt: skip


@pytest.mark.parametrize("statement", ATTEMPTS)
def test_an_attempt_shows_nothing_of_the_other_corpus(corpora: TwoCorpora, statement: str) -> None:
    with corpora.login() as reader:
        for part in statement.split("; "):
            assert_kept(attempt(reader, part))
        with suppress(psycopg.Error):
            reader.execute("ROLLBACK")
        assert_kept(attempt(reader, "SELECT * FROM tda.document"))


def test_what_is_copied_out_is_what_is_granted(corpora: TwoCorpora) -> None:
    with corpora.login() as reader, reader.cursor().copy("COPY (SELECT * FROM tda.document) TO STDOUT") as copy:
        copied = b"".join(copy).decode()
    assert copied.count("open says") == 6
    assert "zebra" not in copied


LEAKS = """
    SET default_transaction_read_only = off;
    CREATE OR REPLACE FUNCTION maker.shows(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS
        $$ BEGIN RAISE NOTICE 'seen: %', value; RETURN true; END $$;
    CREATE OR REPLACE FUNCTION maker.shows_pair(value text, other text) RETURNS boolean LANGUAGE plpgsql
        COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'seen: %', value; RETURN true; END $$;
    CREATE OPERATOR maker.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = maker.shows_pair,
                               RESTRICT = eqsel, JOIN = eqjoinsel);
    CREATE OPERATOR maker.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = maker.shows_pair,
                               RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
    CREATE OR REPLACE FUNCTION maker.inlined(value text) RETURNS boolean LANGUAGE sql
        RETURN maker.shows(value)"""


def test_cheap_functions_and_operators_of_ones_own_meet_only_granted_rows(corpora: TwoCorpora) -> None:
    with corpora.login("maker") as maker:
        for statement in LEAKS.split(";\n"):
            maker.execute(statement.encode())
        columns = maker.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'tda'::regnamespace AND a.attnum > 0 AND c.relkind = 'v'"
        ).fetchall()
        assert len(columns) > 100
        met = ""
        for view in views(maker):
            found = attempt(maker, f"SELECT count(*) FROM tda.{view} v WHERE maker.shows(v::text)")  # noqa: S608
            assert_kept(found)
            met += found.text
        for view, column in columns:
            for condition in ("maker.inlined({})", "{} OPERATOR(maker.===) 'x'", "{} OPERATOR(maker.<<<) 'x'"):
                where = condition.format(f'"{column}"::text')
                assert_kept(attempt(maker, f"SELECT count(*) FROM tda.{view} WHERE {where}"))  # noqa: S608
    assert "open says" in met


def test_functions_in_front_on_the_search_path_change_nothing(corpora: TwoCorpora) -> None:
    with corpora.login("maker") as maker:
        maker.execute("SET default_transaction_read_only = off")
        for function in (
            "current_setting(text) RETURNS text LANGUAGE sql RETURN 'keeper'",
            "pg_has_role(oid, oid, text) RETURNS boolean LANGUAGE sql RETURN true",
            "unnest(bigint[]) RETURNS SETOF bigint LANGUAGE sql AS 'SELECT generate_series(1, 99)::bigint'",
            "cardinality(bigint[]) RETURNS integer LANGUAGE sql RETURN 99",
            "num_nonnulls(bigint[], bigint, text[]) RETURNS integer LANGUAGE sql RETURN 0",
        ):
            maker.execute(f"CREATE OR REPLACE FUNCTION maker.{function}".encode())
        maker.execute("CREATE TABLE IF NOT EXISTS maker.pg_roles (oid oid, rolname name, rolsuper boolean)")
        maker.execute("SET search_path = maker, tda, pg_catalog")
        for statement in ("TABLE document", "TABLE run", "TABLE proponent", "SELECT * FROM nearest(1, 1000, 'whole')"):
            found = attempt(maker, statement)
            assert found.rows, statement
            assert_kept(found)


@pytest.mark.parametrize(
    ("view", "condition"),
    [
        ("document", "text = '{}'"),
        ("document", "text ^@ '{}'"),
        ("document", "text >= '{}'"),
        ("document", "external_id = '{}'"),
        ("document", "external_id ^@ '{}'"),
        ("document", "corpus = '{}'"),
        ("corpus", "corpus = '{}'"),
        ("corpus", "corpus ^@ '{}'"),
        ("run", "run ^@ '{}'"),
        ("run", "run = '{}'"),
        ("proponent", "run = '{}'"),
        ("proponent", "text ^@ '{}'"),
        ("entailment_label", "labeler ^@ '{}'"),
        ("fact_frequency", "corpus ^@ '{}'"),
        ("document_reach", "text ^@ '{}'"),
        ("query_overview", "run = '{}'"),
    ],
)
def test_the_planners_estimates_do_not_tell_what_is_in_the_other_corpus(
    corpora: TwoCorpora, view: str, condition: str
) -> None:
    with corpora.login() as reader:
        for secret, nothing in (
            ("zebra", "zebrb"),
            ("zebra 0", "zebra ;"),
            ("zebra1", "zebraA"),
            ("by zebra", "by zebrb"),
        ):
            explain = f"EXPLAIN SELECT * FROM tda.{view} WHERE {condition}"  # noqa: S608
            there, not_there = (
                re.findall(r"(?:cost|rows|width)=[\d.]+", attempt(reader, explain.format(word)).text)
                for word in (secret, nothing)
            )
            assert there
            assert there == not_there, secret
