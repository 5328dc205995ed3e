"""One part of a load: its records become rows, and the rows are written together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Generic, Protocol, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.ledger import Counts
from trackstar_db.loaders.options import OnConflict
from trackstar_db.loaders.readers import Part, RawRecord, Source
from trackstar_db.loaders.rejects import Rejection
from trackstar_db.loaders.staging import RowsRefused, Stored


class HasLine(Protocol):
    """A row that remembers its line."""

    @property
    def line(self) -> int:
        """The line of the source, from 1."""


RowT = TypeVar("RowT", bound=HasLine)


class Kind(Protocol[RowT]):
    """One kind of load: what its records are, and how its rows are stored."""

    @property
    def name(self) -> str:
        """documents, sentences, facts, queries, labels or results."""

    @property
    def destination(self) -> str:
        """The corpus, query set or run that it goes to, if it goes to one."""

    @property
    def settings(self) -> Mapping[str, object]:
        """What makes two loads of one source to one destination different loads."""

    def parse(self, raw: RawRecord, source: Source) -> RowT:
        """The row of one record; raises InvalidRecord."""

    def store(self, connection: Connection[TupleRow], rows: Sequence[RowT], on_conflict: OnConflict) -> Stored:
        """What became of the rows, which are written."""


@dataclass(frozen=True)
class ParsedPart(Generic[RowT]):
    """A part's records: rows, and reasons by line for those that are none."""

    source: Source
    raws: Mapping[int, RawRecord]
    rows: list[RowT]
    reasons: Mapping[int, str]

    def without(self, refused: Mapping[int, str]) -> ParsedPart[RowT]:
        """The same, with more rows that are none."""
        rows = [row for row in self.rows if row.line not in refused]
        return replace(self, rows=rows, reasons={**self.reasons, **refused})


@dataclass(frozen=True)
class WrittenPart:
    """What became of a part's records."""

    counts: Counts
    stored: Stored
    rejections: list[Rejection]


Work = Callable[[Connection[TupleRow]], WrittenPart]


def parse_part(kind: Kind[RowT], source: Source, part: Part, limit: int | None) -> ParsedPart[RowT]:
    """The first records of a part, up to a limit, as rows or as reasons why they are none."""
    parsed: ParsedPart[RowT] = ParsedPart(source, raws := {}, rows := [], reasons := {})
    for raw in islice(part.records(), limit):
        raws[raw.line] = raw
        try:
            rows.append(kind.parse(raw, source))
        except InvalidRecord as error:
            reasons[raw.line] = str(error)
    return parsed


def write_part(
    transact: Callable[[Work], WrittenPart],
    kind: Kind[RowT],
    parsed: ParsedPart[RowT],
    on_conflict: OnConflict,
    record: Callable[[Connection[TupleRow], Counts], None] | None = None,
) -> WrittenPart:
    """What became of the records, written in one transaction; without those that PostgreSQL refuses.

    record: what else belongs into the transaction
    """

    def write(connection: Connection[TupleRow], parsed: ParsedPart[RowT]) -> WrittenPart:
        stored = kind.store(connection, parsed.rows, on_conflict)
        written = _written(parsed, stored)
        if record is not None:
            record(connection, written.counts)
        return written

    while True:
        try:
            return transact(lambda connection, parsed=parsed: write(connection, parsed))  # type: ignore[misc]
        except RowsRefused as refused:
            parsed = parsed.without(refused.reasons)


def _written(parsed: ParsedPart[RowT], stored: Stored) -> WrittenPart:
    reasons = {**parsed.reasons, **stored.rejections}
    rejections = [
        Rejection(parsed.source.key, line, reasons[line], parsed.raws[line].excerpt()) for line in sorted(reasons)
    ]
    counts = Counts(len(parsed.raws), stored.inserted, stored.updated, stored.skipped, len(reasons))
    return WrittenPart(counts, stored, rejections)
