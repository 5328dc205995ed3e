"""Claims of a source that a document states a fact; either may be loaded later."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from trackstar_db.database.queries import query
from trackstar_db.loaders.staging import Staged, stage


def annotate(connection: Connection[TupleRow], pairs: Sequence[Staged]) -> None:
    """Nothing; the (fact id, document's external id) pairs are kept.

    A load adds annotations and takes none away: another source may have claimed them too.
    """
    if pairs:
        stage(connection, "annotation", pairs)
        connection.execute(query("load_annotation_insert"))
