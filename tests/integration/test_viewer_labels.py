"""Labels by hand are entailment labels of their annotator: of the query's fact, or of the query where there is none."""

from __future__ import annotations

import math
from typing import Any

import psycopg
import pytest

from tests.integration.results_format import FACT, fetch, record, write
from trackstar_db.database.engine import Database
from trackstar_db.errors import InputError, NotFound
from trackstar_db.loaders import load_facts, load_results
from trackstar_db.viewer import lists
from trackstar_db.viewer.answers import answer
from trackstar_db.viewer.labels import remove_label, store_label
from trackstar_db.viewer.retrieved import HandLabel
from trackstar_db.viewer.statements import Statements

LABELS = "SELECT labeler, fact_id, query_id, document_id, ais_score FROM tda.entailment_label ORDER BY 1, 2, 3, 4"


@pytest.fixture
def pair(database: Database, tmp_path: Any) -> tuple[int, int]:
    """A query of a fact and a document of its run, by their numbers."""
    load_facts(database, [write(tmp_path / "facts.jsonl", FACT)])
    records = [record(fact_id="f1"), record(example_id="e2")]
    load_results(database, [write(tmp_path / "r.jsonl", *records)], "r")
    ((query_id,),) = fetch(database, "SELECT query_id FROM tda.query WHERE external_id = 'e1'")
    ((document_id,),) = fetch(database, "SELECT document_id FROM tda.document WHERE external_id = '2'")
    return query_id, document_id


def test_a_label_is_stored_changed_and_removed(database: Database, pair: tuple[int, int]) -> None:
    for score in (1.0, 0.0, 0.5):
        with database.connect() as connection:
            store_label(connection, " Ada <b> ", *pair, score)
            store_label(connection, "Bob", *pair, 1)
        assert fetch(database, LABELS) == [
            ("Ada <b>", "f1", None, pair[1], score),
            ("Bob", "f1", None, pair[1], 1.0),
        ]
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        statements = Statements(connection)
        found = answer(statements, lists.run(statements, "r"), pair[0])
    assert found.proponents[1].labels == (HandLabel(pair[1], "Ada <b>", 0.5), HandLabel(pair[1], "Bob", 1.0))
    assert found.proponents[0].labels == ()
    with database.connect() as connection:
        remove_label(connection, "Bob", *pair)
        remove_label(connection, "nobody", *pair)
    assert [row[0] for row in fetch(database, LABELS)] == ["Ada <b>"]


def test_a_label_of_a_query_without_a_fact_is_the_querys(database: Database, pair: tuple[int, int]) -> None:
    ((query_id,),) = fetch(database, "SELECT query_id FROM tda.query WHERE external_id = 'e2'")
    with database.connect() as connection:
        store_label(connection, "Ada", query_id, pair[1], 1)
    assert fetch(database, LABELS) == [("Ada", None, query_id, pair[1], 1.0)]
    with database.connect() as connection:
        remove_label(connection, "Ada", query_id, pair[1])
    assert fetch(database, LABELS) == []


@pytest.mark.parametrize("labeler", ["", "  ", "a\nb", "a\x00", "\x1b[2J", "x" * 201])
def test_a_label_needs_a_name(database: Database, pair: tuple[int, int], labeler: str) -> None:
    with database.connect() as connection, pytest.raises(InputError, match="annotator's name"):
        store_label(connection, labeler, *pair, 1)


def test_labels_of_a_judge_are_not_replaced_by_hand(database: Database, pair: tuple[int, int]) -> None:
    with database.connect() as connection:
        connection.execute("UPDATE trackstar.run SET ais_labeler = 'a model' WHERE name = 'r'")
    for name in ("alias_match", "results:r", "results:gone", " a model "):
        for change in (lambda c, name: store_label(c, name, *pair, 1), lambda c, name: remove_label(c, name, *pair)):
            with database.connect() as connection, pytest.raises(InputError, match="Give your own"):
                change(connection, name)
    assert fetch(database, LABELS) == []


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan, math.inf])
def test_a_label_is_a_share(database: Database, pair: tuple[int, int], score: float) -> None:
    with database.connect() as connection, pytest.raises(InputError, match="from 0"):
        store_label(connection, "Ada", *pair, score)


def test_a_label_of_what_is_not_there_is_refused(database: Database, pair: tuple[int, int]) -> None:
    for query_id, document_id in ((0, pair[1]), (pair[0], 0)):
        with database.connect() as connection, pytest.raises(NotFound, match="no query"):
            store_label(connection, "Ada", query_id, document_id, 1)


def test_a_reader_cannot_write_a_label(database: Database, pair: tuple[int, int]) -> None:
    with (
        psycopg.connect(database.as_role("tda_reader").conninfo) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        store_label(connection, "Ada", *pair, 1)
    assert fetch(database, LABELS) == []
