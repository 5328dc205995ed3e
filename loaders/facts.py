"""Facts: subject, relation and object with prompts, and the queries that ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.annotations import annotate
from trackstar_db.loaders.decide import LoadRow, decide
from trackstar_db.loaders.entities import Entity, store_entities, store_relations
from trackstar_db.loaders.options import OnConflict
from trackstar_db.loaders.queries import QueryRow, store_queries
from trackstar_db.loaders.readers import RawRecord, Source
from trackstar_db.loaders.records import Record, canonical_json, content_digest
from trackstar_db.loaders.staging import Staged, Stored, stage, write_decided

PROMPTS = ("prompt0", "prompt1", "prompt2")
FREQUENCY_CORPUS = "c4"


@dataclass(frozen=True)
class FactRow(LoadRow):
    """A fact as it is stored, by its id, with what its record says about other tables.

    prompts: in the order of PROMPTS, an empty string for one that is missing before another
    """

    subject: Entity
    relation: LoadRow
    object: Entity
    is_repetition: bool
    prompts: tuple[str, ...]
    sentence_ids: tuple[str, ...]
    frequency: int | None
    metadata: str
    query: QueryRow | None


class Facts:
    """The loading of facts, and of a query for each where a query set is named."""

    name = "facts"

    def __init__(self, query_set: str | None = None, prompt: str = "prompt0") -> None:
        self.destination = query_set or ""
        self.settings: dict[str, object] = {"prompt": prompt} if query_set else {}
        self._query_set = query_set
        self._prompt = prompt

    def parse(self, raw: RawRecord, source: Source) -> FactRow:
        """The row of one record; raises InvalidRecord."""
        record = Record(raw, source.name)
        fact_id = record.required_identifier("fact_id")
        relation = LoadRow(raw.line, record.place, record.required_identifier("predicate_uri"), record.text("relation"))
        ends = [_entity(record, raw.line, name) for name in ("entity0", "entity1")]
        prompts = [record.optional_text(name) or "" for name in PROMPTS]
        is_repetition = record.boolean("is_repetition") or False
        sentences = tuple(record.identifiers("trex_sentences"))
        frequency = record.count("c4_frequency", "fact_frequency")
        metadata = record.metadata()
        said = [(end.uri, end.label, end.aliases) for end in ends]
        content = (relation.key, relation.content, said, is_repetition, prompts, sorted(sentences), frequency)
        asked = self._asked(fact_id, prompts, ends[1], record.place, raw.line)
        return FactRow(
            raw.line,
            record.place,
            fact_id,
            content_digest(*content, metadata),
            subject=ends[0],
            relation=relation,
            object=ends[1],
            is_repetition=is_repetition,
            prompts=_without_last_blanks(prompts),
            sentence_ids=sentences,
            frequency=frequency,
            metadata=metadata,
            query=asked,
        )

    def _asked(self, fact_id: str, prompts: Sequence[str], target: Entity, place: str, line: int) -> QueryRow | None:
        """The query that asks for the fact, where a query set is named."""
        if self._query_set is None:
            return None
        prompt = prompts[PROMPTS.index(self._prompt)]
        if not prompt.strip():
            raise InvalidRecord(f"no {self._prompt!r} to make the fact's query of; the fact needs it")
        metadata = canonical_json({"target_aliases": list(target.aliases)})
        digest = content_digest(prompt, target.label, fact_id, metadata)
        return QueryRow(line, place, fact_id, digest, prompt, target.label, fact_id, metadata)

    def store(self, connection: Connection[TupleRow], rows: Sequence[FactRow], on_conflict: OnConflict) -> Stored:
        """What became of the rows, which are written with entities, relations, annotations and queries."""
        keys = {"keys": [row.key for row in rows]}
        digests = connection.execute(query("load_fact_digests"), keys).fetchall()
        decision = decide(rows, dict(digests), on_conflict)
        stored = Stored.of(decision)
        if written := decision.written:
            stored.notices += store_relations(connection, [row.relation for row in written], on_conflict)
            store_entities(connection, [end for row in written for end in (row.subject, row.object)])
            stage(connection, "fact", [_staged(row) for row in written])
            write_decided(connection, "fact", decision)
            connection.execute(query("load_fact_frequency"), {"corpus_name": FREQUENCY_CORPUS})
            annotate(
                connection,
                [(row.line, (row.key, sentence)) for row in written for sentence in row.sentence_ids],
            )
        self._store_queries(connection, rows, stored, on_conflict)
        return stored

    def _store_queries(
        self,
        connection: Connection[TupleRow],
        rows: Sequence[FactRow],
        stored: Stored,
        on_conflict: OnConflict,
    ) -> None:
        if self._query_set is None:
            return
        asked = [row.query for row in rows if row.query is not None]
        became = store_queries(connection, self._query_set, asked, on_conflict)
        stored.queries = became.inserted, became.updated, became.skipped
        stored.differing += [place for place in became.differing if place not in set(stored.differing)]


def _entity(record: Record, line: int, name: str) -> Entity:
    uri = record.required_identifier(f"{name}_uri")
    return Entity(line, uri, record.text(name), tuple(record.strings(f"{name}_alias")))


def _without_last_blanks(prompts: Sequence[str]) -> tuple[str, ...]:
    kept = list(prompts)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def _staged(row: FactRow) -> Staged:
    uris = (row.subject.uri, row.relation.key, row.object.uri)
    said = (row.is_repetition, list(row.prompts), row.metadata, row.frequency, row.content)
    return row.line, (row.key, *uris, *said)
