"""Files, compressed or not, and standard input as one kind of byte stream."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import zstandard

from trackstar_db.errors import UnreadableSource

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CHUNK = 256 * 1024
_ZSTD_INPUT = 4096  # zstd may expand a byte 32,768 times; this bounds what one step can give


class _Chunks(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class _Counted:
    """A file that counts the bytes read from it, its first ones given back first."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self._file = file
        self._head = head
        self.position = len(head)

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            size = len(self._head) if size < 0 else size
            head, self._head = self._head[:size], self._head[size:]
            return head
        chunk = self._file.read(size)
        self.position += len(chunk)
        return chunk

    read1 = read


class _Zstd:
    """The content of zstd frames, one after another; unlike zstandard's own reader it notices a cut."""

    def __init__(self, file: _Counted) -> None:
        self._file = file
        self._pending = b""
        self._frame: zstandard.ZstdDecompressionObj | None = None

    def read1(self, size: int, /) -> bytes:
        while not self._pending:
            chunk = self._file.read(_ZSTD_INPUT)
            if not chunk:
                if self._frame is not None:
                    raise EOFError("the last zstd frame has no end")
                return b""
            self._pending = self._decompress(chunk)
        taken, self._pending = self._pending[:size], self._pending[size:]
        return taken

    def _decompress(self, chunk: bytes) -> bytes:
        pieces = []
        while chunk:
            self._frame = self._frame or zstandard.ZstdDecompressor().decompressobj()
            pieces.append(self._frame.decompress(chunk))
            chunk = b""
            if self._frame.eof:
                chunk, self._frame = self._frame.unused_data, None
        return b"".join(pieces)


class _Guarded(io.RawIOBase):
    """The bytes of a stream, its failures told as UnreadableSource."""

    def __init__(self, chunks: _Chunks, name: str) -> None:
        self._chunks = chunks
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        try:
            chunk = self._chunks.read1(len(buffer))
        except EOFError as error:
            advice = "what stood before is loaded. Get the whole file and load it again: it continues there"
            raise UnreadableSource(f"{self._name} is cut off: its compressed data has no end; {advice}.") from error
        except (OSError, zlib.error, zstandard.ZstdError) as error:
            raise UnreadableSource(f"{self._name} cannot be read on: {error}. Check the file.") from error
        buffer[: len(chunk)] = chunk
        return len(chunk)


class ByteStream:
    """The plain bytes of a source, and how far into its stored bytes they reach."""

    def __init__(self, chunks: _Chunks, counted: _Counted, name: str) -> None:
        self.name = name
        self.buffer = io.BufferedReader(_Guarded(chunks, name), _CHUNK)
        self._counted = counted

    @property
    def position(self) -> int:
        """Stored (compressed) bytes read so far."""
        return self._counted.position


@contextmanager
def open_stream(path: Path | None) -> Iterator[ByteStream]:
    """The bytes of a file, decompressed where it is gzip or zstd; None is standard input."""
    name = "standard input" if path is None else str(path)
    with ExitStack() as stack:
        try:
            file = sys.stdin.buffer if path is None else stack.enter_context(path.open("rb"))
            counted = _Counted(file, head := file.read(4))
        except OSError as error:
            raise unreadable(name, error) from error
        chunks: _Chunks = counted
        if head.startswith(GZIP_MAGIC):
            chunks = stack.enter_context(gzip.GzipFile(fileobj=cast(BinaryIO, counted), mode="rb"))
        elif head == ZSTD_MAGIC:
            chunks = _Zstd(counted)
        else:
            _refuse_wrong_beginning(name, path, head)
        yield ByteStream(chunks, counted, name)


def unreadable(name: str, error: OSError) -> UnreadableSource:
    """The UnreadableSource for an error of the operating system."""
    return UnreadableSource(f"cannot read {name}: {error.strerror or error}. Expected a readable file or folder.")


def _refuse_wrong_beginning(name: str, path: Path | None, head: bytes) -> None:
    if head.startswith(UTF16_MARKS):
        raise UnreadableSource(f"{name} is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8")
    suffix = path.suffix if path is not None else ""
    if suffix in (".gz", ".zst", ".zstd"):
        kind = "gzip" if suffix == ".gz" else "zstd"
        begins = f"it begins with {head!r}" if head else "it is empty"
        raise UnreadableSource(f"{name} is not {kind}: {begins}. Get the file again, or take {suffix} off its name.")
