"""CSV and TSV with a header line; every value is a string, an empty one null."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from trackstar_db.errors import InvalidRecord, UnreadableSource
from trackstar_db.loaders.readers.base import MAX_RECORD_BYTES, Broken, Part, RawRecord, Row, Source
from trackstar_db.loaders.readers.lines import Lines
from trackstar_db.loaders.readers.parsing import decode_utf8
from trackstar_db.loaders.readers.streams import open_stream


def read_csv(source: Source) -> Iterator[Part]:
    """The parts of a CSV source; a record has the number of the line where it begins."""
    csv.field_size_limit(MAX_RECORD_BYTES)  # the csv module has one limit for the whole process
    with open_stream(source.path) as stream:
        lines = Lines(stream)
        delimiter = "\t" if ".tsv" in PurePosixPath(source.name).name else ","
        rows = csv.reader(_DecodedLines(lines), delimiter=delimiter, strict=True)
        yield from lines.maker.gather(_records(lines, rows, source.name))


class _DecodedLines:
    """Lines as text; bytes that are no UTF-8 stay visible as surrogates for the record they fall into."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._lines).decode("utf-8", "surrogateescape") + "\n"


def _records(lines: Lines, rows: Iterator[list[str]], name: str) -> Iterator[RawRecord]:
    header: list[str] | None = None
    while True:
        line = lines.number + 1
        try:
            row = next(rows)
            if header is None:
                header = _header(row, name)
            elif row:
                yield _record(line, header, row)
        except StopIteration:
            return
        except (csv.Error, InvalidRecord) as error:
            if header is None:
                raise UnreadableSource(f"{name} has no header that can be read: {error}.") from error
            yield Broken(line, f"not valid CSV ({error})" if isinstance(error, csv.Error) else str(error))


def _header(row: Sequence[str], name: str) -> list[str]:
    problem = None
    if not row or any(not column.strip() for column in row):
        problem = "its first line names no column, or has a column without a name"
    elif len(set(row)) < len(row):
        problem = "its first line names a column twice"
    elif any(not column.isprintable() for column in row):
        problem = "its first line is no text"
    if problem:
        raise UnreadableSource(f"{name} is no CSV with a header: {problem}. Expected column names, each once.")
    return list(row)


def _record(line: int, header: Sequence[str], row: Sequence[str]) -> RawRecord:
    content = ",".join(row)
    try:
        decode_utf8(content.encode("utf-8", "surrogateescape"))
    except InvalidRecord as error:
        shown = content.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return Broken(line, str(error), shown)
    if len(row) != len(header):
        return Broken(line, f"has {len(row)} values; the header names {len(header)} columns", content)
    return Row(line, {name: value or None for name, value in zip(header, row, strict=True)})
