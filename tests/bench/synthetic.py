"""Gradients by the million, spread as real ones are: mixtures of two real documents' gradients, in unit norm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackstar_db.attribution.tokens import TokenizedDocument
from trackstar_db.encoding.batches import Document, EncodedDocument
from trackstar_db.store import Store

CORPUS = "synthetic"
BATCH = 128  # about what one padded batch of short documents holds


@dataclass(frozen=True)
class Mixtures:
    """Mixtures of real gradients.

    real: [document, d] float32, unit norm
    """

    real: NDArray[np.float32]

    def rows(self, count: int, seed: int) -> NDArray[np.float16]:
        """[count, d], unit norm."""
        random = np.random.default_rng(seed)
        first, second = random.integers(len(self.real), size=(2, count))
        share = random.uniform(0.2, 0.8, size=(count, 1)).astype(np.float32)
        mixed = share * self.real[first] + (1 - share) * self.real[second]
        return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float16)

    def batches(self, documents: range) -> Iterator[list[EncodedDocument]]:
        """The documents of `insert_documents` with gradients, as encoding hands them to the database."""
        tokens = TokenizedDocument((), 20, False)
        for start in range(documents.start, documents.stop, BATCH):
            numbers = range(start, min(start + BATCH, documents.stop))
            gradients = self.rows(len(numbers), seed=start)
            yield [
                (Document(number, str(number), digest(number), tokens), "stored", gradient, 1.0)
                for number, gradient in zip(numbers, gradients, strict=True)
            ]


def digest(number: int) -> bytes:
    """What stands for a synthetic document's digest."""
    return number.to_bytes(32, "big")


def take_gradients(store: Store, encoding_id: int) -> Mixtures:
    """The gradients that an encoding has stored, to be mixed; the encoding is left without any."""
    with store.database.connect() as connection:
        rows = connection.execute(
            "SELECT gradient FROM trackstar.gradient WHERE encoding_id = %s ORDER BY document_id",
            (encoding_id,),
            binary=True,
        ).fetchall()
        connection.execute("DELETE FROM trackstar.encoded_document WHERE encoding_id = %s", (encoding_id,))
    return Mixtures(np.stack([gradient.to_numpy() for (gradient,) in rows]).astype(np.float32))


def insert_documents(store: Store, count: int) -> range:
    """The numbers of so many new documents of a corpus of their own; their texts say nothing."""
    with store.database.connect() as connection:
        first, last = connection.execute(
            """
            WITH corpus AS (INSERT INTO trackstar.corpus (name) VALUES (%(corpus)s) RETURNING corpus_id),
                 start AS (SELECT max(document_id) + 1 AS first FROM trackstar.document),
                 added AS (
                     INSERT INTO trackstar.document
                         (document_id, corpus_id, external_id, text, token_count, content_digest)
                     OVERRIDING SYSTEM VALUE
                     SELECT n, corpus_id, n::text, 'synthetic document ' || n, 20,
                            decode(lpad(to_hex(n), 64, '0'), 'hex')
                     FROM corpus, start, generate_series(start.first, start.first + %(count)s - 1) AS n
                     RETURNING document_id)
            SELECT min(document_id), max(document_id) FROM added
            """,
            {"corpus": CORPUS, "count": count},
        ).fetchone() or (0, -1)
        connection.execute("ANALYZE trackstar.document")
    return range(first, last + 1)


def insert_queries(store: Store, encoding_id: int, mixtures: Mixtures, count: int) -> str:
    """The name of a new query set of so many queries, encoded: mixtures too, at the lengths that queries have."""
    with store.database.connect() as connection:
        gradients = mixtures.rows(count, seed=1).astype(np.float32)
        (query_set_id,) = connection.execute(
            "INSERT INTO trackstar.query_set (name) VALUES ('synthetic') RETURNING query_set_id"
        ).fetchone() or (0,)
        for number, gradient in enumerate(gradients):
            connection.execute(
                """
                WITH asked AS (
                    INSERT INTO trackstar.query (query_set_id, external_id, prompt, target, content_digest)
                    VALUES (%s, %s, 'synthetic', 'query', %s) RETURNING query_id)
                INSERT INTO trackstar.query_gradient (encoding_id, query_id, gradient)
                SELECT %s, query_id, %s::vector FROM asked
                """,
                (query_set_id, str(number), digest(number), encoding_id, gradient),
            )
    return "synthetic"
