"""A reader who guesses at what hidden rows hold does not find out from EXPLAIN ANALYZE whether a guess is right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import zip_longest

import psycopg
import pytest

from tests.integration.two_corpora import Connection, TwoCorpora, attempt, named

# However the planner is made to go about it.
WAYS = {
    "as it is": [],
    "without sequential scans": ["enable_seqscan = off"],
    "without index scans": ["enable_indexscan = off", "enable_indexonlyscan = off", "enable_bitmapscan = off"],
    "by bitmaps": ["enable_seqscan = off", "enable_indexscan = off", "enable_indexonlyscan = off"],
    "by hashes": ["enable_nestloop = off", "enable_mergejoin = off"],
    "by merges": ["enable_nestloop = off", "enable_hashjoin = off"],
    "in the order written": ["join_collapse_limit = 1", "enable_seqscan = off", "enable_hashjoin = off"],
    "free operators": ["cpu_operator_cost = 0"],
    "dear operators": ["cpu_operator_cost = 1e+300"],
    "in parallel": [
        "parallel_setup_cost = 0",
        "parallel_tuple_cost = 0",
        "min_parallel_table_scan_size = 0",
        "min_parallel_index_scan_size = 0",
        "parallel_leader_participation = off",
        "max_parallel_workers_per_gather = 1",  # more share the rows otherwise each time
    ],
    "planned once": ["plan_cache_mode = force_generic_plan"],
}

# Which documents, queries, facts and runs there are, and how many rows hang on each, is no secret.
NUMBERS = {"document_id", "query_id", "fact_id", "run_id", "position", "rank", "best_rank"}
COUNTS = {"refresh.rows", "refresh.newer_runs", "refresh.duration_seconds"}
TYPES = ("text", "integer", "bigint", "double precision", "numeric")


@dataclass(frozen=True)
class Guess:
    """A column of a view with a value that only hidden rows have, and one that no row has."""

    view: str
    column: str
    type: str
    right: str
    wrong: str


def guesses(corpora: TwoCorpora) -> list[Guess]:
    """For every column of every view that has other values in rows that tda_reader does not see."""
    found = []
    with corpora.login() as reader, corpora.login("trackstar") as owner:
        columns = owner.execute(
            "SELECT c.relname, a.attname, format_type(a.atttypid, NULL) FROM pg_class c "
            "JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'tda'::regnamespace "
            "AND c.relkind = 'v' AND a.attnum > 0 AND format_type(a.atttypid, NULL) = ANY (%s) ORDER BY 1, 2",
            [list(TYPES)],
        ).fetchall()
        for view, column, kind in [tuple(map(str, row)) for row in columns]:
            if column in NUMBERS or f"{view}.{column}" in COUNTS:
                continue
            asked = named("SELECT DISTINCT {0}::text FROM tda.{1} WHERE {0} IS NOT NULL", column, view)
            all_values, seen = ({str(row[0]) for row in who.execute(asked)} for who in (owner, reader))
            if kind == "double precision":  # sums of doubles depend on the order of their rows
                seen |= {value for value in all_values if any(abs(float(value) - float(one)) < 1e-9 for one in seen)}
            if hidden := sorted(all_values - seen):
                wrong = hidden[-1] + "~" if kind == "text" else str(float(hidden[-1]) + 1000003)
                if kind in ("integer", "bigint"):
                    wrong = str(int(hidden[-1]) + 1000003)
                found.append(Guess(view, column, kind, hidden[-1], wrong))
    return found


def plan(reader: Connection, statement: str, value: str, way: str, kind: str = "text") -> str:
    """What EXPLAIN ANALYZE says, once all that it reads is in memory, but for the value that was guessed."""
    if way == "planned once":
        attempt(reader, "DEALLOCATE guess")
        reader.execute(f"PREPARE guess({kind}) AS {statement.replace('{}', '$1')}".encode())
        statement = "EXECUTE guess({})"
    buffers = "OFF" if way == "in parallel" else "ON"  # a process that has just begun reads the catalog first
    explain = f"EXPLAIN (ANALYZE, BUFFERS {buffers}, TIMING OFF, SUMMARY OFF, COSTS OFF) {statement}"
    found = [said(reader, explain, value, kind)]
    while len(found) < 2 or found[-1] != found[-2]:
        assert "actual rows=" in found[-1], found[-1]
        assert len(found) < 30, difference(*found[-2:])
        found.append(said(reader, explain, value, kind))
    return found[-1]


def told_apart(reader: Connection, statement: str, values: tuple[str, str], way: str, kind: str = "text") -> list[str]:
    """The first lines in which the plans of two guesses differ, three times out of three; none where they do not.

    Once may be the server's own work: statistics that are gathered meanwhile have plans made again, which reads more.
    """
    found: list[str] = []
    for _ in range(3):
        found = difference(*(plan(reader, statement, value, way, kind) for value in values))
        if not found:
            break
    return found


def said(reader: Connection, explain: str, value: str, kind: str) -> str:
    """What EXPLAIN says with a value in place of {}, without its conditions."""
    quoted = value.replace("'", "''")
    found = attempt(reader, explain.replace("{}", f"'{quoted}'::{kind}"))
    return re.sub(r"(?m)^(\W*(?:[A-Z]\S* )?(?:Filter|Cond|Key)): .*$", r"\1", found.text)


def difference(right: str, wrong: str) -> list[str]:
    """The first lines in which two plans differ; none where they are the same."""
    pairs = zip_longest(right.splitlines(), wrong.splitlines())
    return next(([str(one), str(other)] for one, other in pairs if one != other), [])


def go(reader: Connection, way: str) -> None:
    """Sets the planner on its way."""
    reader.prepare_threshold = None
    for setting in WAYS[way]:
        reader.execute(f"SET {setting}".encode())
    for _ in range(10):  # the plans of the policies' own functions are kept after a few calls
        for view in ("document", "run", "lds", "fact_frequency"):
            reader.execute(named("SELECT count(*) FROM tda.{}", view))


CONDITIONS = ["{column} = {}", "{column} = ANY (ARRAY[{}])", "{column} >= {} AND {column} <= {}", "{column} ^@ {}"]


@pytest.mark.parametrize("way", WAYS)
def test_no_plan_tells_whether_a_hidden_row_has_a_value(corpora: TwoCorpora, way: str) -> None:
    tried = guesses(corpora)
    assert len({guess.view for guess in tried}) > 20
    told = []
    with corpora.login() as reader:
        go(reader, way)
        for guess in tried:
            conditions = CONDITIONS if guess.type == "text" else CONDITIONS[:-1]
            for condition in conditions if way == "as it is" else conditions[:1]:
                asked = condition.replace("{column}", f'"{guess.column}"')
                statement = f"SELECT * FROM tda.{guess.view} WHERE {asked}"  # noqa: S608
                if found := told_apart(reader, statement, (guess.right, guess.wrong), way, guess.type):
                    told.append((guess, condition, *found))
    assert told == []


def test_no_estimate_tells_whether_a_hidden_row_has_a_value(corpora: TwoCorpora) -> None:
    told = []
    with corpora.login() as reader:
        for guess in guesses(corpora):
            for condition in CONDITIONS[:3]:
                asked = condition.replace("{column}", f'"{guess.column}"')
                statement = f"EXPLAIN SELECT * FROM tda.{guess.view} WHERE {asked}"  # noqa: S608
                right, wrong = (said(reader, statement, value, guess.type) for value in (guess.right, guess.wrong))
                assert "cost=" in right
                if found := difference(right, wrong):
                    told.append((guess, condition, *found))
    assert told == []


# Where a value goes further than into one condition: {} is it. Of external ids the planner knows the ends, in order:
# guesses are between them.
ASKED = [
    ("SELECT * FROM tda.document WHERE text LIKE {} || '%'", "zebra says", "zebrb says"),
    ("SELECT * FROM tda.document WHERE text ^@ {}", "zebra sa", "zebra sb"),
    ("SELECT * FROM tda.document WHERE text < {} AND text > 'open zzz'", "zebra 5", "yebra 5"),
    ("SELECT * FROM tda.document WHERE external_id IN ({}, 'nothing', 'open1')", "zebra1", "zebra~"),
    ("SELECT * FROM tda.document WHERE external_id = {} OR external_id = 'open2'", "zebra1", "zebra~"),
    ("SELECT * FROM tda.document WHERE corpus = 'open' AND external_id = {}", "zebra1", "zebra~"),
    ("SELECT * FROM tda.document WHERE document_id = 7 AND external_id = {}", "zebra1", "zebra~"),
    ("SELECT * FROM tda.document d JOIN (VALUES ({}), ('a'), ('b')) v (x) ON d.external_id = v.x", "zebra1", "zebra~"),
    ("SELECT * FROM tda.document d JOIN (VALUES ({}), ('a'), ('b')) v (x) ON d.text = v.x", "zebra 0", "zebra ~"),
    ("SELECT * FROM (VALUES ({}), ('a')) v (x), LATERAL (SELECT * FROM tda.document d WHERE d.external_id = v.x) d",
     "zebra1", "zebra~"),
    ("SELECT * FROM (VALUES (ARRAY[{}])) v (x) JOIN tda.document d ON d.external_id = ANY (v.x)", "zebra1", "zebra~"),
    ("SELECT max(external_id), min(text) FROM tda.document WHERE external_id <= {}", "zebra1", "zebrb1"),
    ("SELECT * FROM tda.document WHERE external_id > {} AND external_id < {} || '~' ORDER BY external_id LIMIT 1",
     "zebra1", "zebqa1"),
    ("SELECT a.* FROM tda.document d JOIN tda.annotation a USING (document_id) WHERE d.external_id = {}",
     "zebra1", "zebra~"),
    ("SELECT * FROM tda.annotation a JOIN (VALUES ({}), ('a')) v (x) ON a.external_id = v.x", "zebra1", "zebra~"),
    ("SELECT * FROM tda.annotation a JOIN tda.document d USING (external_id) WHERE d.external_id = {}",
     "zebra1", "zebra~"),
    ("SELECT * FROM tda.annotation WHERE fact_id = 'f1' AND external_id = {}", "zebra1", "zebra~"),
    ("SELECT * FROM tda.proponent WHERE query_id = 1 AND external_id = {}", "zebra1", "zebra~"),
    ("SELECT * FROM tda.proponent WHERE is_annotated AND external_id = {}", "zebra1", "zebra~"),
    ("SELECT * FROM tda.entailment_label WHERE document_id = 8 AND labeler = {}", "by zebra", "by zebrb"),
    ("SELECT * FROM tda.fact_frequency WHERE fact_id = 'f1' AND corpus = {}", "zebra", "zebrb"),
    ("SELECT * FROM tda.query_overview WHERE run_id = 3 AND best_ais_score > {}::float8", "0.99", "1.99"),
    ("SELECT * FROM tda.query_overview WHERE run_id = 3 AND fact_frequency = {}::bigint", "987654", "987653"),
    ("SELECT * FROM tda.query_overview WHERE run_id = 3 AND frequency_bucket = {}::integer", "5", "9"),
    ("SELECT * FROM tda.metric_heat_map WHERE run = 'first' AND frequency_bucket = {}::integer", "5", "9"),
    ("SELECT * FROM tda.document_reach WHERE run_id = 3 AND direction = 'proponent' AND facts = {}::bigint", "4", "9"),
    ("SELECT * FROM tda.run r JOIN (VALUES ({}), ('a')) v (x) ON r.run = v.x", "zebra", "zebrb"),
    ("SELECT * FROM tda.query_metric WHERE run = {}", "zebra", "zebrb"),
    ("SELECT * FROM tda.corpus_grant WHERE role = {}", "keeper", "keepes"),
    ("SELECT * FROM tda.lds WHERE run = 'first' AND queries = {}::bigint", "987654", "987653"),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_no_plan_tells_in_joins_lists_and_ranges(corpora: TwoCorpora, way: str) -> None:
    told = []
    with corpora.login() as reader:
        go(reader, way)
        for statement, right, wrong in ASKED:
            if found := told_apart(reader, statement, (right, wrong), way):
                told.append((statement, *found))
    assert told == []


@pytest.mark.parametrize(
    "function",
    [
        "pg_stat_get_xact_numscans(0)",
        "pg_stat_get_xact_tuples_returned(0)",
        "pg_stat_get_xact_tuples_fetched(0)",
        "pg_stat_get_numscans(0)",
        "pg_stat_get_tuples_fetched(0)",
        "pg_stat_get_blocks_hit(0)",
        "seq_scan FROM pg_stat_xact_all_tables",
        "idx_scan FROM pg_stat_all_indexes",
        "pg_advisory_lock(1)",
        "pg_advisory_xact_lock_shared(1, 1)",
        "pg_try_advisory_lock(1)",
        "pg_logical_emit_message(false, 'a', 'b')",
    ],
)
def test_counters_of_tables_and_locks_of_ours_are_not_for_readers(corpora: TwoCorpora, function: str) -> None:
    with corpora.login() as reader, pytest.raises(psycopg.errors.InsufficientPrivilege):
        reader.execute(f"SELECT {function}".encode())


def test_plans_that_the_search_prints_hold_nothing_of_the_other_corpus(corpora: TwoCorpora) -> None:
    printed: list[str] = []
    with corpora.login() as reader:
        reader.add_notice_handler(lambda notice: printed.append(notice.message_detail or ""))
        for setting in ("client_min_messages = debug1", "debug_print_parse = on", "debug_print_rewritten = on",
                        "debug_print_plan = on"):  # fmt: skip
            reader.execute(f"SET {setting}".encode())
        found = reader.execute("SELECT * FROM tda.nearest(1, 3, 'whole', relation => 'river')").fetchall()
    assert found
    shown = "\n".join(printed)
    assert bytes_of("river") in shown  # the reader's own text
    assert bytes_of("zebra") not in shown


def bytes_of(word: str) -> str:
    """A word as printed plans show it: the numbers of its bytes."""
    return " ".join(str(byte) for byte in word.encode())
