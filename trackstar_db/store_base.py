"""A database that is open: what every part of the store stands on."""

from __future__ import annotations

from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from trackstar_db.database.engine import Database, open_database

if TYPE_CHECKING:
    from typing_extensions import Self

    from trackstar_db.database.schema import SchemaState, Status


class OpenStore:
    """A connection to one trackstar database, made where it is first needed."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(cls, url: str | None = None) -> Self:
        """The store at a URL, else at TRACKSTAR_DATABASE_URL or DATABASE_URL, else on the embedded server."""
        return cls(open_database(url))

    @cached_property
    def _current(self) -> Database:
        """The database, at the code's revision; raises SchemaOutOfDate otherwise."""
        from trackstar_db.database.schema import require_current

        require_current(self.database)
        return self.database

    def close(self) -> None:
        """Give back every connection; the embedded server goes on for other processes."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def initialize(self) -> SchemaState:
        """The schema, created or upgraded to the code's revision."""
        from trackstar_db.database.schema import initialize

        return initialize(self.database)

    def status(self) -> Status:
        """Versions, revision, rows and unfinished work."""
        from trackstar_db.database.schema import status

        return status(self.database)
