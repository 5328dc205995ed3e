"""What every reader gives: a source as a stream of parts, a part as numbered raw records.

A part is the unit of work of a load: it is written in one transaction and has one row in the ledger. Its
digest covers its raw content, so that a part which was loaded before can be known without parsing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.readers.parsing import parse_json_object

PART_RECORDS = 10_000
PART_BYTES = 64 * 1024**2
MAX_RECORD_BYTES = 256 * 1024**2
EXCERPT_CHARACTERS = 1000

Format = Literal["jsonl", "parquet", "csv", "text", "c4", "arrow"]
Split = Literal["file", "paragraph", "line"]


class RawRecord(Protocol):
    """One record as its source has it, not yet checked."""

    @property
    def line(self) -> int:
        """The line or row number in the source, from 1."""

    def fields(self) -> dict[str, object]:
        """The record's fields by name; raises InvalidRecord where it has none."""

    def excerpt(self) -> str:
        """The record for the eyes of a person, at most 1,000 characters."""


@dataclass(frozen=True)
class JsonLine:
    """A line that should hold one JSON object."""

    line: int
    content: bytes

    def fields(self) -> dict[str, object]:
        """The object's fields; raises InvalidRecord for anything that is no plain JSON object."""
        return parse_json_object(self.content)

    def excerpt(self) -> str:
        """The beginning of the line, bytes that are no UTF-8 escaped."""
        return self.content[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "backslashreplace")[:EXCERPT_CHARACTERS]


@dataclass(frozen=True)
class Row:
    """A record whose reader already has its fields."""

    line: int
    values: dict[str, object]

    def fields(self) -> dict[str, object]:
        """A copy of the fields, which the caller may take apart."""
        return dict(self.values)

    def excerpt(self) -> str:
        """The fields as Python shows them, cut."""
        return repr(self.values)[:EXCERPT_CHARACTERS]


@dataclass(frozen=True)
class Broken:
    """A stretch of the source that could not be read as a record."""

    line: int
    reason: str
    content: str = ""

    def fields(self) -> dict[str, object]:
        """Never anything: raises InvalidRecord with the reason."""
        raise InvalidRecord(self.reason)

    def excerpt(self) -> str:
        """What could be read of it."""
        return self.content[:EXCERPT_CHARACTERS]


@dataclass(frozen=True)
class Part:
    """A stretch of a source: number from 0, sha256 of the raw content, records on demand.

    records: to be asked for before the next part is
    size: bytes of the source that were read for it (compressed bytes where it is compressed)
    """

    number: int
    digest: bytes
    size: int
    records: Callable[[], Iterator[RawRecord]]


@dataclass(frozen=True)
class Source:
    """One thing to load: a file, standard input, or a folder that is read as a whole.

    name: what ids begin with when records have none; key: what the ledger knows the source by
    size: bytes on disk, None where nobody knows (standard input)
    root: the folder in which its files' paths are their names; None where the source's own name is its file's
    """

    name: str
    key: str
    format: Format
    files: tuple[Path, ...]
    size: int | None = None
    split: Split = "file"
    root: Path | None = None

    @property
    def path(self) -> Path | None:
        """The one file of a source that has one; None is standard input."""
        return self.files[0] if self.files else None

    def name_of(self, path: Path) -> str:
        """The name of one of its files: its path in the folder, however many are there, or the source's own."""
        return self.name if self.root is None else path.relative_to(self.root).as_posix()
