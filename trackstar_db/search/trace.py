"""One prediction, traced on the spot: nothing of it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from pgvector import HalfVector
from psycopg import Connection
from psycopg.errors import Diagnostic
from psycopg.rows import TupleRow, dict_row
from psycopg.types.json import Jsonb
from torch import Tensor

from trackstar_db.attribution.encoder import Encoder
from trackstar_db.attribution.tokens import Piece, query_piece
from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding, load_encoder, load_encoding, nothing_encoded
from trackstar_db.encoding.queries import query_encodings
from trackstar_db.errors import InputError
from trackstar_db.prediction import target_probability
from trackstar_db.search.indexes import IndexSearch, require_index
from trackstar_db.search.request import document_filter, filters_in_words


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
    notices: what a person should hear of the search
    """

    prompt: str
    target: str
    encoding: str
    probability: float
    proponents: tuple[Influence, ...]
    opponents: tuple[Influence, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class TraceOptions:
    """Which documents a trace searches, and how; all of them and exactly, where nothing is given.

    corpus: documents of one corpus; relation: annotated with a fact of this relation, by its label or uri
    metadata: an object that the documents' metadata contain
    index: an index to search by, which may miss documents
    """

    corpus: str | None = None
    relation: str | None = None
    metadata: dict[str, Any] | None = None
    index: IndexSearch | None = None


def trace(
    database: Database,
    asked: tuple[str, str],
    encoding_name: str,
    k: int = 10,
    model: str | None = None,
    options: TraceOptions | None = None,
) -> Trace:
    """The k strongest proponents and opponents of a target that follows a prompt.

    asked: prompt and target
    Raises NotFound, EncodingMismatch, EncodingIncomplete where no document that was asked for is encoded, and
    InputError for a target without a loss, or k below 1.
    """
    options = options or TraceOptions()
    if k < 1:
        raise InputError(f"k is {k}; expected a whole number from 1.")
    with database.connect() as connection:
        document_filter(connection, options.corpus, options.relation, options.metadata)
        if options.index is not None:
            require_index(connection, load_encoding(connection, encoding_name), options.index, k)
        encoding, encoder = load_encoder(connection, encoding_name, model)
    return trace_with(database, encoding, encoder, asked, k, options)


def trace_with(
    database: Database,
    encoding: Encoding,
    encoder: Encoder,
    asked: tuple[str, str],
    k: int = 10,
    options: TraceOptions | None = None,
) -> Trace:
    """As `trace`, with an encoder that is loaded already and options of which the database has what they name."""
    prompt, target = asked
    piece, gradient = _asked_gradient(encoder, prompt, target)
    search = _Search(encoding, k, options or TraceOptions())
    with database.connect() as connection:
        proponents, notices = search.strongest(connection, gradient, sign=1)
        opponents, _ = search.strongest(connection, gradient, sign=-1)
    if not proponents:
        chosen = search.options
        wanted = filters_in_words(chosen.corpus, chosen.relation, chosen.metadata)
        raise nothing_encoded(encoding, f"no document{wanted}", chosen.corpus)
    probability = target_probability(encoder.loaded, piece)
    return Trace(prompt, target, encoding.name, probability, proponents, opponents, notices)


@dataclass(frozen=True)
class _Search:
    """The k documents that are strongest, of an encoding and by the options."""

    encoding: Encoding
    k: int
    options: TraceOptions

    def strongest(
        self, connection: Connection[TupleRow], gradient: Tensor, sign: int
    ) -> tuple[tuple[Influence, ...], tuple[str, ...]]:
        """Documents in the order of influence, or with sign -1 of the lowest, and what the database says of the search.

        gradient: [d], unit norm
        """
        name, parameters = self._side(sign * gradient)
        metadata = self.options.metadata
        asked = {
            "encoding_id": self.encoding.encoding_id,
            "k": self.k,
            "sign": sign,
            "corpus": self.options.corpus,
            "relation": self.options.relation,
            "metadata": None if metadata is None else Jsonb(metadata),
            **parameters,
        }
        said: list[str] = []

        def hear(notice: Diagnostic) -> None:
            said.append(f"{notice.message_primary}.")

        connection.add_notice_handler(hear)
        try:
            with connection.cursor(row_factory=dict_row) as cursor:
                rows = cursor.execute(query(name), asked).fetchall()
        finally:
            connection.remove_notice_handler(hear)
        return tuple(Influence(rank=rank, **row) for rank, row in enumerate(rows, start=1)), tuple(said)

    def _side(self, gradient: Tensor) -> tuple[str, dict[str, Any]]:
        """The named query that searches where the encoding's gradients stand, and its side of the inner product.

        gradient: [d], unit norm
        """
        half = HalfVector(gradient.half().numpy())
        if index := self.options.index:
            return "trace_by_index", {"gradient": half, "index": index.kind, "candidates": index.candidates}
        if self.encoding.storage == "gradient_code":
            return "trace_by_code", {"direction": gradient.double().tolist()}
        if self.encoding.storage == "gradient_block":
            blocks = gradient.view(self.encoding.rows, self.encoding.row_width)
            directions = torch.nn.functional.normalize(blocks, dim=1).half().numpy()
            return "trace_by_block", {
                "directions": [HalfVector(direction) for direction in directions],
                "lengths": torch.linalg.vector_norm(blocks, dim=1).double().tolist(),
            }
        return "trace", {"gradient": half}


def _asked_gradient(encoder: Encoder, prompt: str, target: str) -> tuple[Piece, Tensor]:
    """The tokens of prompt and target, and their gradient, [d] in unit norm; raises InputError where there is none."""
    if not target.strip():
        raise InputError(f"the target is {target!r}; expected the words whose prediction is to be traced.")
    for text in (prompt, target):
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
    return piece, torch.nn.functional.normalize(encoding_of_query, dim=0)
