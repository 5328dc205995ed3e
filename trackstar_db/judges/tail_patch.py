"""Tail-patch of runs: what one training step on each proponent does to the probability of the target.

attribution/tail_patch.py says what a step is. A document that is a proponent of several queries, or in several runs,
is stepped on once, and all these queries are tried after it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.tail_patch import Step, stepped_log_probabilities
from trackstar_db.attribution.tokens import Piece, query_piece, tokenize_documents
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.queries import query
from trackstar_db.errors import InputError
from trackstar_db.judges.tail_patch_step import TailPatchOptions, find_step, runs_model, store_step
from trackstar_db.prediction import log_probabilities
from trackstar_db.progress import progress_bar
from trackstar_db.search.runs import find_runs

GROUP_DOCUMENTS = 16
"""Documents whose results are written together."""


@dataclass
class TailPatchSummary:
    """What one call of judge_tail_patch did.

    pairs: of a query and a proponent, each once; steps: documents that were stepped on
    failures: (document or query, reason) of those that cannot be tried
    runs: run, queries, tail_patch_delta (mean over proponents, then queries), standard_error (over queries)
    """

    optimizer: str
    learning_rate: float
    pairs: int = 0
    already_there: int = 0
    computed: int = 0
    steps: int = 0
    seconds: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class _Target:
    """A query to be tried, with the probability of its target under the model as it is."""

    query_id: int
    content_digest: bytes
    piece: Piece
    probability: float


@dataclass(frozen=True)
class _Pairs:
    """The queries of each document, and which of the pairs were tried before: all by their numbers."""

    queries: dict[int, list[int]]
    there: frozenset[tuple[int, int]]

    def is_done(self, document_id: int) -> bool:
        return all((document_id, query_id) in self.there for query_id in self.queries[document_id])


@dataclass(frozen=True)
class _Worker:
    """One call of judge_tail_patch: what it works with and what it has done."""

    database: Database
    loaded: LoadedModel
    step: Step
    step_id: int
    targets: Mapping[int, _Target]
    pairs: _Pairs
    summary: TailPatchSummary

    def patch(self, document_ids: Sequence[int]) -> None:
        """Nothing; the pairs of these documents that were missing are rows.

        All of a document's queries are tried again with it, in the same batches: which of them were missing
        changes nothing.
        """
        with self.database.connect() as connection:
            documents = connection.execute(query("encode_texts"), {"document_ids": list(document_ids)}).fetchall()
        rows: list[tuple[int, bytes, int, bytes, float]] = []
        for document_id, external_id, text, digest in documents:
            targets = [self.targets[n] for n in self.pairs.queries[document_id] if n in self.targets]
            for target, delta in zip(targets, self._deltas(external_id, text, targets), strict=False):
                if (document_id, target.query_id) not in self.pairs.there:
                    rows.append((document_id, digest, target.query_id, target.content_digest, delta))
        names = ("document_ids", "document_digests", "query_ids", "query_digests", "deltas")
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else None
        if columns is not None:
            with self.database.connect() as connection:
                statement = query("tail_patch_insert")
                self.summary.computed += connection.execute(statement, {"step_id": self.step_id, **columns}).rowcount

    def _deltas(self, external_id: str, text: str, targets: Sequence[_Target]) -> list[float]:
        """The change of each target's probability in percentage points; empty where the document cannot be tried."""
        if not targets:
            return []
        (document,) = tokenize_documents(self.loaded.tokenizer, [text], self.loaded.context_length, "truncate")
        if not document.pieces:
            self.summary.failures.append((external_id, "the document is too short to have a loss"))
            return []
        self.summary.steps += 1
        pieces = [target.piece for target in targets]
        after = stepped_log_probabilities(self.loaded.model, document.pieces[0], pieces, self.step).exp().tolist()
        if not all(map(math.isfinite, after)):
            self.summary.failures.append((external_id, "the step made the model's numbers infinite"))
            return []
        return [100 * (min(new, 1.0) - target.probability) for new, target in zip(after, targets, strict=True)]


def judge_tail_patch(
    database: Database, runs: Sequence[str], options: TailPatchOptions | None = None
) -> TailPatchSummary:
    """What was tried: the first k proponents of every n-th query of the runs, where they were not tried yet.

    Each group of documents is a transaction; stopped and started again it goes on, and ends with the same rows.
    When all is there the runs are judged by this step: tda.tail_patch shows it.
    Raises NotFound, InputError, EncodingMismatch, ModelUnreadable, SecondMomentError.
    """
    started = time.monotonic()
    options = options or TailPatchOptions()
    if options.k < 1 or options.every < 1:
        raise InputError(f"k is {options.k} and every {options.every}; expected 1 or more.")
    with database.connect() as connection:
        run_ids = list(find_runs(connection, runs))
        loaded = runs_model(connection, run_ids, options)
        step, settings = find_step(loaded, options)
        step_id = store_step(connection, loaded, step, settings)
    summary = TailPatchSummary(step.optimizer, step.learning_rate)
    with database.session() as session, locked(session, f"judge tail-patch {step_id}"):
        pairs = _find_pairs(session, run_ids, step_id, options)
        summary.already_there = len(pairs.there)
        summary.pairs = sum(map(len, pairs.queries.values()))
        targets = _targets(session, loaded, pairs, summary)
        worker = _Worker(database, loaded, step, step_id, targets, pairs, summary)
        left = [document_id for document_id in pairs.queries if not pairs.is_done(document_id)]
        with progress_bar(len(pairs.queries), "tail-patch", "document") as bar:
            bar.update(len(pairs.queries) - len(left))
            for start in range(0, len(left), GROUP_DOCUMENTS):
                group = left[start : start + GROUP_DOCUMENTS]
                worker.patch(group)
                bar.update(len(group))
        session.execute(query("tail_patch_judge_runs"), {"step_id": step_id, "run_ids": run_ids})
        with session.cursor(row_factory=dict_row) as cursor:
            means = {"run_ids": run_ids, "k": options.k}
            summary.runs = cursor.execute(query("tail_patch_means"), means).fetchall()
    summary.seconds = time.monotonic() - started
    return summary


def _find_pairs(session: Connection[TupleRow], run_ids: list[int], step_id: int, options: TailPatchOptions) -> _Pairs:
    parameters = {"run_ids": run_ids, "step_id": step_id, "k": options.k, "every": options.every}
    rows = session.execute(query("tail_patch_pairs"), parameters).fetchall()
    if not rows:
        raise InputError("the runs have no proponents to try. Attribute queries first: trackstar attribute --help")
    by_document = groupby(rows, key=lambda row: row[0])
    queries = {document_id: [row[1] for row in of_document] for document_id, of_document in by_document}
    return _Pairs(queries, frozenset((row[0], row[1]) for row in rows if row[2]))


def _targets(
    session: Connection[TupleRow], loaded: LoadedModel, pairs: _Pairs, summary: TailPatchSummary
) -> dict[int, _Target]:
    """Every query of the pairs by its number; those that the model cannot read are failures."""
    numbers = sorted({number for queries in pairs.queries.values() for number in queries})
    kept, pieces = [], []
    for number, name, prompt, target, digest in session.execute(query("tail_patch_queries"), {"query_ids": numbers}):
        try:
            pieces.append(query_piece(loaded.tokenizer, prompt, target, loaded.context_length))
            kept.append((number, digest))
        except InputError as error:
            summary.failures.append((name, str(error)))
    before = map(math.exp, log_probabilities(loaded, pieces))
    found = zip(kept, pieces, before, strict=True)
    return {number: _Target(number, digest, piece, value) for (number, digest), piece, value in found}
