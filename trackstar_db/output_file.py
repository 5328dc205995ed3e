"""Files that are written whole or not at all, compressed by their names."""

from __future__ import annotations

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO

import zstandard

from trackstar_db.errors import InputError

KEPT_CHARACTERS = 40  # of a name that may be as long as a file's can be, in the name of a file that is begun

_numbers = count(1)


@contextmanager
def open_output(path: str | Path | None) -> Iterator[IO[bytes]]:
    """A stream into a file, gzip or zstd where its name ends in .gz or .zst; None and `-` are standard output.

    The file takes its name, and the place of one that was there, when the block ends without an exception.
    The same content gives the same bytes. Raises InputError where it cannot be written.
    """
    if path is None or str(path) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = Path(path).resolve()
    if _is_there(target, path) and not target.is_file() and not target.is_dir():  # a pipe, a device
        with _opened(target, path, "wb") as raw, _compressed(raw, target.suffix) as stream:
            yield stream
        return
    with begun_file(path) as begun, _opened(begun, path, "xb") as raw, _compressed(raw, target.suffix) as stream:
        yield stream


@contextmanager
def begun_file(path: str | Path) -> Iterator[Path]:
    """Where to write a file, which does not exist yet and stands in the same folder.

    It takes the name that was given, and the place of one that was there, when the block ends without an exception.
    Raises InputError where the name is a folder's or a device's.
    """
    target = Path(path).resolve()
    if _is_there(target, path) and not target.is_file():
        raise InputError(f"cannot write {path}: it is a {'folder' if target.is_dir() else 'device'}. Name a file.")
    begun = target.with_name(f".{target.name[:KEPT_CHARACTERS]}.{os.getpid()}-{next(_numbers)}.part")
    try:
        yield begun
        begun.replace(target)
    finally:
        begun.unlink(missing_ok=True)


def _is_there(file: Path, named: str | Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        raise _unwritable(named, error) from error


def _opened(file: Path, named: str | Path, mode: str) -> IO[bytes]:
    try:
        return file.open(mode)
    except OSError as error:
        raise _unwritable(named, error) from error


def _unwritable(named: str | Path, error: OSError) -> InputError:
    return InputError(f"cannot write {named}: {error.strerror or error}. Name a file that can be written.")


@contextmanager
def _compressed(raw: IO[bytes], suffix: str) -> Iterator[IO[bytes]]:
    if suffix == ".gz":
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as stream:
            yield stream  # type: ignore[misc]
    elif suffix in (".zst", ".zstd"):
        with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as compressed:
            yield compressed
    else:
        yield raw
