"""Labels by hand are entailment labels of their annotator: of the query's fact, or of the query where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from starlette.testclient import TestClient

from tests.integration.results_format import FACT, fetch, record, write
from tests.integration.runs import run_named
from trackstar_db.database.engine import Database
from trackstar_db.errors import DatabaseUnavailable, DatabaseUnsuitable, InputError, NotFound
from trackstar_db.loaders import LabelDefaults, load_facts, load_labels, load_results
from trackstar_db.viewer.answers import answer
from trackstar_db.viewer.app import create_app
from trackstar_db.viewer.labels import remove_label, store_label
from trackstar_db.viewer.reading import Reading
from trackstar_db.viewer.retrieved import HandLabel
from trackstar_db.viewer.state import Viewer
from trackstar_db.viewer.statements import Statements
from trackstar_db.viewer.writing import open_writer

LABELS = "SELECT labeler, fact_id, query_id, document_id, ais_score FROM tda.entailment_label ORDER BY 1, 2, 3, 4"


@pytest.fixture
def pair(database: Database, tmp_path: Path) -> tuple[int, int]:
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
        found = answer(statements, run_named(statements, "r"), pair[0])
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


def test_labels_of_a_judge_are_not_replaced_by_hand(database: Database, pair: tuple[int, int], tmp_path: Path) -> None:
    with database.connect() as connection:
        connection.execute("UPDATE trackstar.run SET ais_labeler = 'a model' WHERE name = 'r'")
    labels = {"document_id": "1", "fact_id": "f1", "score": 1}
    load_labels(database, [write(tmp_path / "l.jsonl", labels)], LabelDefaults(labeler="Nli-Large"))
    before = fetch(database, LABELS)
    for name in ("alias_match", "Alias_Match", "results:r", "RESULTS:gone", " A model ", "nli-large", "tiny@0123abCD"):
        for change in (lambda c, name: store_label(c, name, *pair, 1), lambda c, name: remove_label(c, name, *pair)):
            with database.connect() as connection, pytest.raises(InputError, match="Give your own"):
                change(connection, name)
    assert len(before) == 1
    assert fetch(database, LABELS) == before


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


@pytest.fixture
def labels_login(database: Database) -> Iterator[str]:
    """A login with the rights that labels need, one by one."""
    with database.connect() as connection:
        connection.execute(
            """CREATE ROLE labels LOGIN BYPASSRLS;
                GRANT USAGE ON SCHEMA trackstar TO labels;
                GRANT SELECT ON trackstar.query, trackstar.document, trackstar.run, trackstar.load TO labels;
                GRANT SELECT, INSERT, UPDATE, DELETE ON trackstar.entailment_label TO labels;"""
        )
        connection.execute(
            sql.SQL("GRANT TEMPORARY ON DATABASE {} TO labels").format(sql.Identifier(connection.info.dbname))
        )
    yield "labels"
    with database.connect() as connection:
        connection.execute("DROP OWNED BY labels; DROP ROLE labels")


class TestWriters:
    """Who stores labels is checked when the viewer starts."""

    def test_the_login_itself_or_another_one_of_the_same_database_writes(
        self, database: Database, database_url: str
    ) -> None:
        assert open_writer("", database) is database
        assert open_writer(database_url, database.as_role("tda_reader")).url == database.url

    def test_a_login_that_lacks_nothing_writes(
        self, database: Database, pair: tuple[int, int], labels_login: str
    ) -> None:
        other = open_writer(database.as_role(labels_login).address, database)
        with other.connect() as connection:
            store_label(connection, "Ada", *pair, 1)
            store_label(connection, "Ada", *pair, 0.5)
        with other.connect() as connection:
            remove_label(connection, "Ada", *pair)
        other.close()
        assert fetch(database, LABELS) == []

    def test_another_database_is_refused(self, database: Database, make_database_url: Callable[..., str]) -> None:
        with pytest.raises(DatabaseUnsuitable, match=r"--writer names another database.*documents of the same numbers"):
            open_writer(make_database_url(), database)

    def test_a_login_that_only_reads_is_told_what_it_lacks(self, database: Database) -> None:
        reader = database.as_role("tda_reader")
        for url, shown in (("", reader), (reader.address, database)):
            with pytest.raises(DatabaseUnsuitable, match="login tda_reader cannot write labels: it lacks") as told:
                open_writer(url, shown)
            assert "DELETE on trackstar.entailment_label" in str(told.value)
            assert "TO tda_reader;" in str(told.value)

    @pytest.mark.parametrize(
        ("url", "error"),
        [("nonsense", DatabaseUnsuitable), ("postgresql://me:secret@127.0.0.1:1/x", DatabaseUnavailable)],
    )
    def test_an_address_where_nothing_answers_is_said_to_be_the_writers(
        self, database: Database, url: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error, match="--writer") as told:
            open_writer(url, database)
        assert "--database-url" not in str(told.value)
        assert "secret" not in str(told.value)

    @pytest.mark.parametrize(
        ("writer", "said"),
        [("tda_reader", "permission denied for schema trackstar"), ("nobody", "The database does not answer.")],
    )
    def test_rights_that_are_lost_later_are_told_without_an_address(
        self, database: Database, pair: tuple[int, int], writer: str, said: str
    ) -> None:
        form = {"query": pair[0], "document": pair[1], "annotator": "Ada", "verdict": "states"}
        other = database.as_role(writer)
        viewer = Viewer(Reading(database), owner=database, writer=other)
        with TestClient(create_app(viewer), "http://127.0.0.1") as client:
            sent = client.post(
                "/query/label",
                data={**form, "token": viewer.forms.token("")},
                headers={"origin": "http://127.0.0.1"},
            )
        other.close()
        assert sent.status_code == 503
        assert said in sent.text
        assert database.address not in sent.text
        assert "socket" not in sent.text
