"""What encoding documents or queries came to."""

from __future__ import annotations

from dataclasses import dataclass, field

NAMED_FAILURES = 1000
"""Failures that are kept by name; a corpus may have millions."""


@dataclass
class EncodeSummary:
    """What one call of encode_documents or encode_queries did.

    total: documents of the corpus, or queries of the set
    already_encoded: those of them that were encoded before
    outcomes: how many ended how: stored, zero, not finite, too short, not encodable
    failures: (external id, outcome or reason) of the first NAMED_FAILURES that were not stored
    truncated: documents of which only the beginning was read
    """

    encoding: str
    total: int = 0
    already_encoded: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    truncated: int = 0
    seconds: float = 0.0

    @property
    def stored(self) -> int:
        """Gradients written by this call."""
        return self.outcomes.get("stored", 0)

    @property
    def failed(self) -> int:
        """How many were not stored."""
        return sum(self.outcomes.values()) - self.stored

    @property
    def notices(self) -> list[str]:
        """What a person should hear: who has no gradient, and why, of the first NAMED_FAILURES."""
        return [f"{name!r} has no gradient: {reason}" for name, reason in self.failures]

    def add(self, name: str, outcome: str, reason: str | None = None) -> None:
        """Count one document or query."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if outcome != "stored" and len(self.failures) < NAMED_FAILURES:
            self.failures.append((name, reason or outcome))
