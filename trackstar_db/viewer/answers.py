"""One query of one run, whole: what was asked and answered, its proponents and opponents, and what judges say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trackstar_db.errors import NotFound
from trackstar_db.viewer.highlighting import Wanted
from trackstar_db.viewer.lists import Listed, Run, listed
from trackstar_db.viewer.records import first, modern, names, shown
from trackstar_db.viewer.retrieved import Question, Retrieved, retrieved
from trackstar_db.viewer.statements import WHOLE, Statements


@dataclass(frozen=True)
class Fact:
    """The fact that a query asks for."""

    fact_id: str
    subject: str
    relation: str
    object: str
    subject_uri: str
    subject_aliases: list[str]
    object_aliases: list[str]


@dataclass(frozen=True)
class Prediction:
    """What a model itself says: its answers, confidence from 0 to 1.

    greedy_answer: None where it is not known
    model: None where a file of results does not name it
    """

    model: str | None
    greedy_answer: str | None
    samples: list[str]
    confidence: float | None
    target_probability: float | None
    alternatives: dict[str, float] | None
    is_correct: bool | None


@dataclass(frozen=True)
class Metrics:
    """How the proponents fare before one judge (annotation or ais): None where it has nothing to say."""

    reciprocal_rank: float | None
    recall_at_10: float | None
    precision_at_10: float | None


@dataclass(frozen=True)
class Answer:
    """One query of a run.

    task, ground_truth: of imported results; None elsewhere
    fact: None for queries that are no facts: the simple view
    best_ais_score: of the proponents
    before, after: numbers of the queries beside it in the run's order
    wanted: what is to be highlighted: target, subject
    """

    query_id: int
    external_id: str
    position: int
    prompt: str
    target: str
    relation: str | None
    fact_frequency: int | None
    frequency_bucket: int | None
    has_annotated_document: bool | None
    task: str | None
    ground_truth: str | None
    fact: Fact | None
    prediction: Prediction | None
    threshold: float
    annotation: Metrics
    ais: Metrics
    best_ais_score: float | None
    tail_patch_delta: float | None
    proponents: list[Retrieved]
    opponents: list[Retrieved]
    before: int | None
    after: int | None
    wanted: tuple[Wanted, ...]


KIND_LABELS: dict[str, str] = {
    "states_fact": "states the fact",
    "both_entities": "names subject and object",
    "subject": "names the subject",
    "object": "names the object",
    "same_relation": "same relation",
    "other": "nothing in common",
}
"""Kinds of influence, and what pages call them."""

UNKNOWN = "unknown:"
"""Begins the uri of a subject that an opened file does not name: its label is the fact's id."""


def answer(
    statements: Statements, run: Run, query_id: int, threshold: float | None = None, longest: int = WHOLE
) -> Answer:
    """The query with everything; raises NotFound where the run did not ask it.

    threshold: of AIS scores, from 0 to 1; None is the run's
    longest: characters of each document's text
    """
    if threshold is None:
        threshold = run.ais_threshold
    asked = _asked(statements, run, query_id)
    known = known_of(statements, run, query_id)
    kept = modern(asked.metadata)
    fact = _fact(statements, asked.fact_id)
    wanted = _wanted(asked, kept, fact)
    question = _question(asked, kept, wanted)
    documents = retrieved(statements, run, question, threshold, longest)
    proponents = [one for one in documents if one.direction == "proponent"]
    scores = [one.ais_score for one in proponents if one.ais_score is not None]
    return Answer(
        query_id=query_id,
        external_id=asked.external_id,
        position=asked.position,
        prompt=asked.prompt,
        target=asked.target,
        **_of_record(kept, known),
        fact=fact,
        prediction=_prediction(statements, run, asked, kept),
        threshold=threshold,
        annotation=_metrics([one.is_correct for one in proponents], fact is not None),
        ais=_metrics([one.is_entailed for one in proponents], bool(scores)),
        best_ais_score=max(scores, default=None),
        tail_patch_delta=known.tail_patch_delta,
        proponents=proponents,
        opponents=[one for one in documents if one.direction == "opponent"],
        before=asked.before,
        after=asked.after,
        wanted=wanted,
    )


def query_of(statements: Statements, run: Run, external_id: str) -> int:
    """The number of the query with this id in its source; raises NotFound."""
    found = statements.mappings("viewer_query_of", {"run": run.name, "external_id": external_id})
    if not found:
        raise NotFound(f"Run {run.name!r} has no query of id {external_id!r}. Choose one from its list.")
    return int(found[0]["query_id"])


def known_of(statements: Statements, run: Run, query_id: int) -> Listed:
    """The query as the list has it; raises NotFound where the run did not ask it."""
    found = listed(statements, run, query_id)
    if found is None:
        raise _no_query(run, query_id)
    return found


@dataclass(frozen=True)
class _Asked:
    """What was asked; metadata: what an imported record says beyond the tables."""

    query_id: int
    external_id: str
    prompt: str
    target: str
    fact_id: str | None
    position: int
    metadata: dict[str, Any]
    before: int | None
    after: int | None


def _asked(statements: Statements, run: Run, query_id: int) -> _Asked:
    found = statements.rows("viewer_answer", _Asked, {"run": run.name, "query_id": query_id})
    if not found:
        raise _no_query(run, query_id)
    return found[0]


def _no_query(run: Run, query_id: int) -> NotFound:
    return NotFound(f"Run {run.name!r} did not ask query {query_id}. Choose one from its list.")


def _of_record(kept: dict[str, Any], known: Listed) -> dict[str, Any]:
    """What an imported record says of its query, else what the database knows."""
    return {
        "relation": first(kept.get("relation"), known.relation),
        "fact_frequency": first(kept.get("c4_frequency"), known.fact_frequency),
        "frequency_bucket": first(kept.get("c4_frequency_bucket"), known.frequency_bucket),
        "has_annotated_document": first(kept.get("has_trex_sentence"), known.has_annotated_document),
        "task": shown(kept.get("task")),
        "ground_truth": shown(kept.get("groundtruth")),
    }


def _fact(statements: Statements, fact_id: str | None) -> Fact | None:
    return None if fact_id is None else statements.rows("viewer_fact", Fact, {"fact_id": fact_id})[0]


def _prediction(statements: Statements, run: Run, asked: _Asked, kept: dict[str, Any]) -> Prediction | None:
    """What the record of an imported run says of its model, else what the database knows.

    A record's target is what the model said where the ground truth is another; else it is what is true.
    """
    samples, confidence, is_correct = (kept.get(name) for name in ("8b_generations", "8b_confidence", "is_8b_correct"))
    truth = kept.get("groundtruth", asked.target)
    right = {str(shown(one)).strip() for one in (truth if isinstance(truth, list) else [truth])}
    said = None if asked.target.strip() in right else asked.target
    if samples or any(value is not None for value in (said, confidence, is_correct)):
        return Prediction(run.model, said, samples or [], confidence, None, None, is_correct)
    parameters = {"encoding": run.encoding, "query_id": asked.query_id}
    return next(iter(statements.rows("viewer_prediction", Prediction, parameters)), None)


def _question(asked: _Asked, kept: dict[str, Any], wanted: tuple[Wanted, ...]) -> Question:
    """What the documents are shown for: of a long text, the part around a name of the target."""
    characters = len(asked.prompt) + len(asked.target)
    return Question(asked.query_id, asked.fact_id, characters, tuple(map(str.strip, wanted[0].names)), kept)


def _metrics(verdicts: list[bool | None], is_judged: bool) -> Metrics:
    """The metrics of a list of proponents; whoever has no verdict is not correct."""
    if not is_judged and all(verdict is None for verdict in verdicts):
        return Metrics(None, None, None)
    ranks = [rank for rank, verdict in enumerate(verdicts, start=1) if verdict]
    in_ten = sum(rank <= 10 for rank in ranks)
    return Metrics(1 / ranks[0] if ranks else 0.0, float(in_ten > 0), in_ten / 10)


def _wanted(asked: _Asked, kept: dict[str, Any], fact: Fact | None) -> tuple[Wanted, ...]:
    """Names of target and subject; those of a record whose fact is not loaded, where it has them as facts do."""
    if fact is None:
        objects, subjects = names(kept, "entity1"), names(kept, "entity0")
    else:
        objects = [fact.object, *fact.object_aliases]
        subjects = [] if fact.subject_uri.startswith(UNKNOWN) else [fact.subject, *fact.subject_aliases]
    return Wanted("target", (asked.target, *objects)), Wanted("subject", tuple(subjects))
