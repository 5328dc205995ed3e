"""The proponents and opponents of one query of a run, with what judges say of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackstar_db.viewer.lists import Run
from trackstar_db.viewer.records import entry, first
from trackstar_db.viewer.statements import WHOLE, Statements

BEFORE_NAME = 400
"""Characters that a part of a text shows in front of the first name, where that stands far down."""

LOOKED_AT = 100_000
"""Characters of a text in which a name is looked for, to choose the part that is shown."""

MOST_COMPARED, LONGEST_ASKED = 1_000_000, 20_000
"""Characters of all texts, and of prompt and target, up to which it is looked at what they share."""

LONGEST_NAME = 500
"""Characters of a name that is looked for."""


@dataclass(frozen=True)
class HandLabel:
    """A label of a document for this query by somebody (labeler), from 0 to 1."""

    document_id: int
    labeler: str
    ais_score: float


@dataclass(frozen=True)
class Retrieved:
    """A proponent or opponent.

    score: what the method ranked by; influence: the same where it is one
    text: the whole, or a part of a long one; characters: of the whole; skipped: of them, in front of the part
    is_correct: the source says that it states the fact; None where it says nothing
    ais_score: from 0 to 1; is_entailed: above the answer's threshold
    best_window: the part of the text that the AIS score was taken from
    kind: of influence, as in tda.proponent_explanation; None where it was not worked out
    rank_before: its rank before the source filtered the list
    tail_patch_delta: percentage points
    """

    direction: str
    rank: int
    rank_before: int | None
    score: float
    influence: float | None
    document_id: int
    corpus: str
    external_id: str
    text: str
    characters: int
    skipped: int
    is_correct: bool | None
    ais_score: float | None
    is_entailed: bool | None
    best_window: str | None
    kind: str | None
    tail_patch_delta: float | None
    labels: tuple[HandLabel, ...] = ()


@dataclass(frozen=True)
class Question:
    """What the documents are shown for.

    characters: of prompt and target; names: whose first place a part of a long text shows
    kept: what an imported record says beyond the tables
    """

    query_id: int
    fact_id: str | None
    characters: int
    names: tuple[str, ...]
    kept: Mapping[str, Any]


def retrieved(
    statements: Statements, run: Run, question: Question, threshold: float, longest: int = WHOLE
) -> list[Retrieved]:
    """Proponents, then opponents, with what the record says where the tables do not.

    threshold: of AIS scores, from 0 to 1; longest: characters of each text
    """
    rows = statements.mappings(
        "viewer_retrieved",
        {
            "run": run.name,
            "query_id": question.query_id,
            "asked_characters": question.characters,
            "longest_asked": LONGEST_ASKED,
            "most_compared": MOST_COMPARED,
            "names": [name for name in question.names if name and len(name) <= LONGEST_NAME],
            "longest": longest,
            "looked_at": LOOKED_AT,
            "before": BEFORE_NAME,
        },
    )
    document_ids = [row["document_id"] for row in rows]
    about = {"document_ids": document_ids, "fact_id": question.fact_id, "query_id": question.query_id}
    labels: dict[int, list[HandLabel]] = {}
    for label in statements.rows("viewer_labels", HandLabel, about):
        labels.setdefault(label.document_id, []).append(label)
    return [_retrieved(row, question.kept, threshold, labels.get(row["document_id"], [])) for row in rows]


def _retrieved(row: dict[str, Any], kept: Mapping[str, Any], threshold: float, labels: list[HandLabel]) -> Retrieved:
    is_annotated, score = row.pop("is_annotated"), row["ais_score"]
    beside = entry(kept, row["rank"]) if row["direction"] == "proponent" else {}
    return Retrieved(
        **row,
        rank_before=beside.get("proponent_ranks"),
        is_correct=first(is_annotated, beside.get("proponent_correct")),
        is_entailed=None if score is None else score > threshold,
        labels=tuple(labels),
    )
