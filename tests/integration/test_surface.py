"""The analyst's surface: what is computed beforehand is what the live views say, and what was promised is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.integration.judged_runs import JudgedRuns, write_judged_runs
from trackstar_db.database.dictionary import dictionary_page, read_dictionary
from trackstar_db.database.engine import Database, open_database
from trackstar_db.database.refresh import NAMES
from trackstar_db.database.schema import initialize
from trackstar_db.store import Store

RUNS = ("one", "two", "gold")
PROMISED = Path(__file__).with_name("surface_1.txt")
DICTIONARY = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
Rows = Callable[..., list[dict[str, Any]]]


def select(database: Database, statement: str, *parameters: object) -> list[dict[str, Any]]:
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, parameters).fetchall()  # type: ignore[arg-type]


@pytest.fixture
def judged(database: Database) -> JudgedRuns:
    return write_judged_runs(database)


@pytest.fixture
def rows(database: Database, judged: JudgedRuns) -> Rows:
    """Rows of a statement, after a refresh."""
    Store(database).refresh()
    return lambda statement, *parameters: select(database, statement, *parameters)


# What is computed beforehand -----------------------------------------------------------------------


def test_the_overview_of_a_query_is_what_the_live_views_say(rows: Rows) -> None:
    names = {
        "annotation": ("reciprocal_rank", "recall_at_10", "precision_at_10"),
        "ais": ("ais_reciprocal_rank", "ais_recall_at_10", "ais_precision_at_10"),
        "tail_patch": ("tail_patch_delta",),
    }
    overview = {(row["run"], row["query_id"]): row for row in rows("SELECT * FROM tda.query_overview")}
    assert len(overview) == 42
    for judge, columns in names.items():
        live = {
            (row["run"], row["query_id"]): tuple(row[name.removeprefix("ais_")] for name in columns)
            for row in rows("SELECT * FROM tda.query_metric WHERE judge = %s", judge)
        }
        assert len(live) > 15
        for key, row in overview.items():
            nothing = (None,) * len(columns)
            assert tuple(row[name] for name in columns) == pytest.approx(live.get(key, nothing)), (judge, key)
    live = rows(
        """SELECT run, query_id, max(ais_score) AS best_ais_score, max(relation) AS relation,
                  max(frequency_bucket) AS frequency_bucket, count(*) AS proponents
           FROM tda.proponent WHERE direction = 'proponent' GROUP BY run, query_id"""
    )
    assert len(live) == 40
    for row in live:
        found = overview[row["run"], row["query_id"]]
        assert {name: found[name] for name in row} == {**row, "best_ais_score": pytest.approx(row["best_ais_score"])}


def test_the_heat_map_and_the_overview_of_runs_are_the_live_means(rows: Rows) -> None:
    figures = ("queries", "mrr", "recall_at_10", "precision_at_10", "tail_patch_queries", "tail_patch_delta")
    live = rows(
        """SELECT run, judge, relation, frequency_bucket, count(*) AS queries, avg(reciprocal_rank) AS mrr,
                  avg(recall_at_10) AS recall_at_10, avg(precision_at_10) AS precision_at_10,
                  count(tail_patch_delta) AS tail_patch_queries, avg(tail_patch_delta) AS tail_patch_delta
           FROM tda.query_metric GROUP BY run, judge, relation, frequency_bucket"""
    )
    cells = {
        (row["run"], row["judge"], row["relation"], row["frequency_bucket"]): row
        for row in rows("SELECT * FROM tda.metric_heat_map")
    }
    assert len(live) == len(cells) > 30
    for row in live:
        cell = cells[row["run"], row["judge"], row["relation"], row["frequency_bucket"]]
        assert [cell[name] for name in figures] == pytest.approx([row[name] for name in figures])
    means = {(row["run"], row["judge"]): row for row in rows("SELECT * FROM tda.method_comparison")}
    overviews = rows("SELECT * FROM tda.run_overview")
    assert len(overviews) == len(means) == 9
    for row in overviews:
        assert [row[name] for name in figures] == pytest.approx(
            [means[row["run"], row["judge"]][name] for name in figures]
        )


def test_agreement_is_the_share_of_the_first_ten_that_both_have(rows: Rows, judged: JudgedRuns) -> None:
    found = rows("SELECT * FROM tda.query_agreement")
    assert len(found) == 14 * 6
    for row in found:
        mine, theirs = (judged.proponents[row[name]].get(row["query_id"], [])[:10] for name in ("run", "other_run"))
        shared = len(set(mine) & set(theirs))
        assert (row["proponents"], row["other_proponents"], row["shared"]) == (len(mine), len(theirs), shared)
        longest = max(len(mine), len(theirs))
        assert row["overlap"] == (shared / longest if longest else None)
        assert row["is_same_first"] == (mine[:1] == theirs[:1] != [])
    for row in rows("SELECT * FROM tda.method_agreement"):
        pair = [one for one in found if (one["run"], one["other_run"]) == (row["run"], row["other_run"])]
        answered = [one for one in pair if one["overlap"] is not None]
        assert row["queries"] == len(answered) == 14
        assert row["overlap"] == pytest.approx(fmean(one["overlap"] for one in answered))
        assert row["same_first"] == pytest.approx(fmean(one["is_same_first"] for one in answered))
    cells = rows(
        """SELECT run, other_run, relation, frequency_bucket, count(overlap) AS queries, avg(overlap) AS overlap
           FROM tda.query_agreement GROUP BY run, other_run, relation, frequency_bucket"""
    )
    columns = "run, other_run, relation, frequency_bucket, queries, overlap"
    order = "ORDER BY run, other_run, relation, frequency_bucket"
    heat_map = rows(f"SELECT {columns} FROM tda.agreement_heat_map {order}")  # noqa: S608
    key = ("run", "other_run", "relation", "frequency_bucket")
    by_cell = {tuple(cell[name] for name in key): cell for cell in cells}
    assert len(heat_map) == len(cells) > 30
    for cell in heat_map:
        assert cell == {**by_cell[tuple(cell[name] for name in key)], "overlap": pytest.approx(cell["overlap"])}


def test_a_document_s_reach_counts_the_facts_whose_first_ten_it_is_among(rows: Rows, judged: JudgedRuns) -> None:
    found = rows("SELECT * FROM tda.document_reach WHERE direction = 'proponent'")
    assert len(found) > 60
    for row in found:
        document = row["document_id"]
        ranks = {
            query: documents.index(document) + 1
            for query, documents in judged.proponents[row["run"]].items()
            if document in documents[:10]
        }
        facts = [query for query in ranks if query in judged.relations]
        assert (row["queries"], row["facts"], row["best_rank"]) == (len(ranks), len(facts), min(ranks.values()))
        assert row["stated_facts"] == sum((query, document) in judged.annotated for query in facts)
        assert row["mean_score"] == pytest.approx(-fmean(ranks.values()))


def test_before_the_first_refresh_there_is_nothing_and_it_says_so(database: Database, judged: JudgedRuns) -> None:
    fresh = select(database, "SELECT * FROM tda.refresh")
    assert {row["name"] for row in fresh} == set(NAMES)
    assert {(row["refreshed_at"], row["rows"], row["newer_runs"]) for row in fresh} == {(None, None, 3)}
    for view in (*NAMES, "run_overview", "agreement_heat_map"):
        assert select(database, f"SELECT * FROM tda.{view}") == []  # noqa: S608
    done = {one.name: one for one in Store(database).refresh()}
    assert list(done) == list(NAMES)
    for row in select(database, "SELECT * FROM tda.refresh"):
        assert (row["rows"], row["refreshed_at"]) == (done[row["name"]].rows, done[row["name"]].refreshed_at)
        assert (row["newer_runs"], row["rows"] > 0) == (0, True)
    (seen,) = select(database, "SELECT DISTINCT refreshed_at FROM tda.query_overview")
    assert seen["refreshed_at"] == done["query_overview"].refreshed_at


NEW_RUN = """
    INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version,
                               started_at, finished_at)
    VALUES ('new', 'bm25', 1, 1, 1, 40, '0', now(), now());
    INSERT INTO trackstar.run_query (run_id, query_id, position)
    SELECT run_id, 1, 1 FROM trackstar.run WHERE name = 'new'"""


def test_a_run_that_was_being_written_during_a_refresh_is_a_newer_one(database: Database, judged: JudgedRuns) -> None:
    newer = "SELECT DISTINCT newer_runs FROM tda.refresh"
    with database.connect() as writing:
        writing.execute(NEW_RUN)
        Store(database).refresh()
        assert select(database, newer) == [{"newer_runs": 0}]
    assert select(database, newer) == [{"newer_runs": 1}]
    Store(database).refresh()
    assert select(database, newer) == [{"newer_runs": 0}]


def test_a_second_refresh_writes_only_what_changed_and_holds_up_no_reader(
    database: Database, rows: Rows, database_url: str
) -> None:
    with database.connect() as connection:
        connection.execute(NEW_RUN)
    assert {row["newer_runs"] for row in rows("SELECT newer_runs FROM tda.refresh")} == {1}
    asked = "SELECT query_id, reciprocal_rank FROM tda.query_overview WHERE run = 'new'"
    written = "SELECT xmin::text, run_id, query_id FROM trackstar.query_overview WHERE run_id < 4 ORDER BY 2, 3"
    assert rows(asked) == []
    before = rows(written)
    with psycopg.connect(database_url) as reader:
        for view in NAMES:
            reader.execute(f"SELECT count(*) FROM tda.{view}")  # type: ignore[arg-type]  # noqa: S608 -- and keeps its lock
        other = open_database(f"{database_url}&options=-clock_timeout%3D5s")
        Store(other).refresh()
        other.close()
    assert rows(asked) == [{"query_id": 1, "reciprocal_rank": 0}]
    assert rows(written) == before


def test_a_dropped_run_is_gone_from_what_was_computed_before(database: Database, rows: Rows) -> None:
    Store(database).drop_run("two")
    for view in ("query_overview", "metric_heat_map", "run_overview", "document_reach"):
        assert rows(f"SELECT DISTINCT run FROM tda.{view} ORDER BY 1") == [{"run": "gold"}, {"run": "one"}]  # noqa: S608
    pairs = [{"run": "gold", "other_run": "one"}, {"run": "one", "other_run": "gold"}]
    assert rows("SELECT run, other_run FROM tda.method_agreement ORDER BY 1") == pairs


HIDDEN = """
    INSERT INTO trackstar.corpus (name) VALUES ('secret');
    INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest) VALUES (2, 'x', 'secret', sha256(''));
    INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version, started_at,
                               finished_at)
    VALUES ('hidden', 'bm25', 1, 1, 14, 41, '0', now(), now());
    INSERT INTO trackstar.run_query (run_id, query_id, position) SELECT 4, n, n FROM generate_series(1, 14) n;
    INSERT INTO trackstar.proponent SELECT 4, n, 'proponent', d, d, 1
    FROM generate_series(1, 13) n, generate_series(1, 3) d;
    INSERT INTO trackstar.proponent VALUES (4, 14, 'proponent', 1, 41, 1);
    INSERT INTO trackstar.fact_frequency SELECT 'f' || n, 'secret', 1000000 FROM generate_series(1, 12) n;
    INSERT INTO trackstar.annotation SELECT 'f' || n, 'x' FROM generate_series(1, 12) n;
    DELETE FROM trackstar.annotation WHERE fact_id = 'f1' AND document_external_id <> 'x';
    DELETE FROM trackstar.corpus_grant;
    INSERT INTO trackstar.corpus_grant (role_name, corpus_id) VALUES ('tda_reader', 1)"""


def test_a_reader_of_one_corpus_sees_nothing_of_another_in_what_was_computed(
    database: Database, judged: JudgedRuns
) -> None:
    with database.connect() as connection:
        connection.execute(HIDDEN)  # type: ignore[arg-type]
    Store(database).refresh()
    everything = select(database, "SELECT DISTINCT run FROM tda.query_overview")
    assert {row["run"] for row in everything} == {*RUNS, "hidden"}
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET LOCAL ROLE tda_reader")
        for view in ("query_overview", "metric_heat_map", "run_overview", "document_reach"):
            found = cursor.execute(f"SELECT DISTINCT run FROM tda.{view}").fetchall()  # type: ignore[arg-type]  # noqa: S608
            assert {row["run"] for row in found} == set(RUNS), view
        for view in ("method_agreement", "agreement_heat_map"):
            found = cursor.execute(f"SELECT DISTINCT run, other_run FROM tda.{view}").fetchall()  # type: ignore[arg-type]  # noqa: S608
            assert len(found) == 6
            assert {name for row in found for name in row.values()} == set(RUNS), view
        assert cursor.execute("SELECT * FROM tda.trace_document(1) WHERE run = 'hidden'").fetchall() == []
        for call, message in (
            ("trace_document(41)", "no document 41"),
            ("compare_runs('one', 'hidden')", "no run named 'hidden'"),
            ("explain('hidden', 1)", "no run named 'hidden'"),
        ):
            with pytest.raises(psycopg.errors.InvalidParameterValue, match=message), connection.transaction():
                connection.execute(f"SELECT * FROM tda.{call}")  # type: ignore[arg-type]  # noqa: S608
        overview = cursor.execute("SELECT * FROM tda.query_overview WHERE fact_id IS NOT NULL").fetchall()
        live = cursor.execute("SELECT fact_id, frequency_bucket, annotated_documents FROM tda.fact").fetchall()
    known = {row["fact_id"]: (row["frequency_bucket"], row["annotated_documents"] > 0) for row in live}
    assert {(row["fact_id"], row["frequency_bucket"], row["has_annotated_document"]) for row in overview} == {
        (fact, *values) for fact, values in known.items()
    }
    assert {bucket for bucket, _ in known.values()} <= {0, 1, 2}
    assert known["f1"][1] is False


def test_renewed_views_keep_what_was_computed(database: Database, rows: Rows) -> None:
    before = rows("SELECT * FROM tda.query_overview ORDER BY run, query_id")
    with database.connect() as connection:
        connection.execute("COMMENT ON SCHEMA trackstar IS 'of another version'")
    initialize(database)
    assert rows("SELECT * FROM tda.query_overview ORDER BY run, query_id") == before


def test_what_is_refreshed_is_every_view_that_says_when(database: Database) -> None:
    with database.connect() as connection:
        views = read_dictionary(connection).views
    dated = {view.name for view in views if any(column.name == "refreshed_at" for column in view.columns)}
    assert dated == {*NAMES, "run_overview", "agreement_heat_map", "refresh"}
    assert {row["name"] for row in select(database, "SELECT name FROM trackstar.refresh")} == set(NAMES)


# The surface ---------------------------------------------------------------------------------------


def surface(database: Database) -> Iterator[str]:
    """A line for each column of a view, and for each argument and each column of the result of a function."""
    with database.connect() as connection:
        found = read_dictionary(connection)
    for view in found.views:
        yield from (f"{view.name}.{column.name} {column.type}" for column in view.columns)
    for function in found.functions:
        yield from (f"{function.name}({argument})" for argument in function.arguments.split(", "))
        result = function.result.removeprefix("TABLE(").removesuffix(")")
        yield from (f"{function.name}() {column}" for column in result.split(", "))


def test_what_the_surface_promised_is_still_there(database: Database) -> None:
    """Within major version 1 lines are added to this file and none goes: see the comment of tda.surface."""
    assert select(database, "SELECT major FROM tda.surface") == [{"major": 1}]
    promised = PROMISED.read_text(encoding="utf-8").splitlines()
    assert len(promised) > 200
    assert sorted(set(promised) - set(surface(database))) == []


def test_the_data_dictionary_is_what_the_comments_say(database: Database) -> None:
    with database.connect() as connection:
        page = dictionary_page(read_dictionary(connection))
    assert DICTIONARY.read_text(encoding="utf-8") == page, "run: make dictionary"
    assert "| |" not in page  # every column has a comment
