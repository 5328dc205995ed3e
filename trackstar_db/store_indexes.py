"""The part of the store that indexes gradients for approximate searches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trackstar_db.store_base import OpenStore

if TYPE_CHECKING:
    from trackstar_db.estimates.estimate import OnEstimate
    from trackstar_db.estimates.indexes import IndexKind
    from trackstar_db.search.indexes import IndexSummary


class Indexes(OpenStore):
    """Indexes of a trackstar database. `attribute` is exact whatever there is."""

    def build_index(
        self, encoding: str, kind: IndexKind = "signs", on_estimate: OnEstimate | None = None
    ) -> IndexSummary:
        """The index of an encoding's gradients, finished; `trace` and tda.nearest take it where they are asked to.

        on_estimate: told what it will take before it begins; what that raises stops it
        """
        from trackstar_db.search.indexes import build_index

        return build_index(self._current, encoding, kind, on_estimate)

    def drop_index(self, encoding: str, kind: IndexKind | None = None) -> list[str]:
        """The kinds of an encoding's indexes that are gone: one, or all that there were."""
        from trackstar_db.search.indexes import drop_index

        return drop_index(self._current, encoding, kind)

    def indexes(self, encoding: str | None = None) -> list[dict[str, Any]]:
        """Every index, of one encoding or of all, a mapping each: kind, state and bytes."""
        from trackstar_db.search.indexes import list_indexes

        return list_indexes(self._current, encoding)
