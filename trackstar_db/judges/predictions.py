"""Predictions: what a model itself says to every query of a set, and whether that is right.

Whether a prediction is right, by what the query has, the first that holds:

    alternatives in its metadata   the target is likelier than each of them (sums of log-probabilities)
    a fact                         the greedy answer begins with the object's label or an alias
    ground_truth or groundtruth    the greedy answer begins with it, or with one of several
    none of these                  nobody can say: empty
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from trackstar_db.attribution.model import LoadedModel
from trackstar_db.attribution.tokens import Piece, query_piece
from trackstar_db.database.engine import Database
from trackstar_db.database.locks import locked
from trackstar_db.database.names import query_set_id
from trackstar_db.database.queries import query
from trackstar_db.encoding.models import store_model
from trackstar_db.errors import InputError
from trackstar_db.judges.model import open_model
from trackstar_db.prediction import (
    Answers,
    Sampling,
    confidence,
    generate,
    generation_groups,
    log_probabilities,
    prompt_tokens,
    states,
)
from trackstar_db.progress import progress_bar

GROUND_TRUTHS = ("ground_truth", "groundtruth")


@dataclass
class PredictionSummary:
    """What one call of judge_predictions did.

    queries: of the set; failures: (external id, reason) of those without a prediction
    correct, judged: right ones, and those of which that can be said, among all predictions of the set
    """

    model: str
    queries: int = 0
    already_there: int = 0
    predicted: int = 0
    judged: int = 0
    correct: int = 0
    seconds: float = 0.0
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Query:
    """A query with all that its answer is judged by.

    pieces: the target after the prompt, then each alternative
    names: the fact's object and its aliases; truths: what else would be right
    """

    query_id: int
    external_id: str
    content_digest: bytes
    prompt: str
    target: str
    prompt_length: int
    pieces: tuple[Piece, ...]
    alternatives: tuple[str, ...]
    names: tuple[str, ...]
    truths: tuple[str, ...]
    is_there: bool


def judge_predictions(
    database: Database,
    query_set: str,
    model: str | None = None,
    encoding: str | None = None,
    sampling: Sampling | None = None,
) -> PredictionSummary:
    """What was predicted: every query of the set that the model has not been asked in this way.

    Each group of queries is a transaction; stopped and started again it goes on, and ends with the same rows.
    Asked with other samples, another seed or length, a model's old predictions are replaced.
    Raises NotFound, InputError where no model is named, ModelUnreadable, EncodingMismatch.
    """
    started = time.monotonic()
    sampling = sampling or Sampling()
    with database.connect() as connection:
        set_id = query_set_id(connection, query_set)
        loaded = open_model(connection, model, encoding)
        model_id = store_model(connection, loaded)
    summary = PredictionSummary(loaded.name)
    with database.session() as session, locked(session, f"judge predictions {model_id} {set_id}"):
        parameters = {"model_id": model_id, "query_set_id": set_id}
        with session.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query("prediction_queries"), parameters).fetchall()
        queries = _readable(loaded, rows, sampling, summary)
        summary.queries, summary.already_there = len(rows), sum(asked.is_there for asked in queries)
        with progress_bar(len(queries), "predict", "query") as bar:
            # Groups are those of the whole set, so that who is left changes nothing.
            for group in generation_groups([asked.prompt_length for asked in queries], sampling):
                members = [queries[index] for index in group]
                if not all(asked.is_there for asked in members):
                    _predict_group(database, loaded, model_id, members, sampling, summary)
                bar.update(len(members))
        summary.judged, summary.correct = session.execute(query("prediction_counts"), parameters).fetchone() or (0, 0)
    summary.seconds = time.monotonic() - started
    return summary


def _readable(
    loaded: LoadedModel, rows: Sequence[dict[str, Any]], sampling: Sampling, summary: PredictionSummary
) -> list[_Query]:
    queries = []
    for row in rows:
        try:
            queries.append(_query(loaded, row, sampling))
        except InputError as error:
            summary.failures.append((row["external_id"], str(error)))
    return queries


def _query(loaded: LoadedModel, row: dict[str, Any], sampling: Sampling) -> _Query:
    """One query; raises InputError where the model cannot be asked, or its metadata cannot be understood."""
    prompt, target, metadata = row["prompt"], row["target"], row["metadata"]
    alternatives = tuple(dict.fromkeys(_texts(metadata, "alternatives")))
    alternatives = tuple(text for text in alternatives if text != target)
    said = (target, *alternatives)
    asked_before = (row["seed"], row["samples"], row["max_new_tokens"], set(row["alternatives"]))
    return _Query(
        query_id=row["query_id"],
        external_id=row["external_id"],
        content_digest=row["content_digest"],
        prompt=prompt,
        target=target,
        prompt_length=len(prompt_tokens(loaded, prompt, sampling.max_new_tokens)),
        pieces=tuple(query_piece(loaded.tokenizer, prompt, text, loaded.context_length) for text in said),
        alternatives=alternatives,
        names=tuple(row["names"] or ()),
        truths=tuple(text for name in GROUND_TRUTHS for text in _texts(metadata, name)),
        is_there=asked_before == (sampling.seed, sampling.samples, sampling.max_new_tokens, set(alternatives)),
    )


def _texts(metadata: dict[str, Any], name: str) -> list[str]:
    """The texts of a field: a list, or a single one; numbers as they are written."""
    value = metadata.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    for text in values:
        if isinstance(text, bool) or not isinstance(text, (str, int, float)) or not str(text).strip():
            raise InputError(f"{name} holds {text!r}; expected a text or a list of texts. Load the query again.")
    return [str(text) for text in values]


def _predict_group(
    database: Database,
    loaded: LoadedModel,
    model_id: int,
    group: Sequence[_Query],
    sampling: Sampling,
    summary: PredictionSummary,
) -> None:
    """Nothing; the group's predictions are rows. The whole group is asked, and written where it is missing."""
    answers = generate(loaded, [asked.prompt for asked in group], sampling)
    likely = iter(log_probabilities(loaded, [piece for asked in group for piece in asked.pieces]))
    with database.connect() as connection:
        for asked, answer in zip(group, answers, strict=True):
            values = [next(likely) for _ in asked.pieces]
            if asked.is_there:
                continue
            if any(map(math.isnan, values)):
                summary.failures.append((asked.external_id, "its probability is not finite"))
                continue
            key = {"model_id": model_id, "query_id": asked.query_id, "content_digest": asked.content_digest}
            asked_how = {"seed": sampling.seed, "max_new_tokens": sampling.max_new_tokens}
            row = {**key, **asked_how, **_judged(asked, answer, values)}
            if connection.execute(query("prediction_upsert"), row).rowcount:
                summary.predicted += 1
            else:
                summary.failures.append((asked.external_id, "changed while it was asked. Start again."))


def _judged(asked: _Query, answer: Answers, values: Sequence[float]) -> dict[str, Any]:
    """The columns that tell what was said, and how right it is.

    values: the log-probability of the target and of each alternative
    """
    probabilities = dict(zip(asked.alternatives, map(math.exp, values[1:]), strict=True))
    right: bool | None = None
    if asked.alternatives:
        right = all(values[0] > other for other in values[1:])
    elif asked.names or asked.truths:
        right = states(answer.greedy, asked.names or asked.truths)
    return {
        "greedy_answer": answer.greedy,
        "samples": answer.samples,
        "confidence": confidence(answer.samples, (asked.target, *asked.names)) if answer.samples else None,
        "target_probability": math.exp(values[0]),
        "alternatives": Jsonb(probabilities) if asked.alternatives else None,
        "is_correct": right,
    }
