"""Searches that continue: how far one came and what it found so far, kept in the database while it goes on.

A search that was killed is found again by its run's name, and goes on where its digest says that nothing has changed
of all that its answer depends on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from trackstar_db.database.engine import Database
from trackstar_db.database.queries import query
from trackstar_db.database.tensors import load_tensors, store_tensor
from trackstar_db.search.ranking import Ranking

SAVE_SECONDS = 30.0
"""A killed search loses this much at most, or twenty times what it takes to save what it found, if that is more."""

SHARE_OF_SAVING = 0.05
DIRECTIONS = ("proponent", "opponent")


@dataclass(frozen=True)
class SearchKey:
    """What a search is known by.

    run: the name that its run will have; digest: SHA-256 of what its answer depends on
    documents: to be read, over all passes
    """

    run: str
    encoding_id: int
    query_set_id: int
    method: str
    digest: bytes
    documents: int


@dataclass(frozen=True)
class Position:
    """How far a search came: whole passes, spans of the pass after them, documents over all passes."""

    passes_done: int = 0
    spans_read: int = 0
    documents_read: int = 0


class SearchRecord:
    """The record of one search, in transactions of its own; the lock on the run's name must be held.

    begun: where to go on from; notice: what a person should hear of that
    keeps_ends: whether the end of a pass is worth saving: not that of a single one that was soon over
    """

    def __init__(self, database: Database, key: SearchKey, passes: int) -> None:
        self._database = database
        self._key = key
        self._saved_at = time.monotonic()
        self._save_seconds = 0.0
        self.begun, self.notice = self._load()
        self.keeps_ends = passes > 1 or self.begun != Position()
        self._rankings = self._load_rankings() if self.begun != Position() else {}

    @property
    def is_due(self) -> bool:
        """Whether it is time to save."""
        pause = max(SAVE_SECONDS, self._save_seconds / SHARE_OF_SAVING)
        return time.monotonic() - self._saved_at >= pause

    def found(self, number: int) -> tuple[Ranking, Ranking] | None:
        """Proponents and opponents that a pass had found; None where it had not begun."""
        found = [self._rankings.get((number, direction)) for direction in DIRECTIONS]
        return (found[0], found[1]) if found[0] is not None and found[1] is not None else None

    def save(self, position: Position, number: int, found: tuple[Ranking, Ranking]) -> None:
        """Nothing; the search goes on from this position, with what the pass `number` has found until here."""
        started = time.monotonic()
        with self._database.connect() as connection:
            connection.execute(query("search_save"), {**vars(self._key), **vars(position)})
            for direction, ranking in zip(DIRECTIONS, found, strict=True):
                for part, numbers in vars(ranking).items():
                    name = f"{number}/{direction}/{part}"
                    key = {"run": self._key.run}
                    store_tensor(connection, "search_tensor_upsert", key, name, torch.from_numpy(numbers))
        self.keeps_ends = True
        self._saved_at = time.monotonic()
        self._save_seconds = self._saved_at - started

    def _load(self) -> tuple[Position, str | None]:
        with self._database.connect() as connection:
            row = connection.execute(query("search_load"), {"run": self._key.run}).fetchone()
            if row is None:
                return Position(), None
            digest, *numbers = row
            begun = Position(*numbers)
            if bytes(digest) == self._key.digest:
                return begun, f"went on behind {begun.documents_read:,} documents that an interrupted search had read"
            connection.execute(query("search_drop"), {"run": self._key.run})
        return Position(), (
            f"a search for run {self._key.run!r} was interrupted behind {begun.documents_read:,} documents; gradients, "
            f"queries, encodings or settings are others now, so it started over"
        )

    def _load_rankings(self) -> dict[tuple[int, str], Ranking]:
        with self._database.connect() as connection:
            tensors = load_tensors(connection, "search_tensors", {"run": self._key.run})
        parts: dict[tuple[int, str], dict[str, Any]] = {}
        for name, tensor in tensors.items():
            number, direction, part = name.split("/")
            parts.setdefault((int(number), direction), {})[part] = tensor.numpy()
        return {key: Ranking(**arrays) for key, arrays in parts.items()}


def forget_search(database: Database, run: str) -> None:
    """Nothing; there is no record of an unfinished search for a run."""
    with database.connect() as connection:
        connection.execute(query("search_drop"), {"run": run})


def search_digest(described: Mapping[str, Any]) -> bytes:
    """SHA-256 of a description as canonical JSON."""
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).digest()
