"""Records of the data release's retrieval-result format, and what tests do with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeAlias

from trackstar_db.database.engine import Database
from trackstar_db.loaders import LoadSummary
from trackstar_db.store import Store

FACT = {
    "fact_id": "f1", "entity0": "France", "relation": "capital", "entity1": "Paris", "entity0_uri": "Q142",
    "predicate_uri": "P36", "entity1_uri": "Q90", "prompt0": "The capital of France is",
}  # fmt: skip
FULL: dict[str, Any] = {
    "example_id": "e1",
    "query_set": "trex",
    "inputs_plaintext": "The capital of France is",
    "targets_plaintext": "Paris",
    "proponents": ["Paris is the capital.", "Ünï\t\u2028 \N{GRINNING FACE} Text"],
    "proponent_ids": ["c4-1", "c4-2"],
    "proponent_scores": [0.75, -0.0],
    "opponents": ["Rome is the capital.", "Paris is the capital."],
    "opponent_ids": ["c4-3", "c4-1"],
    "opponent_scores": [-0.5, -1e-300],
    "fact_id": "f1",
    "relation": "capital",
    "8b_generations": ["Paris", "Lyon", ""],
    "8b_confidence": 0.3333333333333333,
    "c4_frequency": 113,
    "c4_frequency_bucket": 2,
    "has_trex_sentence": True,
    "proponent_correct": [True, False],
    "proponent_ais_scores": [0.9, None],
    "is_8b_correct": True,
    "groundtruth": {"b": [1, 1.0, 1e22, None], "a": {}},
    "task": "trex",
    "proponent_ranks": [1, 7],
    "proponent_ais_best_windows": ["the capital", None],
    "unknown": [[-0.0, 10**30, 1e300]],
    "": None,
}
OLD: dict[str, Any] = {
    "trex_id": "t1",
    "inputs_plaintext": "",
    "targets_plaintext": "x",
    "proponent_ids": ["1"],
    "proponents": ["one"],
    "proponent_scores": [3],
    "temperature_samples": ["a"],
    "model_confidence": 1,
    "fact_frequency": 0,
    "frequency_bucket": 0,
    "ground_truth": "x",
}
LEAST: dict[str, Any] = {
    "example_id": "e2", "inputs_plaintext": "p", "targets_plaintext": "t", "proponents": [], "proponent_scores": [],
}  # fmt: skip
Kind: TypeAlias = "set[type] | list[set[type]]"
TEXT, NUMBER, NOTHING = {str}, {int, float}, {type(None)}
NEEDED: dict[str, Kind] = {
    "example_id": TEXT, "query_set": TEXT, "inputs_plaintext": TEXT, "targets_plaintext": TEXT,
    "proponents": [TEXT], "proponent_ids": [TEXT], "proponent_scores": [NUMBER],
}  # fmt: skip
OPTIONAL: dict[str, Kind] = {
    "opponents": [TEXT], "opponent_ids": [TEXT], "opponent_scores": [NUMBER], "fact_id": TEXT, "relation": TEXT,
    "8b_generations": [TEXT], "8b_confidence": NUMBER, "c4_frequency": {int}, "c4_frequency_bucket": {int},
    "has_trex_sentence": {bool}, "proponent_correct": [{bool}], "proponent_ais_scores": [NUMBER | NOTHING],
    "is_8b_correct": {bool}, "groundtruth": TEXT | {dict, list}, "task": TEXT, "proponent_ranks": [{int}],
    "proponent_ais_best_windows": [TEXT | NOTHING],
}  # fmt: skip
"""The data release's retrieval results: present names of fields, and types of their values, or of lists' entries."""


def check_format(record: dict[str, Any]) -> None:
    """Nothing; the record is one of the release's format, by present names alone. It may have fields beyond it."""
    assert set(NEEDED) <= set(record)
    assert not set(record) & {"trex_id", "temperature_samples", "model_confidence", "fact_frequency", "ground_truth"}
    assert record.get("c4_frequency_bucket", 0) in range(6)
    for name, kind in {**NEEDED, **OPTIONAL}.items():
        assert name not in record or _is_of(kind, record[name]), (name, record[name])
    for direction in ("proponent", "opponent"):
        lists = [value for name, value in record.items() if name.startswith(direction)]
        assert len({len(value) for value in lists}) <= 1
        assert len({f"{direction}s", f"{direction}_ids", f"{direction}_scores"} & set(record)) in (0, 3)


def _is_of(kind: Kind, value: object) -> bool:
    if isinstance(kind, list):
        return isinstance(value, list) and {type(one) for one in value} <= kind[0]
    return type(value) in kind


# Everything that a load of results stores, without the numbers of this database.
STORED = """
    SELECT r.name, r.method, r.top_k, r.query_count, r.document_count, r.ais_labeler, r.settings::text,
           (SELECT array_agg((i.position, q.external_id, q.prompt, q.target, i.fields, i.metadata::text)::text
                             ORDER BY i.position)
            FROM trackstar.run_query i JOIN trackstar.query q USING (query_id) WHERE i.run_id = r.run_id),
           (SELECT array_agg((q.external_id, p.direction, p.rank, d.external_id, d.text, p.influence)::text
                             ORDER BY q.external_id, p.direction, p.rank)
            FROM trackstar.proponent p JOIN trackstar.query q USING (query_id)
            JOIN trackstar.document d USING (document_id) WHERE p.run_id = r.run_id),
           (SELECT array_agg((d.external_id, l.score, l.labeler)::text ORDER BY d.external_id, l.query_id)
            FROM trackstar.entailment_label l JOIN trackstar.document d USING (document_id))
    FROM trackstar.run r"""


def record(**changes: Any) -> dict[str, Any]:
    """A record with two proponents, some of its fields changed or, where None is given, left out."""
    base = {
        "example_id": "e1", "inputs_plaintext": "p", "targets_plaintext": "t", "proponents": ["one", "two"],
        "proponent_ids": ["1", "2"], "proponent_scores": [2.0, 1.0],
    }  # fmt: skip
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def fetch(database: Database, statement: str) -> list[Any]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


def counts(summary: LoadSummary) -> tuple[int, ...]:
    return summary.read, summary.inserted, summary.updated, summary.skipped, summary.rejected


def exported(database: Database, run: str, path: Path) -> bytes:
    Store(database).export_results(run, path)
    return path.read_bytes()


def as_text(records: list[Any]) -> list[str]:
    """The records, told apart where JSON does: 1 is not 1.0, -0.0 not 0.0; only inner objects have no order."""
    return [
        json.dumps([(name, json.dumps(value, sort_keys=True)) for name, value in record.items()]) for record in records
    ]
