"""What a load tells at its end: counts of records, and notices about what a reader of counts would miss."""

from __future__ import annotations

from trackstar_db.loaders.ledger import Counts
from trackstar_db.loaders.options import LoadSummary
from trackstar_db.loaders.rejects import Rejection
from trackstar_db.loaders.staging import Stored


class Tally:
    """The counts and notices of a load, gathered part after part."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._notices: dict[str, None] = {}
        self._differing = 0
        self._first_differing = ""
        self._queries = (0, 0, 0)

    def note(self, notice: str) -> None:
        """Nothing; the notice is told once."""
        self._notices.setdefault(notice)

    def add(self, counts: Counts) -> None:
        """Nothing; the records of a part are counted."""
        self.counts += counts

    def add_stored(self, stored: Stored) -> None:
        """Nothing; what a part's writing had to tell beside its counts is kept."""
        self._first_differing = self._first_differing or next(iter(stored.differing), "")
        self._differing += len(stored.differing)
        inserted, updated, skipped = self._queries
        self._queries = inserted + stored.queries[0], updated + stored.queries[1], skipped + stored.queries[2]
        for notice in stored.notices:
            self.note(notice)

    def summary(self, kind: str, seconds: float, is_dry_run: bool, first: Rejection | None) -> LoadSummary:
        """The whole load in one record."""
        counts = self.counts
        return LoadSummary(
            kind,
            counts.read,
            counts.inserted,
            counts.updated,
            counts.skipped,
            counts.rejected,
            seconds,
            is_dry_run=is_dry_run,
            first_rejection=_describe(first) if first else None,
            differing=self._differing,
            first_differing=self._first_differing,
            remarks=tuple(self._notices),
            notices=tuple(self._all_notices(first)),
        )

    def _all_notices(self, first: Rejection | None) -> list[str]:
        notices = list(self._notices)
        if any(self._queries):
            inserted, updated, skipped = self._queries
            notices.append(f"queries of the facts: inserted {inserted:,}, updated {updated:,}, skipped {skipped:,}")
        if self._differing:
            notices.append(
                f"{self._differing:,} records differ from what is stored under their id, which was kept "
                f"(first: {self._first_differing}). Use --on-conflict update to replace what is stored."
            )
        if first is not None:
            notices.append(
                f"{self.counts.rejected:,} records were rejected; the first, {_describe(first)}. "
                "Use --rejects FILE to keep them all."
            )
        return notices


def _describe(rejection: Rejection) -> str:
    return f"line {rejection.line} of {rejection.source}: {rejection.reason}"
