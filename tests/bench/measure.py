"""Two ways of doing a thing, timed in alternation."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Measurement:
    """A ratio and what it was made of.

    ratio: median over rounds of ours / reference, in seconds unless `unit` says otherwise
    spread: the smallest and the largest ratio of a round
    """

    benchmark: str
    ratio: float
    spread: tuple[float, float]
    reference: str
    ours_seconds: float
    reference_seconds: float
    rounds: int
    extra: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        fields = asdict(self)
        extra = fields.pop("extra")
        return {**fields, **extra}

    def as_row(self) -> dict[str, object]:
        low, high = self.spread
        return {
            "benchmark": self.benchmark,
            "ratio": self.ratio,
            "spread": f"{low:.2f} to {high:.2f}",
            "ours (s)": self.ours_seconds,
            "reference (s)": self.reference_seconds,
            "reference": self.reference,
        }


def alternate(
    benchmark: str,
    reference_name: str,
    ours: Callable[[], object],
    reference: Callable[[], object],
    rounds: int,
    before: Callable[[], object],
) -> Measurement:
    """Ours and the reference in turn, after one round that does not count.

    before: makes room for ours; not timed
    """
    seconds = []
    for _ in range(rounds + 1):
        before()
        seconds.append((_timed(ours), _timed(reference)))
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


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
