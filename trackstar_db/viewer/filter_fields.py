"""What lists can be filtered by, and filters that are ready to be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from psycopg import sql

from trackstar_db.database.queries import query

FieldKind = Literal["number", "text", "yes or no"]


@dataclass(frozen=True)
class Field:
    """What can be filtered by: its name in the language, its kind, what it means.

    column: of tda.query_overview; without one, sql/queries/viewer_field_NAME.sql says it of each query, which is slower
    """

    name: str
    kind: FieldKind
    meaning: str
    column: str | None = None

    @property
    def expression(self) -> sql.Composable:
        """Its value for a row o of tda.query_overview."""
        if self.column is not None:
            return sql.Identifier("o", self.column)
        return sql.SQL("({})").format(query(f"viewer_field_{self.name}"))


@dataclass(frozen=True)
class Preset:
    """A filter that is ready to be chosen: what the page calls it, and its text."""

    label: str
    text: str


FIELDS = (
    Field("id", "text", "the query's id in its source", "external_id"),
    Field("query", "number", "the query's number in this database", "query_id"),
    Field("prompt", "text", "what the model was given", "prompt"),
    Field("target", "text", "what it should say next", "target"),
    Field("relation", "text", "the fact's relation", "relation"),
    Field("fact", "text", "the fact's id", "fact_id"),
    Field("task", "text", "the task, of imported results; else the query set"),
    Field("position", "number", "place in the run's order", "position"),
    Field("frequency", "number", "documents that hold the fact by string matching", "fact_frequency"),
    Field("bucket", "number", "bucket 0 to 5 of the frequency", "frequency_bucket"),
    Field("annotated", "yes or no", "a document searched states the fact", "has_annotated_document"),
    Field("correct", "yes or no", "the model's own answer is right", "is_correct"),
    Field("confidence", "number", "share of the model's samples that are right, 0 to 1", "confidence"),
    Field("proponents", "number", "how many the run kept", "proponents"),
    Field("mrr", "number", "1 / rank of the first proponent that states the fact", "reciprocal_rank"),
    Field("recall", "number", "1 if one of the first ten states the fact, else 0", "recall_at_10"),
    Field("precision", "number", "share of the first ten that state the fact", "precision_at_10"),
    Field("ais", "number", "best entailment score of a proponent, 0 to 1 (AIS: attributable to identified "
                         "sources)", "best_ais_score"),
    Field("ais_mrr", "number", "mrr by entailment", "ais_reciprocal_rank"),
    Field("ais_recall", "number", "recall by entailment", "ais_recall_at_10"),
    Field("ais_precision", "number", "precision by entailment", "ais_precision_at_10"),
    Field("tail_patch", "number", "percentage points that a training step on a proponent adds to the target's "
                                "probability", "tail_patch_delta"),
    Field("kind", "text", "what the first proponent shares with the query: states_fact, both_entities, subject, "
                          "object, same_relation, other"),
)  # fmt: skip

PRESETS = (
    Preset("correct", "correct"),
    Preset("correct and confident", "correct and confidence > 0.5"),
    Preset("common (bucket ≥ 3)", "bucket >= 3"),
    Preset("very common (bucket ≥ 4)", "bucket >= 4"),
    Preset("most common (bucket 5)", "bucket = 5"),
)
KINDS = (
    Preset("first proponent states the fact", "mrr = 1"),
    Preset("one of ten states the fact", "recall = 1"),
    Preset("none of ten states the fact", "recall = 0"),
    Preset("entailed", "ais_recall = 1"),
    Preset("not entailed", "ais_recall = 0"),
    Preset("annotated, not entailed", "recall = 1 and ais_recall = 0"),
    Preset("entailed, not annotated", "recall = 0 and ais_recall = 1"),
    Preset("raises the probability, states nothing", "tail_patch > 0 and recall = 0"),
    Preset("first names both entities", 'kind = "both_entities"'),
    Preset("first names the subject", 'kind = "subject"'),
    Preset("first names the object", 'kind = "object"'),
    Preset("first has the same relation", 'kind = "same_relation"'),
    Preset("first has nothing in common", 'kind = "other"'),
)
"""Kinds of influence, as filters of queries."""
