"""Two ways of doing a thing, timed in alternation."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ROUNDS = 5


class Missing(Exception):
    """A benchmark cannot run here: the message says what it needs. It is then skipped, by name."""


@dataclass(frozen=True)
class Measurement:
    """A ratio and what it was made of: one line of the results.

    benchmark: the name of the function that measured it
    ratio: median over rounds of ours / reference, in seconds unless an extra column says otherwise
    spread: the smallest and the largest ratio of a round
    ours_seconds, reference_seconds: medians; None where no time was taken
    extra: further columns, by the name that stands above them
    """

    benchmark: str
    ratio: float
    spread: tuple[float, float]
    reference: str
    ours_seconds: float | None = None
    reference_seconds: float | None = None
    rounds: int = 1
    extra: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "benchmark": self.benchmark,
            "ratio": self.ratio,
            "spread": list(self.spread),
            "reference": self.reference,
            "ours_seconds": self.ours_seconds,
            "reference_seconds": self.reference_seconds,
            "rounds": self.rounds,
            **self.extra,
        }


def nothing() -> None:
    """No preparation."""


def alternate(
    benchmark: str,
    reference_name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    rounds: int = ROUNDS,
    before: Callable[[], object] = nothing,
    warm_up: Callable[[], object] | None = None,
) -> Measurement:
    """Ours and the reference in turn, after one round that does not count.

    before: makes room for each; not timed
    warm_up: less than a round, to be done in place of the one that does not count
    """
    seconds = []
    if warm_up is not None:
        warm_up()
    for _ in range(rounds + (warm_up is None)):
        before()
        mine = timed(ours)
        before()
        seconds.append((mine, timed(reference)))
    if warm_up is None:
        del seconds[0]
    ratios = [mine / theirs for mine, theirs in seconds]
    return Measurement(
        benchmark=benchmark,
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        reference=reference_name,
        ours_seconds=statistics.median(mine for mine, _ in seconds),
        reference_seconds=statistics.median(theirs for _, theirs in seconds),
        rounds=rounds,
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
