"""Which words of a document carried its influence on a query.

The influence is divided exactly over the document's token positions (`attribution.token_influence`); it is
computed again from the model, so the parts add up to it with all digits, where a run keeps half precision.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from psycopg import Connection
from psycopg.rows import TupleRow, dict_row
from torch import Tensor

from trackstar_db.attribution.autocorrelation import by_block, root_of_inverse
from trackstar_db.attribution.encoder import Encoder
from trackstar_db.attribution.token_influence import token_influences
from trackstar_db.attribution.tokens import query_piece, tokenize_documents
from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.encoding.encodings import load_encoder
from trackstar_db.encoding.queries import query_encodings
from trackstar_db.errors import EncodingIncomplete, InputError, NotFound
from trackstar_db.search.scoring import query_side
from trackstar_db.search.task_parts import task_root
from trackstar_db.search.tasks import load_task

Direction = Literal["proponent", "opponent"]


@dataclass(frozen=True)
class Token:
    """A token of a document and its part in the influence.

    text: of the document; the token's own name where it stands for none, such as <s>
    start, end: characters of the document, end excluded; equal where it stands for none
    influence: formed at this position, where the next token is predicted; the parts sum to the whole
    """

    text: str
    start: int
    end: int
    influence: float


@dataclass(frozen=True)
class Explanation:
    """One document's influence on one query, divided over the document's tokens.

    document: its id in its source
    influence: the exact sum over the tokens
    run, method, query, direction, rank: where the pair stands, the query by its id in its source; None for a pair
        that was asked for by itself
    stored_influence: what the run keeps, from half-precision gradients
    """

    encoding: str
    prompt: str
    target: str
    corpus: str
    document: str
    text: str
    influence: float
    tokens: tuple[Token, ...]
    run: str | None = None
    method: str | None = None
    query: str | None = None
    direction: Direction | None = None
    rank: int | None = None
    stored_influence: float | None = None

    @property
    def words(self) -> tuple[Token, ...]:
        """The words of the text between white space, each with the sum of its tokens, and in front the tokens that
        stand for no text: their influences sum to the whole too.
        """
        spans = [match.span() for match in re.finditer(r"\S+", self.text)]
        ends = [end for _, end in spans]
        sums = [0.0] * len(spans)
        others = []
        for token in self.tokens:
            if token.start == token.end or not spans:
                others.append(token)
            else:  # white space in front of a word belongs to it, and what ends the text to the last one
                sums[min(bisect_right(ends, token.start), len(spans) - 1)] += token.influence
        words = [Token(self.text[s:e], s, e, part) for (s, e), part in zip(spans, sums, strict=True)]
        return (*others, *words)


def explain(
    database: Database,
    run: str,
    query_id: str,
    ranks: Sequence[int] = (1,),
    direction: Direction = "proponent",
    model: str | None = None,
) -> list[Explanation]:
    """The documents that a run found at these ranks of a query, each with its influence divided over its tokens.

    query_id: the query's id in its source
    model: where the encoding's model lies on this machine, if not where it was
    Raises NotFound for a run, query or rank that is not there, InputError for a run whose scores are no inner
    products of gradients, EncodingMismatch.
    """
    with database.connect() as connection:
        found = _explainable_run(connection, run)
        asked = _query_of_run(connection, run, {**found, "query": query_id, "direction": direction})
        documents = _documents_of_run(connection, {**found, **asked, "direction": direction, "ranks": list(ranks)})
        missing = [rank for rank in ranks if rank not in documents]
        if missing:
            raise NotFound(
                f"run {run!r} has no {direction} of rank {missing[0]} for query {query_id!r}: it keeps "
                f"{asked['kept']}. Ask for one of those; the view tda.proponent lists them."
            )
        scorer = _scorer(connection, found, (asked["prompt"], asked["target"]), model)
    return [
        scorer.explain(documents[rank], run=run, method=found["method"], query=query_id, direction=direction, rank=rank)
        for rank in ranks
    ]


def explain_document(
    database: Database,
    asked: tuple[str, str],
    encoding: str,
    document: str,
    corpus: str | None = None,
    model: str | None = None,
) -> Explanation:
    """The influence of any document on any prediction, the cosine of their encodings, divided over its tokens.

    asked: prompt and target
    document: its id in its source; corpus: needed where several corpora have one of that id
    Raises NotFound, InputError for a target or document without a loss, EncodingMismatch.
    """
    with database.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query("explain_documents"), {"document": document, "corpus": corpus}).fetchall()
        if not rows:
            raise NotFound(
                f"no document of id {document!r}{f' in corpus {corpus!r}' if corpus else ''}. "
                "The view tda.document lists them."
            )
        if len(rows) > 1:
            raise InputError(
                f"several corpora have a document of id {document!r}: "
                f"{', '.join(row['corpus'] for row in rows)}. Name one of them."
            )
        settings = {"encoding": encoding, "autocorrelation": "corpus", "is_unit_norm": True}
        scorer = _scorer(connection, settings, asked, model)
    return scorer.explain(rows[0])


@dataclass(frozen=True)
class _Scorer:
    """How one query scores documents: <P (gradient / sqrt(V)), side>, over |A^(1/2) b| in unit norm.

    asked: prompt and target
    side: R^(-1/2) A q, over |A^(1/2) q| in unit norm: [d]
    root: A^(1/2), [block, k^2, k^2], None for the identity (`trackstar_db.search.scoring`)
    """

    encoding: str
    encoder: Encoder
    asked: tuple[str, str]
    side: Tensor
    root: Tensor | None
    is_unit_norm: bool

    def explain(self, document: dict[str, Any], **where: Any) -> Explanation:
        """One document's explanation.

        document: corpus, external_id, text, and stored_influence in a run
        where: the pair's place in a run
        """
        text, tokenizer = document["text"], self.encoder.loaded.tokenizer
        parts = self._influences(text)
        encoded = tokenizer(text, return_offsets_mapping=True, verbose=False)
        names = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
        tokens = tuple(
            Token(text[start:end] or name, start, end, part)
            for name, (start, end), part in zip(names, encoded["offset_mapping"], parts, strict=False)  # truncated
        )
        return Explanation(
            self.encoding, *self.asked, document["corpus"], document["external_id"], text, sum(parts), tokens,
            stored_influence=document.get("stored_influence"), **where,
        )  # fmt: skip

    def _influences(self, text: str) -> list[float]:
        settings = self.encoder.settings
        (document,) = tokenize_documents(
            self.encoder.loaded.tokenizer, [text], settings.max_tokens, settings.long_documents
        )
        gradients, doubts = self.encoder.gradients_and_doubts([document])
        encoding = self.encoder.encode(gradients).cpu()
        length = float(torch.linalg.vector_norm(encoding if self.root is None else by_block(self.root, encoding)))
        if not 0 < length < float("inf"):
            found = "too short to have a loss" if not document.pieces else f"of a gradient of length {length}"
            raise InputError(f"the document is {found}, so it has no influence to divide. Ask for another document.")
        scale = 1 / length if self.is_unit_norm else float(doubts[0]) if settings.loss == "margin" else 1.0
        influences: list[float] = (token_influences(self.encoder, document, self.side).double() * scale).tolist()
        return influences


def _scorer(
    connection: Connection[TupleRow], settings: dict[str, Any], asked: tuple[str, str], model: str | None
) -> _Scorer:
    """The query's side, computed from its text.

    settings: encoding, autocorrelation, is_unit_norm, and the name of the task where that is the autocorrelation
    """
    encoding, encoder = load_encoder(connection, settings["encoding"], model)
    if encoder.inverse_roots is None:
        raise EncodingIncomplete(f"encoding {encoding.name!r} has no R. Create it again under another name.")
    inverse_roots = encoder.inverse_roots.cpu()
    root = None
    if settings["autocorrelation"] == "none":
        root = root_of_inverse(inverse_roots)
    elif settings["autocorrelation"] == "task":
        root = task_root(connection, load_task(connection, settings["task"]).task_id)
    piece = query_piece(encoder.loaded.tokenizer, *asked, encoder.settings.max_tokens)
    gradients = query_encodings(encoder, [piece]).double()
    side = by_block(inverse_roots, query_side(gradients, root, settings["is_unit_norm"]))[0]
    return _Scorer(encoding.name, encoder, asked, side, root, settings["is_unit_norm"])


def _explainable_run(connection: Connection[TupleRow], run: str) -> dict[str, Any]:
    """A run's number, method, encoding and task with what the method makes of them; raises InputError."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(query("explain_run"), {"run": run}).fetchone()
    if found is None:
        raise NotFound(f"no run named {run!r}. See: trackstar run list")
    encodings = found.pop("encodings")
    if found["kind"] == "gradient" and len(encodings) == 1:
        return {**found, "encoding": encodings[0]}
    others = [name for (name,) in connection.execute(query("explain_runs"))]
    known = f"These can be explained: {', '.join(others)}" if others else "No run here can be explained yet"
    reason = (
        f"averages the scores of {len(encodings)} encodings"
        if len(encodings) > 1
        else f"was made by {found['method']!r}, which takes no inner products of stored gradients"
    )
    raise InputError(
        f"run {run!r} {reason}, so its scores cannot be divided over tokens. {known}; methods of kind 'gradient' "
        f"in: trackstar methods"
    )


def _query_of_run(connection: Connection[TupleRow], run: str, parameters: dict[str, Any]) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        asked = cursor.execute(query("explain_query"), parameters).fetchone()
    if asked is None:
        raise NotFound(
            f"run {run!r} has no query of id {parameters['query']!r}; its query set is {parameters['query_set']!r}. "
            "The view tda.query lists them, as external_id."
        )
    return asked


def _documents_of_run(connection: Connection[TupleRow], parameters: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Documents by their rank."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return {row.pop("rank"): row for row in cursor.execute(query("explain_proponents"), parameters).fetchall()}
