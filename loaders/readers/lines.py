"""The lines of a stream, and the gathering of records into parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from trackstar_db.errors import InvalidRecord, UnreadableSource
from trackstar_db.loaders.readers.base import MAX_RECORD_BYTES, PART_BYTES, PART_RECORDS, Part, RawRecord
from trackstar_db.loaders.readers.streams import ByteStream

UTF8_MARK = b"\xef\xbb\xbf"
_PIECE = 1024**2


def too_long() -> InvalidRecord:
    """The InvalidRecord of a record beyond the limit."""
    limit = MAX_RECORD_BYTES // 1024**2
    return InvalidRecord(f"longer than {limit} MiB, the most that a record may have; split the text")


class PartMaker:
    """Digests raw content as it is read, and cuts it into parts.

    position: stored bytes of the source read so far
    """

    def __init__(self, position: Callable[[], int]) -> None:
        self._position = position
        self._part_began = 0
        self._hash = hashlib.sha256()
        self._size = 0

    def update(self, *pieces: bytes) -> None:
        """Take in raw content of the part that is being made."""
        for piece in pieces:
            self._hash.update(piece)
            self._size += len(piece)

    def gather(self, records: Iterator[RawRecord]) -> Iterator[Part]:
        """Parts of at most PART_RECORDS records or PART_BYTES bytes, whichever comes first.

        Where the source breaks off, all records before the break come as a last part before UnreadableSource.
        """
        held: list[RawRecord] = []
        number = 0
        try:
            for record in records:
                held.append(record)
                if len(held) >= PART_RECORDS or self._size >= PART_BYTES:
                    yield self._part(number, held)
                    held, number = [], number + 1
        except UnreadableSource:
            if held:
                yield self._part(number, held)
            raise
        if held:
            yield self._part(number, held)

    def _part(self, number: int, records: list[RawRecord]) -> Part:
        began, self._part_began = self._part_began, self._position()
        digest, self._hash, self._size = self._hash.digest(), hashlib.sha256(), 0
        return Part(number, digest, self._part_began - began, records.__iter__)


class Lines:
    """The lines of a stream without their ends (LF or CRLF) and without a byte order mark.

    `next` raises InvalidRecord for a line of more than MAX_RECORD_BYTES; the next call goes on after it.
    number: of the line given last, from 1
    """

    def __init__(self, stream: ByteStream) -> None:
        self._buffer = stream.buffer
        self.maker = PartMaker(lambda: stream.position)
        self.number = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._buffer.readline(MAX_RECORD_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self.maker.update(line)
        if len(line) > MAX_RECORD_BYTES and not line.endswith(b"\n"):
            self._skip_rest()
            raise too_long()
        if self.number == 1:
            line = line.removeprefix(UTF8_MARK)
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def _skip_rest(self) -> None:
        while True:
            piece = self._buffer.readline(_PIECE)
            self.maker.update(piece)
            if not piece or piece.endswith(b"\n"):
                return

    def numbered(self) -> Iterator[tuple[int, bytes | InvalidRecord]]:
        """Every line with its number; a line that is too long as the InvalidRecord it raised."""
        while True:
            try:
                for line in self:
                    yield self.number, line
                return
            except InvalidRecord as error:
                yield self.number, error
