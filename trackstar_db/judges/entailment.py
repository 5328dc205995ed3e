"""Which proponents state the fact that is asked for: entailment (AIS) labels, computed or imported.

The pairs (document, fact or query) of all runs are put in one order and labelled in chunks, each batch in one
transaction. Pairs that have the labeler's label are left out, so an interrupted labelling continues; batches are
planned as if none were there, so its labels are those of an undisturbed one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.queries import query
from trackstar_db.errors import InputError, NotFound
from trackstar_db.judges.labelers import ALIAS_MATCH, AliasMatch, Claim, Labeler, NliLabeler
from trackstar_db.loaders.destinations import check_name
from trackstar_db.progress import progress_bar
from trackstar_db.search.runs import find_runs

CHUNK_PAIRS = 1024
"""Pairs read, tokenized and sorted by length together."""

Pair: TypeAlias = "tuple[str | None, int | None, int, bool]"
"""fact_id or query_id, document_id, and whether the labeler has labelled it."""

Claims: TypeAlias = "dict[tuple[str | None, int | None], Claim]"
"""What is claimed, by fact_id or query_id."""


@dataclass(frozen=True)
class EntailmentSettings:
    """How runs are judged by entailment.

    runs: names, or patterns such as `facts/*`
    labeler: alias_match, or the name of imported labels, or what the model's labels are stored under
    model: folder or hub id of an NLI classifier
    k: proponents of each query that are labelled
    threshold: a score above it counts as entailed; None is the database's own, 0.5
    token_budget: tokens of one padded batch; None is the default
    """

    runs: Sequence[str]
    labeler: str | None = None
    model: str | None = None
    k: int = 10
    threshold: float | None = None
    token_budget: int | None = None

    def check(self) -> None:
        """Nothing; raises InputError for settings that contradict each other or are out of range."""
        if self.labeler is None and self.model is None:
            raise InputError(
                "no labeler is named. Name alias_match, a labeler of imported labels (--labeler), or an NLI model "
                "(--model)."
            )
        if self.labeler is not None:
            check_name("labeler", self.labeler)
        if self.model is not None and self.labeler == ALIAS_MATCH:
            raise InputError("labels of a model cannot be named alias_match. Choose another --labeler, or none.")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise InputError(f"the threshold is {self.threshold}; expected a number from 0 to 1.")
        if self.k < 1:
            raise InputError(f"k is {self.k}; expected 1 or more.")


@dataclass
class EntailmentSummary:
    """What one call of judge_entailment did.

    pairs: documents and facts (or queries) among the first k proponents of the runs
    already_labelled: those of them that had the labeler's label before
    labelled: those that were labelled now
    truncated: labelled now by the beginning of their document only
    """

    labeler: str
    runs: int = 0
    pairs: int = 0
    already_labelled: int = 0
    labelled: int = 0
    truncated: int = 0
    seconds: float = 0.0
    notices: list[str] = field(default_factory=list)


def judge_entailment(database: Database, settings: EntailmentSettings) -> EntailmentSummary:
    """The labels of the first k proponents of some runs, which are then judged by them.

    With a labeler that is neither alias_match nor a model's nothing is computed: its labels are in the database.
    Raises NotFound for an unknown run or labeler, InputError, ModelUnreadable and ModelUnsupported.
    """
    settings.check()
    started = time.monotonic()
    with database.connect() as connection:
        runs = find_runs(connection, settings.runs)
        parameters: dict[str, Any] = {"run_ids": list(runs), "k": settings.k}
        claims = _read_claims(connection, parameters)
        labeler = _find_labeler(connection, settings, claims)
    parameters["labeler"] = labeler.name if labeler else settings.labeler
    summary = EntailmentSummary(parameters["labeler"], runs=len(runs))
    with database.session() as session, locked(session, f"judge entailment {summary.labeler}"):
        pairs: list[Pair] = session.execute(query("entailment_pairs"), parameters).fetchall()
        summary.pairs, summary.already_labelled = len(pairs), sum(is_labelled for *_, is_labelled in pairs)
        if labeler is not None:
            _label(database, labeler, pairs, claims, summary)
        elif missing := summary.pairs - summary.already_labelled:
            summary.notices.append(f"{missing:,} of {summary.pairs:,} pairs have no label by {summary.labeler!r}.")
    threshold = sql.SQL("DEFAULT") if settings.threshold is None else sql.Literal(settings.threshold)
    with database.connect() as connection:
        connection.execute(query("entailment_judge_runs").format(threshold=threshold), parameters)
    summary.seconds = time.monotonic() - started
    return summary


def _read_claims(connection: Connection[TupleRow], parameters: dict[str, Any]) -> Claims:
    claims = [Claim(*row) for row in connection.execute(query("entailment_claims"), parameters)]
    return {(claim.fact_id, claim.query_id): claim for claim in claims}


def _find_labeler(connection: Connection[TupleRow], settings: EntailmentSettings, claims: Claims) -> Labeler | None:
    """Who labels; None where the labels are imported ones."""
    if settings.model is not None:
        from trackstar_db.attribution.encoder import DEFAULT_TOKEN_BUDGET
        from trackstar_db.judges.nli import load_nli

        budget = settings.token_budget or DEFAULT_TOKEN_BUDGET
        return NliLabeler(load_nli(settings.model), settings.labeler, budget)
    if settings.labeler == ALIAS_MATCH:
        if claims and not any(claim.fact_id for claim in claims.values()):
            raise InputError(
                "the queries of these runs are no facts, and alias_match knows names of facts alone. Judge them by "
                "an NLI model (--model) or by imported labels (--labeler)."
            )
        return AliasMatch(connection, list(claims.values()))
    names = [name for (name,) in connection.execute(query("entailment_labelers"))]
    if settings.labeler not in names:
        known = f"the database has labels by: {', '.join(names)}" if names else "the database has no labels yet"
        raise NotFound(
            f"no label by {settings.labeler!r}; {known}. Load some with: trackstar load labels PATH --labeler "
            f"{settings.labeler}, or give --model"
        )
    return None


def _label(
    database: Database,
    labeler: Labeler,
    pairs: Sequence[Pair],
    claims: Claims,
    summary: EntailmentSummary,
) -> None:
    """Nothing; every pair that the labeler can read has its label."""
    impossible = 0
    with progress_bar(len(pairs), "entailment", "pair") as bar:
        for start in range(0, len(pairs), CHUNK_PAIRS):
            chunk = pairs[start : start + CHUNK_PAIRS]
            wanted = {index for index, (*_, is_labelled) in enumerate(chunk) if not is_labelled}
            bar.update(len(chunk) - len(wanted))
            if not wanted:
                continue
            texts = _read_texts(database, chunk)
            said = [(texts[document], claims[fact, query_id]) for fact, query_id, document, _ in chunk]
            for labels in labeler.label(said, wanted):
                if labels.indices:
                    _write(database, labeler.name, [chunk[index] for index in labels.indices], labels.scores)
                summary.labelled += len(labels.indices)
                summary.truncated += labels.truncated
                impossible += labels.impossible
                bar.update(len(labels.indices) + labels.impossible)
    if impossible:
        summary.notices.append(f"{impossible:,} pairs have no label: {labeler.limit}.")


def _read_texts(database: Database, chunk: Sequence[Pair]) -> dict[int, str]:
    numbers = {"document_ids": list({document for _, _, document, _ in chunk})}
    with database.connect() as connection:
        return {number: text for number, _, text, _ in connection.execute(query("encode_texts"), numbers)}


def _write(database: Database, labeler: str, pairs: Sequence[Pair], scores: Sequence[float]) -> None:
    """Nothing; one transaction with the labels of one batch."""
    rows = {
        "document_ids": [document for _, _, document, _ in pairs],
        "fact_ids": [fact for fact, _, _, _ in pairs],
        "query_ids": [query_id for _, query_id, _, _ in pairs],
        "scores": list(scores),
        "labeler": labeler,
    }
    with database.connect() as connection:
        connection.execute(query("entailment_insert"), rows)
