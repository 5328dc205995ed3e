"""A batch of documents: out of the database, through the encoder, and back in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET, Encoder, unit_norm
from trackstar_db.attribution.tokens import TokenizedDocument, tokenize_documents
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.gradient_blocks import write_gradient_blocks
from trackstar_db.encoding.gradient_codes import write_gradient_codes
from trackstar_db.encoding.gradient_writer import write_gradients


@dataclass(frozen=True)
class Document:
    """A document on its way from text to gradient."""

    document_id: int
    external_id: str
    content_digest: bytes
    tokens: TokenizedDocument

    @property
    def tokens_read(self) -> int:
        return sum(len(piece.token_ids) for piece in self.tokens.pieces)


EncodedDocument: TypeAlias = tuple[Document, str, "NDArray[np.float16]", float]
"""A document, what became of it, its gradient [d] in unit norm, and the norm it had."""


def read_documents(connection: Connection[TupleRow], encoder: Encoder, document_ids: Sequence[int]) -> list[Document]:
    """The documents as they stand in the database, tokenized, in the order they were loaded."""
    settings, tokenizer = encoder.settings, encoder.loaded.tokenizer
    rows = connection.execute(query("encode_texts"), {"document_ids": list(document_ids)}).fetchall()
    texts = [text for _, _, text, _ in rows]
    tokens = tokenize_documents(tokenizer, texts, settings.max_tokens, settings.long_documents)
    return [Document(row[0], row[1], row[3], document) for row, document in zip(rows, tokens, strict=True)]


def encode_batch(
    encoder: Encoder, documents: Sequence[Document], token_budget: int = DEFAULT_TOKEN_BUDGET
) -> list[EncodedDocument]:
    """The documents with what there is to be written of them."""
    tokens = [document.tokens for document in documents]
    gradients, norms, outcomes = document_encodings(encoder, tokens, token_budget)
    return list(zip(documents, outcomes, gradients, norms.tolist(), strict=True))


def document_encodings(
    encoder: Encoder, documents: Sequence[TokenizedDocument], token_budget: int = DEFAULT_TOKEN_BUDGET
) -> tuple[NDArray[np.float16], NDArray[np.float64], list[str]]:
    """Base encodings in unit norm and half precision, the norms they had, and what became of each document.

    Under the margin a norm is weighted by the mean of 1 - p over the document's tokens (Park et al. 2023).

    returns [document, d], [document], and for each "stored", "zero", "not finite" or "too short"
    """
    gradients, doubts = encoder.gradients_and_doubts(documents, token_budget)
    encodings, norms = unit_norm(encoder.encode(gradients))
    if encoder.settings.loss == "margin":
        norms = norms * doubts
    is_finite = (encodings.isfinite().all(dim=1) & norms.isfinite()).tolist()
    is_zero = (norms == 0).tolist()
    outcomes = [
        "too short" if not document.pieces else "not finite" if not finite else "zero" if zero else "stored"
        for document, finite, zero in zip(documents, is_finite, is_zero, strict=True)
    ]
    return encodings.half().cpu().numpy(), norms.double().cpu().numpy(), outcomes


def write_batch(
    connection: Connection[TupleRow], encoding: Encoding, encoded: Sequence[EncodedDocument]
) -> list[EncodedDocument]:
    """What was written: outcome, gradient and token count of each document whose text is still the one encoded."""
    parameters = {
        "document_ids": [document.document_id for document, *_ in encoded],
        "content_digests": [document.content_digest for document, *_ in encoded],
    }
    unchanged = {number for (number,) in connection.execute(query("encode_unchanged"), parameters)}
    written = [row for row in encoded if row[0].document_id in unchanged]
    with connection.cursor().copy(query("encode_copy_outcomes")) as copy:
        copy.set_types(["int8", "int8", "text", "int4", "bool", "float8"])
        for document, outcome, _, norm in written:
            tokens = document.tokens
            row = (outcome, tokens.token_count, tokens.is_truncated, norm if outcome == "stored" else None)
            copy.write_row((encoding.encoding_id, document.document_id, *row))
    stored = [(document.document_id, gradient) for document, outcome, gradient, _ in written if outcome == "stored"]
    match encoding.storage:
        case "gradient":
            write_gradients(connection, encoding.encoding_id, stored)
        case "gradient_block":
            write_gradient_blocks(connection, encoding, stored)
        case "gradient_code":
            write_gradient_codes(connection, encoding, stored)
    connection.execute(
        query("encode_token_counts"),
        {
            "document_ids": [document.document_id for document, *_ in written],
            "token_counts": [document.tokens.token_count for document, *_ in written],
        },
    )
    return written
