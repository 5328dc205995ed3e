"""A made-up file of results, with more buckets, tasks and texts than the demo has."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

RELATIONS = ("capital", "country", "author", "composer", "currency", "place of birth", "official language", "continent")
FREQUENCIES = (0, 12, 140, 1_900, 21_000, 400_000)
FACTS_PER_CELL = 5
LONG_WORD = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 3
RIGHT_TO_LEFT = "قال المرشد إن باريس هي عاصمة فرنسا 🗼👩‍👩‍👧"

SIMPLE: dict[str, Any] = {
    "trex_id": "<i>one</i>",
    "task": "cooking",
    "inputs_plaintext": "Water boils at",
    "targets_plaintext": " 100 degrees",
    "groundtruth": "100 °C",
    "proponents": [
        "Water boils at 100 degrees <script>alert(1)</script>.",
        f"Milk does not: {LONG_WORD}",
        RIGHT_TO_LEFT,
    ],
    "proponent_ids": ["a", "b", "c"],
    "proponent_scores": [0.5, 0.25, 0.125],
}
"""A query that is no fact, by older names; its text would do harm if it were run."""

LONG: dict[str, Any] = {
    **SIMPLE,
    "trex_id": "0-0-0",
    "inputs_plaintext": "A long story. " * 500 + "It ends",
    "groundtruth": None,
}
"""A long prompt, under an id that another task has too."""


def made_up_records() -> list[dict[str, Any]]:
    """Facts of every relation and bucket, found the better the more frequent they are; then SIMPLE and LONG."""
    chance = random.Random(1)
    facts = [
        _fact(chance, relation, bucket, number)
        for relation in range(len(RELATIONS))
        for bucket in range(len(FREQUENCIES))
        for number in range(FACTS_PER_CELL)
    ]
    return [*facts, SIMPLE, LONG]


def write_made_up(path: Path) -> Path:
    """The file, which has them all."""
    path.write_text("".join(json.dumps(record) + "\n" for record in made_up_records()), encoding="utf-8")
    return path


def _fact(chance: random.Random, relation: int, bucket: int, number: int) -> dict[str, Any]:
    name = f"{relation}-{bucket}-{number}"
    correct = [chance.random() < (1 + bucket) / (9 + relation) for _ in range(3)]
    ais = [round(chance.uniform(0.5, 1) if is_correct else chance.uniform(0, 0.6), 2) for is_correct in correct]
    return {
        "example_id": name,
        "task": "facts",
        "query_set": "made up",
        "inputs_plaintext": f"The {RELATIONS[relation]} of made-up place {name} is",
        "targets_plaintext": f"Name {number}",
        "proponents": [f"Made-up document {rank} about place {name}, and Name {number}." for rank in (1, 2, 3)],
        "proponent_ids": [f"{name}/{rank}" for rank in (1, 2, 3)],
        "proponent_scores": [0.3, 0.2, 0.1],
        "opponents": [f"A document against place {name}."],
        "opponent_ids": [f"{name}/against"],
        "opponent_scores": [-0.25],
        "fact_id": name,
        "relation": RELATIONS[relation],
        "8b_generations": [f"Name {number}", "Nobody"],
        "8b_confidence": round(chance.random(), 2),
        "is_8b_correct": chance.random() < 0.6,
        "c4_frequency": FREQUENCIES[bucket] + number,
        "c4_frequency_bucket": bucket,
        "has_trex_sentence": number != 3,
        "proponent_correct": correct,
        "proponent_ais_scores": ais,
        "proponent_ranks": [1, 3, 8],
        "proponent_ais_best_windows": [f"place {name}, and Name {number}", None, None],
    }
