"""Stored gradients as Arrow record batches, and files of them: fixed-size lists of half-precision numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from trackstar_db.database.engine import Connection, Database
from trackstar_db.database.names import corpus_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoding
from trackstar_db.encoding.gradient_reader import DocumentFilter, GradientBlock, GradientReader, find_spans
from trackstar_db.errors import InputError
from trackstar_db.frames.export import FileSummary, counted, timed
from trackstar_db.frames.formats import STREAMED, Format, format_of
from trackstar_db.frames.reading import Batches
from trackstar_db.output_file import open_output

GRADIENT_FORMATS: tuple[Format, ...] = ("parquet", "arrow")


@dataclass(frozen=True)
class GradientBatches(Batches):
    """Gradients of an encoding, a batch for each block that is read.

    rows: how many there are in all
    """

    rows: int


@contextmanager
def open_gradients(database: Database, encoding: str, corpus: str | None = None) -> Iterator[GradientBatches]:
    """The gradients of an encoding's documents, in the order of their numbers, all in one state of the database.

    corpus: of its documents only
    batches: document_id, external_id, corpus, gradient [d] in unit norm; 32 MB of gradients each at most. Of gradients
        that are stored in codes of fewer bits, what the codes stand for.

    Raises NotFound for an unknown encoding or corpus.
    """
    with database.connect() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        found = load_encoding(connection, encoding)
        documents = DocumentFilter(None if corpus is None else corpus_id(connection, corpus))
        spans = find_spans(connection, [found], documents)
        reader = GradientReader(connection, found, documents, with_norms=False)
        schema = _schema(found)
        batches = (_batch(connection, reader.read(span), schema) for span in spans)
        yield GradientBatches(schema, batches, sum(span.gradients for span in spans))


def export_gradients(
    database: Database,
    encoding: str,
    output: str | Path,
    corpus: str | None = None,
    file_format: Format | None = None,
) -> FileSummary:
    """What was written: the gradients of an encoding's documents, as fixed-size lists of half-precision numbers.

    Raises NotFound, InputError.
    """
    summary = FileSummary(str(output), format_of(str(output), file_format))
    if summary.format not in GRADIENT_FORMATS:
        raise InputError(f"gradients do not go into {summary.format}. Take {' or '.join(GRADIENT_FORMATS)}.")
    with timed(summary), open_gradients(database, encoding, corpus) as found, open_output(output) as stream:
        batches = counted(summary, "gradients", found, found.rows)
        STREAMED[summary.format](stream, found.schema, batches)
    return summary


def _schema(encoding: Encoding) -> pa.Schema:
    fields = [
        pa.field("document_id", pa.int64(), nullable=False),
        pa.field("external_id", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("gradient", pa.list_(pa.float16(), encoding.dimension), nullable=False),
    ]
    return pa.schema(fields, metadata={"encoding": encoding.name, "encoding_digest": encoding.digest.hex()})


def _batch(connection: Connection, block: GradientBlock, schema: pa.Schema) -> pa.RecordBatch:
    parameters = {"document_ids": block.document_ids.tolist()}
    names = connection.execute(query("frame_gradient_documents"), parameters).fetchall()
    external_ids, corpora = zip(*names, strict=True) if names else ((), ())
    numbers = pa.array(block.gradients.reshape(-1))
    columns = [
        pa.array(block.document_ids),
        pa.array(external_ids, pa.string()),
        pa.array(corpora, pa.string()),
        pa.FixedSizeListArray.from_arrays(numbers, type=schema.field("gradient").type),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
