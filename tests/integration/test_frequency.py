"""Fact frequencies: what is counted, counted on, counted again, and counted after a kill."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import WriteRecords
from tests.integration.test_kill import finish, kill_after, start
from trackstar_db.database.engine import Database, open_database
from trackstar_db.errors import NotFound
from trackstar_db.loaders import LoadOptions
from trackstar_db.store import Store

Fact = dict[str, Any]


def fact(number: int, subject: str, object_: str, aliases: tuple[list[str], list[str]] = ([], []), **more: Any) -> Fact:
    return {
        "fact_id": f"f{number}",
        "entity0": subject,
        "relation": "r",
        "entity1": object_,
        "entity0_uri": f"Q:{subject}",
        "predicate_uri": "P1",
        "entity1_uri": f"Q:{object_}",
        "entity0_alias": aliases[0],
        "entity1_alias": aliases[1],
        "prompt0": f"{subject} r",
        **more,
    }


FACTS = [
    fact(0, "Italy", "Rome", ([], ["Roma", "the Eternal City"])),
    fact(1, "Italy", "Italian"),
    fact(2, "United States", "English", (["U.S.", "USA"], [])),
    fact(3, "Zoë", "İzmir"),
    fact(4, "New York City", "New York"),
    fact(5, "Romeo", "Verona"),
    fact(6, "France", "Paris"),
]
TEXTS = [
    "Italy's capital is Rome; ITALY, ROME.",
    "Romeo left Italy for Verona.",
    "In the U.S., English is spoken.",
    "The U.S.A. speaks English.",
    "Zoe\u0308 moved to İZMIR",
    "New  York\nCity",
    "Roma is in Italy and its people are Italian",
]
COUNTS = {"f0": 2, "f1": 1, "f2": 1, "f3": 1, "f4": 1, "f5": 1, "f6": 0}


def documents(texts: Iterable[str], first: int = 0) -> list[dict[str, object]]:
    return [{"id": f"d{number}", "text": text} for number, text in enumerate(texts, first)]


def frequencies(database: Database, corpus: str = "c") -> dict[str, int]:
    with database.connect() as connection:
        asked = "SELECT fact_id, frequency FROM tda.fact_frequency WHERE corpus = %s"
        return dict(connection.execute(asked, (corpus,)).fetchall())


@pytest.fixture
def store(database: Database, write_records: WriteRecords) -> Store:
    """Seven facts, and a corpus `c` of seven documents."""
    store = Store(database)
    store.load_facts([write_records("facts.jsonl", FACTS)])
    store.load_documents([write_records("documents.jsonl", documents(TEXTS))], corpus="c")
    return store


def test_a_frequency_counts_documents_that_name_subject_and_object(store: Store) -> None:
    summary = store.judge_frequency("c")
    assert frequencies(store.database) == COUNTS
    assert (summary.facts, summary.facts_found, summary.documents, summary.already_counted) == (7, 6, 7, 0)
    assert summary.notices == []
    with store.database.connect() as connection:
        connection.execute("SET LOCAL ROLE tda_reader")
        seen = connection.execute("SELECT * FROM tda.fact_frequency WHERE fact_id = 'f0'").fetchall()
        fact = connection.execute("SELECT fact_frequency, frequency_bucket FROM tda.fact WHERE fact_id = 'f6'")
        assert seen == [("f0", "c", 2, 1, 7)]
        assert fact.fetchone() == (0, 0)


def test_only_added_documents_are_read(store: Store, write_records: WriteRecords) -> None:
    store.judge_frequency("c")
    with store.database.connect() as connection:  # a text that nobody reads again (no trigger saw it change)
        connection.execute("ALTER TABLE trackstar.document DISABLE TRIGGER document_text_changed")
        connection.execute("UPDATE trackstar.document SET text = 'France, Paris'")
    added = documents(["Paris, France", "Italy: Rome", "Rome"], first=7)
    store.load_documents([write_records("more.jsonl", added)], corpus="c")
    summary = store.judge_frequency("c")
    assert (summary.documents, summary.already_counted, summary.notices) == (10, 7, [])
    assert frequencies(store.database) == {**COUNTS, "f6": 1, "f0": 3}
    again = store.judge_frequency("c")
    assert (again.documents, again.already_counted, again.notices) == (10, 10, [])
    assert frequencies(store.database) == {**COUNTS, "f6": 1, "f0": 3}


def test_corpora_are_counted_apart_and_a_file_s_own_count_stays(store: Store, write_records: WriteRecords) -> None:
    more = fact(7, "Spain", "Madrid", c4_frequency=500)
    store.load_facts([write_records("more.jsonl", [more])])
    store.load_documents([write_records("other.jsonl", documents(["Madrid, Spain"] * 2))], corpus="other")
    store.judge_frequency("c")
    store.judge_frequency("other")
    assert frequencies(store.database) == {**COUNTS, "f7": 0}
    assert frequencies(store.database, "other") == {**dict.fromkeys(COUNTS, 0), "f7": 2}
    with store.database.connect() as connection:
        seen = connection.execute("SELECT * FROM tda.fact_frequency WHERE corpus = 'c4'").fetchall()
        assert seen == [("f7", "c4", 500, 3, None)]
        largest = connection.execute("SELECT fact_frequency FROM tda.fact WHERE fact_id = 'f7'").fetchone()
        assert largest == (500,)


def test_a_count_replaces_what_a_file_says_of_a_corpus_of_the_same_name(
    store: Store, write_records: WriteRecords
) -> None:
    given = {**FACTS[0], "c4_frequency": 500}
    update = write_records("given.jsonl", [given])
    options = LoadOptions(on_conflict="update")
    store.load_facts([update], options=options)
    store.load_documents([write_records("c4.jsonl", documents(TEXTS))], corpus="c4")
    assert store.judge_frequency("c4").notices == [
        "Replaced 1 frequencies under this corpus's name that a file had given."
    ]
    assert frequencies(store.database, "c4") == COUNTS
    store.load_facts([write_records("given2.jsonl", [{**given, "c4_frequency": 501}])], options=options)
    assert frequencies(store.database, "c4") == {**COUNTS, "f0": 501}
    (notice,) = store.judge_frequency("c4").notices
    assert "a frequency that a file gives, has changed" in notice
    assert frequencies(store.database, "c4") == COUNTS


@pytest.mark.parametrize(
    ("change", "reason", "changed"),
    [
        ("UPDATE trackstar.document SET text = 'France: Paris' WHERE external_id = 'd0'", "text", {"f0": 1, "f6": 1}),
        ("DELETE FROM trackstar.document WHERE external_id = 'd0'", "7 documents had been counted where", {"f0": 1}),
        ("UPDATE trackstar.entity SET aliases = '{Italy}' WHERE label = 'France'", "names", {"f6": 0}),
        ("UPDATE trackstar.entity SET aliases = '{}' WHERE label = 'Rome'", "names", {"f0": 1}),
        ("DELETE FROM trackstar.fact WHERE fact_id = 'f6'", "facts", {"f6": None}),
    ],
)
def test_everything_is_counted_again_after_a_change(
    store: Store, change: str, reason: str, changed: dict[str, int | None]
) -> None:
    store.judge_frequency("c")
    with store.database.connect() as connection:
        connection.execute(change)  # type: ignore[call-overload]
    summary = store.judge_frequency("c")
    (notice,) = summary.notices
    assert notice.startswith("Counted again from the start: ")
    assert reason in notice
    expected = {**COUNTS, **changed}
    assert frequencies(store.database) == {name: count for name, count in expected.items() if count is not None}
    assert store.judge_frequency("c").notices == []


def test_what_cannot_be_counted_is_said(database: Database, write_records: WriteRecords, run_trackstar: Any) -> None:
    store = Store(database)
    with pytest.raises(NotFound, match="no corpus named 'c'"):
        store.judge_frequency("c")
    store.load_documents([write_records("documents.jsonl", documents(TEXTS))], corpus="c")
    with pytest.raises(NotFound, match="trackstar load facts"):
        store.judge_frequency("c")


def test_the_command_prints_what_was_counted(store: Store, run_trackstar: Callable[..., Any]) -> None:
    result = run_trackstar("judge", "frequency", "--corpus", "c", "--format", "json")
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert {**said, "seconds": 0} == {
        "corpus": "c", "facts": 7, "facts_found": 6, "documents": 7, "already_counted": 0, "seconds": 0,
    }  # fmt: skip


COUNTED = """
    SELECT (SELECT md5(string_agg(f::text, '|' ORDER BY fact_id)) FROM trackstar.fact_frequency f),
           counted_through, documents, is_stale, facts_digest
    FROM trackstar.frequency_count"""


def counted(database: Database) -> tuple[Any, ...]:
    with database.connect() as connection:
        return connection.execute(COUNTED).fetchone() or (None, 0)


def test_a_killed_count_and_two_at_once_end_as_an_undisturbed_one(
    store: Store, database_url: str, make_database_url: Callable[..., str]
) -> None:
    with store.database.connect() as connection:  # long enough that a kill finds it at work
        connection.execute(
            """INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
               SELECT corpus_id, 'more' || n, repeat('Rome, Italy and the U.S. ', 1 + n % 40) || n, sha256('')
               FROM trackstar.corpus, generate_series(1, 12000) n"""
        )
    store.database.close()
    killed_url, both_url = (make_database_url(copy_of=database_url) for _ in range(2))
    store.judge_frequency("c")
    expected = counted(store.database)
    assert expected[2] == 12_007
    count = ("judge", "frequency", "--corpus", "c")
    killed, both = open_database(killed_url), open_database(both_url)
    hits = 0
    for moment in (1, 2000):
        hits += kill_after(start(killed_url, *count), lambda moment=moment: counted(killed)[1] >= moment, 0)
    assert hits == 2
    assert 2000 <= counted(killed)[2] < 12_007
    finish(start(killed_url, *count))
    for process in [start(both_url, *count) for _ in range(2)]:
        finish(process)
    assert counted(killed) == counted(both) == expected
    killed.close()
    both.close()


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()))


def plain_frequency(fact: Fact, texts: list[str]) -> int:
    """The definition: plain texts that hold a name of the subject and one of the object as whole words."""

    def pattern(names: list[str]) -> re.Pattern[str]:
        return re.compile("|".join(rf"(?<![^\W_]){re.escape(plain(name).strip())}(?![^\W_])" for name in names))

    subject = pattern([fact["entity0"], *fact["entity0_alias"]])
    object_ = pattern([fact["entity1"], *fact["entity1_alias"]])
    return sum(bool(subject.search(text) and object_.search(text)) for text in texts)


@pytest.mark.slow
@pytest.mark.shared
def test_real_facts_are_counted_as_the_definition_says(database: Database, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "trex"
    with (folder / "trex_facts.jsonl").open(encoding="utf-8") as file:
        lines = [next(file) for _ in range(500)]
    facts = tmp_path / "facts.jsonl"
    facts.write_text("".join(lines), encoding="utf-8")
    store = Store(database)
    store.load_facts([facts])
    store.load_sentences([folder / "trex_sentences.jsonl"], corpus="trex")
    summary = store.judge_frequency("trex")
    found = frequencies(database, "trex")
    with (folder / "trex_sentences.jsonl").open(encoding="utf-8") as file:
        texts = [plain(json.loads(line)["text"]) for line in file]
    sample = [json.loads(line) for line in lines[::50]]
    expected = {fact["fact_id"]: plain_frequency(fact, texts) for fact in sample}
    assert {name: found[name] for name in expected} == expected
    assert sum(count > 0 for count in expected.values()) >= 8
    print(f"{summary.documents} documents in {summary.seconds:.1f} s, {summary.facts_found} of 500 facts found")
