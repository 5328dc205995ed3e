"""Plain text: a file is one document, or each of its paragraphs or lines is one.

A document's id is the file's path in the folder that was given (the file's name where a file was given),
followed by the number of its first line where the file is split: `europe/france.md`, `notes.txt:17`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TypeAlias

from trackstar_db.errors import InvalidRecord
from trackstar_db.loaders.readers.base import (
    EXCERPT_CHARACTERS,
    MAX_RECORD_BYTES,
    Broken,
    Part,
    RawRecord,
    Row,
    Source,
)
from trackstar_db.loaders.readers.lines import UTF8_MARK, Lines, PartMaker, too_long
from trackstar_db.loaders.readers.parsing import decode_utf8
from trackstar_db.loaders.readers.streams import open_stream

Piece: TypeAlias = bytes | InvalidRecord


def read_text(source: Source) -> Iterator[Part]:
    """The parts of a text source: whole files as documents, or the paragraphs or lines of one file."""
    if source.split == "file":
        yield from _Files(source).parts()
        return
    with open_stream(source.path) as stream:
        lines = Lines(stream)
        split = _paragraphs if source.split == "paragraph" else _lines
        pieces = split(lines.numbered())
        yield from lines.maker.gather(_record(f"{source.name}:{line}", line, piece) for line, piece in pieces)


def _record(identifier: str, line: int, piece: Piece) -> RawRecord:
    if isinstance(piece, InvalidRecord):
        return Broken(line, str(piece))
    try:
        return Row(line, {"id": identifier, "text": decode_utf8(piece)})
    except InvalidRecord as error:
        return Broken(line, str(error), piece[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "backslashreplace"))


def _has_text(numbered: tuple[int, Piece]) -> bool:
    line = numbered[1]
    return isinstance(line, InvalidRecord) or bool(line.strip())


def _lines(numbered: Iterable[tuple[int, Piece]]) -> Iterator[tuple[int, Piece]]:
    yield from filter(_has_text, numbered)


def _paragraphs(numbered: Iterable[tuple[int, Piece]]) -> Iterator[tuple[int, Piece]]:
    """Lines up to a blank one, joined by LF; memory is bounded however long a paragraph is."""
    for has_text, lines in groupby(numbered, _has_text):
        if has_text:
            yield _paragraph(lines)


def _paragraph(lines: Iterator[tuple[int, Piece]]) -> tuple[int, Piece]:
    began, size = 0, 0
    held: list[bytes] = []
    problem: InvalidRecord | None = None
    for number, piece in lines:
        began = began or number
        if isinstance(piece, InvalidRecord):
            problem = piece
        elif size <= MAX_RECORD_BYTES:
            held.append(piece)
            size += len(piece) + 1
    if size > MAX_RECORD_BYTES:
        problem = too_long()
    return began, problem or b"\n".join(held)


class _Files:
    """The files of a source, each one document."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._read = 0
        self._maker = PartMaker(lambda: self._read)

    def parts(self) -> Iterator[Part]:
        """Parts of many small files or few large ones; a record's line is the file's place, from 1."""
        yield from self._maker.gather(self._records())

    def _records(self) -> Iterator[RawRecord]:
        for place, path in enumerate(self._source.files or (None,), start=1):
            identifier = self._source.name if path is None else self._source.name_of(path)
            with open_stream(path) as stream:
                content = stream.buffer.read(MAX_RECORD_BYTES + 1)
                self._read += stream.position
            self._maker.update(identifier.encode("utf-8", "surrogateescape"), b"\0", content, b"\0")
            is_too_long = len(content) > MAX_RECORD_BYTES
            yield _record(identifier, place, too_long() if is_too_long else content.removeprefix(UTF8_MARK))
