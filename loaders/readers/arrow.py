"""Arrow: rows of record batches, and the Arrow files that Hugging Face `save_to_disk` writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from trackstar_db.errors import UnreadableSource
from trackstar_db.loaders.readers.base import PART_BYTES, PART_RECORDS, Broken, Part, RawRecord, Row, Source

FILE_MAGIC = b"ARROW1"


def read_arrow(source: Source) -> Iterator[Part]:
    """The parts of an Arrow file (IPC stream or file); row numbers count from 1 over the whole file."""
    path = source.path
    if path is None:
        raise UnreadableSource("Arrow files cannot be read from standard input; give the path of a file.")
    with reading(path, "Arrow"), pa.OSFile(str(path)) as file:
        is_file_format = file.read(len(FILE_MAGIC)) == FILE_MAGIC
        file.seek(0)
        reader = pa.ipc.open_file(file) if is_file_format else pa.ipc.open_stream(file)
        check_columns(reader.schema.names, path)
        first_row, began = 1, 0
        for number, batches in enumerate(_stretches(_batches(reader, is_file_format))):
            digest = hashlib.sha256(str(reader.schema).encode())
            for batch in batches:
                digest.update(batch.serialize())
            yield Part(number, digest.digest(), file.tell() - began, _Rows(batches, first_row))
            began = file.tell()
            first_row += sum(batch.num_rows for batch in batches)


def _batches(reader: pa.RecordBatchReader, is_file_format: bool) -> Iterator[pa.RecordBatch]:
    batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file_format else reader
    for batch in batches:
        for start in range(0, batch.num_rows, PART_RECORDS):
            yield batch.slice(start, PART_RECORDS)


def _stretches(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    held: list[pa.RecordBatch] = []
    rows, size = 0, 0
    for batch in batches:
        if held and rows + batch.num_rows > PART_RECORDS:
            yield held
            held, rows, size = [], 0, 0
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if size >= PART_BYTES:
            yield held
            held, rows, size = [], 0, 0
    if held:
        yield held


class _Rows:
    """The rows of batches as records, when they are asked for."""

    def __init__(self, batches: Sequence[pa.RecordBatch], first_row: int) -> None:
        self._batches = batches
        self._first_row = first_row

    def __call__(self) -> Iterator[RawRecord]:
        row = self._first_row
        for batch in self._batches:
            yield from rows_of_batch(batch, row)
            row += batch.num_rows


def rows_of_batch(batch: pa.RecordBatch, first_row: int) -> Iterator[RawRecord]:
    """The rows of a batch as records; a row that Python cannot hold is a broken one, the others stay."""
    batch = _without_nanoseconds(batch)
    try:
        rows = batch.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException) as error:  # ValueError: text that is no UTF-8, too
        if batch.num_rows == 1:
            yield Broken(first_row, f"holds a value that cannot be read: {error}")
            return
        for place in range(batch.num_rows):
            yield from rows_of_batch(batch.slice(place, 1), first_row + place)
        return
    for place, row in enumerate(rows):
        yield Row(first_row + place, row)


def _without_nanoseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with times of nanoseconds, which Python's datetime cannot hold, as strings."""
    for place, column in enumerate(batch.schema):
        if getattr(column.type, "unit", None) == "ns" and not pa.types.is_duration(column.type):
            batch = batch.set_column(place, column.name, batch.column(place).cast(pa.string()))
    return batch


def check_columns(names: Sequence[str], path: Path) -> None:
    """Raise UnreadableSource where two columns have one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnreadableSource(f"{path} has two columns named {twice[0]!r}; expected each name once.")


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Tell what pyarrow and the operating system raise as UnreadableSource."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableSource(f"cannot read {path} as {kind}: {what}. Expected a whole {kind} file.") from error
