"""The load ledger: what an interrupted load of a source has already written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.loaders.readers import Part


@dataclass(frozen=True)
class Counts:
    """What became of records."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class LedgerKey:
    """What makes two loads the same load. settings: canonical JSON"""

    kind: str
    destination: str
    source: str
    settings: str

    @property
    def parameters(self) -> dict[str, object]:
        """The key by column."""
        return {
            "kind": self.kind,
            "destination": self.destination,
            "source": self.source,
            "settings": self.settings,
        }

    @property
    def lock_name(self) -> str:
        """The advisory lock's name: settings do not matter, two loads of one source wait for each other."""
        return f"trackstar load {self.kind} {self.destination!r} {self.source!r}"


class Ledger:
    """The ledger's rows of one load; every write is in the transaction of the rows it is about."""

    def __init__(self, connection: Connection[TupleRow], key: LedgerKey) -> None:
        self._key = key
        rows = connection.execute(query("load_ledger_parts"), key.parameters)
        self._parts = {part: (bytes(digest), Counts(*counts)) for part, digest, *counts in rows}

    @property
    def known_parts(self) -> int:
        """How many parts an interrupted load has left."""
        return len(self._parts)

    def written(self, part: Part) -> Counts | None:
        """What became of the part when it was written; None for a part that is new or has changed."""
        digest, counts = self._parts.get(part.number, (b"", None))
        return counts if digest == part.digest else None

    def record(self, part: Part, connection: Connection[TupleRow], counts: Counts) -> None:
        """Nothing; the part is known as written once the transaction is committed."""
        values = {
            "load_id": self._open(connection),
            "part": part.number,
            "digest": part.digest,
            "read": counts.read,
            "inserted": counts.inserted,
            "updated": counts.updated,
            "skipped": counts.skipped,
            "rejected": counts.rejected,
        }
        connection.execute(query("load_ledger_part"), values)

    def finish(self, connection: Connection[TupleRow], is_whole: bool) -> None:
        """Nothing; the source is loaded. is_whole: to its end, not up to a limit"""
        values = {"load_id": self._open(connection), "is_whole": is_whole}
        connection.execute(query("load_ledger_finish"), values)

    def _open(self, connection: Connection[TupleRow]) -> int:
        row = connection.execute(query("load_ledger_open"), self._key.parameters).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def exclusive(database: Database, key: LedgerKey) -> Iterator[bool]:
    """Whether another process's load of the same source had to end first; none runs inside the block."""
    name = {"name": key.lock_name}
    with database.session() as session:
        row = session.execute(query("advisory_try_lock"), name).fetchone()
        had_to_wait = row is None or not row[0]
        if had_to_wait:
            session.execute(query("advisory_lock"), name)
        yield had_to_wait
        with suppress(psycopg.OperationalError):  # a lost session has no lock to give back
            session.execute(query("advisory_unlock"), name)
