"""What a ranker is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.engine import Database
from trackstar_db.database.names import corpus_id, relation_ids
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import Encoding
from trackstar_db.encoding.gradient_reader import DocumentFilter
from trackstar_db.errors import EncodingIncomplete, InputError
from trackstar_db.search.methods import Method
from trackstar_db.search.ranking import Ranking

DEFAULT_CURVATURE_RANK = 8
DEFAULT_CANDIDATES = {"gradient": 500, "curvature": 100}


@dataclass(frozen=True)
class SearchOptions:
    """What may be asked of a run, all with defaults.

    top_k: proponents, and opponents, kept for each query
    corpus: rank its documents only; None ranks every document that the method knows
    relation: rank only documents that are annotated with a fact of this relation, by its label or uri
    metadata: rank only documents whose metadata contain this object
    task: the task of a method with a task-specific R; None is the query set's own, made where it is not there
    embedding_model: folder or name of a sentence-transformers model, for method dense
    model: where the encodings' model lies on this machine, if not where it was, for method ekfac
    curvature_rank: rank of each weight matrix's query gradient under ekfac
    rerank: a run whose best documents are all that gradient methods and ekfac score; None scores every document
    candidates: how many of each query's best documents of that run, and for gradient methods of its last; None is
        500 for gradient methods, 100 for ekfac
    """

    top_k: int = 100
    corpus: str | None = None
    relation: str | None = None
    metadata: dict[str, Any] | None = None
    task: str | None = None
    embedding_model: str | None = None
    model: str | None = None
    curvature_rank: int = DEFAULT_CURVATURE_RANK
    rerank: str | None = None
    candidates: int | None = None

    def of_use_to(self, method: Method) -> SearchOptions:
        """The options that a method heeds; the others at their defaults."""
        unused = [
            *(() if method.kind == "curvature" else ("model", "curvature_rank")),
            *(() if method.kind == "gradient" and self.rerank is None else ("relation", "metadata")),
            *(() if method.kind in DEFAULT_CANDIDATES else ("rerank", "candidates")),
            *(() if method.kind == "embedding" else ("embedding_model",)),
            *(() if method.autocorrelation == "task" else ("task",)),
        ]
        defaults: dict[str, Any] = {field.name: field.default for field in fields(self) if field.name in unused}
        return replace(self, **defaults)

    def candidates_for(self, method: Method) -> int:
        """How many documents of each query a method re-ranks."""
        return DEFAULT_CANDIDATES[method.kind] if self.candidates is None else self.candidates


def document_filter(
    connection: Connection[TupleRow], corpus: str | None, relation: str | None, metadata: dict[str, Any] | None
) -> DocumentFilter:
    """The documents that are meant.

    Raises NotFound for a corpus or relation that is not there, InputError for metadata that are no object.
    """
    if not isinstance(metadata, dict | None):
        raise InputError(f'metadata is {metadata!r}; expected an object, such as {{"kind": "statement"}}.')
    return DocumentFilter(
        None if corpus is None else corpus_id(connection, corpus),
        None if relation is None else relation_ids(connection, relation),
        metadata,
    )


def filters_in_words(corpus: str | None, relation: str | None, metadata: dict[str, Any] | None) -> str:
    """What follows `no document` where these filters were asked for; empty without any."""
    asked = {
        "of corpus": corpus,
        "annotated with a fact of relation": relation,
        "with the metadata": metadata,
    }
    return "".join(f" {words} {value!r}" for words, value in asked.items() if value is not None)


@dataclass(frozen=True)
class QueryText:
    """A query as methods read it that need words."""

    query_id: int
    prompt: str
    target: str
    fact_id: str | None


@dataclass(frozen=True)
class SearchRequest:
    """One method on one query set.

    connection: in a transaction that sees one state of the database
    encodings: that suit the method, one for each checkpoint; any for methods without gradients
    documents: those to rank
    run: the name that the answer will have
    """

    database: Database
    connection: Connection[TupleRow]
    method: Method
    encodings: tuple[Encoding, ...]
    query_set: str
    query_set_id: int
    documents: DocumentFilter
    options: SearchOptions
    run: str

    @property
    def corpus_id(self) -> int | None:
        """The only corpus to rank; None for all."""
        return self.documents.corpus_id

    def query_texts(self) -> list[QueryText]:
        """Every query of the set, in the order of their numbers; raises EncodingIncomplete for an empty set."""
        rows = self.connection.execute(query("query_texts"), {"query_set_id": self.query_set_id})
        texts = [QueryText(*row) for row in rows]
        if not texts:
            raise EncodingIncomplete(
                f"query set {self.query_set!r} has no query. Run: trackstar load queries PATH --query-set NAME"
            )
        return texts

    @property
    def document_parameters(self) -> dict[str, Any]:
        """Parameters of the named queries that read the documents that methods without gradients rank.

        Those that the first encoding has encoded, where one is given, so that all methods rank the same.
        """
        return {
            "corpus_id": self.corpus_id,
            "encoding_id": self.encodings[0].encoding_id if self.encodings else None,
        }


@dataclass(frozen=True)
class Found:
    """What a ranker found.

    query_ids: the queries that it answered, in the order of the rankings' rows
    opponents: None for methods without a sign
    documents: how many were ranked
    settings: what the run depended on beyond its method, for the record
    """

    query_ids: list[int]
    proponents: Ranking
    opponents: Ranking | None
    documents: int
    settings: dict[str, Any] = field(default_factory=dict)
    task_id: int | None = None
    notices: tuple[str, ...] = ()
