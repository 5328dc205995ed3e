"""The part of the store that says who may read which corpus."""

from __future__ import annotations

from typing import Any

from trackstar_db.store_base import OpenStore


class Grants(OpenStore):
    """Grants of corpora to roles, which readers of the schema tda are held to."""

    def grant_corpus(self, corpus: str | None, role: str) -> tuple[str, ...]:
        """What is to be said; a role may read a corpus now, or with None every corpus, those to come too."""
        from trackstar_db.database.grants import grant_corpus

        return grant_corpus(self._current, corpus, role)

    def revoke_corpus(self, corpus: str | None, role: str) -> tuple[str, ...]:
        """What is to be said; the grant of a corpus, or with None every grant of the role, is taken back."""
        from trackstar_db.database.grants import revoke_corpus

        return revoke_corpus(self._current, corpus, role)

    def grants(self) -> list[dict[str, Any]]:
        """Every grant, a mapping each: role, corpus (None: every corpus), granted_at, has_role.

        Raises DatabaseUnsuitable where the database's role may not see them.
        """
        from psycopg.errors import InsufficientPrivilege

        from trackstar_db.database.grants import list_grants
        from trackstar_db.errors import DatabaseUnsuitable

        try:
            return list_grants(self._current)
        except InsufficientPrivilege as error:
            raise DatabaseUnsuitable(
                "The database role may not see every grant, but those of the corpora that it reads: "
                'trackstar sql -c "SELECT * FROM tda.corpus_grant"'
            ) from error
