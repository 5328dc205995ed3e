"""Parquet: a part is a row group, or a stretch of one that is too large for one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq

from trackstar_db.errors import UnreadableSource
from trackstar_db.loaders.readers.arrow import check_columns, reading, rows_of_batch
from trackstar_db.loaders.readers.base import PART_BYTES, PART_RECORDS, Part, RawRecord, Source

_CHUNK = 1024**2
_BATCH_ROWS = 1000


def read_parquet(source: Source) -> Iterator[Part]:
    """The parts of a Parquet file; row numbers count from 1 over the whole file."""
    path = source.path
    if path is None:
        raise UnreadableSource("Parquet cannot be read from standard input; give the path of a file.")
    with reading(path, "Parquet"), pq.ParquetFile(path) as file:
        check_columns(file.schema_arrow.names, path)
        number, first_row = 0, 1
        for group in range(file.num_row_groups):
            row_group = _RowGroup(file, path, group, first_row)
            for part in row_group.parts(number):
                yield part
                number += 1
            first_row += row_group.row_count


class _RowGroup:
    """One row group, decoded only as far as its records are asked for."""

    def __init__(self, file: pq.ParquetFile, path: Path, group: int, first_row: int) -> None:
        self._file = file
        self._path = path
        self._group = group
        self._first_row = first_row
        self._metadata = file.metadata.row_group(group)
        self.row_count: int = self._metadata.num_rows
        self._rows = self._decoded()
        self._given = 0

    def parts(self, number: int) -> Iterator[Part]:
        """The row group's parts, from a number on; each part's share of the stored bytes is its size."""
        if not self.row_count:
            return
        digest = self._digest()
        row_bytes = max(1, self._metadata.total_byte_size // self.row_count)
        rows = max(1, min(PART_RECORDS, PART_BYTES // row_bytes))
        stored = sum(size for _, size in self._column_ranges())
        for start in range(0, self.row_count, rows):
            stop = min(start + rows, self.row_count)
            extent = f"rows {self._first_row + start} to {self._first_row + stop - 1}".encode()
            size = stored * (stop - start) // self.row_count
            yield Part(number, hashlib.sha256(digest + extent).digest(), size, partial(self.records, start, stop))
            number += 1

    def records(self, start: int, stop: int) -> Iterator[RawRecord]:
        """The rows from start up to stop, counted in the row group; only forwards."""
        next(islice(self._rows, start - self._given, start - self._given), None)
        self._given = stop
        return islice(self._rows, stop - start)

    def _decoded(self) -> Iterator[RawRecord]:
        with reading(self._path, "Parquet"):
            row = self._first_row
            for batch in self._file.iter_batches(_BATCH_ROWS, row_groups=[self._group], use_threads=False):
                yield from rows_of_batch(batch, row)
                row += batch.num_rows

    def _column_ranges(self) -> Iterator[tuple[int, int]]:
        for column in range(self._metadata.num_columns):
            chunk = self._metadata.column(column)
            pages = [chunk.dictionary_page_offset, chunk.data_page_offset]
            yield min(page for page in pages if page), chunk.total_compressed_size

    def _digest(self) -> bytes:
        """sha256 over the schema and the stored bytes of every column."""
        digest = hashlib.sha256(str(self._file.schema_arrow).encode())
        with self._path.open("rb") as raw:
            for offset, size in self._column_ranges():
                raw.seek(offset)
                while size > 0 and (piece := raw.read(min(size, _CHUNK))):
                    digest.update(piece)
                    size -= len(piece)
        return digest.digest()
