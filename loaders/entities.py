"""What facts are made of: entities, whose labels and aliases gather over loads, and relations."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.loaders.decide import LoadRow, decide
from trackstar_db.loaders.options import OnConflict
from trackstar_db.loaders.staging import stage, write_exactly


@dataclass(frozen=True)
class Entity:
    """An entity as one record names it."""

    line: int
    uri: str
    label: str
    aliases: tuple[str, ...]


def store_entities(connection: Connection[TupleRow], named: Iterable[Entity]) -> None:
    """Nothing; every entity is there: the first label stays, other labels and all aliases become aliases.

    Written in the order of their uris, so that two loads of the same entities wait and do not deadlock.
    """
    lines: dict[str, int] = {}
    names: dict[str, dict[str, None]] = {}
    for entity in named:
        lines.setdefault(entity.uri, entity.line)
        names.setdefault(entity.uri, {}).update(dict.fromkeys((entity.label, *entity.aliases)))
    rows = []
    for uri in sorted(names):
        label, *aliases = names[uri]
        rows.append((lines[uri], (uri, label, aliases)))
    stage(connection, "entity", rows)
    connection.execute(query("load_entity_merge"))


def store_relations(connection: Connection[TupleRow], named: Sequence[LoadRow], on_conflict: OnConflict) -> list[str]:
    """Notices about labels that were kept; every relation (key: uri, content: label) is there."""
    uris = list({row.key for row in named})
    stored: dict[Hashable, Hashable] = dict(
        connection.execute(query("load_relation_labels"), {"keys": uris}).fetchall()
    )
    decision = decide(named, stored, on_conflict)
    for name, rows in (("insert", decision.to_insert), ("update", decision.to_update)):
        if rows:
            ordered = sorted(rows, key=lambda row: str(row.key))
            values = {"uris": [row.key for row in ordered], "labels": [row.content for row in ordered]}
            write_exactly(connection, f"load_relation_{name}", len(rows), **values)
    if not decision.differing:
        return []
    count, first = len(decision.differing), decision.differing[0]
    return [f"{count:,} facts give a relation another label than the stored one, which was kept; first: {first}"]
