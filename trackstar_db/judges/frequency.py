"""How often a corpus holds each fact: documents with a name of the subject and a name of the object.

The documents of a corpus are read once, in the order they were loaded. Each chunk adds its counts and moves
`counted_through` on in one transaction: an interrupted count continues behind the last chunk, and so does the
next count after documents were added. It begins again where what it stands on is no longer there: other facts or
names, a text that changed, documents that are gone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import corpus_id
from trackstar_db.database.queries import query
from trackstar_db.errors import NotFound
from trackstar_db.judges.mentions import RULES, Mentions
from trackstar_db.progress import progress_bar

CHUNK_DOCUMENTS = 1024
"""Documents whose counts are written together."""


@dataclass
class FrequencySummary:
    """What one call of judge_frequency did.

    documents: of the corpus, all counted
    already_counted: those of them that an earlier call counted
    facts_found: facts that at least one document of the corpus holds
    """

    corpus: str
    facts: int = 0
    facts_found: int = 0
    documents: int = 0
    already_counted: int = 0
    seconds: float = 0.0
    notices: list[str] = field(default_factory=list)


class FactFinder:
    """Which facts a text holds."""

    def __init__(self, entities: list[TupleRow], facts: list[TupleRow]) -> None:
        """entities: (number, names); facts: (fact_id, subject, object)."""
        self.fact_ids: list[str] = [fact_id for fact_id, _, _ in facts]
        self.digest = _digest(entities, facts)
        self._mentions = Mentions(entities)
        self._facts: dict[int, dict[int, list[str]]] = {}
        for fact_id, subject, object_ in facts:
            self._facts.setdefault(subject, {}).setdefault(object_, []).append(fact_id)

    def find(self, text: str) -> Iterator[str]:
        """The facts of which the text names subject and object; one place in the text may name both."""
        named = self._mentions.find(text)
        for subject in named & self._facts.keys():
            objects = self._facts[subject]
            for object_ in named & objects.keys():
                yield from objects[object_]


def judge_frequency(database: Database, corpus: str) -> FrequencySummary:
    """The frequency of every fact in a corpus, as rows of fact_frequency under the corpus's name.

    One process at a time counts a corpus; another waits and counts what is left.
    Raises NotFound for an unknown corpus, and where no fact is loaded.
    """
    started = time.monotonic()
    summary = FrequencySummary(corpus)
    with database.connect() as connection:
        corpus_number = corpus_id(connection, corpus)
    with database.session() as session, locked(session, f"judge frequency {corpus_number}"):
        _count(database, corpus_number, summary)
    summary.seconds = time.monotonic() - started
    return summary


def _count(database: Database, corpus_number: int, summary: FrequencySummary) -> None:
    """Nothing; every document of the corpus is counted."""
    parameters: dict[str, Any] = {"corpus_id": corpus_number, "corpus_name": summary.corpus}
    with database.connect() as connection:
        facts = _read_facts(connection)
        summary.facts = len(facts.fact_ids)
        after = _begin(connection, facts, parameters, summary.notices)
        summary.documents, summary.already_counted = _sizes(connection, parameters)
    with progress_bar(summary.documents, "frequency", "document") as bar:
        bar.update(summary.already_counted)
        while True:
            with database.connect() as connection:
                read, after = _count_chunk(connection, facts, {**parameters, "after": after})
            bar.update(read)
            if read < CHUNK_DOCUMENTS:
                break
    with database.connect() as connection:
        _, summary.documents = _sizes(connection, parameters)
        (summary.facts_found,) = connection.execute(query("frequency_found"), parameters).fetchone() or (0,)
        _, reason = _progress(connection, facts, parameters)
        if reason is not None:
            summary.notices.append(f"While the documents were counted, {reason}. Run this again.")


def _read_facts(connection: Connection[TupleRow]) -> FactFinder:
    facts = connection.execute(query("frequency_facts")).fetchall()
    if not facts:
        raise NotFound("the database has no facts to count. Load them with: trackstar load facts PATH")
    return FactFinder(connection.execute(query("frequency_entities")).fetchall(), facts)


def _digest(entities: list[TupleRow], facts: list[TupleRow]) -> bytes:
    """SHA-256 over what a count stands on: facts, names, and the rules of finding them."""
    digest = hashlib.sha256(RULES)
    for number, names in entities:
        digest.update(json.dumps([number, sorted(names)]).encode())
    for fact in facts:
        digest.update(json.dumps(fact).encode())
    return digest.digest()


def _begin(connection: Connection[TupleRow], facts: FactFinder, parameters: dict[str, Any], notices: list[str]) -> int:
    """The document to continue after; 0 after everything was set to zero."""
    counted_through, reason = _progress(connection, facts, parameters)
    if counted_through is not None and reason is None:
        return counted_through
    connection.execute(query("frequency_wait"))
    replaced = connection.execute(query("frequency_clear"), parameters).rowcount
    connection.execute(query("frequency_zero"), {**parameters, "fact_ids": facts.fact_ids})
    connection.execute(query("frequency_begin"), {**parameters, "facts_digest": facts.digest})
    if reason is not None:
        notices.append(f"Counted again from the start: {reason}.")
    elif replaced:
        notices.append(f"Replaced {replaced:,} frequencies under this corpus's name that a file had given.")
    return 0


def _progress(
    connection: Connection[TupleRow], facts: FactFinder, parameters: dict[str, Any]
) -> tuple[int | None, str | None]:
    """The last document counted, None before the first count; and in words why the count no longer holds."""
    row = connection.execute(query("frequency_state"), parameters).fetchone()
    if row is None:
        return None, None
    facts_digest, counted_through, documents, is_stale, documents_there = row
    reason = None
    if facts_digest != facts.digest:
        reason = "facts or their names have changed"
    elif is_stale:
        reason = "the text of a document, or a frequency that a file gives, has changed"
    elif documents != documents_there:
        reason = f"{documents:,} documents had been counted where there are {documents_there:,} now"
    return counted_through, reason


def _sizes(connection: Connection[TupleRow], parameters: dict[str, Any]) -> tuple[int, int]:
    """Documents of the corpus, and how many of them are counted."""
    documents, counted = connection.execute(query("frequency_sizes"), parameters).fetchone() or (0, 0)
    return int(documents), int(counted)


def _count_chunk(connection: Connection[TupleRow], facts: FactFinder, parameters: dict[str, Any]) -> tuple[int, int]:
    """How many documents were counted in one transaction, and the last of them; one text in memory at a time."""
    added: Counter[str] = Counter()
    read, last = 0, parameters["after"]
    chunk = {**parameters, "size": CHUNK_DOCUMENTS}
    for document_id, text in connection.cursor().stream(query("frequency_texts"), chunk):
        added.update(facts.find(text))
        read, last = read + 1, document_id
    if read:
        counts = {"fact_ids": list(added.keys()), "added": list(added.values())}
        connection.execute(query("frequency_add"), {**parameters, **counts})
        connection.execute(query("frequency_advance"), {**parameters, "counted_through": last, "read": read})
    return read, last
