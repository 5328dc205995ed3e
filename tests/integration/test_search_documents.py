"""The search for documents by their words: by an index or without, and what readers of one corpus see of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.results_format import fetch
from trackstar_db.database.engine import Database
from trackstar_db.loaders import DocumentFields, load_documents
from trackstar_db.store import Store

TEXTS = {
    "a": ["Paris is the capital of France", "The France of Paris", "Lyon; PARIS.", "father of parishes", "été à Paris"],
    "b": ["Paris in corpus b", "nothing"],
}


@pytest.fixture
def loaded(database: Database, tmp_path: Path) -> Database:
    for corpus, texts in TEXTS.items():
        path = tmp_path / f"{corpus}.txt"
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        load_documents(database, [path], corpus, "text", DocumentFields(split="line"))
    return database


def found(database: Database, words: str, *more: object) -> list[str]:
    with psycopg.connect(database.as_role("tda_reader").conninfo) as connection:
        marks = ", ".join(["%s"] * (1 + len(more)))
        rows = connection.execute(
            f"SELECT text FROM tda.search_documents({marks})",  # type: ignore[arg-type]  # noqa: S608
            (words, *more),
        )
        return [text for (text,) in rows]


@pytest.mark.parametrize("has_index", [False, True])
def test_words_phrases_alternatives_and_exceptions(loaded: Database, has_index: bool) -> None:
    Store(loaded).refresh(words=has_index)
    first, second, third, _, fifth = TEXTS["a"]
    assert set(found(loaded, "paris")) == {first, second, third, fifth, "Paris in corpus b"}
    assert set(found(loaded, "paris france")) == {first, second}
    assert found(loaded, '"of Paris"') == [second]
    assert set(found(loaded, "lyon or capital")) == {first, third}
    assert set(found(loaded, "paris -france", 10, "a")) == {third, fifth}
    assert found(loaded, "ÉTÉ") == [fifth]
    assert len(found(loaded, "paris", 2)) == 2
    assert found(loaded, "nowhere") == []


def test_the_index_is_used_and_follows_changes_and_says_nothing_to_the_planner(loaded: Database) -> None:
    store = Store(loaded)
    store.refresh(words=True)
    store.refresh(words=True)  # once is enough
    with loaded.connect() as connection:
        connection.execute("ANALYZE trackstar.document")
        connection.execute("UPDATE trackstar.document SET text = 'Madrid' WHERE text = 'nothing'")
    assert found(loaded, "madrid") == ["Madrid"]
    assert fetch(loaded, "SELECT count(*) FROM pg_stats WHERE tablename = 'document_words'") == [(0,)]
    with loaded.connect() as connection:
        connection.execute("SET LOCAL enable_seqscan = off")
        connection.execute("SELECT * FROM tda.search_documents('madrid')")
        connection.execute("SELECT pg_stat_force_next_flush()")
    assert fetch(loaded, "SELECT idx_scan > 0 FROM pg_stat_user_indexes WHERE indexrelname = 'document_words'") == [
        (True,)
    ]
    store.refresh(words=False)
    assert fetch(loaded, "SELECT to_regclass('trackstar.document_words')") == [(None,)]


def test_an_index_that_keeps_statistics_of_words_is_built_anew(loaded: Database) -> None:
    """As one is that was cut off between its building and its quieting."""
    store = Store(loaded)
    store.refresh(words=True)
    statistics = "SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'document_words'"
    with loaded.connect() as connection:
        connection.execute("ALTER INDEX trackstar.document_words ALTER COLUMN 1 SET STATISTICS 100")
        connection.execute("ANALYZE trackstar.document")
    assert fetch(loaded, statistics) == [(True,)]
    store.refresh(words=True)
    assert fetch(loaded, statistics) == [(False,)]
    with loaded.connect() as connection:
        connection.execute("ANALYZE trackstar.document")
    assert fetch(loaded, statistics) == [(False,)]


def test_a_reader_finds_documents_of_granted_corpora_only(loaded: Database) -> None:
    store = Store(loaded)
    store.refresh(words=True)
    store.revoke_corpus(None, "tda_reader")
    store.grant_corpus("b", "tda_reader")
    assert found(loaded, "paris") == ["Paris in corpus b"]
    assert found(loaded, "-nothing") == ["Paris in corpus b"]
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no corpus 'a'"):
        found(loaded, "paris", 10, "a")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("",), "no word to look for"),
        (("!!",), "no word to look for"),
        (("x", 0), "k is 0"),
        (("x", 1, "c"), "no corpus"),
    ],
)
def test_what_cannot_be_searched_is_told(loaded: Database, arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=said):
        found(loaded, *arguments)
