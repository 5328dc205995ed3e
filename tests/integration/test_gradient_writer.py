"""Gradients on their way into the database: every bit of them, and none without an outcome."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from psycopg.rows import TupleRow

from trackstar_db.database.engine import Connection, Database
from trackstar_db.encoding.gradient_writer import STATEMENT_ROWS, write_gradients

ROWS = 2 * STATEMENT_ROWS + 3
SETUP = """
    INSERT INTO trackstar.corpus (name) VALUES ('small');
    INSERT INTO trackstar.document (corpus_id, external_id, text, content_digest)
    SELECT 1, n, 'text', sha256(n::text::bytea) FROM generate_series(1, 2000) n;
    INSERT INTO trackstar.model (name, architecture, parameter_count, config, content_digest)
    VALUES ('model', 'Llama', 1, '{}', sha256('model'));
    INSERT INTO trackstar.encoding (name, model_id, blocks, block_rank, dimension, second_moment, recipe, digest)
    VALUES ('e', 1, 1, 4, 16, 'none', '{}', sha256('encoding'));
    CREATE TABLE trackstar.gradient_1 PARTITION OF trackstar.gradient (CHECK (vector_dims(gradient) = 16))
    FOR VALUES IN (1)"""
OUTCOMES = "INSERT INTO trackstar.encoded_document SELECT 1, n, 'stored', 2, false FROM generate_series(1, %s) n"


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        connection.execute(SETUP)
        yield connection


def stored(connection: psycopg.Connection[TupleRow]) -> dict[int, bytes]:
    """The bits of each gradient."""
    rows = connection.execute("SELECT document_id, gradient FROM trackstar.gradient", binary=True)
    return {number: gradient.to_numpy().tobytes() for number, gradient in rows}


def test_gradients_of_several_statements_are_stored_bit_for_bit(connection: Connection) -> None:
    connection.execute(OUTCOMES, (ROWS,))
    bits = np.random.default_rng(0).integers(0, 2**16, (ROWS, 16)).astype(np.uint16)
    gradients = bits.view(np.float16)
    gradients[~np.isfinite(gradients)] = np.float16(-0.0)
    gradients[0] = [0, -0.0, 6e-8, -6e-8, 65504, -65504, 1, -1, *[0.5] * 8]
    write_gradients(connection, 1, ((n + 1, gradient) for n, gradient in enumerate(gradients)))
    assert stored(connection) == {n + 1: gradient.tobytes() for n, gradient in enumerate(gradients)}
    write_gradients(connection, 1, [])
    assert len(stored(connection)) == ROWS


def test_a_gradient_has_an_outcome_and_goes_with_it(connection: Connection) -> None:
    connection.execute(OUTCOMES, (3,))
    gradient = np.full(16, 0.25, np.float16)
    write_gradients(connection, 1, [(1, gradient), (2, gradient)])
    for wrong in ((4, gradient), (2, gradient), (3, gradient[:8])):
        with pytest.raises(psycopg.IntegrityError), connection.transaction():
            write_gradients(connection, 1, [wrong])
    connection.execute("DELETE FROM trackstar.encoded_document WHERE document_id = 1")
    assert list(stored(connection)) == [2]
    connection.execute("DELETE FROM trackstar.encoding")
    assert stored(connection) == {}
