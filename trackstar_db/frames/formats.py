"""File formats for tables: which one a name means, and how record batches are written in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath
from typing import IO, Any, Literal, TypeAlias, cast

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from trackstar_db.database.json_values import one_line, plain
from trackstar_db.errors import InputError
from trackstar_db.frames.arrow_types import is_json

Format: TypeAlias = Literal["parquet", "arrow", "csv", "jsonl", "sqlite"]
FORMATS: tuple[Format, ...] = ("parquet", "arrow", "csv", "jsonl", "sqlite")
TEXT_FORMATS: tuple[Format, ...] = ("csv", "jsonl")

ENDINGS: dict[str, Format] = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
}
COMPRESSED = (".gz", ".zst", ".zstd")


def format_of(output: str, given: Format | None) -> Format:
    """The format of a file: the one that is given, else what its name ends in; csv on standard output (`-`).

    Raises InputError where neither tells, or the format does not go to where it is asked for.
    """
    endings = [ending.lower() for ending in PurePath(output).suffixes[-2:]]
    is_compressed = bool(endings) and endings[-1] in COMPRESSED
    ending = (endings[:-1] if is_compressed else endings)[-1:]
    found = given or (ENDINGS.get(ending[0]) if ending else "csv" if output == "-" else None)
    if found is None:
        raise InputError(
            f"cannot tell the format of {output!r}. End the name in {', '.join(ENDINGS)}, or say it: one of "
            f"{', '.join(FORMATS)}."
        )
    if found in TEXT_FORMATS:
        return found
    if output == "-":
        raise InputError(f"{found} does not go to standard output. Name a file, or take {' or '.join(TEXT_FORMATS)}.")
    if is_compressed:
        raise InputError(f"{found} is not compressed from outside: end the name without {endings[-1]}.")
    return found


Write: TypeAlias = Callable[[IO[bytes], pa.Schema, Iterable[pa.RecordBatch]], None]


def write_parquet(stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Nothing; a row group for each batch. Lists of numbers, which do not compress, are written as they are."""
    plain = [field.name for field in schema if pa.types.is_fixed_size_list(field.type)]
    others = [field.name for field in schema if field.name not in plain]
    compression = "zstd" if not plain else "none"
    with pa.parquet.ParquetWriter(stream, schema, compression=compression, use_dictionary=others) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_arrow(stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Nothing; an Arrow file (Feather 2), not compressed, which programs can map into memory."""
    with pa.ipc.new_file(stream, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def write_csv(stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Nothing; texts are in quotes and lists are JSON. A field with nothing at all, not even quotes, is NULL."""
    fields = [pa.field(field.name, pa.string()) if pa.types.is_list(field.type) else field for field in schema]
    with pa.csv.CSVWriter(stream, pa.schema(fields)) as writer:
        for batch in batches:
            columns = [_json_texts(column) if pa.types.is_list(column.type) else column for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields)))


def write_jsonl(stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Nothing; an object a row, in which JSON stands as it is."""
    names = [json.dumps(field.name, ensure_ascii=False) for field in schema]
    texts = [one_line if is_json(field) else json_text for field in schema]
    for batch in batches:
        for row in zip(*map(plain_values, batch.columns), strict=True):
            pairs = [
                f"{name}: {'null' if value is None else text(value)}"
                for name, text, value in zip(names, texts, row, strict=True)
            ]
            stream.write(f"{{{', '.join(pairs)}}}\n".encode())


STREAMED: dict[Format, Write] = {
    "parquet": write_parquet,
    "arrow": write_arrow,
    "csv": write_csv,
    "jsonl": write_jsonl,
}


def plain_values(column: pa.Array) -> Sequence[Any]:
    """The values of a column, dates and times as text by ISO 8601."""
    if pa.types.is_timestamp(column.type):
        zone = "+00:00" if column.type.tz else ""  # they are UTC: no list of time zones is needed
        values = column.cast(pa.timestamp("us")).to_pylist()
        return [None if value is None else value.isoformat(timespec="microseconds") + zone for value in values]
    if pa.types.is_date(column.type):
        return [None if value is None else value.isoformat() for value in column.to_pylist()]
    return cast(Sequence[Any], column.to_pylist())


def json_text(value: object) -> str:
    """A value as JSON; what is no number there (NaN, Infinity) as text, in PostgreSQL's words."""
    return _ENCODER.encode(plain(value))


def _json_texts(column: pa.Array) -> pa.Array:
    texts = [None if value is None else json_text(value) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _iso(value: Any) -> str:
    return str(value.isoformat())


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_iso)
