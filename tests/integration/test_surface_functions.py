"""tda.compare_runs, tda.trace_document and tda.explain: by plain definitions, and what they say of wrong arguments."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from scipy.stats import spearmanr

from tests.integration.conftest import WriteRecords
from tests.integration.judged_runs import JudgedRuns, write_judged_runs
from tests.integration.results_format import FACT, FULL
from trackstar_db.database.engine import Database
from trackstar_db.loaders import ResultDefaults
from trackstar_db.store import Store


def select(database: Database, statement: str, *parameters: object) -> list[dict[str, Any]]:
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, parameters).fetchall()  # type: ignore[arg-type]


@pytest.fixture
def judged(database: Database) -> JudgedRuns:
    return write_judged_runs(database)


def defined_comparison(mine: list[int], theirs: list[int]) -> dict[str, Any]:
    """What tda.compare_runs says of one query, by its definition."""
    shared = [document for document in mine if document in theirs]
    places = [mine.index(document) for document in shared], [theirs.index(document) for document in shared]
    length = max(len(mine), len(theirs))
    unlike = [rank for rank in range(1, length + 1) if mine[rank - 1 : rank] != theirs[rank - 1 : rank]]
    return {
        "proponents": len(mine), "other_proponents": len(theirs), "shared": len(shared),
        "overlap": len(shared) / length if length else None,
        "rank_correlation": pytest.approx(spearmanr(*places).statistic) if len(shared) > 1 else None,
        "first_difference": min(unlike, default=None),
    }  # fmt: skip


@pytest.mark.parametrize("k", [1, 4, 10, 50])
def test_runs_are_compared_query_by_query_as_defined(database: Database, judged: JudgedRuns, k: int) -> None:
    for run, other in (("one", "two"), ("two", "gold"), ("one", "one")):
        found = select(database, "SELECT * FROM tda.compare_runs(%s, %s, %s)", run, other, k)
        assert [row["query_id"] for row in found] == list(range(1, 15))
        for row in found:
            lists = [judged.proponents[name].get(row["query_id"], [])[:k] for name in (run, other)]
            expected = defined_comparison(*lists)
            assert {name: row[name] for name in expected} == expected
    assert select(database, "SELECT relation, fact_id, prompt FROM tda.compare_runs('one', 'two')")[0] == {
        "relation": judged.relations[1], "fact_id": "f1", "prompt": "p",
    }  # fmt: skip


def test_a_document_is_traced_to_every_query_that_it_is_a_proponent_of(database: Database, judged: JudgedRuns) -> None:
    found = select(database, "SELECT * FROM tda.trace_document(7)")
    expected = {
        (run, direction, documents.index(7) + 1, query)
        for run, asked in judged.proponents.items()
        for query, documents in asked.items()
        if 7 in documents
        for direction in ("proponent", "opponent")
    }
    assert len(expected) > 10
    assert {(row["run"], row["direction"], row["rank"], row["query_id"]) for row in found} == expected
    assert [row["rank"] for row in found if (row["run"], row["direction"]) == ("one", "proponent")] == sorted(
        rank for run, direction, rank, _ in expected if (run, direction) == ("one", "proponent")
    )
    for row in found:
        stated = (row["query_id"], 7) in judged.annotated if row["fact_id"] else None
        assert (row["is_annotated"], row["score"]) == (stated, -row["rank"])


def test_an_explanation_has_the_proponents_with_verdicts_evidence_and_best_windows(
    database: Database, write_records: WriteRecords
) -> None:
    store = Store(database)
    store.load_facts([write_records("facts.jsonl", [FACT])])
    store.load_results([write_records("r.jsonl", [FULL])], "published", ResultDefaults(corpus="c4"))
    (asked,) = select(database, "SELECT query_id FROM tda.run_query")
    found = select(database, "SELECT * FROM tda.explain('published', %s)", asked["query_id"])
    assert [(row["direction"], row["rank"], row["external_id"]) for row in found] == [
        ("proponent", 1, "c4-1"), ("proponent", 2, "c4-2"), ("opponent", 1, "c4-3"), ("opponent", 2, "c4-1"),
    ]  # fmt: skip
    assert [row["best_window"] for row in found] == ["the capital", None, None, None]
    first = found[0]
    assert (first["text"], first["ais_score"], first["is_entailed"]) == ("Paris is the capital.", 0.9, True)
    assert (first["kind"], first["holds_object"], first["holds_subject"]) == ("object", True, False)
    names = [name for name in found[0] if name not in ("best_window",)]
    live = select(
        database,
        """SELECT * FROM tda.proponent p JOIN tda.proponent_explanation e USING (run, query_id, direction, rank)
           ORDER BY direction DESC, rank""",
    )
    assert [[row[name] for name in names] for row in found] == [[row[name] for name in names] for row in live]


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        ("trace_document(999)", "no document 999", "tda.document lists them"),
        ("trace_document(NULL)", "no document NULL", "tda.document lists them"),
        ("compare_runs('one', 'x''y')", "no run named 'x''y'", "tda.run lists them"),
        ("compare_runs(NULL, 'one')", "no run named NULL", "tda.run lists them"),
        ("compare_runs('one', 'two', 0)", "k is 0, expected a whole number from 1", None),
        ("compare_runs('one', 'two', NULL)", "k is NULL, expected a whole number from 1", None),
        ("compare_runs('one', 'elsewhere')", "run 'one' asked query set 'asked', run 'elsewhere' asked 'other'",
         "two over the same query set"),
        ("explain('nobody', 1)", "no run named 'nobody'", "tda.run lists them"),
        ("explain('one', 999)", "run 'one' did not ask query 999", "WHERE query_set = 'asked' lists what it asked"),
        ("explain('one', NULL)", "run 'one' did not ask query NULL", "lists what it asked"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_call_is_said_with_what_to_do(
    database: Database, judged: JudgedRuns, call: str, message: str, hint: str | None
) -> None:
    with database.connect() as connection:
        connection.execute(
            """INSERT INTO trackstar.query_set (name) VALUES ('other');
               INSERT INTO trackstar.run (name, method, query_set_id, top_k, query_count, document_count, code_version,
                                          started_at, finished_at)
               VALUES ('elsewhere', 'bm25', 2, 1, 1, 40, '0', now(), now())"""
        )
        with pytest.raises(psycopg.errors.InvalidParameterValue) as raised, connection.transaction():
            connection.execute(f"SELECT * FROM tda.{call}")  # type: ignore[arg-type]  # noqa: S608
    assert message in str(raised.value.diag.message_primary)
    assert (hint is None) == (raised.value.diag.message_hint is None)
    assert hint is None or hint in str(raised.value.diag.message_hint)
