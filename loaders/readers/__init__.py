"""Readers by format: outside bytes become a stream of parts with numbered raw records."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from trackstar_db.loaders.readers.arrow import read_arrow
from trackstar_db.loaders.readers.base import Format, Part, RawRecord, Source, Split
from trackstar_db.loaders.readers.csv import read_csv
from trackstar_db.loaders.readers.discovery import READERS, Found, Reader, find_sources
from trackstar_db.loaders.readers.jsonl import read_jsonl
from trackstar_db.loaders.readers.parquet import read_parquet
from trackstar_db.loaders.readers.text import read_text

_READ: dict[Format, Callable[[Source], Iterator[Part]]] = {
    "arrow": read_arrow,
    "c4": read_jsonl,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "text": read_text,
}


def read_parts(source: Source) -> Generator[Part, None, None]:
    """The parts of a source in order; raises UnreadableSource where it breaks off."""
    yield from _READ[source.format](source)


__all__ = [
    "READERS",
    "Format",
    "Found",
    "Part",
    "RawRecord",
    "Reader",
    "Source",
    "Split",
    "find_sources",
    "read_parts",
]
