"""One prediction, traced on the spot: nothing of it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from pgvector import HalfVector
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from torch import Tensor

from trackstar_db.attribution.encoder import Encoder
from trackstar_db.attribution.tokens import query_piece
from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.encoding.encode import query_encodings
from trackstar_db.encoding.encodings import Encoding, load_encoder
from trackstar_db.errors import EncodingIncomplete, InputError
from trackstar_db.prediction import target_probability


@dataclass(frozen=True)
class Influence:
    """One document's influence on one prediction."""

    rank: int
    influence: float
    document_id: int
    corpus: str
    external_id: str
    text: str


@dataclass(frozen=True)
class Trace:
    """The documents that influenced a prediction most, for it and against it.

    probability: of the whole target, given the prompt
    """

    prompt: str
    target: str
    encoding: str
    probability: float
    proponents: tuple[Influence, ...]
    opponents: tuple[Influence, ...]


def trace(
    database: Database, prompt: str, target: str, encoding_name: str, k: int = 10, model: str | None = None
) -> Trace:
    """The k strongest proponents and opponents of a target that follows a prompt.

    Raises NotFound, EncodingMismatch, EncodingIncomplete where no document is encoded, and InputError for a
    target without a loss.
    """
    with database.connect() as connection:
        encoding, encoder = load_encoder(connection, encoding_name, model)
    return trace_with(database, encoding, encoder, (prompt, target), k)


def trace_with(database: Database, encoding: Encoding, encoder: Encoder, asked: tuple[str, str], k: int = 10) -> Trace:
    """As `trace`, with an encoder that is loaded already.

    asked: prompt and target
    """
    prompt, target = asked
    if not target.strip():
        raise InputError(f"the target is {target!r}; expected the words whose prediction is to be traced.")
    for text in asked:
        if not text.isprintable() and any("\ud800" <= char <= "\udfff" for char in text):
            raise InputError(f"{text!r} is not valid UTF-8. Give prompt and target as text.")
    piece = query_piece(encoder.loaded.tokenizer, prompt, target, encoder.settings.max_tokens)
    encoding_of_query = query_encodings(encoder, [piece])[0]
    if not encoding_of_query.isfinite().all() or not encoding_of_query.any():
        found = "zero" if encoding_of_query.isfinite().all() else "not finite"
        raise InputError(
            f"the gradient of {target!r} after {prompt!r} is {found}, so nothing can be said of its influences. "
            f"Ask for another target, or check the model."
        )
    gradient = torch.nn.functional.normalize(encoding_of_query, dim=0)
    with database.connect() as connection:
        proponents = _strongest(connection, "trace_proponents", encoding, gradient, k)
        opponents = _strongest(connection, "trace_opponents", encoding, gradient, k)
    if not proponents:
        raise EncodingIncomplete(
            f"no document is encoded by {encoding.name!r}. "
            f"Run: trackstar encode documents --encoding {encoding.name} --corpus NAME"
        )
    probability = target_probability(encoder.loaded, piece)
    return Trace(prompt, target, encoding.name, probability, proponents, opponents)


def _strongest(
    connection: Connection[TupleRow], name: str, encoding: Encoding, gradient: Tensor, k: int
) -> tuple[Influence, ...]:
    """Documents in the order of a named query.

    gradient: [d], unit norm
    """
    parameters: dict[str, Any] = {
        "encoding_id": encoding.encoding_id,
        "gradient": HalfVector(gradient.half().numpy()),
        "k": k,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query(name), parameters).fetchall()
    return tuple(Influence(rank=rank, **row) for rank, row in enumerate(rows, start=1))
