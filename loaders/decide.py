"""Which records of a part are new, which replace a stored row, and which change nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from trackstar_db.errors import ConflictingRecord
from trackstar_db.loaders.options import OnConflict


@dataclass(frozen=True)
class LoadRow:
    """A row that can be compared with the stored row of the same key.

    line: in its source; place: for messages, source and line
    key: what makes it the same row; content: what makes two rows of one key say the same
    is_generated: the key was made of the names of files and of lines, the record has none
    """

    line: int
    place: str
    key: Hashable
    content: Hashable
    is_generated: bool = field(default=False, kw_only=True)


RowT = TypeVar("RowT", bound=LoadRow)


@dataclass
class Decision(Generic[RowT]):
    """Rows to write, in the source's order, and what is counted for the records.

    differing: places of records that differ from a stored row which was kept
    """

    to_insert: list[RowT] = field(default_factory=list)
    to_update: list[RowT] = field(default_factory=list)
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    differing: list[str] = field(default_factory=list)

    @property
    def written(self) -> list[RowT]:
        """The new rows, then those that replace a stored one."""
        return [*self.to_insert, *self.to_update]


def decide(rows: Sequence[RowT], stored: Mapping[Hashable, Hashable], on_conflict: OnConflict) -> Decision[RowT]:
    """What to do with rows, one after another as if each were written before the next is looked at.

    stored: content by key of the rows that are in the database
    Raises ConflictingRecord for other content under `error`; under `skip` too where the key is generated:
    it is as likely another document of the same file name as another version of the one that is stored.
    """
    decision: Decision[RowT] = Decision()
    written: dict[Hashable, RowT] = {}
    for row in rows:
        known = written[row.key].content if row.key in written else stored.get(row.key)
        if known is None:
            decision.inserted += 1
            written[row.key] = row
        elif known == row.content:
            decision.skipped += 1
        elif on_conflict == "update":
            decision.updated += 1
            written[row.key] = row
        elif on_conflict == "skip" and not row.is_generated:
            decision.skipped += 1
            decision.differing.append(row.place)
        else:
            raise _conflict(row)
    for key, row in written.items():
        (decision.to_update if key in stored else decision.to_insert).append(row)
    return decision


def _conflict(row: LoadRow) -> ConflictingRecord:
    if row.is_generated:
        return ConflictingRecord(
            f"{row.place}: its id {row.key!r} was generated from the file's name and line, and is already there "
            "with other content; expected a new id or the same content: another file of that name (or "
            "standard input) was loaded into this corpus or query set before, or the file has changed since. "
            "Nothing of this part is written; parts before it stay loaded. Name the field with the records' ids "
            "(--id-field), load into another --corpus or --query-set, or use --on-conflict update if the file "
            "was really changed."
        )
    shown = " · ".join(str(part) for part in row.key) if isinstance(row.key, tuple) else repr(row.key)
    return ConflictingRecord(
        f"{row.place}: {shown} is already there with other content; expected the same. "
        "Parts before this one stay loaded. Use --on-conflict update to replace what is stored, "
        "or --on-conflict skip to keep it."
    )
