"""JSON Lines (and C4's shards, which are JSON Lines): one record a line, blank lines ignored."""

from __future__ import annotations

from collections.abc import Iterator

from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.readers.base import Broken, JsonLine, Part, RawRecord, Source
from trackstar_db.loaders.readers.lines import Lines
from trackstar_db.loaders.readers.streams import open_stream


def read_jsonl(source: Source) -> Iterator[Part]:
    """The parts of a JSON Lines source; line numbers count blank lines too."""
    with open_stream(source.path) as stream:
        lines = Lines(stream)
        yield from lines.maker.gather(_records(lines))


def _records(lines: Lines) -> Iterator[RawRecord]:
    for number, line in lines.numbered():
        if isinstance(line, InvalidRecord):
            yield Broken(number, str(line))
        elif line.strip():
            yield JsonLine(number, line)
