"""Queries of a run as records of the data release's retrieval-result format, by its present field names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trackstar_db.viewer.lists import Run
from trackstar_db.viewer.statements import Statements

FIELDS = (
    "example_id", "query_set", "inputs_plaintext", "targets_plaintext", "proponents", "proponent_ids",
    "proponent_scores", "opponents", "opponent_ids", "opponent_scores", "fact_id", "relation", "8b_generations",
    "8b_confidence", "c4_frequency", "c4_frequency_bucket", "has_trex_sentence", "proponent_correct",
    "proponent_ais_scores", "is_8b_correct", "groundtruth", "task", "proponent_ranks", "proponent_ais_best_windows",
)  # fmt: skip
IMPORTED = FIELDS[: FIELDS.index("relation")]
"""What the tables hold of an imported record; its other fields are kept beside them."""

MADE_ID = "query:"
"""Begins the id of a fact that was made for a record of an opened file that has none."""

OLDER = {
    "trex_id": "example_id",
    "temperature_samples": "8b_generations",
    "model_confidence": "8b_confidence",
    "fact_frequency": "c4_frequency",
    "frequency_bucket": "c4_frequency_bucket",
    "ground_truth": "groundtruth",
}
"""Names that older files have, and what they are called now."""


def records(statements: Statements, run: Run, query_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The queries' records, in the order given; those that the run did not ask are left out."""
    rows = statements.mappings("viewer_records", {"run": run.name, "query_ids": list(query_ids)})
    return [_record(row) for row in rows]


def modern(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What an imported record says, by the present names of its fields; what is null is left out."""
    present = {name: value for name, value in kept.items() if name not in OLDER}
    older = {OLDER[name]: value for name, value in kept.items() if name in OLDER}
    return {name: value for name, value in {**older, **present}.items() if value is not None}


def first(*values: Any) -> Any:
    """The first of them that is there."""
    return next((value for value in values if value is not None), None)


def shown(value: Any) -> str | None:
    """A value of a record as a person reads it."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def entry(kept: Mapping[str, Any], rank: int) -> dict[str, Any]:
    """What the lists of a record say of the proponent of this rank."""
    lists = {name: kept.get(name) for name in ("proponent_ranks", "proponent_correct")}
    return {
        name: values[rank - 1] for name, values in lists.items() if isinstance(values, list) and rank <= len(values)
    }


def names(kept: Mapping[str, Any], field: str) -> list[str]:
    """The name and aliases of a fact's end, where a record has them as facts do; field: entity0 or entity1."""
    aliases = kept.get(f"{field}_alias")
    return [
        name for name in (kept.get(field), *(aliases if isinstance(aliases, list) else ())) if isinstance(name, str)
    ]


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """One record: of an imported run what its source said and no more, else what the tables know."""
    kept = row.pop("metadata")
    if kept is not None:
        row = {name: row[name] for name in IMPORTED if name != "fact_id" or not str(row[name]).startswith(MADE_ID)}
    said = {**{name: value for name, value in row.items() if value is not None}, **modern(kept or {})}
    order = dict.fromkeys((*FIELDS, *said))
    return {name: said[name] for name in order if name in said}
